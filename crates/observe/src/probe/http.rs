//! `http`: a URL is asked, on a fresh connection, and the answer judged: status, text, certificate, conditions.

mod spec;

pub use spec::{Auth, Body, BodyFile, HeaderText, HttpSpec, HttpVersion, Proxy, StatusRange, Statuses, Tls};

use super::{Good, Look, Problem, Report, Shared, set_times, tls::THRESHOLDS};
use crate::condition::{Fact, Facts, Name, Sample};
use http::{HeaderMap, Method, header};
use std::sync::Arc;
use stillhere_model::Finding;
use stillhere_net::{
    Fault, Trace, clock,
    dns::Host,
    guard::Policy,
    http::{Answer, Ask, Plan, Route, Target, Version, Want, led_from},
    tls,
};

/// What conditions may say.
pub static NAMES: &[Name] = &[
    Name::public("status", "The status code.", Sample::Int(200)),
    Name::public("http_version", "`HTTP/1.0`, `HTTP/1.1` or `HTTP/2`.", Sample::Text("HTTP/1.1")),
    Name::private(
        "headers",
        "The headers by name in lower case; of several with one name the last.",
        Sample::Map(&[("content-type", "text/html")]),
    ),
    Name::private("body", "The body as text, its first 64 KiB.", Sample::Text("ok")),
    Name::private(
        "json",
        "The body as JSON; null when it is none or longer than 64 KiB.",
        Sample::Json("{}"),
    ),
    Name::public("body_bytes", "How many bytes of the body were read.", Sample::Int(512)),
    Name::public("redirects", "How many redirects were followed.", Sample::Int(0)),
    Name::private("url", "Where the answer came from in the end.", Sample::Text("https://example.org/")),
    Name::public(
        "certificate_days",
        "Whole days until the certificate chain ends; null without TLS.",
        Sample::Int(60),
    ),
    Name::public(
        "dns_ms",
        "How long the name look-up took; null when the host is an address.",
        Sample::Int(4),
    ),
    Name::public("connect_ms", "How long it took to connect.", Sample::Int(12)),
    Name::public("tls_ms", "How long the TLS handshake took; null without TLS.", Sample::Int(30)),
    Name::public("first_byte_ms", "How long the target took to begin its answer.", Sample::Int(40)),
    Name::public("body_ms", "How long the answer took from its first byte to its end.", Sample::Int(5)),
    Name::public("total_ms", "How long the whole look took.", Sample::Int(90)),
];

/// Prepared: nothing in here changes between looks.
pub(crate) struct Http {
    plan: Plan,
    route: Route,
    want: Want,
    redirects: u8,
    accepted: Statuses,
    contains: Option<String>,
    not_contains: Option<String>,
    again: Again,
}

/// What it takes to ask another URL, after a redirect.
struct Again {
    ask: Ask,
    /// The same without anything that is meant for the first origin alone.
    bare: Ask,
    tls: tls::Client,
    /// For other origins: without our client certificate.
    bare_tls: tls::Client,
    server_name: Option<Host>,
    version: Version,
}

// === impl Http ===

impl Http {
    pub(crate) fn new(spec: &HttpSpec, shared: &Shared) -> Result<Http, Problem> {
        let target = spec.parse_url()?;
        let ask = spec.ask()?;
        let proxy = spec.proxy.as_ref().map(Proxy::prepare).transpose()?.map(Arc::new);
        let version = spec.version.into();
        let options = spec.tls_options();
        let bare_options = tls::Options { client: None, ..options.clone() };
        let client = |o: &tls::Options| {
            shared.tls.client(o).map_err(|e| super::tls::problem(&e, "tls.ca_file", "tls.client_certificate"))
        };
        let (tls, bare_tls) = (client(&options)?, client(&bare_options)?);
        if target.https() {
            tls.warm().map_err(|e| Problem::new("tls.ca_file", e.to_string()))?;
        }
        let server_name = spec.tls.server_name.as_deref().and_then(Host::parse);
        let bare = Ask { headers: HeaderMap::new(), ..ask.clone() };
        let again = Again { ask, bare, tls, bare_tls, server_name, version };
        let plan = again.plan(target, proxy.as_deref()).map_err(|e| Problem::new("url", e))?;
        Ok(Http {
            plan,
            route: Route { resolver: shared.resolver.clone(), family: spec.ip.into(), proxy },
            want: Want {
                headers: false,
                body: spec.contains.is_some() || spec.not_contains.is_some(),
                max_body: spec.max_body_bytes,
                stop_at_redirect: spec.redirects > 0,
            },
            redirects: spec.redirects,
            accepted: spec.status.clone(),
            contains: spec.contains.clone(),
            not_contains: spec.not_contains.clone(),
            again,
        })
    }

    pub(crate) async fn look(
        &self,
        look: &Look<'_>,
        trace: &mut Trace,
        report: &mut Report,
    ) -> Result<Good, Fault> {
        let want = Want {
            headers: self.want.headers || look.wants_facts,
            body: self.want.body || look.wants_facts,
            ..self.want
        };
        let mut answer = self.plan.run(&self.route, Policy::Operator, &want, look.deadline, trace).await?;
        let mut at = None;
        if answer.redirects() && self.redirects > 0 {
            let (last, target) = Box::pin(self.follow(answer, &want, look, trace, report)).await?;
            answer = last;
            at = Some(target);
        }
        report.http_version = Some(answer.version);
        report.status = Some(answer.status);
        report.body_bytes = Some(answer.body_bytes);
        report.certificate = answer.certificate.clone();
        self.judge(&answer)?;
        let now = clock::wall();
        let facts = look.wants_facts.then(|| {
            let url = at.as_ref().unwrap_or(self.plan.target()).url();
            facts(&answer, url, report.redirects.len(), look, trace)
        });
        let remark = answer.certificate.as_ref().and_then(|c| c.ends_within(THRESHOLDS[0], now));
        Ok(Good { facts, remark, detail: None })
    }

    /// Goes where redirects lead. What was meant for the first origin alone is not told to others, and none may
    /// lead us to a place less public than itself.
    async fn follow(
        &self,
        mut answer: Answer,
        want: &Want,
        look: &Look<'_>,
        trace: &mut Trace,
        report: &mut Report,
    ) -> Result<(Answer, Target), Fault> {
        let first = self.plan.target();
        let mut at = first.clone();
        let mut policy = Policy::Operator;
        let mut method = self.again.ask.method.clone();
        while let Some(location) = answer.location.clone().filter(|_| answer.redirects()) {
            if report.redirects.len() >= usize::from(self.redirects) {
                let finding = Finding::TooManyRedirects { limit: self.redirects };
                return Err(Fault::target(finding, format!("{at} redirects once more")));
            }
            let refuse =
                |why: String| Fault::target(Finding::RedirectRefused, format!("{at} redirects: {why}"));
            let next = at.join(&location).map_err(|e| refuse(e.to_string()))?;
            if next.host() != at.host() {
                policy = led_from(trace);
            }
            let home = next.same_origin(first);
            let mut ask = if home { self.again.ask.clone() } else { self.again.bare.clone() };
            // As browsers do: 307 and 308 repeat the request, the others ask for the answer.
            if answer.status == 303 && method != Method::HEAD
                || matches!(answer.status, 301 | 302) && method == Method::POST
            {
                method = Method::GET;
            }
            ask.method = method.clone();
            if method == Method::GET || method == Method::HEAD {
                ask.body = bytes::Bytes::new();
                ask.headers.remove(header::CONTENT_TYPE);
            } else if !home {
                return Err(refuse(format!("{method} would be repeated elsewhere")));
            }
            let tls = if home { &self.again.tls } else { &self.again.bare_tls };
            let name = self.again.server_name.as_ref().filter(|_| next.host() == first.host());
            let proxy = self.route.proxy.as_deref();
            let plan = Plan::new(next.clone(), &ask, tls, name, self.again.version, proxy).map_err(refuse)?;
            report.redirects.push(next.to_string());
            answer = plan.run(&self.route, policy, want, look.deadline, trace).await?;
            at = next;
        }
        Ok((answer, at))
    }

    fn judge(&self, answer: &Answer) -> Result<(), Fault> {
        if !self.accepted.accept(answer.status) {
            let detail = format!("accepted: {}", self.accepted);
            return Err(Fault::target(Finding::HttpStatus { status: answer.status }, detail));
        }
        let has = |text: &String| memchr::memmem::find(&answer.body, text.as_bytes()).is_some();
        let size = || format!("{} bytes", answer.body_bytes);
        let failed = |condition: String, actual: String| {
            Err(Fault::target(Finding::ConditionFailed { condition, actual }, beginning(&answer.body)))
        };
        if let Some(text) = &self.not_contains
            && has(text)
        {
            return failed(format!("the body does not contain {text:?}"), format!("{} with it", size()));
        }
        // A text that was not found, in a body that goes on: nobody can tell.
        let cut = answer.truncated.then_some(Finding::BodyTooLarge { limit_bytes: self.want.max_body });
        if let Some(text) = &self.contains
            && !has(text)
        {
            return match cut {
                Some(finding) => {
                    Err(Fault::target(finding, format!("{text:?} is not in the part that was read")))
                }
                None => failed(format!("the body contains {text:?}"), format!("{} without it", size())),
            };
        }
        match cut {
            Some(finding) if self.not_contains.is_some() => {
                Err(Fault::target(finding, "the forbidden text may be in the rest"))
            }
            _ => Ok(()),
        }
    }
}

// === impl Again ===

impl Again {
    fn plan(&self, target: Target, proxy: Option<&stillhere_net::http::Proxy>) -> Result<Plan, String> {
        Plan::new(target, &self.ask, &self.tls, self.server_name.as_ref(), self.version, proxy)
    }
}

fn facts(answer: &Answer, url: &str, redirects: usize, look: &Look<'_>, trace: &Trace) -> Facts {
    let mut facts = Facts::new(NAMES);
    facts.set("status", i64::from(answer.status));
    facts.set("http_version", answer.version);
    facts.set("headers", Fact::map(answer.headers.iter().cloned()));
    facts.set_body("body", "json", &answer.body);
    facts.set("body_bytes", i64::try_from(answer.body_bytes).unwrap_or(i64::MAX));
    facts.set("redirects", i64::try_from(redirects).unwrap_or(i64::MAX));
    facts.set("url", url);
    facts.set("certificate_days", answer.certificate.as_ref().map(|c| c.days_left(clock::wall())));
    set_times(&mut facts, &trace.phases, clock::mono().saturating_duration_since(look.started));
    facts
}

/// What the operator is shown of a body.
fn beginning(body: &[u8]) -> String {
    const SHOWN: usize = 200;
    format!("the body begins: {}", String::from_utf8_lossy(&body[..body.len().min(SHOWN)]))
}
