//! What can go wrong with a disk, sorted by what helps.

use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the disk is full, or the database has reached its size limit ({0})")]
    Full(String),
    #[error("the database cannot be written ({0})")]
    ReadOnly(String),
    #[error("the database is busy ({0})")]
    Busy(String),
    #[error("the disk has a fault ({0})")]
    Io(String),
    #[error("{} is damaged or is not a Stillhere database ({what}); restore a backup with `stillhere restore`", path.display())]
    Damaged { path: PathBuf, what: String },
    #[error("{} was written by a newer Stillhere (schema {found}, this one knows up to {known}); use that version, or restore an older backup", path.display())]
    Newer { path: PathBuf, found: i64, known: i64 },
    #[error("{} is in use by another Stillhere", .0.display())]
    InUse(PathBuf),
    #[error("{} exists already", .0.display())]
    Exists(PathBuf),
    #[error("{}: {source}", path.display())]
    Folder { path: PathBuf, source: std::io::Error },
    #[error("there is already a token named \"{0}\"")]
    TokenExists(String),
    #[error("the database refused: {0}")]
    Database(String),
}

// === impl StoreError ===

impl StoreError {
    /// The same write may succeed later, without anybody repairing the file.
    #[must_use]
    pub fn retryable(&self) -> bool {
        match self {
            StoreError::Full(_) | StoreError::ReadOnly(_) | StoreError::Busy(_) | StoreError::Io(_) => true,
            StoreError::Damaged { .. }
            | StoreError::Newer { .. }
            | StoreError::InUse(_)
            | StoreError::Exists(_)
            | StoreError::Folder { .. }
            | StoreError::TokenExists(_)
            | StoreError::Database(_) => false,
        }
    }

    /// Sorts a driver error by SQLite's primary result code.
    pub(crate) fn of(path: &Path, e: &sqlx::Error) -> StoreError {
        match e {
            sqlx::Error::Database(d) => {
                let code = d.code().and_then(|c| c.parse::<i32>().ok()).unwrap_or(1);
                StoreError::by_code(path, code, d.message())
            }
            sqlx::Error::PoolTimedOut => StoreError::Busy("no reader became free".to_owned()),
            sqlx::Error::Io(e) => StoreError::Io(e.to_string()),
            sqlx::Error::WorkerCrashed => StoreError::Io("the database thread ended".to_owned()),
            e => StoreError::Database(e.to_string()),
        }
    }

    fn by_code(path: &Path, code: i32, message: &str) -> StoreError {
        let what = format!("{message}, SQLite code {code}");
        match code & 0xff {
            5 | 6 => StoreError::Busy(what),                                // BUSY, LOCKED
            13 => StoreError::Full(what),                                   // FULL
            3 | 8 | 14 => StoreError::ReadOnly(what),                       // PERM, READONLY, CANTOPEN
            7 | 10 => StoreError::Io(what),                                 // NOMEM, IOERR
            11 | 26 => StoreError::Damaged { path: path.to_owned(), what }, // CORRUPT, NOTADB
            _ => StoreError::Database(what),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_time_can_heal_is_retryable_and_what_it_cannot_is_not() {
        let p = Path::new("x.db");
        for code in [5, 261, 6, 13, 8, 1032, 14, 10, 778, 7] {
            assert!(StoreError::by_code(p, code, "m").retryable(), "{code}");
        }
        for code in [11, 267, 26, 1, 19, 2067] {
            assert!(!StoreError::by_code(p, code, "m").retryable(), "{code}");
        }
    }
}
