use super::*;
use crate::clock;
use proptest::prelude::*;
use tokio::io::ReadBuf;

/// Gives what it has in pieces of the given sizes, then ends.
struct Pieces<'a> {
    data: &'a [u8],
    sizes: &'a [usize],
    turn: usize,
}

impl AsyncRead for Pieces<'_> {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        let n = self.sizes[self.turn % self.sizes.len()].min(self.data.len()).min(buf.remaining());
        self.turn += 1;
        let (now, later) = self.data.split_at(n);
        buf.put_slice(now);
        self.data = later;
        std::task::Poll::Ready(Ok(()))
    }
}

const MAX_BODY: u64 = 64;

fn ask(data: &[u8], sizes: &[usize]) -> Result<(u16, Vec<u8>, bool, usize), Fault> {
    let want = Want { headers: true, body: true, max_body: MAX_BODY, stop_at_redirect: false };
    let mut io = tokio::io::join(Pieces { data, sizes, turn: 0 }, tokio::io::sink());
    let mut trace = Trace::start(clock::mono());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let answer = runtime.block_on(exchange(&mut io, b"GET / HTTP/1.1\r\n\r\n", false, &want, &mut trace))?;
    Ok((answer.status, answer.body, answer.truncated, answer.headers.len()))
}

const GOOD: [&str; 4] = [
    "HTTP/1.1 200 OK\r\nContent-Length: 11\r\nX-A: b\r\n\r\nhello world",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n5;a=b\r\nhello\r\n6\r\n world\r\n0\r\nT: v\r\n\r\n",
    "HTTP/1.0 200 OK\r\n\r\nhello world",
    "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200\nContent-Length: 11, 11\n\nhello world",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn an_answer_reads_the_same_however_it_is_cut(which in 0..GOOD.len(), sizes in proptest::collection::vec(1usize..20, 1..8)) {
        let (status, body, truncated, _) = ask(GOOD[which].as_bytes(), &sizes).unwrap();
        prop_assert_eq!((status, body.as_slice(), truncated), (200, &b"hello world"[..], false));
    }

    #[test]
    fn no_bytes_whatever_break_the_reader(
        which in 0..GOOD.len(),
        flips in proptest::collection::vec((0usize..120, any::<u8>()), 0..10),
        tail in proptest::collection::vec(any::<u8>(), 0..200),
        cut in 0usize..120,
        sizes in proptest::collection::vec(1usize..50, 1..8),
    ) {
        let mut data = GOOD[which].as_bytes().to_vec();
        for (at, byte) in flips {
            if let Some(b) = data.get_mut(at) {
                *b = byte;
            }
        }
        data.truncate(cut.max(6));
        data.extend_from_slice(&tail);
        match ask(&data, &sizes) {
            Ok((status, body, _, headers)) => {
                prop_assert!((200..=999).contains(&status));
                prop_assert!(body.len() as u64 <= MAX_BODY && headers <= MAX_HEADERS);
            }
            // Whatever a target says, it is the target's doing and never ours.
            Err(fault) => prop_assert_eq!(fault.side, stillhere_model::Side::Target),
        }
    }
}

#[test]
fn a_head_that_drips_is_bounded_and_read_once() {
    let endless = [b"HTTP/1.1 200 OK\r\nX: ".as_slice(), &[b'y'; 3 * MAX_HEAD]].concat();
    let fault = ask(&endless, &[1]).unwrap_err();
    assert_eq!(fault.finding, Finding::MalformedAnswer);
}

/// Whether it is up must not depend on how the network cuts it.
#[test]
fn a_few_line_ends_before_an_answer_are_passed_over_however_they_come() {
    let after = |ends: usize| {
        let stray = "\r\n".repeat(ends);
        format!(
            "{stray}HTTP/1.1 103 Early Hints\r\n\r\n{stray}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        )
    };
    for step in 1..90 {
        for ends in 0..=MAX_BLANK / 2 {
            let (status, body, ..) = ask(after(ends).as_bytes(), &[step]).unwrap();
            assert_eq!((status, body.as_slice()), (200, &b"ok"[..]), "{ends} by {step}");
        }
        let fault = ask(after(MAX_BLANK / 2 + 1).as_bytes(), &[step]).unwrap_err();
        assert_eq!(fault.finding, Finding::MalformedAnswer, "by {step}");
    }
}
