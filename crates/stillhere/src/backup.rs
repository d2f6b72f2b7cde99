//! `stillhere backup` and `stillhere restore`.

use crate::{cli, control, exit::Exit, say, up::SOCKET};
use anyhow::Context as _;
use hyper::Method;
use serde_json::json;
use stillhere_net::clock;

pub async fn backup(args: cli::Backup) -> Result<(), Exit> {
    // The running process may have another working folder.
    let file = std::path::absolute(&args.file).context("the file's path")?;
    let name = file.to_str().ok_or_else(|| Exit::Usage("the file's path is not UTF-8".to_owned()))?;
    control::call(&args.at, Method::POST, "/control/backup", Some(&json!({ "file": name }))).await?;
    say::out(&format!("written to {}", file.display()));
    Ok(())
}

pub async fn restore(args: cli::Restore) -> Result<(), Exit> {
    if std::os::unix::net::UnixStream::connect(args.data.join(SOCKET)).is_ok() {
        return Err(Exit::Refused("Stillhere is running with this data folder; stop it first".to_owned()));
    }
    let restored = stillhere_store::restore(&args.file, &args.data, clock::wall())
        .await
        .map_err(|e| Exit::Refused(e.to_string()))?;
    say::out(&format!("restored; notices from now on have epoch {}", restored.epoch));
    if let Some(kept) = restored.before {
        say::out(&format!("the database that was there is kept as {}", kept.display()));
    }
    Ok(())
}
