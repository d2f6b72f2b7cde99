//! The public record over HTTP: C2SP `tlog-tiles`, and beside it the log's key and the texts. What each address answers:
//! `docs/record.md`.

use crate::{problem::Problem, serve::App};
use axum::{
    Router,
    extract::{Path, State},
    http::{HeaderName, header},
    response::{IntoResponse, Response},
    routing::get,
};
use stillhere_node::{Piece, texts_json};

/// Where the log is.
pub(crate) const PLACE: &str = "/.well-known/stillhere/log/";

/// What is at a tile's address never changes.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// A checkpoint is news.
const NEWS: &str = "public, max-age=2, stale-while-revalidate=8";
/// Texts can be taken out, and then should be gone soon.
const TEXTS: &str = "public, max-age=60";

pub(crate) fn routes() -> Router<App> {
    Router::new().route(&format!("{PLACE}{{*path}}"), get(piece))
}

async fn piece(State(app): State<App>, Path(path): Path<String>) -> Result<Response, Problem> {
    let Some(piece) = app.handle.record().piece(&path).await? else {
        return Err(Problem::not_found("The log has nothing there, or not yet."));
    };
    let (kind, keep, body) = match piece {
        Piece::Checkpoint(note) => ("text/plain; charset=utf-8", NEWS, note.as_bytes().to_vec()),
        Piece::Key(key) => ("text/plain; charset=utf-8", NEWS, key.into_bytes()),
        Piece::Tile(bytes) => ("application/octet-stream", FOR_EVER, bytes),
        Piece::Texts(texts) => ("application/json", TEXTS, texts_json(&texts).into_bytes()),
    };
    let headers: [(HeaderName, &str); 2] = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, keep)];
    Ok((headers, body).into_response())
}
