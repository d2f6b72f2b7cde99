//! `/api/v2`: the JSON that Statuspage clients read, in its exact shape.
//!
//! Names and bodies are in the site's first language; the descriptions of the roll-up are Statuspage's own English
//! phrases, because clients compare them. What that vocabulary has no word for is said plainly: component status
//! `unknown`, indicator `minor`, "We cannot see…".

use crate::{
    headline::{Headline, headline},
    page::links,
    snapshot::{ServiceView, Snapshot},
    words::{Words, corrected},
};
use jiff::tz::TimeZone;
use ring::digest;
use serde_json::{Value, json};
use std::fmt::Write as _;
use stillhere_model::{
    Impact, Incident, IncidentStatus, Lang, Maintenance, MaintenanceStatus, ServiceId, Status, Text, Time,
    Update,
};

/// Incidents in `incidents.json`, Statuspage's own limit.
const INCIDENTS_MAX: usize = 50;
/// Updates of one incident, the newest ones; its page and the native API have all of them.
const UPDATES_MAX: usize = 100;

#[must_use]
pub fn summary(s: &Snapshot) -> Value {
    let cut = Cut::new(s);
    json!({
        "page": cut.page(),
        "components": cut.components(),
        "incidents": cut.unresolved(),
        "scheduled_maintenances": cut.maintenances(|m| m == MaintenanceStatus::Scheduled || m.is_active()),
        "status": cut.status(),
    })
}

#[must_use]
pub fn status(s: &Snapshot) -> Value {
    let cut = Cut::new(s);
    json!({ "page": cut.page(), "status": cut.status() })
}

#[must_use]
pub fn components(s: &Snapshot) -> Value {
    let cut = Cut::new(s);
    json!({ "page": cut.page(), "components": cut.components() })
}

/// Open and resolved ones, newest first.
#[must_use]
pub fn incidents(s: &Snapshot) -> Value {
    let cut = Cut::new(s);
    let mut all: Vec<&Incident> = s.incidents.iter().chain(&s.history).collect();
    all.sort_by_key(|i| std::cmp::Reverse((i.opened_at, i.id)));
    let all: Vec<Value> = all.into_iter().take(INCIDENTS_MAX).map(|i| cut.incident(i)).collect();
    json!({ "page": cut.page(), "incidents": all })
}

#[must_use]
pub fn unresolved(s: &Snapshot) -> Value {
    let cut = Cut::new(s);
    json!({ "page": cut.page(), "incidents": cut.unresolved() })
}

#[must_use]
pub fn scheduled_maintenances(s: &Snapshot) -> Value {
    let cut = Cut::new(s);
    // Statuspage has no word for a cancelled one: it is simply no longer there.
    json!({
        "page": cut.page(),
        "scheduled_maintenances": cut.maintenances(|m| m != MaintenanceStatus::Cancelled),
    })
}

#[must_use]
pub fn upcoming(s: &Snapshot) -> Value {
    let cut = Cut::new(s);
    let upcoming = cut.maintenances(|m| m == MaintenanceStatus::Scheduled);
    json!({ "page": cut.page(), "scheduled_maintenances": upcoming })
}

#[must_use]
pub fn active(s: &Snapshot) -> Value {
    let cut = Cut::new(s);
    json!({ "page": cut.page(), "scheduled_maintenances": cut.maintenances(MaintenanceStatus::is_active) })
}

/// The roll-up's words, as Statuspage says them.
#[must_use]
pub(crate) fn description(headline: Headline, services_seen: bool) -> &'static str {
    match headline {
        Headline::Operational => "All Systems Operational",
        Headline::Maintenance => "Service Under Maintenance",
        Headline::Unknown if services_seen => "We cannot see the state of some services",
        Headline::Unknown => "We cannot see the state of our services",
        Headline::NoFreshNews => "We have no fresh news",
        Headline::Degraded => "Partially Degraded Service",
        Headline::Partial => "Partial System Outage",
        Headline::Major => "Major System Outage",
    }
}

/// One answer in the making.
pub(crate) struct Cut<'a> {
    s: &'a Snapshot,
    words: Words,
    page_id: String,
    updates_max: usize,
}

// === impl Cut ===

impl<'a> Cut<'a> {
    pub(crate) fn new(s: &'a Snapshot) -> Cut<'a> {
        Cut::brief(s, s.lang(None), UPDATES_MAX)
    }

    /// In a language, with only the newest updates.
    pub(crate) fn brief(s: &'a Snapshot, lang: Lang, updates_max: usize) -> Cut<'a> {
        let words = Words::new(lang, &s.site.time_zone);
        Cut { s, words, page_id: short_id(links::base(s).as_bytes()), updates_max }
    }

    pub(crate) fn page(&self) -> Value {
        let s = self.s;
        let services = s.services.iter().map(|v| v.updated_at);
        let incidents = s.incidents.iter().chain(&s.history).filter_map(|i| i.updates.last().map(|u| u.at));
        let updated = services.chain(incidents).max().unwrap_or(s.made_at);
        json!({
            "id": self.page_id,
            "name": self.words.name(&s.site.name),
            "url": links::base(s),
            "time_zone": s.site.time_zone,
            "updated_at": self.at(updated),
        })
    }

    pub(crate) fn status(&self) -> Value {
        let headline = headline(self.s);
        let seen = self.s.services.iter().any(|v| v.verdict.status != Status::Unknown);
        json!({ "indicator": headline.indicator(), "description": description(headline, seen) })
    }

    /// Groups come right before their services; `position` counts within a group, as Statuspage does.
    fn components(&self) -> Vec<Value> {
        let mut all = Vec::new();
        let mut group: Option<(&Text, String)> = None;
        let (mut top, mut inside) = (0, 0);
        for (n, view) in self.s.services.iter().enumerate() {
            let position = match &view.group {
                None => {
                    group = None;
                    top += 1;
                    top
                }
                Some(name) => {
                    if group.as_ref().is_none_or(|(g, _)| *g != name) {
                        (top, inside) = (top + 1, 0);
                        let members =
                            || self.s.services[n..].iter().take_while(|v| v.group.as_ref() == Some(name));
                        let id = self.group_id(name);
                        all.push(self.group(&id, name, top, members));
                        group = Some((name, id));
                    }
                    inside += 1;
                    inside
                }
            };
            all.push(self.component(view, group.as_ref().map(|(_, id)| id.as_str()), position));
        }
        all
    }

    fn group<'v, I: Iterator<Item = &'v std::sync::Arc<ServiceView>>>(
        &self,
        id: &str,
        name: &Text,
        position: usize,
        members: impl Fn() -> I,
    ) -> Value {
        let worst = members().map(|v| v.verdict.status).fold(Status::Operational, Status::worst);
        let created = members().map(|v| v.created_at).min().unwrap_or(self.s.made_at);
        let updated = members().map(|v| v.updated_at).max().unwrap_or(self.s.made_at);
        let ids: Vec<&str> = members().map(|v| v.id.as_str()).collect();
        json!({
            "id": id,
            "page_id": self.page_id,
            "group_id": null,
            "name": self.words.name(name),
            "description": null,
            "position": position,
            "status": worst.as_str(),
            "showcase": false,
            "only_show_if_degraded": false,
            "group": true,
            "components": ids,
            "start_date": null,
            "created_at": self.at(created),
            "updated_at": self.at(updated),
        })
    }

    fn component(&self, v: &ServiceView, group_id: Option<&str>, position: usize) -> Value {
        let date = crate::timeline::date_of(v.created_at, &TimeZone::UTC);
        json!({
            "id": v.id.as_str(),
            "page_id": self.page_id,
            "group_id": group_id,
            "name": self.words.name(&v.name),
            "description": v.description.as_ref().map(|d| self.words.name(d)),
            "position": position,
            "status": v.verdict.status.as_str(),
            "showcase": true,
            "only_show_if_degraded": false,
            "group": false,
            "start_date": date.to_string(),
            "created_at": self.at(v.created_at),
            "updated_at": self.at(v.updated_at),
        })
    }

    /// The component of a service as it is listed in an incident: in the same place as in `components`.
    fn listed<'i>(&self, ids: impl Iterator<Item = &'i ServiceId>) -> Vec<Value> {
        let all = self.components();
        let find =
            |id: &ServiceId| all.iter().find(|c| c["id"] == id.as_str() && c["group"] == false).cloned();
        ids.filter_map(find).collect()
    }

    fn unresolved(&self) -> Vec<Value> {
        self.s.incidents.iter().filter(|i| i.status.is_open()).map(|i| self.incident(i)).collect()
    }

    pub(crate) fn incident(&self, i: &Incident) -> Value {
        let (id, url) = (i.id.to_string(), links::incident_url(self.s, &i.id));
        let updates: Vec<Value> = i
            .updates
            .iter()
            .rev()
            .take(self.updates_max)
            .map(|u| self.update(u, (&id, &url), Some(i), u.status.as_str()))
            .collect();
        let updated = i.updates.last().map_or(i.opened_at, |u| u.at);
        // What was written when we looked back; the newest one counts.
        let back = i.updates.iter().rev().find(|u| u.status == IncidentStatus::Postmortem);
        let first = i.updates.iter().find(|u| u.status == IncidentStatus::Postmortem);
        json!({
            "id": id,
            "page_id": self.page_id,
            "name": self.words.title(i, self.s),
            "status": i.status.as_str(),
            "impact": i.impact.as_str(),
            "shortlink": url,
            "started_at": self.at(i.started_at),
            "created_at": self.at(i.opened_at),
            "updated_at": self.at(updated),
            "monitoring_at": i.monitoring_at.map(|t| self.at(t)),
            "resolved_at": i.resolved_at.map(|t| self.at(t)),
            "components": self.listed(i.affected.iter().map(|a| &a.service)),
            "incident_updates": updates,
            "reminder_intervals": null,
            "postmortem_body": back.map(|u| self.update_body(u, Some(i), &url)),
            "postmortem_body_last_updated_at": back.map(|u| self.at(u.at)),
            "postmortem_published_at": first.map(|u| self.at(u.at)),
            "postmortem_ignored": false,
            "postmortem_notified_subscribers": back.is_some(),
            "postmortem_notified_twitter": false,
        })
    }

    fn update_body(&self, u: &Update, incident: Option<&Incident>, url: &str) -> String {
        match incident.and_then(|i| corrected(i, &u.id)) {
            Some(now) => self.words.body(now, url),
            None => self.words.said_in_list(&u.said, self.s, url),
        }
    }

    fn update(&self, u: &Update, parent: (&str, &str), incident: Option<&Incident>, status: &str) -> Value {
        let (parent, url) = parent;
        let body = self.update_body(u, incident, url);
        let changed: Vec<Value> = u
            .changed
            .iter()
            .filter_map(|(id, before, now)| {
                let name = self.words.service(id, self.s)?;
                Some(json!({
                    "code": id.as_str(), "name": name, "old_status": before.as_str(), "new_status": now.as_str(),
                }))
            })
            .collect();
        json!({
            "id": u.id.to_string(),
            "incident_id": parent,
            "status": status,
            "body": body,
            "display_at": self.at(u.at),
            "created_at": self.at(u.at),
            "updated_at": self.at(u.at),
            "affected_components": if changed.is_empty() { Value::Null } else { changed.into() },
            "deliver_notifications": true,
            "custom_tweet": null,
            "tweet_id": null,
        })
    }

    fn maintenances(&self, which: impl Fn(MaintenanceStatus) -> bool) -> Vec<Value> {
        self.s.maintenances.iter().filter(|m| which(m.status)).map(|m| self.maintenance(m)).collect()
    }

    pub(crate) fn maintenance(&self, m: &Maintenance) -> Value {
        let (id, url) = (m.id.to_string(), links::maintenance_url(self.s, &m.id));
        let mut updates: Vec<Value> = m
            .updates
            .iter()
            .rev()
            .take(self.updates_max)
            .map(|u| self.update(u, (&id, &url), None, m.status.as_str()))
            .collect();
        if let Some(body) = &m.body {
            // Statuspage shows the announcement as the first update.
            updates.push(json!({
                "id": short_id(format!("{id} announced").as_bytes()),
                "incident_id": id,
                "status": MaintenanceStatus::Scheduled.as_str(),
                "body": self.words.body(body, &url),
                "display_at": self.at(m.created_at),
                "created_at": self.at(m.created_at),
                "updated_at": self.at(m.created_at),
                "affected_components": null,
                "deliver_notifications": true,
                "custom_tweet": null,
                "tweet_id": null,
            }));
        }
        let updated = m.updates.last().map_or(m.created_at, |u| u.at);
        let begun = !matches!(m.status, MaintenanceStatus::Scheduled | MaintenanceStatus::Cancelled);
        json!({
            "id": id,
            "page_id": self.page_id,
            "name": self.words.name(&m.title),
            "status": m.status.as_str(),
            "impact": if begun { "maintenance" } else { Impact::None.as_str() },
            "shortlink": url,
            "started_at": self.at(m.starts_at),
            "created_at": self.at(m.created_at),
            "updated_at": self.at(updated.max(m.completed_at.unwrap_or(updated))),
            "monitoring_at": null,
            "resolved_at": m.completed_at.map(|t| self.at(t)),
            "scheduled_for": self.at(m.starts_at),
            "scheduled_until": self.at(m.ends_at),
            "components": self.listed(m.services.iter()),
            "incident_updates": updates,
            "reminder_intervals": null,
            "postmortem_body": null,
            "postmortem_body_last_updated_at": null,
            "postmortem_published_at": null,
            "postmortem_ignored": false,
            "postmortem_notified_subscribers": false,
            "postmortem_notified_twitter": false,
        })
    }

    /// ISO 8601 with milliseconds and the offset of the site's zone: `2026-11-22T10:02:00.000+08:00`.
    fn at(&self, t: Time) -> String {
        self.words.zoned(t).strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string()
    }

    fn group_id(&self, name: &Text) -> String {
        short_id(format!("{} group {}", self.page_id, name.parts().next().unwrap_or_default()).as_bytes())
    }
}

/// Twelve characters that stay the same for the same name.
fn short_id(name: &[u8]) -> String {
    let hash = digest::digest(&digest::SHA256, name);
    hash.as_ref()[..6].iter().fold(String::new(), |mut id, byte| {
        let _ = write!(id, "{byte:02x}");
        id
    })
}

#[cfg(test)]
mod tests;
