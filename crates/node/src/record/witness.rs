//! Witnesses are asked for their word on each new checkpoint (C2SP `tlog-witness`, `add-checkpoint`): they have seen what we showed them last, and sign
//! only what continues it. Two histories for two readers would need all of them.
//!
//! Nothing waits for a witness: each has a task of its own, one request at a time, a deadline, and a pause that grows while it does not answer. What
//! grows meanwhile is asked for at once, as the one newest checkpoint. What a witness answers is checked against its key, whoever answered.

use super::{Record, WITNESSES_MAX};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use std::{fmt::Write as _, sync::Arc, time::Duration};
use stillhere_config::Config;
use stillhere_net::{
    dns::Resolver,
    guard::Policy,
    http::{Post, Poster},
    tls,
};
use stillhere_record::{
    Checkpoint,
    note::{Note, Signature, Verifier},
    tree,
};
use tokio::{sync::watch, task::JoinSet};

/// Between looks whether the log has grown, and after an answer that helps nobody for the first time.
const PAUSE: Duration = Duration::from_secs(5);
/// The longest pause while a witness does not answer.
const PAUSE_MAX: Duration = Duration::from_secs(3_600);
/// A witness that takes longer is asked again later.
const WITHIN: Duration = Duration::from_secs(10);
/// As much of what a witness says is written into the log.
const SAID_CHARS: usize = 100;

/// One that is asked.
#[derive(Debug, Clone)]
pub(crate) struct Witness {
    /// What `/add-checkpoint` follows.
    url: String,
    key: Verifier,
}

/// What became of a question.
enum Answer {
    Signed,
    /// The last that it has seen has this size.
    Seen(u64),
    /// With what it said.
    No(String),
}

/// # Errors
/// A key that is none, or not of a witness; too many of them.
pub(crate) fn of(config: &Config) -> Result<Vec<Witness>, String> {
    let all = &config.record.witness;
    if all.len() as i64 > WITNESSES_MAX {
        return Err(format!("record: {WITNESSES_MAX} witnesses are the most"));
    }
    all.iter()
        .enumerate()
        .map(|(i, w)| {
            let key =
                Verifier::parse(&w.key).map_err(|e| format!("record: witness {}: `key`: {e}", i + 1))?;
            if !key.is_witness() {
                return Err(format!("record: witness {}: `key` is a log's, not a witness's", i + 1));
            }
            Ok(Witness { url: w.url.trim_end_matches('/').to_owned(), key })
        })
        .collect()
}

/// Until stopped.
pub(crate) async fn run(record: Arc<Record>, witnesses: Vec<Witness>, stop: watch::Receiver<bool>) {
    let options = tls::Options::default();
    let poster = match Poster::new(Arc::new(Resolver::system()), &Arc::new(tls::Store::default()), &options) {
        Ok(poster) => poster,
        Err(e) => return tracing::error!(error = %e, "no witness can be asked"),
    };
    let mut tasks = JoinSet::new();
    for witness in witnesses {
        tasks.spawn(witness.ask_on(record.clone(), poster.clone(), stop.clone()));
    }
    while let Some(ended) = tasks.join_next().await {
        if let Err(e) = ended {
            tracing::error!(error = %e, "asking a witness ended badly");
        }
    }
}

// === impl Witness ===

impl Witness {
    async fn ask_on(self, record: Arc<Record>, poster: Poster, mut stop: watch::Receiver<bool>) {
        // What it has seen it says itself: a start knows nothing, and is told.
        let (mut seen, mut signed, mut refused) = (0, None, 0u32);
        loop {
            if signed != Some(record.size()) {
                match self.ask_until_told(&record, &poster, &mut seen).await {
                    Ok(size) => (signed, refused) = (Some(size), 0),
                    Err(said) => {
                        refused = refused.saturating_add(1);
                        tracing::warn!(
                            witness = self.key.name(),
                            size = record.size(),
                            said,
                            "a witness has not signed"
                        );
                    }
                }
            }
            let pause = PAUSE.saturating_mul(1 << refused.saturating_sub(1).min(12)).min(PAUSE_MAX);
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = stop.wait_for(|s| *s) => return,
            }
        }
    }

    /// Asks, and once more if the witness has seen something else than we thought. Gives the size that it signed.
    async fn ask_until_told(&self, record: &Record, poster: &Poster, seen: &mut u64) -> Result<u64, String> {
        for _ in 0..2 {
            let (size, answer) = self.ask(record, poster, *seen).await?;
            match answer {
                Answer::Signed => {
                    *seen = size;
                    return Ok(size);
                }
                Answer::Seen(other) if other <= size => *seen = other,
                Answer::Seen(other) => {
                    return Err(format!(
                        "it has seen {other} entries of a log of this name, and there are {size}"
                    ));
                }
                Answer::No(said) => return Err(said),
            }
        }
        Err("it has seen something else each time that it was asked".to_owned())
    }

    /// Once, about the newest checkpoint; gives its size.
    async fn ask(&self, record: &Record, poster: &Poster, seen: u64) -> Result<(u64, Answer), String> {
        let (head, body) = record.question(seen).await?;
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        let url = format!("{}/add-checkpoint", self.url);
        let post =
            Post { url: &url, headers, body: Bytes::from(body), timeout: WITHIN, policy: Policy::Operator };
        let answered = match poster.post(post).await {
            Ok(answered) => answered,
            Err(e) => return Ok((head.size, Answer::No(e.to_string()))),
        };
        let said = String::from_utf8_lossy(&answered.body);
        let answer = match answered.status {
            200 => match self.word(&head, &said) {
                Some(line) => match record.keep(&self.key, &head, &line).await {
                    Ok(()) => Answer::Signed,
                    Err(e) => Answer::No(e),
                },
                None => Answer::No("no line of its answer is its word on this checkpoint".to_owned()),
            },
            409 => match said.trim().parse() {
                Ok(size) => Answer::Seen(size),
                Err(_) => Answer::No("409 without the size that it has seen".to_owned()),
            },
            status => {
                let plain = said.chars().filter(|c| !c.is_control()).take(SAID_CHARS);
                Answer::No(format!("HTTP {status} {}", plain.collect::<String>()))
            }
        };
        Ok((head.size, answer))
    }

    /// The line of an answer that is this witness's word on this checkpoint.
    fn word(&self, head: &Checkpoint, said: &str) -> Option<String> {
        said.lines().find_map(|line| {
            let signature = Signature::parse(line.trim_end())?;
            let note = Note { text: head.text(), signatures: vec![signature] };
            self.key.check(&note).ok()?;
            Some(note.signatures[0].to_string())
        })
    }
}

// === impl Record ===

impl Record {
    /// The newest checkpoint with our signature alone, after what proves that it continues the one of size `seen`.
    async fn question(&self, seen: u64) -> Result<(Checkpoint, String), String> {
        let head = self.head().await.map_err(|e| e.to_string())?;
        let steps = tree::consistency(seen, head.size);
        let proof = self.store.record_prove(&steps).await.map_err(|e| e.to_string())?;
        let mut body = format!("old {seen}\n");
        for hash in proof {
            // Writing into a String cannot fail.
            let _ = writeln!(body, "{}", STANDARD.encode(hash.0));
        }
        body.push('\n');
        body.push_str(&head.sign(&self.signer));
        Ok((head, body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "log.example/a+46a8a33b+AZzRtHFkJt1bHG4pLaY0J0xdeGLVsjLYs3a3NVR5FHxo";

    fn config(keys: &[&str]) -> Config {
        let all: Vec<String> = keys
            .iter()
            .map(|key| format!("[[record.witness]]\nurl = \"https://w.example/x/\"\nkey = \"{key}\"\n"))
            .collect();
        Config::parse("f", &all.concat()).unwrap()
    }

    #[test]
    fn what_is_no_witness_is_said_when_the_configuration_is_read() {
        assert!(of(&config(&[])).unwrap().is_empty());
        let e = of(&config(&["w.example+00000000+AA"])).unwrap_err();
        assert!(e.starts_with("record: witness 1: `key`: "), "{e}");
        assert!(of(&config(&[LOG])).is_err());
    }
}
