//! Two trees become one. The console's tables stand behind those of the file.

use super::{Aside, Item, Kind, Why};
use crate::path::Path;
use serde_json::Value;
use std::collections::HashSet;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// The console's part of a merged tree, and how it is told from the file's.
#[derive(Debug)]
pub(crate) struct Merged {
    /// Where places in the console's text begin: behind all places of the file.
    pub(crate) from: usize,
    /// The console's tables as TOML, with as much white space before it as the file is long.
    pub(crate) text: String,
    services: List,
    channels: List,
    templates: List,
}

/// One list of the tree.
#[derive(Debug, Default)]
struct List {
    /// As many are the file's.
    from: usize,
    /// The ids of the console's, which come behind them.
    ids: Vec<String>,
}

// === impl Merged ===

impl Merged {
    /// What of `items` the file does not have, and what it does.
    pub(crate) fn of(file: &str, root: &DeTable<'_>, items: &[Item]) -> (Merged, Vec<Aside>) {
        let mut aside = Vec::new();
        let mut lists = toml::Table::new();
        let mut list = |kind: Kind| {
            let (from, named) = named(root, kind);
            let mut ids = Vec::new();
            let mut tables = Vec::new();
            for item in items.iter().filter(|i| i.kind == kind) {
                if named.contains(item.id.as_str()) {
                    aside.push(Aside { kind, id: item.id.clone(), why: Why::InFile });
                    continue;
                }
                // It was tried when the item was made.
                if let Ok(table) = toml::Value::try_from(Value::Object(item.written())) {
                    tables.push(table);
                    ids.push(item.id.clone());
                }
            }
            if !tables.is_empty() {
                lists.insert(kind.as_str().to_owned(), toml::Value::Array(tables));
            }
            List { from, ids }
        };
        let (services, channels, templates) =
            (list(Kind::Service), list(Kind::Channel), list(Kind::Template));
        let mut text = String::new();
        if !lists.is_empty() {
            text = " ".repeat(file.len());
            text.push_str(&toml::to_string(&lists).unwrap_or_default());
        }
        (Merged { from: file.len(), text, services, channels, templates }, aside)
    }

    /// Puts the console's tables behind the file's. A list of the file that is none is left to be complained about.
    pub(crate) fn into_tree<'t>(root: &mut DeTable<'t>, mut theirs: DeTable<'t>) {
        for kind in Kind::ALL {
            let Some((key, value)) = theirs.remove_entry(kind.as_str()) else { continue };
            match root.get_mut(kind.as_str()).map(Spanned::get_mut) {
                None => drop(root.insert(key, value)),
                Some(DeValue::Array(written)) => {
                    if let DeValue::Array(more) = value.into_inner() {
                        more.into_iter().for_each(|table| written.push(table));
                    }
                }
                Some(_) => {}
            }
        }
    }

    /// Where the console's tables begin in the lists of the merged tree.
    pub(crate) fn begins(&self, list: &str) -> Option<usize> {
        self.list(list).filter(|l| !l.ids.is_empty()).map(|l| l.from)
    }

    /// What of the console is in the tree.
    pub(crate) fn in_force(&self) -> impl Iterator<Item = (Kind, String)> + '_ {
        let of = |kind: Kind| {
            self.list(kind.as_str()).into_iter().flat_map(|l| &l.ids).map(move |id| (kind, id.clone()))
        };
        Kind::ALL.into_iter().flat_map(of)
    }

    /// Whose table a path leads into, and the rest of it. `in_tree`: it is one of the merged tree, else of the console's text.
    pub(crate) fn whose(&self, path: &Path, in_tree: bool) -> Option<((Kind, String), Path)> {
        let (list, i, rest) = path.in_list()?;
        let of = self.list(list)?;
        let i = if in_tree { i.checked_sub(of.from)? } else { i };
        Some(((Kind::of(list)?, of.ids.get(i)?.clone()), rest))
    }

    fn list(&self, key: &str) -> Option<&List> {
        match Kind::of(key)? {
            Kind::Service => Some(&self.services),
            Kind::Channel => Some(&self.channels),
            Kind::Template => Some(&self.templates),
        }
    }
}

impl Default for Merged {
    /// Nothing of the console.
    fn default() -> Merged {
        Merged {
            from: usize::MAX,
            text: String::new(),
            services: List::default(),
            channels: List::default(),
            templates: List::default(),
        }
    }
}

/// How many tables the file has of a kind, and their ids.
fn named<'r>(root: &'r DeTable<'_>, kind: Kind) -> (usize, HashSet<&'r str>) {
    let Some(DeValue::Array(written)) = root.get(kind.as_str()).map(Spanned::get_ref) else {
        return (0, HashSet::new());
    };
    let id = |v: &'r Spanned<DeValue<'_>>| match v.get_ref() {
        DeValue::Table(t) => match t.get(kind.key()).map(Spanned::get_ref) {
            Some(DeValue::String(id)) => Some(id.as_ref()),
            _ => None,
        },
        _ => None,
    };
    (written.len(), written.iter().filter_map(id).collect())
}
