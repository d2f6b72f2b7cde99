//! Where something stands in the file, as people name it: `service[1].check[0].interval`.

use std::fmt;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A place in the file's tree. Empty: the file itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Path(Vec<Seg>);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Seg {
    Key(String),
    Index(usize),
}

/// A path while walking: it lives on the stack, and becomes a [`Path`] only when there is something to say.
#[derive(Clone, Copy)]
pub(crate) struct At<'a> {
    parent: Option<&'a At<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Root,
    Key(&'a str),
    Index(usize),
}

// === impl Path ===

impl Path {
    pub(crate) fn key(&self, key: &str) -> Path {
        let mut p = self.clone();
        p.0.push(Seg::Key(key.to_owned()));
        p
    }

    pub(crate) fn index(&self, i: usize) -> Path {
        let mut p = self.clone();
        p.0.push(Seg::Index(i));
        p
    }

    /// The list and the number that it begins with, and the rest.
    pub(crate) fn in_list(&self) -> Option<(&str, usize, Path)> {
        match self.0.as_slice() {
            [Seg::Key(list), Seg::Index(i), rest @ ..] => Some((list, *i, Path(rest.to_vec()))),
            _ => None,
        }
    }

    /// `self` and then what a kind calls the place inside its own table: `headers.Host`, `expect[2]`.
    pub(crate) fn inner(&self, path: &str) -> Path {
        let mut p = self.clone();
        for part in path.split('.').filter(|s| !s.is_empty()) {
            let (name, rest) = part.split_once('[').unwrap_or((part, ""));
            if !name.is_empty() {
                p.0.push(Seg::Key(name.to_owned()));
            }
            for i in rest.split('[').filter_map(|s| s.trim_end_matches(']').parse().ok()) {
                p.0.push(Seg::Index(i));
            }
        }
        p
    }

    /// The path of the smallest thing in the file that has `at` in its key or value.
    pub(crate) fn at(root: &Spanned<DeTable<'_>>, at: usize) -> Path {
        fn table(t: &DeTable<'_>, here: &At<'_>, at: usize, best: &mut Option<(usize, Path)>) {
            for (k, v) in t {
                let here = here.key(k.get_ref());
                note(&k.span(), &here, at, best);
                value(v, &here, at, best);
            }
        }
        fn value(v: &Spanned<DeValue<'_>>, here: &At<'_>, at: usize, best: &mut Option<(usize, Path)>) {
            note(&v.span(), here, at, best);
            match v.get_ref() {
                DeValue::Table(t) => table(t, here, at, best),
                DeValue::Array(a) => {
                    a.iter().enumerate().for_each(|(i, v)| value(v, &here.index(i), at, best));
                }
                _ => {}
            }
        }
        fn note(span: &std::ops::Range<usize>, here: &At<'_>, at: usize, best: &mut Option<(usize, Path)>) {
            if span.contains(&at) && best.as_ref().is_none_or(|(len, _)| span.len() <= *len) {
                *best = Some((span.len(), here.path()));
            }
        }
        let mut best = None;
        table(root.get_ref(), &At::ROOT, at, &mut best);
        best.map(|(_, p)| p).unwrap_or_default()
    }

    /// The key and value spans of the deepest part of the path that the file has.
    pub(crate) fn find(
        &self,
        root: &Spanned<DeTable<'_>>,
    ) -> (std::ops::Range<usize>, std::ops::Range<usize>) {
        let mut spans = (root.span(), root.span());
        let Some((Seg::Key(first), rest)) = self.0.split_first() else { return spans };
        let Some((k, mut v)) = root.get_ref().get_key_value(first.as_str()) else { return spans };
        spans = (k.span(), v.span());
        for seg in rest {
            let next = match (seg, v.get_ref()) {
                (Seg::Key(key), DeValue::Table(t)) => {
                    t.get_key_value(key.as_str()).map(|(k, v)| (k.span(), v))
                }
                (Seg::Index(i), DeValue::Array(a)) => a.get(*i).map(|v| (v.span(), v)),
                _ => None,
            };
            let Some((k, inner)) = next else { return spans };
            v = inner;
            spans = (k, v.span());
        }
        spans
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, seg) in self.0.iter().enumerate() {
            match seg {
                Seg::Key(k) => {
                    let dot = if i == 0 { "" } else { "." };
                    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
                    if !k.is_empty() && k.chars().all(bare) {
                        write!(f, "{dot}{k}")?;
                    } else {
                        write!(f, "{dot}{k:?}")?;
                    }
                }
                Seg::Index(i) => write!(f, "[{i}]")?,
            }
        }
        Ok(())
    }
}

// === impl At ===

impl<'a> At<'a> {
    pub(crate) const ROOT: At<'static> = At { parent: None, step: Step::Root };

    pub(crate) fn key(&'a self, key: &'a str) -> At<'a> {
        At { parent: Some(self), step: Step::Key(key) }
    }

    pub(crate) fn index(&'a self, i: usize) -> At<'a> {
        At { parent: Some(self), step: Step::Index(i) }
    }

    /// Its number, when it is an entry of a list.
    pub(crate) fn number(&self) -> Option<usize> {
        match self.step {
            Step::Index(i) => Some(i),
            Step::Root | Step::Key(_) => None,
        }
    }

    pub(crate) fn path(&self) -> Path {
        let mut p = self.parent.map(At::path).unwrap_or_default();
        match self.step {
            Step::Root => {}
            Step::Key(k) => p.0.push(Seg::Key(k.to_owned())),
            Step::Index(i) => p.0.push(Seg::Index(i)),
        }
        p
    }
}
