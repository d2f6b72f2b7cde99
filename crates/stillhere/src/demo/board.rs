//! What the meeting room's database keeps: everything drawn and said, in one order for all.
//!
//! Each mark has an id of its maker's own. Who does not know whether a mark arrived sends it again, and it is there once.
//! It outlives the nodes, as a disk would, and goes with the demo.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::{
    collections::{HashSet, VecDeque},
    sync::{Mutex, MutexGuard},
    time::{Duration, Instant},
};
use stillhere_net::clock;
use tokio::sync::watch;

/// Marks that are kept; the oldest go.
const MARKS_MAX: usize = 4_000;
/// Points of one mark, and where they may be.
const POINTS_MAX: usize = 64;
const EDGE: u16 = 1_000;
/// Characters of one message.
const TEXT_MAX: usize = 280;
const ID_MAX: usize = 40;
/// Colours there are.
const HUES: u8 = 8;
/// Bytes of marks in one answer; who gets so much asks again.
const ANSWER_MAX: usize = 10 * 1024;
/// Who asks for news waits so long for some.
const NEWS_WITHIN: Duration = Duration::from_millis(400);

/// Something that somebody did in the room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    pub id: String,
    /// Whose: people have a colour here, and no name.
    pub hue: u8,
    #[serde(flatten)]
    pub what: What,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum What {
    Line { points: Vec<[u16; 2]> },
    Say { text: String },
    Wipe,
}

/// The answer to who asks for news.
#[derive(Serialize)]
struct News<'a> {
    /// How old the meeting is.
    age_ms: u64,
    /// The number of the last mark in it.
    upto: u64,
    marks: Vec<&'a RawValue>,
}

pub struct Board {
    inner: Mutex<Inner>,
    begun: Instant,
    newest: watch::Sender<u64>,
}

#[derive(Default)]
struct Inner {
    /// The number of the last one.
    seq: u64,
    /// As they are told, so that telling costs nothing.
    marks: VecDeque<(String, Box<RawValue>)>,
    ids: HashSet<String>,
}

// === impl Board ===

impl Default for Board {
    fn default() -> Board {
        Board { inner: Mutex::default(), begun: clock::mono(), newest: watch::channel(0).0 }
    }
}

impl Board {
    /// Writes a mark down, once for each id. None: it is not one.
    pub fn add(&self, written: &str) -> Option<u64> {
        let mark: Mark = serde_json::from_str(written).ok().filter(Mark::fits)?;
        let told = serde_json::value::to_raw_value(&mark).ok()?;
        let mut inner = self.inner();
        if inner.ids.insert(mark.id.clone()) {
            inner.seq += 1;
            inner.marks.push_back((mark.id, told));
            if inner.marks.len() > MARKS_MAX
                && let Some((id, _)) = inner.marks.pop_front()
            {
                inner.ids.remove(&id);
            }
        }
        let seq = inner.seq;
        drop(inner);
        self.newest.send_replace(seq);
        Some(seq)
    }

    /// What came after this number; waits a moment for something.
    pub async fn since(&self, seq: u64) -> String {
        let mut newest = self.newest.subscribe();
        // Nothing new within the time is an answer, too.
        let _ = tokio::time::timeout(NEWS_WITHIN, newest.wait_for(|n| *n > seq)).await;
        let inner = self.inner();
        let oldest = inner.seq - inner.marks.len() as u64;
        let skip = usize::try_from(seq.max(oldest) - oldest).unwrap_or(usize::MAX);
        let mut bytes = 0;
        let marks: Vec<&RawValue> = inner
            .marks
            .iter()
            .skip(skip)
            .map(|(_, mark)| mark.as_ref())
            .take_while(|mark| {
                bytes += mark.get().len();
                bytes <= ANSWER_MAX
            })
            .collect();
        let upto = seq.max(oldest).min(inner.seq) + marks.len() as u64;
        let age = u64::try_from(clock::mono().duration_since(self.begun).as_millis()).unwrap_or(u64::MAX);
        serde_json::to_string(&News { age_ms: age, upto, marks }).unwrap_or_default()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("nothing panics while it holds this lock")
    }
}

// === impl Mark ===

impl Mark {
    fn fits(&self) -> bool {
        let id = (1..=ID_MAX).contains(&self.id.len())
            && self.id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        let what = match &self.what {
            What::Line { points } => {
                (1..=POINTS_MAX).contains(&points.len()) && points.iter().flatten().all(|n| *n <= EDGE)
            }
            // A line is an answer of the database: nothing in it may end one.
            What::Say { text } => {
                (1..=TEXT_MAX).contains(&text.chars().count()) && !text.chars().any(char::is_control)
            }
            What::Wipe => true,
        };
        id && what && self.hue < HUES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(id: &str, text: &str) -> String {
        serde_json::json!({ "id": id, "hue": 1, "kind": "say", "text": text }).to_string()
    }

    async fn news(board: &Board, seq: u64) -> serde_json::Value {
        serde_json::from_str(&board.since(seq).await).unwrap()
    }

    #[tokio::test]
    async fn a_mark_that_comes_twice_is_there_once() {
        let board = Board::default();
        assert_eq!(board.add(&say("a", "hello")), Some(1));
        assert_eq!(board.add(&say("b", "你好")), Some(2));
        assert_eq!(board.add(&say("a", "hello")), Some(2));
        let all = news(&board, 0).await;
        assert_eq!((all["upto"].as_u64(), all["marks"].as_array().unwrap().len()), (Some(2), 2));
        assert_eq!(news(&board, 1).await["marks"][0]["text"], "你好");
    }

    #[tokio::test]
    async fn who_waits_is_told_of_what_comes() {
        let board = std::sync::Arc::new(Board::default());
        let waiting = tokio::spawn({
            let board = board.clone();
            async move { news(&board, 0).await }
        });
        tokio::task::yield_now().await;
        board.add(r#"{"id":"x","hue":0,"kind":"line","points":[[0,0],[1000,1000]]}"#);
        assert_eq!(waiting.await.unwrap()["upto"], 1);
        assert_eq!(news(&board, 1).await["marks"].as_array().unwrap().len(), 0);
    }

    #[tokio::test]
    async fn what_is_no_mark_is_not_taken_and_the_oldest_go_at_the_limit() {
        let board = Board::default();
        let long = "x".repeat(TEXT_MAX + 1);
        for no in [
            say("", "no id"),
            say("a b", "no id either"),
            say("a", ""),
            say("a", &long),
            say("a", "two\nlines"),
            r#"{"id":"a","hue":8,"kind":"wipe"}"#.to_owned(),
            r#"{"id":"a","hue":0,"kind":"line","points":[[0,1001]]}"#.to_owned(),
            r#"{"id":"a","hue":0,"kind":"line","points":[]}"#.to_owned(),
            "{}".to_owned(),
        ] {
            assert_eq!(board.add(&no), None, "{no}");
        }
        for n in 0..MARKS_MAX + 10 {
            board.add(&say(&n.to_string(), "m"));
        }
        let (mut seen, mut upto) = (0, 0);
        loop {
            let part = news(&board, upto).await;
            let marks = part["marks"].as_array().unwrap();
            if marks.is_empty() {
                break;
            }
            assert!(part.to_string().len() < 16 * 1024);
            (seen, upto) = (seen + marks.len(), part["upto"].as_u64().unwrap());
        }
        assert_eq!((seen, upto), (MARKS_MAX, MARKS_MAX as u64 + 10));
    }
}
