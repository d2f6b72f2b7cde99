//! Badges for other people's pages.
//!
//! `/badge.svg` is the whole site; `/badge/{service}/{status|uptime|latency}.svg` one service; `.json` instead of
//! `.svg` is for shields.io.

use crate::{extract::In, problem::Problem, serve::App};
use axum::{
    Router,
    extract::{Path, State},
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};
use stillhere_model::{Lang, ServiceId};
use stillhere_tell::badge::{self, Badge};

/// Badges sit behind image proxies; a minute is fresh enough there.
const CACHE: &str = "public, max-age=30, stale-while-revalidate=60";

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route(
            "/badge.svg",
            get(|app: State<App>, lang: In| async move { answer(&app, &lang, &Badge::Site, "svg") }),
        )
        .route(
            "/badge.json",
            get(|app: State<App>, lang: In| async move { answer(&app, &lang, &Badge::Site, "json") }),
        )
        .route("/badge/{service}/{what}", get(of_service))
}

async fn of_service(app: State<App>, lang: In, Path((service, what)): Path<(String, String)>) -> Response {
    let id = ServiceId::new(&service);
    let badge = match what.rsplit_once('.') {
        Some(("status", form)) => Some((Badge::Status(id), form)),
        Some(("uptime", form)) => Some((Badge::Uptime(id), form)),
        Some(("latency", form)) => Some((Badge::Latency(id), form)),
        _ => None,
    };
    match badge {
        Some((badge, form)) => answer(&app, &lang, &badge, form),
        None => nothing(),
    }
}

fn answer(app: &App, In(lang): &In, badge: &Badge, form: &str) -> Response {
    let shown = app.public.shown();
    let lang: Lang = *lang;
    let cut = match form {
        "svg" => badge::svg(&shown.snapshot, lang, badge).map(|svg| ("image/svg+xml; charset=utf-8", svg)),
        "json" => {
            badge::shields(&shown.snapshot, lang, badge).map(|json| ("application/json", json.to_string()))
        }
        _ => None,
    };
    let Some((content_type, body)) = cut else { return nothing() };
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, CACHE),
        (header::VARY, "accept-language"),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    ];
    (headers, body).into_response()
}

fn nothing() -> Response {
    Problem::not_found("There is no such badge. /badge/{service}/status.svg, uptime, latency; or .json.")
        .into_response()
}
