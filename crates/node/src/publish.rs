//! The static copy of the public pages: on request, after every public change, and every now and then.
//!
//! The copy says when it was written, so that it can't pass for news when we are gone (case p).

use crate::handle::Handle;
use std::time::Duration;
use stillhere_model::Time;
use stillhere_tell::{Snapshot, feed, page, statuspage};
use tokio::sync::watch;

/// Changes that come together are published together.
const TOGETHER: Duration = Duration::from_millis(500);

/// One file of the copy: path, content type, bytes.
pub type StaticFile = (String, &'static str, Vec<u8>);

/// Everything public as files. The index comes last, so that it never names a page that is not there yet.
#[must_use]
pub fn static_copy(snapshot: &Snapshot, notice: &str, at: Time) -> Vec<StaticFile> {
    const HTML: &str = "text/html; charset=utf-8";
    const JSON: &str = "application/json";
    let view = page::View { stale: snapshot.is_stale(at), published_at: Some(at), live: false };
    let mut files: Vec<StaticFile> = Vec::new();
    let mut json = |path: &str, value: serde_json::Value| {
        files.push((format!("api/v2/{path}.json"), JSON, value.to_string().into_bytes()));
    };
    json("summary", statuspage::summary(snapshot));
    json("status", statuspage::status(snapshot));
    json("components", statuspage::components(snapshot));
    json("incidents", statuspage::incidents(snapshot));
    json("incidents/unresolved", statuspage::unresolved(snapshot));
    json("scheduled-maintenances", statuspage::scheduled_maintenances(snapshot));
    json("scheduled-maintenances/upcoming", statuspage::upcoming(snapshot));
    json("scheduled-maintenances/active", statuspage::active(snapshot));
    files.push((".well-known/stillhere/notice".to_owned(), JSON, notice.as_bytes().to_vec()));
    let first = snapshot.lang(None);
    files.push((
        "history.rss".to_owned(),
        "application/rss+xml; charset=utf-8",
        feed::rss(snapshot, first).into_bytes(),
    ));
    files.push((
        "history.atom".to_owned(),
        "application/atom+xml; charset=utf-8",
        feed::atom(snapshot, first).into_bytes(),
    ));
    for lang in &snapshot.site.languages {
        let folder = if *lang == first { String::new() } else { format!("{}/", lang.tag()) };
        for incident in snapshot.incidents.iter().chain(&snapshot.history) {
            if let Some(html) = page::incident(snapshot, *lang, &view, &incident.id) {
                files.push((
                    format!("{folder}incidents/{}/index.html", incident.id),
                    HTML,
                    html.into_bytes(),
                ));
            }
        }
        for maintenance in &snapshot.maintenances {
            if let Some(html) = page::maintenance(snapshot, *lang, &view, &maintenance.id) {
                files.push((
                    format!("{folder}maintenance/{}/index.html", maintenance.id),
                    HTML,
                    html.into_bytes(),
                ));
            }
        }
        files.push((
            format!("{folder}history/index.html"),
            HTML,
            page::history(snapshot, *lang, &view).into_bytes(),
        ));
        files.push((format!("{folder}index.html"), HTML, page::status(snapshot, *lang, &view).into_bytes()));
    }
    files
}

/// Publishes to `to` until the process stops.
pub(crate) async fn run(handle: Handle, to: String, every: Duration, mut ended: watch::Receiver<bool>) {
    let mut snapshots = handle.watch();
    let mut published = None;
    loop {
        let snapshot = handle.snapshot();
        let id = (snapshot.epoch, snapshot.seq);
        let files = static_copy(&snapshot, &handle.notice(), handle.clock().now().wall);
        match stillhere_send::publish::publish(&to, files).await {
            Ok(_) => published = Some(id),
            Err(e) => tracing::error!(error = %e, "the static copy was not written; trying again"),
        }
        let changed = async {
            loop {
                if snapshots.changed().await.is_err() {
                    return std::future::pending().await;
                }
                let now = {
                    let s = snapshots.borrow_and_update();
                    (s.epoch, s.seq)
                };
                if published != Some(now) {
                    tokio::time::sleep(TOGETHER).await;
                    return;
                }
            }
        };
        tokio::select! {
            () = changed => {}
            () = tokio::time::sleep(every) => {}
            _ = ended.wait_for(|s| *s) => return,
        }
    }
}
