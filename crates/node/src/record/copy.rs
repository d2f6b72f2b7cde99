//! The public record in the static copy, so that it can be checked when we are gone.
//!
//! What a checkpoint promises is there before it: first the pieces of the log and the texts, then `page`, which holds the
//! checkpoint and the incidents that the page shows at just this size in one file, then `checkpoint` for everybody's tools.
//! Whoever reads in between, or after a crash in between, finds a checkpoint of before, and all that belongs to it.

use super::{PLACE, Piece, Record, texts_json};
use crate::handle::Handle;
use serde_json::json;
use std::collections::HashSet;
use stillhere_record::tile::{Tile, WIDTH};
use stillhere_send::publish::{PublishError, Published, Target};
use stillhere_tell::{Snapshot, visitors};

/// Pieces that are in memory at a time.
const PIECES_AT_ONCE: usize = 64;
const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

/// What this process has written to one place.
#[derive(Debug, Default)]
pub(crate) struct Copied {
    /// The size of the log in the last copy, and in the one before.
    last: Option<u64>,
    before: Option<u64>,
    /// Said once: it can't take away what was replaced.
    keeps: bool,
}

type File = (String, &'static str, Vec<u8>);

/// Writes the log as it was when `snapshot` was made. What is there from the last time is not written again.
///
/// # Errors
/// Names what could not be read or written. The checkpoint is not written then.
pub(crate) async fn write(
    handle: &Handle,
    snapshot: &Snapshot,
    target: &Target,
    copied: &mut Copied,
) -> Result<Published, PublishError> {
    let (record, size) = (handle.record(), snapshot.recorded);
    let mut done = Published::default();
    if size == 0 {
        return Ok(done);
    }
    let there: HashSet<String> = copied.last.map(pieces).into_iter().flatten().collect();
    let mut missing = pieces(size).filter(|p| !there.contains(p)).peekable();
    while missing.peek().is_some() {
        let mut files = Vec::new();
        for path in missing.by_ref().take(PIECES_AT_ONCE) {
            files.push(piece(record, &path).await?);
        }
        done += target.publish(files).await?;
    }
    // What stands beside full bundles changes only while nothing runs (`stillhere redact`).
    let first = copied.last.map_or(0, |last| last / WIDTH);
    let mut beside = (first..size.div_ceil(WIDTH)).peekable();
    while beside.peek().is_some() {
        let mut files = Vec::new();
        for n in beside.by_ref().take(PIECES_AT_ONCE) {
            files.push(texts(record, n, size).await?);
        }
        done += target.publish(files).await?;
    }
    let key = format!("{}\n", record.verifier().vkey()).into_bytes();
    done += target.publish(vec![(format!("{PLACE}/key"), TEXT, key)]).await?;
    let checkpoint = record.checkpoint_at(size).await.map_err(|e| unread("checkpoint", &e))?;
    let topology = handle.topology();
    let shown = snapshot.incidents.iter().chain(&snapshot.history);
    let shown: Vec<_> = shown.map(|i| visitors::for_the_record(i, &topology)).collect();
    let page = json!({ "checkpoint": checkpoint, "incidents": shown }).to_string().into_bytes();
    done += target.publish(vec![(format!("{PLACE}/page"), JSON, page)]).await?;
    done += target.publish(vec![(format!("{PLACE}/checkpoint"), TEXT, checkpoint.into_bytes())]).await?;
    if copied.last != Some(size) {
        tidy(target, copied, size).await;
        (copied.before, copied.last) = (copied.last, Some(size));
    }
    Ok(done)
}

/// Takes away what belongs to the copy before the last alone: whoever had read its checkpoint has had the time of a whole copy.
async fn tidy(target: &Target, copied: &mut Copied, size: u64) {
    let Some(before) = copied.before else { return };
    let kept: HashSet<String> = [copied.last, Some(size)].into_iter().flatten().flat_map(pieces).collect();
    for path in pieces(before).filter(|p| !kept.contains(p)) {
        if let Err(e) = target.remove(&format!("{PLACE}/{path}")).await
            && !std::mem::replace(&mut copied.keeps, true)
        {
            tracing::warn!(error = %e, "the copy keeps pieces of the log that were replaced");
        }
    }
}

/// All pieces of a log of `size`, below its address.
fn pieces(size: u64) -> impl Iterator<Item = String> {
    Tile::bundles(size).chain(Tile::hashes(size)).map(|t| format!("tile/{}", t.path()))
}

async fn piece(record: &Record, path: &str) -> Result<File, PublishError> {
    match record.piece(path).await {
        Ok(Some(Piece::Tile(bytes))) => Ok((format!("{PLACE}/{path}"), "application/octet-stream", bytes)),
        Ok(_) => Err(unread(path, &"it is not there")),
        Err(e) => Err(unread(path, &e)),
    }
}

/// Without those of entries that the copy does not have.
async fn texts(record: &Record, n: u64, size: u64) -> Result<File, PublishError> {
    let number = Tile::Entries { n, width: 256 }.path();
    let path = format!("texts/{}", number.trim_start_matches("entries/"));
    match record.piece(&path).await {
        Ok(Some(Piece::Texts(mut texts))) => {
            texts.retain(|t| t.index < size);
            Ok((format!("{PLACE}/{path}"), JSON, texts_json(&texts).into_bytes()))
        }
        Ok(_) => Err(unread(&path, &"it is not there")),
        Err(e) => Err(unread(&path, &e)),
    }
}

fn unread(path: &str, e: &dyn std::fmt::Display) -> PublishError {
    PublishError::File { path: format!("{PLACE}/{path}"), problem: e.to_string() }
}
