//! The keys that are ours: 32 random bytes each (but for the one that push services know us by), in files that only we can read, made at the first start. One signs notices,
//! another the public record: who gets hold of one cannot speak as the other.
//!
//! They are not rows of the database, because backups travel and a key must not.

use std::{
    fs::OpenOptions,
    io::{ErrorKind, Read as _, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};
use stillhere_access::Keys;
use stillhere_send::push::Vapid;
use stillhere_tell::notice::Key;

/// The signing key's file in the data folder.
const NOTICE: &str = "notice.key";
/// The file of what people's secrets are sealed with, and their devices marked.
const PEOPLE: &str = "people.key";
/// The file of what links in mails to staff are signed with.
const LINKS: &str = "links.key";
/// The file of the key that signs the public record.
const RECORD: &str = "record.key";
/// The file of what subscribers' links are made with, and their names in the journal.
const SUBSCRIBERS: &str = "subscribers.key";

/// The file of what push services know us by.
const PUSH: &str = "push.key";
/// Bytes that such a file may have; ours have 138.
const PUSH_BYTES_MAX: u64 = 1_024;

/// # Errors
/// When the file cannot be read or made, has another size, or may be read by others.
pub(crate) fn notice(data: &Path) -> Result<Key, String> {
    load_or_make(&data.join(NOTICE)).map(|seed| Key::from_seed(&seed))
}

/// # Errors
/// As [`notice`].
pub(crate) fn people(data: &Path) -> Result<Keys, String> {
    load_or_make(&data.join(PEOPLE)).map(|seed| Keys::from_seed(&seed))
}

/// For who only looks: none is made.
pub(crate) fn people_if_there(data: &Path) -> Option<Keys> {
    let path = data.join(PEOPLE);
    path.exists().then(|| load_or_make(&path).ok()).flatten().map(|seed| Keys::from_seed(&seed))
}

/// # Errors
/// As [`notice`].
pub(crate) fn links(data: &Path) -> Result<[u8; 32], String> {
    load_or_make(&data.join(LINKS))
}

/// The seed: a log signs under its name, which is known later.
///
/// # Errors
/// As [`notice`].
pub(crate) fn record(data: &Path) -> Result<[u8; 32], String> {
    load_or_make(&data.join(RECORD))
}

/// Of links and names of subscribers.
///
/// # Errors
/// As [`notice`].
pub(crate) fn subscribers(data: &Path) -> Result<[u8; 32], String> {
    load_or_make(&data.join(SUBSCRIBERS))
}

/// What push services know us by. Browsers bind their subscriptions to it: without it all of them are lost.
///
/// # Errors
/// As [`notice`].
pub(crate) fn push(data: &Path) -> Result<Vapid, String> {
    let path = data.join(PUSH);
    let kept = kept(&path, Vapid::generate, PUSH_BYTES_MAX)?;
    Vapid::read(&kept).map_err(|e| format!("{}: {e}", path.display()))
}

fn load_or_make(path: &Path) -> Result<[u8; 32], String> {
    let make = || stillhere_net::entropy::bytes::<32>().to_vec();
    let bytes = kept(path, make, 32)?;
    bytes.try_into().map_err(|_| format!("{}: not a key of ours (less than 32 bytes)", path.display()))
}

/// The bytes of the file, which are made if there is none.
fn kept(path: &Path, make: impl FnOnce() -> Vec<u8>, most: u64) -> Result<Vec<u8>, String> {
    let say = |e: std::io::Error| format!("{}: {e}", path.display());
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(mut file) => {
            let made = make();
            file.write_all(&made).and_then(|()| file.sync_all()).map_err(say)?;
            Ok(made)
        }
        Err(e) if e.kind() == ErrorKind::AlreadyExists => {
            let file = OpenOptions::new().read(true).open(path).map_err(say)?;
            let mode = file.metadata().map_err(say)?.permissions().mode() & 0o777;
            if mode & 0o077 != 0 {
                return Err(format!(
                    "{}: others may read this key (mode {mode:o}); chmod 600 it",
                    path.display()
                ));
            }
            let mut bytes = Vec::new();
            file.take(most + 1).read_to_end(&mut bytes).map_err(say)?;
            if bytes.len() as u64 > most {
                return Err(format!("{}: not a key of ours (more than {most} bytes)", path.display()));
            }
            Ok(bytes)
        }
        Err(e) => Err(say(e)),
    }
}
