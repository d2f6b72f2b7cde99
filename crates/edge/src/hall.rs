//! The first request of a connection, when it has to wait: before anything is made for it.
//!
//! A connection at work costs 16 kB of buffers (hyper's, of both directions) and a future with room for all that may
//! happen. Whoever waits needs none of that, and it is when ten thousand wait that memory counts. So the first request
//! of a connection is looked at here, and when there is no place for it at present, it waits with nothing but its own
//! bytes. With its [`Turn`] it goes on as if it had just come.
//!
//! Only what is sure waits here: one whole request without a body, that would wait inside as well. Anything else goes
//! straight on, and so does a later request of a connection.

use crate::{
    answer::{self, Asked, Kind},
    gate::{self, Check, Gated},
    own,
    pool::{NoPlace, Place, Pool},
    route::Route,
    serve::{self, Connection},
    socket,
};
use http::{HeaderName, HeaderValue, Method, Request, header};
use std::{future::poll_fn, sync::Arc, time::Instant};
use stillhere_net::clock;
use tokio::io::AsyncRead;

/// What came of the waiting.
#[derive(Debug)]
pub(crate) struct Turn {
    pub place: Result<Place, NoPlace>,
    /// Of this pool.
    pub pool: Arc<Pool>,
    pub came: Instant,
}

/// The client has left.
pub(crate) struct Gone;

/// Lets the request wait that stands at the beginning of this connection, if it would have to.
pub(crate) async fn wait<IO: AsyncRead + Unpin>(
    io: &mut Gated<IO>,
    about: &Arc<Connection>,
) -> Result<(), Gone> {
    let came = clock::mono();
    if !about.shared.routes.load().pools().iter().any(|pool| must_wait(pool, came)) {
        return Ok(());
    }
    let Some((pool, ask)) = waits(io.held(), about, came) else { return Ok(()) };
    let place = tokio::select! {
        biased;
        place = pool.admit(ask, came) => place,
        () = about.upstream.ending() => {
            Err(NoPlace::AllOut { waited: clock::mono().saturating_duration_since(came) })
        }
        () = poll_fn(|cx| io.poll_ahead(cx)) => return Err(Gone),
    };
    about.give(Turn { place, pool, came });
    Ok(())
}

fn must_wait(pool: &Pool, now: Instant) -> bool {
    !pool.available(now) || pool.waiting() > 0
}

/// Where it waits, and as whom; None: it goes on at once, to be served or to be told why not.
fn waits(bytes: &[u8], about: &Connection, came: Instant) -> Option<(Arc<Pool>, crate::pool::Ask)> {
    let shared = &about.shared;
    let request = whole(bytes, shared.limits.spec().gate())?;
    let handshake = socket::is_handshake(&request);
    let parts = request.into_parts().0;
    let path = parts.uri.path();
    let other = path.starts_with(own::PREFIX)
        || parts.headers.contains_key(answer::PROBE)
        || shared.challenges.text(path).is_some();
    if other || (parts.headers.contains_key(header::UPGRADE) && !handshake) {
        return None;
    }
    let routes = shared.routes.load();
    let route: &Route = routes.find(serve::host_of(&parts), path, &parts.headers)?;
    if route.room.is_some() || !must_wait(&route.pool, came) {
        return None;
    }
    let at_once = if handshake {
        // One that can resume is open at once, and a node is looked for behind it.
        route.spec.sockets.resume && socket::offers_resume(&parts.headers)
    } else {
        !route.pool.available(came)
            && (Asked::of(&parts).kind == Kind::EventStream
                || shared.stale.find(&parts, clock::wall()).is_some())
    };
    if at_once {
        return None;
    }
    about.meter(&parts.headers, came).ok()?;
    if !handshake && !route.pool.available(came) {
        route.counts.held();
    }
    let ask = crate::pool::Ask {
        bytes: bytes.len() as u64,
        until: Some(came + route.pool.spec().hold),
        patient: handshake,
        may_try: !handshake,
        ..about.ask(route, &parts)
    };
    Some((route.pool.clone(), ask))
}

/// The request that these bytes are, if they are just one, without a body, and the gate has nothing against it.
fn whole(bytes: &[u8], limits: gate::Limits) -> Option<Request<()>> {
    let mut fields = [httparse::EMPTY_HEADER; gate::HEADERS_MAX];
    let mut head = httparse::Request::new(&mut fields);
    let complete = head.parse(bytes) == Ok(httparse::Status::Complete(bytes.len()));
    if !complete || head.version != Some(1) {
        return None;
    }
    let mut check = Check::new(limits);
    let fed = check.feed(bytes);
    if fed.refused.is_some() || fed.passed < bytes.len() || check.is_in_head() || check.is_in_body() {
        return None;
    }
    let mut request = Request::new(());
    *request.method_mut() = match head.method? {
        "GET" => Method::GET,
        "HEAD" => Method::HEAD,
        _ => return None,
    };
    *request.uri_mut() = head.path?.parse().ok()?;
    *request.version_mut() = http::Version::HTTP_11;
    for field in head.headers.iter() {
        let name = HeaderName::from_bytes(field.name.as_bytes()).ok()?;
        request.headers_mut().append(name, HeaderValue::from_bytes(field.value).ok()?);
    }
    let body = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::EXPECT];
    (!body.iter().any(|name| request.headers().contains_key(name))).then_some(request)
}
