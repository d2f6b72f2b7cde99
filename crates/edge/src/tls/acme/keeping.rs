//! When each certificate is due, and what happens then. Runs beside the workers.

use super::{
    AcmeSpec, ExternalAccount,
    client::Client,
    kept::{self, Kept},
    order,
};
use crate::tls::certificates::{Certificates, validity};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use instant_acme::{Account, CertificateIdentifier, Error, ExternalAccountKey, NewAccount};
use rustls::sign::CertifiedKey;
use std::{path::Path, sync::Arc, time::Duration};
use stillhere_model::Time;
use stillhere_net::{clock, entropy};
use tokio::time::{sleep, timeout};

/// The longest pause after failures.
const RETRY_MOST: Duration = Duration::from_secs(6 * 3600);
/// One attempt, whatever it waits for.
const ATTEMPT_WITHIN: Duration = Duration::from_secs(300);
/// Not seldomer than this is looked what is due: the clock may have been set.
const LOOK_MAX: Duration = Duration::from_secs(60);
/// How often the authority is asked when it wants a certificate renewed, when it does not say how often.
const ADVICE_EVERY: Duration = Duration::from_secs(6 * 3600);
/// What it says is believed within these.
const ADVICE_LEAST: Duration = Duration::from_secs(60);
const ADVICE_MOST: Duration = Duration::from_secs(24 * 3600);
/// With so little left it is an error that it is not renewed, and not a warning: a day, or a tenth of a short life.
const SOON: Duration = Duration::from_secs(24 * 3600);
/// The pause when the folder cannot be used.
const FOLDER_PAUSE: Duration = Duration::from_secs(60);
/// The greatest key file of an external account.
const KEY_MAX: usize = 4096;

/// Why an attempt failed.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("{0}")]
    Acme(#[from] Error),
    #[error("{0}")]
    Tls(#[from] stillhere_net::tls::Error),
    #[error("it cannot be kept: {0}")]
    Disk(#[from] std::io::Error),
    #[error("what the authority gave cannot be used: {0}")]
    Useless(String),
    #[error("the external account's key {0}")]
    Binding(String),
    #[error("it took longer than five minutes")]
    TooSlow,
}

struct Keeping {
    spec: Arc<AcmeSpec>,
    kept: Kept,
    certificates: Arc<Certificates>,
    account: Option<Account>,
    names: Vec<Name>,
}

struct Name {
    name: String,
    held: Option<Arc<CertifiedKey>>,
    /// When to get a (new) one.
    due: Time,
    failures: u32,
    /// When to ask the authority what it advises.
    advice_at: Time,
}

/// Keeps what is configured until it is dropped.
pub(crate) async fn keep(certificates: Arc<Certificates>, data: &Path) {
    let mut configured = certificates.acme();
    loop {
        let spec = configured.borrow_and_update().clone();
        let work = async {
            match spec {
                Some(spec) => Keeping::new(spec, certificates.clone(), data).await.run().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = work => {}
            changed = configured.changed() => if changed.is_err() { return },
        }
    }
}

// === impl Keeping ===

impl Keeping {
    async fn new(spec: Arc<AcmeSpec>, certificates: Arc<Certificates>, data: &Path) -> Keeping {
        let kept = loop {
            match Kept::open(data, &spec) {
                Ok(kept) => break kept,
                Err(e) => {
                    tracing::error!(error = %e, "certificates cannot be kept, so none are asked for");
                    spec.domains.iter().for_each(|n| certificates.not_obtained(n, &e.to_string()));
                    sleep(FOLDER_PAUSE).await;
                }
            }
        };
        let now = clock::wall();
        let mut names = Vec::new();
        for name in &spec.domains {
            let held = kept.certificate(name).map(Arc::new);
            let due = held.as_ref().map_or(now, |held| due(held, entropy::u64()));
            if let Some(held) = &held {
                certificates.obtained(name, held.clone());
            }
            names.push(Name { name: name.clone(), held, due, failures: 0, advice_at: now });
        }
        Keeping { spec, kept, certificates, account: None, names }
    }

    async fn run(&mut self) {
        loop {
            let now = clock::wall();
            for n in 0..self.names.len() {
                if self.names[n].due <= now {
                    self.attempt(n).await;
                } else if self.names[n].advice_at <= now && self.names[n].failures == 0 {
                    self.ask_advice(n).await;
                }
            }
            let now = clock::wall();
            let next = self.names.iter().map(|n| n.due.since(now)).min().unwrap_or(LOOK_MAX);
            sleep(next.clamp(Duration::from_millis(10), LOOK_MAX)).await;
        }
    }

    async fn attempt(&mut self, n: usize) {
        let tried = timeout(ATTEMPT_WITHIN, self.obtain(n)).await.unwrap_or(Err(Trouble::TooSlow));
        let now = clock::wall();
        let name = &mut self.names[n];
        match tried {
            Ok(held) => {
                let until = validity(&held).map(|(_, until)| until);
                tracing::info!(name = name.name, ?until, "a certificate was obtained");
                self.certificates.obtained(&name.name, held.clone());
                name.due = due(&held, entropy::u64());
                name.advice_at = now.plus(ADVICE_EVERY);
                name.held = Some(held);
                name.failures = 0;
            }
            Err(why) => {
                let why = why.to_string();
                name.due = now.plus(pause(self.spec.retry, name.failures, entropy::u64()));
                name.failures += 1;
                // What was wrong may be the account itself.
                self.account = None;
                self.certificates.not_obtained(&name.name, &why);
                say(name, &why, now);
            }
        }
    }

    async fn obtain(&mut self, n: usize) -> Result<Arc<CertifiedKey>, Trouble> {
        let account = self.account().await?;
        let name = &self.names[n];
        // First the way that is wanted, then the other one, and so on.
        let kind = match name.failures % 2 {
            0 => self.spec.challenge,
            _ => self.spec.challenge.other(),
        };
        // An authority without ARI refuses the word; one that has may not know the old one any more.
        let replaces = name.held.as_ref().filter(|_| name.failures == 0).and_then(|held| id(held));
        let challenges = self.certificates.challenges();
        let obtained = match order::obtain(&account, &name.name, kind, replaces, challenges).await {
            Err(Error::Unsupported(_)) => order::obtain(&account, &name.name, kind, None, challenges).await?,
            other => other?,
        };
        let text = format!("{}\n{}", obtained.key, obtained.chain);
        let held = kept::parse(text.as_bytes()).map_err(Trouble::Useless)?;
        // Shown only when it is on disk: an authority gives only so many of a name.
        self.kept.keep_certificate(&name.name, &obtained.key, &obtained.chain)?;
        Ok(Arc::new(held))
    }

    async fn account(&mut self) -> Result<Account, Trouble> {
        if let Some(account) = &self.account {
            return Ok(account.clone());
        }
        let client = || Client::new(self.spec.ca_file.as_deref()).map(Box::new);
        if let Some(kept) = self.kept.account() {
            let account = Account::builder_with_http(client()?).from_credentials(kept).await?;
            self.account = Some(account.clone());
            return Ok(account);
        }
        let contact: Vec<String> = self
            .spec
            .contact
            .iter()
            .map(|c| if c.starts_with("mailto:") { c.clone() } else { format!("mailto:{c}") })
            .collect();
        let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
        let new = NewAccount {
            contact: &contact,
            terms_of_service_agreed: self.spec.terms_agreed,
            only_return_existing: false,
        };
        let binding = self.spec.external_account.as_ref().map(binding).transpose()?;
        let (account, credentials) = Account::builder_with_http(client()?)
            .create(&new, self.spec.directory.clone(), binding.as_ref())
            .await?;
        self.kept.keep_account(&credentials)?;
        self.account = Some(account.clone());
        Ok(account)
    }

    /// When the authority wants it renewed, which may be at once when it must revoke it. Nothing is lost when it
    /// cannot be asked.
    async fn ask_advice(&mut self, n: usize) {
        self.names[n].advice_at = clock::wall().plus(ADVICE_EVERY);
        let Some(id) = self.names[n].held.as_ref().and_then(|held| id(held)) else { return };
        let asked = timeout(ATTEMPT_WITHIN, async {
            let account = self.account().await?;
            let (info, again) = account.renewal_info(&id).await?;
            Ok::<_, Trouble>((info.suggested_window, again))
        });
        let Ok(Ok((window, again))) = asked.await else { return };
        self.names[n].advice_at = clock::wall().plus(again.clamp(ADVICE_LEAST, ADVICE_MOST));
        let time = |t: i64| Time(t.saturating_mul(1000));
        let (from, to) = (time(window.start.unix_timestamp()), time(window.end.unix_timestamp()));
        self.names[n].due = within(from, to, entropy::u64());
    }
}

fn binding(account: &ExternalAccount) -> Result<ExternalAccountKey, Trouble> {
    let wrong = |why: String| Trouble::Binding(format!("in {} {why}", account.key_file.display()));
    let text =
        std::fs::read_to_string(&account.key_file).map_err(|e| wrong(format!("cannot be read: {e}")))?;
    let text = text.trim().trim_end_matches('=');
    if text.len() > KEY_MAX {
        return Err(wrong("is too long".to_owned()));
    }
    let key = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong("is not in base64url".to_owned()))?;
    Ok(ExternalAccountKey::new(account.id.clone(), &key))
}

fn id(held: &CertifiedKey) -> Option<CertificateIdentifier<'static>> {
    CertificateIdentifier::try_from(held.cert.first()?).ok().map(CertificateIdentifier::into_owned)
}

/// When two thirds of its life are over, or up to a thirtieth of it earlier, so that many do not come at once.
fn due(held: &CertifiedKey, dice: u64) -> Time {
    // What cannot be read is as if there were none.
    let Some((from, until)) = validity(held) else { return Time(0) };
    let life = until.since(from);
    from.plus(life * 2 / 3).minus(share(life / 30, dice))
}

/// A moment between the two.
fn within(from: Time, to: Time, dice: u64) -> Time {
    from.plus(share(to.since(from), dice))
}

/// `first`, and three times as long each time, within the cap; a fifth more or less.
fn pause(first: Duration, failures: u32, dice: u64) -> Duration {
    let most = first.saturating_mul(3u32.saturating_pow(failures)).min(RETRY_MOST.max(first));
    most * 4 / 5 + share(most * 2 / 5, dice)
}

fn share(of: Duration, dice: u64) -> Duration {
    let most = u64::try_from(of.as_millis()).unwrap_or(u64::MAX).max(1);
    Duration::from_millis(dice % most)
}

fn say(name: &Name, why: &str, now: Time) {
    let validity = name.held.as_ref().and_then(|held| validity(held));
    match validity {
        None => tracing::error!(name = name.name, problem = why, "there is no certificate for it yet"),
        Some((from, until)) => {
            let left = until.since(now);
            if left < SOON.min(until.since(from) / 10) {
                tracing::error!(
                    name = name.name,
                    problem = why,
                    left_s = left.as_secs(),
                    "its certificate ends soon and cannot be renewed"
                );
            } else {
                tracing::warn!(
                    name = name.name,
                    problem = why,
                    left_s = left.as_secs(),
                    "its certificate could not be renewed; the old one stays"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_due_at_two_thirds_of_its_life_and_not_all_at_once() {
        let made = rcgen::generate_simple_self_signed(vec!["a.test".to_owned()]).expect("a certificate");
        let text = format!("{}{}", made.signing_key.serialize_pem(), made.cert.pem());
        let held = kept::parse(text.as_bytes()).expect("a pair");
        let (from, until) = validity(&held).expect("from and until");
        let life = until.since(from);
        let (early, late) = (due(&held, 123_456_789_012_345), due(&held, 0));
        assert_eq!(late, from.plus(life * 2 / 3));
        assert!(early < late && late.since(early) <= life / 30, "{early:?} {late:?}");
    }

    #[test]
    fn pauses_after_failures_grow_up_to_a_cap() {
        let minute = Duration::from_secs(60);
        let at = |failures| pause(minute, failures, 0);
        assert_eq!((at(0), at(1), at(2)), (minute * 4 / 5, minute * 12 / 5, minute * 36 / 5));
        for failures in [6, 20, 1_000] {
            assert_eq!(pause(minute, failures, 0), RETRY_MOST * 4 / 5);
            assert!(pause(minute, failures, u64::MAX) <= RETRY_MOST * 6 / 5);
        }
    }

    #[test]
    fn an_authority_that_wants_it_renewed_at_once_names_a_time_in_the_past() {
        let now = clock::wall();
        let hour = Duration::from_secs(3600);
        assert!(within(now.minus(hour * 2), now.minus(hour), entropy::u64()) < now);
        let due = within(now.plus(hour), now.plus(hour * 2), entropy::u64());
        assert!(due >= now.plus(hour) && due < now.plus(hour * 2));
    }
}
