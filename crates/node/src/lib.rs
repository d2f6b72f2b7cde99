//! One core node: what runs when Stillhere is up.
//!
//! ```text
//! observe ──Seen──▶ flow: judge → respond → commit ──▶ snapshots (web) and outbox (deliver)
//! uplink  ──Seen──▶   ▲            (one transaction)
//! web, CLI ─Request───┘
//! ```
//! [`Node::start`] wires the tasks together; each of them is one file. They end by one signal, in the order of
//! the flow: nothing new is looked at, what was seen is judged and committed, what is being delivered is settled.

mod alerts;
mod channels;
mod deliver;
mod edges;
mod fill;
mod flow;
mod handle;
mod heartbeats;
mod key;
mod link;
mod notes;
mod observe;
mod oidc;
mod once;
mod public;
mod publish;
mod record;
mod reload;
mod settings;
mod source;
mod start;
mod subscribers;
mod uplink;
mod vitals;
mod watch_outbox;

pub use alerts::{AlertError, Alerts};
pub use edges::{Counted, EdgeView, Edges, Ends, OrderError, Part};
pub use fill::Previewed;
pub use handle::{CommandError, Handle, PushError};
pub use link::{ActError, LinkAct, Opened};
pub use oidc::{BACK, Begun, Named, Oidc, ProviderError};
pub use once::{Done, Once};
pub use record::{Piece, Record, texts_json};
pub use reload::rehearse;
pub use settings::{Change, Kept, SettingError, Settings, TriedChannel, TriedCheck, What, looked_at};
pub use source::{Over, Source};
pub use start::Node;
pub use stillhere_config::console::{Kind, Why, without_secrets};
pub use stillhere_send::mail::bounce::BOUNCE_BYTES;
pub use subscribers::{AskError, Browser, Purpose, Returned, Subscribers};
pub use vitals::{LAG_BOUNDS_MS, Vitals};
