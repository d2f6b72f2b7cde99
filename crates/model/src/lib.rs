//! The words of Stillhere as types: what the stages say to each other and what is kept.
//!
//! No I/O, no async, no clock, no randomness: time and entropy come in as parameters, so
//! that everything that decides can be replayed. `docs/words.md` has one meaning per word.

pub mod command;
pub mod duration;
pub mod edge;
pub mod eta;
pub mod id;
pub mod incident;
pub mod journal;
pub mod link;
pub mod maintenance;
pub mod message;
pub mod observation;
pub mod person;
pub mod sketch;
pub mod subscriber;
pub mod template;
pub mod text;
pub mod time;
pub mod topology;
pub mod verdict;

pub use command::{Accepted, Command, Refusal};
pub use eta::{Basis, Eta, EtaRecord, EtaScore};
pub use id::{
    CheckId, DeliveryId, IncidentId, LinkId, MaintenanceId, Mint, NewsId, NoteId, PersonId, PreventionId,
    ServiceId, SubscriberId, UpdateId, VantageId,
};
pub use incident::{
    Acknowledgement, Affected, Amendment, Author, Impact, Incident, IncidentStatus, Prevention, Promise,
    Said, Update, Withdrawn, WithdrawnWhy,
};
pub use journal::Entry;
pub use link::{Link, LinkRefusal};
pub use maintenance::{Maintenance, MaintenanceStatus};
pub use message::{Audience, ChatApp, Occasion, OutboxMessage, Payload, Personal, Receipt};
pub use observation::{Finding, Observation, Outcome, Phases, Side};
pub use person::{Act, By, Person, Role, With};
pub use subscriber::{Letter, News, Pace, Parcel, Subscriber, SubscriberState, Telling, Way, What, Wish};
pub use text::{Lang, Text};
pub use time::{Moment, Time};
pub use topology::{CheckDef, Quorum, ServiceDef, Severity, Topology};
pub use verdict::{CheckView, Reason, Status, Verdict, VerdictChange};
