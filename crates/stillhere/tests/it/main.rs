//! The whole program from outside, and the rules of the workspace itself.

mod cli;
mod copy;
mod demo;
mod direction;
mod doctor;
mod drill;
mod edge;
mod eta;
mod exim;
mod hooks;
mod hours;
mod notes;
mod outage;
mod people;
mod record;
mod running;
mod settings;
mod subscribers;
