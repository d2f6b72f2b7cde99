//! Names to addresses, through the system's resolvers, without a cache: a look asks as a new visitor would.
//!
//! A resolver that does not answer is ours, a name that cannot be resolved is the target's. To tell them apart, a
//! slow or failing look-up is compared with a control query (the root's name servers) through the same resolver.

use crate::{
    clock,
    fault::Fault,
    trace::{Phase, Trace, millis},
};
use hickory_resolver::{
    TokioResolver,
    net::{DnsError, NetError},
    proto::{
        op::ResponseCode,
        rr::{Name, RData, RecordType},
    },
};
use std::{
    borrow::Cow,
    collections::BTreeSet,
    fmt,
    net::{IpAddr, Ipv6Addr},
    str::FromStr as _,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use stillhere_model::Finding;

/// A good answer this young proves that the resolver works.
const PROOF_FOR: Duration = Duration::from_secs(10);
/// A look-up that takes this long (or half of its budget) starts the control query.
const CONTROL_AFTER: Duration = Duration::from_secs(1);
/// How long a failed look-up waits for the control query.
const CONTROL_FOR: Duration = Duration::from_secs(1);
/// Longest wait for one reply before the query is sent again; resolv.conf may ask for less.
const MAX_TRY: Duration = Duration::from_secs(2);

/// Which kind of address a look uses. One look uses one family only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Family {
    /// IPv4 where the name has such an address, else IPv6.
    #[default]
    Auto,
    V4,
    V6,
}

/// A host as written in a URL or a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    Ip(IpAddr),
    /// In ASCII form.
    Name(Arc<str>),
}

/// The system's resolver, built once, used by every look.
pub struct Resolver {
    inner: Result<TokioResolver, String>,
    born: Instant,
    /// Milliseconds after `born` of the last good answer, plus one; zero: none yet.
    proven: AtomicU64,
    /// A control query is under way: one is enough for all.
    asking: AtomicBool,
}

// === impl Host ===

impl Host {
    /// A name, an IPv4 address, or an IPv6 address with or without brackets. International names become ASCII.
    #[must_use]
    pub fn parse(s: &str) -> Option<Host> {
        if let Ok(ip) = s.trim_start_matches('[').trim_end_matches(']').parse::<Ipv6Addr>() {
            return Some(Host::Ip(ip.into()));
        }
        match url::Host::parse(s).ok()? {
            url::Host::Ipv4(ip) => Some(Host::Ip(ip.into())),
            url::Host::Ipv6(ip) => Some(Host::Ip(ip.into())),
            url::Host::Domain(name) if Name::from_str(&name).is_ok() => Some(Host::Name(name.into())),
            url::Host::Domain(_) => None,
        }
    }

    /// Whether an address given literally is of this family; a name may be of any.
    #[must_use]
    pub fn fits(&self, family: Family) -> bool {
        match (self, family) {
            (Host::Name(_), _) | (_, Family::Auto) => true,
            (Host::Ip(ip), Family::V4) => ip.is_ipv4(),
            (Host::Ip(ip), Family::V6) => ip.is_ipv6(),
        }
    }
}

impl fmt::Display for Host {
    /// As in a URL: IPv6 in brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
            Host::Ip(IpAddr::V4(ip)) => ip.fmt(f),
            Host::Name(name) => f.write_str(name),
        }
    }
}

// === impl Resolver ===

impl Resolver {
    /// Reads the system's configuration. When that fails, the look-ups fail, as our own fault.
    #[must_use]
    pub fn system() -> Resolver {
        let inner = TokioResolver::builder_tokio().and_then(|mut b| {
            let o = b.options_mut();
            o.cache_size = 0;
            o.timeout = o.timeout.min(MAX_TRY);
            o.attempts = o.attempts.max(1);
            b.build()
        });
        Resolver::over(inner.map_err(|e| e.to_string()))
    }

    /// For tests and for a resolver of one's own choice.
    #[must_use]
    pub fn over(inner: Result<TokioResolver, String>) -> Resolver {
        Resolver { inner, born: clock::mono(), proven: AtomicU64::new(0), asking: AtomicBool::new(false) }
    }

    /// All addresses of `host` in the one family, in the order they were given; at least one.
    ///
    /// # Errors
    /// When the name has no address, or nobody tells us. `budget` is the time this may take before the caller drops
    /// it; there is no deadline in here.
    pub async fn resolve(&self, host: &str, family: Family, budget: Duration) -> Result<Vec<IpAddr>, Fault> {
        let name = Name::from_str(host)
            .map_err(|e| Fault::target(Finding::DnsNoSuchName, format!("{host}: not a name: {e}")))?;
        match family {
            Family::V4 => self.of_type(name, RecordType::A, budget).await,
            Family::V6 => self.of_type(name, RecordType::AAAA, budget).await,
            Family::Auto => match self.of_type(name.clone(), RecordType::A, budget).await {
                Err(Fault { finding: Finding::DnsNoAnswer, .. }) => {
                    self.of_type(name, RecordType::AAAA, budget).await
                }
                other => other,
            },
        }
    }

    /// The addresses of `host` in the one family: itself when it is an address, else looked up, which is timed
    /// as its own phase.
    ///
    /// # Errors
    /// As [`Self::resolve`].
    pub async fn addresses<'h>(
        &self,
        host: &'h Host,
        family: Family,
        deadline: Instant,
        trace: &mut Trace,
    ) -> Result<Cow<'h, [IpAddr]>, Fault> {
        match host {
            Host::Ip(ip) => Ok(Cow::Borrowed(std::slice::from_ref(ip))),
            Host::Name(name) => {
                trace.begin(Phase::Dns);
                let budget = deadline.saturating_duration_since(clock::mono());
                // Boxed: the look-up's future is large, and most looks at scale name an address or wait elsewhere.
                let found = Box::pin(self.resolve(name, family, budget)).await?;
                trace.end();
                Ok(Cow::Owned(found))
            }
        }
    }

    async fn of_type(&self, name: Name, kind: RecordType, budget: Duration) -> Result<Vec<IpAddr>, Fault> {
        let resolver = self.inner.as_ref().map_err(|e| Fault::ours("no resolver configured", e.clone()))?;
        let asked = name.to_string();
        let began = clock::mono();
        let lookup = std::pin::pin!(resolver.lookup(name, kind));
        let control = async {
            tokio::time::sleep(CONTROL_AFTER.min(budget / 2)).await;
            self.control(resolver).await;
            std::future::pending::<()>().await;
        };
        let answer = tokio::select! {
            biased;
            answer = lookup => answer,
            () = control => unreachable!("it waits for ever"),
        };
        match answer {
            Ok(found) => {
                self.prove();
                let addresses: Vec<IpAddr> = found
                    .answers()
                    .iter()
                    .filter_map(|r| match &r.data {
                        RData::A(a) => Some(IpAddr::V4(a.0)),
                        RData::AAAA(a) => Some(IpAddr::V6(a.0)),
                        _ => None,
                    })
                    .collect();
                if addresses.is_empty() {
                    return Err(Fault::target(Finding::DnsNoAnswer, format!("{asked}: no {kind} record")));
                }
                Ok(addresses)
            }
            Err(e) => Err(self.fault(resolver, &asked, &e, millis(began.elapsed())).await),
        }
    }

    async fn fault(&self, resolver: &TokioResolver, asked: &str, e: &NetError, waited_ms: u32) -> Fault {
        let detail = format!("{asked}: {e}");
        let finding = match e {
            NetError::Dns(DnsError::NoRecordsFound(none)) => match none.response_code {
                ResponseCode::NXDomain => {
                    self.prove();
                    return Fault::target(Finding::DnsNoSuchName, detail);
                }
                ResponseCode::NoError => {
                    self.prove();
                    return Fault::target(Finding::DnsNoAnswer, detail);
                }
                code => Finding::DnsRefused { code: word(code) },
            },
            NetError::Dns(DnsError::ResponseCode(code)) => Finding::DnsRefused { code: word(*code) },
            NetError::Timeout => Finding::DnsTimeout { timeout_ms: waited_ms },
            NetError::Io(_) | NetError::NoConnections | NetError::Busy => {
                return Fault::ours("own resolver cannot be reached", detail);
            }
            _ => Finding::DnsRefused { code: "malformed answer".to_owned() },
        };
        if !self.is_proven() {
            let _ = tokio::time::timeout(CONTROL_FOR, self.control(resolver)).await;
        }
        if self.is_proven() {
            Fault::target(finding, detail)
        } else {
            Fault::ours("own resolver does not work", detail)
        }
    }

    /// The zone that a name is in, by asking for name servers from the name upwards, and these servers. `None`: nobody
    /// says so.
    pub async fn zone_of(&self, host: &str) -> Option<(String, BTreeSet<String>)> {
        let resolver = self.inner.as_ref().ok()?;
        let mut name = Name::from_str(host).ok()?;
        // The root and the top level are everybody's.
        while name.num_labels() > 1 {
            if let Ok(found) = resolver.lookup(name.clone(), RecordType::NS).await {
                let servers: BTreeSet<String> = found
                    .answers()
                    .iter()
                    .filter_map(|r| match &r.data {
                        RData::NS(ns) => Some(ns.0.to_string().trim_end_matches('.').to_ascii_lowercase()),
                        _ => None,
                    })
                    .collect();
                if !servers.is_empty() {
                    return Some((name.to_string().trim_end_matches('.').to_ascii_lowercase(), servers));
                }
            }
            name = name.base_name();
        }
        None
    }

    /// What it means that a look ran out of time while it waited for [`Self::resolve`].
    #[must_use]
    pub fn timeout(&self, timeout_ms: u32) -> Fault {
        if self.is_proven() {
            Fault::timeout(crate::trace::Phase::Dns, timeout_ms)
        } else {
            Fault::ours(
                "own resolver does not answer",
                format!("no answer from any resolver within {timeout_ms} ms"),
            )
        }
    }

    /// Asks for what every working resolver knows.
    async fn control(&self, resolver: &TokioResolver) {
        struct Done<'a>(&'a AtomicBool);
        impl Drop for Done<'_> {
            fn drop(&mut self) {
                self.0.store(false, Relaxed);
            }
        }
        if self.asking.swap(true, Relaxed) {
            return;
        }
        let _done = Done(&self.asking);
        if resolver.lookup(Name::root(), RecordType::NS).await.is_ok() {
            self.prove();
        }
    }

    fn prove(&self) {
        let ms = u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.proven.store(ms.saturating_add(1), Relaxed);
    }

    fn is_proven(&self) -> bool {
        let at = self.proven.load(Relaxed);
        at != 0 && self.born.elapsed() < Duration::from_millis(at - 1) + PROOF_FOR
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").field("proven", &self.is_proven()).finish_non_exhaustive()
    }
}

/// A response code as everybody writes it.
fn word(code: ResponseCode) -> String {
    match code {
        ResponseCode::ServFail => "SERVFAIL".to_owned(),
        ResponseCode::Refused => "REFUSED".to_owned(),
        ResponseCode::FormErr => "FORMERR".to_owned(),
        ResponseCode::NotImp => "NOTIMP".to_owned(),
        ResponseCode::NXDomain => "NXDOMAIN".to_owned(),
        other => other.to_str().to_owned(),
    }
}
