//! What is made in the console: the same tables as in the file, kept elsewhere, and merged with the file to one configuration.
//!
//! The file wins. What it names is its own; a service or channel that the console made under the same id is *set aside*: kept,
//! shown as such, and not in force until the file lets go of the id. (The alternative, refusing the file, would make moving a
//! service from the console to the file a matter of two steps with a gap in its record between them.)
//!
//! Merging is done on the trees, before anything is checked, so that a table is held against the same rules wherever it comes
//! from, references go both ways, and an error has its place: in the file with line and column, in the console with whose table it is.

mod merge;
mod secrets;

pub(crate) use merge::Merged;
pub use secrets::{each_secret, keep_secrets, without_secrets};

use crate::{
    bounds, compile,
    config::Config,
    report::{ConfigError, Report},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{collections::HashMap, fmt, fs::File, io::Read as _, path::Path};

/// Services, channels and templates that may be kept, those that are set aside counted too.
pub const ITEMS_MAX: usize = 2_000;
/// Bytes of one table, as JSON.
pub const ITEM_BYTES: usize = 48 * 1024;

/// What can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Service,
    Channel,
    Template,
}

/// One service with its checks, one channel, or one template.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    pub kind: Kind,
    /// The `id` of a service or a template, the `name` of a channel.
    pub id: String,
    table: Map<String, Value>,
}

/// A file's text, or what stands for one.
#[derive(Debug, Clone)]
pub struct Base {
    /// What errors call it.
    pub name: String,
    pub text: String,
}

/// Base and items together.
#[derive(Debug, Clone)]
pub struct Composed {
    pub config: Config,
    pub aside: Vec<Aside>,
}

/// Kept, but not in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aside {
    pub kind: Kind,
    pub id: String,
    pub why: Why,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// The file has this id now.
    InFile,
    /// It does not go together with what there is now. Only at a start: somebody must be able to put it right in the console.
    Wrong(String),
    /// Its secrets were sealed under another key.
    Sealed,
}

/// Base and items, checked as one. What is not right is refused as a whole.
///
/// # Errors
/// Everything that is wrong, of the file and of the items.
pub fn compose(base: &Base, items: &[Item]) -> Result<Composed, Report> {
    compile::composed(base, items)
}

/// The same, but where only items are wrong that `may_wait`, those are set aside with what is wrong with them.
///
/// At a start every item may wait, because a monitor that does not start sees nothing at all; later those may that are waiting.
///
/// # Errors
/// Everything that is wrong with the rest.
pub fn compose_around(
    base: &Base,
    items: &[Item],
    may_wait: impl Fn(Kind, &str) -> bool,
) -> Result<Composed, Report> {
    let mut good = items.to_vec();
    let mut wrong = Vec::new();
    loop {
        let report = match compose(base, &good) {
            Ok(mut composed) => {
                composed.aside.append(&mut wrong);
                return Ok(composed);
            }
            Err(report) => report,
        };
        let mut said: HashMap<(Kind, &str), &ConfigError> = HashMap::new();
        for e in &report.errors {
            if let Some((kind, id)) = &e.of_console
                && may_wait(*kind, id)
            {
                said.entry((*kind, id)).or_insert(e);
            }
        }
        if said.is_empty() {
            return Err(report);
        }
        good.retain(|item| match said.get(&(item.kind, item.id.as_str())) {
            Some(e) => {
                wrong.push(Aside { kind: item.kind, id: item.id.clone(), why: Why::Wrong(e.in_short()) });
                false
            }
            None => true,
        });
    }
}

/// Tables of the configuration as TOML.
#[must_use]
pub fn text_of(tables: &Value) -> String {
    let value = toml::Value::try_from(tables).ok();
    value.and_then(|v| toml::to_string(&v).ok()).unwrap_or_default()
}

// === impl Kind ===
impl Kind {
    pub const ALL: [Kind; 3] = [Kind::Service, Kind::Channel, Kind::Template];

    /// The word for it in the file, in SQL and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Service => "service",
            Kind::Channel => "channel",
            Kind::Template => "template",
        }
    }

    #[must_use]
    pub fn of(word: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|k| k.as_str() == word)
    }

    /// The key that holds the id.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Kind::Service | Kind::Template => "id",
            Kind::Channel => "name",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

// === impl Item ===

impl Item {
    /// # Errors
    /// A table that cannot stand in a file whatever its keys: too large, too deep, another id than its own.
    pub fn new(kind: Kind, id: &str, mut table: Map<String, Value>) -> Result<Item, Report> {
        let wrong = |path: &str, problem: &str| Report::of_console(kind, id, path, problem, None);
        if table.remove(kind.key()).is_some_and(|own| own != id) {
            return Err(wrong(
                kind.key(),
                "is another than in the address; an id stays as it is, because the record belongs to it",
            ));
        }
        without_null(&mut table);
        if serde_json::to_string(&table).map_or(0, |json| json.len()) > ITEM_BYTES {
            return Err(wrong("", "is too large: 48 KiB are the most"));
        }
        let item = Item { kind, id: id.to_owned(), table };
        let readable = toml::Value::try_from(Value::Object(item.written()))
            .ok()
            .and_then(|v| toml::to_string(&v).ok())
            .is_some_and(|text| toml::de::DeTable::parse(&text).is_ok());
        if readable {
            Ok(item)
        } else {
            Err(wrong("", "holds a number or a list that cannot stand in a configuration"))
        }
    }

    /// Its keys, without the id.
    #[must_use]
    pub fn table(&self) -> &Map<String, Value> {
        &self.table
    }

    /// As it would stand in the file.
    fn written(&self) -> Map<String, Value> {
        let mut table = self.table.clone();
        table.insert(self.kind.key().to_owned(), Value::String(self.id.clone()));
        table
    }
}

/// A key without a value is a key that is not there.
fn without_null(table: &mut Map<String, Value>) {
    table.retain(|_, v| !v.is_null());
    for v in table.values_mut() {
        match v {
            Value::Object(o) => without_null(o),
            Value::Array(a) => a.iter_mut().filter_map(Value::as_object_mut).for_each(without_null),
            _ => {}
        }
    }
}

// === impl Base ===

impl Base {
    /// A file, unchecked.
    ///
    /// # Errors
    /// When it cannot be read, is too large or is not text.
    pub fn read(path: &Path) -> Result<Base, Report> {
        let name = path.display().to_string();
        let unreadable = |e: std::io::Error| {
            let hint = (e.kind() == std::io::ErrorKind::NotFound)
                .then(|| "write one, or start with --watch URL and no file".to_owned());
            Report::whole(&name, format!("cannot be read: {e}"), hint)
        };
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(unreadable)?;
        file.take(bounds::FILE_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > bounds::FILE_BYTES {
            return Err(compile::too_large(&name));
        }
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Base { name, text }),
            Err(e) => {
                let at = e.utf8_error().valid_up_to();
                Err(Report::whole(&name, format!("is not UTF-8 text (byte {})", at + 1), None))
            }
        }
    }
}

// === impl Aside ===

impl fmt::Display for Aside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} of the console is set aside: {}", self.kind, self.id, self.why)
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::InFile => f.write_str("the configuration file has this id"),
            Why::Wrong(problem) => f.write_str(problem),
            Why::Sealed => f.write_str("its secrets were sealed under another people.key; write them again"),
        }
    }
}
