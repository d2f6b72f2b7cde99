//! `tcp`: a connection, and if wanted a few words on it.

use super::{Endpoint, Good, Ip, Look, Problem, Shared, set_times};
use crate::condition::{Fact, Facts, Name, Sample};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stillhere_model::Finding;
use stillhere_net::{Fault, Phase, Trace, clock};
use tokio::{io::AsyncReadExt as _, io::AsyncWriteExt as _, net::TcpStream};

/// Most bytes of an answer that are read while looking for `expect`.
pub const MAX_ANSWER: usize = 64 * 1024;
/// Longest `send` and `expect`, in bytes.
pub const MAX_TEXT: usize = 4 * 1024;

/// What conditions may say.
pub static NAMES: &[Name] = &[
    Name::private(
        "answer",
        "What the target said until `expect` was found; null without `expect`.",
        Sample::Text("220 ready"),
    ),
    Name::public(
        "dns_ms",
        "How long the name look-up took; null when the host is an address.",
        Sample::Int(4),
    ),
    Name::public("connect_ms", "How long it took to connect.", Sample::Int(12)),
    Name::public(
        "first_byte_ms",
        "How long the target took to say something; null without `expect`.",
        Sample::Int(5),
    ),
    Name::public("total_ms", "How long the whole look took.", Sample::Int(20)),
];

/// Opens a TCP connection. Up when it is accepted (and, where `expect` is set, the target says the expected text).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TcpSpec {
    /// Host name or address.
    pub host: String,
    /// Port.
    #[schemars(range(min = 1))]
    pub port: u16,
    /// IPv4 or IPv6.
    #[serde(default)]
    pub ip: Ip,
    /// Text to send once connected, such as "PING\r\n".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = MAX_TEXT))]
    pub send: Option<String>,
    /// Text that must be in the answer, such as "PONG". Without it nothing is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = MAX_TEXT))]
    pub expect: Option<String>,
}

pub(crate) struct Tcp {
    endpoint: Endpoint,
    send: Option<String>,
    expect: Option<String>,
}

// === impl TcpSpec ===

impl TcpSpec {
    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        let mut problems: Vec<Problem> =
            Endpoint::new(&self.host, self.port, self.ip).err().into_iter().collect();
        for (key, text) in [("send", &self.send), ("expect", &self.expect)] {
            match text {
                Some(t) if t.is_empty() => {
                    problems.push(Problem::new(key, "it is empty").hint("leave the key out"))
                }
                Some(t) if t.len() > MAX_TEXT => {
                    problems.push(Problem::new(key, format!("it is longer than {MAX_TEXT} bytes")));
                }
                _ => {}
            }
        }
        problems
    }

    /// `host:port`.
    #[must_use]
    pub fn target(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

// === impl Tcp ===

impl Tcp {
    pub(crate) fn new(spec: &TcpSpec, _: &Shared) -> Result<Tcp, Problem> {
        let endpoint = Endpoint::new(&spec.host, spec.port, spec.ip)?;
        Ok(Tcp { endpoint, send: spec.send.clone(), expect: spec.expect.clone() })
    }

    pub(crate) async fn look(&self, look: &Look<'_>, trace: &mut Trace) -> Result<Good, Fault> {
        let mut stream = look.connect(&self.endpoint, false, trace).await?;
        let answer = self.talk(&mut stream, trace).await?;
        let facts = look.wants_facts.then(|| {
            let mut facts = Facts::new(NAMES);
            if let Some(answer) = &answer {
                facts.set("answer", Fact::bytes(answer));
            }
            set_times(&mut facts, &trace.phases, clock::mono().saturating_duration_since(look.started));
            facts
        });
        Ok(Good { facts, ..Good::default() })
    }

    async fn talk(&self, stream: &mut TcpStream, trace: &mut Trace) -> Result<Option<Vec<u8>>, Fault> {
        let (send, expect) = match (&self.send, &self.expect) {
            (None, None) => return Ok(None),
            both => both,
        };
        trace.begin(Phase::FirstByte);
        if let Some(text) = send {
            stream.write_all(text.as_bytes()).await.map_err(|e| Fault::io(Phase::FirstByte, &e))?;
        }
        let Some(expect) = expect else {
            trace.end();
            return Ok(None);
        };
        let needle = expect.as_bytes();
        let mut answer = Vec::with_capacity(1024);
        loop {
            let before = answer.len();
            let n = stream.read_buf(&mut answer).await.map_err(|e| Fault::io(trace.phase, &e))?;
            if before == 0 && n > 0 {
                trace.then(Phase::Body);
            }
            // Only what is new can complete the text.
            let from = before.saturating_sub(needle.len() - 1);
            if answer[from..].windows(needle.len()).any(|w| w == needle) {
                trace.end();
                return Ok(Some(answer));
            }
            if n == 0 && answer.is_empty() {
                return Err(Fault::target(Finding::ClosedEarly, "closed without a word"));
            }
            if n == 0 || answer.len() >= MAX_ANSWER {
                let finding = Finding::ConditionFailed {
                    condition: format!("answer contains {expect:?}"),
                    actual: format!("{} bytes without it", answer.len()),
                };
                let said = String::from_utf8_lossy(&answer[..answer.len().min(200)]).into_owned();
                return Err(Fault::target(finding, format!("it said: {said}")));
            }
        }
    }
}
