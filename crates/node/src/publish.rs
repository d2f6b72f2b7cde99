//! The static copy of the public pages: on request, after every public change, and every now and then.
//!
//! The copy says when it was written, so that it can't pass for news when we are gone (case p).

use crate::{
    handle::Handle,
    record::copy::{self, Copied},
};
use std::time::Duration;
use stillhere_send::publish::{PublishError, Published, Target};
use tokio::sync::watch;

/// Changes that come together are published together.
const TOGETHER: Duration = Duration::from_millis(500);

/// Writes the copy once: the pages, then the public record. The pages are what visitors need.
///
/// # Errors
/// Names what could not be written.
pub(crate) async fn once(
    handle: &Handle,
    target: &Target,
    copied: &mut Copied,
) -> Result<Published, PublishError> {
    let snapshot = handle.snapshot();
    let mut done = target.publish(handle.static_copy(&snapshot)).await?;
    done += copy::write(handle, &snapshot, target, copied).await?;
    Ok(done)
}

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
    let mut copied = Copied::default();
    loop {
        let snapshot = handle.snapshot();
        let id = (snapshot.epoch, snapshot.seq);
        match once(&handle, &target, &mut copied).await {
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
