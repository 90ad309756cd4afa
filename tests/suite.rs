//! All tests that need a world, in one program: folders beside.

mod attacks;
mod cases;
mod change;
mod commands;
mod corpora;
mod drivers;
mod dump;
mod fuzz;
mod total;
mod tpch;
mod twins;
mod types;
mod wire;
