//! How actions lie on disk: a record of fixed width, and request and answer as texts to be sealed.

use super::{
    Answer, HEAD_MAX, KeyedSpec, Request,
    principal::Hash,
    seal::{Kind, Secrets},
    state::{Standing, State},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use std::time::Duration;
use stillhere_model::{Time, time::millis};

/// What a record with its keys costs on disk and in memory, about; it counts towards the limit of bytes.
pub(super) const RECORD_COST: u64 = 512;
/// The width of a record of version 1.
const WIDTH: usize = 129;
const VERSION: u8 = 1;

/// Who may send an action: which life of the journal, and which claim. The fence: a sender whose claim is not the
/// one on disk can settle nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Owner {
    pub(super) epoch: u64,
    pub(super) attempt: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) at: Standing,
    pub(super) owner: Owner,
    pub(super) created: Time,
    pub(super) updated: Time,
    pub(super) send_until: Time,
    /// How long it is sent late, in milliseconds, counted from when somebody last asked for it.
    pub(super) send_ms: i64,
    pub(super) keep_ms: i64,
    pub(super) fingerprint: Hash,
    pub(super) twin: Option<Hash>,
    /// Zero: there is none on disk.
    pub(super) request_bytes: u32,
    pub(super) answer_bytes: u32,
    /// The status that was answered, or zero.
    pub(super) status: u16,
}

// === impl Record ===

impl Record {
    pub(super) fn new(
        spec: &KeyedSpec,
        fingerprint: Hash,
        twin: Option<Hash>,
        request_bytes: usize,
        now: Time,
    ) -> Record {
        Record {
            at: Standing { state: State::Saved, honours: spec.origin_honours, doubt: false },
            owner: Owner::default(),
            created: now,
            updated: now,
            send_until: now.plus(spec.send_late_within),
            send_ms: millis(spec.send_late_within),
            keep_ms: millis(spec.keep),
            fingerprint,
            twin,
            request_bytes: u32::try_from(request_bytes).unwrap_or(u32::MAX),
            answer_bytes: 0,
            status: 0,
        }
    }

    pub(super) fn cost(&self) -> u64 {
        RECORD_COST + u64::from(self.request_bytes) + u64::from(self.answer_bytes)
    }

    pub(super) fn ends(&self) -> Time {
        self.updated.plus(Duration::from_millis(u64::try_from(self.keep_ms).unwrap_or(0)))
    }

    pub(super) fn encode(&self) -> [u8; WIDTH] {
        let mut out = Vec::with_capacity(WIDTH);
        out.push(VERSION);
        out.push(code(self.at.state));
        out.push(
            u8::from(self.at.honours) | u8::from(self.at.doubt) << 1 | u8::from(self.twin.is_some()) << 2,
        );
        out.extend_from_slice(&self.owner.epoch.to_be_bytes());
        out.extend_from_slice(&self.owner.attempt.to_be_bytes());
        for n in [self.created.0, self.updated.0, self.send_until.0, self.send_ms, self.keep_ms] {
            out.extend_from_slice(&n.to_be_bytes());
        }
        out.extend_from_slice(&self.fingerprint);
        out.extend_from_slice(&self.twin.unwrap_or_default());
        out.extend_from_slice(&self.request_bytes.to_be_bytes());
        out.extend_from_slice(&self.answer_bytes.to_be_bytes());
        out.extend_from_slice(&self.status.to_be_bytes());
        let mut fixed = [0; WIDTH];
        fixed[..out.len()].copy_from_slice(&out);
        fixed
    }

    /// None: this is not a record of a version we know.
    pub(super) fn decode(bytes: &[u8]) -> Option<Record> {
        if bytes.len() != WIDTH {
            return None;
        }
        let mut r = Reader(bytes);
        if r.u8()? != VERSION {
            return None;
        }
        let state = State::ALL.into_iter().find(|s| code(*s) == bytes[1])?;
        let (_, flags) = (r.u8()?, r.u8()?);
        let at = Standing { state, honours: flags & 1 != 0, doubt: flags & 2 != 0 };
        let owner = Owner { epoch: r.u64()?, attempt: r.u32()? };
        let mut time = || r.u64().map(u64::cast_signed);
        let (created, updated, send_until, send_ms, keep_ms) = (time()?, time()?, time()?, time()?, time()?);
        let fingerprint = r.hash()?;
        let twin = r.hash()?;
        Some(Record {
            at,
            owner,
            created: Time(created),
            updated: Time(updated),
            send_until: Time(send_until),
            send_ms,
            keep_ms,
            fingerprint,
            twin: (flags & 4 != 0).then_some(twin),
            request_bytes: r.u32()?,
            answer_bytes: r.u32()?,
            status: r.u16()?,
        })
    }
}

/// Never reused for another state: they are on disk.
fn code(state: State) -> u8 {
    match state {
        State::Saved => 1,
        State::Sent => 2,
        State::Unknown => 3,
        State::Done => 4,
        State::Refused => 5,
        State::NeedsYou => 6,
        State::Expired => 7,
        State::Forgotten => 8,
    }
}

/// Takes what was written apart again; None where it ends too early.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(taken)
    }
    fn u8(&mut self) -> Option<u8> {
        Some(self.take(1)?[0])
    }
    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }
    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }
    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_be_bytes(self.take(8)?.try_into().ok()?))
    }
    fn hash(&mut self) -> Option<Hash> {
        self.take(32)?.try_into().ok()
    }
    fn bytes(&mut self) -> Option<&'a [u8]> {
        let n = self.u32()?;
        self.take(usize::try_from(n).ok()?)
    }
    fn headers(&mut self) -> Option<HeaderMap> {
        let mut headers = HeaderMap::new();
        for _ in 0..self.u16()? {
            let name = HeaderName::from_bytes(self.bytes()?).ok()?;
            // More than a map can have is no row of ours.
            headers.try_append(name, HeaderValue::from_bytes(self.bytes()?).ok()?).ok()?;
        }
        Some(headers)
    }
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) -> Option<()> {
    out.extend_from_slice(&u32::try_from(bytes.len()).ok()?.to_be_bytes());
    out.extend_from_slice(bytes);
    Some(())
}

fn put_headers(out: &mut Vec<u8>, headers: &HeaderMap) -> Option<()> {
    out.extend_from_slice(&u16::try_from(headers.len()).ok()?.to_be_bytes());
    for (name, value) in headers {
        put(out, name.as_str().as_bytes())?;
        put(out, value.as_bytes())?;
    }
    Some(())
}

/// None: its head is larger than [`HEAD_MAX`].
pub(super) fn write_request(route: &str, request: &Request) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(1024 + request.body.len());
    put(&mut out, route.as_bytes())?;
    put(&mut out, request.method.as_str().as_bytes())?;
    put(&mut out, request.uri.as_bytes())?;
    put_headers(&mut out, &request.headers)?;
    if out.len() > HEAD_MAX {
        return None;
    }
    put(&mut out, &request.body)?;
    Some(out)
}

pub(super) fn read_request(plain: &[u8]) -> Option<(String, Request)> {
    let mut r = Reader(plain);
    let route = String::from_utf8(r.bytes()?.to_vec()).ok()?;
    let method = Method::from_bytes(r.bytes()?).ok()?;
    let uri = String::from_utf8(r.bytes()?.to_vec()).ok()?;
    let headers = r.headers()?;
    let body = Bytes::copy_from_slice(r.bytes()?);
    r.0.is_empty().then_some((route, Request { method, uri, headers, body }))
}

/// None: its head is larger than [`HEAD_MAX`].
pub(super) fn write_answer(answer: &Answer) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(256 + answer.body.as_ref().map_or(0, Bytes::len));
    put_headers(&mut out, &answer.headers)?;
    let mut trailers = Vec::new();
    if !answer.trailers.is_empty() {
        put_headers(&mut trailers, &answer.trailers)?;
    }
    if out.len() + trailers.len() > HEAD_MAX {
        return None;
    }
    out.push(u8::from(answer.body.is_some()));
    put(&mut out, answer.body.as_deref().unwrap_or_default())?;
    // Nothing where there are none, as before there were any.
    out.extend_from_slice(&trailers);
    Some(out)
}

fn read_answer(status: StatusCode, plain: &[u8]) -> Option<Answer> {
    let mut r = Reader(plain);
    let headers = r.headers()?;
    let whole = r.u8()? == 1;
    let body = Bytes::copy_from_slice(r.bytes()?);
    let trailers = if r.0.is_empty() { HeaderMap::new() } else { r.headers()? };
    r.0.is_empty().then_some(Answer { status, headers, body: whole.then_some(body), trailers })
}

/// The answer that was kept. When it cannot be read, that it was answered, and with which status, is still true.
pub(super) fn open_answer(secrets: &Secrets, id: &Hash, status: u16, sealed: Option<&[u8]>) -> Answer {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    sealed
        .and_then(|s| secrets.unseal(id, Kind::Answer, s))
        .and_then(|plain| read_answer(status, &plain))
        .unwrap_or_else(|| Answer::bare(status))
}

/// What lies in the journal, by table.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Row {
    Record,
    Request,
    Answer,
}

/// A row as it is read and written again. `None`: it is none. Without the file and its seal, so that broken bytes can be
/// tried quickly.
#[doc(hidden)]
#[must_use]
pub fn rewritten(row: Row, bytes: &[u8]) -> Option<Vec<u8>> {
    match row {
        Row::Record => Record::decode(bytes).map(|r| r.encode().to_vec()),
        Row::Request => {
            let (route, request) = read_request(bytes)?;
            write_request(&route, &request)
        }
        Row::Answer => write_answer(&read_answer(StatusCode::OK, bytes)?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn request(body: Vec<u8>) -> Request {
        let mut headers = HeaderMap::new();
        headers.append("cookie", HeaderValue::from_static("a=1"));
        headers.append("cookie", HeaderValue::from_bytes(b"b=\xff").unwrap());
        Request { method: Method::POST, uri: "/orders?x=1".to_owned(), headers, body: body.into() }
    }

    #[test]
    fn a_head_that_is_too_large_is_not_kept() {
        let mut r = request(vec![]);
        r.uri = "/".repeat(HEAD_MAX);
        assert_eq!(write_request("shop", &r), None);
    }

    #[test]
    fn an_answer_that_cannot_be_read_still_says_that_it_was_answered() {
        let secrets = Secrets::of([1; 32]);
        let kept = open_answer(&secrets, &[0; 32], 201, Some(b"nonsense"));
        assert_eq!((kept.status.as_u16(), kept.body), (201, None));
    }

    proptest! {
        #[test]
        fn records_read_back(
            state in 0usize..8, honours: bool, doubt: bool, epoch: u64, attempt: u32, times: [i64; 5],
            fingerprint: [u8; 32], twin: Option<[u8; 32]>, sizes: [u32; 2], status: u16,
        ) {
            let record = Record {
                at: Standing { state: State::ALL[state], honours, doubt },
                owner: Owner { epoch, attempt },
                created: Time(times[0]), updated: Time(times[1]), send_until: Time(times[2]),
                send_ms: times[3], keep_ms: times[4],
                fingerprint, twin, request_bytes: sizes[0], answer_bytes: sizes[1], status,
            };
            let encoded = record.encode();
            prop_assert_eq!(Record::decode(&encoded), Some(record));
            prop_assert_eq!(Record::decode(&encoded[1..]), None);
        }

        #[test]
        fn requests_and_answers_read_back_and_rubbish_is_refused(
            body in proptest::collection::vec(any::<u8>(), 0..200), cut in 0usize..200, whole: bool,
        ) {
            let written = write_request("shop", &request(body.clone())).unwrap();
            let (route, read) = read_request(&written).unwrap();
            prop_assert_eq!((route.as_str(), read.uri.as_str(), &read.body[..]), ("shop", "/orders?x=1", &body[..]));
            prop_assert_eq!(read.headers, request(vec![]).headers);
            let cut = cut.min(written.len() - 1);
            prop_assert!(read_request(&written[..cut]).is_none());
            prop_assert!(Record::decode(&body).is_none());

            let headers = request(vec![]).headers;
            let kept = whole.then(|| body.clone().into());
            let answer = Answer { status: StatusCode::OK, trailers: headers.clone(), headers, body: kept };
            let written = write_answer(&answer).unwrap();
            prop_assert_eq!(read_answer(StatusCode::OK, &written), Some(answer));
            let _never_panics = read_answer(StatusCode::OK, &body);
        }
    }
}
