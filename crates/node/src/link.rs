//! Links in mails and alerts to staff: signed with a key of their own, bound to an incident and an address, for a while.
//!
//! **Threats, and what stands against each.** A guess: 256 bits of HMAC-SHA-256 over the id, compared in constant time,
//! before anything is looked up. A copy of the database or of a backup: the key is a file beside it, and mails wait in the
//! outbox with the id alone ([`Signer::sign`] puts the address in when it is handed over). A mail scanner that follows links: opening one changes
//! nothing, only a form that is sent does. A mail that is forwarded, or lies in an inbox for months: it expires, publishes
//! once, is good for one incident, says in whose name it acts, ends when the address leaves the configuration, and can be revoked. A
//! log or a referrer: the path is logged as `/act/***`, and the page sends no referrer. The clear: links are only
//! made where the page is reached over https, or never leaves this machine.

use crate::{alerts, flow::Flow};
use ring::hmac;
use stillhere_model::{By, Command, IncidentId, Link, LinkId, LinkRefusal, Moment, Time};

/// Before the address in the name of who acts through a link.
const NAME: &str = "mail ";
const ID_BYTES: usize = 16;
const MAC_BYTES: usize = 32;
/// Length of a token: id and code in unpadded base64url.
const TOKEN_CHARS: usize = (ID_BYTES + MAC_BYTES) / 3 * 4;

/// Makes and checks what opens a link.
#[derive(Clone)]
pub(crate) struct Signer(hmac::Key);

/// What somebody wants to do with a link.
#[derive(Debug, Clone, PartialEq)]
pub enum LinkAct {
    Acknowledge,
    /// Once for each link.
    Publish(stillhere_model::Command),
}

/// A link that may be opened.
#[derive(Debug, Clone)]
pub struct Opened {
    pub link: Link,
    pub incident: stillhere_model::Incident,
    /// What staff may see.
    pub snapshot: std::sync::Arc<stillhere_tell::Snapshot>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActError {
    #[error(transparent)]
    Link(#[from] LinkRefusal),
    #[error(transparent)]
    Refused(#[from] stillhere_model::Refusal),
    #[error("{0}")]
    Unavailable(String),
}

/// Who acts through a link, in the journal and to staff. The space tells an address from a person who logs in; a browser is a person's,
/// who did.
pub(crate) fn name_of(link: &Link) -> String {
    if alerts::browser_of(link).is_some() {
        return link.sent_to.clone();
    }
    format!("{NAME}{}", link.sent_to)
}

/// The address in such a name.
pub(crate) fn address_in(name: &str) -> Option<&str> {
    name.strip_prefix(NAME)
}

// === impl Signer ===

impl Signer {
    pub(crate) fn new(key: &[u8; 32]) -> Signer {
        Signer(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    fn token(&self, id: LinkId) -> String {
        let mut bytes = id.0.as_bytes().to_vec();
        bytes.extend_from_slice(hmac::sign(&self.0, id.0.as_bytes()).as_ref());
        base64_url(&bytes)
    }

    /// The id in a token that we made.
    pub(crate) fn open(&self, token: &str) -> Option<LinkId> {
        if token.len() != TOKEN_CHARS {
            return None;
        }
        let bytes = from_base64_url(token)?;
        let (id, mac) = bytes.split_at_checked(ID_BYTES)?;
        // In constant time.
        hmac::verify(&self.0, id, mac).ok()?;
        Some(LinkId(uuid::Uuid::from_slice(id).ok()?))
    }

    /// Puts what opens `id` where the text has its id: 122 random bits, which stand nowhere else in it.
    pub(crate) fn sign(&self, text: &str, id: LinkId) -> String {
        text.replace(&id.to_string(), &self.token(id))
    }
}

/// Whether a token in the address would be safe from those on the way.
pub(crate) fn is_safe(site_url: &str) -> bool {
    let Ok(url) = url::Url::parse(site_url) else { return false };
    let local = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || local
}

pub(crate) fn new(
    id: LinkId,
    incident: IncidentId,
    channel: &str,
    sent_to: &str,
    now: Time,
    good_for: std::time::Duration,
) -> Link {
    Link {
        id,
        incident,
        channel: channel.to_owned(),
        sent_to: sent_to.to_owned(),
        made_at: now,
        expires_at: now.plus(good_for),
        used_at: None,
        revoked_at: None,
    }
}

fn base64_url(bytes: &[u8]) -> String {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.encode(bytes)
}

fn from_base64_url(text: &str) -> Option<Vec<u8>> {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.decode(text).ok()
}

// === impl Flow ===

impl Flow {
    /// What the link opens now, if anything.
    pub(crate) async fn open_link(&mut self, id: LinkId, now: Time) -> Result<Opened, ActError> {
        let unavailable = |e: stillhere_store::StoreError| ActError::Unavailable(e.to_string());
        let link = self.store.link(id).await.map_err(unavailable)?.ok_or(LinkRefusal::Unknown)?;
        link.check(now)?;
        // It ends with the address's place among the channels: whoever left the team is not asked any more.
        let is_staff = match alerts::browser_of(&link) {
            Some(browser) => {
                let found = self.store.staff_browser(browser).await.map_err(unavailable)?;
                found.is_some_and(|(person, _)| person.name == link.sent_to && alerts::may_act(&person))
            }
            None => self.channels.writes_to_staff(&link.channel, &link.sent_to),
        };
        if !is_staff {
            return Err(LinkRefusal::NotStaff.into());
        }
        let incident = match self.respond.incident(link.incident) {
            Some(held) => held.clone(),
            None => {
                let old = self.store.incident(link.incident).await.map_err(unavailable)?;
                old.ok_or(LinkRefusal::Unknown)?
            }
        };
        Ok(Opened { link, incident, snapshot: std::sync::Arc::new(self.public.staff_snapshot(now)) })
    }

    /// Does what was asked through a link, in the name of the address it was sent to. That it was used is part of the same commit.
    pub(crate) async fn act(
        &mut self,
        id: LinkId,
        what: LinkAct,
        from: Option<String>,
        now: Moment,
    ) -> Result<(), ActError> {
        let Opened { link, .. } = self.open_link(id, now.wall).await?;
        let publishes = matches!(what, LinkAct::Publish(_));
        // Also one that was used in this very round, and is not on disk yet.
        let used = link.used_at.is_some() || self.pending.write.links_used.iter().any(|(l, _)| *l == id);
        if publishes && used {
            return Err(LinkRefusal::Used.into());
        }
        let command = match what {
            LinkAct::Acknowledge => Command::AcknowledgeIncident { incident: link.incident },
            LinkAct::Publish(command) => command,
        };
        self.commanded(By { name: name_of(&link), from }, command, now)?;
        if publishes {
            self.pending.write.links_used.push((id, now.wall));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u64) -> LinkId {
        LinkId(stillhere_model::Mint::new(n).uuid(Time(1_800_000_000_000)))
    }

    #[test]
    fn a_token_opens_its_own_link_and_no_letter_of_it_can_be_changed() {
        let signer = Signer::new(&[7; 32]);
        let token = signer.token(id(1));
        assert_eq!(token.len(), TOKEN_CHARS);
        assert_eq!(signer.open(&token), Some(id(1)));
        for at in 0..token.len() {
            let mut other = token.clone().into_bytes();
            other[at] = if other[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(signer.open(std::str::from_utf8(&other).unwrap()), None, "letter {at}");
        }
        assert_eq!(signer.open(&token[1..]), None);
        assert_eq!(signer.open(&id(1).to_string()), None, "the id alone opens nothing");
        assert_eq!(Signer::new(&[8; 32]).open(&token), None, "nor does another key");
        assert_eq!(signer.open(&"字".repeat(TOKEN_CHARS / 3 + 1)), None);
    }

    #[test]
    fn only_the_id_of_the_link_itself_becomes_an_address() {
        let signer = Signer::new(&[7; 32]);
        let text = format!("https://x/act/{} and https://x/act/{}", id(1), id(2));
        let signed = signer.sign(&text, id(1));
        assert!(signed.contains(&id(2).to_string()) && !signed.contains(&id(1).to_string()));
        assert!(signed.contains(&format!("/act/{}", signer.token(id(1)))));
    }

    #[test]
    fn links_are_made_only_where_nobody_on_the_way_can_read_them() {
        for (url, safe) in [
            ("https://status.example.com", true),
            ("http://127.0.0.1:8080", true),
            ("http://[::1]:8080/", true),
            ("http://localhost:8080", true),
            ("http://status.example.com", false),
            ("http://10.0.0.1", false),
            ("status.example.com", false),
        ] {
            assert_eq!(is_safe(url), safe, "{url}");
        }
    }
}
