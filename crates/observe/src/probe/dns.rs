//! `dns`: asks a name server one question and judges the answer.
//!
//! The question goes out over a socket of its own, over UDP first and over TCP when the answer does not fit, to the
//! server that was chosen or to the system's. An answer is believed only when it comes from that server with the
//! right number and the right question; anything else is waited past, so a forged or broken datagram cannot turn
//! a good look into a bad one. Our own resolver's failure is not the target's: it is asked a control question.

mod answer;
mod exchange;
mod form;
#[cfg(test)]
mod tests;

use crate::{
    condition::{Fact, Facts, Name as Word, Sample},
    probe::{Good, Look, Problem, Shared, set_times},
};
use answer::{Answer, Failure};
use hickory_resolver::proto::{
    op::{Edns, Message, MessageType, OpCode, Query, ResponseCode},
    rr::{Name, RecordType},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    str::FromStr as _,
    time::Duration,
};
use stillhere_model::Finding;
use stillhere_net::{Fault, Phase, Trace, clock};

/// What conditions may say.
pub static NAMES: &[Word] = &[
    Word::public(
        "rcode",
        "The answer's code: `NOERROR` here, as every other one fails the look.",
        Sample::Text("NOERROR"),
    ),
    Word::private(
        "answers",
        "The records of the asked type, one text each, sorted.",
        Sample::Texts(&["192.0.2.1"]),
    ),
    Word::public("count", "How many records of the asked type there are.", Sample::Int(1)),
    Word::public("ttl", "The smallest time to live among them, in seconds.", Sample::Int(300)),
    Word::public("authoritative", "Whether the server answered out of its own zone.", Sample::Bool(false)),
    Word::public(
        "authenticated",
        "Whether the server says that it verified the answer (the AD bit).",
        Sample::Bool(false),
    ),
    Word::public("dns_ms", "From the question to the answer.", Sample::Int(12)),
    Word::public("total_ms", "The whole look.", Sample::Int(13)),
];

/// Expected values of one check.
const MAX_EXPECT: usize = 64;
/// One reply is waited for this long before the question is sent again.
const TRY: Duration = Duration::from_secs(2);
/// The look ends this much before its deadline, so that it can say why.
const MARGIN: Duration = Duration::from_millis(20);
/// Time for the control question to our own resolver.
const CONTROL: Duration = Duration::from_secs(1);
/// What is offered for an answer over UDP (DNS flag day 2020).
const UDP_PAYLOAD: u16 = 1232;
/// Longest list of values in a finding, in characters.
const MAX_VALUES_CHARS: usize = 160;

/// The keys of a `dns` check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DnsSpec {
    /// The name that is asked for; with `record = "PTR"` an address may stand here.
    pub domain: String,
    /// The type of record: `A`, `AAAA`, `CNAME`, `MX`, `NS`, `TXT`, `SOA`, `SRV`, `PTR`, `CAA`, …, or `TYPE` and
    /// its number. Default `A`.
    #[serde(default = "default_record")]
    pub record: String,
    /// The name server, as `address` or `address:port`. Default: the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// Values the answer must have, as in a zone file. Default: any record of the type will do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expect: Vec<String>,
    /// How the answer must meet `expect`.
    #[serde(default)]
    pub expect_match: Match,
    /// Ask over TCP from the start.
    #[serde(default)]
    pub tcp: bool,
    /// Ask the server to look further when it does not know. Default `true`.
    #[serde(default = "yes")]
    pub recursion: bool,
}

/// How the values of an answer must meet the expected ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Match {
    /// Every expected value is there; there may be more.
    #[default]
    All,
    /// At least one expected value is there.
    Any,
    /// Exactly the expected values are there.
    Exact,
}

pub(crate) struct Dns {
    name: Name,
    record: RecordType,
    /// The question as it is sent, but for its number.
    question: Vec<u8>,
    control: Vec<u8>,
    servers: Vec<SocketAddr>,
    /// The servers are the system's: when they do not work, that is our fault.
    own: bool,
    tcp: bool,
    expect: Vec<String>,
    expect_match: Match,
}

fn default_record() -> String {
    "A".to_owned()
}
fn yes() -> bool {
    true
}

// === impl DnsSpec ===

impl DnsSpec {
    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let record = self.record();
        problems.extend(record.as_ref().err().cloned());
        problems.extend(self.question_name(record.as_ref().is_ok_and(|r| *r == RecordType::PTR)).err());
        problems.extend(self.server().err());
        if self.expect.len() > MAX_EXPECT {
            problems.push(Problem::new("expect", format!("has more than {MAX_EXPECT} values")));
        }
        if let Ok(record) = record {
            for (i, value) in self.expect.iter().enumerate() {
                if let Err(e) = form::of_text(record, value) {
                    problems.push(Problem::new(&format!("expect[{i}]"), format!("\"{value}\" {e}")));
                }
            }
        }
        problems
    }

    /// Who is asked.
    #[must_use]
    pub fn target(&self) -> String {
        match self.server() {
            Ok(Some(server)) => server.to_string(),
            _ => self.domain.clone(),
        }
    }

    fn record(&self) -> Result<RecordType, Problem> {
        let wrong =
            |e: &str| Problem::new("record", format!("\"{}\" {e}", self.record)).hint("record = \"AAAA\"");
        let upper = self.record.to_ascii_uppercase();
        let by_number = upper.strip_prefix("TYPE").and_then(|n| n.parse::<u16>().ok()).map(RecordType::from);
        match by_number.map_or_else(|| RecordType::from_str(&upper), Ok) {
            Ok(
                RecordType::ANY | RecordType::AXFR | RecordType::IXFR | RecordType::OPT | RecordType::TSIG,
            ) => Err(wrong("cannot be asked for")),
            Ok(record) => Ok(record),
            Err(_) => Err(wrong("is not a type of DNS record")),
        }
    }

    fn question_name(&self, ptr: bool) -> Result<Name, Problem> {
        let text = self.domain.trim();
        if ptr && let Ok(ip) = text.parse::<IpAddr>() {
            return Ok(Name::from(ip));
        }
        let wrong =
            |e: &str| Problem::new("domain", format!("\"{text}\" {e}")).hint("domain = \"example.com\"");
        if text.is_empty() {
            return Err(wrong("is empty"));
        }
        if text.contains("://") || text.contains('/') {
            return Err(wrong("is not a name but a URL"));
        }
        let mut name = Name::from_str(text).map_err(|_| wrong("is not a name"))?;
        name.set_fqdn(true);
        Ok(name)
    }

    fn server(&self) -> Result<Option<SocketAddr>, Problem> {
        let Some(text) = self.server.as_deref() else { return Ok(None) };
        let text = text.trim();
        text.parse::<SocketAddr>()
            .or_else(|_| text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53)))
            .map(Some)
            .map_err(|_| {
                Problem::new("server", format!("\"{text}\" is not an address"))
                    .hint("server = \"192.0.2.53:53\"")
            })
    }
}

// === impl Dns ===

impl Dns {
    pub(crate) fn new(spec: &DnsSpec, _shared: &Shared) -> Result<Dns, Problem> {
        if let Some(p) = spec.validate().into_iter().next() {
            return Err(p);
        }
        let record = spec.record()?;
        let name = spec.question_name(record == RecordType::PTR)?;
        let (servers, own) = match spec.server()? {
            Some(server) => (vec![server], false),
            None => (system_servers()?, true),
        };
        let mut expect = Vec::with_capacity(spec.expect.len());
        for value in &spec.expect {
            expect.push(form::of_text(record, value).map_err(|e| Problem::new("expect", e))?);
        }
        expect.sort();
        expect.dedup();
        Ok(Dns {
            question: question(&name, record, spec.recursion)?,
            control: question(&Name::root(), RecordType::NS, true)?,
            name,
            record,
            servers,
            own,
            tcp: spec.tcp,
            expect,
            expect_match: spec.expect_match,
        })
    }

    /// Ends before `look.deadline` with a finding of its own; `timed_out` is for when it did not.
    pub(crate) async fn look(&self, look: &Look<'_>, trace: &mut Trace) -> Result<Good, Fault> {
        trace.begin(Phase::Dns);
        let result = self.ask_all(look, trace).await;
        trace.end();
        let answer = match result {
            Ok(answer) => answer,
            Err((server, failure)) => return Err(self.fault(look, server, &failure).await),
        };
        match answer.rcode {
            ResponseCode::NoError => {}
            ResponseCode::NXDomain => {
                return Err(Fault::target(Finding::DnsNoSuchName, format!("{}: no such name", self.name)));
            }
            code => {
                let failure = Failure::Refused(code);
                return Err(self.fault(look, answer.server, &failure).await);
            }
        }
        if answer.values.is_empty() {
            let detail = format!("{}: no {} record", self.name, self.record);
            return Err(Fault::target(Finding::DnsNoAnswer, detail));
        }
        if !self.meets(&answer.values) {
            let finding = Finding::DnsUnexpected { expected: said(&self.expect), got: said(&answer.values) };
            return Err(Fault::target(finding, format!("{}: got {}", self.name, answer.values.join(", "))));
        }
        let mut good = Good::default();
        if look.wants_facts {
            let mut facts = Facts::new(NAMES);
            facts.set("rcode", "NOERROR");
            facts.set("count", i64::try_from(answer.values.len()).unwrap_or(i64::MAX));
            facts.set("ttl", answer.ttl.map(i64::from));
            facts.set("authoritative", answer.authoritative);
            facts.set("authenticated", answer.authenticated);
            facts.set("answers", Fact::texts(answer.values));
            set_times(&mut facts, &trace.phases, clock::mono().saturating_duration_since(look.started));
            good.facts = Some(facts);
        }
        Ok(good)
    }

    pub(crate) fn timed_out(&self, timeout_ms: u32) -> Fault {
        let detail = format!("{}: no answer within {timeout_ms} ms", self.name);
        if self.own {
            Fault::ours("own resolver does not answer", detail)
        } else {
            Fault::path(Finding::DnsTimeout { timeout_ms }, detail)
        }
    }

    fn meets(&self, values: &[String]) -> bool {
        let there = |e: &String| values.contains(e);
        match self.expect_match {
            _ if self.expect.is_empty() => true,
            Match::All => self.expect.iter().all(there),
            Match::Any => self.expect.iter().any(there),
            Match::Exact => self.expect == values,
        }
    }

    /// Asks the servers in turn, each one more than once when there is time.
    async fn ask_all(&self, look: &Look<'_>, trace: &mut Trace) -> Result<Answer, (SocketAddr, Failure)> {
        let end = look.deadline - MARGIN.min(look.timeout / 10);
        let mut worst = Failure::Silence;
        let mut turn = 0usize;
        loop {
            let server = self.servers[turn % self.servers.len()];
            turn += 1;
            trace.remote = Some(server);
            let left = end.saturating_duration_since(clock::mono());
            if left.is_zero() {
                return Err((server, worst));
            }
            let wait = TRY.min(left);
            let failure =
                match self.ask(&self.question, &self.name, self.record, server, self.tcp, wait).await {
                    Ok(answer) => return Ok(answer),
                    Err(failure) => failure,
                };
            let more_servers = turn < self.servers.len();
            match failure {
                Failure::Silence => {}
                // Somebody answers there; what it says may still be followed by a good answer from another server.
                Failure::Garbage(_) if turn == 1 => worst = failure,
                failure if more_servers => worst = failure,
                failure => return Err((server, failure)),
            }
        }
    }

    async fn ask(
        &self,
        question: &[u8],
        name: &Name,
        record: RecordType,
        server: SocketAddr,
        tcp: bool,
        wait: Duration,
    ) -> Result<Answer, Failure> {
        let id = stillhere_net::entropy::u64().to_be_bytes();
        let mut sent = question.to_vec();
        sent[..2].copy_from_slice(&id[..2]);
        let expect = exchange::Expect { id: u16::from_be_bytes([id[0], id[1]]), name, record };
        let started = clock::mono();
        if !tcp {
            match exchange::udp(server, &sent, &expect, wait).await? {
                Some(message) => return Ok(Answer::of(message, record, server)),
                None => tracing::trace!("the answer does not fit a datagram"),
            }
        }
        let left = wait.saturating_sub(clock::mono().saturating_duration_since(started)).max(MARGIN);
        let message = exchange::tcp(server, &sent, &expect, left).await?;
        Ok(Answer::of(message, record, server))
    }

    async fn fault(&self, look: &Look<'_>, server: SocketAddr, failure: &Failure) -> Fault {
        let ms = stillhere_net::trace::millis(look.timeout);
        let detail = format!("{} at {server}: {failure}", self.name);
        if let Failure::Ours(fault) = failure {
            return (**fault).clone();
        }
        if self.own {
            // Does our resolver work at all? Only then is what it says a word about the target.
            let left = look.deadline.saturating_duration_since(clock::mono());
            let wait = CONTROL.min(left.saturating_sub(Duration::from_millis(5)));
            let works = !wait.is_zero()
                && matches!(
                    self.ask(&self.control, &Name::root(), RecordType::NS, server, false, wait).await,
                    Ok(a) if a.rcode == ResponseCode::NoError
                );
            if !works && !matches!(failure, Failure::Silence) {
                return Fault::ours("own resolver does not work", detail);
            }
            if !works {
                return Fault::ours("own resolver does not answer", detail);
            }
        }
        match failure {
            Failure::Silence => Fault::path(Finding::DnsTimeout { timeout_ms: ms }, detail),
            Failure::Closed => Fault::target(Finding::ConnectRefused, detail),
            Failure::Unreachable => Fault::path(Finding::Unreachable, detail),
            Failure::Garbage(_) => Fault::target(Finding::MalformedAnswer, detail),
            Failure::Refused(code) => {
                Fault::target(Finding::DnsRefused { code: answer::word(*code) }, detail)
            }
            Failure::Ours(fault) => (**fault).clone(),
        }
    }
}

/// What a look makes of `bytes` as the answer to its question with this number: the values, and how they may be
/// said in public. `None`: not believed. Without a socket, so that hostile bytes can be tried quickly.
#[doc(hidden)]
#[must_use]
pub fn believe(spec: &DnsSpec, number: u16, bytes: &[u8]) -> Option<(Vec<String>, String)> {
    let record = spec.record().ok()?;
    let name = spec.question_name(record == RecordType::PTR).ok()?;
    let expect = exchange::Expect { id: number, name: &name, record };
    let message = exchange::read(bytes, &expect).ok()?;
    if message.metadata.truncation {
        return None;
    }
    let values = Answer::of(message, record, (Ipv4Addr::LOCALHOST, 53).into()).values;
    let public = said(&values);
    Some((values, public))
}

fn question(name: &Name, record: RecordType, recursion: bool) -> Result<Vec<u8>, Problem> {
    let mut message = Message::new(0, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = recursion;
    // Asks to be told whether the answer was verified (RFC 6840 §5.7).
    message.metadata.authentic_data = true;
    message.add_query(Query::query(name.clone(), record));
    let mut edns = Edns::new();
    edns.set_max_payload(UDP_PAYLOAD);
    message.set_edns(edns);
    message.to_vec().map_err(|e| Problem::new("domain", format!("cannot be asked for: {e}")))
}

fn system_servers() -> Result<Vec<SocketAddr>, Problem> {
    let none = |e: String| {
        Problem::new("server", format!("the system has no name server: {e}")).hint("server = \"192.0.2.53\"")
    };
    let (config, _) = hickory_resolver::system_conf::read_system_conf().map_err(|e| none(e.to_string()))?;
    let mut servers: Vec<SocketAddr> = Vec::new();
    for s in config.name_servers() {
        let port = s.connections.first().map_or(53, |c| c.port);
        let server = SocketAddr::new(s.ip, port);
        if !servers.contains(&server) {
            servers.push(server);
        }
    }
    if servers.is_empty() { Err(none("none is configured".to_owned())) } else { Ok(servers) }
}

/// Values as they may be said in public: an address that is nobody's business is not.
fn said(values: &[String]) -> String {
    use stillhere_net::guard::{Place, place};
    let shown: Vec<&str> = values
        .iter()
        .map(|v| match v.parse::<IpAddr>() {
            Ok(ip) if place(ip) != Place::Public => "a private address",
            _ => v.as_str(),
        })
        .collect();
    let all = shown.join(", ");
    match all.char_indices().nth(MAX_VALUES_CHARS) {
        Some((at, _)) => format!("{}…", &all[..at]),
        None => all,
    }
}
