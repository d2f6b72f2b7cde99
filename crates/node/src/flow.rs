//! The flow: observations are judged, verdicts are responded to, and what was decided is committed, all in one task.
//!
//! State, journal and outbox go to disk in one transaction. Only after the commit does anybody hear of it: the page,
//! the channels, the caller of a command. A deciding observation is committed at once; ordinary ones wait for
//! company ([`BATCH_WAIT`], [`BATCH_ROWS`]), because nobody is waiting for them.
//!
//! When the store fails, what was decided stays in memory and is tried again until it is on disk. Meanwhile nothing
//! new is said, new observations wait in their bounded queue, and the page's own rule of freshness says that there is no
//! fresh news (case a, case c). The alternative, deciding again later, would date outages wrongly.

mod apply;
mod commit;
pub(crate) mod learn;
mod record;
mod request;
mod time;

use crate::{
    channels::Channels, deliver::Post, edges::Edges, handle::Request, heartbeats::Heartbeats, observe::Ask,
    public::Public, reload::Loaded, settings::Settings, subscribers::Subscribers, uplink::Guard,
    vitals::Vitals,
};
use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};
use stillhere_access::Access;
use stillhere_judge::{Input as JudgeInput, Look};
use stillhere_model::{
    Accepted, Audience, CheckId, Entry, Finding, Mint, Moment, Observation, Occasion, Outcome, Refusal,
    ServiceId, Status, Time, Topology, VerdictChange, time::millis,
};
use stillhere_net::clock::Clock;
use stillhere_respond::{Effect, Input as RespondInput};
use stillhere_store::{Store, Write};
use stillhere_tell::{Snapshot, notice::Key, snapshot::LatencyPoint};
use tokio::sync::{Notify, mpsc, watch};

/// Observations that may wait for the judge. At 1,000 looks a second this is a minute of a store that does not answer.
pub(crate) const SEEN_MAX: usize = 65_536;
/// Requests (commands, heartbeats) that may wait.
pub(crate) const REQUESTS_MAX: usize = 1_024;
/// How long ordinary observations wait for company before they are committed.
const BATCH_WAIT: Duration = Duration::from_millis(200);
/// How many at most are committed together.
const BATCH_ROWS: usize = 500;
/// Requests that are answered by one commit.
const REQUESTS_A_ROUND: usize = 64;
/// How often time itself is looked at: freshness, promises, heartbeats, maintenance, clock jumps.
const TICK: Duration = Duration::from_millis(500);
/// Off for longer than this, and the time in between is a gap.
const OFF: Duration = Duration::from_secs(10);
/// Rounds of judge → respond → judge that one input may take. Each declaration needs one more.
const ROUNDS_MAX: usize = 16;

/// What the observers hand to the judge.
pub(crate) enum Seen {
    Look(Observation),
    /// A look that was due and could not begin.
    Skipped(Observation),
    Uplink {
        up: bool,
    },
    /// A certificate of an edge has so many days left.
    Certificate {
        check: CheckId,
        days: u32,
    },
    /// The latency of the last day, read after the start.
    Picture {
        check: CheckId,
        points: Vec<LatencyPoint>,
    },
}

pub(crate) struct Flow {
    pub(crate) clock: Clock,
    pub(crate) store: Store,
    pub(crate) loaded: Loaded,
    pub(crate) judge: stillhere_judge::State,
    pub(crate) respond: stillhere_respond::State,
    pub(crate) history: stillhere_learn::History,
    pub(crate) prior: stillhere_learn::Prior,
    /// When the estimates were last looked at; `None` when an incident has changed since.
    pub(crate) learnt_at_ms: Option<i64>,
    pub(crate) public: Public,
    pub(crate) heartbeats: Heartbeats,
    pub(crate) channels: Channels,
    /// That are alerted, as last read.
    pub(crate) browsers: Vec<(stillhere_model::Person, stillhere_store::Browser)>,
    pub(crate) alerts: crate::alerts::Alerts,
    pub(crate) edges: Edges,
    pub(crate) subscribers: Subscribers,
    pub(crate) oidc: crate::oidc::Oidc,
    pub(crate) mint: Mint,
    pub(crate) vitals: Arc<Vitals>,
    pub(crate) asks: mpsc::Sender<Ask>,
    pub(crate) guard: Arc<Guard>,
    pub(crate) snapshots: watch::Sender<Arc<Snapshot>>,
    pub(crate) staff_snapshots: watch::Sender<Arc<Snapshot>>,
    pub(crate) notices: watch::Sender<Arc<str>>,
    pub(crate) topology: watch::Sender<Arc<Topology>>,
    pub(crate) settings: watch::Sender<Arc<Settings>>,
    /// The highest version that was given out.
    pub(crate) settings_version: u64,
    pub(crate) access: Arc<Access>,
    pub(crate) key: Arc<Key>,
    pub(crate) book: crate::record::Book,
    pub(crate) outbox: Arc<Notify>,
    pub(crate) post: Post,
    pub(crate) pending: Pending,
    pub(crate) certificates: HashMap<CheckId, u32>,
    pub(crate) skipped: u64,
    pub(crate) uplink_down_since: Option<Time>,
    pub(crate) behind_since: Option<Moment>,
    pub(crate) last_tick: Moment,
    pub(crate) last_refresh_ms: i64,
    pub(crate) last_renew_ms: i64,
}

/// What was decided and is not on disk yet, and who waits for it.
#[derive(Default)]
pub(crate) struct Pending {
    pub(crate) write: Write,
    /// Must not wait for company.
    deciding: bool,
    since_ms: Option<i64>,
    announce: Vec<(Occasion, Audience, Time)>,
    looks: Vec<Ask>,
    replies: Vec<Box<dyn FnOnce() + Send>>,
    /// By how much the wall clock was set: what waits in the outbox waits as long as before.
    jumped_ms: i64,
}

// === impl Flow ===

impl Flow {
    /// Until stopped; gives back what is still delivering.
    pub(crate) async fn run(
        mut self,
        mut seen: mpsc::Receiver<Seen>,
        mut requests: mpsc::Receiver<Request>,
        mut stop: watch::Receiver<bool>,
    ) -> Post {
        let mut batch = Vec::with_capacity(BATCH_ROWS);
        let mut asked = Vec::with_capacity(REQUESTS_A_ROUND);
        loop {
            let now = self.clock.now();
            let mut wake = self.last_tick.mono_ms + millis(TICK);
            if let Some(since) = self.pending.since_ms {
                wake = wake.min(since + millis(BATCH_WAIT));
            }
            let wait = Duration::from_millis(u64::try_from(wake - now.mono_ms).unwrap_or(0));
            let stopping = tokio::select! {
                biased;
                () = until_true(&mut stop) => true,
                Some(request) = requests.recv() => {
                    asked.push(request);
                    false
                }
                n = seen.recv_many(&mut batch, BATCH_ROWS) => n == 0,
                () = tokio::time::sleep(wait) => false,
            };
            // Both queues in every round: neither a flood of requests nor one of looks starves the other.
            while asked.len() < REQUESTS_A_ROUND
                && let Ok(request) = requests.try_recv()
            {
                asked.push(request);
            }
            while batch.len() < BATCH_ROWS
                && let Ok(what) = seen.try_recv()
            {
                batch.push(what);
            }
            for request in asked.drain(..) {
                self.requested(request).await;
            }
            let now = self.clock.now();
            for what in batch.drain(..) {
                self.seen(what, now);
            }
            if now.mono_ms - self.last_tick.mono_ms >= millis(TICK) {
                self.tick(now);
            }
            if stopping {
                self.pending.write.journal.push((now.wall, Entry::Stopped));
                self.pending.deciding = true;
            }
            self.estimate(now);
            if self.commit_is_due(now) {
                self.commit(&mut stop).await;
            }
            if stopping {
                return self.post;
            }
        }
    }

    /// The first things: what is not known since we were last alive, and what `respond` goes on with. Its tick comes
    /// before the judge's: it says again what people declared and which maintenance is under way.
    pub(crate) fn begin(&mut self, alive_at: Option<Time>, now: Moment) {
        if let Some(at) = alive_at {
            self.heartbeats.was_deaf(at, now);
        }
        self.pending.write.journal.push((now.wall, crate::start::started()));
        self.respond(RespondInput::Tick, now);
        if let Some(from) = alive_at.filter(|at| now.wall.since(*at) > OFF) {
            self.gap(from, now.wall, now);
        }
        let changes = self.judged(JudgeInput::Tick, now);
        self.verdicts(changes, now);
        self.plan_maintenance(now);
        self.pending.deciding = true;
    }

    fn seen(&mut self, what: Seen, now: Moment) {
        match what {
            Seen::Look(observation) => self.observed(observation, now),
            Seen::Skipped(observation) => {
                self.skipped += 1;
                self.observed(observation, now);
            }
            Seen::Certificate { check, days } => {
                self.respond(RespondInput::Certificate { check, days }, now);
            }
            Seen::Picture { check, points } => self.public.picture(&check, points),
            Seen::Uplink { up } => {
                self.vitals.uplink_up.store(u64::from(up), Relaxed);
                self.uplink_down_since = (!up).then_some(now.wall);
                let changes = self.judged(JudgeInput::Uplink { up }, now);
                self.verdicts(changes, now);
                self.respond(RespondInput::Uplink { up }, now);
                self.troubles(now);
            }
        }
    }

    fn observed(&mut self, observation: Observation, now: Moment) {
        self.public.looked(&observation);
        self.certificate(&observation, now);
        let changes = self.judged(JudgeInput::Observed(&observation), now);
        self.pending.write.observations.push(observation);
        self.pending.since_ms.get_or_insert(now.mono_ms);
        self.verdicts(changes, now);
    }

    /// Tells `respond` when the days that a certificate has left are others than at the last look.
    fn certificate(&mut self, o: &Observation, now: Moment) {
        let days = match o.finding {
            Some(Finding::TlsExpiresSoon { days }) => days,
            // Renewed: a look that is good and has nothing to remark.
            None if o.outcome == Outcome::Up && self.certificates.contains_key(&o.check) => u32::MAX,
            _ => return,
        };
        let before = if days == u32::MAX {
            self.certificates.remove(&o.check)
        } else {
            self.certificates.insert(o.check.clone(), days)
        };
        if before != Some(days) {
            self.respond(RespondInput::Certificate { check: o.check.clone(), days }, now);
        }
    }

    /// Asks the judge; queues the looks it wants.
    fn judged(&mut self, input: JudgeInput<'_>, now: Moment) -> Vec<VerdictChange> {
        let step = stillhere_judge::step(&mut self.judge, &self.loaded.topology, input, now);
        for look in step.looks {
            self.pending.looks.push(match look {
                Look::Recheck { check, after } => Ask::Look { check, after, recheck: true },
                Look::Now { check, .. } => Ask::Look { check, after: Duration::ZERO, recheck: false },
            });
        }
        step.changes
    }

    fn verdicts(&mut self, changes: Vec<VerdictChange>, now: Moment) {
        if changes.is_empty() {
            return;
        }
        self.note(&changes, now);
        self.respond(RespondInput::Verdicts(&changes), now);
        self.pending.write.verdicts.extend(changes);
    }

    /// Makes new verdicts public (after the commit) and puts them into the journal.
    fn note(&mut self, changes: &[VerdictChange], now: Moment) {
        self.public.verdicts(changes, now.wall);
        self.vitals.verdict_changes.fetch_add(changes.len() as u64, Relaxed);
        for c in changes {
            tracing::info!(
                service = %c.now.service, before = c.before.map(Status::as_str), now = c.now.status.as_str(),
                since = %c.now.since, reason = ?c.now.reason, "the verdict changed"
            );
            self.pending.write.journal.push((
                now.wall,
                Entry::Verdict {
                    service: c.now.service.clone(),
                    before: c.before,
                    now: c.now.status,
                    since: c.now.since,
                    reason: c.now.reason.clone(),
                },
            ));
        }
        self.pending.deciding = true;
    }

    /// Asks `respond`, and carries out what it says, which may be news to the judge, and so on.
    pub(crate) fn respond(
        &mut self,
        input: RespondInput<'_>,
        now: Moment,
    ) -> Option<Result<Accepted, Refusal>> {
        let step = stillhere_respond::step(
            &mut self.respond,
            &self.loaded.policy,
            &self.loaded.topology,
            input,
            now,
            &mut self.mint,
        );
        let mut effects = step.effects;
        for _ in 0..ROUNDS_MAX {
            let mut changes = Vec::new();
            for effect in std::mem::take(&mut effects) {
                self.effect(effect, now, &mut changes);
            }
            if changes.is_empty() {
                return step.outcome;
            }
            self.note(&changes, now);
            let more = stillhere_respond::step(
                &mut self.respond,
                &self.loaded.policy,
                &self.loaded.topology,
                RespondInput::Verdicts(&changes),
                now,
                &mut self.mint,
            );
            self.pending.write.verdicts.extend(changes);
            effects = more.effects;
        }
        tracing::error!("judge and respond did not come to rest in {ROUNDS_MAX} rounds");
        step.outcome
    }

    fn effect(&mut self, effect: Effect, now: Moment, changes: &mut Vec<VerdictChange>) {
        self.pending.deciding = true;
        match effect {
            Effect::Incident(incident) => {
                self.public.incident(&incident, now.wall);
                self.learn(&incident);
                let incidents = &mut self.pending.write.incidents;
                incidents.retain(|i| i.id != incident.id);
                incidents.push(*incident);
            }
            Effect::Maintenance(maintenance) => {
                self.public.maintenance(&maintenance);
                let maintenances = &mut self.pending.write.maintenances;
                maintenances.retain(|m| m.id != maintenance.id);
                maintenances.push(*maintenance);
            }
            Effect::Declare { incident, services } => {
                changes.extend(self.judged(JudgeInput::Declared { incident, services }, now));
            }
            Effect::MaintenanceActive { id, services, expect, active } => {
                changes.extend(self.judged(JudgeInput::Maintenance { id, services, expect, active }, now));
            }
            Effect::LookNow { services } => self.look_now(&services),
            Effect::Announce { occasion, audience, not_before } => {
                self.pending.announce.push((occasion, audience, not_before));
            }
            Effect::Withdraw { incident } => {
                self.pending
                    .announce
                    .retain(|(o, a, _)| *a != Audience::Staff || o.incident() != Some(incident));
                self.pending.write.withdraw.push(incident);
            }
            Effect::Amend(amendment) => {
                self.public.amend(&amendment, now.wall);
                self.pending.write.amendments.push(amendment);
            }
            Effect::Journal(entry) => self.pending.write.journal.push((now.wall, entry)),
        }
    }

    fn look_now(&mut self, services: &[ServiceId]) {
        for id in services {
            for check in self.loaded.topology.service(id).map(|s| s.checks.clone()).unwrap_or_default() {
                self.pending.looks.push(Ask::Look { check, after: Duration::ZERO, recheck: false });
            }
        }
    }
}

/// The watched value's guard must not live across an await, hence the block.
async fn until_true(flag: &mut watch::Receiver<bool>) {
    let _ = flag.wait_for(|f| *f).await;
}

fn first_line(s: &str) -> String {
    s.lines().next().unwrap_or_default().to_owned()
}
