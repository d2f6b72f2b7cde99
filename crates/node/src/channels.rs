//! Who hears what: turns an announcement into one rendered message for each channel that wants it.

use std::{collections::HashMap, sync::Arc};
use stillhere_config::Channel;
use stillhere_model::{Audience, Occasion, Payload, ServiceId};
use stillhere_send::ChannelSpec;
use stillhere_tell::{Snapshot, message::ChannelKind};

/// A channel's configuration, and the channel.
pub(crate) type Built = (Channel, Arc<stillhere_send::Channel>);

pub(crate) struct Channels {
    channels: Vec<Channel>,
}

// === impl Channels ===

impl Channels {
    pub(crate) fn new(channels: &[Built]) -> Channels {
        Channels { channels: channels.iter().map(|(config, _)| config.clone()).collect() }
    }

    pub(crate) fn replace(&mut self, channels: &[Built]) {
        *self = Channels::new(channels);
    }

    /// The messages about `occasion`, rendered from `snapshot`, which already holds what happened. Channels of one
    /// kind, language and audience share one rendering.
    pub(crate) fn address(
        &self,
        occasion: &Occasion,
        audience: Audience,
        snapshot: &Snapshot,
    ) -> Vec<(String, Payload)> {
        let services = services_of(occasion, snapshot);
        let mut rendered = HashMap::new();
        self.channels
            .iter()
            .filter(|c| c.wants(audience, &services))
            .map(|c| {
                let kind = match c.spec {
                    ChannelSpec::Mail(_) => ChannelKind::Mail,
                    ChannelSpec::Webhook(_) => ChannelKind::Webhook,
                };
                let payload = rendered.entry((kind == ChannelKind::Mail, c.language)).or_insert_with(|| {
                    stillhere_tell::message::render(kind, occasion, snapshot, c.language, audience)
                });
                (c.name.clone(), payload.clone())
            })
            .collect()
    }
}

fn services_of(occasion: &Occasion, snapshot: &Snapshot) -> Vec<ServiceId> {
    if let Some(incident) = occasion.incident().and_then(|id| snapshot.incident(&id)) {
        return incident.affected.iter().map(|a| a.service.clone()).collect();
    }
    if let Some(maintenance) = occasion.maintenance().and_then(|id| snapshot.maintenance(&id)) {
        return maintenance.services.clone();
    }
    if let Occasion::CertificateEnding { check, .. } = occasion {
        return check.as_str().split('/').next().map(ServiceId::from).into_iter().collect();
    }
    Vec::new()
}
