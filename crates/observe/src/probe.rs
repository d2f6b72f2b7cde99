//! Probe kinds: what a check may be, and one look at it.
//!
//! A kind is one file with its configuration, its code and its tests, one page in `docs/probes/`, one variant of
//! [`Spec`] and one line in [`KINDS`]. What is the same for all of them is here: the deadline, conditions, the
//! limit for *slow*, and the observation.

pub mod dns;
pub mod http;
pub mod icmp;
mod kind;
pub mod push;
pub mod tcp;
pub mod tls;

pub use kind::{KINDS, Kind, Spec};

use crate::condition::{Condition, Facts};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};
use stillhere_model::{CheckId, Finding, Observation, Outcome, Phases, VantageId};
use stillhere_net::{
    Fault, Trace,
    clock::{self, Clock},
    dns::{Family, Host, Resolver},
    guard::Policy,
    tcp::connect_any as tcp_connect,
    trace::{micros, millis},
};
use tokio::net::TcpStream;

/// Most conditions of one check.
pub const MAX_CONDITIONS: usize = 32;
/// A look that ends this long after its deadline was held up by us (the process was frozen or starved).
const HELD_UP: Duration = Duration::from_millis(250);

/// What is wrong with a check's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key inside the check's table, such as `url` or `tls.ca_file`.
    pub path: String,
    pub problem: String,
    /// What to write instead.
    pub hint: Option<String>,
}

/// Which kind of address is used. One look uses one family; to watch both, make two checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum Ip {
    /// IPv4 where the name has such an address, else IPv6.
    #[default]
    #[serde(rename = "auto")]
    Auto,
    /// IPv4 only.
    #[serde(rename = "4")]
    V4,
    /// IPv6 only.
    #[serde(rename = "6")]
    V6,
}

/// A host and port to connect to.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) host: Host,
    pub(crate) port: u16,
    pub(crate) family: Family,
}

/// Everything a probe is made from.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckSpec {
    pub id: CheckId,
    pub spec: Spec,
    pub timeout: Duration,
    /// An answer that took longer is slow.
    pub slow_over: Option<Duration>,
    pub conditions: Vec<String>,
    pub vantage: VantageId,
}

/// What all probes share: built once, cheap to clone.
#[derive(Clone)]
pub struct Shared {
    pub(crate) clock: Clock,
    pub(crate) resolver: Arc<Resolver>,
    pub(crate) tls: Arc<stillhere_net::tls::Store>,
}

/// A check that is ready to be looked at, again and again, from any number of tasks.
pub struct Probe {
    check: CheckId,
    vantage: VantageId,
    timeout: Duration,
    slow_over: Option<Duration>,
    conditions: Vec<Condition>,
    shared: Shared,
    looker: Looker,
}

enum Looker {
    Http(Box<http::Http>),
    Tcp(tcp::Tcp),
    Tls(tls::Tls),
    Icmp(icmp::Icmp),
    Dns(dns::Dns),
}

/// An observation, and what only a person at a terminal wants to know about it.
#[derive(Debug)]
pub struct LookReport {
    pub observation: Observation,
    /// Who answered last.
    pub remote: Option<SocketAddr>,
    pub report: Report,
}

/// What a kind has to tell beyond the observation. Empty unless the kind sets it.
#[derive(Debug, Default)]
pub struct Report {
    pub http_version: Option<&'static str>,
    pub status: Option<u16>,
    /// Bytes of the body that were read.
    pub body_bytes: Option<u64>,
    /// Where redirects led, in order, without user data.
    pub redirects: Vec<String>,
    pub certificate: Option<Arc<stillhere_net::tls::Judged>>,
}

/// Whether a condition was met, and by what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Met {
    pub condition: String,
    pub holds: bool,
    /// What its names stood for, with the target's texts: for the operator only.
    pub values: String,
}

/// One look, as a kind sees it.
pub(crate) struct Look<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) started: Instant,
    /// The look is dropped at this time; a kind that can say something better ends before.
    pub(crate) deadline: Instant,
    pub(crate) timeout: Duration,
    /// There are conditions: the kind must fill in its names.
    pub(crate) wants_facts: bool,
}

/// What a kind found when nothing was wrong.
#[derive(Debug, Default)]
pub(crate) struct Good {
    /// Set when the look wants facts.
    pub(crate) facts: Option<Facts>,
    /// Said of an `Up`: a certificate that ends soon.
    pub(crate) remark: Option<Finding>,
    pub(crate) detail: Option<String>,
}

// === impl Problem ===

impl Problem {
    #[must_use]
    pub fn new(path: &str, problem: impl Into<String>) -> Problem {
        Problem { path: path.to_owned(), problem: problem.into(), hint: None }
    }
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Problem {
        self.hint = Some(hint.into());
        self
    }
    /// The same problem, further down: `ca_file` within `tls`.
    #[must_use]
    pub fn within(mut self, table: &str) -> Problem {
        self.path = format!("{table}.{}", self.path);
        self
    }
}

// === impl Shared ===

impl Shared {
    /// Reads the system's resolver configuration. Trusted certificates are read when the first look needs them.
    #[must_use]
    pub fn new(clock: Clock) -> Shared {
        Shared::with_resolver(clock, Resolver::system())
    }

    #[must_use]
    pub fn with_resolver(clock: Clock, resolver: Resolver) -> Shared {
        stillhere_net::tls::install();
        Shared { clock, resolver: Arc::new(resolver), tls: Arc::default() }
    }
}

// === impl Look ===

impl Look<'_> {
    /// Resolves the name if it is one and connects; both are timed as phases.
    pub(crate) async fn connect(
        &self,
        endpoint: &Endpoint,
        nodelay: bool,
        trace: &mut Trace,
    ) -> Result<TcpStream, Fault> {
        let addrs =
            self.shared.resolver.addresses(&endpoint.host, endpoint.family, self.deadline, trace).await?;
        let policy = Policy::Operator;
        tcp_connect(&addrs, endpoint.port, nodelay, policy, self.deadline, trace).await
    }
}

// === impl Ip ===

impl From<Ip> for Family {
    fn from(ip: Ip) -> Family {
        match ip {
            Ip::Auto => Family::Auto,
            Ip::V4 => Family::V4,
            Ip::V6 => Family::V6,
        }
    }
}

// === impl Endpoint ===

impl Endpoint {
    pub(crate) fn new(host: &str, port: u16, ip: Ip) -> Result<Endpoint, Problem> {
        let parsed = Host::parse(host).ok_or_else(|| {
            Problem::new("host", format!("\"{host}\" is neither a host name nor an address"))
                .hint("host = \"db.example.org\", without scheme, port or path")
        })?;
        if port == 0 {
            return Err(Problem::new("port", "there is no port 0"));
        }
        check_family(&parsed, ip)?;
        Ok(Endpoint { host: parsed, port, family: ip.into() })
    }
}

/// An address given literally must be of the family that is asked for.
pub(crate) fn check_family(host: &Host, ip: Ip) -> Result<(), Problem> {
    if host.fits(ip.into()) {
        return Ok(());
    }
    Err(Problem::new("ip", format!("{host} is not an address of this family")).hint("leave `ip` out"))
}

// === impl Probe ===

impl Probe {
    /// Prepares everything that does not change between looks: reads secrets and certificates, parses conditions.
    ///
    /// # Errors
    /// The first thing that is wrong. A `push` check cannot be looked at: it has no probe.
    pub fn new(check: &CheckSpec, shared: &Shared) -> Result<Probe, Problem> {
        if let Some(problem) = check.spec.validate().into_iter().next() {
            return Err(problem);
        }
        if check.timeout.is_zero() {
            return Err(Problem::new("timeout", "a look needs some time").hint("timeout = \"10s\""));
        }
        if check.conditions.len() > MAX_CONDITIONS {
            return Err(Problem::new("conditions", format!("more than {MAX_CONDITIONS} conditions")));
        }
        let names = check.spec.kind().names;
        let conditions = check
            .conditions
            .iter()
            .enumerate()
            .map(|(i, text)| {
                Condition::parse(names, text).map_err(|p| Problem { path: format!("conditions[{i}]"), ..p })
            })
            .collect::<Result<_, _>>()?;
        let looker = match &check.spec {
            Spec::Http(s) => Looker::Http(Box::new(http::Http::new(s, shared)?)),
            Spec::Tcp(s) => Looker::Tcp(tcp::Tcp::new(s, shared)?),
            Spec::Tls(s) => Looker::Tls(tls::Tls::new(s, shared)?),
            Spec::Icmp(s) => Looker::Icmp(icmp::Icmp::new(s, shared)?),
            Spec::Dns(s) => Looker::Dns(dns::Dns::new(s, shared)?),
            Spec::Push(_) => {
                return Err(Problem::new("kind", "a push check is not looked at; its job reports"));
            }
        };
        Ok(Probe {
            check: check.id.clone(),
            vantage: check.vantage.clone(),
            timeout: check.timeout,
            slow_over: check.slow_over,
            conditions,
            shared: shared.clone(),
            looker,
        })
    }

    /// One look. Always on a fresh connection; `recheck` is only noted. Ends within the timeout.
    pub async fn look(&self, recheck: bool) -> Observation {
        self.look_verbose(recheck).await.observation
    }

    /// One look, with what a person at a terminal wants to know.
    pub async fn look_verbose(&self, recheck: bool) -> LookReport {
        self.look_and(recheck, |_| ()).await.0
    }

    /// One look, with what became of each condition, as far as there was something to hold it against.
    pub async fn look_closely(&self) -> (LookReport, Vec<Met>) {
        let met = |facts: &Facts| {
            let met = |c: &Condition| Met {
                condition: c.text().to_owned(),
                holds: c.check(facts).is_ok(),
                values: c.detail(facts),
            };
            self.conditions.iter().map(met).collect()
        };
        let (report, met) = self.look_and(false, met).await;
        (report, met.unwrap_or_default())
    }

    async fn look_and<T>(&self, recheck: bool, facts: impl FnOnce(&Facts) -> T) -> (LookReport, Option<T>) {
        let started = clock::mono();
        let at = self.shared.clock.at(started).wall;
        let mut trace = Trace::start(started);
        let mut report = Report::default();
        let look = Look {
            shared: &self.shared,
            started,
            deadline: started + self.timeout,
            timeout: self.timeout,
            wants_facts: !self.conditions.is_empty(),
        };
        let result = self.within_deadline(&look, &mut trace, &mut report).await;
        let total = clock::mono().saturating_duration_since(started);

        let mut o = Observation {
            check: self.check.clone(),
            vantage: self.vantage.clone(),
            at,
            outcome: Outcome::Up,
            side: None,
            total_us: micros(total),
            phases: trace.phases,
            finding: None,
            detail: None,
            recheck,
        };
        let of_facts = result.as_ref().ok().and_then(|good| good.facts.as_ref()).map(facts);
        let result = result.and_then(|good| match self.failed_condition(&good) {
            Some((finding, detail)) => Err(Fault::target(finding, detail)),
            None => Ok(good),
        });
        let result = if total > self.timeout + HELD_UP {
            // Nothing was waited for that long, so the time was lost here, and what it says is not to be trusted.
            Err(Fault::ours(
                "held up",
                format!("the look took {} ms: this process was not running", millis(total)),
            ))
        } else {
            result
        };
        match result {
            Ok(good) => {
                o.detail = good.detail;
                o.finding = good.remark;
                if let Some(limit) = self.slow_over
                    && total > limit
                {
                    o.outcome = Outcome::Slow;
                    o.finding = Some(Finding::Slow { took_ms: millis(total), limit_ms: millis(limit) });
                }
            }
            Err(fault) => {
                o.outcome = fault.outcome;
                o.side = Some(fault.side);
                o.finding = Some(fault.finding);
                o.detail = Some(fault.detail);
            }
        }
        (LookReport { observation: o, remote: trace.remote, report }, of_facts)
    }

    async fn within_deadline(
        &self,
        look: &Look<'_>,
        trace: &mut Trace,
        report: &mut Report,
    ) -> Result<Good, Fault> {
        // One timer for the whole look: the phase under way says what time ran out for.
        let deadline = look.deadline.into();
        let ended = match &self.looker {
            Looker::Http(k) => tokio::time::timeout_at(deadline, k.look(look, trace, report)).await,
            Looker::Tcp(k) => tokio::time::timeout_at(deadline, k.look(look, trace)).await,
            Looker::Tls(k) => tokio::time::timeout_at(deadline, k.look(look, trace, report)).await,
            Looker::Icmp(k) => tokio::time::timeout_at(deadline, k.look(look, trace)).await,
            Looker::Dns(k) => tokio::time::timeout_at(deadline, k.look(look, trace)).await,
        };
        ended.unwrap_or_else(|_| {
            let ms = millis(self.timeout);
            Err(match &self.looker {
                Looker::Icmp(k) => k.timed_out(ms),
                Looker::Dns(k) => k.timed_out(ms),
                _ => Fault::out_of_time(trace, &self.shared.resolver, ms),
            })
        })
    }

    fn failed_condition(&self, good: &Good) -> Option<(Finding, String)> {
        let facts = good.facts.as_ref()?;
        self.conditions.iter().find_map(|c| c.check(facts).err().map(|finding| (finding, c.detail(facts))))
    }
}

impl std::fmt::Debug for Probe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Probe").field("check", &self.check).finish_non_exhaustive()
    }
}

/// The facts every kind has in common.
pub(crate) fn set_times(facts: &mut Facts, phases: &Phases, total: Duration) {
    use crate::condition::Fact;
    for (name, us) in [
        ("dns_ms", phases.dns_us),
        ("connect_ms", phases.connect_us),
        ("tls_ms", phases.tls_us),
        ("first_byte_ms", phases.first_byte_us),
        ("body_ms", phases.body_us),
        ("total_ms", Some(micros(total))),
    ] {
        if facts.names().iter().any(|n| n.name == name) {
            facts.set(name, Fact::millis_of_us(us));
        }
    }
}
