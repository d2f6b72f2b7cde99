//! What browsers report of requests that never reached us: Network Error Logging and the Reporting API. They are counted
//! by type, and nothing else of them is kept: they hold addresses of pages and of people.

use serde::Deserialize;
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};
use stillhere_model::edge::REASONS_MAX;

/// The greatest body of reports that is read.
pub const BODY_MAX: u64 = 64 * 1024;
/// Reports of one body that are counted.
const REPORTS_MAX: usize = 100;
/// Types that are counted by name; the others together.
const TYPES_MAX: usize = REASONS_MAX - 1;
const TYPE_MAX: usize = 64;

#[derive(Debug, Default)]
pub struct Browsers(Mutex<BTreeMap<String, u64>>);

#[derive(Deserialize)]
struct OneReport {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    body: ReportBody,
}

#[derive(Default, Deserialize)]
struct ReportBody {
    /// Of NEL: `tcp.refused`, `dns.name_not_resolved`, `http.error`, …
    #[serde(rename = "type", default)]
    kind: String,
}

// === impl Browsers ===

impl Browsers {
    /// Counts what a browser sent. False: it cannot be read.
    pub fn count(&self, body: &[u8]) -> bool {
        let Ok(reports) = serde_json::from_slice::<Vec<OneReport>>(body) else { return false };
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for report in reports.iter().take(REPORTS_MAX) {
            let kind = if report.kind == "network-error" { &report.body.kind } else { &report.kind };
            let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
            let good = (1..=TYPE_MAX).contains(&kind.len()) && kind.bytes().all(plain);
            let name = if good && (counts.contains_key(kind) || counts.len() < TYPES_MAX) {
                kind.as_str()
            } else {
                "other"
            };
            *counts.entry(name.to_owned()).or_default() += 1;
        }
        true
    }

    /// What was counted since the last time.
    #[must_use]
    pub fn take(&self) -> BTreeMap<String, u64> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_counted_by_type_and_nothing_else_is_kept() {
        let browsers = Browsers::default();
        let body = br#"[
            {"type":"network-error","age":1,"url":"https://shop/secret","body":{"type":"tcp.refused","phase":"connection"}},
            {"type":"network-error","url":"https://shop/","body":{"type":"tcp.refused"}},
            {"type":"deprecation","body":{"id":"x"}},
            {"type":"<script>"}
        ]"#;
        assert!(browsers.count(body));
        let taken = browsers.take();
        assert_eq!(format!("{taken:?}"), r#"{"deprecation": 1, "other": 1, "tcp.refused": 2}"#);
        assert!(browsers.take().is_empty());
    }

    #[test]
    fn a_flood_of_types_stays_bounded() {
        let browsers = Browsers::default();
        for n in 0..1_000 {
            browsers.count(format!(r#"[{{"type":"t{n}"}}]"#).as_bytes());
        }
        let taken = browsers.take();
        assert!(taken.len() <= REASONS_MAX && taken["other"] == 1_000 - TYPES_MAX as u64, "{}", taken.len());
        for junk in [&b""[..], b"{}", b"[1]", b"[{\"type\":1}]"] {
            assert!(!browsers.count(junk));
        }
    }
}
