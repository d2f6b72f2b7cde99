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

    /// The messages about `occasion`. `public` is what everybody may see, `all` what staff may; both already hold what
    /// happened. Channels of one kind, language and audience share one rendering.
    pub(crate) fn address(
        &self,
        occasion: &Occasion,
        audience: Audience,
        public: &Snapshot,
        all: &Snapshot,
    ) -> Vec<(String, Payload)> {
        // What concerns only services that visitors don't see is not in their snapshot, and not for their channels.
        let in_public = occasion.incident().is_none_or(|id| public.incident(&id).is_some())
            && occasion.maintenance().is_none_or(|id| public.maintenance(&id).is_some());
        let snapshot = match audience {
            Audience::Staff => all,
            Audience::Public if in_public => public,
            Audience::Public => return Vec::new(),
        };
        let services = services_of(occasion, snapshot);
        let mut rendered = HashMap::new();
        self.channels
            .iter()
            .filter(|c| {
                c.wants(audience, &services) && !(in_public && hears_it_as_public(c, audience, occasion))
            })
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

/// A channel for both audiences gets one message about an incident or a maintenance: the public one, which comes first.
fn hears_it_as_public(channel: &Channel, audience: Audience, occasion: &Occasion) -> bool {
    let told_in_public = match occasion {
        Occasion::IncidentOpened { .. }
        | Occasion::IncidentUpdated { .. }
        | Occasion::IncidentResolved { .. } => true,
        _ => occasion.maintenance().is_some(),
    };
    audience == Audience::Staff && channel.audience.contains(&Audience::Public) && told_in_public
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
