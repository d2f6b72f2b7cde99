//! Which values of a file are secret, so that no report shows them.
//!
//! Found by the names of keys, because it must also work for a file that is too broken to be understood, and
//! for keys that do not exist: somebody who misspells `pasword` has still written a password.

use crate::shape::nearest;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What stands for a secret.
pub(crate) const MASK: &str = "***";
/// A secret shorter than this is not looked for in messages: it would be found in every other word.
const WORD_CHARS: usize = 4;
/// Keys that hold a secret have one of these in their name.
const NAMES: [&str; 16] = [
    "pass",
    "password",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "authorization",
    "credential",
    "cookie",
    "api_key",
    "apikey",
    "api-key",
    "private",
    "signing_key",
    "access_key",
    "bearer",
];
/// Keys that name where the secret is rather than the secret itself.
const REFERENCES: [&str; 4] = ["_env", "_file", "-env", "-file"];
/// Parameters of a URL that hold a secret.
const PARAMETERS: [&str; 7] = ["token", "key", "secret", "password", "sig", "signature", "auth"];

/// The secret values of one file.
#[derive(Debug, Default)]
pub(crate) struct Secrets {
    /// In the order of the file, not overlapping.
    spans: Vec<Range<usize>>,
    /// Longest first.
    words: Vec<String>,
}

/// Whether the value of `key` (below `parents`) is secret.
pub(crate) fn is_secret(parents: &[&str], key: &str, value: &str) -> bool {
    let special = match key {
        // A webhook's address is often all that is needed to post there.
        "url" => parents.first() == Some(&"channel"),
        // What is sent to a log-in page; the name of a heartbeat, which is all its URL needs.
        "body" | "key" => parents.contains(&"check"),
        _ => false,
    };
    special || named_secret(key) || secret_value(value)
}

fn named_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    // A misspelt name holds a secret too, and an unknown key is exactly what gets into a report.
    (NAMES.iter().any(|n| key.contains(n)) || nearest(&key, NAMES).is_some())
        && !REFERENCES.iter().any(|r| key.ends_with(r))
}

fn secret_value(value: &str) -> bool {
    // Standard Webhooks' own mark.
    if value.starts_with("whsec_") {
        return true;
    }
    let Some((_, rest)) = value.split_once("://") else { return false };
    let query = rest.split_once('?').map_or("", |(_, q)| q).to_ascii_lowercase();
    // Anywhere: a password with a `/` in it makes a URL that no parser takes apart as it was meant.
    rest.contains('@')
        || query.split(['&', '#']).any(|p| {
            let name = p.split('=').next().unwrap_or_default();
            PARAMETERS.iter().any(|s| name.ends_with(s))
        })
}

// === impl Secrets ===

impl Secrets {
    pub(crate) fn of(root: &Spanned<DeTable<'_>>, text: &str, broken: bool) -> Secrets {
        let mut secrets = Secrets::default();
        secrets.walk_table(root.get_ref(), &mut Vec::new(), false);
        if broken {
            secrets.broken_lines(text);
        }
        secrets.spans.sort_by_key(|s| s.start);
        secrets.spans.dedup_by(|b, a| {
            let overlap = b.start < a.end;
            if overlap {
                a.end = a.end.max(b.end);
            }
            overlap
        });
        secrets.words.sort_by_key(|w| std::cmp::Reverse(w.len()));
        secrets
    }

    /// The words of `other` too; its places are in another text.
    pub(crate) fn and(mut self, other: Secrets) -> Secrets {
        self.words.extend(other.words);
        self.words.sort_by_key(|w| std::cmp::Reverse(w.len()));
        self
    }

    /// The number of the secret that `at` is in.
    pub(crate) fn span_at(&self, at: usize) -> Option<usize> {
        let i = self.spans.partition_point(|s| s.end <= at);
        self.spans.get(i).is_some_and(|s| s.start <= at).then_some(i)
    }

    /// `text` without any secret of the file.
    pub(crate) fn mask(&self, text: &str) -> String {
        let mut out = text.to_owned();
        for word in &self.words {
            if out.contains(word.as_str()) {
                out = out.replace(word.as_str(), MASK);
            }
        }
        out
    }

    fn walk_table<'t>(&mut self, table: &'t DeTable<'_>, parents: &mut Vec<&'t str>, inside: bool) {
        for (key, value) in table {
            let key = key.get_ref().as_ref();
            self.walk_value(value, key, parents, inside);
        }
    }

    fn walk_value<'t>(
        &mut self,
        value: &'t Spanned<DeValue<'_>>,
        key: &'t str,
        parents: &mut Vec<&'t str>,
        inside: bool,
    ) {
        let reference = matches!(key, "env" | "file");
        let inside = (inside || named_secret(key)) && !reference;
        // How the console has every secret, whatever the key around it is called.
        let held = |t: &DeTable<'_>| t.len() == 1 && t.contains_key("value");
        match value.get_ref() {
            DeValue::Table(t) if held(t) => self.walk_table(t, parents, true),
            DeValue::Table(t) => {
                parents.push(key);
                self.walk_table(t, parents, inside);
                parents.pop();
            }
            DeValue::Array(a) => a.iter().for_each(|v| self.walk_value(v, key, parents, inside)),
            DeValue::String(s) if inside || is_secret(parents, key, s) => {
                self.spans.push(value.span());
                self.word(s);
            }
            DeValue::Integer(i) if inside => {
                self.spans.push(value.span());
                self.word(i.as_str());
            }
            _ => {}
        }
    }

    fn word(&mut self, secret: &str) {
        let escaped = secret.escape_debug().to_string();
        let user_info = secret.split_once("://").and_then(|(_, r)| r.rsplit_once('@')).map(|(u, _)| u);
        let password = user_info.and_then(|u| u.split_once(':')).map(|(_, p)| p);
        for w in [Some(secret), Some(escaped.as_str()), user_info, password].into_iter().flatten() {
            if w.chars().count() >= WORD_CHARS && !self.words.iter().any(|x| x == w) {
                self.words.push(w.to_owned());
            }
        }
    }

    /// In a file with a slip the tree is not all there, so text is searched: what stands behind the name of a
    /// secret is masked up to the end of its line, or up to the next key when the name began the line.
    fn broken_lines(&mut self, text: &str) {
        let mut open: Option<usize> = None;
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            let begins_key = begins_key(line);
            let begins_table = line.trim_start().starts_with('[') && line.trim_end().ends_with(']');
            if (begins_key || begins_table)
                && let Some(from) = open.take()
            {
                self.spans.push(from..at);
            }
            for (i, _) in line.match_indices(['=', ':']) {
                let name = line[..i].trim_end().trim_end_matches(['"', '\'']);
                let stranger =
                    name.char_indices().rfind(|(_, c)| !(c.is_alphanumeric() || matches!(c, '_' | '-')));
                let name = &name[stranger.map_or(0, |(i, c)| i + c.len_utf8())..];
                if named_secret(name) {
                    let from = at + i + 1 + (line.len() - i - 1 - line[i + 1..].trim_start().len());
                    let first = begins_key && line[..i].trim().trim_matches(['"', '\'']).ends_with(name);
                    if first && open.is_none() {
                        open = Some(from);
                    }
                    self.spans.push(from..at + line.len());
                }
            }
            at += line.len();
        }
        if let Some(from) = open {
            self.spans.push(from..text.len());
        }
    }
}

/// Whether a line begins with `key =` and a value, rather than being a part of a longer value.
fn begins_key(line: &str) -> bool {
    let Some((key, value)) = line.split_once('=') else { return false };
    let sayable = |c: char| c.is_ascii_alphanumeric() || "_-.\"' ".contains(c);
    // A line of base64 ends in `=`; a key has a value behind it.
    !key.trim().is_empty()
        && key.trim().chars().all(sayable)
        && !value.trim_matches(['=', '\r', '\n', ' ']).is_empty()
}
