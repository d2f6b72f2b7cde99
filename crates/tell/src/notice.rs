//! The signed notice: the public statement of now for machines that must be able to trust a copy. Format and rules
//! for readers: `docs/notice.md`.
//!
//! It is bounded ([`NOTICE_MAX_BYTES`]) whatever the site holds: what does not fit is counted, not hidden.

use crate::{
    clean,
    headline::headline,
    page::{headline_words, links},
    snapshot::Snapshot,
    words::{Words, corrected},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    digest,
    signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey},
};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use stillhere_model::{Incident, Lang, Status, Text};

mod read;
pub use read::{
    Notice, NoticeContact, NoticeIncident, NoticeMaintenance, NoticeNamed, NoticeService, NoticeSite, read,
};

/// The whole signed notice.
pub const NOTICE_MAX_BYTES: usize = 8 * 1024;
/// The payload: base64 makes four bytes of three, and the envelope needs room.
const PAYLOAD_MAX_BYTES: usize = NOTICE_MAX_BYTES / 4 * 3 - 256;
/// What is signed is this line and then the payload, so that no other signature of the key can pass for one.
const CONTEXT: &[u8] = b"stillhere notice v1\n";
/// Services named by one incident.
const INCIDENT_SERVICES_MAX: usize = 8;
/// A point of P-256 in base64url.
const PUSH_KEY_CHARS: usize = 87;
/// Longest notice that [`verify`] reads at all.
const READ_MAX_BYTES: usize = 64 * 1024;

/// The site's signing key. Prints as `***`.
pub struct Key(Ed25519KeyPair);

/// Why a notice was not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoticeError {
    #[error("not a notice: {0}")]
    Malformed(String),
    #[error("the signature does not fit this key and these bytes")]
    WrongSignature,
}

/// How much of everything a notice tells; halved until it fits.
#[derive(Clone, Copy)]
struct Room {
    /// Names of services that work: the first to be left out.
    operational: usize,
    services: usize,
    incidents: usize,
    maintenances: usize,
    name_chars: usize,
    text_chars: usize,
}

/// Makes the signed notice as JSON.
#[must_use]
pub fn sign(snapshot: &Snapshot, key: &Key) -> String {
    let payload = payload(snapshot).to_string();
    let signature = key.0.sign(&[CONTEXT, payload.as_bytes()].concat());
    json!({
        "notice": URL_SAFE_NO_PAD.encode(&payload),
        "sig": URL_SAFE_NO_PAD.encode(signature),
        "key_id": key.id(),
    })
    .to_string()
}

/// Checks a signed notice and gives its payload. Freshness and order (`fresh_until`, `epoch`, `seq`) are the
/// reader's to check: they need a clock and a memory.
///
/// # Errors
/// When it is not a notice, or not signed by `public_key`.
pub fn verify(notice: &str, public_key: &[u8; 32]) -> Result<Value, NoticeError> {
    let malformed = |why: &str| NoticeError::Malformed(why.to_owned());
    if notice.len() > READ_MAX_BYTES {
        return Err(malformed("larger than 64 KiB"));
    }
    let envelope: Value = serde_json::from_str(notice).map_err(|e| malformed(&e.to_string()))?;
    let bytes = |field: &str| {
        let text = envelope[field].as_str().ok_or_else(|| malformed(&format!("no `{field}`")))?;
        URL_SAFE_NO_PAD.decode(text).map_err(|e| malformed(&format!("`{field}`: {e}")))
    };
    let (payload, signature) = (bytes("notice")?, bytes("sig")?);
    UnparsedPublicKey::new(&ED25519, public_key)
        .verify(&[CONTEXT, &payload].concat(), &signature)
        .map_err(|_| NoticeError::WrongSignature)?;
    let payload: Value = serde_json::from_slice(&payload).map_err(|e| malformed(&e.to_string()))?;
    if payload["v"] != 1 {
        return Err(malformed("not version 1"));
    }
    Ok(payload)
}

fn payload(s: &Snapshot) -> Value {
    let mut room = Room {
        operational: 40,
        services: 40,
        incidents: 6,
        maintenances: 4,
        name_chars: 80,
        text_chars: 280,
    };
    loop {
        let made = fill(s, room);
        let smallest = room.services == 0 && room.incidents == 0 && room.text_chars <= 8;
        if made.to_string().len() <= PAYLOAD_MAX_BYTES || smallest {
            return made;
        }
        if room.operational > 0 {
            room.operational /= 2;
            continue;
        }
        room = Room {
            operational: 0,
            services: room.services * 2 / 3,
            incidents: if room.text_chars <= 120 { room.incidents / 2 } else { room.incidents },
            maintenances: room.maintenances / 2,
            name_chars: (room.name_chars * 3 / 4).max(16),
            text_chars: (room.text_chars * 3 / 4).max(8),
        };
    }
}

fn fill(s: &Snapshot, room: Room) -> Value {
    let troubled = || s.services.iter().filter(|v| v.verdict.status != Status::Operational);
    let name = |t: &Text| each(s, |l| clean::line(t.get(l), room.name_chars));
    let services: Vec<Value> = by_gravity(s)
        .into_iter()
        .take(room.services)
        .map(|v| json!({ "id": v.id, "name": name(&v.name), "status": v.verdict.status, "since": v.verdict.since }))
        .collect();
    let operational: Vec<Value> = s
        .services
        .iter()
        .filter(|v| v.verdict.status == Status::Operational)
        .take(room.operational)
        .map(|v| json!({ "id": v.id, "name": name(&v.name) }))
        .collect();
    let incidents: Vec<Value> =
        s.incidents.iter().take(room.incidents).map(|i| incident(s, i, room)).collect();
    let active = || s.maintenances.iter().filter(|m| m.status.is_active());
    let maintenances: Vec<Value> = active()
        .take(room.maintenances)
        .map(|m| json!({ "id": m.id, "title": name(&m.title), "starts_at": m.starts_at, "ends_at": m.ends_at }))
        .collect();
    let promises = s.incidents.iter().filter_map(|i| i.open_promise()).map(|p| p.due);
    let contact = &s.site.contact;
    let line = |t: &Option<String>| t.as_deref().map(|t| clean::line(t, 120));
    json!({
        "v": 1,
        "epoch": s.epoch,
        "seq": s.seq,
        "made_at": s.made_at,
        "fresh_until": s.fresh_until,
        "last_look": s.last_look,
        "site": {
            "name": name(&s.site.name),
            "url": clean::line(&links::base(s), 300),
            "time_zone": clean::line(&s.site.time_zone, 60),
            "languages": s.site.languages,
        },
        "indicator": headline(s).indicator(),
        "state": headline(s),
        "headline": each(s, |l| headline_words(s, l).0),
        "services_total": s.services.len(),
        "services": services,
        "operational": operational,
        "services_left_out": troubled().count().saturating_sub(room.services),
        "incidents": incidents,
        "incidents_left_out": s.incidents.len().saturating_sub(room.incidents),
        "maintenances": maintenances,
        "maintenances_left_out": active().count().saturating_sub(room.maintenances),
        "next_update_by": promises.min(),
        "contact": {
            "phone": line(&contact.phone),
            "chat_url": contact.chat_url.as_deref().and_then(clean::https).filter(|u| u.len() <= 300),
            "email": line(&contact.email),
            "hours": contact.hours.as_ref().map(name),
        },
        "push": s.site.subscribe.push_key.as_deref().map(|key| json!({
            "key": clean::line(key, PUSH_KEY_CHARS),
            "url": clean::line(&links::once(s), 330),
        })),
    })
}

fn by_gravity(s: &Snapshot) -> Vec<&crate::ServiceView> {
    let mut troubled: Vec<&crate::ServiceView> =
        s.services.iter().map(AsRef::as_ref).filter(|v| v.verdict.status != Status::Operational).collect();
    troubled.sort_by_key(|v| std::cmp::Reverse(v.verdict.status.gravity()));
    troubled
}

fn incident(s: &Snapshot, i: &Incident, room: Room) -> Value {
    let said = |w: &Words| {
        let last = i.updates.last().map(|u| match corrected(i, &u.id) {
            Some(now) => now.get(w.lang).to_owned(),
            None => w.said(&u.said, s, room.text_chars),
        });
        clean::line(&last.unwrap_or_default(), room.text_chars)
    };
    json!({
        "id": i.id,
        "title": each(s, |l| clean::line(&Words::new(l, &s.site.time_zone).title(i, s), room.name_chars)),
        "services": i.affected.iter().map(|a| &a.service).filter(|id| s.service(id).is_some())
            .take(INCIDENT_SERVICES_MAX).collect::<Vec<_>>(),
        "status": i.status,
        "impact": i.impact,
        "started_at": i.started_at,
        "said_at": i.updates.last().map(|u| u.at),
        "said": each(s, |l| said(&Words::new(l, &s.site.time_zone))),
        "over_by": i.eta().and_then(|e| e.by),
        "over_by_said": i.eta().map_or("", |e| if e.is_computed() { "computed" } else { "team" }),
        "over_by_passed": i.eta().is_some_and(|e| e.passed_at.is_some()),
        "next_update_by": i.open_promise().map(|p| p.due),
        "promise_missed": i.promises.last().is_some_and(|p| p.missed_at.is_some()),
        "url": clean::line(&links::incident_url(s, &i.id), 400),
    })
}

/// One text per language of the site.
fn each(s: &Snapshot, text: impl Fn(Lang) -> String) -> Value {
    let all: Map<String, Value> =
        s.site.languages.iter().map(|l| (l.tag().to_owned(), text(*l).into())).collect();
    all.into()
}

// === impl Key ===

impl Key {
    /// From 32 secret random bytes, which are what is to be kept.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Key {
        Key(Ed25519KeyPair::from_seed_unchecked(seed).expect("any 32 bytes are an Ed25519 seed"))
    }

    #[must_use]
    pub fn public_key(&self) -> [u8; 32] {
        self.0.public_key().as_ref().try_into().expect("an Ed25519 public key has 32 bytes")
    }

    /// The first 16 hex digits of the SHA-256 of the public key: says which key to look for, proves nothing.
    #[must_use]
    pub fn id(&self) -> String {
        let hash = digest::digest(&digest::SHA256, &self.public_key());
        hash.as_ref()[..8].iter().fold(String::new(), |mut id, byte| {
            let _ = write!(id, "{byte:02x}");
            id
        })
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(***)")
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod read_tests;
