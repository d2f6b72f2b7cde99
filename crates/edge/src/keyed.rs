//! A request with a key, from taking it in to its answer: what is promised about it is on disk first.
//!
//! It runs in a task of its own. A client that goes away takes nothing with it: the action is finished, and whoever
//! asks for its key learns how it ended.

mod desk;

pub use desk::{Desk, Lease};
pub(crate) use desk::{SETTLE_WITHIN, Taken};

use crate::{
    Body,
    action::{Actions, Answer, Begin, Due, Key, KeyedSpec, NewAction, Running, Settle, View},
    answer::{Kept, KeptState, Trouble, Why},
    forward::{self, Answered, Outgoing, Read, Repeat, SENT_MAX, Tried},
    headers, own,
    pool::{Ask, Failure, Place},
    route::Route,
    serve::{Connection, Shared},
    upstream::Upstream,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, Response, header, request::Parts, response};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use stillhere_net::clock;
use tokio::time::sleep;

/// With the 404 of an action that was asked for with `?to=<path>`: what comes to that path is kept here, this key never
/// came, and for how many seconds that can be said. Without it nobody may conclude that a request was not forwarded.
const NEVER: HeaderName = HeaderName::from_static("stillhere-never");
/// A node that answered without saying what became of an action is asked again after this long, or after what it asked for.
const ANSWER_PAUSE: Duration = Duration::from_millis(100);
/// How long an action whose repeat is over the budget waits until it asks again.
const BUDGET_PAUSE: Duration = Duration::from_millis(100);
/// Actions that are taken from the journal at a time, and sent at the same time at most.
const LATE_AT_ONCE: usize = 16;
/// A late action waits so long among the visitors who come back with it, as long as a node takes requests.
const LATE_PATIENCE: Duration = Duration::from_secs(5);
/// How often we look for actions that are due, whatever else wakes us.
const LATE_LOOK: Duration = Duration::from_millis(200);
const SWEEP: Duration = Duration::from_secs(60);

/// How sending it ended.
enum Outcome {
    Answered(Box<Whole>),
    /// It was not sent, and stays on disk to be sent later.
    Saved,
    /// Nobody knows. `checking`: the origin is asked again under the same key.
    Unknown(Failure),
    /// Nothing could be written to disk; the request was not sent.
    Disk,
}

/// An answer that was settled before it is relayed.
struct Whole {
    head: response::Parts,
    body: Body,
}

/// Answers a request with a key.
pub(crate) async fn serve(
    connection: Arc<Connection>,
    actions: Lease,
    route: Arc<Route>,
    parts: Parts,
    body: Body,
    id: u64,
    came: Instant,
) -> Response<Body> {
    // The body is read here: nothing is promised before it is whole, and a client that breaks off has ordered nothing.
    let spec = route.spec.keyed.clone().unwrap_or_default();
    let body = match forward::read(body, spec.body_max).await {
        Ok(Read::Whole(body, _)) => body,
        Ok(Read::More(body)) => {
            let why = match Key::from_headers(&parts.headers) {
                Ok(Some(_)) => {
                    // As a route without keys would: it flows, and is sent once.
                    let out = Outgoing::streamed(&parts, body, &connection.client);
                    let ask = connection.ask(&route, &parts);
                    return unkept(&connection, &route, &spec, out, &parts, ask, id, came).await;
                }
                Ok(None) => Why::KeyNeeded,
                Err(_) => Why::KeyMalformed,
            };
            return connection.sorry(&parts, Trouble::of(why, id));
        }
        Err(failed) => return connection.sorry(&parts, connection.trouble(&route, &failed, id, came)),
    };
    let (answering, mut asked) = (connection.clone(), http::Request::new(()).into_parts().0);
    asked.method = parts.method.clone();
    let task =
        tokio::spawn(async move { exchange(connection, &actions, route, spec, parts, body, id, came).await });
    // The task is ours and does not panic; were it otherwise, nobody could say how far it came.
    task.await.unwrap_or_else(|_| answering.sorry(&asked, Trouble::of(Why::OutcomeUnknown, id)))
}

#[expect(clippy::too_many_arguments, reason = "one request's whole context, moved into its task")]
async fn exchange(
    connection: Arc<Connection>,
    actions: &Actions,
    route: Arc<Route>,
    spec: KeyedSpec,
    parts: Parts,
    body: Bytes,
    id: u64,
    came: Instant,
) -> Response<Body> {
    let sorry = |why: Why, kept: Option<KeptState>, key: Option<&Key>| {
        let mut trouble = Connection::on(&route, why, id, came);
        if let (Some(state), Some(key)) = (kept, key) {
            trouble.kept = Some(Kept { receipt: own::receipt(key), state });
        }
        trouble
    };
    let key = match Key::from_headers(&parts.headers) {
        Ok(Some(key)) => key,
        Ok(None) => return connection.sorry(&parts, sorry(Why::KeyNeeded, None, None)),
        Err(_) => return connection.sorry(&parts, sorry(Why::KeyMalformed, None, None)),
    };
    let host = crate::serve::host_of(&parts).to_owned();
    let principal = actions.principal(&spec, &host, &parts.headers);
    let out = Outgoing::whole(&parts, body, Repeat::Never, &connection.client);
    let ask = connection.ask(&route, &parts);
    // With a place in hand it is sent at once, and one visit to the disk is enough to say both.
    let place = route.pool.admit(Ask { until: Some(came), ..ask }, came).await.ok();
    let name = route.name();
    let new = NewAction { route: &name, spec: &spec, principal, key: key.clone(), request: out.as_action() };
    let begun = actions.begin(new, place.is_some(), clock::wall()).await;
    let running = match begun {
        Ok(Begin::Go(running)) => running,
        Ok(other) => {
            let (why, state) = match other {
                Begin::Done(answer) => return again(answer),
                Begin::InFlight { retry_after } => {
                    let mut trouble = sorry(Why::KeyInFlight, Some(KeptState::Sending), Some(&key));
                    trouble.retry_after = Some(retry_after);
                    return connection.sorry(&parts, trouble);
                }
                Begin::OtherBody => (Why::KeyOtherBody, None),
                Begin::OtherPrincipal => (Why::KeyInFlight, None),
                Begin::KeyTooShort => (Why::KeyMalformed, None),
                Begin::OutcomeUnknown(_) => (Why::OutcomeUnknown, Some(KeptState::Unknown)),
                Begin::NeedsYou(_) => (Why::OutcomeUnknown, Some(KeptState::NeedsYou)),
                Begin::Expired(_) => (Why::NotForwarded, Some(KeptState::Expired)),
                Begin::Go(_) => unreachable!("matched above"),
            };
            return connection.sorry(&parts, sorry(why, state, Some(&key)));
        }
        // A successor has the journal, and it may know this key: then it must not be sent past it.
        Err(_) if connection.shared.actions.is_elsewhere() => {
            drop(place);
            return connection.sorry(&parts, sorry(Why::NotForwarded, None, None));
        }
        Err(not_kept) => {
            // Nothing is promised, and the request is served as one without a key would be.
            tracing::warn!(error = %not_kept, route = name, "an action is served without being kept");
            drop(place);
            return unkept(&connection, &route, &spec, out, &parts, ask, id, came).await;
        }
    };
    let host = host.as_str();
    let sending =
        Sending { upstream: &connection.upstream, route: &route, spec: &spec, host, ask, out, running };
    match sending.send(place, came + route.pool.spec().hold).await {
        Outcome::Answered(answered) => {
            let Whole { head, body } = *answered;
            Response::from_parts(head, body)
        }
        Outcome::Saved => connection.sorry(&parts, sorry(Why::Kept, Some(KeptState::Saved), Some(&key))),
        Outcome::Unknown(_) => {
            connection.sorry(&parts, sorry(Why::OutcomeUnknown, Some(KeptState::Unknown), Some(&key)))
        }
        // It was not sent, and stays as it is on disk: it may be sent late.
        Outcome::Disk => connection.sorry(&parts, sorry(Why::Kept, Some(KeptState::Saved), Some(&key))),
    }
}

/// As if it had no key, because nothing can be promised (the disk is full, it is too large, there are too many). Where
/// the origin honours the key, repeating it does no harm.
#[expect(clippy::too_many_arguments, reason = "one request's whole context")]
async fn unkept(
    connection: &Connection,
    route: &Arc<Route>,
    spec: &KeyedSpec,
    mut out: Outgoing,
    parts: &Parts,
    ask: Ask,
    id: u64,
    came: Instant,
) -> Response<Body> {
    if let Some(actions) = connection.shared.actions.now() {
        actions.lets_pass();
    }
    out.repeat = if spec.origin_honours && !out.flows() { Repeat::Again } else { Repeat::Never };
    match forward::forward(&connection.upstream, &route.pool, None, ask, &mut out, came).await {
        Ok(answered) => connection.relay(route, parts, answered),
        Err(failed) => connection.sorry(parts, connection.trouble(route, &failed, id, came)),
    }
}

/// One action on its way.
struct Sending<'a> {
    upstream: &'a Arc<Upstream>,
    route: &'a Arc<Route>,
    spec: &'a KeyedSpec,
    host: &'a str,
    ask: Ask,
    out: Outgoing,
    running: Running,
}

impl Sending<'_> {
    /// Sends it until it is answered, or must not be sent again, or `until`.
    async fn send(mut self, mut place: Option<Place>, until: Instant) -> Outcome {
        let mut sent = 0;
        // A node may have seen it; from then on it counts as unknown until it is answered.
        let mut lost = None;
        loop {
            let now = clock::mono();
            let held = match place.take() {
                Some(place) => place,
                None => {
                    if lost == Some(Failure::Silent) && now >= until {
                        return self.leave(lost).await;
                    }
                    let may_try = self.running.origin_honours();
                    let ask = Ask { bytes: self.out.bytes(), until: Some(until), may_try, ..self.ask };
                    let place = tokio::select! {
                        biased;
                        place = self.route.pool.admit(ask, now) => place.ok(),
                        () = self.upstream.ending() => None,
                    };
                    match place {
                        Some(place) => place,
                        None => return self.leave(lost).await,
                    }
                }
            };
            self.ask.not = Some(held.node().id());
            if let Err(e) = self.running.sending(clock::wall()).await {
                tracing::error!(error = %e, "an action is not sent, because that could not be written down");
                return lost.map_or(Outcome::Disk, Outcome::Unknown);
            }
            // Where the origin answers each key once, a node that stopped answering need not be waited for.
            self.out.repeat = if self.running.origin_honours() { Repeat::Again } else { Repeat::Never };
            match forward::attempt(self.upstream, held, self.ask, &mut self.out, &mut sent).await {
                Tried::Answered(answered)
                    if let Some(pause) = self.asks_again(&answered.response, sent, until) =>
                {
                    let Answered { response, after, sent, .. } = &*answered;
                    self.route.counts.answered(response.status().as_u16(), *after, *sent);
                    drop(answered);
                    lost = Some(Failure::Cut);
                    let _ = self.running.in_doubt();
                    tokio::select! {
                        () = sleep(pause) => {}
                        () = self.upstream.ending() => {}
                    }
                    continue;
                }
                Tried::Answered(answered) => match self.read(*answered).await {
                    Ok(whole) => return Outcome::Answered(Box::new(whole)),
                    Err(back) => {
                        self = *back;
                        lost = Some(Failure::Cut);
                    }
                },
                Tried::Unsent => continue,
                // A node that goes in peace says so; one that always says so is nobody to wait for.
                Tried::NotTaken if sent < SENT_MAX => continue,
                Tried::NotTaken => return self.leave(lost).await,
                Tried::ClientBody => return Outcome::Unknown(Failure::Cut),
                Tried::Lost(how) => lost = Some(how),
            }
            if !self.running.in_doubt() {
                let how = lost.unwrap_or(Failure::Cut);
                self.settle_unknown().await;
                return Outcome::Unknown(how);
            }
            while !self.route.pool.may_repeat(clock::mono()) {
                if clock::mono() >= until {
                    return self.leave(lost).await;
                }
                sleep(BUDGET_PAUSE).await;
            }
        }
    }

    /// In how long a node is asked again that answered without saying what became of it (502, 503…). None: its answer is
    /// relayed as it is, because the origin does not honour the key, wants more time than there is, or has been asked
    /// as often as it may be.
    fn asks_again(&self, answer: &Response<Body>, sent: u32, until: Instant) -> Option<Duration> {
        let (status, headers) = (answer.status(), answer.headers());
        let how = Settle::of(self.spec, self.running.is_late(), self.host, status, headers);
        if how != Settle::Unknown || !self.running.origin_honours() || sent >= SENT_MAX {
            return None;
        }
        let pause = match headers.get(header::RETRY_AFTER) {
            // A date is not looked at: who names one means later than anybody waits here.
            Some(after) => Duration::from_secs(after.to_str().ok()?.trim().parse().ok()?).max(ANSWER_PAUSE),
            None => ANSWER_PAUSE,
        };
        let now = clock::mono();
        (pause < until.saturating_duration_since(now) && self.route.pool.may_repeat(now)).then_some(pause)
    }

    /// No node took it in time. What was never sent stays on disk and is sent later.
    async fn leave(mut self, lost: Option<Failure>) -> Outcome {
        if let Some(how) = lost {
            self.settle_unknown().await;
            return Outcome::Unknown(how);
        }
        match self.running.not_sent(clock::wall()).await {
            Ok(()) => Outcome::Saved,
            Err(e) => {
                tracing::error!(error = %e, "an action that was not sent could not be marked so");
                Outcome::Unknown(Failure::Connect)
            }
        }
    }

    async fn settle_unknown(self) {
        if let Err(e) = self.running.unknown(clock::wall()).await {
            tracing::error!(error = %e, "that an action's outcome is unknown could not be written down");
        }
    }

    /// Reads the answer and settles the action by it, before anything of it is relayed. `Err`: it broke off.
    async fn read(self, answered: Answered) -> Result<Whole, Box<Self>> {
        let Answered { response, flight, after, sent } = answered;
        self.route.counts.answered(response.status().as_u16(), after, sent);
        let (mut head, body) = response.into_parts();
        let body = body.guarded(Box::new(flight));
        let (whole, trailers, body) = match forward::read(body, self.spec.answer_max).await {
            Ok(Read::Whole(read, mut trailers)) => {
                headers::strip_trailers(&mut trailers);
                (Some(read.clone()), trailers.clone(), Body::trailed(read, trailers))
            }
            // Too large to be kept: it flows on.
            Ok(Read::More(body)) => (None, HeaderMap::new(), body),
            Err(_) => return Err(Box::new(self)),
        };
        let kept = Answer::keep(self.spec, head.status, &head.headers, whole, trailers);
        let how = Settle::of(self.spec, self.running.is_late(), self.host, head.status, &head.headers);
        if let Err(e) = self.running.settle(how, &kept, clock::wall()).await {
            tracing::error!(error = %e, "the answer of an action could not be written down; it is relayed all the same");
        }
        headers::to_client(&mut head);
        if how == Settle::Unknown {
            head.headers.insert(headers::OUTCOME, http::HeaderValue::from_static("unknown"));
        }
        Ok(Whole { head, body })
    }
}

/// Says with the 404 of an action that it never came, where that is known.
pub(crate) fn never_came(shared: &Shared, parts: &Parts, mut no: Response<Body>) -> Response<Body> {
    let routes = shared.routes.load();
    let keeps = shared.actions.now().is_some_and(|actions| !actions.let_pass());
    let to = parts.uri.query().and_then(|query| query.strip_prefix("to=")).filter(|_| keeps);
    let route = to.and_then(|to| routes.find(crate::serve::host_of(parts), to, &parts.headers));
    if let Some(keyed) = route.and_then(|route| route.spec.keyed.as_ref()) {
        no.headers_mut().insert(NEVER, keyed.keep.as_secs().into());
    }
    no
}

/// The answer of an action that is done, once more.
fn again(answer: Answer) -> Response<Body> {
    let Answer { body, trailers, .. } = answer;
    let mut response = Response::new(Body::trailed(body.unwrap_or_default(), trailers));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    // The field's name is not standard; several APIs say it like this.
    response.headers_mut().insert("idempotent-replayed", http::HeaderValue::from_static("true"));
    response
}

/// Sends what waits in the journal, as nodes come back. Runs beside the workers, with connections of its own.
pub(crate) async fn send_late(shared: Arc<Shared>) {
    let upstream = Upstream::new(shared.nodes.clone());
    let room = Arc::new(tokio::sync::Semaphore::new(LATE_AT_ONCE));
    let mut swept = clock::mono();
    loop {
        sleep(LATE_LOOK).await;
        // It comes later and goes earlier than this process.
        let Some(actions) = shared.actions.now() else { continue };
        let now = clock::mono();
        if now.saturating_duration_since(swept) > SWEEP {
            swept = now;
            upstream.sweep(now);
            if let Err(e) = actions.sweep(clock::wall()).await {
                tracing::warn!(error = %e, "old actions could not be forgotten");
            }
        }
        if actions.next_due().is_none_or(|due| due > clock::wall()) {
            continue;
        }
        let due = match actions.due(clock::wall(), room.available_permits()).await {
            Ok(due) => due,
            Err(e) => {
                tracing::warn!(error = %e, "actions that wait cannot be sent");
                continue;
            }
        };
        for one in due {
            let Ok(turn) = room.clone().acquire_owned().await else { return };
            let (shared, upstream) = (shared.clone(), upstream.clone());
            let Some(lease) = shared.actions.now() else { return };
            tokio::spawn(async move {
                late(&shared, &upstream, one).await;
                drop((turn, lease));
            });
        }
    }
}

/// One action from the journal. Whatever keeps it from being sent now, it is tried another time.
async fn late(shared: &Arc<Shared>, upstream: &Arc<Upstream>, due: Due) {
    let Due { request, running, .. } = due;
    let host = request.headers.get(header::HOST).and_then(|h| h.to_str().ok()).unwrap_or("").to_owned();
    let path = request.uri.split('?').next().unwrap_or("/");
    let routes = shared.routes.load();
    let found = routes.find(crate::serve::without_port(&host), path, &request.headers).cloned();
    drop(routes);
    let Some(route) = found else {
        tracing::warn!(host, path, "no route takes an action that waits");
        return;
    };
    // As it is now: the operator may have learnt that the origin does not honour keys after all.
    let Some(spec) = route.spec.keyed.clone() else { return };
    if running.is_repeat() && !spec.origin_honours {
        return;
    }
    let Some(out) = Outgoing::of_action(&request) else { return };
    let now = clock::mono();
    // While all nodes are out it takes no place from a visitor; when they are back, it waits its turn as visitors do,
    // else those who come back at once are always before it.
    let until = if route.pool.available(now) { now + LATE_PATIENCE } else { now };
    let ask = Ask {
        client: 0,
        priority: route.priority(),
        bytes: 0,
        not: None,
        route: route.id,
        until: Some(now),
        patient: false,
        may_try: false,
    };
    let host = host.as_str();
    let sending = Sending { upstream, route: &route, spec: &spec, host, ask, out, running };
    match sending.send(None, until).await {
        Outcome::Answered(whole) => {
            tracing::info!(status = whole.head.status.as_u16(), "an action was sent late")
        }
        Outcome::Saved => {}
        Outcome::Unknown(how) => tracing::warn!(?how, "an action was sent late and not answered"),
        Outcome::Disk => {}
    }
}

/// What is known of an action, for whoever has its key and its credentials.
pub(crate) fn view(
    shared: &Shared,
    actions: &Actions,
    host: &str,
    headers: &HeaderMap,
    key: &Key,
) -> Option<View> {
    // A key may belong to any of the routes of this host; each of them may tell people apart in its own way.
    let routes = shared.routes.load();
    let mut tried: Vec<&KeyedSpec> = Vec::new();
    for spec in routes.all().iter().filter_map(|r| r.spec.keyed.as_ref()) {
        if tried.iter().any(|t| t.principal == spec.principal) {
            continue;
        }
        tried.push(spec);
        if let Some(view) = actions.look_up(&actions.principal(spec, host, headers), key, clock::wall()) {
            return Some(view);
        }
    }
    None
}
