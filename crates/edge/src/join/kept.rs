//! What must outlive the process: the last good configuration, the key of notices, what people asked for, and the last
//! notice. With these it starts and serves while the core, the name servers and the network are all dead.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    fs::{self, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};
use stillhere_model::{Time, edge::Orders};

const JOINED: &str = "joined.json";
const NOTICE: &str = "notice.json";
/// The greatest file that is read back.
const FILE_MAX: u64 = 16 << 20;

/// The last good state.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Joined {
    /// `[edge]` as JSON, as the core sent it; empty before the first.
    pub(crate) config: String,
    /// What the core calls this version of it.
    pub(crate) tag: String,
    pub(crate) at: Time,
    /// 64 hex digits. Pinned: another one is not believed.
    pub(crate) notice_key: Option<String>,
    pub(crate) orders: Orders,
    pub(crate) orders_tag: String,
}

/// The folder.
#[derive(Debug, Clone)]
pub(crate) struct Kept(PathBuf);

// === impl Kept ===

impl Kept {
    pub(crate) fn new(dir: &Path) -> Kept {
        Kept(dir.to_owned())
    }

    /// What was kept. A file that cannot be read is as if it were not there, and said.
    pub(crate) fn joined(&self) -> Joined {
        self.read(JOINED).unwrap_or_default()
    }

    pub(crate) fn notice(&self) -> Option<String> {
        self.text(NOTICE)
    }

    pub(crate) fn keep_joined(&self, joined: &Joined) {
        match serde_json::to_vec_pretty(joined) {
            Ok(bytes) => self.write(JOINED, &bytes, true),
            Err(e) => tracing::error!(error = %e, "the configuration cannot be written as JSON"),
        }
    }

    /// `sure`: it must survive the machine, not only the process.
    pub(crate) fn keep_notice(&self, text: &str, sure: bool) {
        self.write(NOTICE, text.as_bytes(), sure);
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let text = self.text(name)?;
        serde_json::from_str(&text)
            .inspect_err(|e| tracing::error!(file = name, error = %e, "what was kept cannot be read"))
            .ok()
    }

    fn text(&self, name: &str) -> Option<String> {
        let path = self.0.join(name);
        let mut text = String::new();
        let read = fs::File::open(&path).and_then(|f| f.take(FILE_MAX).read_to_string(&mut text));
        match read {
            Ok(_) => Some(text),
            Err(e) if e.kind() == io::ErrorKind::NotFound => None,
            Err(e) => {
                tracing::error!(file = %path.display(), error = %e, "what was kept cannot be read");
                None
            }
        }
    }

    /// A disk that is full costs the memory of it, not the service.
    fn write(&self, name: &str, bytes: &[u8], sure: bool) {
        if let Err(e) = replace(&self.0, name, bytes, sure) {
            tracing::error!(file = name, error = %e, "could not be kept; after a restart the one of before is in force");
        }
    }
}

/// Either the old file or the new one is there, whole, whatever happens; nobody else may read it.
fn replace(dir: &Path, name: &str, bytes: &[u8], sure: bool) -> io::Result<()> {
    let new = dir.join(format!("{name}.new"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(bytes)?;
    if sure {
        file.sync_all()?;
    }
    fs::rename(&new, dir.join(name))?;
    if sure {
        fs::File::open(dir)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn what_is_kept_is_read_back_and_nobody_else_reads_it() {
        let dir = tempfile::tempdir().expect("a folder");
        let kept = Kept::new(dir.path());
        assert_eq!((kept.joined(), kept.notice()), (Joined::default(), None));
        let joined = Joined { config: "{}".to_owned(), tag: "t".to_owned(), ..Joined::default() };
        kept.keep_joined(&joined);
        kept.keep_notice("signed", false);
        kept.keep_notice("signed again", true);
        assert_eq!((kept.joined(), kept.notice().as_deref()), (joined, Some("signed again")));
        for name in [JOINED, NOTICE] {
            let mode = fs::metadata(dir.path().join(name)).expect("a file").permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        fs::write(dir.path().join(JOINED), "{\"config\":").expect("damaged");
        assert_eq!(kept.joined(), Joined::default());
    }
}
