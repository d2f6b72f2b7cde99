//! `icmp`: pings.
//!
//! An echo needs a right that ordinary programs often lack. Linux grants it in two ways: to groups, through
//! `net.ipv4.ping_group_range` (datagram sockets), or to a program with `CAP_NET_RAW` (raw sockets). The first is
//! tried first, as it is the smaller right. With neither we could not look, and say that: it is never the target's
//! *down*.

mod echo;
#[cfg(test)]
mod tests;

pub use echo::{Access, Permission, permission};

use crate::{
    condition::{Facts, Name, Sample},
    probe::{Good, Ip, Look, Problem, Shared, check_family, set_times},
    schedule::Length,
};
use echo::{Echo, Got};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};
use stillhere_model::{Finding, Outcome, Side};
use stillhere_net::{
    Fault, Trace, clock,
    dns::{Family, Host},
    guard::Policy,
    trace::micros,
};

/// What conditions may say.
pub static NAMES: &[Name] = &[
    Name::public("sent", "How many pings were sent.", Sample::Int(3)),
    Name::public("lost", "How many were not answered in time.", Sample::Int(0)),
    Name::public("loss_percent", "The share that was lost, from 0.0 to 100.0.", Sample::Float(0.0)),
    Name::public("rtt_ms", "The mean round trip.", Sample::Float(11.5)),
    Name::public("rtt_min_ms", "The shortest round trip.", Sample::Float(10.0)),
    Name::public("rtt_max_ms", "The longest round trip.", Sample::Float(13.0)),
    Name::public(
        "dns_ms",
        "How long the name look-up took; null when the host is an address.",
        Sample::Int(4),
    ),
    Name::public("total_ms", "How long the whole look took.", Sample::Int(420)),
];

/// Most pings of one look.
pub const MAX_COUNT: u8 = 20;
/// Bytes of payload of one ping; the smallest holds what tells our pings from others'.
pub const SIZES: std::ops::RangeInclusive<u16> = 8..=1400;
/// Time between two pings.
const PAUSES: std::ops::RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(10);
/// A reply is waited for this long after the last ping.
const REPLY: Duration = Duration::from_secs(2);
/// The look ends this much before its deadline, so that it can say what was lost.
const MARGIN: Duration = Duration::from_millis(20);

/// The keys of an `icmp` check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IcmpSpec {
    /// Host name or address.
    pub host: String,
    /// IPv4 or IPv6.
    #[serde(default)]
    pub ip: Ip,
    /// How many pings are sent, 1 to 20. Default 3.
    #[serde(default = "default_count")]
    pub count: u8,
    /// Bytes of payload, 8 to 1400. Default 56.
    #[serde(default = "default_size")]
    pub size: u16,
    /// Time between two pings, `10ms` to `10s`. Default `200ms`.
    #[serde(default = "default_pause")]
    pub pause: Length,
    /// More loss than this is a failure, in per cent, 0 to 99. Default 50.
    #[serde(default = "default_loss")]
    pub max_loss_percent: u8,
    /// A mean round trip longer than this is slow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow_rtt: Option<Length>,
}

pub(crate) struct Icmp {
    host: Host,
    family: Family,
    count: u8,
    size: usize,
    pause: Duration,
    max_loss_percent: u8,
    slow_rtt: Option<Duration>,
}

/// What came back.
#[derive(Debug, Default)]
struct Tally {
    sent: u8,
    /// One per answered ping.
    rtts: Vec<Duration>,
    /// Somebody on the way said that the target cannot be reached.
    unreachable: bool,
}

fn default_count() -> u8 {
    3
}
fn default_size() -> u16 {
    56
}
fn default_pause() -> Length {
    Length(Duration::from_millis(200))
}
fn default_loss() -> u8 {
    50
}

// === impl IcmpSpec ===

impl IcmpSpec {
    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        problems.extend(self.host().err());
        if !(1..=MAX_COUNT).contains(&self.count) {
            problems.push(Problem::new("count", format!("is not from 1 to {MAX_COUNT}")).hint("count = 3"));
        }
        if !SIZES.contains(&self.size) {
            let (least, most) = (SIZES.start(), SIZES.end());
            problems.push(Problem::new("size", format!("is not from {least} to {most}")).hint("size = 56"));
        }
        if !PAUSES.contains(&self.pause.0) {
            problems.push(Problem::new("pause", "is not from 10ms to 10s").hint("pause = \"200ms\""));
        }
        if self.max_loss_percent > 99 {
            let problem = Problem::new("max_loss_percent", "is not from 0 to 99: it could never fail");
            problems.push(problem.hint("max_loss_percent = 50"));
        }
        problems
    }

    /// Who is asked.
    #[must_use]
    pub fn target(&self) -> String {
        match self.host.parse::<IpAddr>() {
            Ok(IpAddr::V6(ip)) => format!("[{ip}]:icmp"),
            _ => self.host.clone(),
        }
    }

    fn host(&self) -> Result<Host, Problem> {
        let host = Host::parse(&self.host).ok_or_else(|| {
            Problem::new("host", format!("\"{}\" is neither a host name nor an address", self.host))
                .hint("host = \"gw.example.org\"")
        })?;
        check_family(&host, self.ip)?;
        Ok(host)
    }
}

// === impl Icmp ===

impl Icmp {
    pub(crate) fn new(spec: &IcmpSpec, _: &Shared) -> Result<Icmp, Problem> {
        if let Some(p) = spec.validate().into_iter().next() {
            return Err(p);
        }
        Ok(Icmp {
            host: spec.host()?,
            family: spec.ip.into(),
            count: spec.count,
            size: usize::from(spec.size),
            pause: spec.pause.0,
            max_loss_percent: spec.max_loss_percent,
            slow_rtt: spec.slow_rtt.map(|l| l.0),
        })
    }

    /// Ends before `look.deadline` with a finding of its own; `timed_out` is for when it did not.
    pub(crate) async fn look(&self, look: &Look<'_>, trace: &mut Trace) -> Result<Good, Fault> {
        let addrs = look.shared.resolver.addresses(&self.host, self.family, look.deadline, trace).await?;
        let ip =
            *addrs.first().ok_or_else(|| Fault::target(Finding::DnsNoAnswer, "the name has no address"))?;
        trace.remote = Some(SocketAddr::new(ip, 0));
        if let Err(refused) = Policy::Operator.check(ip) {
            return Err(Fault::not_allowed(&refused.to_string(), refused.to_string()));
        }
        let tally = self.ping(look, ip).await?;
        let mean = tally.mean();
        trace.phases.first_byte_us = mean.map(micros);
        self.judge(&tally, mean).map_err(|f| f.at(SocketAddr::new(ip, 0)))?;
        let mut good = Good::default();
        if look.wants_facts {
            let mut facts = Facts::new(NAMES);
            let ms = |d: Duration| d.as_secs_f64() * 1e3;
            facts.set("sent", i64::from(tally.sent));
            facts.set("lost", i64::from(tally.lost()));
            facts.set("loss_percent", f64::from(tally.lost()) * 100.0 / f64::from(tally.sent.max(1)));
            facts.set("rtt_ms", mean.map(ms));
            facts.set("rtt_min_ms", tally.rtts.iter().min().copied().map(ms));
            facts.set("rtt_max_ms", tally.rtts.iter().max().copied().map(ms));
            // The round trip is kept as the first byte's time; it is no name of this kind.
            set_times(&mut facts, &trace.phases, clock::mono().saturating_duration_since(look.started));
            good.facts = Some(facts);
        }
        Ok(good)
    }

    pub(crate) fn timed_out(&self, timeout_ms: u32) -> Fault {
        Fault::path(Finding::PingNoReply { sent: self.count }, format!("no reply within {timeout_ms} ms"))
    }

    async fn ping(&self, look: &Look<'_>, ip: IpAddr) -> Result<Tally, Fault> {
        let echo = Echo::open(ip)?;
        let last = look.deadline - MARGIN.min(look.timeout / 10);
        let mut sent_at = Vec::with_capacity(usize::from(self.count));
        let mut answered = vec![false; usize::from(self.count)];
        let mut tally = Tally::default();
        let mut next = clock::mono();
        let mut end = last;
        while tally.rtts.len() < usize::from(self.count) {
            let now = clock::mono();
            if now >= end.min(last) {
                break;
            }
            let all_sent = tally.sent == self.count;
            if !all_sent && now >= next {
                match echo.send(u16::from(tally.sent), self.size).await {
                    Ok(()) => {}
                    Err(Got::Unreachable) => tally.unreachable = true,
                    Err(Got::Fault(fault)) => return Err(*fault),
                }
                sent_at.push(clock::mono());
                tally.sent += 1;
                next += self.pause;
                if tally.sent == self.count {
                    end = last.min(clock::mono() + REPLY);
                }
                continue;
            }
            let until = if all_sent { end } else { next.min(last) };
            match tokio::time::timeout_at(until.into(), echo.receive()).await {
                Err(_) => {}
                Ok(Err(Got::Unreachable)) => tally.unreachable = true,
                Ok(Err(Got::Fault(fault))) => return Err(*fault),
                Ok(Ok((sequence, at))) => {
                    let i = usize::from(sequence);
                    if let Some(sent) = sent_at.get(i)
                        && !std::mem::replace(&mut answered[i], true)
                    {
                        tally.rtts.push(at.saturating_duration_since(*sent));
                    }
                }
            }
        }
        Ok(tally)
    }

    fn judge(&self, tally: &Tally, mean: Option<Duration>) -> Result<(), Fault> {
        let (sent, lost) = (tally.sent, tally.lost());
        let Some(mean) = mean else {
            let finding =
                if tally.unreachable { Finding::Unreachable } else { Finding::PingNoReply { sent } };
            return Err(Fault::path(finding, format!("none of {sent} pings came back")));
        };
        if u32::from(lost) * 100 > u32::from(sent) * u32::from(self.max_loss_percent) {
            return Err(Fault::path(
                Finding::PingLoss { lost, sent },
                format!("{lost} of {sent} pings were lost"),
            ));
        }
        if let Some(limit) = self.slow_rtt
            && mean > limit
        {
            let (took_ms, limit_ms) =
                (stillhere_net::trace::millis(mean), stillhere_net::trace::millis(limit));
            let finding = Finding::Slow { took_ms, limit_ms };
            return Err(Fault::new(Outcome::Slow, Side::Path, finding, format!("mean round trip {mean:?}")));
        }
        Ok(())
    }
}

// === impl Tally ===

impl Tally {
    fn lost(&self) -> u8 {
        self.sent.saturating_sub(u8::try_from(self.rtts.len()).unwrap_or(u8::MAX))
    }

    fn mean(&self) -> Option<Duration> {
        let n = u32::try_from(self.rtts.len()).ok().filter(|n| *n > 0)?;
        Some(self.rtts.iter().sum::<Duration>() / n)
    }
}
