//! The native API, `/api/v1`. Reads of what is public are open to everybody; everything else needs a token.
//!
//! Its description is made from these handlers and kept as `docs/openapi.json`; a test holds the two together
//! (`UPDATE=1 cargo nextest run -p stillhere-web openapi` rewrites it). The file is what `/api/v1/openapi.json` serves.

mod afterwards;
mod browsers;
mod console;
pub(crate) mod edges;
mod incidents;
mod limits;
mod maintenances;
mod me;
mod notes;
mod oidc;
mod passkeys;
mod people;
mod record;
mod services;
mod session;
mod settings;
mod staff;
mod subscribers;
mod tokens;
mod view;

use crate::{caller::CSRF, extract::parsed, front::head::takes_gzip, problem::Problem, serve::App};
use axum::{
    Router,
    http::{HeaderMap, header},
    response::{IntoResponse as _, Response},
    routing::{MethodFilter, get, on},
};
use bytes::Bytes;
use flate2::read::GzDecoder;
use std::io::Read as _;
use stillhere_model::Command;
use utoipa::{
    OpenApi as _, Path as _,
    openapi::{
        HttpMethod, ObjectBuilder, OpenApi, Required, Type,
        path::{Operation, ParameterBuilder, ParameterIn},
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};
use utoipa_axum::{PathItemExt, router::OpenApiRouter, routes};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Stillhere",
        description = "What is watched, what is known about it, and what was said. Times are RFC 3339 in UTC. \
                       Errors are RFC 9457 problem details with an operation id.",
    ),
    tags(
        (name = "public", description = "Open to everybody: what the status page shows"),
        (name = "write", description = "Needs a token: `stillhere token new NAME`"),
        (name = "edge", description = "For edges; needs a token of theirs: `stillhere token new NAME --scope edge`"),
        (name = "console", description = "What the console shows: in words, and with what visitors do not see"),
        (name = "staff", description = "Needs a token: what visitors do not see"),
        (name = "settings", description = "What is made in the console beside the configuration file"),
        (name = "access", description = "Who may come in: sessions, people, tokens"),
    ),
)]
struct Description;

/// `docs/openapi.json`, packed. Made from the handlers it would be 13 MB on the heap of every process.
static DESCRIPTION: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/openapi.json.gz"));

/// The routes of `/api/v1`.
pub(crate) fn routes() -> Router<App> {
    served().route("/api/v1/openapi.json", get(description))
}

async fn description(asked: HeaderMap) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json"), (header::VARY, "accept-encoding")];
    if asked.get(header::ACCEPT_ENCODING).is_some_and(|v| takes_gzip(v.as_bytes())) {
        return (kind, [(header::CONTENT_ENCODING, "gzip")], Bytes::from_static(DESCRIPTION)).into_response();
    }
    let mut plain = Vec::new();
    match GzDecoder::new(DESCRIPTION).read_to_end(&mut plain) {
        Ok(_) => (kind, plain).into_response(),
        Err(e) => Problem::unavailable(format!("The description cannot be unpacked: {e}")).into_response(),
    }
}

/// The description of the API as its handlers have it: what `docs/openapi.json` is held against.
#[must_use]
pub fn openapi() -> OpenApi {
    finished(described().into_openapi())
}

fn finished(mut description: OpenApi) -> OpenApi {
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    description.components.get_or_insert_default().add_security_scheme("token", SecurityScheme::Http(bearer));
    let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description(
        "__Host-stillhere",
        "Set by logging in. A write with it also carries `stillhere-csrf`, and is sent by a page of the same origin.",
    )));
    description.components.get_or_insert_default().add_security_scheme("session", cookie);
    for item in description.paths.paths.values_mut() {
        let reads = [&mut item.get];
        let writes = [&mut item.put, &mut item.post, &mut item.patch, &mut item.delete];
        reads.into_iter().flatten().for_each(|o| takes_sessions(o, false));
        writes.into_iter().flatten().for_each(|o| takes_sessions(o, true));
    }
    // The version of the API, not of the program: it changes when the API does.
    "1".clone_into(&mut description.info.version);
    description
}

/// What a token of people may call, their sessions may call too.
fn takes_sessions(operation: &mut Operation, writes: bool) {
    let Some(security) = operation.security.as_mut() else { return };
    if operation.tags.as_ref().is_some_and(|tags| tags.iter().any(|t| t == "edge")) {
        return;
    }
    let session = SecurityRequirement::new("session", [] as [&str; 0]);
    if !security.contains(&session) {
        security.push(session);
    }
    if writes {
        let csrf = ParameterBuilder::new()
            .name(CSRF)
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some("With a session: its `csrf`."))
            .schema(Some(ObjectBuilder::new().schema_type(Type::String)));
        operation.parameters.get_or_insert_default().push(csrf.build().into());
    }
}

/// What a body asks for, by the call's operation id, or `command` for the control socket's; else the answer.
/// Without a server, so that hostile bodies can be tried quickly.
#[doc(hidden)]
pub fn command(operation: &str, id: &str, body: &[u8]) -> Result<Command, Box<Problem>> {
    let made = match operation {
        "open_incident" => parsed::<incidents::Opening>(body).and_then(incidents::Opening::command),
        "update_incident" => parsed::<incidents::Updating>(body).and_then(|b| b.command(id)),
        "resolve_incident" => parsed::<incidents::Resolving>(body).and_then(|b| b.command(id)),
        "add_prevention" => parsed::<afterwards::Preventing>(body).and_then(|b| b.command(id)),
        "change_prevention" => parsed::<afterwards::Changing>(body).and_then(|b| b.command(id)),
        "acknowledge_incident" => parsed::<incidents::Acknowledging>(body).and_then(|b| b.command(id)),
        "estimate_incident" => parsed::<incidents::Estimating>(body).and_then(|b| b.command(id)),
        "correct_incident" => parsed::<incidents::Correcting>(body).and_then(|b| b.command(id)),
        "schedule_maintenance" => parsed::<maintenances::Scheduling>(body).and_then(|b| b.command()),
        "update_maintenance" => parsed::<maintenances::MaintenanceUpdate>(body).and_then(|b| b.command(id)),
        "complete_maintenance" => parsed::<maintenances::Ending>(body).and_then(|b| b.complete(id)),
        "cancel_maintenance" => parsed::<maintenances::Ending>(body).and_then(|b| b.cancel(id)),
        "command" => parsed::<Command>(body),
        _ => Err(Problem::not_found("There is no such operation.")),
    };
    made.map_err(Box::new)
}

/// What a body asks a setting to be. `None`: it is refused. As [`command`].
#[doc(hidden)]
pub fn setting(body: &[u8]) -> Option<serde_json::Map<String, serde_json::Value>> {
    parsed::<settings::Putting>(body).ok().map(settings::Putting::table)
}

/// Every call of the API, once; those with the same address in one line. They are the routes, and what is described.
macro_rules! calls {
    ($($($group:ident::$call:ident),+;)+) => {
        pastey::paste! {
            fn served() -> Router<App> {
                Router::new()$($(.route(
                    &$group::[<__path_ $call>]::path(),
                    on(filter(&$group::[<__path_ $call>]::methods()), $group::$call),
                ))+)+
            }
        }

        fn described() -> OpenApiRouter<App> {
            OpenApiRouter::with_openapi(Description::openapi())$(.routes(routes!($($group::$call),+)))+
        }
    };
}

calls! {
    services::status;
    services::list;
    services::one;
    services::latency;
    incidents::list, incidents::open;
    incidents::one;
    incidents::update;
    incidents::resolve;
    incidents::acknowledge;
    incidents::estimate;
    incidents::correct;
    notes::write;
    notes::take_out;
    afterwards::postmortem;
    afterwards::add;
    afterwards::change;
    maintenances::list, maintenances::schedule;
    maintenances::one;
    maintenances::update;
    maintenances::complete;
    maintenances::cancel;
    record::trust;
    record::cosign;
    console::overview;
    console::services;
    console::service;
    console::looks;
    console::incidents;
    console::incident;
    console::postmortem;
    console::preventions;
    console::reach;
    console::journal;
    console::preview_opening;
    console::preview_update;
    console::preview_resolving;
    staff::observations;
    staff::journal;
    staff::outbox;
    staff::dead_letters;
    staff::revive;
    staff::reload;
    subscribers::progress;
    subscribers::export;
    subscribers::import;
    subscribers::erase;
    subscribers::bounced;
    session::log_in, session::current, session::log_out;
    session::setup_needed, session::set_up;
    session::sessions;
    session::end_session;
    me::password;
    me::codes, me::codes_on, me::codes_off;
    passkeys::challenge;
    passkeys::log_in;
    oidc::offered, oidc::begin;
    oidc::log_in;
    passkeys::list, passkeys::keep;
    passkeys::keep_challenge;
    passkeys::forget;
    browsers::list, browsers::add;
    browsers::remove;
    people::list, people::add;
    people::change, people::remove;
    people::reset;
    tokens::list, tokens::make;
    tokens::revoke;
    settings::list;
    settings::one, settings::put, settings::remove;
    settings::try_check;
    settings::try_channel;
    edges::list;
    edges::pause;
    edges::resume;
    edges::bans, edges::ban, edges::unban;
    edges::feed;
    edges::report;
}

fn filter(methods: &[HttpMethod]) -> MethodFilter {
    let mut filters = methods.iter().map(PathItemExt::to_method_filter);
    let first = filters.next().expect("utoipa::path takes one method at least");
    filters.fold(first, MethodFilter::or)
}
