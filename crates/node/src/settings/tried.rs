//! A check or a channel, tried as somebody wrote it, before it is kept.
//!
//! Threat: who may try may have this machine look at any address that it reaches, inside networks too, as a check of the file can.
//! Therefore admins alone may, a few at a time, and the journal says who tried what. Cloud metadata addresses are refused as ever.

use super::SettingError;
use crate::{channels::kind_of, handle::Handle};
use serde_json::{Map, Value, json};
use stillhere_config::{
    Channel, Config,
    console::{Base, Item, Kind, compose, keep_secrets},
};
use stillhere_model::{Audience, DeliveryId, LinkId, Mint, Occasion, OutboxMessage, message::Receipt};
use stillhere_net::{clock::Clock, entropy};
use stillhere_observe::{
    Probe,
    probe::{LookReport, Met, Shared, Spec},
};
use stillhere_send::ChannelSpec;
use tokio::sync::OwnedSemaphorePermit;

/// What is tried without an id is called so.
const NAMELESS: &str = "tried";

/// A check that is ready to look once. Whoever has it writes down that it will before it does: a caller who hangs up in the
/// middle has looked all the same.
pub struct TriedCheck {
    /// Who will be asked. No secret is in it.
    pub target: String,
    probe: Probe,
    _turn: OwnedSemaphorePermit,
}

/// A channel that is ready to send one message, like [`TriedCheck`].
pub struct TriedChannel {
    pub target: String,
    channel: stillhere_send::Channel,
    message: OutboxMessage,
    _turn: OwnedSemaphorePermit,
}

// === impl TriedCheck ===

impl TriedCheck {
    pub async fn look(self) -> (LookReport, Vec<Met>) {
        self.probe.look_closely().await
    }
}

// === impl TriedChannel ===

impl TriedChannel {
    pub async fn send(self) -> Receipt {
        self.channel.deliver(&self.message, self.message.created_at).await
    }
}

// === impl Handle ===

impl Handle {
    /// `check` as it would stand in `service`, to look once: a secret that is set there already may stay.
    ///
    /// # Errors
    /// What is wrong with it: places are those of the service's table, in which it is the first check.
    pub fn try_check(
        &self,
        service: Option<&str>,
        check: Map<String, Value>,
    ) -> Result<TriedCheck, SettingError> {
        let turn = self.a_try()?;
        let settings = self.settings();
        let id = service.unwrap_or(NAMELESS);
        let before = settings.kept(Kind::Service, id).and_then(|k| k.item.as_ref());
        let mut table = Map::new();
        table.insert("check".to_owned(), Value::Array(vec![Value::Object(check)]));
        keep_secrets(Kind::Service, id, &mut table, before).map_err(SettingError::Refused)?;
        let config = alone(&settings.config, Kind::Service, id, table)?;
        let Some(check) = config.checks.into_iter().next() else {
            return Err(SettingError::NotBuilt("there is no check".to_owned()));
        };
        if matches!(check.spec.spec, Spec::Push(_)) {
            return Err(SettingError::NothingToTry);
        }
        let probe = Probe::new(&check.spec, &Shared::new(self.clock))
            .map_err(|p| SettingError::NotBuilt(format!("`{}`: {}", p.path, p.problem)))?;
        Ok(TriedCheck { target: check.spec.spec.target(), probe, _turn: turn })
    }

    /// A channel, to send one message that says that it is a test.
    ///
    /// # Errors
    /// What is wrong with the channel.
    pub fn try_channel(
        &self,
        name: Option<&str>,
        mut table: Map<String, Value>,
    ) -> Result<TriedChannel, SettingError> {
        let turn = self.a_try()?;
        let settings = self.settings();
        let id = name.unwrap_or(NAMELESS);
        let before = settings.kept(Kind::Channel, id).and_then(|k| k.item.as_ref());
        keep_secrets(Kind::Channel, id, &mut table, before).map_err(SettingError::Refused)?;
        // Which services it is about does not matter to a test.
        table.remove("services");
        let config = alone(&settings.config, Kind::Channel, id, table)?;
        let Some(channel) = config.channels.into_iter().next() else {
            return Err(SettingError::NotBuilt("there is no channel".to_owned()));
        };
        let built = stillhere_send::Channel::new(&channel.name, &channel.spec)
            .map_err(|p| SettingError::NotBuilt(format!("`{}`: {}", p.path, p.problem)))?;
        let message = self.test_message(&channel, &self.clock);
        Ok(TriedChannel { target: target(&channel.spec), channel: built, message, _turn: turn })
    }

    fn test_message(&self, channel: &Channel, clock: &Clock) -> OutboxMessage {
        let now = clock.now().wall;
        let occasion = Occasion::Test { at: now };
        let kind = kind_of(&channel.spec);
        let audience = channel.audience.first().copied().unwrap_or(Audience::Staff);
        let none: Option<LinkId> = None;
        let payload = stillhere_tell::message::render(
            kind,
            &occasion,
            &self.snapshot(),
            channel.language,
            audience,
            none,
        );
        OutboxMessage {
            id: DeliveryId(Mint::new(entropy::u64()).uuid(now)),
            channel: channel.name.clone(),
            audience,
            occasion,
            created_at: now,
            not_before: now,
            payload,
            personal: None,
        }
    }

    fn a_try(&self) -> Result<OwnedSemaphorePermit, SettingError> {
        self.tries.clone().try_acquire_owned().map_err(|_| {
            SettingError::Unavailable("others are being tried just now; try again in a moment".to_owned())
        })
    }
}

/// A configuration of one thing, with what the real one says for all.
fn alone(config: &Config, kind: Kind, id: &str, table: Map<String, Value>) -> Result<Config, SettingError> {
    let item = Item::new(kind, id, table).map_err(SettingError::Refused)?;
    let for_all = json!({ "defaults": config.defaults, "site": { "languages": config.site.languages } });
    let text = stillhere_config::console::text_of(&for_all);
    let base = Base { name: "defaults".to_owned(), text };
    compose(&base, &[item]).map(|c| c.config).map_err(SettingError::Refused)
}

/// Who gets it. Of an address only the host: the rest may be what lets one in.
fn target(spec: &ChannelSpec) -> String {
    match spec {
        ChannelSpec::Mail(mail) => mail.host.clone(),
        ChannelSpec::Webhook(hook) => host_of(&hook.url),
        ChannelSpec::Chat(chat) => host_of(&chat.url),
    }
}

fn host_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default().to_owned()
}
