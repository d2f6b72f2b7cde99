//! Secrets in tables of the console: they go in and never come out.
//!
//! In a table a secret is `{ "value": "…" }`, or a text under a key that holds secrets (a URL with a password, a body). Whoever
//! reads it gets `{ "set": true }` in its place, and whoever writes `{ "set": true }` leaves it as it is.
//!
//! Threat: somebody who may edit but does not know a secret changes where it is sent to, and reads it there. Therefore it stays
//! only where it goes to the same place as before; else it has to be written again.

use super::{Item, Kind};
use crate::report::{Report, is_secret};
use serde_json::{Map, Value, json};

/// The keys that say where a secret goes, and how safely.
const WHERE: [&str; 9] = ["kind", "url", "host", "port", "server", "domain", "proxy", "tls", "user"];

/// Calls `each` with every secret of a table.
pub fn each_secret(kind: Kind, table: &mut Map<String, Value>, each: &mut dyn FnMut(&mut Value)) {
    table.iter_mut().for_each(|(key, v)| walk(v, &[kind.as_str()], key, each));
}

fn walk(v: &mut Value, parents: &[&str], key: &str, each: &mut dyn FnMut(&mut Value)) {
    match v {
        Value::String(s) if is_secret(parents, key, s) => each(v),
        Value::Object(o) if o.len() == 1 && o.get("value").is_some_and(Value::is_string) => each(v),
        Value::Array(a) => a.iter_mut().for_each(|v| walk(v, parents, key, each)),
        Value::Object(o) => {
            let parents: Vec<&str> = parents.iter().copied().chain([key]).collect();
            o.iter_mut().for_each(|(k, v)| walk(v, &parents, k, each));
        }
        _ => {}
    }
}

/// A table for reading.
#[must_use]
pub fn without_secrets(item: &Item) -> Map<String, Value> {
    let mut table = item.table().clone();
    each_secret(item.kind, &mut table, &mut |secret| *secret = json!({ "set": true }));
    table
}

/// Puts the secrets of `before` where `table` says that they stay as they are.
///
/// # Errors
/// Where nothing was set, and where it would go elsewhere.
pub fn keep_secrets(
    kind: Kind,
    id: &str,
    table: &mut Map<String, Value>,
    before: Option<&Item>,
) -> Result<(), Report> {
    let none = Map::new();
    let before = before.map_or(&none, Item::table);
    let wrong = |(path, problem): (String, &str)| {
        Err(Report::of_console(kind, id, &path, problem, Some("write the secret itself".to_owned())))
    };
    if kind == Kind::Service {
        let old = before.get("check").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let new = table.get_mut("check").and_then(Value::as_array_mut);
        for (i, check) in new.into_iter().flatten().enumerate() {
            let Value::Object(check) = check else { continue };
            let same = old.iter().filter_map(Value::as_object).find(|o| called(o) == called(check));
            if let Err(e) = stay(check, same.unwrap_or(&none), &format!("check[{i}].")) {
                return wrong(e);
            }
        }
    }
    stay(table, before, "").or_else(wrong)
}

/// How a check is known in its service.
fn called(check: &Map<String, Value>) -> Option<&Value> {
    ["id", "name", "kind"].into_iter().find_map(|k| check.get(k))
}

fn stay(
    new: &mut Map<String, Value>,
    old: &Map<String, Value>,
    path: &str,
) -> Result<(), (String, &'static str)> {
    let mut kept = false;
    for (key, v) in new.iter_mut().filter(|(key, _)| *key != "check") {
        put_back(v, old.get(key), &format!("{path}{key}"), &mut kept)?;
    }
    match WHERE.into_iter().find(|key| kept && new.get(*key) != old.get(*key)) {
        Some(key) => Err((format!("{path}{key}"), "is another, and a secret that is set would go there")),
        None => Ok(()),
    }
}

fn put_back(
    new: &mut Value,
    old: Option<&Value>,
    path: &str,
    kept: &mut bool,
) -> Result<(), (String, &'static str)> {
    match new {
        Value::Object(o) if o.len() == 1 && o.get("set") == Some(&Value::Bool(true)) => match old {
            Some(secret) => {
                *new = secret.clone();
                *kept = true;
                Ok(())
            }
            None => Err((path.to_owned(), "is not set yet")),
        },
        Value::Object(o) => o
            .iter_mut()
            .try_for_each(|(k, v)| put_back(v, old.and_then(|old| old.get(k)), &format!("{path}.{k}"), kept)),
        Value::Array(a) => a.iter_mut().enumerate().try_for_each(|(i, v)| {
            put_back(v, old.and_then(|old| old.get(i)), &format!("{path}[{i}]"), kept)
        }),
        _ => Ok(()),
    }
}
