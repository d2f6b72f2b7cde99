//! One edge for each folder: who holds the lock is the one, and its process id stands in the file. So a core that
//! starts again finds the edge that went on without it.
//!
//! The kernel lets go of a lock however a process ends. So the demo's edge waits for one that the demo holds, and ends
//! with it ([`until_free`]).

use crate::exit::Exit;
use anyhow::Context as _;
use rustix::{
    fs::{FlockOperation, flock},
    process::{Pid, Signal, kill_process},
};
use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

const FILE: &str = "edge.lock";
/// Somebody who only looks whether it is held holds it for a moment.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(25);
/// How often an edge looks whether its folder has become another one's.
const LOOK: Duration = Duration::from_secs(1);

/// Held as long as this lives, and let go by the kernel however the process ends.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

// === impl Lock ===

impl Lock {
    /// Takes the lock of a file, which is made if it is not there. None: somebody else has it.
    pub async fn of(path: &Path) -> io::Result<Option<Lock>> {
        let mut file = open(path)?;
        for _ in 0..TRIES {
            if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
                file.set_len(0)?;
                file.write_all(std::process::id().to_string().as_bytes())?;
                return Ok(Some(Lock { file, path: path.to_owned() }));
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(None)
    }

    /// Ends when [`Lock::is_replaced`].
    pub async fn until_replaced(&self) {
        while !self.is_replaced() {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Another file is in the place of this one: somebody has made the folder anew, and whoever holds that lock is its edge
    /// now. A file that is gone alone changes nothing: nobody else serves.
    fn is_replaced(&self) -> bool {
        let id = |of: &std::fs::Metadata| (of.dev(), of.ino());
        match (self.file.metadata(), std::fs::metadata(&self.path)) {
            (Ok(ours), Ok(there)) => id(&ours) != id(&there),
            _ => false,
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// Takes the lock of a folder for this process.
pub async fn take(dir: &Path) -> Result<Lock, Exit> {
    let path = dir.join(FILE);
    let lock = Lock::of(&path).await.with_context(|| format!("cannot use {}", path.display()))?;
    lock.ok_or_else(|| {
        Exit::Usage(format!(
            "an edge is running with this data folder already ({}). Use another --data",
            dir.display()
        ))
    })
}

/// Blocks until nobody holds the lock of this file, and leaves it free. A file that cannot be used is nobody's.
pub fn until_free(path: &Path) {
    let waited = File::open(path).and_then(|file| Ok(flock(&file, FlockOperation::LockShared)?));
    if let Err(e) = waited {
        tracing::error!(file = %path.display(), error = %e, "the lock cannot be waited for");
    }
}

/// Takes it as soon as the process that has it ends.
pub async fn wait(dir: PathBuf) -> Option<Lock> {
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
    let mut file = open(&dir.join(FILE)).ok()?;
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

    #[tokio::test]
    async fn a_lock_that_somebody_holds_is_waited_for_and_is_free_afterwards() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("some.lock");
        let held = Lock::of(&file).await.unwrap().expect("nobody has it");
        assert!(Lock::of(&file).await.unwrap().is_none());
        let waits = file.clone();
        let waiting = tokio::task::spawn_blocking(move || until_free(&waits));
        assert!(!waiting.is_finished());
        drop(held);
        waiting.await.unwrap();
        assert!(Lock::of(&file).await.unwrap().is_some());
        until_free(&dir.path().join("no such file"));
    }

    #[tokio::test]
    async fn a_folder_that_is_gone_has_no_other_edge_and_one_made_anew_has() {
        let dir = tempfile::tempdir().unwrap();
        let lock = take(dir.path()).await.unwrap();
        assert!(!lock.is_replaced());
        std::fs::remove_file(dir.path().join(FILE)).unwrap();
        assert!(!lock.is_replaced());
        let other = take(dir.path()).await.unwrap();
        assert!(lock.is_replaced() && !other.is_replaced());
        lock.until_replaced().await;
    }
}
