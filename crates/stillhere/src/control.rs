//! Speaks with the running Stillhere over its control socket: HTTP on a Unix socket that only its owner may open.

use crate::{cli::At, edge, exit::Exit, say, up::SOCKET};
use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::{fmt::Write as _, time::Duration};
use stillhere_model::{Accepted, Command};
use tokio::net::UnixStream;

/// An answer may not be larger; lists are paged far below it.
const ANSWER_MAX: usize = 16 << 20;
/// A backup of a large file takes a while; everything else answers at once.
const ANSWER_WITHIN: Duration = Duration::from_secs(600);

/// One call. A refusal (4xx) is [`Exit::Refused`] with the problem's own words.
pub async fn call(at: &At, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Exit> {
    let bytes = body.map(|b| Bytes::from(b.to_string())).unwrap_or_default();
    send(at, method, path, "application/json", bytes).await
}

/// The same with a body of any kind.
pub async fn send(at: &At, method: Method, path: &str, kind: &str, body: Bytes) -> Result<Value, Exit> {
    let socket = at.data.join(SOCKET);
    let stream = UnixStream::connect(&socket).await.map_err(|e| {
        Exit::NobodyThere(format!(
            "no Stillhere answers at {} ({e}). Is it running? Its data folder is named with --data or STILLHERE_DATA",
            socket.display()
        ))
    })?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.context("the control socket")?;
    let connection = tokio::spawn(connection);
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "localhost")
        .header("content-type", kind)
        .body(Full::new(body))
        .context("the request")?;
    let answered = async {
        let answer = sender.send_request(request).await.context("Stillhere did not answer")?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_MAX)
            .collect()
            .await
            .map_err(|e| anyhow::anyhow!("the answer broke off: {e}"))?
            .to_bytes();
        anyhow::Ok((status, body))
    };
    let (status, body) = tokio::time::timeout(ANSWER_WITHIN, answered)
        .await
        .map_err(|_| Exit::NobodyThere("Stillhere did not answer in time".to_owned()))??;
    connection.abort();
    let value: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    if status.is_success() {
        return Ok(value);
    }
    let said = value["detail"].as_str().or(value["title"].as_str()).unwrap_or("no reason given").to_owned();
    Err(if status.is_client_error() { Exit::Refused(said) } else { Exit::Own(said) })
}

/// A name as a part of a path.
pub fn quoted(name: &str) -> String {
    name.bytes().fold(String::new(), |mut out, b| {
        if b.is_ascii_alphanumeric() || b"-._~".contains(&b) {
            out.push(char::from(b));
        } else {
            // Writing into a String cannot fail.
            let _ = write!(out, "%{b:02X}");
        }
        out
    })
}

pub async fn command(at: &At, command: &Command) -> Result<(), Exit> {
    let body = serde_json::to_value(command).expect("a command is JSON");
    let answer = call(at, Method::POST, "/control/command", Some(&body)).await?;
    if at.json {
        say::out(&answer.to_string());
        return Ok(());
    }
    match serde_json::from_value::<Accepted>(answer) {
        Ok(Accepted::Incident(id)) => say::out(&id.to_string()),
        Ok(Accepted::Maintenance(id)) => say::out(&id.to_string()),
        Err(e) => return Err(Exit::Own(format!("the answer was not understood: {e}"))),
    }
    Ok(())
}

pub async fn reload(at: At) -> Result<(), Exit> {
    let answer = call(&at, Method::POST, "/control/reload", None).await?;
    say::out(answer["summary"].as_str().unwrap_or("read again"));
    Ok(())
}

pub async fn stop(at: At) -> Result<(), Exit> {
    match call(&at, Method::POST, "/control/stop", None).await {
        // It was killed, and its edge serves on: whoever wants it stopped wants that stopped, too.
        Err(Exit::NobodyThere(_)) if edge::child::lives_on(&at.data) => {
            edge::child::end(&at.data).await;
            say::out("the edge that had outlived it is stopped");
            return Ok(());
        }
        done => done?,
    };
    // The socket is removed last: when it is gone, everything has ended.
    let socket = at.data.join(SOCKET);
    let gone = async {
        while tokio::fs::try_exists(&socket).await.unwrap_or(false) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), gone)
        .await
        .map_err(|_| Exit::Own("it was asked to stop and is still there after 30 s".to_owned()))?;
    say::out("stopped");
    Ok(())
}
