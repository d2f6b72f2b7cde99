//! Who hears what: turns an announcement into one rendered message for each channel that wants it.

use crate::{alerts, link::address_in};
use std::{collections::HashMap, sync::Arc};
use stillhere_config::Channel;
use stillhere_model::{Audience, Author, LinkId, Occasion, Payload, Person, Personal, ServiceId};
use stillhere_send::ChannelSpec;
use stillhere_store::Browser;
use stillhere_tell::{Snapshot, message::ChannelKind};

/// A channel's configuration, and the channel.
pub(crate) type Built = (Channel, Arc<stillhere_send::Channel>);

pub(crate) struct Channels {
    channels: Vec<Channel>,
    /// Mails to staff carry links.
    links: bool,
}

/// One message for one channel.
pub(crate) struct Addressed {
    pub(crate) channel: String,
    pub(crate) payload: Payload,
    pub(crate) personal: Option<Personal>,
    /// Through what its link goes, and in whose name it acts.
    pub(crate) link_of: Option<(String, String)>,
}

// === impl Channels ===

impl Channels {
    /// `links`: mails to staff may carry links.
    pub(crate) fn new(channels: &[Built], links: bool) -> Channels {
        Channels { channels: channels.iter().map(|(config, _)| config.clone()).collect(), links }
    }

    pub(crate) fn replace(&mut self, channels: &[Built], links: bool) {
        *self = Channels::new(channels, links);
    }

    /// Whether alerts go to this address through this channel.
    pub(crate) fn writes_to_staff(&self, channel: &str, address: &str) -> bool {
        let mut of =
            self.channels.iter().filter(|c| c.name == channel && c.audience.contains(&Audience::Staff));
        of.any(|c| recipients(c).iter().any(|to| to == address))
    }

    /// The one address that is reminded of a promise: that of who has taken the incident on, where we know it.
    fn responder(&self, occasion: &Occasion, snapshot: &Snapshot) -> Option<String> {
        let Occasion::PromiseDue { incident, .. } = occasion else { return None };
        let Author::Person(name) = &snapshot.incident(incident)?.acknowledged()?.by else { return None };
        let address = address_in(name)?;
        let staff = self.channels.iter().filter(|c| c.audience.contains(&Audience::Staff));
        staff.flat_map(recipients).find(|to| to == address)
    }

    /// The messages about `occasion`. `public` is what everybody may see, `all` what staff may; both already hold what
    /// happened. Channels of one kind, language and audience share one rendering.
    pub(crate) fn address(
        &self,
        occasion: &Occasion,
        audience: Audience,
        public: &Snapshot,
        all: &Snapshot,
        browsers: &[(Person, Browser)],
        mint: &mut impl FnMut() -> LinkId,
    ) -> Vec<Addressed> {
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
        let responder = self.responder(occasion, snapshot);
        let personal = self.links && audience == Audience::Staff && is_to_act_on(occasion, snapshot);
        let mut out = Vec::new();
        for c in &self.channels {
            if !c.wants(audience, &services) || (in_public && hears_it_as_public(c, audience, occasion)) {
                continue;
            }
            let kind = kind_of(&c.spec);
            let is_mail = kind == ChannelKind::Mail;
            if let Some(responder) = &responder
                && !recipients(c).contains(responder)
            {
                continue;
            }
            if is_mail && personal {
                for to in recipients(c) {
                    if responder.as_ref().is_some_and(|r| *r != to) {
                        continue;
                    }
                    let link = mint();
                    let payload = stillhere_tell::message::render(
                        ChannelKind::Mail,
                        occasion,
                        snapshot,
                        c.language,
                        audience,
                        Some(link),
                    );
                    let link_of = Some((c.name.clone(), to.clone()));
                    let personal = Some(Personal { to, link: Some(link) });
                    out.push(Addressed { channel: c.name.clone(), payload, personal, link_of });
                }
                continue;
            }
            let payload = rendered.entry((kind, c.language)).or_insert_with(|| {
                stillhere_tell::message::render(kind, occasion, snapshot, c.language, audience, None)
            });
            let payload = payload.clone();
            out.push(Addressed { channel: c.name.clone(), payload, personal: None, link_of: None });
        }
        if audience == Audience::Staff {
            let of = taken_on_by(occasion, snapshot);
            for (person, browser) in browsers {
                // A reminder is for who has taken it on.
                if of.as_ref().is_some_and(|name| *name != person.name) {
                    continue;
                }
                let link = (personal && alerts::may_act(person)).then(&mut *mint);
                let payload = stillhere_tell::message::render(
                    ChannelKind::Push,
                    occasion,
                    snapshot,
                    browser.lang,
                    audience,
                    link,
                );
                let link_of = link.map(|_| (alerts::link_channel(&browser.id), person.name.clone()));
                let personal = Some(Personal { to: browser.id.clone(), link });
                out.push(Addressed { channel: alerts::CHANNEL.to_owned(), payload, personal, link_of });
            }
        }
        out
    }
}

/// Who is reminded of a promise: the name of who has taken the incident on, if anybody has.
fn taken_on_by(occasion: &Occasion, snapshot: &Snapshot) -> Option<String> {
    let Occasion::PromiseDue { incident, .. } = occasion else { return None };
    match &snapshot.incident(incident)?.acknowledged()?.by {
        Author::Person(name) => Some(name.clone()),
        Author::Automatic => None,
    }
}

/// How messages to a channel are written.
pub(crate) fn kind_of(spec: &ChannelSpec) -> ChannelKind {
    match spec {
        ChannelSpec::Mail(_) => ChannelKind::Mail,
        ChannelSpec::Webhook(_) => ChannelKind::Webhook,
        ChannelSpec::Chat(chat) => ChannelKind::Chat(chat.app),
    }
}

/// The addresses of a mail channel.
fn recipients(channel: &Channel) -> Vec<String> {
    match &channel.spec {
        ChannelSpec::Mail(mail) => mail.addresses(),
        ChannelSpec::Webhook(_) | ChannelSpec::Chat(_) => Vec::new(),
    }
}

/// Something can be done about it: it is an incident, and it is open.
fn is_to_act_on(occasion: &Occasion, snapshot: &Snapshot) -> bool {
    occasion.incident().and_then(|id| snapshot.incident(&id)).is_some_and(|i| i.status.is_open())
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
