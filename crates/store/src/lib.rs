//! What is kept, and the only place that speaks SQL.
//!
//! One file, one writer. [`Store::commit`] writes state, journal and outbox in one transaction and returns only
//! after the disk has them. Everything a person reads comes from a second, read-only pool, so that a visitor
//! never waits for a write, nor a write for a visitor.

mod answer;
mod backup;
mod chunk;
mod commit;
mod error;
mod link;
mod live;
mod load;
mod names;
mod note;
mod open;
mod outbox;
mod pack;
mod people;
mod read;
mod record;
mod redact;
mod rollup;
mod schema;
mod setting;
mod sketch;
mod stats;
mod subscriber;
mod sweep;
mod token;
mod writer;

pub use answer::{ANSWERS_KEPT, ANSWERS_MAX, Answered};
pub use backup::{Restored, restore};
pub use error::StoreError;
pub use load::{Loaded, RESOLVED};
pub use note::{NOTES_MAX, NewNote, Note, Noted, TakenOut};
pub use open::{FILE, Options, Retention};
pub use outbox::{ChannelQueue, Claimed, DeadLetter, QUEUE_MAX, Settled};
pub use people::{
    Account, BROWSERS_MAX, Browser, Code, INVITED_FOR, NewSession, PASSKEYS_MAX, PEOPLE_MAX, Passkey,
    PeopleError, PersonInfo, Question, Refused, SESSION_IDLE, SESSION_MAX, SESSIONS_MAX, SETUP_FOR, Session,
    SessionInfo, Subject, Ticket,
};
pub use read::{JournalPage, JournalRow, Segment};
pub use record::{Found, Log, Recorded, TextBeside, WITNESSES_MAX};
pub use redact::{Redacted, TAKEN_OUT, find_text, redact};
pub use rollup::{Level, Rollup};
pub use setting::{Setting, SettingWrite, Settings, settings_in};
pub use sketch::Sketch;
pub use stats::Stats;
pub use subscriber::{
    ASKED_KEPT, ASKED_MAX, ASKS_A_DAY, ASKS_AN_HOUR, Asking, Awaited, BOUNCES_KEPT, Bounce, Bounced,
    ClaimedParcel, Confirmed, Export, ExportedMessage, FanoutView, HandedOut, ONCE_KEPT, ONCE_MAX, Outcome,
    PARCELS_WAITING, Progress, QUESTION_TRIES, RECEIPTS_KEPT, States, Stopped,
};
pub use sweep::Swept;
pub use token::{Grant, NewToken, TokenInfo, TokenScope};

use std::sync::Arc;
use stillhere_model::{
    Amendment, CheckId, Incident, IncidentId, Link, LinkId, Maintenance, Observation, ServiceId, Time,
    VerdictChange, journal::Entry, message::OutboxMessage, subscriber::News,
};

/// The store of one data folder. Cheap to clone.
#[derive(Clone)]
pub struct Store(pub(crate) Arc<open::Inner>);

/// Everything that one decision changes. Written wholly or not at all.
///
/// What becomes of outbox messages (`Queued`, `Delivered`, `DeadLettered`, `SentAgain`) is journalled by the
/// store itself, in the same transaction; such entries do not belong in `journal`.
#[derive(Debug, Clone, Default)]
pub struct Write {
    pub observations: Vec<Observation>,
    pub verdicts: Vec<VerdictChange>,
    /// Services that are no longer watched: their record ends here.
    pub retired: Vec<(ServiceId, Time)>,
    pub incidents: Vec<Incident>,
    pub maintenances: Vec<Maintenance>,
    pub amendments: Vec<Amendment>,
    pub journal: Vec<(Time, Entry)>,
    pub outbox: Vec<OutboxMessage>,
    /// For subscribers: one row each, whoever many they are.
    pub news: Vec<News>,
    /// Staff messages about these incidents that no attempt is under way for are taken back.
    pub withdraw: Vec<IncidentId>,
    pub gaps: Vec<(Time, Time)>,
    pub alive_at: Option<Time>,
    pub seq: Option<u64>,
    pub push: Vec<(CheckId, String)>,
    /// What of this is public, for the log. In the same transaction: neither is ever without the other.
    pub record: Option<Recorded>,
    /// Answers to be given again when the same is asked under the same key.
    pub answers: Vec<Answered>,
    /// Links that go out with this write, and those that something was published with.
    pub links: Vec<Link>,
    pub links_used: Vec<(LinkId, Time)>,
    /// What was made, changed or removed in the console.
    pub settings: Vec<SettingWrite>,
}

// === impl Write ===

impl Write {
    /// Nothing but looks: may wait for the next batch.
    #[must_use]
    pub fn is_ordinary(&self) -> bool {
        self.verdicts.is_empty()
            && self.retired.is_empty()
            && self.incidents.is_empty()
            && self.maintenances.is_empty()
            && self.amendments.is_empty()
            && self.journal.is_empty()
            && self.outbox.is_empty()
            && self.news.is_empty()
            && self.withdraw.is_empty()
            && self.gaps.is_empty()
            && self.push.is_empty()
            && self.record.is_none()
            && self.answers.is_empty()
            && self.links.is_empty()
            && self.links_used.is_empty()
            && self.settings.is_empty()
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Store").field(&self.0.path).finish()
    }
}
