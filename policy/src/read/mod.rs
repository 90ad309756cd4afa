//! SQL text to a tree that two parsers agree on, and back to text.
