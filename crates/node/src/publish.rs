//! The static copy of the public pages: on request, after every public change, and every now and then.
//!
//! The copy says when it was written, so that it can't pass for news when we are gone (case p).

use crate::handle::Handle;
use std::time::Duration;
use stillhere_send::publish::Target;
use tokio::sync::watch;

/// Changes that come together are published together.
const TOGETHER: Duration = Duration::from_millis(500);

/// Publishes to `to` until the process stops.
pub(crate) async fn run(handle: Handle, to: String, every: Duration, mut ended: watch::Receiver<bool>) {
    let target = match Target::new(&to, std::env::vars()) {
        Ok(target) => target,
        Err(e) => {
            tracing::error!(error = %e, "nothing will be published");
            return;
        }
    };
    let mut snapshots = handle.watch();
    let mut published = None;
    loop {
        let snapshot = handle.snapshot();
        let id = (snapshot.epoch, snapshot.seq);
        match target.publish(handle.static_copy()).await {
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
