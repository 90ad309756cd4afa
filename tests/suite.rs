//! All tests that need a world, in one program: folders beside.

mod attacks;
mod cases;
mod corpora;
mod drivers;
mod fuzz;
mod twins;
mod wire;
