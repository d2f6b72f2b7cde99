//! What the rest of the process may ask of the core node: read what is public, and hand in what people
//! and heartbeats say. Every answer comes after the commit.

use crate::{
    alerts::Alerts,
    edges::Edges,
    fill::Previewed,
    flow::Seen,
    link::{ActError, LinkAct, Opened, Signer},
    oidc::Oidc,
    once::{Done, Once},
    record::{Record, copy::Copied},
    settings::{Change, SettingError, Settings},
    subscribers::Subscribers,
    vitals::Vitals,
};
use std::{path::PathBuf, sync::Arc, time::Duration};
use stillhere_access::Access;
use stillhere_model::{Accepted, By, Command, IncidentId, Link, LinkId, LinkRefusal, Refusal, Topology};
use stillhere_net::clock::Clock;
use stillhere_observe::probe::push::Signal;
use stillhere_send::publish::Target;
use stillhere_store::Store;
use stillhere_tell::{Snapshot, notice::Key, postmortem::Postmortem};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

/// How long a caller waits for the commit before it hears that the node is not available. The command may
/// still be carried out afterwards; the answer says so.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Checks and channels that are tried at the same time.
pub(crate) const TRIES_AT_ONCE: usize = 4;

#[derive(Clone)]
pub struct Handle {
    pub(crate) requests: mpsc::Sender<Request>,
    pub(crate) notices: watch::Receiver<Arc<str>>,
    pub(crate) snapshots: watch::Receiver<Arc<Snapshot>>,
    pub(crate) staff_snapshots: watch::Receiver<Arc<Snapshot>>,
    pub(crate) store: Store,
    pub(crate) vitals: Arc<Vitals>,
    pub(crate) clock: Clock,
    pub(crate) key: Arc<Key>,
    pub(crate) signer: Signer,
    pub(crate) stop: watch::Sender<bool>,
    pub(crate) edges: Edges,
    pub(crate) access: Arc<Access>,
    pub(crate) topology: watch::Receiver<Arc<Topology>>,
    pub(crate) record: Arc<Record>,
    pub(crate) subscribers: Subscribers,
    pub(crate) alerts: Alerts,
    pub(crate) oidc: Oidc,
    /// To the judge, for what edges have seen.
    pub(crate) seen: mpsc::Sender<Seen>,
    pub(crate) settings: watch::Receiver<Arc<Settings>>,
    /// Counts what was written down for staff.
    pub(crate) notes: watch::Sender<u64>,
    /// Checks and channels that are tried at the same time.
    pub(crate) tries: Arc<Semaphore>,
}

/// What the flow is asked to do; answered after the commit.
pub(crate) enum Request {
    /// `fill`: its text has places of a template.
    Command {
        by: By,
        command: Command,
        fill: bool,
        reply: Reply<Result<Accepted, Refusal>>,
    },
    CommandOnce {
        by: By,
        once: Once,
        command: Command,
        fill: bool,
        reply: Reply<Result<Done, CommandError>>,
    },
    Preview {
        by: By,
        command: Command,
        fill: bool,
        reply: Reply<Result<Previewed, Refusal>>,
    },
    Push {
        key: String,
        slug: Option<String>,
        signal: Signal,
        reply: Reply<Result<(), PushError>>,
    },
    Draft {
        incident: IncidentId,
        reply: Reply<Result<Option<Postmortem>, String>>,
    },
    OpenLink {
        id: LinkId,
        reply: Reply<Result<Opened, ActError>>,
    },
    Act {
        id: LinkId,
        what: LinkAct,
        from: Option<String>,
        reply: Reply<Result<(), ActError>>,
    },
    Setting {
        by: By,
        change: Box<Change>,
        reply: Reply<Result<u64, SettingError>>,
    },
    Reload {
        reply: Reply<Result<String, String>>,
    },
}

pub(crate) type Reply<T> = oneshot::Sender<T>;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("this key was used for another request")]
    OtherRequest,
    #[error("{0}")]
    Unavailable(String),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    #[error("no heartbeat check has this key")]
    NoSuchKey,
    #[error("several heartbeat checks have this name; use the key")]
    Ambiguous,
    #[error("{0}")]
    Unavailable(String),
}

// === impl Handle ===

impl Handle {
    /// What is public now.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshots.borrow().clone()
    }

    /// Changes with every public change, and about once a second as long as looks come in.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    /// The same with the services that visitors don't see, and what concerns only them.
    #[must_use]
    pub fn watch_for_staff(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.staff_snapshots.clone()
    }

    /// The signed notice of the current snapshot.
    #[must_use]
    pub fn notice(&self) -> Arc<str> {
        self.notices.borrow().clone()
    }

    /// # Errors
    /// `Refused` changed nothing. `Unavailable`: not committed in [`ANSWER_WITHIN`].
    pub async fn command(&self, by: impl Into<By>, command: Command) -> Result<Accepted, CommandError> {
        self.command_filled(by, command, false).await
    }

    /// The same; with `fill`, the places of its text are filled in the same decision.
    ///
    /// # Errors
    /// As [`Handle::command`]; also where nothing is known that could be put in.
    pub async fn command_filled(
        &self,
        by: impl Into<By>,
        command: Command,
        fill: bool,
    ) -> Result<Accepted, CommandError> {
        let by = by.into();
        match self.ask(|reply| Request::Command { by, command, fill, reply }).await {
            Ok(answer) => answer.map_err(CommandError::Refused),
            Err(e) => Err(CommandError::Unavailable(e)),
        }
    }

    /// The same under a key: sent again, it is not carried out again, and the answer is the one of the first time.
    ///
    /// # Errors
    /// As [`Handle::command`]; `OtherRequest` when the key was used for something else.
    pub async fn command_once(
        &self,
        by: impl Into<By>,
        once: Once,
        command: Command,
        fill: bool,
    ) -> Result<Done, CommandError> {
        let by = by.into();
        match self.ask(|reply| Request::CommandOnce { by, once, command, fill, reply }).await {
            Ok(answer) => answer,
            Err(e) => Err(CommandError::Unavailable(e)),
        }
    }

    /// What the incident would be after `command`, by the same decision that would carry it out. Nothing is done.
    ///
    /// # Errors
    /// As [`Handle::command`].
    pub async fn preview(
        &self,
        by: impl Into<By>,
        command: Command,
        fill: bool,
    ) -> Result<Previewed, CommandError> {
        let by = by.into();
        match self.ask(|reply| Request::Preview { by, command, fill, reply }).await {
            Ok(answer) => answer.map_err(CommandError::Refused),
            Err(e) => Err(CommandError::Unavailable(e)),
        }
    }

    /// # Errors
    /// See [`PushError`].
    pub async fn push(&self, key: &str, signal: Signal) -> Result<(), PushError> {
        self.pushed(key, None, signal).await
    }

    /// By the key for all jobs, and the id that the check has in its service.
    ///
    /// # Errors
    /// See [`PushError`]; `Ambiguous` when checks of several services have this id.
    pub async fn push_by_slug(&self, ping_key: &str, slug: &str, signal: Signal) -> Result<(), PushError> {
        self.pushed(ping_key, Some(slug.to_owned()), signal).await
    }

    async fn pushed(&self, key: &str, slug: Option<String>, signal: Signal) -> Result<(), PushError> {
        let key = key.to_owned();
        match self.ask(|reply| Request::Push { key, slug, signal, reply }).await {
            Ok(answer) => answer,
            Err(e) => Err(PushError::Unavailable(e)),
        }
    }

    /// Reads the configuration file again. `Ok` says what changed.
    ///
    /// # Errors
    /// The report of a bad file; nothing was changed.
    pub async fn reload(&self) -> Result<String, String> {
        self.ask(|reply| Request::Reload { reply }).await?
    }

    /// A consistent copy of the database while everything goes on.
    ///
    /// # Errors
    /// When the file exists already or cannot be written.
    pub async fn backup(&self, to: PathBuf) -> Result<(), stillhere_store::StoreError> {
        self.store.backup(&to).await
    }

    /// The pages, feeds and JSON of `snapshot` as files: path, content type, bytes. They say when they were made.
    pub(crate) fn static_copy(&self, snapshot: &Snapshot) -> Vec<(String, &'static str, Vec<u8>)> {
        stillhere_tell::publish::files(snapshot, &self.key, self.clock.now().wall)
    }

    /// Writes the static copy to a folder or a bucket; gives the number of files.
    ///
    /// # Errors
    /// When the target is not understood or cannot be written.
    pub async fn publish(&self, to: &str) -> Result<usize, String> {
        let target = Target::new(to, std::env::vars()).map_err(|e| e.to_string())?;
        let published = crate::publish::once(self, &target, &mut Copied::default()).await;
        published.map(|p| p.files).map_err(|e| e.to_string())
    }

    /// The draft of an incident's post-mortem, from what is recorded now. `None`: there is no such incident.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn postmortem(&self, incident: IncidentId) -> Result<Option<Postmortem>, String> {
        self.ask(|reply| Request::Draft { incident, reply }).await?
    }

    /// What is behind a link in a mail to staff. Changes nothing.
    ///
    /// # Errors
    /// Why it opens nothing.
    pub async fn open_link(&self, token: &str) -> Result<Opened, ActError> {
        // Before anything is looked up: guessing costs us one hash.
        let id = self.signer.open(token).ok_or(LinkRefusal::Unknown)?;
        self.ask(|reply| Request::OpenLink { id, reply }).await.map_err(ActError::Unavailable)?
    }

    /// Does something through a link that was opened, for who came from the address `from`.
    ///
    /// # Errors
    /// Nothing was changed.
    pub async fn act(&self, link: &Link, what: LinkAct, from: Option<String>) -> Result<(), ActError> {
        let id = link.id;
        self.ask(|reply| Request::Act { id, what, from, reply }).await.map_err(ActError::Unavailable)?
    }

    /// Asks the process to stop gracefully.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Turns true when the process is to stop.
    #[must_use]
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    /// The public record.
    #[must_use]
    pub fn record(&self) -> &Arc<Record> {
        &self.record
    }

    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// What is watched now.
    #[must_use]
    pub fn topology(&self) -> Arc<Topology> {
        self.topology.borrow().clone()
    }

    /// What log-ins need beside the store.
    #[must_use]
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// People outside who want to be told.
    #[must_use]
    pub fn subscribers(&self) -> &Subscribers {
        &self.subscribers
    }

    /// Alerts in people's browsers.
    #[must_use]
    pub fn alerts(&self) -> &Alerts {
        &self.alerts
    }

    /// The provider through which people log in, if there is one.
    #[must_use]
    pub fn oidc(&self) -> &Oidc {
        &self.oidc
    }

    #[must_use]
    pub fn vitals(&self) -> &Vitals {
        &self.vitals
    }

    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(crate) async fn ask<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, String> {
        let (reply, answer) = oneshot::channel();
        let asked = async {
            self.requests.send(request(reply)).await.map_err(|_| "the node is stopping".to_owned())?;
            answer.await.map_err(|_| "the node is stopping".to_owned())
        };
        match tokio::time::timeout(ANSWER_WITHIN, asked).await {
            Ok(answer) => answer,
            Err(_) => Err(format!(
                "not written to disk within {} s; it may still be carried out",
                ANSWER_WITHIN.as_secs()
            )),
        }
    }
}
