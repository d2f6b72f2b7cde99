//! How shapes and values are called in error messages.

use super::{Format, Shape, Text};
use std::time::Duration;
use toml::de::DeValue;

pub(super) fn found(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

pub(super) fn expected(shape: &Shape) -> String {
    match shape {
        Shape::Any => "anything".to_owned(),
        Shape::Table(_) => "a table".to_owned(),
        Shape::List { .. } => "a list".to_owned(),
        Shape::Text(Text { one_of, .. }) if !one_of.is_empty() => choice(one_of),
        Shape::Text(t) => t.format.map_or("a text", Format::called).to_owned(),
        Shape::Whole { .. } => "a whole number".to_owned(),
        Shape::Number { .. } => "a number".to_owned(),
        Shape::Bool => "true or false".to_owned(),
        Shape::Secret(written) | Shape::LocalFile(written) => expected(written),
        Shape::Either(ways) => {
            let mut all: Vec<String> = ways.iter().map(expected).collect();
            all.dedup();
            all.join(" or ")
        }
    }
}

/// What to write instead, as a whole sentence without its end.
pub(super) fn write(shape: &Shape) -> Option<String> {
    match shape {
        Shape::Secret(written) | Shape::LocalFile(written) => write(written),
        Shape::Text(t) if !t.one_of.is_empty() => Some(format!("write {}", choice(&t.one_of))),
        Shape::Bool => Some("write true or false, without quotes".to_owned()),
        Shape::Whole { .. } | Shape::Number { .. } => Some("write a number, without quotes".to_owned()),
        Shape::Either(ways) if ways.iter().all(|w| matches!(w, Shape::Table(_))) => {
            let all: Vec<String> = ways.iter().filter_map(example).collect();
            Some(format!("write {}", all.join(" or ")))
        }
        _ => example(shape).map(|e| format!("write {}, such as {e}", expected(shape))),
    }
}

/// A value of the shape, as TOML.
pub(super) fn example(shape: &Shape) -> Option<String> {
    match shape {
        Shape::Text(t) if t.one_of.is_empty() => Some(match t.format {
            Some(f) => format!("{:?}", f.example()),
            None => "\"…\"".to_owned(),
        }),
        Shape::Text(t) => t.one_of.first().map(|w| format!("{w:?}")),
        Shape::List { item, .. } => example(item).map(|e| format!("[{e}]")),
        Shape::Either(ways) => ways.iter().find_map(example),
        Shape::Secret(written) | Shape::LocalFile(written) => example(written),
        Shape::Table(t) => {
            let keys = t.required.iter().map(|k| Some(format!("{k} = {}", example(t.keys.get(k)?)?)));
            let keys: Option<Vec<String>> = keys.collect();
            keys.filter(|k| !k.is_empty()).map(|k| format!("{{ {} }}", k.join(", ")))
        }
        Shape::Any | Shape::Whole { .. } | Shape::Number { .. } | Shape::Bool => None,
    }
}

/// `"a", "b" or "c"`
pub(super) fn choice(words: &[String]) -> String {
    let quoted: Vec<String> = words.iter().map(|w| format!("{w:?}")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

/// A duration that is within bounds, and one that people would write.
pub(super) fn between(limit: Duration, least: Option<Duration>, most: Option<Duration>) -> String {
    let usual = Duration::from_secs(20);
    let good = least.is_none_or(|l| usual >= l) && most.is_none_or(|m| usual <= m);
    crate::duration::text(if good { usual } else { limit })
}
