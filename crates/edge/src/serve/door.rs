//! Before anything is looked up for a request: whether its client may ask at all, and whether it waits outside.

use super::{Connection, head_of};
use crate::{
    Body,
    answer::{Trouble, Why},
    limit::{TooMany, Who},
    room::{self, Room},
    route::Route,
};
use http::{HeaderMap, HeaderValue, Request, Response, header, request::Parts};
use hyper::body::Incoming;
use std::time::Instant;
use stillhere_net::{clock, entropy};

// === impl Connection ===

impl Connection {
    /// One address may ask only so often.
    pub(super) fn limited(
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
    pub(super) fn door(
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
    pub(super) fn hand_out(&self, headers: &mut HeaderMap, token: &str) {
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
}
