//! What staff write down about an incident for each other. It is read where the incident is, by whoever is staff
//! (`console/incident.rs`), and nowhere else.

use super::{
    incidents::{no_incident, parse},
    limits::OnceHeader,
};
use crate::{
    caller::Responder,
    extract::Keyed,
    problem::{FieldProblem, Problem},
    serve::App,
};
use axum::{
    Json as Answer,
    extract::{Path, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use stillhere_model::{NoteId, Role, Time};
use stillhere_node::CommandError;
use stillhere_store::{NOTES_MAX, Note, Noted, TakenOut};
use stillhere_tell::clean;
use utoipa::ToSchema;

/// Longest note. 200 of them are an answer that a phone can still load.
const MAX_CHARS: usize = 4_000;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Noting {
    /// Up to 4,000 characters, in whatever language colleagues read.
    text: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct NoteOut {
    #[schema(value_type = String)]
    id: NoteId,
    #[schema(value_type = String, format = DateTime)]
    at: Time,
    by: String,
    /// `null`: it was taken out.
    text: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    taken_out_at: Option<Time>,
    taken_out_by: Option<String>,
}

/// Write something down for staff alone
///
/// Visitors never see it, nor do subscribers, channels, the public record or the draft of the post-mortem.
#[utoipa::path(
    post, path = "/api/v1/incidents/{id}/notes", tag = "staff", operation_id = "write_note", security(("token" = [])),
    params(("id" = String, Path), OnceHeader), request_body = Noting,
    responses(
        (status = 201, body = NoteOut, description = "Written to disk"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn write(
    State(app): State<App>,
    Responder(caller): Responder,
    Path(id): Path<String>,
    Keyed(n, once): Keyed<Noting>,
) -> Result<(StatusCode, Answer<NoteOut>), Problem> {
    let incident = parse(&id)?;
    let text = clean::block(&n.text, usize::MAX);
    let wrong = if text.trim().is_empty() {
        Some("must not be empty".to_owned())
    } else if text.chars().count() > MAX_CHARS {
        Some(format!("at most {MAX_CHARS} characters"))
    } else {
        None
    };
    if let Some(problem) = wrong {
        return Err(Problem::invalid(vec![FieldProblem { field: "text".to_owned(), problem }]));
    }
    caller.may_speak_of(&app, incident).await?;
    match app.handle.write_note(&caller.by, once.as_ref(), incident, text.trim()).await? {
        Noted::Written(note) => Ok((StatusCode::CREATED, Answer(NoteOut::from(&note)))),
        Noted::NoSuchIncident => Err(no_incident(&id)),
        Noted::TooMany => Err(Problem::conflict(format!("There are {NOTES_MAX} notes about this incident."))),
        Noted::OtherRequest => Err(CommandError::OtherRequest.into()),
    }
}

/// Take the words of a note out, for good
///
/// That there was one stays, and who took it out. Everybody their own; admins also what others wrote.
#[utoipa::path(
    delete, path = "/api/v1/incidents/{id}/notes/{note}", tag = "staff", operation_id = "take_out_note", security(("token" = [])),
    params(("id" = String, Path), ("note" = String, Path)),
    responses(
        (status = 204),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn take_out(
    State(app): State<App>,
    Responder(caller): Responder,
    Path((id, note)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let none = || Problem::not_found(format!("There is no note {note} about this incident."));
    let incident = parse(&id)?;
    let known = note.parse().map_err(|_| none())?;
    match app.handle.take_out_note(&caller.by, incident, known, caller.role == Role::Admin).await? {
        TakenOut::Done => Ok(StatusCode::NO_CONTENT),
        TakenOut::NoSuchNote => Err(none()),
        TakenOut::NotTheirs => {
            Err(Problem::forbidden("Somebody else wrote it: they take it out, or an admin does."))
        }
    }
}

// === impl NoteOut ===

impl From<&Note> for NoteOut {
    fn from(n: &Note) -> NoteOut {
        let (taken_out_at, taken_out_by) = n.taken_out.clone().unzip();
        NoteOut { id: n.id, at: n.at, by: n.by.clone(), text: n.text.clone(), taken_out_at, taken_out_by }
    }
}
