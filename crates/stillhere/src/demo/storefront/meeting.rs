//! The meeting room at one node: an ordinary WebSocket, which knows nothing of an edge.
//!
//! A visitor says how far it knows the board, and what it does; it is told what comes. The node keeps nothing: what it could
//! not write down it does not take, and closes with 1013.

use super::{NOT_UNDERSTOOD, Storefront};
use crate::demo::part::text;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::{SinkExt as _, StreamExt as _};
use hyper::{
    Request, Response, StatusCode,
    body::Incoming,
    header::{self, HeaderValue},
    upgrade::{OnUpgrade, Upgraded},
};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use std::pin::pin;
use stillhere_edge::Body;
use tokio::sync::mpsc;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        handshake::derive_accept_key,
        protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
    },
};

/// A visitor's longest message.
const MESSAGE_MAX: usize = 3 * 1024;
/// Questions to the database that may fail in a row.
const FAILS_MAX: u32 = 2;

/// What a visitor says.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Said<'a> {
    /// How far it knows the board: to be told the rest.
    Since(u64),
    #[serde(borrow)]
    Add(&'a serde_json::value::RawValue),
}

/// Takes a handshake; `room` gets the connection when it has become a WebSocket.
pub(super) fn enter(mut request: Request<Incoming>, room: &mpsc::Sender<OnUpgrade>) -> Response<Body> {
    let headers = request.headers();
    let has = |name, value: &str| {
        headers.get(name).is_some_and(|v| v.as_bytes().eq_ignore_ascii_case(value.as_bytes()))
    };
    let key = headers.get(header::SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes).unwrap_or_default();
    let fine = has(header::UPGRADE, "websocket")
        && has(header::SEC_WEBSOCKET_VERSION, "13")
        && STANDARD.decode(key).is_ok_and(|k| k.len() == 16);
    // Any site may open a WebSocket to here, and browsers send it without asking: only our own pages may come in.
    let from =
        headers.get(header::ORIGIN).and_then(|o| o.to_str().ok()?.split_once("://")).map(|(_, host)| host);
    let host = headers.get(header::HOST).and_then(|h| h.to_str().ok());
    if !fine {
        return text(StatusCode::UPGRADE_REQUIRED, "the meeting speaks WebSocket\n");
    }
    if from.is_some() && from != host {
        return text(StatusCode::FORBIDDEN, "another site cannot join\n");
    }
    let accept = derive_accept_key(key);
    // Full only if two came on one connection, which HTTP does not know.
    let _ = room.try_send(hyper::upgrade::on(&mut request));
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    if let Ok(accept) = HeaderValue::try_from(accept) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    response
}

/// Until the visitor leaves, or the database is away.
pub async fn meet(node: &Storefront, upgraded: Upgraded) {
    let limits =
        WebSocketConfig::default().max_message_size(Some(MESSAGE_MAX)).max_frame_size(Some(MESSAGE_MAX));
    let mut socket =
        WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(limits)).await;
    let Some(mut since) = hello(&mut socket).await else { return };
    let (mut fails, mut told_once) = (0, false);
    'news: loop {
        let mut news = pin!(node.ask_long(format!("SINCE {since}")));
        loop {
            tokio::select! {
                told = &mut news => {
                    let upto = told.as_ref().ok().and_then(|t| upto(t));
                    let (Ok(told), Some(upto)) = (told, upto) else {
                        // A moment's trouble of the database is none of the visitor's.
                        fails += 1;
                        if fails < FAILS_MAX { continue 'news }
                        break 'news;
                    };
                    fails = 0;
                    // Silence is no news, but for who has just come: it shows the clock and the node.
                    if told_once && upto == since { continue 'news }
                    (since, told_once) = (upto, true);
                    let said = format!("{{\"node\":\"{}\",\"news\":{told}}}", node.node);
                    if socket.send(Message::text(said)).await.is_err() { return }
                    continue 'news;
                }
                said = socket.next() => {
                    let Some(Ok(said)) = said else { return };
                    let Message::Text(said) = said else { continue };
                    match serde_json::from_str(&said) {
                        Ok(Said::Since(seq)) => { since = seq; continue 'news }
                        Ok(Said::Add(mark)) => match node.ask(&format!("ADD {}", mark.get())).await {
                            Ok(_) => {}
                            Err(e) if e == NOT_UNDERSTOOD => return bye(socket, CloseCode::Policy, "that is no mark").await,
                            Err(_) => break 'news,
                        },
                        Err(_) => return bye(socket, CloseCode::Policy, "that is not understood").await,
                    }
                }
            }
        }
    }
    bye(socket, CloseCode::Again, "the database is away").await;
}

async fn hello(socket: &mut WebSocketStream<TokioIo<Upgraded>>) -> Option<u64> {
    while let Some(Ok(said)) = socket.next().await {
        if let Message::Text(said) = said {
            return match serde_json::from_str(&said) {
                Ok(Said::Since(seq)) => Some(seq),
                _ => None,
            };
        }
    }
    None
}

async fn bye(mut socket: WebSocketStream<TokioIo<Upgraded>>, code: CloseCode, reason: &'static str) {
    // Who is gone needs no farewell.
    let _ = socket.close(Some(CloseFrame { code, reason: reason.into() })).await;
}

fn upto(told: &str) -> Option<u64> {
    #[derive(Deserialize)]
    struct News {
        upto: u64,
    }
    serde_json::from_str::<News>(told).ok().map(|n| n.upto)
}
