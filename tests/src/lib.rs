//! The test bench: clients, canaries, and the folders beside.

pub mod canary;
pub mod client;
pub mod rng;
