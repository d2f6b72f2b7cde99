//! A status page as an outsider reads it: its public log, the texts beside it, its incidents. Nothing of this machine's own
//! Stillhere is used, and nothing that comes back is believed.

use crate::exit::Exit;
use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::Value;
use std::{path::Path, sync::Arc, time::Duration};
use stillhere_net::{
    clock,
    dns::{Family, Resolver},
    fault::Fault,
    guard::Policy,
    http::{Ask, Plan, Route, Target, Version, Want},
    tls,
    trace::{Trace, millis},
};
use stillhere_record::{
    Checkpoint, Kept, TextHash,
    audit::{Beside, Copy, Problem},
    note::{Note, Verifier},
    tile::{self, Tile},
};

/// Where the log is, below the page's address.
const PLACE: &str = ".well-known/stillhere/log";
/// For one answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// A full bundle of the largest entries.
const ANSWER_MAX: u64 = 64 << 20;
/// A log of more entries is not read whole.
const ENTRIES_MAX: u64 = 5_000_000;
/// Incidents in one answer of the API.
const PAGE: usize = 100;
/// A page that shows more incidents, or says more of them, is not read whole: a hostile one would keep us reading for ever.
const INCIDENTS_MAX: usize = 100_000;
const SHOWN_BYTES_MAX: usize = 512 << 20;

/// How to reach it.
pub struct Outside {
    base: String,
    tls: tls::Client,
    route: Route,
}

/// A log, read whole.
pub struct Read {
    pub key: Verifier,
    pub checkpoint: Checkpoint,
    pub note: Note,
    pub copy: Copy,
    /// What was found wrong while reading.
    pub problems: Vec<Problem>,
}

/// The incidents that are shown, and how many there may be at the most.
pub struct Shown {
    pub incidents: Vec<Value>,
    pub limit: usize,
    /// A published copy: the checkpoint that they belong to.
    pub checkpoint: Option<String>,
}

// === impl Outside ===

impl Outside {
    pub fn new(url: &str, ca_file: Option<&Path>) -> Result<Outside, Exit> {
        let base = url.trim_end_matches('/').to_owned();
        Target::parse(&base).map_err(|e| Exit::Usage(format!("{url}: {e}")))?;
        let options = tls::Options {
            ca_file: ca_file.map(Path::to_owned),
            alpn: tls::Alpn::Http11,
            ..tls::Options::default()
        };
        let tls = Arc::new(tls::Store::default()).client(&options).map_err(|e| Exit::Usage(e.to_string()))?;
        let route = Route { resolver: Arc::new(Resolver::system()), family: Family::Auto, proxy: None };
        Ok(Outside { base, tls, route })
    }

    /// `None`: there is nothing at this address.
    pub async fn get(&self, path: &str) -> Result<Option<Vec<u8>>, Exit> {
        let url = format!("{}/{path}", self.base);
        let gone = |why: String| Exit::NobodyThere(format!("{url}: {why}"));
        let target = Target::parse(&url).map_err(|e| gone(e.to_string()))?;
        let ask = Ask { method: Method::GET, headers: HeaderMap::new(), body: Bytes::new() };
        let plan = Plan::new(target, &ask, &self.tls, None, Version::Http11, None).map_err(gone)?;
        let want = Want { headers: false, body: true, max_body: ANSWER_MAX, stop_at_redirect: true };
        let started = clock::mono();
        let mut trace = Trace::start(started);
        let deadline = started + ANSWER_WITHIN;
        let run = plan.run(&self.route, Policy::Operator, &want, deadline, &mut trace);
        let answer = match tokio::time::timeout_at(deadline.into(), run).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(fault)) => return Err(gone(fault.to_string())),
            Err(_) => {
                return Err(gone(
                    Fault::out_of_time(&trace, &self.route.resolver, millis(ANSWER_WITHIN)).to_string(),
                ));
            }
        };
        match answer.status {
            200 if !answer.truncated => Ok(Some(answer.body)),
            200 => Err(gone(format!("more than {} MiB", ANSWER_MAX >> 20))),
            404 => Ok(None),
            status => Err(gone(format!("answered {status}"))),
        }
    }

    /// The log: its checkpoint, which `known` or else its own published key must have signed, and all its entries. Of a copy
    /// the checkpoint of its incidents, and that others are given one of the same log.
    pub async fn log(&self, known: Option<&Verifier>, of_copy: Option<&str>) -> Result<Read, Exit> {
        let text = |path: &'static str| async move {
            let bytes = self.get(&format!("{PLACE}/{path}")).await?;
            let bytes =
                bytes.ok_or_else(|| Exit::NobodyThere(format!("{}: there is no public log", self.base)))?;
            String::from_utf8(bytes).map_err(|_| Exit::NobodyThere(format!("{path}: not text")))
        };
        let key = match known {
            Some(key) => key.clone(),
            None => Verifier::parse(&text("key").await?)
                .map_err(|e| Exit::NobodyThere(format!("its key: {e}")))?,
        };
        let served = text("checkpoint").await?;
        let signed = of_copy.unwrap_or(&served);
        let note = Note::parse(signed).map_err(|e| Exit::NobodyThere(format!("its checkpoint: {e}")))?;
        let (checkpoint, problem) = match Checkpoint::open(&note, &key) {
            Ok(checkpoint) => (checkpoint, None),
            Err(e) => {
                let unsigned = Checkpoint::parse(&note.text).map_err(|e| Exit::NobodyThere(e.to_string()))?;
                (unsigned, Some(Problem::Checkpoint(e.to_string())))
            }
        };
        if checkpoint.size > ENTRIES_MAX {
            return Err(Exit::Own(format!(
                "{} entries are more than are read whole ({ENTRIES_MAX})",
                checkpoint.size
            )));
        }
        let mut read =
            Read { key, checkpoint, note, copy: Copy::default(), problems: problem.into_iter().collect() };
        for bundle in Tile::bundles(read.checkpoint.size) {
            let path = format!("tile/{}", bundle.path());
            let bytes = self.get(&format!("{PLACE}/{path}")).await?;
            let entries = bytes.as_deref().and_then(|b| tile::unbundle(b).ok());
            match entries.filter(|e| e.len() == usize::from(bundle.first().1)) {
                Some(entries) => entries.into_iter().for_each(|e| read.copy.push(e)),
                None => {
                    read.problems.push(Problem::Missing(path));
                    return Ok(read);
                }
            }
        }
        read.problems.extend(read.copy.check(&read.checkpoint));
        if of_copy.is_some() {
            // It is written last: of the same size, or of a smaller one while the copy is being written.
            let opened = Note::parse(&served).map_err(|e| e.to_string());
            match opened.and_then(|note| Checkpoint::open(&note, &read.key).map_err(|e| e.to_string())) {
                Err(e) => read.problems.push(Problem::Checkpoint(e)),
                Ok(other) => match read.copy.check_other(&other) {
                    Some(same) => read.problems.extend(same.err()),
                    None => read
                        .problems
                        .push(Problem::RolledBack { before: other.size, now: read.checkpoint.size }),
                },
            }
        }
        Ok(read)
    }

    /// Whether the published tiles of hashes are those that the entries make; how many there are.
    pub async fn tiles(&self, read: &Read) -> Result<(u64, Vec<Problem>), Exit> {
        let (mut n, mut problems) = (0, Vec::new());
        for tile in Tile::hashes(read.copy.tree.size()) {
            let path = format!("tile/{}", tile.path());
            let (first, width) = tile.first();
            let place = |i: u64| stillhere_record::tree::Place { n: first.n + i, ..first };
            let ours: Option<Vec<_>> = (0..u64::from(width)).map(|i| read.copy.tree.get(place(i))).collect();
            let theirs = self.get(&format!("{PLACE}/{path}")).await?;
            n += 1;
            match theirs {
                None => problems.push(Problem::Missing(path)),
                Some(theirs) if ours.is_none_or(|o| tile::join(&o) != theirs) => {
                    problems.push(Problem::WrongTile(path));
                }
                Some(_) => {}
            }
        }
        Ok((n, problems))
    }

    /// The texts beside the log.
    pub async fn beside(&self, size: u64) -> Result<Beside, Exit> {
        let mut beside = Beside::new();
        for n in 0..size.div_ceil(tile::WIDTH) {
            let number = Tile::Entries { n, width: 256 }.path();
            let path = format!("texts/{}", number.trim_start_matches("entries/"));
            let Some(bytes) = self.get(&format!("{PLACE}/{path}")).await? else { continue };
            let value: Value = serde_json::from_slice(&bytes).unwrap_or_default();
            for t in value["texts"].as_array().into_iter().flatten() {
                let (Some(entry), Some(hash)) = (t["entry"].as_u64(), t["hash"].as_str()) else { continue };
                let hash = TextHash(hash.to_owned());
                let salt = t["salt"].as_str().and_then(unhex);
                let kept = salt.zip(t["text"].as_str());
                let kept = kept.map(|(salt, text)| Kept { hash: hash.clone(), salt, text: text.to_owned() });
                beside.insert((entry, hash), kept);
            }
        }
        Ok(beside)
    }

    /// The incidents that the page shows, newest first; of a copy, which has no API, those that were written with it.
    pub async fn shown(&self) -> Result<Shown, Exit> {
        let mut all: Vec<Value> = Vec::new();
        let mut bytes_read = 0;
        loop {
            let before = all.last().map(|i| format!("&before={}", i["id"].as_str().unwrap_or_default()));
            let path = format!("api/v1/incidents?limit={PAGE}{}", before.as_deref().unwrap_or_default());
            let bytes = match self.get(&path).await? {
                Some(bytes) => bytes,
                None if all.is_empty() => return self.copied().await,
                None => Vec::new(),
            };
            bytes_read += bytes.len();
            let value = list(&path, &bytes)?;
            let some = value["incidents"].as_array().cloned().unwrap_or_default();
            let last = some.len() < PAGE;
            let shown_before =
                before.is_some() && some.last().map(|i| &i["id"]) == all.last().map(|i| &i["id"]);
            all.extend(some);
            if shown_before || all.len() > INCIDENTS_MAX || bytes_read > SHOWN_BYTES_MAX {
                let why = format!("{path}: the list of incidents does not end ({} so far)", all.len());
                return Err(Exit::NobodyThere(why));
            }
            if last {
                return Ok(Shown { incidents: all, limit: PAGE, checkpoint: None });
            }
        }
    }

    async fn copied(&self) -> Result<Shown, Exit> {
        let path = format!("{PLACE}/page");
        let bytes = self.get(&path).await?.ok_or_else(|| {
            Exit::NobodyThere(format!(
                "{}: there is neither a list of incidents nor a copy of one",
                self.base
            ))
        })?;
        let value = list(&path, &bytes)?;
        Ok(Shown {
            incidents: value["incidents"].as_array().cloned().unwrap_or_default(),
            limit: PAGE,
            checkpoint: Some(value["checkpoint"].as_str().unwrap_or_default().to_owned()),
        })
    }
}

fn list(path: &str, bytes: &[u8]) -> Result<Value, Exit> {
    serde_json::from_slice(bytes)
        .map_err(|e| Exit::NobodyThere(format!("{path}: not what an incident list is: {e}")))
}

fn unhex(s: &str) -> Option<[u8; 16]> {
    let bytes: Option<Vec<u8>> =
        (0..s.len()).step_by(2).map(|i| u8::from_str_radix(s.get(i..i + 2)?, 16).ok()).collect();
    bytes?.try_into().ok()
}
