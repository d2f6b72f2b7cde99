//! The public record as it is served: its checkpoint, its pieces, the texts beside it, and the report that is computed from it.
//!
//! Everything is read from the disk, so nothing is signed that is not there. What is being written is in `flow/record.rs`.

pub(crate) mod copy;
pub(crate) mod witness;

use serde_json::{Value, json};
use std::{
    collections::HashMap,
    fmt::Write as _,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use stillhere_model::Time;
use stillhere_net::clock;
use stillhere_record::{
    Checkpoint, Continued, Draft, Entry, Fact, Hash, Scribe,
    note::{Note, Signature, Signer, Verifier},
    tile::{self, Tile},
    trust::{Month, Report},
};
use stillhere_store::{Found, Recorded, Store, StoreError, TextBeside, WITNESSES_MAX, Write};
use tokio::sync::Mutex;

/// Where the log is, below the site's address.
pub const PLACE: &str = ".well-known/stillhere/log";
/// Longest part of a log's name that comes from the site's address.
const ORIGIN_MAX_BYTES: usize = 200;
/// Entries read from the disk at a time.
const ENTRIES_AT_ONCE: u32 = 4_096;
/// A report that is asked for again within this time is not computed again, though the log may have grown: it says of
/// which size it is.
const REPORT_KEPT: Duration = Duration::from_secs(10);
/// Reports kept.
const REPORTS_MAX: usize = 24;

/// What is written next, and what was introduced. The flow's.
pub(crate) struct Book {
    pub(crate) scribe: Scribe,
    pub(crate) size: u64,
    services_changed: bool,
    /// What readers may know.
    published: Arc<AtomicU64>,
}

/// The record, for readers.
pub struct Record {
    store: Store,
    signer: Signer,
    published: Arc<AtomicU64>,
    checkpoint: RwLock<Option<(u64, Arc<str>)>>,
    /// One at a time: computing one report for many readers is enough.
    reports: Mutex<Reports>,
}

/// By month, and when each was computed.
type Reports = HashMap<Option<Month>, (Instant, Arc<Told>)>;

/// A report, and the months there are.
pub struct Told {
    pub report: Report,
    pub bytes: Vec<u8>,
    pub months: Vec<Month>,
}

/// What is at an address below the log's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    Checkpoint(Arc<str>),
    /// Never changes.
    Tile(Vec<u8>),
    Texts(Vec<TextBeside>),
    Key(String),
}

/// Opens the log, or begins one: the first ever, or a new one where the old one cannot be gone on with (its key is gone, or a
/// backup was put in place and what was published after it is not known). A new one names the old.
pub(crate) async fn open(
    store: &Store,
    seed: [u8; 32],
    site: &str,
    epoch: u64,
    now: Time,
) -> Result<(Arc<Record>, Book), String> {
    let say = |e: StoreError| e.to_string();
    let base = origin(site);
    let Found { log, root, scribe, torn } = store.record_found().await.map_err(say)?;
    let named = |name: &str| Signer::new(name, &seed).ok_or_else(|| format!("{name} cannot be a log's name"));
    let key_id =
        Hash::of(named(&base)?.verifier().vkey().split('+').next_back().unwrap_or_default().as_bytes())
            .to_string();
    let mut size = log.as_ref().map_or(0, |l| l.size);
    let name = match &log {
        Some(log) if !torn && log.key_id == key_id => log.origin.clone(),
        _ => {
            let name = match &log {
                None => base,
                Some(_) => format!("{base}/{epoch}-{}", now.0 / 1000),
            };
            let continues = log.map(|l| Continued {
                origin: l.origin,
                size,
                root: root.unwrap_or_else(Hash::empty).to_string(),
            });
            let fact = Fact::LogOpened { origin: name.clone(), continues };
            let drafts = vec![Draft { entry: Entry { at: now, fact }, texts: Vec::new() }];
            store.record_open(&name, &key_id, now, &Recorded { first: size, drafts }).await.map_err(say)?;
            tracing::info!(%name, "a public log begins");
            size += 1;
            name
        }
    };
    let published = Arc::new(AtomicU64::new(size));
    let book = Book { scribe, size, services_changed: true, published: published.clone() };
    let record = Record {
        store: store.clone(),
        signer: named(&name)?,
        published,
        checkpoint: RwLock::new(None),
        reports: Mutex::new(HashMap::new()),
    };
    Ok((Arc::new(record), book))
}

/// The log's name: where it is, without the scheme. It stays what it was when the site moves.
fn origin(site: &str) -> String {
    let site = site.split_once("://").map_or(site, |(_, rest)| rest).trim_end_matches('/');
    let clean: String =
        site.chars().filter(|c| c.is_ascii_graphic() && *c != '+').take(ORIGIN_MAX_BYTES).collect();
    format!("{}/{PLACE}", if clean.is_empty() { "localhost" } else { &clean })
}

// === impl Book ===

impl Book {
    pub(crate) fn services_changed(&mut self) {
        self.services_changed = true;
    }

    pub(crate) fn takes_services(&mut self) -> bool {
        std::mem::take(&mut self.services_changed)
    }

    /// It becomes public later than it was decided: the disk did not take it.
    pub(crate) fn date(&self, write: &mut Write, now: Time) {
        if let Some(r) = &mut write.record {
            r.drafts.iter_mut().for_each(|d| d.entry.at = now);
        }
    }

    pub(crate) fn written(&mut self, write: &Write) {
        if let Some(r) = &write.record {
            self.size = r.first + r.drafts.len() as u64;
            self.published.store(self.size, Relaxed);
        }
    }
}

// === impl Record ===

impl Record {
    /// What is at `path` below the log's address. `None`: nothing.
    ///
    /// # Errors
    /// When the disk cannot be read.
    pub async fn piece(&self, path: &str) -> Result<Option<Piece>, StoreError> {
        if path == "checkpoint" {
            return self.checkpoint().await.map(|c| Some(Piece::Checkpoint(c)));
        }
        if path == "key" {
            return Ok(Some(Piece::Key(format!("{}\n", self.verifier().vkey()))));
        }
        let size = self.published.load(Relaxed);
        if let Some(number) = path.strip_prefix("texts/") {
            // The same numbers as the bundles, without a width: texts can be taken out, so these are never complete for ever.
            let tile = Tile::parse(&format!("entries/{number}"));
            let Some(Tile::Entries { n, width: 256 }) = tile.filter(|_| n_of(number).is_some()) else {
                return Ok(None);
            };
            if n.saturating_mul(tile::WIDTH) >= size {
                return Ok(None);
            }
            return self.store.record_texts(n * tile::WIDTH, 256).await.map(|t| Some(Piece::Texts(t)));
        }
        let Some(tile) = path.strip_prefix("tile/").and_then(Tile::parse).filter(|t| t.is_in(size)) else {
            return Ok(None);
        };
        let (first, width) = tile.first();
        let bytes = match tile {
            Tile::Hashes { .. } => tile::join(&self.store.record_hashes(first, width).await?),
            Tile::Entries { .. } => {
                let entries = self.store.record_entries(first.n, u32::from(width)).await?;
                tile::bundle(entries.iter().map(Vec::as_slice))
            }
        };
        Ok(Some(Piece::Tile(bytes)))
    }

    #[must_use]
    pub fn verifier(&self) -> Verifier {
        self.signer.verifier()
    }

    /// How many entries are published.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.published.load(Relaxed)
    }

    /// The signed checkpoint of what is on disk, with the word of the witnesses that have seen just this one.
    ///
    /// # Errors
    /// When the disk cannot be read.
    pub async fn checkpoint(&self) -> Result<Arc<str>, StoreError> {
        let size = self.size();
        let known = self.checkpoint.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, note)) = known.filter(|(of, _)| *of == size) {
            return Ok(note);
        }
        let head = self.head().await?;
        // It may have grown since: who reads of it must find its pieces.
        self.published.fetch_max(head.size, Relaxed);
        let note: Arc<str> = self.checkpoint_at(head.size).await?.into();
        *self.checkpoint.write().unwrap_or_else(PoisonError::into_inner) = Some((head.size, note.clone()));
        Ok(note)
    }

    async fn head(&self) -> Result<Checkpoint, StoreError> {
        let head = self.store.record_head().await?;
        let empty = || Checkpoint { origin: self.verifier().name().to_owned(), size: 0, root: Hash::empty() };
        Ok(head.unwrap_or_else(empty))
    }

    /// The signed checkpoint that the log had with `size` entries, with the word of those witnesses whose newest word is on it.
    ///
    /// # Errors
    /// When the disk cannot be read, or the log has fewer.
    pub(crate) async fn checkpoint_at(&self, size: u64) -> Result<String, StoreError> {
        let root = self.store.record_root(size).await?;
        let head = Checkpoint { origin: self.verifier().name().to_owned(), size, root };
        let mut note = head.sign(&self.signer);
        for line in self.store.record_cosignatures(size).await? {
            note.push_str(&line);
            note.push('\n');
        }
        Ok(note)
    }

    /// Takes a witness's word on the checkpoint that is served: one line of a signed note.
    ///
    /// # Errors
    /// With the reason, when it is not its word on this checkpoint.
    pub async fn cosigned(&self, witness: &Verifier, line: &str) -> Result<u64, String> {
        let signature = Signature::parse(line.trim_end()).ok_or("not a signature line of a note")?;
        let served =
            Note::parse(&self.checkpoint().await.map_err(|e| e.to_string())?).map_err(|e| e.to_string())?;
        let size = Checkpoint::parse(&served.text).map_err(|e| e.to_string())?.size;
        let note = Note { text: served.text, signatures: vec![signature] };
        if !witness.is_witness() {
            return Err("the key is not one of a witness".to_owned());
        }
        witness
            .check(&note)
            .map_err(|e| format!("{e}; only the checkpoint that is served now, of size {size}, is taken"))?;
        let served = Checkpoint::parse(&note.text).map_err(|e| e.to_string())?;
        self.keep(witness, &served, &note.signatures[0].to_string()).await?;
        Ok(size)
    }

    /// Keeps a word that was checked.
    async fn keep(&self, witness: &Verifier, of: &Checkpoint, line: &str) -> Result<(), String> {
        if !self.store.record_cosigned(witness.name(), of.size, line).await.map_err(|e| e.to_string())? {
            return Err(format!("the words of {WITNESSES_MAX} other witnesses are kept already"));
        }
        *self.checkpoint.write().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(())
    }

    /// The report on a month, or on everything. `None`: the log has nothing about that month.
    ///
    /// # Errors
    /// When the disk cannot be read.
    pub async fn report(&self, month: Option<Month>) -> Result<Option<Arc<Told>>, StoreError> {
        let mut reports = self.reports.lock().await;
        let size = self.size();
        let fresh = |(at, told): &(Instant, Arc<Told>)| {
            told.report.log.size == size || clock::mono().duration_since(*at) < REPORT_KEPT
        };
        if let Some((_, told)) = reports.get(&month).filter(|r| fresh(r)) {
            return Ok(Some(told.clone()));
        }
        let head = self.head().await?;
        let entries = self.entries(head.size).await?;
        let months = Report::months(&entries);
        if month.is_some_and(|m| !months.contains(&m)) {
            return Ok(None);
        }
        let computed = tokio::task::spawn_blocking(move || {
            let report = Report::new(&entries, &head, month);
            Told { bytes: report.bytes(), report, months }
        });
        let told = Arc::new(computed.await.expect("computing a report does not panic"));
        if reports.len() >= REPORTS_MAX {
            reports.clear();
        }
        reports.insert(month, (clock::mono(), told.clone()));
        Ok(Some(told))
    }

    async fn entries(&self, size: u64) -> Result<Vec<Option<Entry>>, StoreError> {
        let mut entries = Vec::new();
        while (entries.len() as u64) < size {
            let first = entries.len() as u64;
            let count = u32::try_from(size - first).unwrap_or(u32::MAX).min(ENTRIES_AT_ONCE);
            let some = self.store.record_entries(first, count).await?;
            if some.is_empty() {
                break;
            }
            entries.extend(some.iter().map(|bytes| Entry::parse(bytes).ok()));
        }
        Ok(entries)
    }
}

/// Texts as they are served.
#[must_use]
pub fn texts_json(texts: &[TextBeside]) -> String {
    let texts: Vec<Value> = texts
        .iter()
        .map(|t| {
            let (salt, text) =
                t.kept.as_ref().map_or((None, None), |(salt, text)| (Some(hex(salt)), Some(text)));
            json!({ "entry": t.index, "hash": t.hash, "salt": salt, "text": text })
        })
        .collect();
    json!({ "texts": texts }).to_string()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, b| {
        let _ = write!(out, "{b:02x}");
        out
    })
}

fn n_of(number: &str) -> Option<()> {
    (!number.contains(".p/")).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_log_is_where_it_is() {
        assert_eq!(origin("https://status.example.com"), "status.example.com/.well-known/stillhere/log");
        assert_eq!(
            origin("https://example.com:8443/st+atus/"),
            "example.com:8443/status/.well-known/stillhere/log"
        );
        assert_eq!(origin(""), "localhost/.well-known/stillhere/log");
    }
}
