//! The public pages as HTML.

use crate::snapshot::Snapshot;
use stillhere_model::{IncidentId, Lang, MaintenanceId};

/// What a page depends on besides snapshot and language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct View {
    /// The snapshot is older than its `fresh_until`: the page says that it has no fresh news.
    pub stale: bool,
    /// A static copy, written at this time: the page says how old it is.
    pub published_at: Option<stillhere_model::Time>,
    /// The live script is part of the page. False for static copies.
    pub live: bool,
}

#[must_use]
pub fn status(_snapshot: &Snapshot, _lang: Lang, _view: &View) -> String {
    String::new()
}
/// `None`: there is no such incident in the snapshot.
#[must_use]
pub fn incident(_snapshot: &Snapshot, _lang: Lang, _view: &View, _id: &IncidentId) -> Option<String> {
    None
}
#[must_use]
pub fn history(_snapshot: &Snapshot, _lang: Lang, _view: &View) -> String {
    String::new()
}
/// `None`: there is no such maintenance in the snapshot.
#[must_use]
pub fn maintenance(_snapshot: &Snapshot, _lang: Lang, _view: &View, _id: &MaintenanceId) -> Option<String> {
    None
}
#[must_use]
pub fn not_found(_snapshot: &Snapshot, _lang: Lang, _view: &View) -> String {
    String::new()
}
/// The inner HTML of every element of the status page that can change, by element id; [`status`] holds each verbatim.
#[must_use]
pub fn fragments(_snapshot: &Snapshot, _lang: Lang) -> Vec<(String, String)> {
    Vec::new()
}
/// The sources of the inlined style and script for the `Content-Security-Policy` header:
/// `(style-src hash, script-src hash)`, each as `'sha256-…'`.
#[must_use]
pub fn csp_hashes() -> (String, String) {
    (String::new(), String::new())
}
