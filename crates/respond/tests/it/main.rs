//! Respond as the node drives it: verdicts, ticks and commands in, effects out.

mod acknowledge;
mod causes;
mod commands;
mod corrections;
mod etas;
mod maintenance;
mod ours;
mod preventions;
mod promises;
mod properties;
mod recovery;
mod restart;
mod room;
