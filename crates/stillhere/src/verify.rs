//! `stillhere verify URL`: has the public record only grown since it was last looked at, and does the page say what it says?
//!
//! What was seen is kept in a file; without it a log that was exchanged whole could not be told from an honest one.

use crate::{
    cli,
    exit::Exit,
    outside::{Outside, Read, Shown},
    say,
};
use anyhow::Context as _;
use serde_json::json;
use std::{collections::BTreeMap, fs, io::Write as _, path::PathBuf, time::Duration};
use stillhere_record::{
    Checkpoint,
    audit::{Problem, Seen, check_page},
    note::{Note, Verifier},
};

/// The page can be a moment behind the log: what differs is looked at again.
const TRIES: usize = 4;
const BETWEEN_TRIES: Duration = Duration::from_secs(2);

/// What was found, for people and for programs.
#[derive(Default)]
struct Found {
    problems: Vec<Problem>,
    notes: Vec<String>,
}

pub async fn run(args: cli::Verify) -> Result<(), Exit> {
    let key = args.key.as_deref().map(Verifier::parse).transpose();
    let key = key.map_err(|e| Exit::Usage(format!("--key: {e}")))?;
    let mut witnesses = Vec::new();
    for key in &args.witness {
        let key = Verifier::parse(key).map_err(|e| Exit::Usage(format!("--witness: {e}")))?;
        if !key.is_witness() {
            return Err(Exit::Usage(format!("--witness: {} is a log's key, not a witness's", key.name())));
        }
        witnesses.push(key);
    }
    let outside = Outside::new(&args.url, args.ca_file.as_deref())?;
    let file = match &args.state {
        Some(file) => file.clone(),
        None => state_file()?,
    };
    let mut memory = remembered(&file)?;
    let page = args.url.trim_end_matches('/').to_owned();
    let (read, mut found) = look(&outside, key.as_ref()).await?;
    let seen_before = memory.get(&page).cloned();
    compare(&read, seen_before.as_ref(), args.key.is_some(), &mut found);
    for path in &args.against {
        against(&read, path, &mut found)?;
    }
    // What is wrong is not learnt: the next look must find it again.
    if found.problems.is_empty() {
        memory.insert(page, Seen::of(&read.checkpoint, &read.key.vkey()));
        remember(&file, &memory)?;
    }
    let checked: Vec<Checked> = witnesses
        .into_iter()
        .map(|w| {
            let at = w.check_one(&read.note).ok().flatten();
            (w, at)
        })
        .collect();
    tell(&args, &read, &found, &checked);
    if found.problems.is_empty() { Ok(()) } else { Err(Exit::BadNews) }
}

async fn look(outside: &Outside, key: Option<&Verifier>) -> Result<(Read, Found), Exit> {
    let mut tries = 0;
    loop {
        tries += 1;
        let Shown { incidents, limit, checkpoint } = outside.shown().await?;
        let mut read = outside.log(key, checkpoint.as_deref()).await?;
        let mut found = Found { problems: std::mem::take(&mut read.problems), notes: Vec::new() };
        if !found.problems.is_empty() {
            // A copy is no one moment: it may have been written anew while it was read.
            if checkpoint.is_some() && tries < TRIES {
                tokio::time::sleep(BETWEEN_TRIES).await;
                continue;
            }
            return Ok((read, found));
        }
        let (tiles, problems) = outside.tiles(&read).await?;
        found.problems.extend(problems);
        let beside = outside.beside(read.checkpoint.size).await?;
        let differs = check_page(&read.copy, &beside, &incidents, limit);
        if !differs.is_empty() && tries < TRIES {
            tokio::time::sleep(BETWEEN_TRIES).await;
            continue;
        }
        if differs.is_empty() {
            let page = if checkpoint.is_some() { "copy" } else { "page" };
            let incidents = counted(incidents.len() as u64, "incident");
            found.notes.push(format!("what the {page} says of {incidents} agrees with it"));
        }
        found.problems.extend(differs);
        let taken_out = beside.values().filter(|kept| kept.is_none()).count();
        if taken_out > 0 {
            found.notes.push(format!("{} taken out, which the log shows", counted(taken_out as u64, "text")));
        }
        let size = counted(read.checkpoint.size, "entry");
        found.notes.insert(0, format!("{size} in {} make the root that was signed", counted(tiles, "tile")));
        return Ok((read, found));
    }
}

fn compare(read: &Read, seen: Option<&Seen>, key_is_known: bool, found: &mut Found) {
    let key = read.key.vkey();
    match seen {
        Some(seen) => {
            let problems = read.copy.check_memory(seen, &read.checkpoint, &key);
            if problems.is_empty() && found.problems.is_empty() {
                let all = counted(seen.size, "entry");
                found
                    .notes
                    .push(format!("{all} of the last look are there, unchanged and in the same order"));
            }
            found.problems.extend(problems);
        }
        None if key_is_known => found.notes.push("this log was never looked at before".to_owned()),
        None => found.notes.push(format!(
            "this log was never looked at before; its key is the one that it shows itself: {key}"
        )),
    }
}

fn against(read: &Read, path: &PathBuf, found: &mut Found) -> Result<(), Exit> {
    let name = path.display();
    let text = fs::read_to_string(path).with_context(|| name.to_string())?;
    let note = Note::parse(&text).map_err(|e| Exit::Usage(format!("{name}: {e}")))?;
    match Checkpoint::open(&note, &read.key) {
        Ok(other) => match read.copy.check_other(&other) {
            Some(Ok(())) => found.notes.push(format!("{name} is of the same log")),
            Some(Err(problem)) => found.problems.push(problem),
            None => {
                found.problems.push(Problem::RolledBack { before: other.size, now: read.checkpoint.size })
            }
        },
        Err(e) => return Err(Exit::Usage(format!("{name}: {e}"))),
    }
    Ok(())
}

/// Whether each witness that was named has signed, and when it says that it has seen it.
type Checked = (Verifier, Option<u64>);

fn tell(args: &cli::Verify, read: &Read, found: &Found, checked: &[Checked]) {
    let problems: Vec<String> = found.problems.iter().map(ToString::to_string).collect();
    let witnesses: Vec<&str> =
        read.note.signatures.iter().map(|s| s.name.as_str()).filter(|n| *n != read.key.name()).collect();
    let signed: Vec<_> = checked.iter().map(|(w, at)| json!({ "name": w.name(), "signed_at": at })).collect();
    if args.json {
        let value = json!({
            "origin": read.checkpoint.origin, "size": read.checkpoint.size, "root": read.checkpoint.root.to_string(),
            "key": read.key.vkey(), "witnesses": witnesses, "checked": signed, "problems": problems, "notes": found.notes,
        });
        say::out(&value.to_string());
        return;
    }
    say::out(&read.checkpoint.origin);
    found.notes.iter().for_each(|note| say::out(&format!("  {note}")));
    if !checked.is_empty() {
        let have = checked.iter().filter(|w| w.1.is_some()).count();
        say::out(&format!("  signed by {have} of {}", counted(checked.len() as u64, "witness")));
    }
    let others: Vec<&str> =
        witnesses.iter().copied().filter(|n| !checked.iter().any(|w| w.0.name() == *n)).collect();
    if !others.is_empty() {
        say::out(&format!("  cosigned by {} (not checked)", others.join(", ")));
    }
    problems.iter().for_each(|problem| say::out(&format!("  WRONG: {problem}")));
    say::out(if problems.is_empty() { "Nothing is wrong." } else { "This record cannot be trusted." });
}

fn counted(n: u64, what: &str) -> String {
    match (n, what) {
        (1, _) => format!("1 {what}"),
        (_, "entry") => format!("{n} entries"),
        (_, "witness") => format!("{n} witnesses"),
        _ => format!("{n} {what}s"),
    }
}

fn state_file() -> Result<PathBuf, Exit> {
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let folder = set("XDG_STATE_HOME").or_else(|| set("HOME").map(|home| home.join(".local/state")));
    let folder = folder.ok_or_else(|| Exit::Usage("there is no home folder: say --state FILE".to_owned()))?;
    Ok(folder.join("stillhere/seen.json"))
}

fn remembered(file: &PathBuf) -> Result<BTreeMap<String, Seen>, Exit> {
    match fs::read(file) {
        Ok(bytes) => {
            let known = serde_json::from_slice(&bytes);
            known.map_err(|e| Exit::Usage(format!("{}: not a file of ours: {e}", file.display())))
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(e) => Err(Exit::Own(format!("{}: {e}", file.display()))),
    }
}

/// Replaced whole: a half-written memory would be none.
fn remember(file: &PathBuf, memory: &BTreeMap<String, Seen>) -> Result<(), Exit> {
    let written = || -> std::io::Result<()> {
        let folder = file.parent().filter(|p| !p.as_os_str().is_empty());
        if let Some(folder) = folder {
            fs::create_dir_all(folder)?;
        }
        let part = file.with_extension("part");
        let mut out = fs::File::create(&part)?;
        out.write_all(serde_json::to_string_pretty(memory)?.as_bytes())?;
        out.sync_all()?;
        fs::rename(&part, file)
    };
    Ok(written().with_context(|| file.display().to_string())?)
}
