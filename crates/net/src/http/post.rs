//! A POST to somebody's webhook: one fresh HTTP/1.1 connection, a deadline, no redirects, nothing kept alive.

use super::{Ask, Plan, Route, Target, Version, Want};
use crate::{
    clock,
    dns::{Family, Resolver},
    fault::Fault,
    guard::Policy,
    tls,
    trace::{Phase, Trace, millis},
};
use bytes::Bytes;
use http::{HeaderMap, Method};
use std::{sync::Arc, time::Duration};

/// How much of the answer is read, in bytes: enough for an error message.
pub const MAX_ANSWER: u64 = 4 * 1024;

/// Makes POSTs. Build one and share it.
#[derive(Debug, Clone)]
pub struct Poster {
    resolver: Arc<Resolver>,
    tls: tls::Client,
}

/// One POST.
#[derive(Debug)]
pub struct Post<'a> {
    pub url: &'a str,
    /// Must not hold `Connection`, `Content-Length` or `Transfer-Encoding`.
    pub headers: HeaderMap,
    pub body: Bytes,
    pub timeout: Duration,
    pub policy: Policy,
}

/// The far side's answer, whatever it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    pub status: u16,
    /// The `Retry-After` header as it came.
    pub retry_after: Option<String>,
    /// The first [`MAX_ANSWER`] bytes of the body.
    pub body: Vec<u8>,
}

/// There was no answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Failed {
    /// This URL can never be asked.
    #[error("{0}")]
    BadUrl(String),
    /// This policy does not allow the address; trying again helps only when the name changes.
    #[error("{0}")]
    Refused(Fault),
    /// Nothing of the message was sent.
    #[error("{0}")]
    NotSent(Fault),
    /// The message was sent, wholly or in part: the far side may have taken it.
    #[error("{0}")]
    MaybeSent(Fault),
}

// === impl Poster ===

impl Poster {
    /// # Errors
    /// When the TLS options cannot be used.
    pub fn new(
        resolver: Arc<Resolver>,
        store: &Arc<tls::Store>,
        options: &tls::Options,
    ) -> Result<Poster, tls::Error> {
        let options = tls::Options { alpn: tls::Alpn::Http11, ..options.clone() };
        Ok(Poster { resolver, tls: store.client(&options)? })
    }

    /// Sends it, at most once.
    ///
    /// # Errors
    /// When there was no whole answer within the timeout; the variant says whether the message may have arrived.
    pub async fn post(&self, post: Post<'_>) -> Result<Answered, Failed> {
        let bad = |e: String| Failed::BadUrl(e);
        let target = Target::parse(post.url).map_err(|e| bad(e.to_string()))?;
        let ask = Ask { method: Method::POST, headers: post.headers, body: post.body };
        let plan = Plan::new(target, &ask, &self.tls, None, Version::Http11, None).map_err(bad)?;
        let route = Route { resolver: self.resolver.clone(), family: Family::Auto, proxy: None };
        let want = Want { headers: false, body: true, max_body: MAX_ANSWER, stop_at_redirect: false };
        let started = clock::mono();
        let mut trace = Trace::start(started);
        let deadline = started + post.timeout;
        let run = plan.run(&route, post.policy, &want, deadline, &mut trace);
        let ended = tokio::time::timeout_at(deadline.into(), run).await;
        let fault = match ended {
            Ok(Ok(answer)) => {
                return Ok(Answered {
                    status: answer.status,
                    retry_after: answer.retry_after,
                    body: answer.body,
                });
            }
            Ok(Err(fault)) => fault,
            Err(_) => Fault::out_of_time(&trace, &self.resolver, millis(post.timeout)),
        };
        Err(match trace.phase {
            Phase::FirstByte | Phase::Body => Failed::MaybeSent(fault),
            _ if matches!(fault.finding, stillhere_model::Finding::NotAllowed { .. }) => {
                Failed::Refused(fault)
            }
            _ => Failed::NotSent(fault),
        })
    }
}
