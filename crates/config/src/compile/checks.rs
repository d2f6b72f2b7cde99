//! Checks: the keys that every kind has, the kind's own, and its conditions.

use super::{SHAPES, read, refused, text_of};
use crate::{
    config::Check,
    file::{CheckTable, Defaults, ServiceTable},
    path::{At, Path},
    report::Faults,
    schema::USUAL_KIND,
    shape::{nearest, slug_of},
    watch,
};
use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    time::Duration,
};
use stillhere_model::{CheckDef, CheckId, ServiceId, Text};
use stillhere_observe::{
    SecretSource,
    condition::Condition,
    probe::{CheckSpec, KINDS, Kind, Problem, Spec},
};
use toml::{
    Spanned,
    de::{DeTable, DeValue, ValueDeserializer},
};

/// Reads checks one after another and remembers the conditions that were found good.
pub(super) struct Reader<'d> {
    defaults: &'d Defaults,
    /// Kept so that a condition that stands in a thousand checks is compiled once.
    good: HashMap<(&'static str, String), Condition>,
    common: HashSet<&'static str>,
    /// Where each source of a heartbeat's key stands first.
    push_keys: HashMap<SecretSource, Path>,
    pub(super) seen: usize,
}

// === impl Reader ===

impl<'d> Reader<'d> {
    pub(super) fn new(defaults: &'d Defaults) -> Reader<'d> {
        let common = crate::fields::of::<CheckTable>().iter().copied().collect();
        Reader { defaults, good: HashMap::new(), common, push_keys: HashMap::new(), seen: 0 }
    }

    pub(super) fn check(
        &mut self,
        mut value: Spanned<DeValue<'_>>,
        service: &str,
        at: &At<'_>,
        faults: &mut Faults,
    ) -> Option<(usize, Check)> {
        self.seen += 1;
        let span = value.span();
        let DeValue::Table(table) = value.get_mut() else { return None };
        let kind = kind_of(table, at, faults)?;
        let good = SHAPES.checks[kind.name].check(&mut value, at, faults);
        let DeValue::Table(mut table) = value.into_inner() else { return None };
        table.remove("kind");
        let (common, own): (DeTable<'_>, DeTable<'_>) =
            table.into_iter().partition(|(k, _)| self.common.contains(k.get_ref().as_ref()));
        let common: Option<CheckTable> = read(Spanned::new(span.clone(), DeValue::Table(common)), faults);
        if let Some(t) = &common {
            self.sense(t, kind, &at.path(), faults);
        }
        if !good {
            return None;
        }
        let own = ValueDeserializer::from(Spanned::new(span.clone(), DeValue::Table(own)));
        let spec = match Spec::parse(kind.name, own)? {
            Ok(spec) => spec,
            Err(e) => {
                refused(&e, span, faults);
                return None;
            }
        };
        problems(spec.validate(), &at.path(), faults);
        if let Spec::Push(push) = &spec {
            let problem = match self.push_keys.entry(push.key.clone()) {
                Entry::Occupied(first) => Some(format!("is the key of `{}` too", first.get())),
                Entry::Vacant(new) => {
                    new.insert(at.path());
                    None
                }
            };
            if let Some(problem) = problem {
                let hint = "give each job a key of its own, or nobody knows which one called".to_owned();
                faults.value(at.path().key("key"), problem, hint);
            }
        }
        let check = check_of(service, common?, spec, self.defaults);
        at.number().map(|i| (i, check))
    }

    /// The one check of a service that is written short.
    pub(super) fn short(&mut self, t: &ServiceTable, path: &Path, faults: &mut Faults) -> Option<Check> {
        self.seen += 1;
        let spec = match watch::spec(t.url.as_deref().unwrap_or_default()) {
            Ok(spec) => spec,
            Err(why) => {
                faults.sentence(path.key("url"), &why.problem, why.hint);
                return None;
            }
        };
        problems(spec.validate(), path, faults);
        let common =
            CheckTable { interval: t.interval, conditions: t.conditions.clone(), ..CheckTable::default() };
        self.sense(&common, spec.kind(), path, faults);
        Some(check_of(&t.id, common, spec, self.defaults))
    }

    fn sense(&mut self, t: &CheckTable, kind: &'static Kind, path: &Path, faults: &mut Faults) {
        let interval = t.interval.unwrap_or(self.defaults.interval);
        let said = crate::duration::said;
        if let Some(timeout) = t.timeout
            && timeout > interval
        {
            let hint = format!("write at most the interval of {}", said(interval));
            faults.value(path.key("timeout"), "is longer than the interval", hint);
        }
        if let Some(slow) = t.slow_over
            && !kind.passive
            && slow >= timeout(t, self.defaults)
        {
            let hint = format!("write less than the timeout of {}", said(timeout(t, self.defaults)));
            faults.value(path.key("slow_over"), "can never be reached", hint);
        }
        for (i, text) in t.conditions.iter().enumerate() {
            if self.good.contains_key(&(kind.name, text.clone())) {
                continue;
            }
            match Condition::parse(kind.names, text) {
                Ok(c) => {
                    self.good.insert((kind.name, text.clone()), c);
                }
                Err(p) => faults.sentence(path.key("conditions").index(i), &p.problem, p.hint),
            }
        }
    }
}

/// A check with everything filled in.
pub(crate) fn check_of(service: &str, t: CheckTable, spec: Spec, defaults: &Defaults) -> Check {
    let kind = spec.kind();
    let slug = t.id.clone().or_else(|| match &t.name {
        Some(Text::Same(name)) => slug_of(name),
        _ => None,
    });
    let slug = slug.unwrap_or_else(|| kind.name.to_owned());
    let id = CheckId::new(format!("{service}/{slug}"));
    let timeout = timeout(&t, defaults);
    // The defaults are about answers; how long a job may run only its own check can say.
    let slow_over =
        if kind.passive { t.slow_over } else { t.slow_over.or(defaults.slow_over).filter(|s| *s < timeout) };
    // A heartbeat that did not come is not looked at a second time.
    let in_a_row = |written: Option<u32>, usual: u32| written.unwrap_or(if kind.passive { 1 } else { usual });
    Check {
        def: CheckDef {
            id: id.clone(),
            service: ServiceId::new(service),
            name: t.name.unwrap_or(Text::Same(slug)),
            kind: kind.name.to_owned(),
            interval: t.interval.unwrap_or(defaults.interval),
            timeout,
            fail_after: in_a_row(t.fail_after, defaults.fail_after),
            recover_after: in_a_row(t.recover_after, defaults.recover_after),
            severity: t.severity,
            quorum: t.quorum.unwrap_or(defaults.quorum),
            passive: kind.passive,
        },
        spec: CheckSpec {
            id,
            spec,
            timeout,
            slow_over,
            conditions: t.conditions,
            vantage: crate::config::vantage(),
        },
    }
}

fn timeout(t: &CheckTable, defaults: &Defaults) -> Duration {
    t.timeout.unwrap_or_else(|| defaults.timeout.min(t.interval.unwrap_or(defaults.interval)))
}

fn kind_of(table: &DeTable<'_>, at: &At<'_>, faults: &mut Faults) -> Option<&'static Kind> {
    let name = match table.get("kind").map(Spanned::get_ref) {
        None => USUAL_KIND.to_owned(),
        Some(_) => text_of(table, "kind").unwrap_or_default(),
    };
    let kind = Kind::get(&name);
    if kind.is_none() {
        let names = || KINDS.iter().map(|k| k.name);
        let hint = match nearest(&name, names()) {
            Some(near) => format!("did you mean {near:?}?"),
            None => format!("the kinds are {}", names().collect::<Vec<_>>().join(", ")),
        };
        faults.value(at.path().key("kind"), "is not a kind of check", hint);
    }
    kind
}

fn problems(found: Vec<Problem>, path: &Path, faults: &mut Faults) {
    for p in found {
        faults.sentence(path.inner(&p.path), &p.problem, p.hint);
    }
}
