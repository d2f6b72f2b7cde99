//! HTTP/2 (RFC 9113), one request on one connection. The connection is driven in place, beside the request.

use super::{Answer, MAX_HEAD, MAX_HEADERS, Want};
use crate::{
    fault::Fault,
    trace::{Phase, Trace},
};
use bytes::Bytes;
use std::{future::poll_fn, io::ErrorKind};
use stillhere_model::Finding;
use tokio::io::{AsyncRead, AsyncWrite};

/// How much of a body may be under way towards us.
const WINDOW: u32 = 256 * 1024;

/// What it goes over: boxed, so that the machine of HTTP/2 is in the binary once and not once for each kind of connection.
pub(super) trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Io for S {}

pub(super) async fn exchange(
    io: Box<dyn Io + '_>,
    request: &http::Request<()>,
    body: &Bytes,
    want: &Want,
    trace: &mut Trace,
) -> Result<Answer, Fault> {
    trace.begin(Phase::FirstByte);
    let (sender, connection) = h2::client::Builder::new()
        .enable_push(false)
        .initial_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_header_list_size(MAX_HEAD as u32)
        .handshake::<_, Bytes>(io)
        .await
        .map_err(|e| fault(Phase::FirstByte, e))?;
    let mut work = std::pin::pin!(ask(sender, request, body, want, trace));
    tokio::select! {
        biased;
        answer = &mut work => answer,
        ended = connection => match ended {
            // The request's own error says more, and must come now that nothing can arrive any more.
            Ok(()) => work.await,
            Err(e) => Err(fault(Phase::Body, e)),
        },
    }
}

async fn ask(
    sender: h2::client::SendRequest<Bytes>,
    request: &http::Request<()>,
    body: &Bytes,
    want: &Want,
    trace: &mut Trace,
) -> Result<Answer, Fault> {
    let mut sender = sender.ready().await.map_err(|e| fault(trace.phase, e))?;
    let (response, mut stream) =
        sender.send_request(request.clone(), body.is_empty()).map_err(|e| fault(trace.phase, e))?;
    if !body.is_empty() {
        // Refused when the server has already answered and closed its side: its answer is what counts.
        let _ = stream.send_data(body.clone(), true);
    }
    let response = response.await.map_err(|e| fault(trace.phase, e))?;
    trace.then(Phase::Body);
    let (head, mut incoming) = response.into_parts();
    if head.headers.len() > MAX_HEADERS {
        return Err(super::h1::malformed(format!("more than {MAX_HEADERS} header lines")));
    }
    let mut answer = Answer::new(head.status.as_u16(), "HTTP/2");
    for (name, value) in &head.headers {
        answer.header(name.as_str(), value.as_bytes(), want);
    }
    if !(want.stop_at_redirect && answer.redirects()) {
        while let Some(piece) = poll_fn(|cx| incoming.poll_data(cx)).await {
            let piece = piece.map_err(|e| fault(Phase::Body, e))?;
            if !answer.take(&piece, want) {
                break;
            }
            let _ = incoming.flow_control().release_capacity(piece.len());
        }
    }
    trace.end();
    Ok(answer)
}

fn fault(phase: Phase, e: h2::Error) -> Fault {
    let detail = e.to_string();
    if e.is_io() {
        return match e.into_io() {
            // The system has no error of the kind `Other`: so the frames' reader says that one was cut off.
            Some(e) if matches!(e.kind(), ErrorKind::UnexpectedEof | ErrorKind::Other) => {
                Fault::target(Finding::ClosedEarly, detail)
            }
            Some(e) => Fault::io(phase, &e),
            None => Fault::target(Finding::ClosedEarly, detail),
        };
    }
    // What we found wrong is malformed; what the far side calls off is closed.
    let finding = if e.is_library() { Finding::MalformedAnswer } else { Finding::ClosedEarly };
    Fault::target(finding, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use stillhere_model::Side;

    #[test]
    fn case_a_a_server_that_closes_within_a_frame_is_down_by_its_own_doing() {
        let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
        let want = Want { headers: false, body: false, max_body: 0, stop_at_redirect: false };
        let request = http::Request::get("http://target.example/").body(()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for n in 1..settings.len() {
            let io = tokio::io::join(&settings[..n], tokio::io::sink());
            let mut trace = Trace::start(clock::mono());
            let asked = async { exchange(Box::new(io), &request, &Bytes::new(), &want, &mut trace).await };
            let fault = runtime.block_on(asked).unwrap_err();
            assert_eq!(
                (fault.side, &fault.finding),
                (Side::Target, &Finding::ClosedEarly),
                "{n} bytes: {fault}"
            );
        }
    }
}
