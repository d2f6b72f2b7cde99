//! Keeps what is public at hand, and cuts snapshots from it.
//!
//! A change touches only the views of the services it names; everything else is shared with the snapshot before.
//! Bars are computed anew for changed services at once and for all of them once a minute, because today grows.

use sketches_ddsketch::{Config as SketchConfig, DDSketch};
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};
use stillhere_model::{
    Amendment, CheckId, EtaRecord, Incident, Maintenance, Observation, Outcome, ServiceDef, ServiceId, Time,
    Topology, Verdict, VerdictChange,
};
use stillhere_tell::{
    Snapshot,
    snapshot::{Day, LatencyPoint, OwnTrouble, ServiceView, Site},
    timeline::{self, Segment},
};

/// The latency picture: so many points, each over [`LATENCY_BUCKET`].
const LATENCY_POINTS: usize = 48;
const LATENCY_BUCKET: Duration = Duration::from_secs(30 * 60);
/// Resolved incidents on pages and in feeds, those that ended last; older ones are read from the store on their own page.
const HISTORY_MAX: usize = 100;
/// So many are at hand: those that are not for visitors push none out that is, as long as they are not more than half.
pub(crate) const HISTORY_KEPT: usize = stillhere_store::RESOLVED as usize;
/// Changes of one service kept in memory for its bars. A service that changes more often loses its oldest
/// stretch from the bars (it becomes "not recorded"), not from the store.
const SEGMENTS_MAX: usize = 20_000;

pub(crate) struct Public {
    pub(crate) epoch: u64,
    pub(crate) seq: u64,
    site: Site,
    zone: jiff::tz::TimeZone,
    /// Every service's view, those that visitors don't see included: staff messages name them.
    views: Vec<Arc<ServiceView>>,
    /// Whether visitors see it, for each view.
    shown: Vec<bool>,
    index: HashMap<ServiceId, usize>,
    segments: HashMap<ServiceId, VecDeque<Segment>>,
    gaps: Vec<(Time, Time)>,
    amendments: HashMap<ServiceId, Vec<Amendment>>,
    incidents: Vec<Incident>,
    history: VecDeque<Incident>,
    maintenances: Vec<Maintenance>,
    own: Vec<OwnTrouble>,
    eta_record: EtaRecord,
    latency: HashMap<CheckId, Latency>,
    last_look: Option<Time>,
    fresh_for: Duration,
}

/// What the store knew at the start.
pub(crate) struct Known {
    pub(crate) epoch: u64,
    pub(crate) seq: u64,
    pub(crate) segments: HashMap<ServiceId, VecDeque<Segment>>,
    pub(crate) gaps: Vec<(Time, Time)>,
    pub(crate) amendments: Vec<Amendment>,
    pub(crate) open: Vec<Incident>,
    pub(crate) resolved: Vec<Incident>,
    pub(crate) maintenances: Vec<Maintenance>,
}

/// The response times of one check: whole buckets as points, the running one as a sketch.
struct Latency {
    service: usize,
    points: VecDeque<LatencyPoint>,
    bucket: i64,
    sketch: DDSketch,
}

// === impl Public ===

impl Public {
    pub(crate) fn new(
        topology: &Topology,
        site: Site,
        fresh_for: Duration,
        verdicts: &[Verdict],
        known: Known,
        now: Time,
    ) -> Public {
        let mut amendments: HashMap<ServiceId, Vec<Amendment>> = HashMap::new();
        for a in known.amendments {
            amendments.entry(a.service.clone()).or_default().push(a);
        }
        let mut public = Public {
            epoch: known.epoch,
            seq: known.seq,
            zone: timeline::zone(&site.time_zone),
            site,
            views: Vec::new(),
            shown: Vec::new(),
            index: HashMap::new(),
            segments: known.segments,
            gaps: known.gaps,
            amendments,
            incidents: known.open,
            history: known.resolved.into_iter().take(HISTORY_KEPT).collect(),
            maintenances: known.maintenances,
            own: Vec::new(),
            eta_record: EtaRecord::default(),
            latency: HashMap::new(),
            last_look: None,
            fresh_for,
        };
        public.lay_out(topology, verdicts, HashMap::new(), now);
        public
    }

    /// A new configuration: other services, another site; what is known of those that stay is kept.
    pub(crate) fn reconfigure(
        &mut self,
        topology: &Topology,
        site: Site,
        fresh_for: Duration,
        verdicts: &[Verdict],
        now: Time,
    ) {
        self.zone = timeline::zone(&site.time_zone);
        self.site = site;
        self.fresh_for = fresh_for;
        let latency = std::mem::take(&mut self.latency)
            .into_iter()
            .map(|(check, l)| (check, l.points.into_iter().collect()))
            .collect();
        self.lay_out(topology, verdicts, latency, now);
        self.seq += 1;
    }

    fn lay_out(
        &mut self,
        topology: &Topology,
        verdicts: &[Verdict],
        mut latency: HashMap<CheckId, Vec<LatencyPoint>>,
        now: Time,
    ) {
        let verdicts: HashMap<&ServiceId, &Verdict> = verdicts.iter().map(|v| (&v.service, v)).collect();
        let services: &[ServiceDef] = &topology.services;
        self.index = services.iter().enumerate().map(|(i, s)| (s.id.clone(), i)).collect();
        self.shown = services.iter().map(|s| s.public).collect();
        self.latency.clear();
        let mut views = Vec::with_capacity(services.len());
        for (i, def) in services.iter().enumerate() {
            let verdict =
                verdicts.get(&def.id).expect("the judge has a verdict on every service of the topology");
            let mut points = Vec::new();
            // The picture is that of the service's first check: mixing kinds would draw a line that means nothing.
            if let Some(check) = def.checks.first() {
                points = latency.remove(check).unwrap_or_default();
                self.latency.insert(check.clone(), Latency::new(i, points.clone()));
            }
            let (days, uptime) = self.bars(&def.id, now);
            let segments = self.segments.get(&def.id);
            views.push(Arc::new(ServiceView {
                id: def.id.clone(),
                name: def.name.clone(),
                description: def.description.clone(),
                group: def.group.clone(),
                verdict: (*verdict).clone(),
                days: days.into(),
                uptime,
                latency: points,
                depends_on: def.depends_on.clone(),
                created_at: segments.and_then(|s| s.front()).map_or(now, |s| s.from),
                updated_at: segments.and_then(|s| s.back()).map_or(now, |s| s.from),
            }));
        }
        self.views = views;
    }

    fn bars(&self, service: &ServiceId, now: Time) -> (Vec<Day>, Option<f64>) {
        let empty = VecDeque::new();
        let mut segments: Vec<Segment> =
            self.segments.get(service).unwrap_or(&empty).iter().copied().collect();
        if let Some(last) = segments.last_mut() {
            last.until = None;
        }
        let amendments = self.amendments.get(service).map_or(&[][..], Vec::as_slice);
        let (mut days, uptime) = timeline::days(&segments, &self.gaps, amendments, now, &self.zone);
        timeline::mark(&mut days, self.incidents.iter().chain(&self.history), service, now, &self.zone);
        (days, uptime)
    }

    pub(crate) fn verdicts(&mut self, changes: &[VerdictChange], now: Time) {
        for change in changes {
            let v = &change.now;
            let segments = self.segments.entry(v.service.clone()).or_default();
            if segments.back().is_none_or(|last| last.status != v.status) {
                if let Some(last) = segments.back_mut() {
                    last.until = Some(v.since);
                }
                segments.push_back(Segment { from: v.since, until: None, status: v.status });
                if segments.len() > SEGMENTS_MAX {
                    segments.pop_front();
                }
            }
            if let Some(i) = self.index.get(&v.service).copied() {
                let (days, uptime) = self.bars(&v.service, now);
                let view = Arc::make_mut(&mut self.views[i]);
                view.verdict = v.clone();
                view.updated_at = v.since;
                view.days = days.into();
                view.uptime = uptime;
                self.seq += 1;
            }
        }
    }

    pub(crate) fn incident(&mut self, incident: &Incident, now: Time) {
        self.incidents.retain(|i| i.id != incident.id);
        self.history.retain(|i| i.id != incident.id);
        if incident.status.is_open() {
            self.incidents.push(incident.clone());
            self.incidents.sort_by_key(|i| (std::cmp::Reverse(i.started_at), i.id));
        } else {
            self.history.push_front(incident.clone());
            self.history.make_contiguous().sort_by_key(|i| (std::cmp::Reverse(i.resolved_at), i.id));
            self.history.truncate(HISTORY_KEPT);
        }
        self.seq += 1;
        let touched: Vec<ServiceId> = incident.affected.iter().map(|a| a.service.clone()).collect();
        self.refresh_bars(touched.iter(), now);
    }

    pub(crate) fn maintenance(&mut self, maintenance: &Maintenance) {
        self.maintenances.retain(|m| m.id != maintenance.id);
        self.maintenances.push(maintenance.clone());
        self.maintenances.sort_by_key(|m| (m.starts_at, m.id));
        self.seq += 1;
    }

    pub(crate) fn amend(&mut self, amendment: &Amendment, now: Time) {
        self.amendments.entry(amendment.service.clone()).or_default().push(amendment.clone());
        self.seq += 1;
        self.refresh_bars(std::iter::once(&amendment.service), now);
    }

    pub(crate) fn gap(&mut self, from: Time, until: Time, now: Time) {
        self.gaps.push((from, until));
        self.seq += 1;
        self.refresh_all(now);
    }

    pub(crate) fn trouble(&mut self, own: Vec<OwnTrouble>) {
        if self.own != own {
            self.own = own;
            self.seq += 1;
        }
    }

    pub(crate) fn eta_record(&mut self, record: EtaRecord) {
        if self.eta_record != record {
            self.eta_record = record;
            self.seq += 1;
        }
    }

    /// Takes note of a look. Not public by itself: the next snapshot carries it.
    pub(crate) fn looked(&mut self, o: &Observation) {
        if o.outcome != Outcome::Unknown && self.last_look.is_none_or(|t| t < o.at) {
            self.last_look = Some(o.at);
        }
        if let Some(latency) = self.latency.get_mut(&o.check)
            && let Some(points) = latency.add(o)
        {
            let i = latency.service;
            Arc::make_mut(&mut self.views[i]).latency = points;
        }
    }

    /// The points of the last day, read from the store after the start. Those of this process go before them.
    pub(crate) fn picture(&mut self, check: &CheckId, points: Vec<LatencyPoint>) {
        if let Some(latency) = self.latency.get_mut(check) {
            latency.points = points.into();
            let shown = latency.shown();
            Arc::make_mut(&mut self.views[latency.service]).latency = shown;
        }
    }

    /// Bars grow with the day; once a minute is enough for 90 of them.
    pub(crate) fn refresh_all(&mut self, now: Time) {
        let horizon = now.minus(Duration::from_secs(60 * 60 * 24 * (timeline::DAYS as u64 + 2)));
        self.gaps.retain(|(_, until)| *until > horizon);
        for segments in self.segments.values_mut() {
            while segments.front().and_then(|s| s.until).is_some_and(|until| until < horizon) {
                segments.pop_front();
            }
        }
        self.maintenances
            .retain(|m| m.completed_at.is_none_or(|at| at > now.minus(Duration::from_secs(30 * 86_400))));
        self.refresh_latency();
        let all: Vec<ServiceId> = self.index.keys().cloned().collect();
        self.refresh_bars(all.iter(), now);
    }

    /// The running bucket too is worth showing: a new installation would draw nothing for half an hour.
    fn refresh_latency(&mut self) {
        for latency in self.latency.values() {
            let points = latency.shown();
            if self.views[latency.service].latency != points {
                Arc::make_mut(&mut self.views[latency.service]).latency = points;
            }
        }
    }

    fn refresh_bars<'a>(&mut self, services: impl Iterator<Item = &'a ServiceId>, now: Time) {
        for service in services {
            if let Some(i) = self.index.get(service).copied() {
                let (days, uptime) = self.bars(service, now);
                if *self.views[i].days != *days || self.views[i].uptime != uptime {
                    let view = Arc::make_mut(&mut self.views[i]);
                    view.days = days.into();
                    view.uptime = uptime;
                }
            }
        }
    }

    /// What everybody may see.
    pub(crate) fn snapshot(&self, now: Time) -> Snapshot {
        let views = self.views.iter().zip(&self.shown).filter(|(_, shown)| **shown);
        Snapshot {
            services: views.map(|(view, _)| view.clone()).collect(),
            incidents: self.incidents.iter().filter(|i| self.concerns_visitors(i)).cloned().collect(),
            history: self.shown_history().cloned().collect(),
            maintenances: self
                .maintenances
                .iter()
                .filter(|m| m.services.is_empty() || m.services.iter().any(|s| self.visitors_see(s)))
                .cloned()
                .collect(),
            ..self.staff_snapshot(now)
        }
    }

    /// The same with the services that visitors don't see, and what concerns only them. For messages to staff.
    pub(crate) fn staff_snapshot(&self, now: Time) -> Snapshot {
        Snapshot {
            epoch: self.epoch,
            seq: self.seq,
            made_at: now,
            fresh_until: now.plus(self.fresh_for),
            last_look: self.last_look,
            site: self.site.clone(),
            services: self.views.clone(),
            incidents: self.incidents.clone(),
            history: self.history.iter().take(HISTORY_MAX).cloned().collect(),
            maintenances: self.maintenances.clone(),
            own: self.own.clone(),
            eta_record: self.eta_record,
            recorded: 0,
        }
    }

    fn shown_history(&self) -> impl Iterator<Item = &Incident> {
        self.history.iter().filter(|i| self.concerns_visitors(i)).take(HISTORY_MAX)
    }

    /// Those that visitors can read about now.
    pub(crate) fn shown_incidents(&self) -> impl Iterator<Item = &Incident> {
        self.incidents.iter().filter(|i| self.concerns_visitors(i)).chain(self.shown_history())
    }

    /// Whether the two snapshots differ: some service is not public, or something else is not for visitors.
    pub(crate) fn hides_something(&self) -> bool {
        self.shown.contains(&false)
    }

    pub(crate) fn visitors_see(&self, service: &ServiceId) -> bool {
        self.index.get(service).is_some_and(|i| self.shown[*i])
    }

    /// An incident that touches only services that visitors don't see is not theirs. One without any was opened by a
    /// person for everybody; one whose services are all gone from the configuration was seen before, and stays.
    pub(crate) fn concerns_visitors(&self, incident: &Incident) -> bool {
        let mut known = incident.affected.iter().filter(|a| self.index.contains_key(&a.service)).peekable();
        known.peek().is_none() || known.any(|a| self.visitors_see(&a.service))
    }
}

// === impl Latency ===

impl Latency {
    fn new(service: usize, points: Vec<LatencyPoint>) -> Latency {
        Latency { service, points: points.into(), bucket: 0, sketch: DDSketch::new(SketchConfig::defaults()) }
    }

    /// The points to show, when a bucket was completed by this observation.
    fn add(&mut self, o: &Observation) -> Option<Vec<LatencyPoint>> {
        let width = stillhere_model::time::millis(LATENCY_BUCKET);
        let bucket = o.at.0.div_euclid(width) * width;
        let mut shown = None;
        if bucket > self.bucket {
            if self.bucket != 0 {
                let points = self.shown();
                self.points = points.iter().copied().collect();
                shown = Some(points);
            }
            self.bucket = bucket;
            self.sketch = DDSketch::new(SketchConfig::defaults());
        }
        if matches!(o.outcome, Outcome::Up | Outcome::Slow) {
            self.sketch.add(f64::from(o.total_us) / 1_000.0);
        }
        shown
    }

    /// All whole buckets, and the running one as far as it is.
    fn shown(&self) -> Vec<LatencyPoint> {
        #[expect(clippy::cast_possible_truncation, reason = "a picture needs no more than f32")]
        let ms = |q| self.sketch.quantile(q).ok().flatten().map(|v| v as f32);
        let running = (self.bucket != 0).then(|| LatencyPoint {
            at: Time(self.bucket),
            p50_ms: ms(0.5),
            p95_ms: ms(0.95),
        });
        let mut points: Vec<LatencyPoint> =
            self.points.iter().copied().filter(|p| p.at.0 != self.bucket).chain(running).collect();
        let over = points.len().saturating_sub(LATENCY_POINTS);
        points.drain(..over);
        points
    }
}
