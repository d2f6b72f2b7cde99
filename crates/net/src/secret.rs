//! Secrets: where they come from, and a type that never prints them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{fmt, path::PathBuf, sync::Arc};

/// Longest secret that is read, in bytes.
pub const MAX_SECRET: u64 = 64 * 1024;

/// A secret value. Prints as `***`, is not serialised, is compared nowhere.
#[derive(Clone)]
pub struct Secret(Arc<str>);

/// Where a secret is read from when the configuration is loaded. Secrets are never written in the file itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecretSource {
    /// The name of an environment variable.
    Env(String),
    /// The path of a file; white space at its end is cut off.
    File(PathBuf),
    /// The secret itself, as the console keeps it. Not in the schema: a file that says so is refused.
    #[schemars(skip)]
    Value(Held),
}

/// A secret that somebody wrote into the console. Prints and is serialised as `***`; compared only with itself of before, to
/// know whether it was changed.
#[derive(Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(transparent)]
pub struct Held(Arc<str>);

/// Why a secret could not be had. Names the source, never the value.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("the environment variable {0} is not set")]
    NotSet(String),
    #[error("the environment variable {0} is not valid UTF-8")]
    NotText(String),
    #[error("cannot read {}: {}", .0.display(), .1)]
    Unreadable(PathBuf, std::io::Error),
    #[error("the secret from {0} is empty")]
    Empty(String),
    #[error("{} is larger than {MAX_SECRET} bytes", .0.display())]
    TooLarge(PathBuf),
    #[error("the secret is larger than {MAX_SECRET} bytes")]
    TooLong,
}

// === impl Secret ===

impl Secret {
    #[must_use]
    pub fn new(value: impl AsRef<str>) -> Secret {
        Secret(Arc::from(value.as_ref()))
    }

    /// The value itself. The name is long so that it is seen in a review.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

// === impl SecretSource ===

impl SecretSource {
    /// # Errors
    /// When the variable or file is missing, empty, too large or not text.
    pub fn read(&self) -> Result<Secret, SecretError> {
        let value = match self {
            SecretSource::Env(name) => match std::env::var(name) {
                Ok(v) => v,
                Err(std::env::VarError::NotPresent) => return Err(SecretError::NotSet(name.clone())),
                Err(std::env::VarError::NotUnicode(_)) => return Err(SecretError::NotText(name.clone())),
            },
            SecretSource::File(path) => {
                let unreadable = |e| SecretError::Unreadable(path.clone(), e);
                let file = std::fs::File::open(path).map_err(unreadable)?;
                let mut value = String::new();
                std::io::Read::read_to_string(&mut std::io::Read::take(file, MAX_SECRET + 1), &mut value)
                    .map_err(unreadable)?;
                if value.len() as u64 > MAX_SECRET {
                    return Err(SecretError::TooLarge(path.clone()));
                }
                value
            }
            SecretSource::Value(held) if held.0.len() as u64 > MAX_SECRET => {
                return Err(SecretError::TooLong);
            }
            SecretSource::Value(held) => held.0.to_string(),
        };
        let value = value.trim_end();
        if value.is_empty() {
            return Err(SecretError::Empty(self.to_string()));
        }
        Ok(Secret::new(value))
    }
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SecretSource::Env(name) => write!(f, "the environment variable {name}"),
            SecretSource::File(path) => path.display().fmt(f),
            SecretSource::Value(_) => f.write_str("the console"),
        }
    }
}

// === impl Held ===

impl Serialize for Held {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str("***")
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_prints() {
        let s = Secret::new("hunter2");
        assert_eq!(format!("{s} {s:?} {:#?}", Some(&s)), "*** *** Some(\n    ***,\n)");
        assert_eq!(s.expose_secret(), "hunter2");
    }

    #[test]
    fn a_secret_of_the_console_is_read_as_it_is_and_never_prints() {
        let source: SecretSource = serde_json::from_str(r#"{"value": "hunter2\n"}"#).unwrap();
        assert_eq!(source.read().unwrap().expose_secret(), "hunter2");
        let printed = format!("{source} {source:?} {}", serde_json::to_string(&source).unwrap());
        assert!(!printed.contains("hunter2"), "{printed}");
    }

    #[test]
    fn a_file_is_read_without_its_last_newline_and_an_empty_one_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        std::fs::write(&path, "abc\n").unwrap();
        assert_eq!(SecretSource::File(path.clone()).read().unwrap().expose_secret(), "abc");
        std::fs::write(&path, "\n").unwrap();
        assert!(matches!(SecretSource::File(path.clone()).read(), Err(SecretError::Empty(_))));
        std::fs::write(&path, "x".repeat(65 * 1024)).unwrap();
        assert!(matches!(SecretSource::File(path).read(), Err(SecretError::TooLarge(_))));
        assert!(matches!(SecretSource::Env("STILLHERE_NOT_SET".into()).read(), Err(SecretError::NotSet(_))));
    }
}
