//! The append-only record of everything that was decided and said.

use crate::{
    command::Command,
    eta::Eta,
    id::{DeliveryId, IncidentId, MaintenanceId, NewsId, ServiceId},
    incident::{Acknowledgement, Amendment, Prevention, Promise, Update},
    message::Occasion,
    person::Act,
    subscriber::Way,
    time::Time,
    verdict::{Reason, Status},
};
use serde::{Deserialize, Serialize};

/// One entry. Written in the same transaction as the state it changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case")]
pub enum Entry {
    Started {
        version: String,
    },
    Stopped,
    /// Nothing is known between these times: Stillhere was off, frozen, or the clock was wrong.
    Gap {
        from: Time,
        until: Time,
    },
    ClockJumped {
        by_ms: i64,
    },
    ConfigApplied {
        summary: String,
    },
    ConfigRefused {
        error: String,
    },
    Verdict {
        service: ServiceId,
        before: Option<Status>,
        now: Status,
        since: Time,
        reason: Reason,
    },
    IncidentOpened {
        incident: IncidentId,
        services: Vec<ServiceId>,
        why: String,
    },
    IncidentJoined {
        incident: IncidentId,
        service: ServiceId,
        why: String,
    },
    IncidentReopened {
        incident: IncidentId,
        service: ServiceId,
    },
    IncidentSaid {
        incident: IncidentId,
        update: Update,
    },
    IncidentResolved {
        incident: IncidentId,
    },
    Amended {
        amendment: Amendment,
    },
    PromiseMade {
        incident: IncidentId,
        promise: Promise,
    },
    PromiseKept {
        incident: IncidentId,
        promise: Promise,
    },
    PromiseMissed {
        incident: IncidentId,
        promise: Promise,
    },
    /// It will not be kept here; the promise says why.
    PromiseWithdrawn {
        incident: IncidentId,
        promise: Promise,
    },
    /// The responder was reminded of a promise, for the `nth` time.
    Nagged {
        incident: IncidentId,
        due: Time,
        nth: u32,
    },
    /// A person took it on. The first one since the opening ends the time to acknowledge.
    Acknowledged {
        incident: IncidentId,
        acknowledgement: Acknowledgement,
    },
    /// Nobody had taken it on, and staff were told again, for the `nth` time.
    CalledAgain {
        incident: IncidentId,
        nth: u32,
    },
    /// Another time was given by which it is likely to be over, or none any more.
    EtaShown {
        incident: IncidentId,
        eta: Eta,
        why: String,
    },
    /// The time that was given has passed, and it is not over.
    EtaPassed {
        incident: IncidentId,
        by: Time,
    },
    MaintenanceChanged {
        maintenance: MaintenanceId,
        status: String,
    },
    Commanded {
        by: String,
        /// The address it came from, if it came over the network.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<String>,
        command: Command,
    },
    /// Somebody did something that is about access or running.
    Acted {
        by: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<String>,
        act: Act,
    },
    Uplink {
        up: bool,
    },
    /// Looks that were due and not begun in time, since the last such entry.
    FellBehind {
        looks: u64,
    },
    Queued {
        delivery: DeliveryId,
        channel: String,
    },
    Delivered {
        delivery: DeliveryId,
        channel: String,
        attempts: u32,
    },
    DeadLettered {
        delivery: DeliveryId,
        channel: String,
        reason: String,
    },
    /// The far side may have taken it before we went down; sent again under the same id.
    SentAgain {
        delivery: DeliveryId,
        channel: String,
    },
    /// As it is from now on.
    PreventionChanged {
        incident: IncidentId,
        prevention: Prevention,
    },
    /// Links in mails to staff open nothing any more; `None`: of all incidents.
    LinksRevoked {
        incident: Option<IncidentId>,
        links: u64,
    },
    /// Somebody confirmed that they want to be told. `who` is a keyed hash: the address is nowhere in the journal.
    SubscriberJoined {
        who: String,
        way: Way,
    },
    SubscriberChanged {
        who: String,
    },
    /// With everything that was known of them.
    SubscriberLeft {
        who: String,
        why: String,
    },
    /// The far side said that nobody is there. `why` holds nothing of the address; entries of earlier versions have none.
    SubscriberSilenced {
        who: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    SubscriberExported {
        who: String,
        by: String,
    },
    /// For all subscribers who want it.
    NewsWritten {
        news: NewsId,
        occasion: Occasion,
    },
    /// Everybody who is reached this way was told, or could not be. `left`: went away before their turn.
    NewsTold {
        news: NewsId,
        way: Way,
        delivered: u64,
        failed: u64,
        left: u64,
    },
    /// In journals of before there were people; now an [`Act`].
    TokenMade {
        name: String,
    },
    /// As `TokenMade`.
    TokenRevoked {
        name: String,
    },
    Restored {
        epoch: u64,
    },
}
