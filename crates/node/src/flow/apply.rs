//! Another configuration, while everything goes on.

use super::{Flow, first_line};
use crate::{
    observe::Ask,
    reload::Loaded,
    settings::{self, Change, SettingError},
};
use stillhere_judge::Input as JudgeInput;
use stillhere_model::{By, Command, Entry, MaintenanceStatus, Moment};
use stillhere_respond::Input as RespondInput;
use stillhere_store::SettingWrite;

/// Who is said to have asked for what stands in the configuration file.
const BY_FILE: &str = "configuration file";

// === impl Flow ===

impl Flow {
    pub(super) async fn reload(&mut self, now: Moment) -> Result<String, String> {
        let loaded = match self.loaded.again() {
            Ok(loaded) => loaded,
            Err(report) => {
                self.pending
                    .write
                    .journal
                    .push((now.wall, Entry::ConfigRefused { error: first_line(&report) }));
                return Err(report);
            }
        };
        let summary = self.loaded.compare(&loaded);
        self.apply(loaded, now).await;
        self.pending.write.journal.push((now.wall, Entry::ConfigApplied { summary: summary.clone() }));
        self.pending.deciding = true;
        Ok(summary)
    }

    /// Carries out a change from the console. A bad one changes nothing.
    pub(super) async fn change_setting(
        &mut self,
        by: By,
        change: Change,
        now: Moment,
    ) -> Result<u64, SettingError> {
        let (kind, id) = (change.kind, change.id.clone());
        let decided =
            settings::decide(&self.loaded.settings(), self.settings_version, change, &by, now.wall)?;
        let made = decided.kept.iter().find(|k| k.kind == kind && k.id == id);
        let write = match made {
            Some(made) => settings::sealed(made, &self.access.keys).map(SettingWrite::Put),
            None => None,
        };
        let version = decided.version;
        let write =
            write.unwrap_or_else(|| SettingWrite::Removed { kind: kind.as_str().to_owned(), id, version });
        let loaded = self.loaded.with(decided.kept)?;
        let summary = self.loaded.compare(&loaded);
        self.settings_version = version;
        self.apply(loaded, now).await;
        let By { name, from } = by;
        let journal = &mut self.pending.write.journal;
        journal.push((now.wall, Entry::Acted { by: name, from, act: decided.act }));
        journal.push((now.wall, Entry::ConfigApplied { summary }));
        self.pending.write.settings.push(write);
        self.pending.deciding = true;
        Ok(version)
    }

    /// Everything in `loaded` was built and checked before: from here on nothing can be refused.
    pub(super) async fn apply(&mut self, loaded: Loaded, now: Moment) {
        let before = std::mem::replace(&mut self.loaded, loaded);
        let gone =
            before.topology.services.into_iter().filter(|s| self.loaded.topology.service(&s.id).is_none());
        self.pending.write.retired.extend(gone.map(|s| (s.id, now.wall)));
        self.settings.send_replace(std::sync::Arc::new(self.loaded.settings()));
        self.topology.send_replace(std::sync::Arc::new(self.loaded.topology.clone()));
        let changes = self.judged(JudgeInput::TopologyChanged, now);
        let verdicts: Vec<_> = self.judge.verdicts().cloned().collect();
        self.subscribers.replace(self.loaded.subscribers.clone());
        self.public.reconfigure(
            &self.loaded.topology,
            self.subscribers.offering(&self.loaded.site),
            self.loaded.fresh_for,
            &verdicts,
            now.wall,
        );
        self.learn_anew().await;
        self.book.services_changed();
        self.respond(RespondInput::TopologyChanged, now);
        self.verdicts(changes, now);
        self.heartbeats.replace(&self.loaded.heartbeats, self.loaded.ping_key);
        self.channels.replace(&self.loaded.channels, self.loaded.links.is_some());
        self.post.replace(&self.loaded.channels);
        self.alerts.replace(self.loaded.alerts());
        self.oidc.replace(self.loaded.oidc.clone());
        self.edges.reconfigure(self.loaded.config.edge.as_ref());
        self.guard.replace(self.loaded.uplink_targets.clone()).await;
        if self.asks.send(Ask::Replace(self.loaded.watched.clone())).await.is_err() {
            tracing::error!("the watcher is gone");
        }
        self.plan_maintenance(now);
    }

    /// Windows from the file become maintenances by their key. One that is gone from the file is called off, or
    /// ended if it has begun.
    pub(crate) fn plan_maintenance(&mut self, now: Moment) {
        let mut keys = Vec::new();
        let mut commands = Vec::new();
        for command in &self.loaded.maintenance {
            if let Command::ScheduleMaintenance { from_file: Some(key), ends_at, .. } = command {
                keys.push(key.clone());
                // Windows of the past may stay in the file.
                if *ends_at > now.wall {
                    commands.push(command.clone());
                }
            }
        }
        for m in self.respond.maintenances() {
            if m.from_file.as_ref().is_some_and(|key| !keys.contains(key)) {
                match m.status {
                    MaintenanceStatus::Scheduled => {
                        commands.push(Command::CancelMaintenance { maintenance: m.id, text: None });
                    }
                    MaintenanceStatus::InProgress | MaintenanceStatus::Verifying => {
                        commands.push(Command::CompleteMaintenance { maintenance: m.id, text: None });
                    }
                    MaintenanceStatus::Completed | MaintenanceStatus::Cancelled => {}
                }
            }
        }
        for command in commands {
            let by = BY_FILE.to_owned();
            if let Some(Err(refusal)) = self.respond(RespondInput::Command { by, command }, now) {
                tracing::warn!(%refusal, "a maintenance window of the file was not taken over");
            }
        }
    }
}
