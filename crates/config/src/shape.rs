//! Holds a TOML tree against a schema and says everything that is wrong with it, not only the first thing.
//!
//! It knows as much of JSON Schema as our types give, and our formats. What it does not know it lets pass: the
//! types themselves have the last word when the tree is read into them. What is wrong and can be left out is
//! taken out of the tree, so that the rest can still be read and checked.

mod console;
mod format;
mod nearest;
mod words;

pub(crate) use format::{Format, slug_of};
pub(crate) use nearest::nearest;

use crate::{path::At, report::Faults};
use serde_json::Value;
use std::{collections::BTreeMap, time::Duration};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// A schema, ready to be held against many values.
#[derive(Debug, Clone)]
pub(crate) enum Shape {
    Any,
    Table(Table),
    List {
        item: Box<Shape>,
        least: usize,
        most: usize,
    },
    Text(Text),
    Whole {
        least: i128,
        most: i128,
    },
    Number {
        least: f64,
        most: f64,
    },
    Bool,
    /// One of these, told apart by TOML's types as far as possible.
    Either(Vec<Shape>),
    /// Where a secret is: in the file a place of this machine, in the console the secret itself.
    Secret(Box<Shape>),
    /// A file of this machine: the console cannot name one.
    LocalFile(Box<Shape>),
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    keys: BTreeMap<String, Shape>,
    required: Vec<String>,
    least: usize,
    /// What stands under keys that are not named.
    others: Option<Box<Shape>>,
}

#[derive(Debug, Clone)]
pub(crate) struct Text {
    one_of: Vec<String>,
    format: Option<Format>,
    least: usize,
    most: usize,
    shortest: Option<Duration>,
    longest: Option<Duration>,
}

// === impl Shape ===

impl Shape {
    pub(crate) fn of(schema: &Value) -> Shape {
        let ways = schema.get("oneOf").and_then(Value::as_array).map(Vec::as_slice);
        if let Some([env, file]) = ways
            && env["properties"].get("env").is_some()
            && file["properties"].get("file").is_some()
        {
            return Shape::Secret(Box::new(Shape::Either(vec![Shape::of(env), Shape::of(file)])));
        }
        for any in ["oneOf", "anyOf"] {
            if let Some(Value::Array(of)) = schema.get(any) {
                return Shape::either(of.iter().map(Shape::of).collect());
            }
        }
        let number =
            |key: &str| schema.get(key).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
        let limit = |key: &str| schema.get(key).and_then(Value::as_f64);
        match schema.get("type").and_then(Value::as_str) {
            Some("object") => Shape::Table(Table::of(schema)),
            Some("array") => Shape::List {
                item: Box::new(schema.get("items").map_or(Shape::Any, Shape::of)),
                least: number("minItems").unwrap_or(0),
                most: number("maxItems").unwrap_or(usize::MAX),
            },
            Some("string") => Shape::Text(Text::of(schema)),
            None if schema.get("const").is_some_and(Value::is_string) => Shape::Text(Text::of(schema)),
            Some("integer") => Shape::Whole {
                least: schema.get("minimum").and_then(Value::as_i64).map_or(i128::MIN, i128::from),
                most: schema.get("maximum").and_then(Value::as_u64).map_or(i128::MAX, i128::from),
            },
            Some("number") => Shape::Number {
                least: limit("minimum").unwrap_or(f64::NEG_INFINITY),
                most: limit("maximum").unwrap_or(f64::INFINITY),
            },
            Some("boolean") => Shape::Bool,
            _ => Shape::Any,
        }
    }

    /// Several closed sets of words are one set.
    fn either(of: Vec<Shape>) -> Shape {
        let mut words: Vec<String> = Vec::new();
        let mut ways: Vec<Shape> = Vec::new();
        for s in of {
            match s {
                Shape::Text(t) if !t.one_of.is_empty() => words.extend(t.one_of),
                other => ways.push(other),
            }
        }
        if !words.is_empty() {
            ways.insert(0, Shape::Text(Text { one_of: words, ..Text::any() }));
        }
        if ways.len() == 1 { ways.remove(0) } else { Shape::Either(ways) }
    }

    /// Says what is wrong with `value`. False when it cannot be used, even without the parts that were taken out.
    pub(crate) fn check(&self, value: &mut Spanned<DeValue<'_>>, at: &At<'_>, faults: &mut Faults) -> bool {
        match (self, value.get_mut()) {
            (Shape::Secret(_) | Shape::LocalFile(_), _) if faults.of_console => {
                console::check(self, value.get_ref(), at, faults)
            }
            (Shape::Secret(written) | Shape::LocalFile(written), _) => written.check(value, at, faults),
            (Shape::Any, _) | (Shape::Bool, DeValue::Boolean(_)) => true,
            (Shape::Table(t), DeValue::Table(v)) => t.check(v, at, faults),
            (Shape::Text(t), DeValue::String(s)) => t.check(s, at, faults),
            (Shape::Text(Text { format: Some(Format::When), .. }), DeValue::Datetime(d)) => {
                if d.date.is_none() {
                    faults.value(at.path(), "has no date", words::write(self));
                }
                d.date.is_some()
            }
            (Shape::List { item, least, most }, DeValue::Array(a)) => {
                let mut good = true;
                if a.len() < *least {
                    good = false;
                    faults.value(at.path(), "is empty", words::write(self));
                }
                if a.len() > *most {
                    good = false;
                    faults.value(at.path(), format!("has {} entries, {most} are allowed", a.len()), None);
                }
                for (i, v) in a.iter_mut().enumerate().take(*most) {
                    good &= item.check(v, &at.index(i), faults);
                }
                good
            }
            (Shape::Whole { least, most }, DeValue::Integer(i)) => {
                let n = i128::from_str_radix(i.as_str(), i.radix()).unwrap_or(i128::MAX);
                within(n < *least, n > *most, least, most, at, faults)
            }
            (Shape::Number { .. }, DeValue::Integer(_)) => true,
            (Shape::Number { least, most }, DeValue::Float(n)) => {
                let n: f64 = n.as_str().parse().unwrap_or(f64::NAN);
                within(n < *least || n.is_nan(), n > *most, least, most, at, faults)
            }
            (Shape::Either(ways), _) => Shape::check_either(ways, value, at, faults),
            (_, found) => {
                let problem = format!("is {}, not {}", words::found(found), words::expected(self));
                faults.value(at.path(), problem, words::write(self));
                false
            }
        }
    }

    fn check_either(
        ways: &[Shape],
        value: &mut Spanned<DeValue<'_>>,
        at: &At<'_>,
        faults: &mut Faults,
    ) -> bool {
        let fitting: Vec<&Shape> = ways.iter().filter(|s| s.fits(value.get_ref())).collect();
        match fitting[..] {
            [one] => one.check(value, at, faults),
            [] => {
                let whole = Shape::Either(ways.to_vec());
                let problem =
                    format!("is {}, not {}", words::found(value.get_ref()), words::expected(&whole));
                faults.value(at.path(), problem, words::write(&whole));
                false
            }
            [first, ..] => {
                let good = fitting.iter().any(|s| {
                    let mut tried = faults.tried();
                    s.check(&mut value.clone(), at, &mut tried) && tried.is_empty()
                });
                // The way that was meant says best what is wrong with it.
                let meant =
                    fitting.iter().copied().find(|s| s.knows_keys_of(value.get_ref())).unwrap_or(first);
                good || meant.check(value, at, faults)
            }
        }
    }

    fn knows_keys_of(&self, value: &DeValue<'_>) -> bool {
        match (self, value) {
            (Shape::Table(t), DeValue::Table(v)) => {
                v.keys().all(|k| t.keys.contains_key(k.get_ref().as_ref()))
            }
            _ => false,
        }
    }

    fn fits(&self, value: &DeValue<'_>) -> bool {
        match self {
            Shape::Any => true,
            Shape::Table(_) => matches!(value, DeValue::Table(_)),
            Shape::List { .. } => matches!(value, DeValue::Array(_)),
            Shape::Text(_) => matches!(value, DeValue::String(_)),
            Shape::Whole { .. } => matches!(value, DeValue::Integer(_)),
            Shape::Number { .. } => matches!(value, DeValue::Integer(_) | DeValue::Float(_)),
            Shape::Bool => matches!(value, DeValue::Boolean(_)),
            Shape::Either(ways) => ways.iter().any(|s| s.fits(value)),
            Shape::Secret(written) | Shape::LocalFile(written) => written.fits(value),
        }
    }
}

fn within<N: std::fmt::Display>(
    less: bool,
    more: bool,
    least: &N,
    most: &N,
    at: &At<'_>,
    faults: &mut Faults,
) -> bool {
    if less {
        faults.value(at.path(), format!("is less than {least}"), None);
    }
    if more {
        faults.value(at.path(), format!("is more than {most}"), None);
    }
    !less && !more
}

// === impl Table ===

impl Table {
    fn of(schema: &Value) -> Table {
        let strings = |v: &Value| {
            v.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        Table {
            keys: schema["properties"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(k, v)| (k.clone(), Table::value(k, v)))
                .collect(),
            required: schema.get("required").map(strings).unwrap_or_default(),
            least: schema
                .get("minProperties")
                .and_then(Value::as_u64)
                .map_or(0, |n| usize::try_from(n).unwrap_or(0)),
            others: match schema.get("additionalProperties") {
                Some(Value::Bool(false)) => None,
                Some(v @ Value::Object(_)) => Some(Box::new(Shape::of(v))),
                _ => Some(Box::new(Shape::Any)),
            },
        }
    }

    /// Keys that name files of this machine are known by their names, all of them.
    fn value(key: &str, schema: &Value) -> Shape {
        let shape = Shape::of(schema);
        if key == "file" || key.ends_with("_file") { Shape::LocalFile(Box::new(shape)) } else { shape }
    }

    pub(crate) fn check(&self, table: &mut DeTable<'_>, at: &At<'_>, faults: &mut Faults) -> bool {
        let mut good = true;
        let mut wrong: Vec<String> = Vec::new();
        for (key, value) in table.iter_mut() {
            let key = key.get_ref().as_ref();
            let at = at.key(key);
            match self.keys.get(key).or(self.others.as_deref()) {
                Some(shape) => {
                    if !shape.check(value, &at, faults) {
                        wrong.push(key.to_owned());
                        good &= !self.required.iter().any(|r| r == key);
                    }
                }
                None => {
                    wrong.push(key.to_owned());
                    self.unknown(key, &at, faults);
                }
            }
        }
        for key in &self.required {
            if !table.contains_key(key.as_str()) {
                good = false;
                // A misspelt key is missing too; one error is enough.
                if !wrong.iter().any(|w| nearest(w, [key.as_str()]).is_some()) {
                    let hint =
                        self.keys.get(key).and_then(words::example).map(|e| format!("write {key} = {e}"));
                    faults.value(at.path(), format!("has no `{key}`"), hint);
                }
            }
        }
        if table.len() < self.least {
            good = false;
            faults.value(at.path(), "is empty", None);
        }
        for key in &wrong {
            table.remove(key.as_str());
        }
        good
    }

    fn unknown(&self, key: &str, at: &At<'_>, faults: &mut Faults) {
        let known = self.keys.keys().map(String::as_str);
        let hint = match nearest(key, known.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the keys here are {}", known.collect::<Vec<_>>().join(", ")),
        };
        faults.key(at.path(), "is not a key that is known here", hint);
    }
}

// === impl Text ===

impl Text {
    fn any() -> Text {
        Text { one_of: Vec::new(), format: None, least: 0, most: usize::MAX, shortest: None, longest: None }
    }

    fn of(schema: &Value) -> Text {
        let number =
            |key: &str| schema.get(key).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
        let duration =
            |key: &str| schema.get(key).and_then(Value::as_str).and_then(|s| crate::duration::parse(s).ok());
        let words = schema.get("enum").and_then(Value::as_array).cloned().unwrap_or_default();
        Text {
            one_of: words
                .iter()
                .chain(schema.get("const"))
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
            format: schema.get("format").and_then(Value::as_str).and_then(Format::of),
            least: number("minLength").unwrap_or(0),
            most: number("maxLength").unwrap_or(usize::MAX),
            shortest: duration("x-min"),
            longest: duration("x-max"),
        }
    }

    fn check(&self, text: &str, at: &At<'_>, faults: &mut Faults) -> bool {
        let mut wrong = |problem: String, hint: Option<String>| {
            faults.value(at.path(), problem, hint);
            false
        };
        if !self.one_of.is_empty() {
            if self.one_of.iter().any(|w| w == text) {
                return true;
            }
            let hint = match nearest(text, self.one_of.iter().map(String::as_str)) {
                Some(near) => format!("did you mean {near:?}?"),
                None => format!("write {}", words::choice(&self.one_of)),
            };
            return wrong("is none of the words that are known here".to_owned(), Some(hint));
        }
        let chars = text.chars().count();
        if chars < self.least {
            return wrong("is empty".to_owned(), None);
        }
        if chars > self.most {
            return wrong(format!("has {chars} characters, {} are allowed", self.most), None);
        }
        let Some(format) = self.format else { return true };
        match format.check(text) {
            Err((problem, hint)) => wrong(problem, hint),
            Ok(None) => true,
            Ok(Some(d)) => {
                let said = crate::duration::said;
                let write = |how: &str, limit| {
                    Some(format!(
                        "write a duration of {how} {}, such as {:?}",
                        said(limit),
                        words::between(limit, self.shortest, self.longest)
                    ))
                };
                match (self.shortest, self.longest) {
                    (Some(least), _) if d < least => {
                        wrong(format!("is shorter than {}", said(least)), write("at least", least))
                    }
                    (_, Some(most)) if d > most => {
                        wrong(format!("is longer than {}", said(most)), write("at most", most))
                    }
                    _ => true,
                }
            }
        }
    }
}
