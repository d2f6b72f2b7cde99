//! RSS 2.0 and Atom 1.0.

use crate::snapshot::Snapshot;
use stillhere_model::Lang;

#[must_use]
pub fn rss(_s: &Snapshot, _lang: Lang) -> String {
    String::new()
}
#[must_use]
pub fn atom(_s: &Snapshot, _lang: Lang) -> String {
    String::new()
}
