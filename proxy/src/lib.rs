//! The proxy: frames in, a judgement on text, frames out.

pub mod cancel;
pub mod command;
pub mod config;
pub mod demo;
pub mod error;
pub mod fatal;
pub mod log;
pub mod login;
pub mod serve;
pub mod upstream;
pub mod users;
pub mod wire;
