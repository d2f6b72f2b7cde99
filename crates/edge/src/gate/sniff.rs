//! Which of the two protocols a connection speaks, seen from its first bytes.

use bytes::{Bytes, BytesMut};
use std::{
    future::poll_fn,
    io,
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::io::{AsyncRead, ReadBuf};

/// What an HTTP/2 connection begins with.
pub const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Bytes read at once while sniffing: an ordinary request comes whole.
const ROOM: usize = 4096;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    H1,
    H2,
}

/// Reads until it is clear which protocol is spoken. The bytes go on to [`Gated::new`](super::Gated::new).
///
/// # Errors
/// `TimedOut` when it isn't clear `within` that time, `UnexpectedEof` when the client left, and those of the socket.
pub async fn sniff<IO: AsyncRead + Unpin>(io: &mut IO, within: Duration) -> io::Result<(Bytes, Kind)> {
    let mut bytes = BytesMut::new();
    let read = async {
        loop {
            if poll_fn(|cx| poll_more(cx, io, &mut bytes)).await? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
            }
            let n = bytes.len().min(PREFACE.len());
            if bytes[..n] != PREFACE[..n] {
                return Ok(Kind::H1);
            }
            if n == PREFACE.len() {
                return Ok(Kind::H2);
            }
        }
    };
    let kind = tokio::time::timeout(within, read).await.map_err(|_| io::ErrorKind::TimedOut)??;
    Ok((bytes.freeze(), kind))
}

/// Reads through the stack, so that a connection keeps no more than what came, and before that nothing.
fn poll_more<IO: AsyncRead + Unpin>(
    cx: &mut Context<'_>,
    io: &mut IO,
    bytes: &mut BytesMut,
) -> Poll<io::Result<usize>> {
    let mut room = [MaybeUninit::uninit(); ROOM];
    let mut read = ReadBuf::uninit(&mut room);
    ready!(Pin::new(io).poll_read(cx, &mut read))?;
    bytes.extend_from_slice(read.filled());
    Poll::Ready(Ok(read.filled().len()))
}
