//! The proxy: frames in, a judgement on text, frames out.

pub mod audit;
pub mod cancel;
pub mod command;
pub mod config;
pub mod conversation;
pub mod counters;
pub mod demo;
pub mod error;
pub mod fatal;
pub mod judgement;
pub mod keepalive;
pub mod log;
pub mod login;
pub mod lookup;
pub mod relay;
pub mod rows;
pub mod rules;
pub mod scrub;
pub mod serve;
pub mod snapshot;
pub mod upstream;
pub mod users;
pub mod wire;
