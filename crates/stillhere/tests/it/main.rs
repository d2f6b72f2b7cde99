//! The whole program from outside, and the rules of the workspace itself.

mod direction;
mod outage;
mod running;
