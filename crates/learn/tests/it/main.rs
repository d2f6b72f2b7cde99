//! The method against pasts, and against hostile ones.

mod backtest;
mod cases;
mod laws;
mod outages;
mod streams;
