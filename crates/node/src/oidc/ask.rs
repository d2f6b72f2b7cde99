//! The four requests to a provider, over the guarded client: one fresh connection each, bounded in size and time, no redirects.

use super::ProviderError;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use serde::Deserialize;
use std::{path::Path, sync::Arc, time::Duration};
use stillhere_access::oidc::{Provider, provider::ClientAuth};
use stillhere_net::{
    clock,
    dns::{Family, Resolver},
    guard::Policy,
    http::{Ask, Plan, Route, Target, Version, Want, led_from},
    tls,
    trace::{Trace, millis},
};
use url::form_urlencoded;

/// A provider that takes longer is away.
const WITHIN: Duration = Duration::from_secs(5);
/// Largest document, set of keys or answer.
const MAX_ANSWER: u64 = 256 * 1024;
/// As much of a provider's error is written into the log.
const MAX_SAID_CHARS: usize = 100;

pub(super) struct Http {
    resolver: Arc<Resolver>,
    tls: tls::Client,
}

/// Who we are there.
#[derive(Clone, Copy)]
pub(super) struct Client<'a> {
    pub(super) id: &'a str,
    pub(super) secret: Option<&'a str>,
}

#[derive(Deserialize)]
pub(super) struct Tokens {
    pub(super) id_token: String,
    pub(super) access_token: Option<String>,
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
}

struct Answered {
    status: u16,
    body: Vec<u8>,
    /// What this place may lead to.
    leads_to: Policy,
}

// === impl Http ===

impl Http {
    /// `ca_file`: PEM certificates to trust instead of the machine's.
    pub(super) fn new(ca_file: Option<&Path>) -> Result<Http, tls::Error> {
        let ca_file = ca_file.map(Path::to_path_buf);
        let options = tls::Options { alpn: tls::Alpn::Http11, ca_file, ..tls::Options::default() };
        let tls = Arc::new(tls::Store::default()).client(&options)?;
        Ok(Http { resolver: Arc::new(Resolver::system()), tls })
    }

    /// A document, and where what it names may lead.
    pub(super) async fn get(&self, url: &str, policy: Policy) -> Result<(Vec<u8>, Policy), ProviderError> {
        let answered = self.ask(Method::GET, url, HeaderMap::new(), Bytes::new(), policy).await?;
        match answered.status {
            200 => Ok((answered.body, answered.leads_to)),
            status => Err(ProviderError::Away(format!("{} answers {status}", shown(url)))),
        }
    }

    /// A code for what it is worth.
    pub(super) async fn exchange(
        &self,
        provider: &Provider,
        policy: Policy,
        client: &Client<'_>,
        redirect_uri: &str,
        code: &str,
        verifier: &str,
    ) -> Result<Tokens, ProviderError> {
        let (headers, body) = client.request(provider, redirect_uri, code, verifier);
        let answered = self.ask(Method::POST, &provider.token, headers, body, policy).await?;
        if answered.status == 200 {
            return serde_json::from_slice(&answered.body)
                .map_err(|_| ProviderError::NotTaken("there is no ID token in its answer".to_owned()));
        }
        match serde_json::from_slice::<Refusal>(&answered.body) {
            Ok(refusal) if answered.status < 500 => Err(ProviderError::NotTaken(plain(&refusal.error))),
            _ => Err(ProviderError::Away(format!("{} answers {}", shown(&provider.token), answered.status))),
        }
    }

    pub(super) async fn userinfo(
        &self,
        url: &str,
        policy: Policy,
        token: &str,
    ) -> Result<Vec<u8>, ProviderError> {
        let mut headers = HeaderMap::new();
        let mut value = HeaderValue::from_str(&format!("Bearer {token}"))
            .map_err(|_| ProviderError::NotTaken("its access token cannot be sent".to_owned()))?;
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
        let answered = self.ask(Method::GET, url, headers, Bytes::new(), policy).await?;
        match answered.status {
            200 => Ok(answered.body),
            status => Err(ProviderError::Away(format!("{} answers {status}", shown(url)))),
        }
    }

    async fn ask(
        &self,
        method: Method,
        url: &str,
        mut headers: HeaderMap,
        body: Bytes,
        policy: Policy,
    ) -> Result<Answered, ProviderError> {
        let away = |why: &dyn std::fmt::Display| ProviderError::Away(format!("{}: {why}", shown(url)));
        let target = Target::parse(url).map_err(|e| away(&e))?;
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        let ask = Ask { method, headers, body };
        let plan = Plan::new(target, &ask, &self.tls, None, Version::Http11, None).map_err(|e| away(&e))?;
        let route = Route { resolver: self.resolver.clone(), family: Family::Auto, proxy: None };
        let want = Want { headers: false, body: true, max_body: MAX_ANSWER, stop_at_redirect: true };
        let started = clock::mono();
        let mut trace = Trace::start(started);
        let deadline = started + WITHIN;
        let run = plan.run(&route, policy, &want, deadline, &mut trace);
        match tokio::time::timeout_at(deadline.into(), run).await {
            Ok(Ok(answer)) if answer.truncated => Err(away(&format_args!("more than {MAX_ANSWER} bytes"))),
            Ok(Ok(answer)) => {
                Ok(Answered { status: answer.status, body: answer.body, leads_to: led_from(&trace) })
            }
            Ok(Err(fault)) => Err(away(&fault)),
            Err(_) => Err(away(&stillhere_net::Fault::out_of_time(&trace, &self.resolver, millis(WITHIN)))),
        }
    }
}

// === impl Client ===

impl Client<'_> {
    fn request(
        &self,
        provider: &Provider,
        redirect_uri: &str,
        code: &str,
        verifier: &str,
    ) -> (HeaderMap, Bytes) {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("code_verifier", verifier);
        let mut headers = HeaderMap::new();
        let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(header::CONTENT_TYPE, form_type);
        match (self.secret, provider.client_auth) {
            (Some(secret), ClientAuth::Basic) => {
                headers.insert(header::AUTHORIZATION, basic(self.id, secret));
            }
            (Some(secret), ClientAuth::Post) => {
                form.append_pair("client_id", self.id).append_pair("client_secret", secret);
            }
            (None, _) => {
                form.append_pair("client_id", self.id);
            }
        }
        (headers, form.finish().into())
    }
}

/// RFC 6749, 2.3.1: both are form-encoded before.
fn basic(id: &str, secret: &str) -> HeaderValue {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let both = STANDARD.encode(format!("{}:{}", encoded(id), encoded(secret)));
    let mut value = HeaderValue::from_str(&format!("Basic {both}")).expect("base64 is ASCII");
    value.set_sensitive(true);
    value
}

/// Without what may be secret in it.
fn shown(url: &str) -> String {
    Target::parse(url).map_or_else(|_| "an address".to_owned(), |t| t.to_string())
}

fn plain(said: &str) -> String {
    said.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(MAX_SAID_CHARS).collect()
}
