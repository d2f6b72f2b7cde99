//! Services: ids, dependencies, and their checks.

use super::{SHAPES, checks, graph, tables, text_of};
use crate::{
    bounds,
    config::Check,
    file::{Defaults, ServiceTable},
    path::{At, Path},
    report::Faults,
    shape::nearest,
};
use std::collections::HashMap;
use stillhere_model::{ServiceDef, ServiceId, Text};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

pub(super) struct Services {
    pub(super) defs: Vec<ServiceDef>,
    pub(super) checks: Vec<Check>,
    pub(super) known: Known,
}

/// Every service id in the file, also of services that have mistakes of their own.
#[derive(Default)]
pub(super) struct Known(HashMap<String, usize>);

pub(super) fn read(
    written: Vec<(usize, Spanned<DeValue<'_>>)>,
    defaults: &Defaults,
    faults: &mut Faults,
) -> Services {
    let at = At::ROOT;
    let at = at.key("service");
    let mut out = Services { defs: Vec::new(), checks: Vec::new(), known: Known::default() };
    if written.len() as u64 > bounds::SERVICES {
        faults.value(
            at.path(),
            format!("is there {} times, {} are allowed", written.len(), bounds::SERVICES),
            None,
        );
        return out;
    }
    for (i, v) in &written {
        let DeValue::Table(t) = v.get_ref() else { continue };
        if let Some(id) = text_of(t, "id")
            && let Err(first) = out.known.add(id, *i)
        {
            let problem = format!("is already the id of `service[{first}]`");
            faults.value(
                at.index(*i).path().key("id"),
                problem,
                "give each service an id of its own".to_owned(),
            );
        }
    }
    let mut reader = checks::Reader::new(defaults);
    let mut at_of: HashMap<ServiceId, Path> = HashMap::new();
    let mut paths = Vec::new();
    for (i, v) in written {
        let at = at.index(i);
        faults.reading("service", i);
        if let Some((def, checks)) = service(v, &at, &mut reader, faults) {
            paths.push(at.path());
            at_of.entry(def.id.clone()).or_insert_with(|| at.path());
            out.checks.extend(checks);
            out.defs.push(def);
        }
    }
    faults.of_console = false;
    // Kept as long as the process runs, for the comparison with the next file.
    out.checks.shrink_to_fit();
    if reader.seen as u64 > bounds::CHECKS {
        let problem = format!("has {} checks in all, {} are allowed", reader.seen, bounds::CHECKS);
        faults.value(at.path(), problem, None);
    }
    for (def, path) in out.defs.iter().zip(&paths) {
        let path = path.key("depends_on");
        out.known.check(def.depends_on.iter().map(ServiceId::as_str), &path, faults);
        if let Some(i) = def.depends_on.iter().position(|d| *d == def.id) {
            faults.value(path.index(i), "is the service itself", "leave it out".to_owned());
        }
    }
    for cycle in graph::cycles(&out.defs) {
        let names: Vec<&str> = cycle.iter().chain(cycle.first()).map(ServiceId::as_str).collect();
        let problem = format!("goes in a circle: {}", names.join(" → "));
        let hint = "a service cannot need itself: leave out one of these".to_owned();
        faults.value(at_of[&cycle[0]].key("depends_on"), problem, hint);
    }
    out
}

fn service(
    mut value: Spanned<DeValue<'_>>,
    at: &At<'_>,
    reader: &mut checks::Reader<'_>,
    faults: &mut Faults,
) -> Option<(ServiceDef, Vec<Check>)> {
    let DeValue::Table(table) = value.get_mut() else { return None };
    let own_checks = table.remove("check");
    let id = text_of(table, "id").unwrap_or_default();
    let short = short_form(table);
    let good = SHAPES.service.check(&mut value, at, faults);
    let path = at.path();

    let mut checks = Vec::new();
    if let Some(v) = own_checks {
        let path = path.key("check");
        match v.into_inner() {
            DeValue::Array(a) => {
                if a.len() as u64 > bounds::CHECKS_OF_A_SERVICE {
                    let problem =
                        format!("is there {} times, {} are allowed", a.len(), bounds::CHECKS_OF_A_SERVICE);
                    faults.value(path.clone(), problem, None);
                    return None;
                }
                for (i, v) in tables(a, &path, faults) {
                    checks.extend(reader.check(v, &id, &at.key("check").index(i), faults));
                }
            }
            _ => {
                let hint = "write [[service.check]]: there can be several".to_owned();
                faults.value(path.clone(), "must stand in double brackets", hint);
            }
        }
        if let Some(key) = short {
            let hint = format!("write `{key}` into a [[service.check]], or leave those out");
            faults.key(at.path().key(key), "stands beside checks that are written out", hint);
        }
        ids_differ(&checks, &id, &path, faults);
    }
    if !good {
        return None;
    }
    let t: ServiceTable = super::read(value, faults)?;
    match (&t.url, checks.is_empty()) {
        (Some(_), true) => checks.extend(reader.short(&t, &path, faults).map(|c| (0, c))),
        (None, _) if short.is_some() && checks.is_empty() => {
            let key = short.unwrap_or_default();
            faults.key(path.key(key), "means nothing without `url`", "write url = \"https://…\"".to_owned());
        }
        _ => {}
    }
    let checks: Vec<Check> = checks.into_iter().map(|(_, c)| c).collect();
    let def = ServiceDef {
        id: ServiceId::new(&t.id),
        name: t.name.unwrap_or_else(|| Text::Same(t.id.clone())),
        description: t.description,
        group: t.group,
        depends_on: t.depends_on.iter().map(ServiceId::new).collect(),
        checks: checks.iter().map(|c| c.def.id.clone()).collect(),
        public: t.public,
        team: t.team,
    };
    Some((def, checks))
}

/// The first key of the short form that is there.
fn short_form(table: &DeTable<'_>) -> Option<&'static str> {
    ["url", "interval", "conditions"].into_iter().find(|k| table.contains_key(*k))
}

fn ids_differ(checks: &[(usize, Check)], service: &str, path: &Path, faults: &mut Faults) {
    for (n, (i, c)) in checks.iter().enumerate() {
        if let Some((first, _)) = checks[..n].iter().find(|(_, other)| other.def.id == c.def.id) {
            let name = c.def.id.as_str().strip_prefix(service).unwrap_or_default().trim_start_matches('/');
            let problem = format!("would have the same id as `check[{first}]`: {name:?}");
            faults.value(
                path.index(*i),
                problem,
                format!("give it an id of its own, such as id = \"{name}-2\""),
            );
        }
    }
}

// === impl Known ===

impl Known {
    /// Notes the service with number `i`, or gives the number of the first one with this id.
    fn add(&mut self, id: String, i: usize) -> Result<(), usize> {
        let first = *self.0.entry(id).or_insert(i);
        if first == i { Ok(()) } else { Err(first) }
    }

    /// Whether `id`, written at `path`, is a service; says so if not.
    pub(super) fn check_one(&self, id: &str, path: &Path, faults: &mut Faults) -> bool {
        let known = self.0.contains_key(id);
        if !known {
            let hint = match nearest(id, self.0.keys().map(String::as_str)) {
                Some(near) => format!("did you mean {near:?}?"),
                None => "write the `id` of a [[service]]".to_owned(),
            };
            faults.value(path.clone(), "is not the id of a service", hint);
        }
        known
    }

    /// Says which of `ids`, written at `path`, are no services, and which are there twice.
    pub(super) fn check<'a>(&self, ids: impl Iterator<Item = &'a str>, path: &Path, faults: &mut Faults) {
        let mut seen: Vec<&str> = Vec::new();
        for (i, id) in ids.enumerate() {
            if self.check_one(id, &path.index(i), faults) && seen.contains(&id) {
                faults.value(path.index(i), "is there twice", "leave it out".to_owned());
            }
            seen.push(id);
        }
    }
}
