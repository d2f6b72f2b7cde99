//! Templates: their places are checked here, so that nobody meets a wrong one in the middle of an outage.

use super::{SHAPES, read as read_value};
use crate::{bounds, file::TemplateTable, path::At, report::Faults};
use std::collections::HashMap;
use stillhere_model::{Text, template::pieces};
use toml::{Spanned, de::DeValue};

pub(super) fn read(written: Vec<(usize, Spanned<DeValue<'_>>)>, faults: &mut Faults) -> Vec<TemplateTable> {
    let at = At::ROOT;
    let at = at.key("template");
    if written.len() as u64 > bounds::TEMPLATES {
        let problem = format!("is there {} times, {} are allowed", written.len(), bounds::TEMPLATES);
        faults.value(at.path(), problem, None);
        return Vec::new();
    }
    let mut ids: HashMap<String, usize> = HashMap::new();
    let mut out = Vec::new();
    for (i, mut v) in written {
        faults.reading("template", i);
        let at = at.index(i);
        if !SHAPES.template.check(&mut v, &at, faults) {
            continue;
        }
        let Some(t) = read_value::<TemplateTable>(v, faults) else { continue };
        let path = at.path();
        if let Some(first) = ids.insert(t.id.clone(), i) {
            let hint = "give each template an id of its own".to_owned();
            faults.value(path.key("id"), format!("is the id of `template[{first}]`, too"), hint);
        }
        for (key, text) in [("name", &t.name), ("text", &t.text)] {
            let path = path.key(key);
            let empty = match text {
                Text::Same(s) => s.trim().is_empty().then_some(path.clone()),
                Text::Each(m) if m.is_empty() => Some(path.clone()),
                Text::Each(m) => m.iter().find(|(_, s)| s.trim().is_empty()).map(|(l, _)| path.key(l.tag())),
            };
            if let Some(at) = empty {
                faults.value(at, "is empty", "write it, or leave this language out".to_owned());
            }
        }
        let texts = match &t.text {
            Text::Same(s) => vec![(path.key("text"), s)],
            Text::Each(m) => m.iter().map(|(l, s)| (path.key("text").key(l.tag()), s)).collect(),
        };
        for (at, text) in texts {
            if let Err(fault) = pieces(text) {
                faults.value(at, fault.to_string(), None);
            }
        }
        out.push(t);
    }
    out
}
