//! Asks the core for what is new, again and again: a call that waits there until something is.

use super::client::Client;
use bytes::Bytes;
use http::Method;
use std::time::Duration;
use stillhere_model::edge::{Feed, Have};
use stillhere_net::entropy;
use tokio::{sync::mpsc, time::sleep};

/// How long the core may keep a call that has nothing new to hear.
const WAIT: Duration = Duration::from_secs(25);
/// What comes on top until the call is given up.
const GRACE: Duration = Duration::from_secs(10);
/// Pauses between calls that failed: the first, and the longest.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

pub(super) async fn run(mut core: Client, name: String, mut have: Have, fed: mpsc::Sender<Feed>) {
    let mut pause = PAUSE.0;
    let mut away = false;
    loop {
        let path = format!(
            "/api/v1/edge/feed?name={name}&config={}&notice={}&orders={}&wait={}",
            have.config,
            have.notice,
            have.orders,
            WAIT.as_secs()
        );
        let answer = core.ask(Method::GET, &path, Bytes::new(), WAIT + GRACE).await;
        let answer = answer.map_err(|e| e.to_string());
        let feed = answer
            .and_then(|body| serde_json::from_slice::<Feed>(&body).map_err(|e| format!("its answer: {e}")));
        match feed {
            Ok(feed) => {
                if std::mem::take(&mut away) {
                    tracing::info!("the core is back");
                }
                pause = PAUSE.0;
                have = feed.have.clone();
                if fed.send(feed).await.is_err() {
                    return;
                }
            }
            Err(e) => {
                if !std::mem::replace(&mut away, true) {
                    tracing::warn!(error = %e, "the core does not answer; serving with what is known");
                }
                // Some more than half of it by dice, so that edges do not come all at once when it is back.
                let dice = (entropy::u64() % 1_000) as f64 / 1_000.0;
                sleep(pause.mul_f64(0.5 + 0.5 * dice)).await;
                pause = (pause * 2).min(PAUSE.1);
            }
        }
    }
}
