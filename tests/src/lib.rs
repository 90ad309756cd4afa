//! The test bench: see the folders beside.

pub mod world;
