//! `stillhere redact`: takes out what somebody wrote, for good, and lets the public record show that it did.

use crate::{cli, exit::Exit, say};
use stillhere_net::{clock, entropy};

/// Letters of a text that are shown to whoever looks for it.
const SHOWN_CHARS: usize = 80;

pub async fn run(args: cli::Redact) -> Result<(), Exit> {
    let refused = |e: stillhere_store::StoreError| Exit::Refused(e.to_string());
    if let Some(part) = &args.find {
        let found = stillhere_store::find_text(&args.data, part).await.map_err(refused)?;
        for (entry, text) in &found {
            let line: String = text.replace('\n', " ").chars().take(SHOWN_CHARS).collect();
            say::out(&format!("{entry:>8}  {line}"));
        }
        return if found.is_empty() { Err(Exit::BadNews) } else { Ok(()) };
    }
    let Some(entry) = args.entry else {
        return Err(Exit::Usage("say which entry, or look for one with --find TEXT".to_owned()));
    };
    let why = args.why.as_deref().map(|why| (why, entropy::bytes()));
    match stillhere_store::redact(&args.data, entry, why, clock::wall()).await.map_err(refused)? {
        Some(done) => {
            say::out(&format!(
                "taken out: {} texts, in {} other places. The record says so.",
                done.texts, done.rows
            ));
            Ok(())
        }
        None => Err(Exit::Refused(format!("entry {entry} has no text beside it"))),
    }
}
