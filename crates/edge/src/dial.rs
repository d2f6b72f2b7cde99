//! WebSockets to nodes, and the words for people whose socket waits.

use crate::{
    Body,
    answer::Asked,
    body::Guard,
    forward::Failed,
    hall::Turn,
    headers,
    known::Board,
    pool::{Ask, Failure, NoPlace, Place},
    route::Route,
    serve::{Connection, Shared, host_of},
    socket::{self, Arrival, BoxFuture, DialError, Dialled, Notice, Way, Why},
    upstream::{Link, Sent, Upstream},
};
use http::{HeaderName, HeaderValue, Method, Request, StatusCode, Version, header, request::Parts};
use hyper::{ext::Protocol, upgrade};
use hyper_util::rt::TokioIo;
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};
use stillhere_model::{Lang, Status};
use stillhere_net::{clock, entropy};
use stillhere_tell::words::Catalogue;

const WEBSOCKET: &str = "websocket";
/// What only a handshake over HTTP/1.1 has (RFC 8441 §5).
const OF_HTTP1: [HeaderName; 3] = [header::UPGRADE, header::CONNECTION, header::SEC_WEBSOCKET_KEY];

/// Dials for one client on one route. It may be asked again and again, while the client's socket stays.
struct ToPool {
    connection: Arc<Connection>,
    route: Arc<Route>,
    id: u64,
    /// What the first handshake has waited for already.
    turn: Mutex<Option<Box<Turn>>>,
}

struct Words {
    board: Arc<Board>,
    route: Arc<Route>,
}

/// How a socket of this route is served.
fn way(connection: &Arc<Connection>, route: &Arc<Route>, turn: Option<Box<Turn>>, id: u64) -> Way {
    let dial = ToPool { connection: connection.clone(), route: route.clone(), id, turn: Mutex::new(turn) };
    let words = Words { board: connection.shared.board.clone(), route: route.clone() };
    Way {
        route: route.name().into(),
        service: route.service.as_ref().map(|s| s.as_str().into()),
        spec: Arc::new(route.spec.sockets.clone()),
        dial: Arc::new(dial),
        words: Arc::new(words),
        client: connection.whose(),
    }
}

/// A session has come from the process before this one. It goes on where the route for it is now; where there is none, it
/// ends there.
pub(crate) fn arrived(shared: &Arc<Shared>, upstream: &Arc<Upstream>, arrival: Arrival) {
    let (peer, tls) = arrival.client();
    let handshake = arrival.handshake();
    let routes = shared.routes.load();
    let found = routes.find(host_of(handshake), handshake.uri.path(), &handshake.headers).cloned();
    let Some(route) = found.filter(|route| route.spec.sockets.resume) else { return };
    let peer = SocketAddr::new(peer, 0);
    let connection = Arc::new(Connection::new(shared.clone(), upstream.clone(), peer, tls, None));
    shared.sockets.go_on(arrival, way(&connection, &route, None, entropy::u64()));
}

// === impl ToPool ===

impl socket::Dial for ToPool {
    fn dial(&self, handshake: Parts) -> BoxFuture<'_, Result<Dialled, DialError>> {
        Box::pin(self.open(handshake))
    }
}

impl ToPool {
    /// A handshake asks for nothing to be done: it is tried again like any GET.
    async fn open(&self, mut handshake: Parts) -> Result<Dialled, DialError> {
        let pool = &self.route.pool;
        let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner).take();
        let turn = turn.filter(|turn| Arc::ptr_eq(&turn.pool, pool));
        let came = turn.as_ref().map_or_else(clock::mono, |turn| turn.came);
        let mut first = turn.map(|turn| turn.place);
        if first.is_none() && (pool.waiting() > 0 || !pool.available(came)) {
            headers::apart(&mut handshake);
        }
        let until = Some(came + pool.spec().hold);
        let mut ask = Ask { until, patient: true, ..self.connection.ask(&self.route, &handshake) };
        let mut now = came;
        loop {
            let place = match first.take() {
                Some(place) => place,
                None => tokio::select! {
                    biased;
                    place = pool.admit(ask, now) => place,
                    () = self.connection.upstream.ending() => {
                        Err(NoPlace::AllOut { waited: clock::mono().saturating_duration_since(came) })
                    }
                },
            };
            let place = match place {
                Ok(place) => place,
                Err(no) => return Err(self.away(&handshake, &Failed::NoPlace(no), came)),
            };
            ask = Ask { not: Some(place.node().id()), ..ask };
            match self.once(&handshake, place).await {
                Ok(dialled) => return dialled,
                Err(how) => {
                    now = clock::mono();
                    if how != Failure::Connect && !pool.may_repeat(now) {
                        return Err(self.away(&handshake, &Failed::NoAnswer(how), came));
                    }
                }
            }
        }
    }

    async fn once(&self, handshake: &Parts, mut place: Place) -> Result<Result<Dialled, DialError>, Failure> {
        let began = clock::mono();
        let Ok(mut link) = self.connection.upstream.link_for_upgrade(place.node()).await else {
            self.connection.upstream.failed(&mut place, Failure::Connect);
            return Err(Failure::Connect);
        };
        let sent =
            tokio::time::timeout(crate::forward::ANSWER_WITHIN, link.send(self.request(handshake, &link)))
                .await;
        let now = clock::mono();
        let how = match sent {
            Ok(Ok(response)) => return self.switched(response, link, place, now - began, now).await,
            // It goes in peace, and has not looked at it.
            Ok(Err(Sent::NotTaken)) => return Err(Failure::Cut),
            // The connection was new: a node that ends it at once is not one to ask again at once.
            Ok(Err(Sent::Nothing(_) | Sent::ClientBody)) => Failure::Cut,
            Ok(Err(Sent::Maybe(how))) => how,
            Err(_) => Failure::Silent,
        };
        self.connection.upstream.failed(&mut place, how);
        Err(how)
    }

    /// The node has answered: with a socket, or with something else.
    async fn switched(
        &self,
        mut response: http::Response<Body>,
        link: Link,
        mut place: Place,
        after: Duration,
        now: Instant,
    ) -> Result<Result<Dialled, DialError>, Failure> {
        place.answered(response.status().as_u16(), after, now);
        // A socket lasts for hours and must not take a place among the requests.
        drop(place);
        let good = if link.is_http2() { StatusCode::OK } else { StatusCode::SWITCHING_PROTOCOLS };
        if response.status() != good {
            let (mut head, body) = response.into_parts();
            headers::to_client(&mut head);
            let answer = http::Response::from_parts(head, body.guarded(Box::new(link)));
            return Ok(Err(DialError::Refused(Box::new(answer))));
        }
        let switched = upgrade::on(&mut response).await.map_err(|_| Failure::Cut)?;
        let (head, _) = response.into_parts();
        // A connection of its own lives as long as the socket does; what asks for more requests on it, and has room for
        // them, is in the way.
        let guard = link.is_http2().then(|| Box::new(link) as Guard);
        Ok(Ok(Dialled { head, stream: Box::new(TokioIo::new(switched)), guard }))
    }

    fn request(&self, handshake: &Parts, link: &Link) -> Request<Body> {
        let mut request = Request::new(Body::empty());
        let mut fields = handshake.headers.clone();
        let authority = handshake.uri.authority().cloned();
        let of_http2 = (handshake.version == Version::HTTP_2).then_some(authority.as_ref()).flatten();
        headers::to_node(&mut fields, &self.connection.client, handshake.version, of_http2);
        let path = handshake.uri.path_and_query().cloned();
        let path = path.unwrap_or_else(|| http::uri::PathAndQuery::from_static("/"));
        let host = fields.get(header::HOST).and_then(|h| h.to_str().ok()).and_then(|h| h.parse().ok());
        *request.uri_mut() = link.address(&path, authority.or(host));
        if link.is_http2() {
            *request.method_mut() = Method::CONNECT;
            *request.version_mut() = Version::HTTP_2;
            request.extensions_mut().insert(Protocol::from_static(WEBSOCKET));
            for name in OF_HTTP1 {
                fields.remove(name);
            }
            fields.remove(header::HOST);
        } else {
            fields.insert(header::UPGRADE, HeaderValue::from_static(WEBSOCKET));
            fields.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        }
        *request.headers_mut() = fields;
        request
    }

    fn away(&self, handshake: &Parts, failed: &Failed, came: Instant) -> DialError {
        let trouble = self.connection.trouble(&self.route, failed, self.id, came);
        let why = match failed {
            Failed::NoPlace(NoPlace::Overloaded { .. } | NoPlace::QueueFull) => Why::Overloaded,
            _ => Why::OriginAway,
        };
        DialError::Away(why, Box::new(self.connection.sorry(handshake, trouble)))
    }
}

// === impl Words ===

impl socket::Words for Words {
    fn reason(&self, why: Why, languages: Option<&str>) -> String {
        let key = match why {
            Why::OriginGone => "socket-origin-gone",
            Why::OriginAway => "socket-origin-away",
            Why::Overloaded => "socket-overloaded",
            Why::EdgeRestarts => "socket-edge-restarts",
            Why::Idle => "socket-idle",
            Why::TooMany => "socket-too-many",
        };
        words().get(self.lang(languages), key, &[])
    }

    fn notice(&self, languages: Option<&str>) -> Option<Notice> {
        let known = self.board.current();
        let lang = self.lang(languages);
        let held = known.notice.as_ref()?;
        let service = self.route.service.as_ref().and_then(|s| held.notice.service(s.as_str()));
        let seen = known.trouble(self.route.service.as_ref(), Some(self.route.pool.name()));
        if service.is_none_or(|s| s.status == Status::Operational) && seen.is_none() {
            return None;
        }
        let about = |i: &&stillhere_tell::notice::NoticeIncident| {
            self.route.service.as_ref().is_none_or(|s| i.services.iter().any(|id| id == s.as_str()))
        };
        let text = match held.notice.incidents.iter().find(about) {
            Some(incident) => incident.said.get(lang).to_owned(),
            None => words().get(lang, "socket-origin-away", &[]),
        };
        Some(Notice { text, state: service.map(|s| s.status.as_str().to_owned()), eta: None })
    }
}

impl Words {
    fn lang(&self, languages: Option<&str>) -> Lang {
        let mut asked = Request::new(());
        if let Some(Ok(value)) = languages.map(HeaderValue::from_str) {
            asked.headers_mut().insert(header::ACCEPT_LANGUAGE, value);
        }
        self.board.current().lang(Asked::of(&asked.into_parts().0).lang)
    }
}

fn words() -> &'static Catalogue {
    static WORDS: OnceLock<Catalogue> = OnceLock::new();
    WORDS.get_or_init(|| {
        Catalogue::new(|lang| match lang {
            Lang::En => &[include_str!("../../../locales/en/socket.ftl")],
            Lang::ZhCn => &[include_str!("../../../locales/zh-CN/socket.ftl")],
        })
    })
}

/// A socket is asked for.
pub(crate) async fn serve(
    connection: &Arc<Connection>,
    route: &Arc<Route>,
    request: Request<hyper::body::Incoming>,
    turn: Option<Box<Turn>>,
    id: u64,
) -> http::Response<Body> {
    let way = way(connection, route, turn, id);
    let answer = connection.shared.sockets.serve(request, way).await;
    if let Some(gate) = &connection.gate {
        if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
            gate.upgraded();
        } else {
            gate.declined();
        }
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_fits_into_a_close_frame_in_each_language() {
        for lang in Lang::ALL {
            for key in ["origin-gone", "origin-away", "overloaded", "edge-restarts", "idle", "too-many"] {
                let text = words().get(lang, &format!("socket-{key}"), &[]);
                assert!(!text.is_empty() && text.len() <= 123, "{key} in {lang:?}: {} bytes", text.len());
            }
        }
    }
}
