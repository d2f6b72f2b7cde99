//! `http`: a URL is asked and the answer judged. (being written)

use super::{Good, Look, Problem, Report, Shared};
use crate::condition::Name;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stillhere_net::{Fault, Trace};

/// What conditions may say.
pub static NAMES: &[Name] = &[];

/// Asks a URL.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpSpec {
    /// The URL.
    pub url: String,
}

pub(crate) struct Http;

impl HttpSpec {
    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        Vec::new()
    }
    /// `host:port`.
    #[must_use]
    pub fn target(&self) -> String {
        self.url.clone()
    }
}

impl Http {
    pub(crate) fn new(_: &HttpSpec, _: &Shared) -> Result<Http, Problem> {
        Ok(Http)
    }
    pub(crate) async fn look(&self, _: &Look<'_>, _: &mut Trace, _: &mut Report) -> Result<Good, Fault> {
        Err(Fault::ours("being written", ""))
    }
}
