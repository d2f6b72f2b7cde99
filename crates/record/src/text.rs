//! What people wrote, beside the log. The log has only a hash of each text with a salt of its own: who has text and salt can
//! see that it is the one that was published; when both are taken out, nobody can find it by guessing, and the log stays
//! as it is.

use crate::tree::Hash;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use stillhere_model::{ServiceId, Text};

/// So much randomness makes guessing a text from its hash pointless.
pub type Salt = [u8; 16];

/// The salted hash of a text, in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TextHash(pub String);

/// The hash of a text in each language; `*` where it is the same in all.
pub type Words = BTreeMap<String, TextHash>;

/// A text, as it stands beside the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub hash: TextHash,
    pub salt: Salt,
    pub text: String,
}

/// What takes texts out of what was said.
pub type Veil<'a> = dyn FnMut(&str) -> TextHash + 'a;

// === impl TextHash ===

impl TextHash {
    #[must_use]
    pub fn of(salt: &Salt, text: &str) -> TextHash {
        TextHash(Hash::of(&[b"stillhere text v1\n", &salt[..], text.as_bytes()].concat()).to_string())
    }
}

// === impl Kept ===

impl Kept {
    #[must_use]
    pub fn new(salt: Salt, text: &str) -> Kept {
        Kept { hash: TextHash::of(&salt, text), salt, text: text.to_owned() }
    }
}

/// A text in all its languages.
pub fn words(text: &Text, veil: &mut Veil<'_>) -> Words {
    match text {
        Text::Same(s) => BTreeMap::from([("*".to_owned(), veil(s))]),
        Text::Each(each) => each.iter().map(|(lang, s)| (lang.tag().to_owned(), veil(s))).collect(),
    }
}

/// What was said, as the API shows it, without its texts and without services that are not to be named. What a look found
/// can quote an answer, so it is a text, too.
#[must_use]
pub fn veiled(said: &Value, sees: &dyn Fn(&ServiceId) -> bool, veil: &mut Veil<'_>) -> Value {
    let Value::Object(map) = said else { return Value::Null };
    let corrected = said["kind"] == "text_corrected";
    let mut keys: Vec<&String> = map.keys().collect();
    keys.sort(); // the order of salts must not depend on how the object was made
    let out = keys.into_iter().map(|key| {
        let value = &map[key];
        let value = match key.as_str() {
            "services" => value
                .as_array()
                .into_iter()
                .flatten()
                .filter(|s| s.as_str().is_some_and(|s| sees(&ServiceId::new(s))))
                .take(crate::SERVICES_MAX)
                .cloned()
                .collect(),
            "service" | "origin" => match value.as_str() {
                Some(s) if sees(&ServiceId::new(s)) => value.clone(),
                _ => Value::Null,
            },
            "finding" => match value {
                Value::Null => Value::Null,
                found => {
                    let text = String::from_utf8(crate::canon::bytes(found)).unwrap_or_default();
                    serde_json::json!({ "kind": found["kind"], "text": veil(&text) })
                }
            },
            "text" | "note" => texts(value, veil),
            "from" | "to" if corrected => texts(value, veil),
            _ => value.clone(),
        };
        (key.clone(), value)
    });
    Value::Object(out.collect())
}

fn texts(value: &Value, veil: &mut Veil<'_>) -> Value {
    match serde_json::from_value::<Text>(value.clone()) {
        Ok(text) => serde_json::to_value(words(&text, veil)).unwrap_or_default(),
        Err(_) => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nothing_that_somebody_wrote_and_no_hidden_service_is_left() {
        let said = json!({
            "kind": "opened", "services": ["shop", "vault"], "service": "vault", "status": "major_outage",
            "finding": { "kind": "condition_failed", "actual": "name = \"Ada\"" }, "note": { "en": "Ada", "zh-CN": "阿达" },
        });
        let mut taken = Vec::new();
        let out = veiled(&said, &|s| s.as_str() == "shop", &mut |t| {
            taken.push(t.to_owned());
            TextHash::of(&[taken.len().try_into().unwrap(); 16], t)
        });
        assert_eq!(out["services"], json!(["shop"]));
        assert_eq!(out["service"], Value::Null);
        assert_eq!(out["status"], "major_outage");
        assert_eq!(out["finding"]["kind"], "condition_failed");
        assert!(!out.to_string().contains("Ada") && !out.to_string().contains("vault"), "{out}");
        assert_eq!(taken.len(), 3, "the finding and the note in both languages");
    }

    #[test]
    fn the_same_text_has_another_hash_under_another_salt() {
        assert_ne!(TextHash::of(&[1; 16], "a"), TextHash::of(&[2; 16], "a"));
        assert_eq!(TextHash::of(&[1; 16], "a"), Kept::new([1; 16], "a").hash);
    }
}
