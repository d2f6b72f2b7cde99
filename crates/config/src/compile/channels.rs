//! Channels: unique names, services that exist, and the kind's own rules.

use super::{SHAPES, read as read_value, services::Known, text_of};
use crate::{
    bounds,
    config::Channel,
    file::{ChannelTable, Site},
    path::At,
    report::Faults,
    shape::nearest,
};
use std::collections::HashMap;
use stillhere_model::ServiceId;
use stillhere_send::ChannelSpec;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

pub(super) fn read(
    written: Vec<(usize, Spanned<DeValue<'_>>)>,
    known: &Known,
    site: &Site,
    faults: &mut Faults,
) -> Vec<Channel> {
    let at = At::ROOT;
    let at = at.key("channel");
    if written.len() as u64 > bounds::CHANNELS {
        faults.value(
            at.path(),
            format!("is there {} times, {} are allowed", written.len(), bounds::CHANNELS),
            None,
        );
        return Vec::new();
    }
    let mut names: HashMap<String, usize> = HashMap::new();
    let mut out = Vec::new();
    for (i, v) in written {
        let at = at.index(i);
        faults.reading("channel", i);
        let Some(channel) = channel(v, &at, known, site, faults) else { continue };
        if let Some(first) = names.insert(channel.name.clone(), i) {
            let hint = "give each channel a name of its own".to_owned();
            faults.value(at.path().key("name"), format!("is already the name of `channel[{first}]`"), hint);
        }
        out.push(channel);
    }
    faults.of_console = false;
    out
}

fn channel(
    mut value: Spanned<DeValue<'_>>,
    at: &At<'_>,
    known: &Known,
    site: &Site,
    faults: &mut Faults,
) -> Option<Channel> {
    let span = value.span();
    let DeValue::Table(table) = value.get_ref() else { return None };
    let shape = kind_of(table, at, faults)?;
    let good = shape.check(&mut value, at, faults);
    let DeValue::Table(table) = value.into_inner() else { return None };
    let fields = crate::fields::of::<ChannelTable>();
    let (common, own): (DeTable<'_>, DeTable<'_>) =
        table.into_iter().partition(|(k, _)| fields.contains(&k.get_ref().as_ref()));
    let path = at.path();
    if !good {
        return None;
    }
    let t: ChannelTable = read_value(Spanned::new(span.clone(), DeValue::Table(common)), faults)?;
    known.check(t.services.iter().map(String::as_str), &path.key("services"), faults);
    for (i, a) in t.audience.iter().enumerate() {
        if t.audience[..i].contains(a) {
            faults.value(path.key("audience").index(i), "is there twice", "leave it out".to_owned());
        }
    }
    let spec: ChannelSpec = read_value(Spanned::new(span, DeValue::Table(own)), faults)?;
    for p in spec.validate() {
        faults.sentence(path.inner(&p.path), &p.problem, p.hint);
    }
    let language = t.language.or(site.languages.first().copied()).unwrap_or_default();
    Some(Channel {
        name: t.name,
        spec,
        audience: t.audience,
        services: t.services.iter().map(ServiceId::new).collect(),
        language,
    })
}

fn kind_of(table: &DeTable<'_>, at: &At<'_>, faults: &mut Faults) -> Option<&'static crate::shape::Shape> {
    let kinds = || SHAPES.channels.iter().map(|(k, _)| k.as_str());
    let all = || format!("the kinds are {}", kinds().collect::<Vec<_>>().join(", "));
    if !table.contains_key("kind") {
        faults.value(at.path(), "has no `kind`", all());
        return None;
    }
    let name = text_of(table, "kind").unwrap_or_default();
    let found = SHAPES.channels.iter().find(|(k, _)| *k == name);
    if found.is_none() {
        let hint = nearest(&name, kinds()).map_or_else(all, |near| format!("did you mean {near:?}?"));
        faults.value(at.path().key("kind"), "is not a kind of channel", hint);
    }
    found.map(|(_, shape)| shape)
}
