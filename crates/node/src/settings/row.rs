//! Between the database's rows and what is at hand: secrets are sealed on the way in and opened on the way out.
//!
//! They are sealed, one by one, with a key that is in no backup: a copy of the database says what is watched and by whom it was
//! written down, and lets nobody in anywhere.

use super::Kept;
use serde_json::{Map, Value, json};
use stillhere_access::Keys;
use stillhere_config::console::{Item, Kind, each_secret};
use stillhere_net::entropy;
use stillhere_store::Setting;

/// The key of a sealed secret. No key of a table, and no name of a header, is called so.
const SEALED: &str = "§";
/// Beside it, where the secret is a text rather than `{ "value": "…" }`.
const TEXT: &str = "text";

/// As it is written down. `None`: it is not at hand, so it cannot have been changed.
pub(crate) fn sealed(kept: &Kept, keys: &Keys) -> Option<Setting> {
    let mut table = kept.item.as_ref()?.table().clone();
    let of = named(kept.kind, &kept.id);
    each_secret(kept.kind, &mut table, &mut |secret| {
        let (plain, is_text) = match &*secret {
            Value::String(text) => (text.as_str(), true),
            held => (held["value"].as_str().unwrap_or_default(), false),
        };
        let seal = keys.seal_setting(&of, plain.as_bytes(), entropy::bytes());
        *secret = if is_text { json!({ SEALED: seal, TEXT: true }) } else { json!({ SEALED: seal }) };
    });
    Some(Setting {
        kind: kept.kind.as_str().to_owned(),
        id: kept.id.clone(),
        version: kept.version,
        changed_at: kept.changed_at,
        changed_by: kept.changed_by.clone(),
        body: Value::Object(table).to_string(),
    })
}

/// `None`: of a kind that is not known here.
pub(crate) fn opened(row: &Setting, keys: &Keys) -> Option<Kept> {
    let kind = Kind::of(&row.kind)?;
    let of = named(kind, &row.id);
    let item = match serde_json::from_str::<Map<String, Value>>(&row.body) {
        Ok(mut table) => {
            let all = open_all(&mut table, &of, keys);
            Item::new(kind, &row.id, table).ok().filter(|_| all)
        }
        Err(_) => None,
    };
    Some(Kept {
        kind,
        id: row.id.clone(),
        item,
        version: row.version,
        changed_at: row.changed_at,
        changed_by: row.changed_by.clone(),
    })
}

/// False when one was sealed under another key.
fn open_all(table: &mut Map<String, Value>, of: &str, keys: &Keys) -> bool {
    table.values_mut().all(|v| open(v, of, keys))
}

fn open(v: &mut Value, of: &str, keys: &Keys) -> bool {
    match v {
        Value::Object(o) => {
            let Some(Value::String(seal)) = o.get(SEALED) else { return open_all(o, of, keys) };
            let plain = keys.open_setting(of, seal).and_then(|plain| String::from_utf8(plain).ok());
            let Some(plain) = plain else { return false };
            *v = if o.contains_key(TEXT) { Value::String(plain) } else { json!({ "value": plain }) };
            true
        }
        Value::Array(a) => a.iter_mut().all(|v| open(v, of, keys)),
        _ => true,
    }
}

fn named(kind: Kind, id: &str) -> String {
    format!("{kind}/{id}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use stillhere_model::Time;

    #[test]
    fn what_is_written_down_holds_no_secret_and_opens_to_what_it_was_under_the_same_key_alone() {
        let table = json!({
            "check": [{
                "url": "https://ann:hunter2@example.com/", "body": "pin=4711",
                "headers": { "X-Key": { "value": "s3cret" }, "X-Plain": "blue" },
                "auth": { "bearer": { "value": "t0ken" } },
            }],
        });
        let Value::Object(table) = table else { panic!() };
        let kept = Kept {
            kind: Kind::Service,
            id: "shop".into(),
            item: Some(Item::new(Kind::Service, "shop", table).unwrap()),
            version: 7,
            changed_at: Time(5),
            changed_by: "ann".into(),
        };
        let keys = Keys::from_seed(&[1; 32]);
        let row = sealed(&kept, &keys).unwrap();
        for secret in ["hunter2", "4711", "s3cret", "t0ken"] {
            assert!(!row.body.contains(secret), "{secret}: {}", row.body);
        }
        assert!(row.body.contains("blue"));
        assert_eq!(opened(&row, &keys).unwrap().item, kept.item);
        assert_eq!(opened(&row, &Keys::from_seed(&[2; 32])).unwrap().item, None, "another key");
        let moved = Setting { id: "other".into(), ..row };
        assert_eq!(opened(&moved, &keys).unwrap().item, None, "sealed for another");
    }
}
