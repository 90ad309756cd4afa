//! The test bench: see the folders beside.
