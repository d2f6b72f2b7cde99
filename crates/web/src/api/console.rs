//! What the console shows: in words, in the reader's language, and with what visitors do not see.
//!
//! The rest of the API gives facts as data. A person at three in the morning needs sentences, and they must be the very ones
//! that the page says; so they are made here, by `tell`, and the console has no words of its own for them.

mod afterwards;
mod incident;
mod journal;
mod looks;
mod overview;
mod preview;
mod reach;
mod service;
mod shape;

pub(super) use afterwards::{postmortem, preventions};
pub(super) use incident::{incident, incidents};
pub(super) use journal::journal;
pub(super) use looks::looks;
pub(super) use overview::{overview, services};
pub(super) use preview::{preview_opening, preview_resolving, preview_update};
pub(super) use reach::reach;
pub(super) use service::service;

// The macro that describes the routes looks for these beside the functions.
pub(super) use afterwards::{__path_postmortem, __path_preventions};
pub(super) use incident::{__path_incident, __path_incidents};
pub(super) use journal::__path_journal;
pub(super) use looks::__path_looks;
pub(super) use overview::{__path_overview, __path_services};
pub(super) use preview::{__path_preview_opening, __path_preview_resolving, __path_preview_update};
pub(super) use reach::__path_reach;
pub(super) use service::__path_service;

use crate::{front::head::takes_gzip, problem::Problem, serve::App};
use axum::{
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use flate2::{Compression, write::GzEncoder};
use serde::{Deserialize, Serialize};
use std::{io::Write as _, sync::Arc};
use stillhere_model::Lang;
use stillhere_tell::{Snapshot, words::Words};
use utoipa::IntoParams;

/// Smaller answers are sent as they are: the head weighs more than what would be saved.
const PACK_OVER_BYTES: usize = 1_024;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct InWords {
    /// Of the words in the answer; default: the site's first language.
    #[param(value_type = Option<String>, example = "zh-CN")]
    lang: Option<Lang>,
}

/// One moment as staff see it, and the words for it.
struct Scene {
    all: Arc<Snapshot>,
    words: Words,
}

// === impl Scene ===

impl Scene {
    fn now(app: &App, lang: Option<Lang>) -> Scene {
        Scene::of(app.handle.watch_for_staff().borrow().clone(), lang)
    }

    fn of(all: Arc<Snapshot>, lang: Option<Lang>) -> Scene {
        // A person may read the console in a language that the site does not have.
        let lang = lang.or_else(|| all.site.languages.first().copied()).unwrap_or_default();
        let words = Words::new(lang, &all.site.time_zone);
        Scene { all, words }
    }
}

/// JSON, packed for those who take it: a phone on a bad line reads it.
fn packed(asked: &HeaderMap, answer: &impl Serialize) -> Result<Response, Problem> {
    let broken = |e: String| {
        tracing::error!(error = e, "an answer could not be made");
        Problem::unavailable("The answer could not be made. The log says why.")
    };
    let body = serde_json::to_vec(answer).map_err(|e| broken(e.to_string()))?;
    let json = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let vary = (header::VARY, HeaderValue::from_static("accept-encoding"));
    let takes = asked.get(header::ACCEPT_ENCODING).is_some_and(|v| takes_gzip(v.as_bytes()));
    if !takes || body.len() < PACK_OVER_BYTES {
        return Ok(([json, vary], body).into_response());
    }
    let mut gzip = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    let body = gzip.write_all(&body).and_then(|()| gzip.finish()).map_err(|e| broken(e.to_string()))?;
    let packed = (header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    Ok(([json, vary, packed], body).into_response())
}
