//! The names a condition may use, and their values in one look.
//!
//! Each probe kind documents its names once, in its `NAMES`; the static check, the sample evaluation, the
//! documentation test and the values at run time all go through that list, so they cannot drift apart.

use cel::{
    Value,
    common::{
        types::{CelBool, CelDouble, CelInt, CelNull, CelString},
        value::CowVal,
    },
    context::VariableResolver,
    objects::{Key, Map},
};
use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

/// Text that a target sent (a body, a heartbeat's message) is cut to this before a condition sees it: what a
/// condition costs grows with its input, and the language has no limit of its own.
pub const MAX_TEXT_BYTES: usize = 64 * 1024;
/// Entries of one list or map given to a condition.
pub const MAX_ENTRIES: usize = 256;

/// One documented name.
#[derive(Debug)]
pub struct Name {
    pub name: &'static str,
    /// One sentence, as in the kind's doc page.
    pub about: &'static str,
    /// A typical value. Its type is the name's type, and conditions are tried on it when they are loaded.
    pub sample: Sample,
    /// Text that the target sent or the operator's network holds: never printed in public, only its size is.
    pub private: bool,
}

/// A typical value of a name, as a constant.
#[derive(Debug, Clone, Copy)]
pub enum Sample {
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(&'static str),
    Texts(&'static [&'static str]),
    Map(&'static [(&'static str, &'static str)]),
    /// JSON whose shape is not known before the look.
    Json(&'static str),
}

/// What a name can hold, as far as it is known before the look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    Bool,
    Int,
    Float,
    Text,
    List,
    Map,
    Null,
    /// Known only at run time.
    Any,
}

/// The value of a name in one look.
#[derive(Debug)]
pub enum Fact {
    /// The phase did not take place, or the target sent nothing of the kind: `null` in a condition.
    Absent,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Arc<str>),
    Texts(Vec<String>),
    Map(Vec<(String, String)>),
    Json(Json),
}

/// Text that is parsed as JSON when a condition asks for it, at most once. Not JSON: `null`.
#[derive(Debug)]
pub struct Json {
    text: Arc<str>,
    parsed: OnceLock<Value>,
}

/// The values of one look. Build them only when the check has conditions.
#[derive(Debug)]
pub struct Facts {
    names: &'static [Name],
    values: Vec<Fact>,
}

// === impl Name ===

impl Name {
    /// A name whose value may be shown to everyone.
    #[must_use]
    pub const fn public(name: &'static str, about: &'static str, sample: Sample) -> Name {
        Name { name, about, sample, private: false }
    }
    /// A name whose texts are for the operator only.
    #[must_use]
    pub const fn private(name: &'static str, about: &'static str, sample: Sample) -> Name {
        Name { name, about, sample, private: true }
    }
    #[must_use]
    pub fn ty(&self) -> Type {
        match self.sample {
            Sample::Bool(_) => Type::Bool,
            Sample::Int(_) => Type::Int,
            Sample::Float(_) => Type::Float,
            Sample::Text(_) => Type::Text,
            Sample::Texts(_) => Type::List,
            Sample::Map(_) => Type::Map,
            Sample::Json(_) => Type::Any,
        }
    }
    /// Its size is decided by the target.
    pub(crate) fn is_big(&self) -> bool {
        matches!(self.sample, Sample::Text(_) | Sample::Texts(_) | Sample::Map(_) | Sample::Json(_))
    }
}

// === impl Type ===

impl Type {
    /// As said in an error: "a number".
    #[must_use]
    pub fn article(self) -> &'static str {
        match self {
            Type::Bool => "true or false",
            Type::Int => "a whole number",
            Type::Float => "a number with a fraction",
            Type::Text => "a text",
            Type::List => "a list",
            Type::Map => "a map",
            Type::Null => "null",
            Type::Any => "a value",
        }
    }
}

// === impl Fact ===

impl Fact {
    #[must_use]
    pub fn text(s: &str) -> Fact {
        Fact::Text(Arc::from(cut(s)))
    }
    /// Bytes as text: what is not UTF-8 becomes U+FFFD.
    #[must_use]
    pub fn bytes(b: &[u8]) -> Fact {
        let b = b.get(..MAX_TEXT_BYTES).unwrap_or(b);
        Fact::text(&String::from_utf8_lossy(b))
    }
    #[must_use]
    pub fn json(text: Arc<str>) -> Fact {
        Fact::Json(Json { text, parsed: OnceLock::new() })
    }
    #[must_use]
    pub fn texts(items: impl IntoIterator<Item = String>) -> Fact {
        Fact::Texts(items.into_iter().take(MAX_ENTRIES).map(|s| cut(&s).to_owned()).collect())
    }
    #[must_use]
    pub fn map(items: impl IntoIterator<Item = (String, String)>) -> Fact {
        Fact::Map(items.into_iter().take(MAX_ENTRIES).map(|(k, v)| (k, cut(&v).to_owned())).collect())
    }
    /// A duration in microseconds as whole milliseconds, rounded up so that a phase that took place is never 0.
    #[must_use]
    pub fn millis_of_us(us: Option<u32>) -> Fact {
        us.map_or(Fact::Absent, |us| Fact::Int(i64::from(us.div_ceil(1000))))
    }
}

impl From<bool> for Fact {
    fn from(b: bool) -> Fact {
        Fact::Bool(b)
    }
}
impl From<i64> for Fact {
    fn from(i: i64) -> Fact {
        Fact::Int(i)
    }
}
impl From<f64> for Fact {
    fn from(f: f64) -> Fact {
        Fact::Float(f)
    }
}
impl From<&str> for Fact {
    fn from(s: &str) -> Fact {
        Fact::text(s)
    }
}
impl<T: Into<Fact>> From<Option<T>> for Fact {
    fn from(o: Option<T>) -> Fact {
        o.map_or(Fact::Absent, Into::into)
    }
}
impl From<Sample> for Fact {
    fn from(s: Sample) -> Fact {
        match s {
            Sample::Bool(b) => Fact::Bool(b),
            Sample::Int(i) => Fact::Int(i),
            Sample::Float(f) => Fact::Float(f),
            Sample::Text(t) => Fact::text(t),
            Sample::Texts(t) => Fact::texts(t.iter().map(|s| (*s).to_owned())),
            Sample::Map(m) => Fact::map(m.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))),
            Sample::Json(j) => Fact::json(Arc::from(j)),
        }
    }
}

// === impl Facts ===

impl Facts {
    /// Every name starts absent.
    #[must_use]
    pub fn new(names: &'static [Name]) -> Facts {
        Facts { names, values: names.iter().map(|_| Fact::Absent).collect() }
    }

    /// The kind's sample values.
    #[must_use]
    pub fn sample(names: &'static [Name]) -> Facts {
        Facts { names, values: names.iter().map(|n| Fact::from(n.sample)).collect() }
    }

    /// Sets the value of a documented name. A name that is not documented is a defect of the kind and is
    /// ignored in a release build.
    pub fn set(&mut self, name: &str, fact: impl Into<Fact>) {
        match self.names.iter().position(|n| n.name == name) {
            Some(i) => self.values[i] = fact.into(),
            None => debug_assert!(false, "{name} is not in the kind's NAMES"),
        }
    }

    /// Sets `text` to the bytes as text and `json` to what they say as JSON; both share one copy.
    pub fn set_body(&mut self, text: &str, json: &str, body: &[u8]) {
        let whole = body.len() <= MAX_TEXT_BYTES;
        let fact = Fact::bytes(body);
        if let Fact::Text(t) = &fact
            && whole
        {
            self.set(json, Fact::json(t.clone()));
        }
        self.set(text, fact);
    }

    #[must_use]
    pub fn names(&self) -> &'static [Name] {
        self.names
    }
}

impl VariableResolver for Facts {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        let i = self.names.iter().position(|n| n.name == variable)?;
        Some(match &self.values[i] {
            Fact::Absent => CowVal::owned(CelNull),
            Fact::Bool(b) => CowVal::owned(CelBool::from(*b)),
            Fact::Int(i) => CowVal::owned(CelInt::from(*i)),
            Fact::Float(f) => CowVal::owned(CelDouble::from(*f)),
            Fact::Text(t) => CowVal::owned(CelString::from(&**t)),
            Fact::Texts(list) => {
                let list: Vec<Value> = list.iter().map(|s| Value::from(s.as_str())).collect();
                CowVal::Owned(Value::List(Arc::new(list)).try_into().ok()?)
            }
            Fact::Map(map) => {
                let map: HashMap<Key, Value> =
                    map.iter().map(|(k, v)| (Key::from(k.clone()), Value::from(v.as_str()))).collect();
                CowVal::Owned(Value::Map(Map { map: Arc::new(map) }).try_into().ok()?)
            }
            Fact::Json(json) => CowVal::Owned(json.value().clone().try_into().ok()?),
        })
    }
}

// === impl Json ===

impl Json {
    fn value(&self) -> &Value {
        self.parsed.get_or_init(|| {
            serde_json::from_str(&self.text).map_or(Value::Null, |v: serde_json::Value| from_json(&v))
        })
    }
}

/// Whole numbers become `int`, so that `json.count + 1` works; `serde_json` bounds the depth at 128.
fn from_json(v: &serde_json::Value) -> Value {
    match v {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(b) => Value::Bool(*b),
        serde_json::Value::Number(n) => {
            n.as_i64().map_or_else(|| Value::Float(n.as_f64().unwrap_or(f64::NAN)), Value::Int)
        }
        serde_json::Value::String(s) => Value::from(s.as_str()),
        serde_json::Value::Array(a) => Value::List(Arc::new(a.iter().map(from_json).collect())),
        serde_json::Value::Object(o) => {
            let map = o.iter().map(|(k, v)| (Key::from(k.clone()), from_json(v))).collect();
            Value::Map(Map { map: Arc::new(map) })
        }
    }
}

/// The first `MAX_TEXT_BYTES` of `s`, on a character boundary.
fn cut(s: &str) -> &str {
    &s[..s.floor_char_boundary(MAX_TEXT_BYTES)]
}
