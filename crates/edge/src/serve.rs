//! One request through the phases, in the order of the module list in `lib.rs`.

mod asked;
mod door;
mod relay;
mod shared;
mod sorry;

pub(crate) use asked::{host_of, without_port};
pub use shared::Shared;

use crate::{
    Body, action,
    answer::{self, Asked, Back, Trouble, Why},
    dial,
    forward::{self, Failed, Outgoing},
    gate::{GateControl, Pace},
    hall::Turn,
    headers, inject,
    keyed::{self, Taken},
    own,
    pool::{Ask, Failure, NoPlace, Pool},
    route::Route,
    socket,
    upstream::Upstream,
};
use asked::{head_of, host_of_request, share_of};
use http::{HeaderValue, Request, Response, header, request::Parts};
use hyper::body::Incoming;
use std::{
    hash::BuildHasher as _,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use stillhere_net::{clock, entropy};

/// One connection of a client.
pub struct Connection {
    pub(crate) shared: Arc<Shared>,
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) client: headers::Client,
    pub(crate) gate: Option<GateControl>,
    peer: IpAddr,
    /// Stands for the client where nobody needs to know who it is.
    number: u64,
    /// Operation ids: a random beginning, then one by one.
    requests: AtomicU64,
    /// It is about to become a WebSocket.
    pub(crate) switching: AtomicBool,
    /// What its first request waited for.
    turn: Mutex<Option<Box<Turn>>>,
}

// === impl Connection ===

impl Connection {
    #[must_use]
    pub fn new(
        shared: Arc<Shared>,
        upstream: Arc<Upstream>,
        peer: SocketAddr,
        tls: bool,
        gate: Option<GateControl>,
    ) -> Connection {
        let ip = peer.ip().to_canonical();
        let address = HeaderValue::from_str(&ip.to_string()).expect("an address is a header value");
        let number = shared.hasher.hash_one(share_of(ip));
        let trusted = shared.limits.trusted(ip);
        Connection {
            shared,
            upstream,
            client: headers::Client { address, tls, trusted },
            gate,
            peer: ip,
            number,
            requests: AtomicU64::new(entropy::u64()),
            switching: AtomicBool::new(false),
            turn: Mutex::default(),
        }
    }

    /// Who it is, and whether it came over TLS.
    pub(crate) fn whose(&self) -> (IpAddr, bool) {
        (self.peer, self.client.tls)
    }

    /// The next request has waited already.
    pub(crate) fn give(&self, turn: Turn) {
        *self.turn.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(turn));
    }

    /// Answers one request. It always answers.
    pub async fn serve(self: &Arc<Self>, mut request: Request<Incoming>) -> Response<Body> {
        let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner).take();
        let came = turn.as_ref().map_or_else(clock::mono, |turn| turn.came);
        let log = self.shared.log.load_full();
        let Some(log) = log else { return self.answer(request, turn, came).await };
        let dice = self.requests.load(Relaxed) ^ self.number.rotate_left(32);
        let begun = log.begin(&mut request, self.peer, dice, came, clock::wall());
        let mut answer = self.answer(request, turn, came).await;
        let how = answer.body_mut().how();
        log.end(begun, answer.status(), how.as_deref(), clock::mono());
        answer
    }

    async fn answer(
        self: &Arc<Self>,
        request: Request<Incoming>,
        turn: Option<Box<Turn>>,
        came: Instant,
    ) -> Response<Body> {
        let id = self.requests.fetch_add(1, Relaxed);
        // An authority looks from anywhere, and is no visitor.
        if let Some(text) = self.shared.challenges.text(request.uri().path()) {
            return Response::new(Body::whole(text));
        }
        // Who has waited was counted before.
        if turn.is_none()
            && let Err(answer) = self.limited(&request, id, came)
        {
            if socket::is_handshake(&request)
                && let Some(gate) = &self.gate
            {
                gate.declined();
            }
            return *answer;
        }
        if socket::is_handshake(&request) {
            return Box::pin(self.socket(request, turn, id, came)).await;
        }
        let (mut parts, body) = request.into_parts();
        if (parts.headers.contains_key(header::UPGRADE) || parts.method == http::Method::CONNECT)
            && let Some(gate) = &self.gate
        {
            // No other protocol is spoken here: the rest of the connection, which the gate holds back, is HTTP.
            gate.declined();
        }
        if parts.method == http::Method::CONNECT {
            return own::plain(http::StatusCode::NOT_IMPLEMENTED, "there is no tunnel here\n");
        }
        if !headers::may_go_on(&parts.method, &mut parts.headers) {
            return own::plain(http::StatusCode::NO_CONTENT, "");
        }
        let path = parts.uri.path();
        if path.starts_with(own::PREFIX) {
            if path == own::REPORTS && parts.method == http::Method::POST {
                let pace = self.body_pace(&parts);
                return own::reports(self, Body::paced(body, pace)).await;
            }
            return own::serve(self, parts, id);
        }
        let routes = self.shared.routes.load();
        let Some(route) = routes.find(host_of(&parts), path, &parts.headers).cloned() else {
            return self.sorry(&parts, Trouble::of(Why::NotRouted, id));
        };
        drop(routes);
        if parts.method == http::Method::HEAD && parts.headers.contains_key(answer::PROBE) {
            return own::probe(self, &parts, &route, id, came);
        }
        let pass = match &route.room {
            None => None,
            Some(room) => match self.door(room, &route, &parts, id, came) {
                Ok(pass) => Some(pass),
                Err(answer) => return *answer,
            },
        };
        let invited = (route.spec.browser_reports && self.client.tls).then(|| host_of(&parts).to_owned());
        let page = route.spec.inject_client && inject::wants(&mut parts);
        let mut answer = self.inside(route, parts, body, turn, id, came).await;
        if page {
            answer = inject::into(answer, &self.shared.injected);
        }
        if let Some(host) = invited {
            own::invite_reports(answer.headers_mut(), &host);
        }
        if let Some(pass) = pass {
            self.hand_out(answer.headers_mut(), &pass);
        }
        answer
    }

    async fn inside(
        self: &Arc<Self>,
        route: Arc<Route>,
        parts: Parts,
        body: Incoming,
        turn: Option<Box<Turn>>,
        id: u64,
        came: Instant,
    ) -> Response<Body> {
        if let Some(keyed) = &route.spec.keyed
            && !headers::is_safe(&parts.method)
            && (keyed.required || parts.headers.contains_key(action::HEADER))
        {
            match self.shared.actions.take().await {
                Taken::Never => {}
                Taken::Lease(actions) => {
                    let body = Body::paced(body, self.body_pace(&parts));
                    // Apart, like whatever few requests come to: every connection has room for the largest future.
                    let kept = keyed::serve(self.clone(), actions, route, parts, body, id, came);
                    return Box::pin(kept).await;
                }
                Taken::Away => {
                    let failed = Failed::NoAnswer(Failure::Connect);
                    return self.sorry(&parts, self.trouble(&route, &failed, id, came));
                }
            }
        }
        self.forward(route, parts, body, turn, id, came).await
    }

    async fn socket(
        self: &Arc<Self>,
        request: Request<Incoming>,
        turn: Option<Box<Turn>>,
        id: u64,
        came: Instant,
    ) -> Response<Body> {
        let routes = self.shared.routes.load();
        let found = routes.find(host_of_request(&request), request.uri().path(), request.headers()).cloned();
        drop(routes);
        let refused = match &found {
            None => Some(self.sorry(&head_of(&request), Trouble::of(Why::NotRouted, id))),
            // Whoever is to wait outside waits with a socket, too.
            Some(route) => route
                .room
                .as_ref()
                .and_then(|room| self.door(room, route, &head_of(&request), id, came).err())
                .map(|answer| *answer),
        };
        let (Some(route), None) = (&found, &refused) else {
            if let Some(gate) = &self.gate {
                gate.declined();
            }
            return refused.expect("no route is a refusal");
        };
        self.switching.store(true, Relaxed);
        let answer = dial::serve(self, route, request, turn, id).await;
        // What has become a WebSocket stays one.
        self.switching.store(answer.status() == http::StatusCode::SWITCHING_PROTOCOLS, Relaxed);
        answer
    }

    async fn forward(
        self: &Arc<Self>,
        route: Arc<Route>,
        mut parts: Parts,
        body: Incoming,
        turn: Option<Box<Turn>>,
        id: u64,
        came: Instant,
    ) -> Response<Body> {
        // The routes may have changed meanwhile; then it waits anew.
        let first = turn.filter(|turn| Arc::ptr_eq(&turn.pool, &route.pool)).map(|turn| turn.place);
        if first.is_none() && !route.pool.available(came) {
            // What was kept is better than waiting, and an EventSource must not see an error.
            if let Some(kept) = self.shared.stale.find(&parts, clock::wall()) {
                route.counts.stale();
                return kept;
            }
            route.counts.held();
            headers::apart(&mut parts);
            let asked = Asked::of(&parts);
            if asked.kind == answer::Kind::EventStream {
                let failed = Failed::NoPlace(NoPlace::AllOut { waited: Duration::ZERO });
                let trouble = self.trouble(&route, &failed, id, came);
                let board = self.shared.board.clone();
                let back = back(route.pool.clone());
                return self.shared.streams.hold(asked, trouble, board, clock::wall, entropy::u64(), back);
            }
        }
        let pace = self.body_pace(&parts);
        let mut out = match Outgoing::of(&parts, body, pace, &self.client).await {
            Ok(out) => out,
            Err(failed) => return self.sorry(&parts, self.trouble(&route, &failed, id, came)),
        };
        let ask = self.ask(&route, &parts);
        match forward::forward(&self.upstream, &route.pool, first, ask, &mut out, came).await {
            Ok(answered) => self.relay(&route, &parts, answered),
            Err(failed) => {
                if let Some(kept) = self.shared.stale.find(&parts, clock::wall()) {
                    route.counts.stale();
                    return kept;
                }
                self.sorry(&parts, self.trouble(&route, &failed, id, came))
            }
        }
    }

    /// Over HTTP/1 the gate sees to it; a call of gRPC may say nothing for hours.
    fn body_pace(&self, parts: &Parts) -> Option<Pace> {
        let kind = parts.headers.get(header::CONTENT_TYPE);
        let grpc = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"));
        if self.gate.is_some() || grpc { None } else { self.shared.limits.spec().body_pace() }
    }

    pub(crate) fn ask(&self, route: &Route, parts: &Parts) -> Ask {
        // Everybody behind a proxy has an own share.
        let client = match self.client.trusted {
            None => self.number,
            Some(_) => {
                let ip = self.shared.limits.client_address(self.peer, &parts.headers);
                self.shared.hasher.hash_one(share_of(ip))
            }
        };
        Ask {
            client,
            priority: route.priority(),
            bytes: 0,
            not: None,
            route: route.kind_of(parts),
            until: None,
            patient: false,
            may_try: false,
        }
    }
}

/// Ready when the pool takes requests again.
async fn back(pool: Arc<Pool>) -> Back {
    const LOOK: Duration = Duration::from_millis(250);
    loop {
        tokio::time::sleep(LOOK).await;
        let now = clock::mono();
        if pool.available(now) {
            let view = pool.view(now);
            return Back { waiting: view.queue.waiting, per_second: view.answers_per_s };
        }
    }
}
