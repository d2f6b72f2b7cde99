//! One edge for each folder: who holds the lock is the one, and its process id stands in the file. So a core that
//! starts again finds the edge that went on without it.

use crate::exit::Exit;
use anyhow::Context as _;
use rustix::{
    fs::{FlockOperation, flock},
    process::{Pid, Signal, kill_process},
};
use std::{
    fs::{File, OpenOptions},
    io::{Read as _, Seek as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    time::Duration,
};

const FILE: &str = "edge.lock";
/// Somebody who only looks whether it is held holds it for a moment.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(25);

/// Held as long as this lives, and let go by the kernel however the process ends.
pub struct Lock {
    _file: File,
}

fn open(dir: &Path) -> std::io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(dir.join(FILE))
}

/// Takes it for this process.
pub async fn take(dir: &Path) -> Result<Lock, Exit> {
    let mut file = open(dir).with_context(|| format!("cannot use {}", dir.join(FILE).display()))?;
    for _ in 0..TRIES {
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
            let written =
                file.set_len(0).and_then(|()| file.write_all(std::process::id().to_string().as_bytes()));
            written.context("the lock")?;
            return Ok(Lock { _file: file });
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err(Exit::Usage(format!(
        "an edge is running with this data folder already ({}). Use another --data",
        dir.display()
    )))
}

/// Takes it as soon as the process that has it ends.
pub async fn wait(dir: std::path::PathBuf) -> Option<Lock> {
    loop {
        match take(&dir).await {
            Ok(lock) => return Some(lock),
            Err(Exit::Usage(_)) => {}
            Err(_) => {
                tracing::error!(folder = %dir.display(), "the lock of the folder cannot be taken");
                return None;
            }
        }
    }
}

/// Asks the one that runs to hand over to a new process, and waits until that is the one.
pub async fn hand_over(dir: &Path, within: Duration) -> Result<(Pid, Pid), Exit> {
    const LOOK: Duration = Duration::from_millis(50);
    let Some(old) = holder(dir) else {
        return Err(Exit::Usage(format!("no edge runs with the data folder {}", dir.display())));
    };
    kill_process(old, Signal::USR2).context("the edge cannot be signalled")?;
    let other = async {
        loop {
            match holder(dir) {
                Some(new) if new != old => return new,
                _ => tokio::time::sleep(LOOK).await,
            }
        }
    };
    match tokio::time::timeout(within, other).await {
        Ok(new) => Ok((old, new)),
        Err(_) => Err(Exit::Own(format!("process {} still serves; its log says why", old.as_raw_nonzero()))),
    }
}

/// The process that holds it now.
pub fn holder(dir: &Path) -> Option<Pid> {
    let mut file = open(dir).ok()?;
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
        let _ = flock(&file, FlockOperation::Unlock);
        return None;
    }
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(20).read_to_string(&mut text).ok()?;
    Pid::from_raw(text.trim().parse().ok()?)
}

/// Asks it to end, and ends it when it does not.
pub async fn end(dir: &Path, within: Duration) {
    const LOOK: Duration = Duration::from_millis(50);
    let Some(pid) = holder(dir) else { return };
    let _ = kill_process(pid, Signal::TERM);
    let gone = async {
        while holder(dir).is_some() {
            tokio::time::sleep(LOOK).await;
        }
    };
    if tokio::time::timeout(within, gone).await.is_err()
        && let Some(still) = holder(dir)
    {
        tracing::warn!(pid = still.as_raw_nonzero().get(), "the edge did not end in time; cut off");
        let _ = kill_process(still, Signal::KILL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_holds_the_lock_is_found_and_nobody_else_gets_it() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(holder(dir.path()), None);
        let lock = take(dir.path()).await.unwrap();
        assert_eq!(holder(dir.path()), Pid::from_raw(std::process::id() as i32));
        assert!(matches!(take(dir.path()).await, Err(Exit::Usage(_))));
        drop(lock);
        assert_eq!(holder(dir.path()), None);
    }
}
