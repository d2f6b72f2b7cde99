//! Any bytes as a server's answer over HTTP/1.1 and HTTP/2: bounded, the server's doing whatever it is, and over
//! HTTP/1.1 the same however the network cuts it.
//!
//! The first three bytes say how it is read: version and wishes, the most of the body, how it is cut.

use bytes::Bytes;
use std::{
    pin::Pin,
    sync::OnceLock,
    task::{Context, Poll},
};
use stillhere_model::{Finding, Side};
use stillhere_net::{
    Fault, Trace, clock,
    http::{Answer, Ask, MAX_HEADERS, Plan, Target, Version, Want},
    tls,
};
use tokio::io::{AsyncRead, ReadBuf};

const HTTP2: u8 = 1;
const HEAD: u8 = 2;
const HEADERS: u8 = 4;
const BODY: u8 = 8;
const STOP_AT_REDIRECT: u8 = 16;

/// A stranger's bytes, in pieces, then the end of the connection.
pub(crate) struct Pieces<'a> {
    data: &'a [u8],
    /// Zero: all at once.
    seed: u8,
    /// So often there is nothing to be read yet: over HTTP/2 an answer before the request is no answer.
    waits: u8,
}

/// As often as the request needs to be under way.
const HTTP2_WAITS: u8 = 4;

// === impl Pieces ===

impl<'a> Pieces<'a> {
    pub(crate) fn new(data: &'a [u8], seed: u8) -> Pieces<'a> {
        Pieces { data, seed, waits: 0 }
    }
}

impl AsyncRead for Pieces<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        if self.waits > 0 {
            self.waits -= 1;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let most = if self.seed == 0 { usize::MAX } else { 1 + usize::from(self.seed % 23) };
        if self.seed != 0 {
            self.seed = self.seed.wrapping_mul(37).wrapping_add(11).max(1);
        }
        let n = most.min(self.data.len()).min(buf.remaining());
        let (now, later) = self.data.split_at(n);
        buf.put_slice(now);
        self.data = later;
        Poll::Ready(Ok(()))
    }
}

pub fn run(data: &[u8]) {
    let Some((&[how, most, cut], answer)) = data.split_first_chunk::<3>() else { return };
    let want = Want {
        headers: how & HEADERS != 0,
        body: how & BODY != 0,
        max_body: u64::from(most) * 16,
        stop_at_redirect: how & STOP_AT_REDIRECT != 0,
    };
    let plan = plan(how);
    let whole = read(plan, answer, 0, if how & HTTP2 == 0 { 0 } else { HTTP2_WAITS }, &want);
    hold(&whole, &want);
    if how & HTTP2 == 0 {
        let again = read(plan, answer, cut.max(1), 0, &want);
        assert_eq!(gist(&whole), gist(&again), "it depends on how it is cut");
    }
}

fn plan(how: u8) -> &'static Plan {
    static PLANS: OnceLock<[Plan; 4]> = OnceLock::new();
    let plans = PLANS.get_or_init(|| {
        tls::install();
        let client = std::sync::Arc::new(tls::Store::default())
            .client(&tls::Options::default())
            .expect("the defaults");
        [0, HTTP2, HEAD, HTTP2 | HEAD].map(|how| {
            let method = if how & HEAD == 0 { http::Method::GET } else { http::Method::HEAD };
            let version = if how & HTTP2 == 0 { Version::Http11 } else { Version::Http2 };
            let ask = Ask { method, headers: http::HeaderMap::new(), body: Bytes::new() };
            let target = Target::parse("http://target.example/path?query").expect("a URL");
            Plan::new(target, &ask, &client, None, version, None).expect("can be asked")
        })
    });
    &plans[usize::from(how & (HTTP2 | HEAD))]
}

fn read(plan: &Plan, answer: &[u8], cut: u8, waits: u8, want: &Want) -> Result<Answer, Fault> {
    let io = tokio::io::join(Pieces { waits, ..Pieces::new(answer, cut) }, tokio::io::sink());
    let mut trace = Trace::start(clock::mono());
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime without timers");
    runtime.block_on(plan.over(io, want, &mut trace))
}

fn hold(read: &Result<Answer, Fault>, want: &Want) {
    match read {
        Ok(answer) => {
            assert!((200..=999).contains(&answer.status), "{}", answer.status);
            assert!(answer.body_bytes <= want.max_body && answer.body.len() as u64 <= answer.body_bytes);
            assert!(want.body || answer.body.is_empty());
            assert!(answer.headers.len() <= MAX_HEADERS && (want.headers || answer.headers.is_empty()));
        }
        // Whatever a server says, it is the server's doing and never ours.
        Err(fault) => assert_eq!(fault.side, Side::Target, "{fault:?}"),
    }
}

type Gist<'a> = Result<(u16, &'a [u8], u64, bool, &'a [(String, String)], Option<&'a str>), &'a Finding>;

fn gist(read: &Result<Answer, Fault>) -> Gist<'_> {
    match read {
        Ok(a) => Ok((a.status, &a.body, a.body_bytes, a.truncated, &a.headers, a.location.as_deref())),
        Err(fault) => Err(&fault.finding),
    }
}
