//! The native API, `/api/v1`. Reads of what is public are open to everybody; everything else needs a token.
//!
//! Its description, `/api/v1/openapi.json`, is made from these handlers, and kept as `docs/openapi.json`; a test
//! holds the two together (`UPDATE=1 cargo nextest run -p stillhere-web openapi` rewrites it).

mod afterwards;
mod console;
pub(crate) mod edges;
mod incidents;
mod limits;
mod maintenances;
mod me;
mod passkeys;
mod people;
mod record;
mod services;
mod session;
mod staff;
mod subscribers;
mod tokens;
mod view;

use crate::{caller::CSRF, extract::parsed, problem::Problem, serve::App};
use axum::{Json, Router, routing::get};
use stillhere_model::Command;
use utoipa::{
    OpenApi as _,
    openapi::{
        ObjectBuilder, OpenApi, Required, Type,
        path::{Operation, ParameterBuilder, ParameterIn},
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};
use utoipa_axum::{router::OpenApiRouter, routes};

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
        (name = "access", description = "Who may come in: sessions, people, tokens"),
    ),
)]
struct Description;

/// The routes of `/api/v1`.
pub(crate) fn routes() -> Router<App> {
    let (router, description) = described().split_for_parts();
    let description = finished(description);
    router.route("/api/v1/openapi.json", get(|| async move { Json(description) }))
}

/// The description of the API.
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

fn described() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(services::status))
        .routes(routes!(services::list))
        .routes(routes!(services::one))
        .routes(routes!(services::latency))
        .routes(routes!(incidents::list, incidents::open))
        .routes(routes!(incidents::one))
        .routes(routes!(incidents::update))
        .routes(routes!(incidents::resolve))
        .routes(routes!(incidents::acknowledge))
        .routes(routes!(incidents::estimate))
        .routes(routes!(incidents::correct))
        .routes(routes!(afterwards::postmortem))
        .routes(routes!(afterwards::add))
        .routes(routes!(afterwards::change))
        .routes(routes!(maintenances::list, maintenances::schedule))
        .routes(routes!(maintenances::one))
        .routes(routes!(maintenances::update))
        .routes(routes!(maintenances::complete))
        .routes(routes!(maintenances::cancel))
        .routes(routes!(record::trust))
        .routes(routes!(record::cosign))
        .routes(routes!(console::overview))
        .routes(routes!(console::services))
        .routes(routes!(console::service))
        .routes(routes!(console::looks))
        .routes(routes!(console::incidents))
        .routes(routes!(console::incident))
        .routes(routes!(console::preview_opening))
        .routes(routes!(console::preview_update))
        .routes(routes!(console::preview_resolving))
        .routes(routes!(staff::observations))
        .routes(routes!(staff::journal))
        .routes(routes!(staff::outbox))
        .routes(routes!(staff::dead_letters))
        .routes(routes!(staff::revive))
        .routes(routes!(staff::reload))
        .routes(routes!(subscribers::progress))
        .routes(routes!(subscribers::export))
        .routes(routes!(subscribers::import))
        .routes(routes!(subscribers::erase))
        .routes(routes!(session::log_in, session::current, session::log_out))
        .routes(routes!(session::setup_needed, session::set_up))
        .routes(routes!(session::sessions))
        .routes(routes!(session::end_session))
        .routes(routes!(me::password))
        .routes(routes!(me::codes_on, me::codes_off))
        .routes(routes!(passkeys::challenge))
        .routes(routes!(passkeys::log_in))
        .routes(routes!(passkeys::list, passkeys::keep))
        .routes(routes!(passkeys::keep_challenge))
        .routes(routes!(passkeys::forget))
        .routes(routes!(people::list, people::add))
        .routes(routes!(people::change, people::remove))
        .routes(routes!(people::reset))
        .routes(routes!(tokens::list, tokens::make))
        .routes(routes!(tokens::revoke))
        .routes(routes!(edges::list))
        .routes(routes!(edges::pause))
        .routes(routes!(edges::resume))
        .routes(routes!(edges::bans, edges::ban, edges::unban))
        .routes(routes!(edges::feed))
        .routes(routes!(edges::report))
}
