//! Planned maintenance: times in the site's zone, and keys that survive a reload.

use super::{SHAPES, read as read_value, services::Known};
use crate::{
    bounds,
    config::Window,
    file::{MaintenanceTable, Site, When},
    path::{At, Path},
    report::Faults,
    shape::slug_of,
};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use std::collections::HashMap;
use stillhere_model::{Lang, ServiceId, Status, Time};
use toml::{Spanned, de::DeValue};

pub(super) fn read(
    written: Vec<(usize, Spanned<DeValue<'_>>)>,
    known: &Known,
    site: &Site,
    faults: &mut Faults,
) -> Vec<Window> {
    let at = At::ROOT;
    let at = at.key("maintenance");
    if written.len() as u64 > bounds::WINDOWS {
        faults.value(
            at.path(),
            format!("is there {} times, {} are allowed", written.len(), bounds::WINDOWS),
            None,
        );
        return Vec::new();
    }
    let zone = TimeZone::get(&site.time_zone).unwrap_or(TimeZone::UTC);
    let mut keys: HashMap<String, usize> = HashMap::new();
    let mut out = Vec::new();
    for (i, mut v) in written {
        let at = at.index(i);
        if !SHAPES.maintenance.check(&mut v, &at, faults) {
            continue;
        }
        let Some(t) = read_value::<MaintenanceTable>(v, faults) else { continue };
        let Some(w) = window(t, &at.path(), &zone, known, faults) else { continue };
        if let Some(first) = keys.insert(w.key.clone(), i) {
            let hint = "give each window an id of its own".to_owned();
            faults.value(at.path().key("id"), format!("is the same window as `maintenance[{first}]`"), hint);
        }
        out.push(w);
    }
    out
}

fn window(
    t: MaintenanceTable,
    path: &Path,
    zone: &TimeZone,
    known: &Known,
    faults: &mut Faults,
) -> Option<Window> {
    known.check(t.services.iter().map(String::as_str), &path.key("services"), faults);
    if t.expect == Status::Unknown {
        let hint = "write \"major_outage\", \"partial_outage\", \"degraded_performance\" or \"operational\""
            .to_owned();
        faults.value(path.key("expect"), "cannot be planned", hint);
    }
    let starts_at = time(&t.starts_at, &path.key("starts_at"), zone, faults);
    let ends_at = time(&t.ends_at, &path.key("ends_at"), zone, faults);
    let (starts_at, ends_at) = (starts_at?, ends_at?);
    if ends_at <= starts_at {
        faults.value(path.key("ends_at"), "is not after `starts_at`", None);
    }
    let key = t.id.unwrap_or_else(|| {
        let name = slug_of(t.title.get(Lang::En)).unwrap_or_else(|| "maintenance".to_owned());
        format!("{name}@{starts_at}")
    });
    Some(Window {
        key,
        title: t.title,
        body: t.body,
        services: t.services.iter().map(ServiceId::new).collect(),
        starts_at,
        ends_at,
        expect: t.expect,
    })
}

fn time(when: &When, path: &Path, zone: &TimeZone, faults: &mut Faults) -> Option<Time> {
    if let Ok(t) = when.0.parse::<Timestamp>() {
        return Some(Time::from_jiff(t));
    }
    let Ok(local) = when.0.parse::<DateTime>() else {
        faults.value(
            path.clone(),
            "is not a date and time",
            "write one such as \"2026-12-01T22:00:00+01:00\"".to_owned(),
        );
        return None;
    };
    // An hour that the clocks skip or repeat has no one meaning: say so rather than choose.
    match zone.to_ambiguous_zoned(local).unambiguous() {
        Ok(z) => Some(Time::from_jiff(z.timestamp())),
        Err(_) => {
            let name = zone.iana_name().unwrap_or("the site's zone");
            let hint =
                format!("write it with its offset, such as \"{}{}\"", local, example_offset(zone, local));
            faults.value(
                path.clone(),
                format!("is not one point in time in {name}: the clocks change then"),
                hint,
            );
            None
        }
    }
}

fn example_offset(zone: &TimeZone, local: DateTime) -> String {
    zone.to_ambiguous_zoned(local)
        .compatible()
        .map_or_else(|_| "+00:00".to_owned(), |z| z.strftime("%:z").to_string())
}
