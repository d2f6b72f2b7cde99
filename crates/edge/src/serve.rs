//! One request through the phases, in the order of the module list in `lib.rs`.

use crate::{
    Body, action,
    answer::{self, Asked, Back, Streams, Trouble, Why},
    dial,
    forward::{self, Answered, Failed, Outgoing},
    gate::{GateControl, Pace},
    hall::Turn,
    headers, inject,
    keyed::{self, Desk, Taken},
    known::Board,
    limit::{Limits, TooMany, Who},
    own,
    pool::{Ask, Failure, NoPlace, Pool},
    report::{
        Browsers, Idle, Sums, Told,
        log::{How, Log},
    },
    room::{self, Room, Secret},
    route::{Route, Routes},
    socket::{self, Sockets},
    spec::Spec,
    stale::{self, Keep, Stale},
    tls::{Certificates, Challenges},
    upstream::{self, Upstream},
};
use arc_swap::{ArcSwap, ArcSwapOption};
use bytes::BytesMut;
use http::{HeaderMap, HeaderValue, Request, Response, header, request::Parts};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use std::{
    hash::{BuildHasher as _, RandomState},
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use stillhere_net::{clock, entropy};
use tokio::sync::Notify;

/// Event streams that are held at a time while their origin is away; one more gets a short answer.
const STREAMS_MAX: usize = 20_000;
/// Memory for answers that are kept for bad times.
const STALE_BYTES: usize = 64 * 1024 * 1024;

/// What all workers share. Everything that a request reads is replaced as a whole by a reload.
pub struct Shared {
    pub routes: ArcSwap<Routes>,
    pub nodes: Arc<upstream::Shared>,
    pub board: Arc<Board>,
    pub streams: Arc<Streams>,
    pub stale: Stale,
    pub sockets: Arc<Sockets>,
    pub actions: Arc<Desk>,
    /// What a certificate authority asks to see.
    pub challenges: Arc<Challenges>,
    /// What is shown to clients over TLS.
    pub certificates: Arc<Certificates>,
    /// A successor takes new connections: each answer is the last one on its connection.
    pub(crate) draining: AtomicBool,
    /// Workers that still have connections.
    pub(crate) busy: AtomicUsize,
    pub limits: Limits,
    /// Own answers by reason, and what browsers report.
    pub told: Told,
    pub browsers: Browsers,
    /// What became of pages that the client's tag was to go into.
    pub injected: Arc<inject::Counts>,
    pub idle: Idle,
    pub sums: Sums,
    /// None: nobody wants one.
    pub log: ArcSwapOption<Log>,
    /// Rings when a pool looks otherwise than before.
    pub news: Notify,
    /// What seals the tickets of waiting rooms.
    pub secret: Secret,
    /// Turns an address into the number that stands for a client, differently in each process.
    hasher: RandomState,
}

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

// === impl Shared ===

impl Shared {
    #[must_use]
    pub fn new(
        spec: &Spec,
        routes: Routes,
        nodes: Arc<upstream::Shared>,
        secret: Secret,
        actions: Arc<Desk>,
    ) -> Arc<Shared> {
        let challenges: Arc<Challenges> = Arc::default();
        Arc::new(Shared {
            certificates: Certificates::new(challenges.clone()),
            routes: ArcSwap::from_pointee(routes),
            nodes,
            board: Arc::new(Board::new()),
            streams: Streams::new(STREAMS_MAX),
            stale: Stale::new(STALE_BYTES),
            sockets: Sockets::new(),
            actions,
            challenges,
            draining: AtomicBool::new(false),
            busy: AtomicUsize::new(0),
            limits: Limits::new(&spec.limits, entropy::u64(), clock::mono()),
            told: Told::default(),
            browsers: Browsers::default(),
            injected: Arc::default(),
            idle: Idle::default(),
            sums: Sums::default(),
            log: ArcSwapOption::empty(),
            news: Notify::new(),
            secret,
            hasher: RandomState::new(),
        })
    }
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
        if parts.headers.contains_key(answer::PROBE) && parts.method == http::Method::HEAD {
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

    /// One address may ask only so often.
    fn limited(
        &self,
        request: &Request<Incoming>,
        id: u64,
        came: Instant,
    ) -> Result<(), Box<Response<Body>>> {
        let Err(over) = self.meter(request.headers(), came) else { return Ok(()) };
        let trouble = match over {
            None => Trouble::of(Why::Banned, id),
            Some(too_many) => {
                let mut trouble = Trouble::of(Why::TooManyRequests, id);
                trouble.retry_after = Some(too_many.retry_after);
                trouble
            }
        };
        Err(Box::new(self.sorry(&head_of(request), trouble)))
    }

    /// Counts a request of this client.
    ///
    /// # Errors
    /// When there were too many, or (None) it is banned.
    pub(crate) fn meter(&self, headers: &HeaderMap, came: Instant) -> Result<(), Option<TooMany>> {
        let limits = &self.shared.limits;
        let ip = limits.client_address(self.peer, headers);
        let key = limits.key(headers);
        // The peer as well: it may have been banned since it connected.
        if limits.is_banned(ip, clock::wall()) {
            return Err(None);
        }
        limits.request(&Who { ip, key: key.as_deref() }, came).map_err(Some)
    }

    /// In, or into the queue.
    fn door(
        &self,
        room: &Room,
        route: &Route,
        parts: &Parts,
        id: u64,
        came: Instant,
    ) -> Result<String, Box<Response<Body>>> {
        let now = clock::wall();
        let asked = match room.ask(room::presented(&parts.headers), now, entropy::u64()) {
            // Worth nothing, too old, or of another door: whoever has it begins at the end.
            room::Ask::Bad(_) => room.ask(None, now, entropy::u64()),
            asked => asked,
        };
        match asked {
            room::Ask::Enter { pass } => Ok(pass),
            room::Ask::Bad(_) => unreachable!("no token cannot be a bad one"),
            room::Ask::Wait { ticket, ahead, eta, ask_again } => {
                let why = Why::WaitingRoom { ahead: ahead.unwrap_or(0), eta, ticket: ticket.clone() };
                let mut trouble = Connection::on(route, why, id, came);
                // It has not waited here; its place in the queue is on the ticket.
                trouble.held = None;
                trouble.retry_after = Some(ask_again);
                let mut answer = self.sorry(parts, trouble);
                self.hand_out(answer.headers_mut(), &ticket);
                Err(Box::new(answer))
            }
        }
    }

    /// The token as a cookie for browsers, and as a header for everybody else.
    fn hand_out(&self, headers: &mut HeaderMap, token: &str) {
        let cookie = if self.client.tls {
            format!("{}={token}; Path=/; Secure; HttpOnly; SameSite=Lax", room::COOKIE)
        } else {
            format!("{}={token}; Path=/; HttpOnly; SameSite=Lax", room::COOKIE_PLAIN)
        };
        if let (Ok(token), Ok(cookie)) = (HeaderValue::from_str(token), HeaderValue::from_str(&cookie)) {
            headers.insert(room::HEADER, token);
            headers.append(header::SET_COOKIE, cookie);
        }
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

    /// The node's answer, on to the client; a copy is kept for bad times where the origin or the route allows it.
    pub(crate) fn relay(&self, route: &Route, parts: &Parts, answered: Answered) -> Response<Body> {
        route.counts.answered(answered.response.status().as_u16(), answered.after, answered.sent);
        let how = self.shared.log.load().is_some().then(|| How {
            pool: Some(route.pool.shared_name().clone()),
            sent: answered.sent,
            after: answered.after,
            ..How::default()
        });
        let mut response = relay(answered);
        // One look at the method settles most of the others.
        if parts.method == http::Method::GET {
            let (head, body) = response.into_parts();
            let keep = self.shared.stale.wants(parts, &head, route.spec.stale_if_error, clock::wall);
            let body = match keep {
                None => body,
                Some(keep) => copied(self.shared.clone(), keep, body),
            };
            response = Response::from_parts(head, body);
        }
        if let Some(how) = how {
            response.body_mut().note(how);
        }
        response
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

    /// Our own answer in place of the origin's.
    pub(crate) fn sorry(&self, parts: &Parts, trouble: Trouble) -> Response<Body> {
        self.shared.told.count(&trouble.why);
        self.own(parts, trouble)
    }

    /// The same for a question of our own page, which is nobody's request.
    pub(crate) fn own(&self, parts: &Parts, trouble: Trouble) -> Response<Body> {
        let known = self.shared.board.current();
        let mut answer = answer::answer(&Asked::of(parts), &trouble, &known, clock::wall(), entropy::u64());
        if self.shared.log.load().is_some() {
            let how = How {
                why: Some(trouble.why.key()),
                request: trouble.request,
                pool: trouble.pool.map(Arc::from),
                ..How::default()
            };
            answer.body_mut().note(how);
        }
        answer
    }

    pub(crate) fn trouble(&self, route: &Route, failed: &Failed, id: u64, came: Instant) -> Trouble {
        route.counts.failed(failed);
        let why = match failed {
            Failed::NoPlace(NoPlace::AllOut { .. }) => Why::AllOut,
            Failed::NoPlace(NoPlace::Paused { .. }) => Why::Paused { until: None },
            Failed::NoPlace(NoPlace::Overloaded { .. }) => Why::Overloaded,
            Failed::NoPlace(NoPlace::QueueFull) => Why::QueueFull,
            Failed::Unknown(_) => Why::OutcomeUnknown,
            Failed::NoAnswer(Failure::Silent) => Why::TooSlow,
            Failed::NoAnswer(Failure::Connect) => Why::NotForwarded,
            Failed::NoAnswer(_) => Why::Broken,
            Failed::ClientBody => Why::BadRequest("the body ended before its end"),
            Failed::TooLarge => Why::BodyTooLarge,
        };
        Connection::on(route, why, id, came)
    }

    /// A trouble on a route, with what is known of it.
    pub(crate) fn on(route: &Route, why: Why, id: u64, came: Instant) -> Trouble {
        let mut trouble = Trouble::of(why, id);
        trouble.service = route.service.clone();
        trouble.pool = Some(route.pool.name().to_owned());
        trouble.held = Some(clock::mono().saturating_duration_since(came));
        // So that those who are told to come back do not come back at once.
        trouble.waiting = route.pool.waiting() as u64;
        trouble.per_second = route.pool.answers_per_s();
        trouble
    }
}

/// The node's answer, on to the client.
pub(crate) fn relay(answered: Answered) -> Response<Body> {
    let Answered { response, mut flight, .. } = answered;
    let (mut head, body) = response.into_parts();
    headers::to_client(&mut head);
    let stream = head.headers.get(header::CONTENT_TYPE);
    if stream.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream")) {
        flight.lasts();
    }
    Response::from_parts(head, body.guarded(Box::new(flight)))
}

/// Passes a body on and keeps what has passed.
fn copied(shared: Arc<Shared>, keep: Keep, mut body: Body) -> Body {
    let (pieces, passed) = Body::task(4);
    tokio::spawn(async move {
        let mut copy = Some(BytesMut::new());
        while let Some(frame) = body.frame().await {
            let piece = match frame {
                Ok(frame) => match frame.into_data() {
                    Ok(data) => Ok(data),
                    Err(_) => continue,
                },
                Err(e) => Err(e),
            };
            match (&piece, &mut copy) {
                (Ok(data), Some(all)) if all.len() + data.len() <= stale::OBJECT_MAX => {
                    all.extend_from_slice(data)
                }
                _ => copy = None,
            }
            if pieces.send(piece).await.is_err() {
                return;
            }
        }
        if let Some(all) = copy {
            shared.stale.store(keep, all.freeze());
        }
    });
    passed
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

/// The head of a request whose body is not ours to take.
fn head_of(request: &Request<Incoming>) -> Parts {
    let mut head = Request::new(()).into_parts().0;
    head.method = request.method().clone();
    head.uri = request.uri().clone();
    head.version = request.version();
    head.headers = request.headers().clone();
    head
}

fn host_of_request(request: &Request<Incoming>) -> &str {
    host_in(request.uri(), request.headers())
}

/// What a request is for, without the port.
pub(crate) fn host_of(parts: &Parts) -> &str {
    host_in(&parts.uri, &parts.headers)
}

fn host_in<'a>(uri: &'a http::Uri, headers: &'a http::HeaderMap) -> &'a str {
    let from_uri = uri.authority().map(http::uri::Authority::as_str);
    let host = from_uri.or_else(|| headers.get(header::HOST).and_then(|h| h.to_str().ok())).unwrap_or("");
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    without_port(host)
}

pub(crate) fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        // An IPv6 address without port ends with its bracket.
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

/// One household is one client: an IPv6 user has a whole /64.
fn share_of(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
    }
}
