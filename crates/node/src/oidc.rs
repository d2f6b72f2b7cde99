//! The provider through which people log in: asked where to send them, for its keys, and for what a code is worth.
//!
//! What comes back is judged in `access::oidc`; who that is here, and their session, is the store's.
//!
//! Threats: an address that leads inside (the issuer is the operator's own choice; what its document names must be as public as the
//! document itself was, over TLS, and redirects are not followed), answers without end (size and time are bounded), being made to ask the
//! provider again and again (one asks for all, a failure is remembered for [`AWAY_FOR`], unknown keys make us ask once in [`KEYS_AGAIN`], and
//! codes are exchanged for so many people at a time).

mod ask;

use ask::Http;
use std::{sync::Arc, time::Duration};
use stillhere_access::oidc::{
    Claims, Errand, Expected, KeySet, Provider, Rules, Who, Wrong,
    errand::named,
    who::{Group, NoName},
};
use stillhere_config::Config;
use stillhere_model::{Text, time::millis};
use stillhere_net::{Secret, SecretSource, clock::Clock, guard::Policy};
use tokio::sync::{Mutex, Semaphore, watch};

/// The page of the console that people come back to.
pub const BACK: &str = "/console/oidc";
/// Where they come back to when they have logged out there.
pub const HOME: &str = "/console/";
/// What the provider says about itself, and its keys, are asked for anew after this.
const FRESH_FOR: Duration = Duration::from_secs(3_600);
/// While it does not answer, what it said before is good for so long.
const GOOD_FOR: Duration = Duration::from_secs(86_400);
/// A provider that did not answer is not asked again before.
const AWAY_FOR: Duration = Duration::from_secs(3);
/// A token names a key that is not known: the keys are fetched again, at most so often.
const KEYS_AGAIN: Duration = Duration::from_secs(60);
/// Codes that are exchanged at a time.
const AT_ONCE: usize = 16;

/// The provider, as configured now. Cheap to clone.
#[derive(Clone)]
pub struct Oidc(Arc<Inner>);

struct Inner {
    clock: Clock,
    settings: watch::Sender<Option<Arc<Settings>>>,
    room: Semaphore,
}

pub(crate) struct Settings {
    spec: stillhere_config::Oidc,
    rules: Rules,
    secret: Option<Secret>,
    /// The address of the site.
    site: String,
    http: Http,
    known: Mutex<Known>,
}

/// What the provider has said.
#[derive(Default)]
struct Known {
    provider: Option<Said<(Arc<Provider>, Policy)>>,
    keys: Option<Said<Arc<KeySet>>>,
    failed: Option<(i64, String)>,
}

#[derive(Clone)]
struct Said<T> {
    what: T,
    at_ms: i64,
}

/// Where to send somebody, and what their browser takes along.
#[derive(Debug)]
pub struct Begun {
    pub url: String,
    pub errand: Errand,
}

/// What the provider has said about somebody.
#[derive(Debug)]
pub struct Named {
    pub issuer: String,
    pub subject: String,
    pub who: Result<Who, NoName>,
    /// Its very words, to be shown to it when they log out.
    pub id_token: String,
}

/// Why nobody comes in. The log gets the whole of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    #[error("no provider is configured")]
    None,
    #[error("people come back to {0}, which is another address")]
    OtherAddress(String),
    #[error("the provider cannot be asked: {0}")]
    Away(String),
    #[error("the provider does not take the code: {0}")]
    NotTaken(String),
    #[error("what the provider says is not taken: {0}")]
    Wrong(#[from] Wrong),
    #[error("too many people come in at this moment")]
    Busy,
}

// === impl Oidc ===

impl Oidc {
    pub(crate) fn new(clock: Clock, settings: Option<Arc<Settings>>) -> Oidc {
        Oidc(Arc::new(Inner { clock, settings: watch::channel(settings).0, room: Semaphore::new(AT_ONCE) }))
    }

    pub(crate) fn replace(&self, settings: Option<Arc<Settings>>) {
        self.0.settings.send_replace(settings);
    }

    /// Whether people can come in so, and what the button says if the operator has said it.
    #[must_use]
    pub fn offered(&self) -> Option<Option<Text>> {
        self.0.settings.borrow().as_ref().map(|s| s.spec.label.clone())
    }

    fn settings(&self) -> Result<Arc<Settings>, ProviderError> {
        self.0.settings.borrow().clone().ok_or(ProviderError::None)
    }

    fn now_ms(&self) -> i64 {
        self.0.clock.now().mono_ms
    }

    /// `host`: under which the browser asks. It must be the one that people come back to, or its cookie would not.
    ///
    /// # Errors
    /// `None`, `OtherAddress`, `Away`, `Wrong`.
    pub async fn begin(&self, host: &str, random: [u8; 96], to: String) -> Result<Begun, ProviderError> {
        let settings = self.settings()?;
        if !settings.site_is(host) {
            return Err(ProviderError::OtherAddress(settings.site.clone()));
        }
        let (provider, _) = settings.provider(self.now_ms()).await?;
        let errand = Errand::begin(random, to, self.0.clock.now().wall);
        let url =
            provider.ask(&settings.spec.client_id, &settings.redirect_uri(), &settings.spec.scopes, &errand);
        Ok(Begun { url, errand })
    }

    /// Who brought `code` back from this errand.
    ///
    /// # Errors
    /// All but `OtherAddress`.
    pub async fn named(
        &self,
        errand: &Errand,
        code: &str,
        iss: Option<&str>,
    ) -> Result<Named, ProviderError> {
        let settings = self.settings()?;
        let _room = self.0.room.try_acquire().map_err(|_| ProviderError::Busy)?;
        let (provider, policy) = settings.provider(self.now_ms()).await?;
        if !named(&settings.spec.issuer, provider.names_itself, iss) {
            return Err(Wrong::Claim("iss").into());
        }
        let tokens = settings
            .http
            .exchange(&provider, policy, &settings.client(), &settings.redirect_uri(), code, &errand.verifier)
            .await?;
        let expected = Expected {
            issuer: &settings.spec.issuer,
            client_id: &settings.spec.client_id,
            nonce: &errand.nonce,
            now: self.0.clock.now().wall,
        };
        let keys = settings.keys(&provider, policy, false, self.now_ms()).await?;
        let claims = match Claims::read(&tokens.id_token, &keys, expected) {
            Err(Wrong::UnknownKey) => {
                let keys = settings.keys(&provider, policy, true, self.now_ms()).await?;
                Claims::read(&tokens.id_token, &keys, expected)?
            }
            read => read?,
        };
        let claims = match (&provider.userinfo, &tokens.access_token) {
            (Some(url), Some(token)) if settings.rules.misses(&claims) => {
                // Who is bound needs nothing of it, so it is no reason to keep anybody out.
                match settings.http.userinfo(url, policy, token).await {
                    Ok(said) => claims.and(&said)?,
                    Err(e) => {
                        tracing::warn!(error = %e, "the provider does not say more about somebody");
                        claims
                    }
                }
            }
            _ => claims,
        };
        let who = settings.rules.who(&claims);
        let issuer = settings.spec.issuer.clone();
        Ok(Named { issuer, subject: claims.subject, who, id_token: tokens.id_token })
    }

    /// Where somebody goes to log out at the provider, too. `None`: that is not wanted, or cannot be: they are out here in any case.
    pub async fn leave(&self, id_token: Option<&str>) -> Option<String> {
        let settings = self.settings().ok().filter(|s| s.spec.log_out_there)?;
        let provider = match settings.provider(self.now_ms()).await {
            Ok((provider, _)) => provider,
            Err(e) => {
                tracing::warn!(error = %e, "somebody who logs out here stays logged in at the provider");
                return None;
            }
        };
        let url = provider.leave(&settings.spec.client_id, &settings.home(), id_token);
        if url.is_none() {
            tracing::warn!(
                "the provider's document names no end_session_endpoint: nobody is logged out there"
            );
        }
        url
    }
}

// === impl Settings ===

impl Settings {
    /// `None`: there is no provider. `site`: the address of the site.
    ///
    /// # Errors
    /// A secret that cannot be read.
    pub(crate) fn build(config: &Config, site: &str) -> Result<Option<Arc<Settings>>, String> {
        let Some(spec) = config.oidc.clone() else { return Ok(None) };
        let secret = spec.client_secret.as_ref().map(SecretSource::read).transpose();
        let secret = secret.map_err(|e| format!("oidc: `client_secret`: {e}"))?;
        let group = |g: &stillhere_config::OidcGroup| Group {
            name: g.name.clone(),
            role: g.role,
            teams: g.teams.clone(),
        };
        let rules = Rules {
            claim: spec.name_claim.clone(),
            groups_claim: spec.groups_claim.clone(),
            groups: spec.group.iter().map(group).collect(),
        };
        let http = Http::new(spec.ca_file.as_deref()).map_err(|e| format!("oidc: `ca_file`: {e}"))?;
        let site = site.trim_end_matches('/').to_owned();
        Ok(Some(Arc::new(Settings { spec, rules, secret, site, http, known: Mutex::default() })))
    }

    fn redirect_uri(&self) -> String {
        format!("{}{BACK}", self.site)
    }

    /// Where people come back to who have logged out.
    fn home(&self) -> String {
        format!("{}{HOME}", self.site)
    }

    fn site_is(&self, host: &str) -> bool {
        let authority = self.site.split_once("://").map_or("", |(_, rest)| rest);
        let plain = |host: &str| {
            let usual = if self.site.starts_with("https") { ":443" } else { ":80" };
            host.strip_suffix(usual).unwrap_or(host).to_ascii_lowercase()
        };
        plain(authority) == plain(host)
    }

    fn client(&self) -> ask::Client<'_> {
        ask::Client { id: &self.spec.client_id, secret: self.secret.as_ref().map(Secret::expose_secret) }
    }

    async fn provider(&self, now_ms: i64) -> Result<(Arc<Provider>, Policy), ProviderError> {
        let mut known = self.known.lock().await;
        if let Some(said) = known.provider.as_ref().filter(|p| p.is(FRESH_FOR, now_ms)) {
            return Ok(said.what.clone());
        }
        let fetched = match known.away(now_ms) {
            Some(why) => Err(ProviderError::Away(why)),
            None => self.fetch_provider().await,
        };
        known.take(fetched, |k| &mut k.provider, now_ms)
    }

    async fn fetch_provider(&self) -> Result<(Arc<Provider>, Policy), ProviderError> {
        // What the operator has written down.
        let (document, policy) =
            self.http.get(&Provider::document(&self.spec.issuer), Policy::Operator).await?;
        Ok((Arc::new(Provider::read(&self.spec.issuer, &document)?), policy))
    }

    /// `again`: those that are known did not do.
    async fn keys(
        &self,
        provider: &Provider,
        policy: Policy,
        again: bool,
        now_ms: i64,
    ) -> Result<Arc<KeySet>, ProviderError> {
        let mut known = self.known.lock().await;
        let good_for = if again { KEYS_AGAIN } else { FRESH_FOR };
        if let Some(said) = known.keys.as_ref().filter(|k| k.is(good_for, now_ms)) {
            return Ok(said.what.clone());
        }
        let fetched = match known.away(now_ms) {
            Some(why) => Err(ProviderError::Away(why)),
            None => match self.http.get(&provider.keys, policy).await {
                Ok((document, _)) => KeySet::read(&document).map(Arc::new).map_err(ProviderError::from),
                Err(e) => Err(e),
            },
        };
        known.take(fetched, |k| &mut k.keys, now_ms)
    }
}

// === impl Known ===

impl Known {
    fn away(&self, now_ms: i64) -> Option<String> {
        let (at_ms, why) = self.failed.as_ref()?;
        (now_ms - at_ms < millis(AWAY_FOR)).then(|| why.clone())
    }

    /// Keeps what was fetched. If nothing was, what was said before is still good for a while.
    fn take<T: Clone>(
        &mut self,
        fetched: Result<T, ProviderError>,
        place: impl FnOnce(&mut Known) -> &mut Option<Said<T>>,
        now_ms: i64,
    ) -> Result<T, ProviderError> {
        match fetched {
            Ok(what) => {
                self.failed = None;
                *place(self) = Some(Said { what: what.clone(), at_ms: now_ms });
                Ok(what)
            }
            Err(e) => {
                if self.away(now_ms).is_none() {
                    self.failed = Some((now_ms, e.to_string()));
                }
                match place(self).as_ref().filter(|s| s.is(GOOD_FOR, now_ms)) {
                    Some(said) => {
                        tracing::warn!(error = %e, "the provider is not heard; what it said before is used");
                        Ok(said.what.clone())
                    }
                    None => Err(e),
                }
            }
        }
    }
}

// === impl Said ===

impl<T> Said<T> {
    fn is(&self, younger_than: Duration, now_ms: i64) -> bool {
        now_ms - self.at_ms < millis(younger_than)
    }
}

#[cfg(test)]
mod tests;
