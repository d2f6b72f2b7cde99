//! Everything that is wrong with a file, each with its place, its picture and what to write instead.
//!
//! A report never holds a secret: pictures mask the values of secret keys, and every word that stands in such a
//! value is taken out of the messages as well, whoever wrote them.

mod picture;
mod secrets;

use crate::{
    bounds,
    console::{Kind, Merged},
    path::Path,
};
use picture::Picture;
pub(crate) use secrets::{MASK, Secrets, is_secret};
use std::{fmt, ops::Range};
use toml::Spanned;
use toml::de::DeTable;

/// Why there is no [`crate::Config`]: every error at once, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub errors: Vec<ConfigError>,
    /// Errors beyond [`bounds::REPORTED_ERRORS`].
    pub more: usize,
}

/// One error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    pub file: String,
    /// Such as `service[1].check[0].interval`; empty when it is about the file itself.
    pub path: String,
    /// Counted from 1; `None` when it is about the file itself.
    pub line: Option<usize>,
    /// In characters, counted from 1.
    pub column: Option<usize>,
    pub problem: String,
    /// What to write instead.
    pub hint: Option<String>,
    /// It is about this service or channel of the console: `path` is then the place in its own table.
    pub of_console: Option<(Kind, String)>,
    picture: Option<Picture>,
}

/// Collects errors by path; places are looked up only when a report is made.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    found: Vec<Fault>,
    more: usize,
    /// What is being read now was made in the console.
    pub(crate) of_console: bool,
    /// Where in each list of the tree the console's tables begin.
    begins: Vec<(&'static str, usize)>,
}

#[derive(Debug)]
struct Fault {
    place: Place,
    /// Stands behind the path: a phrase such as "is not a slug", or ": " and a sentence.
    problem: String,
    hint: Option<String>,
}

#[derive(Debug)]
enum Place {
    Key(Path),
    Value(Path),
    Span(Range<usize>),
}

// === impl Faults ===

impl Faults {
    /// For a tree that something of the console was merged with.
    pub(crate) fn of(merged: &Merged) -> Faults {
        let begins = |list| merged.begins(list).map(|from| (list, from));
        Faults {
            begins: ["service", "channel"].into_iter().filter_map(begins).collect(),
            ..Faults::default()
        }
    }

    /// For trying one of several ways: empty, of the same origin.
    pub(crate) fn tried(&self) -> Faults {
        Faults { of_console: self.of_console, ..Faults::default() }
    }

    /// From here on the `i`th table of `list` is being read.
    pub(crate) fn reading(&mut self, list: &str, i: usize) {
        self.of_console = self.begins.iter().any(|(name, from)| *name == list && i >= *from);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// The key itself is wrong.
    pub(crate) fn key(&mut self, path: Path, problem: impl Into<String>, hint: impl Into<Option<String>>) {
        self.push(Place::Key(path), problem.into(), hint.into());
    }

    /// The value is wrong, or missing: then the nearest thing around it is shown.
    pub(crate) fn value(&mut self, path: Path, problem: impl Into<String>, hint: impl Into<Option<String>>) {
        self.push(Place::Value(path), problem.into(), hint.into());
    }

    /// The place in the text is known; the path is looked up.
    pub(crate) fn span(
        &mut self,
        span: Range<usize>,
        problem: impl Into<String>,
        hint: impl Into<Option<String>>,
    ) {
        self.push(Place::Span(span), problem.into(), hint.into());
    }

    /// Something that another crate says about a value, in a sentence of its own.
    pub(crate) fn sentence(&mut self, path: Path, sentence: &str, hint: impl Into<Option<String>>) {
        self.push(Place::Value(path), format!(": {sentence}"), hint.into());
    }

    fn push(&mut self, place: Place, problem: String, hint: Option<String>) {
        if self.found.len() < bounds::REPORTED_ERRORS {
            self.found.push(Fault { place, problem, hint });
        } else {
            self.more += 1;
        }
    }

    /// Looks up the places in the text.
    pub(crate) fn report(self, file: &str, text: &str) -> Report {
        self.report_with(file, text, &Merged::default())
    }

    /// The same of a file that something of the console was merged with.
    pub(crate) fn report_with(self, file: &str, text: &str, merged: &Merged) -> Report {
        let (root, errors) = DeTable::parse_recoverable(text);
        let (theirs, _) = DeTable::parse_recoverable(&merged.text);
        let secrets =
            Secrets::of(&root, text, !errors.is_empty()).and(Secrets::of(&theirs, &merged.text, false));
        let of_console = |f: &Fault| f.place_of(merged, &theirs);
        let mut placed: Vec<(usize, ConfigError)> = self
            .found
            .into_iter()
            .map(|f| match of_console(&f) {
                Some((which, path)) => (text.len(), f.error_of(which, &path, &secrets)),
                None => f.place_in(file, text, &root, &secrets),
            })
            .collect();
        placed.sort_by_key(|(at, _)| *at);
        Report { errors: placed.into_iter().map(|(_, e)| e).collect(), more: self.more }
    }
}

// === impl Fault ===

impl Fault {
    /// Whose of the console it is, if it is, and where in its own table.
    fn place_of(&self, merged: &Merged, theirs: &Spanned<DeTable<'_>>) -> Option<((Kind, String), Path)> {
        match &self.place {
            Place::Key(p) | Place::Value(p) => merged.whose(p, true),
            Place::Span(span) if span.start >= merged.from => {
                merged.whose(&Path::at(theirs, span.start), false)
            }
            Place::Span(_) => None,
        }
    }

    fn error_of(self, (kind, id): (Kind, String), path: &Path, secrets: &Secrets) -> ConfigError {
        ConfigError {
            file: format!("console, {kind} {id}"),
            path: secrets.mask(&path.to_string()),
            line: None,
            column: None,
            problem: secrets.mask(&self.problem),
            hint: self.hint.map(|h| secrets.mask(&h)),
            of_console: Some((kind, id)),
            picture: None,
        }
    }

    fn place_in(
        self,
        file: &str,
        text: &str,
        root: &Spanned<DeTable<'_>>,
        secrets: &Secrets,
    ) -> (usize, ConfigError) {
        let (path, span) = match self.place {
            Place::Key(p) => {
                let (key, _) = p.find(root);
                (p, key)
            }
            Place::Value(p) => {
                let (_, value) = p.find(root);
                (p, value)
            }
            Place::Span(span) => (Path::at(root, span.start), span),
        };
        let picture = Picture::of(text, span.clone(), secrets);
        let error = ConfigError {
            file: file.to_owned(),
            path: secrets.mask(&path.to_string()),
            line: Some(picture.line),
            column: Some(picture.column),
            problem: secrets.mask(&self.problem),
            hint: self.hint.map(|h| secrets.mask(&h)),
            of_console: None,
            picture: Some(picture),
        };
        (span.start, error)
    }
}

// === impl Report ===

impl Report {
    /// An error about the file as a whole.
    pub(crate) fn whole(file: &str, problem: impl Into<String>, hint: impl Into<Option<String>>) -> Report {
        let error = ConfigError {
            file: file.to_owned(),
            path: String::new(),
            line: None,
            column: None,
            problem: problem.into(),
            hint: hint.into(),
            of_console: None,
            picture: None,
        };
        Report { errors: vec![error], more: 0 }
    }

    /// An error in a table of the console.
    pub(crate) fn of_console(
        kind: Kind,
        id: &str,
        path: &str,
        problem: &str,
        hint: Option<String>,
    ) -> Report {
        let mut report = Report::whole(&format!("console, {kind} {id}"), problem, hint);
        for e in &mut report.errors {
            path.clone_into(&mut e.path);
            e.of_console = Some((kind, id.to_owned()));
        }
        report
    }

    pub(crate) fn add(&mut self, other: Report) {
        self.errors.extend(other.errors);
        self.more += other.more;
    }

    /// What the TOML parser says, all of it.
    pub(crate) fn syntax(file: &str, text: &str, errors: &[toml::de::Error]) -> Report {
        let mut faults = Faults::default();
        // One slip often gives several errors on its line; the first one says it best.
        let starts: Vec<usize> = text.match_indices('\n').map(|(i, _)| i + 1).collect();
        let mut last = None;
        for e in errors {
            let span = e.span().unwrap_or(0..0);
            let line = starts.partition_point(|s| *s <= span.start);
            if last.replace(line) == Some(line) {
                continue;
            }
            let says = if span.is_empty() && e.message().starts_with("string values must be quoted") {
                "there is no value"
            } else {
                e.message()
            };
            faults.span(span, format!("is not TOML: {says}"), None);
        }
        faults.report(file, text)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, e) in self.errors.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            write!(f, "{e}")?;
        }
        if self.more > 0 {
            write!(f, "\n… and {} more", self.more)?;
        }
        Ok(())
    }
}

impl std::error::Error for Report {}

// === impl ConfigError ===

impl ConfigError {
    /// What is wrong and what to write instead, without the place.
    #[must_use]
    pub fn said(&self) -> String {
        let problem = self.problem.trim_start_matches(": ");
        match &self.hint {
            Some(hint) => format!("{problem}; {hint}"),
            None => problem.to_owned(),
        }
    }

    /// The key that the table at `path` must have and has not.
    #[must_use]
    pub fn lacks(&self) -> Option<&str> {
        self.problem.strip_prefix("has no `")?.strip_suffix('`')
    }

    /// In one line, with the place in the table.
    pub(crate) fn in_short(&self) -> String {
        let space = if self.path.is_empty() { "" } else { " " };
        format!("{}{space}{}", self.path, self.said())
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(f, ":{line}:{column}")?;
        }
        f.write_str(": ")?;
        if !self.path.is_empty() {
            write!(f, "`{}`", self.path)?;
        }
        let problem =
            if self.path.is_empty() { self.problem.trim_start_matches(": ") } else { &self.problem };
        let space = if self.path.is_empty() || problem.starts_with(':') { "" } else { " " };
        write!(f, "{space}{problem}")?;
        if let Some(p) = &self.picture {
            write!(f, "\n{p}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  {hint}")?;
        }
        Ok(())
    }
}
