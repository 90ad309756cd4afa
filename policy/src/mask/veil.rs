//! Masks as SQL expressions.
