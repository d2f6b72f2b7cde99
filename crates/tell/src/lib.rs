//! Tell: everything the public reads, cut from one [`Snapshot`], so that page, API, feed, badge,
//! notice, mail and webhook cannot disagree.
//!
//! Pure: no I/O, no clock, no randomness. What is rendered depends on the arguments alone, so a page
//! can be cached by snapshot, language and [`page::View`].

pub mod act;
pub mod away;
pub mod badge;
pub mod calendar;
pub mod clean;
pub mod client;
pub mod feed;
pub mod fill;
pub mod headline;
pub mod live;
pub mod logo;
pub mod message;
pub mod note;
pub mod notice;
pub mod page;
pub mod postmortem;
pub mod publish;
pub mod snapshot;
pub mod statuspage;
pub mod subscribe;
pub mod timeline;
pub mod visitors;
pub mod words;

#[cfg(test)]
mod sample;

pub use headline::{Headline, headline};
pub use logo::{Logo, Picture};
pub use message::ChannelKind;
pub use page::View;
pub use snapshot::{Contact, Day, LatencyPoint, Offer, OwnTrouble, ServiceView, Site, Snapshot};
