//! How the store is doing, for `/metrics` and `doctor`.

use crate::{Sketch, Store, StoreError};
use std::{
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stats {
    /// The database and its write-ahead log.
    pub bytes: u64,
    pub wal_bytes: u64,
    /// Since the start of the process.
    pub commits: u64,
    pub looks: u64,
    pub failures: u64,
    /// Commit times since the start, in microseconds, disk included; 0 before the first one.
    pub commit_p50_us: u32,
    pub commit_p99_us: u32,
    pub commit_max_us: u32,
    pub commit_last_us: u32,
}

#[derive(Default)]
pub(crate) struct Metrics {
    commits: AtomicU64,
    looks: AtomicU64,
    failures: AtomicU64,
    /// The sketch, the longest, the last.
    times: Mutex<(Sketch, u32, u32)>,
}

// === impl Metrics ===

impl Metrics {
    pub(crate) fn committed(&self, took: Duration, looks: usize) {
        let us = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        self.commits.fetch_add(1, Relaxed);
        self.looks.fetch_add(looks as u64, Relaxed);
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        times.0.add(us);
        times.1 = times.1.max(us);
        times.2 = us;
    }

    pub(crate) fn failed(&self) {
        self.failures.fetch_add(1, Relaxed);
    }
}

// === impl Store ===

impl Store {
    /// # Errors
    /// When the file cannot be looked at.
    pub fn stats(&self) -> Result<Stats, StoreError> {
        let inner = &self.0;
        let size = |path: &Path| match std::fs::metadata(path) {
            Ok(m) => Ok(m.len()),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(0),
            Err(source) => Err(StoreError::Folder { path: path.to_owned(), source }),
        };
        let wal_bytes = size(&inner.path.with_extension("db-wal"))?;
        let bytes = size(&inner.path)? + wal_bytes;
        let times = inner.metrics.times.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Stats {
            bytes,
            wal_bytes,
            commits: inner.metrics.commits.load(Relaxed),
            looks: inner.metrics.looks.load(Relaxed),
            failures: inner.metrics.failures.load(Relaxed),
            commit_p50_us: times.0.quantile(0.5).unwrap_or(0),
            commit_p99_us: times.0.quantile(0.99).unwrap_or(0),
            commit_max_us: times.1,
            commit_last_us: times.2,
        })
    }
}
