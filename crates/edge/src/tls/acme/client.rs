//! How an authority is spoken to: each request on a connection of its own, with limits and a deadline.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Full};
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use std::{path::Path, pin::Pin, sync::Arc, time::Duration};
use stillhere_net::{
    Trace, clock,
    dns::{Family, Resolver},
    guard::Policy,
    http::{Ask, Plan, Route, Target, Version, Want},
    tls,
};

/// One exchange with the authority.
const EXCHANGE_WITHIN: Duration = Duration::from_secs(30);
/// The greatest answer that is read; a chain of certificates has some kilobytes.
const ANSWER_MAX: u64 = 256 * 1024;

pub(super) struct Client {
    tls: tls::Client,
    resolver: Arc<Resolver>,
}

// === impl Client ===

impl Client {
    /// # Errors
    /// When the certificates that are to be trusted cannot be read.
    pub(super) fn new(ca_file: Option<&Path>) -> Result<Client, tls::Error> {
        let options = tls::Options {
            alpn: tls::Alpn::Http11,
            ca_file: ca_file.map(Path::to_owned),
            ..tls::Options::default()
        };
        let tls = Arc::new(tls::Store::default()).client(&options)?;
        Ok(Client { tls, resolver: Arc::new(Resolver::system()) })
    }
}

impl HttpClient for Client {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let (tls, resolver) = (self.tls.clone(), self.resolver.clone());
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = match body.collect().await {
                Ok(body) => body.to_bytes(),
                Err(never) => match never {},
            };
            let target = Target::parse(&parts.uri.to_string()).map_err(other)?;
            let ask = Ask { method: parts.method, headers: parts.headers, body };
            let plan = Plan::new(target, &ask, &tls, None, Version::Http11, None).map_err(other)?;
            let route = Route { resolver, family: Family::Auto, proxy: None };
            let want = Want { headers: true, body: true, max_body: ANSWER_MAX, stop_at_redirect: false };
            let began = clock::mono();
            let (deadline, mut trace) = (began + EXCHANGE_WITHIN, Trace::start(began));
            let run = plan.run(&route, Policy::Operator, &want, deadline, &mut trace);
            let answer = tokio::time::timeout_at(deadline.into(), run)
                .await
                .map_err(|_| other("the authority did not answer in 30 s"))?
                .map_err(other)?;
            let mut response = Response::builder().status(answer.status);
            for (name, value) in &answer.headers {
                if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                    response = response.header(name, value);
                }
            }
            Ok(BytesResponse::from(response.body(Full::new(Bytes::from(answer.body)))?))
        })
    }
}

fn other(e: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Other(e.into())
}
