//! Which of the two protocols a connection speaks, seen from its first bytes.

use bytes::{Bytes, BytesMut};
use std::{io, time::Duration};
use tokio::io::{AsyncRead, AsyncReadExt as _};

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
    let mut bytes = BytesMut::with_capacity(ROOM);
    let read = async {
        loop {
            if io.read_buf(&mut bytes).await? == 0 {
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
