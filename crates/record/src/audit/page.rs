//! The incidents that the page shows, against the log.

use super::{Beside, Copy, Problem};
use crate::{
    Entry, Fact,
    text::{TextHash, Words, veiled, words},
};
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};
use stillhere_model::{ServiceId, Text};

/// What the log says of one incident.
#[derive(Default)]
struct Logged {
    entry: u64,
    title: (u64, Words),
    services: HashSet<ServiceId>,
    status: Value,
    impact: Value,
    started_at: Value,
    resolved_at: Value,
    /// Id, number of the entry, what was said.
    updates: Vec<(String, u64, Value)>,
    before_the_log: bool,
    lost: bool,
}

/// Compares `incidents`, as `/api/v1/incidents` gives them, with the log. The page shows what is open and, of what is over,
/// that which ended last: `limit` is how many of those it shows at the most, and it may leave out what ended before them.
#[must_use]
pub fn check_page(copy: &Copy, beside: &Beside, incidents: &[Value], limit: usize) -> Vec<Problem> {
    let (logged, gone, redacted) = read(&copy.parsed());
    let mut problems = Vec::new();
    for ((entry, _), kept) in beside {
        let known = kept.as_ref().is_none_or(|k| TextHash::of(&k.salt, &k.text) == k.hash);
        if !known {
            problems.push(Problem::WrongText { entry: *entry });
        }
    }
    let check = Check { beside, redacted: &redacted };
    for shown in incidents {
        let id = plain(&shown["id"]).replace('-', "");
        match logged.get(&id) {
            Some(l) => check.one(&id, shown, l, &mut problems),
            None => problems.push(Problem::NotInLog { incident: id }),
        }
    }
    let shown: HashSet<String> = incidents.iter().map(|i| plain(&i["id"]).replace('-', "")).collect();
    let ended: Vec<&str> = incidents.iter().filter_map(|i| i["resolved_at"].as_str()).collect();
    let left_out_until = ended.iter().min().filter(|_| ended.len() >= limit);
    for (id, l) in &logged {
        let all_gone = !l.services.is_empty() && l.services.is_subset(&gone);
        let open = !["resolved", "postmortem"].contains(&l.status.as_str().unwrap_or_default());
        // The same instant is a tie that the page may have decided either way.
        let older = left_out_until.is_some_and(|until| l.resolved_at.as_str().is_none_or(|at| at <= *until));
        if !shown.contains(id) && !l.lost && !all_gone && (open || !older) {
            problems.push(Problem::NotOnPage { incident: id.clone() });
        }
    }
    problems
}

struct Check<'a> {
    beside: &'a Beside,
    redacted: &'a HashSet<TextHash>,
}

impl Check<'_> {
    fn one(&self, id: &str, shown: &Value, l: &Logged, problems: &mut Vec<Problem>) {
        let incident = || id.to_owned();
        let fields = [
            ("status", &l.status),
            ("impact", &l.impact),
            ("started_at", &l.started_at),
            ("resolved_at", &l.resolved_at),
        ];
        // Introduced when it was older than the record: nothing was said about it since.
        let silent = l.before_the_log && l.updates.is_empty();
        for (field, log) in fields.into_iter().filter(|f| !silent || f.0 != "resolved_at") {
            if !log.is_null() && &shown[field] != log
                || field == "resolved_at" && &shown[field] != log && !l.status.is_null()
            {
                let (page, log) = (plain(&shown[field]), plain(log));
                problems.push(Problem::Differs { incident: incident(), field, page, log });
            }
        }
        let title = serde_json::from_value::<Option<Text>>(shown["title"].clone()).ok().flatten();
        let title = title.map(|t| words(&t, &mut |text| self.hash(l.title.0, text))).unwrap_or_default();
        if !self.same(&to_value(&title), &to_value(&l.title.1)) {
            let (page, log) = (plain(&shown["title"]), "something else".to_owned());
            problems.push(Problem::Differs { incident: incident(), field: "title", page, log });
        }
        let updates: Vec<&Value> = shown["updates"].as_array().into_iter().flatten().collect();
        for update in &updates {
            let name = plain(&update["id"]).replace('-', "");
            match l.updates.iter().find(|u| u.0 == name) {
                None if l.before_the_log => {}
                None => problems.push(Problem::UpdateNotInLog { incident: incident(), update: name }),
                Some((_, entry, said)) => {
                    let named = services_in(said);
                    let page = veiled(&update["said"], &|s| named.contains(s.as_str()), &mut |text| {
                        self.hash(*entry, text)
                    });
                    if !self.same(&page, said) {
                        problems.push(Problem::SaidDiffers { incident: incident(), update: name });
                    }
                }
            }
        }
        for (name, _, _) in &l.updates {
            if !updates.iter().any(|u| &plain(&u["id"]).replace('-', "") == name) {
                problems.push(Problem::UpdateNotOnPage { incident: incident(), update: name.clone() });
            }
        }
        let there = |u: &&Value| l.updates.iter().position(|x| x.0 == plain(&u["id"]).replace('-', ""));
        let order: Vec<usize> = updates.iter().filter_map(there).collect();
        if !order.is_sorted() {
            let log = "another".to_owned();
            problems.push(Problem::Differs {
                incident: incident(),
                field: "order of updates",
                page: "one".to_owned(),
                log,
            });
        }
    }

    /// The hash under which this text was published with that entry; of another text one that is nowhere.
    fn hash(&self, entry: u64, text: &str) -> TextHash {
        let kept =
            self.beside.range((entry, TextHash(String::new()))..).take_while(|((e, _), _)| *e == entry);
        let same = kept.filter_map(|(_, kept)| kept.as_ref()).find(|k| TextHash::of(&k.salt, text) == k.hash);
        same.map_or(TextHash("another text".to_owned()), |k| k.hash.clone())
    }

    /// The same, but for texts that were taken out.
    fn same(&self, page: &Value, log: &Value) -> bool {
        match (page, log) {
            (Value::Object(a), Value::Object(b)) => {
                let shared = a.iter().all(|(k, v)| b.get(k).is_some_and(|w| self.same(v, w)));
                let all_out =
                    |v: &Value| v.as_str().is_some_and(|h| self.redacted.contains(&TextHash(h.to_owned())));
                shared && a.len() == b.len() || !b.is_empty() && b.values().all(all_out)
            }
            (_, Value::String(hash)) if self.redacted.contains(&TextHash(hash.clone())) => true,
            // The same words twice in one entry, such as in two languages, have a hash each; which of them is found is chance.
            (Value::String(a), Value::String(b)) if a != b => {
                self.text(b).is_some_and(|text| self.text(a) == Some(text))
            }
            _ => page == log,
        }
    }

    /// The text that was published under this hash.
    fn text(&self, hash: &str) -> Option<&str> {
        let kept = self.beside.values().flatten().find(|k| k.hash.0 == hash)?;
        (TextHash::of(&kept.salt, &kept.text) == kept.hash).then_some(&kept.text)
    }
}

fn read(entries: &[Option<Entry>]) -> (BTreeMap<String, Logged>, HashSet<ServiceId>, HashSet<TextHash>) {
    let began = entries.iter().flatten().next().map(|e| e.at);
    let mut all: BTreeMap<String, Logged> = BTreeMap::new();
    let (mut gone, mut redacted) = (HashSet::new(), HashSet::new());
    for (n, entry) in (0..).zip(entries) {
        let Some(entry) = entry else { continue };
        match &entry.fact {
            Fact::IncidentOpened {
                incident, services, impact, status, started_at, opened_at, title, ..
            } => {
                let l = all.entry(incident.to_string()).or_default();
                l.entry = n;
                l.title = (n, title.clone());
                l.services = services.named.iter().cloned().collect();
                l.before_the_log = began.is_some_and(|b| *opened_at < b) || *opened_at < entry.at.minus(SOON);
                (l.status, l.impact, l.started_at) =
                    (to_value(status), to_value(impact), to_value(started_at));
            }
            Fact::IncidentJoined { incident, service } => {
                if let Some(l) = all.get_mut(&incident.to_string()) {
                    l.services.insert(service.clone());
                }
            }
            Fact::IncidentRenamed { incident, title } => {
                if let Some(l) = all.get_mut(&incident.to_string()) {
                    l.title = (n, title.clone());
                }
            }
            Fact::Update { incident, update, status, impact, started_at, resolved_at, said, .. } => {
                if let Some(l) = all.get_mut(&incident.to_string()) {
                    (l.status, l.impact) = (to_value(status), to_value(impact));
                    (l.started_at, l.resolved_at) = (to_value(started_at), to_value(resolved_at));
                    l.updates.push((update.to_string(), n, said.clone()));
                }
            }
            Fact::Restored { back_to, .. } => {
                // What was said after the backup is not on the page any more, and nobody claims that it is.
                for l in all.values_mut() {
                    l.lost |= l.entry >= *back_to;
                    l.updates.retain(|u| u.1 < *back_to);
                }
            }
            Fact::Verdict { service, .. } => drop(gone.remove(service)),
            Fact::ServiceGone { service } => drop(gone.insert(service.clone())),
            Fact::Redacted { texts, .. } => redacted.extend(texts.iter().cloned()),
            _ => {}
        }
    }
    (all, gone, redacted)
}

/// An incident that came on record so much after it was opened became public later.
const SOON: std::time::Duration = std::time::Duration::from_secs(60);

fn services_in(said: &Value) -> HashSet<String> {
    let several = said["services"].as_array().into_iter().flatten();
    several.chain([&said["service"], &said["origin"]]).filter_map(Value::as_str).map(str::to_owned).collect()
}

fn to_value<T: serde::Serialize>(t: &T) -> Value {
    serde_json::to_value(t).unwrap_or_default()
}

fn plain(v: &Value) -> String {
    v.as_str().map_or_else(|| v.to_string(), str::to_owned)
}
