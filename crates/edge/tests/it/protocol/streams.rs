//! What flows both ways for long: calls of gRPC, and WebSockets over HTTP/2.

use crate::rig::{Running, h2, soon, until};
use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http::{HeaderMap, HeaderValue, Method, Request, Response, Version};
use http_body_util::{BodyExt as _, Empty, StreamBody};
use hyper::{
    body::{Frame, Incoming},
    ext::Protocol,
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::{convert::Infallible, net::SocketAddr};
use tokio::net::TcpListener;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, protocol::Role},
};

type Pieces = tokio::sync::mpsc::UnboundedReceiver<Frame<Bytes>>;

fn stream(pieces: Pieces) -> StreamBody<impl futures_util::Stream<Item = Result<Frame<Bytes>, Infallible>>> {
    StreamBody::new(futures_util::stream::unfold(pieces, async |mut pieces: Pieces| {
        pieces.recv().await.map(|frame| (Ok(frame), pieces))
    }))
}

/// A server of gRPC's kind: each message is answered when it comes, and the status follows in the trailers.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let answer = async |request: Request<Incoming>| {
        let (say, pieces) = tokio::sync::mpsc::unbounded_channel();
        assert_eq!(request.version(), Version::HTTP_2);
        let te = request.headers().get("te").cloned();
        let mut body = request.into_body();
        tokio::spawn(async move {
            while let Some(Ok(frame)) = body.frame().await {
                if let Ok(data) = frame.into_data() {
                    let _ = say.send(Frame::data(data));
                }
            }
            let mut status = HeaderMap::new();
            status.insert("grpc-status", HeaderValue::from_static("0"));
            status.extend(te.map(|te| (http::HeaderName::from_static("x-te"), te)));
            let _ = say.send(Frame::trailers(status));
        });
        Ok::<_, Infallible>(
            Response::builder()
                .header("content-type", "application/grpc")
                .body(Box::pin(stream(pieces)))
                .unwrap(),
        )
    };
    tokio::spawn(async move {
        loop {
            let (io, _) = listener.accept().await.unwrap();
            let serving = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            tokio::spawn(serving.serve_connection(TokioIo::new(io), service_fn(answer)));
        }
    });
    at
}

#[tokio::test]
async fn a_call_of_grpc_streams_both_ways_and_ends_with_its_status() {
    let edge = Running::start(&format!("[[routes]]\nnodes = [\"h2c://{}\"]\n", echo().await));
    let (say, pieces) = tokio::sync::mpsc::unbounded_channel();
    let mut sender = h2(edge.addr).await;
    let request = Request::post("http://shop.example/shop.Orders/Watch")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Box::pin(stream(pieces)))
        .unwrap();
    let answer = soon(sender.send_request(request)).await.unwrap();
    assert_eq!(answer.status(), 200);
    let mut body = answer.into_body();
    // Each message is answered before the next one is said: nothing is gathered on the way.
    for n in 0..50u8 {
        say.send(Frame::data(Bytes::from(vec![n; 100]))).unwrap();
        let mut got = Vec::new();
        while got.len() < 100 {
            got.extend(soon(body.frame()).await.unwrap().unwrap().into_data().unwrap());
        }
        assert_eq!(got, vec![n; 100]);
    }
    drop(say);
    let trailers = loop {
        let frame = soon(body.frame()).await.unwrap().unwrap();
        if let Ok(trailers) = frame.into_trailers() {
            break trailers;
        }
    };
    assert_eq!(
        (&trailers["grpc-status"], &trailers["x-te"]),
        (&"0".parse().unwrap(), &"trailers".parse().unwrap())
    );
}

#[tokio::test]
async fn a_websocket_over_http_2_reaches_a_node_of_http_1() {
    let node = crate::upgrade::clients::echo().await;
    let edge = Running::start(&format!("[[routes]]\nnodes = [\"http://{node}\"]\n"));
    let mut sender = h2::<Empty<Bytes>>(edge.addr).await;
    // The client learns in the edge's SETTINGS that it may (RFC 8441 §3).
    until("extended CONNECT is allowed", || sender.is_ready()).await;
    let handshake = || {
        Request::builder()
            .method(Method::CONNECT)
            .uri("http://shop.example/chat")
            .extension(Protocol::from_static("websocket"))
            .header("sec-websocket-version", "13")
            .body(Empty::new())
            .unwrap()
    };
    let mut answer = soon(sender.send_request(handshake())).await.unwrap();
    assert_eq!(answer.status(), 200);
    let switched = soon(hyper::upgrade::on(&mut answer)).await.unwrap();
    let mut ws = WebSocketStream::from_raw_socket(TokioIo::new(switched), Role::Client, None).await;
    for text in ["one", "two"] {
        soon(ws.send(Message::text(text))).await.unwrap();
        assert_eq!(soon(ws.next()).await.unwrap().unwrap(), Message::text(text));
    }
    soon(ws.close(None)).await.unwrap();
}
