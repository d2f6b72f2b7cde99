//! The ID token: who came, said by the provider, for us, in answer to this browser (OpenID Connect Core, 3.1.3.7).

use super::{KeySet, Wrong, key::Algorithm};
use crate::secret::same;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::{Map, Value};
use stillhere_model::Time;

/// Longest token that is read. With a few hundred groups in it one has some 10 kB.
pub const TOKEN_MAX: usize = 64 * 1024;
/// The provider's clock and ours may differ by so much.
const SKEW_S: i64 = 60;
/// The longest subject that the specification allows.
const SUBJECT_MAX: usize = 255;

/// What a token must say.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    pub issuer: &'a str,
    pub client_id: &'a str,
    /// Of this browser's errand.
    pub nonce: &'a str,
    pub now: Time,
}

/// What a provider says of somebody.
#[derive(Debug, Clone, PartialEq)]
pub struct Claims {
    /// Who it is at this provider, for ever; names and addresses may change hands.
    pub subject: String,
    token: Map<String, Value>,
    /// What is asked for with the access token, where the ID token does not say it.
    userinfo: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<Value>,
}

// === impl Claims ===

impl Claims {
    /// # Errors
    /// The first thing that is not right. `UnknownKey`: fetch the keys again, they may have changed.
    pub fn read(token: &str, keys: &KeySet, expected: Expected<'_>) -> Result<Claims, Wrong> {
        if token.len() > TOKEN_MAX {
            return Err(Wrong::Unreadable);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(Wrong::Unreadable)?;
        let (header, payload) = signed.split_once('.').ok_or(Wrong::Unreadable)?;
        let bytes = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| Wrong::Unreadable);
        let header: Header = serde_json::from_slice(&bytes(header)?).map_err(|_| Wrong::Unreadable)?;
        let Some(algorithm) = Algorithm::of(&header.alg) else {
            return Err(Wrong::Algorithm(header.alg.chars().take(20).collect()));
        };
        // What we must understand and do not; a token of another kind by the same key.
        if header.crit.is_some() || header.typ.is_some_and(|t| !t.eq_ignore_ascii_case("jwt")) {
            return Err(Wrong::Unreadable);
        }
        keys.find(header.kid.as_deref(), algorithm)?.verify(
            algorithm,
            signed.as_bytes(),
            &bytes(signature)?,
        )?;
        let Ok(Value::Object(token)) = serde_json::from_slice(&bytes(payload)?) else {
            return Err(Wrong::Unreadable);
        };
        expected.hold(&token)?;
        let subject = text(&token, "sub").filter(|s| (1..=SUBJECT_MAX).contains(&s.len()));
        let subject = subject.ok_or(Wrong::Claim("sub"))?.to_owned();
        Ok(Claims { subject, token, userinfo: None })
    }

    /// Takes what the provider says elsewhere, if it is about the same somebody.
    ///
    /// # Errors
    /// `Unreadable`, `Claim`.
    pub fn and(self, userinfo: &[u8]) -> Result<Claims, Wrong> {
        let Ok(Value::Object(userinfo)) = serde_json::from_slice(userinfo) else {
            return Err(Wrong::Unreadable);
        };
        if text(&userinfo, "sub") != Some(&self.subject) {
            return Err(Wrong::Claim("sub"));
        }
        Ok(Claims { userinfo: Some(userinfo), ..self })
    }

    /// The place where `name` is said, so that what belongs together is taken from one place.
    pub(super) fn saying(&self, name: &str) -> Option<&Map<String, Value>> {
        [Some(&self.token), self.userinfo.as_ref()]
            .into_iter()
            .flatten()
            .find(|m| m.get(name).is_some_and(|v| !v.is_null()))
    }

    #[must_use]
    pub fn say(&self, name: &str) -> bool {
        self.saying(name).is_some()
    }
}

// === impl Expected ===

impl Expected<'_> {
    fn hold(&self, token: &Map<String, Value>) -> Result<(), Wrong> {
        let must = |good: bool, name| if good { Ok(()) } else { Err(Wrong::Claim(name)) };
        must(text(token, "iss") == Some(self.issuer), "iss")?;
        let (for_us, others) = match token.get("aud") {
            Some(Value::String(one)) => (one == self.client_id, false),
            Some(Value::Array(all)) => (all.iter().any(|a| a == self.client_id), all.len() > 1),
            _ => (false, false),
        };
        must(for_us, "aud")?;
        match token.get("azp") {
            // For several at once: then it says to whom it was given.
            None => must(!others, "azp")?,
            Some(azp) => must(azp == self.client_id, "azp")?,
        }
        let time = |name: &str| token.get(name).and_then(seconds);
        let now = self.now.0.div_euclid(1000);
        let (expires, issued) =
            (time("exp").ok_or(Wrong::Claim("exp"))?, time("iat").ok_or(Wrong::Claim("iat"))?);
        let begins = if token.contains_key("nbf") { time("nbf").ok_or(Wrong::Claim("nbf"))? } else { issued };
        if now >= expires.saturating_add(SKEW_S) || issued.max(begins) > now.saturating_add(SKEW_S) {
            return Err(Wrong::Time);
        }
        must(text(token, "nonce").is_some_and(|n| same(n, self.nonce)), "nonce")
    }
}

fn text<'m>(map: &'m Map<String, Value>, name: &str) -> Option<&'m str> {
    map.get(name).and_then(Value::as_str)
}

/// Whole seconds; a number may have a fraction.
fn seconds(v: &Value) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "a cast that saturates, of seconds")]
    v.as_i64().or_else(|| v.as_f64().map(|s| s as i64))
}

#[cfg(test)]
pub(super) mod tests;
