//! The test bench: a world, clients, canaries; and the folders beside.

pub mod canary;
pub mod client;
pub mod data;
pub mod recorder;
pub mod rng;
pub mod stage;
pub mod version;
pub mod world;
