//! One buffer of a thread that everything is read through, so that idle sockets hold none.

use super::Io;
use std::{
    cell::RefCell,
    io,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::io::{AsyncRead as _, ReadBuf};

/// Bytes that are read at once.
pub const SIZE: usize = 16 << 10;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Reads, and shows what came. `None` is the end.
pub(super) fn read<T>(
    cx: &mut Context<'_>,
    from: &mut Box<dyn Io>,
    show: impl FnOnce(&mut Context<'_>, &[u8]) -> T,
) -> Poll<Option<io::Result<T>>> {
    BUFFER.with_borrow_mut(|buffer| {
        buffer.resize(SIZE, 0);
        let mut taken = ReadBuf::new(buffer);
        match Pin::new(from).poll_read(cx, &mut taken) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Err(e)) => Poll::Ready(Some(Err(e))),
            Poll::Ready(Ok(())) if taken.filled().is_empty() => Poll::Ready(None),
            Poll::Ready(Ok(())) => Poll::Ready(Some(Ok(show(cx, taken.filled())))),
        }
    })
}

/// Reads to the end and forgets it.
pub(super) fn drain(cx: &mut Context<'_>, from: &mut Box<dyn Io>) -> Poll<()> {
    loop {
        match read(cx, from, |_, _| ()) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(None | Some(Err(_))) => return Poll::Ready(()),
            Poll::Ready(Some(Ok(()))) => {}
        }
    }
}
