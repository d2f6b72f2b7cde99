//! Whose services a caller may speak about.
//!
//! Reading is not divided: in an outage everybody sees everything. Speaking is: a responder with teams declares something only about services
//! of those teams or of no team, and speaks in incidents and maintenances that concern at least one such service. What concerns no
//! service at all is about the whole page, and for those who speak about everything.

use super::Caller;
use crate::{problem::Problem, serve::App};
use stillhere_model::{Command, IncidentId, MaintenanceId, Role, ServiceId, Topology};

// === impl Caller ===

impl Caller {
    /// # Errors
    /// 403 with the service and the team in question.
    pub(crate) async fn may_say(&self, app: &App, command: &Command) -> Result<(), Problem> {
        if self.teams.is_empty() || self.role == Role::Admin {
            return Ok(());
        }
        let topology = app.handle.topology();
        let declared: Vec<&ServiceId> = match command {
            Command::OpenIncident { services, .. } | Command::UpdateIncident { services, .. } => {
                services.iter().map(|(s, _)| s).collect()
            }
            Command::ScheduleMaintenance { services, .. } => services.iter().collect(),
            _ => Vec::new(),
        };
        if let Some((service, team)) = declared.iter().find_map(|s| Some((s, self.foreign(&topology, s)?))) {
            return Err(Problem::forbidden(format!(
                "The service \"{service}\" is looked after by the team {team}."
            )));
        }
        let concerned = match command {
            Command::OpenIncident { services, .. } => services.iter().map(|(s, _)| s.clone()).collect(),
            Command::ScheduleMaintenance { services, .. } => services.clone(),
            Command::UpdateIncident { incident, .. }
            | Command::ResolveIncident { incident, .. }
            | Command::AcknowledgeIncident { incident, .. }
            | Command::EstimateIncident { incident, .. }
            | Command::AddPrevention { incident, .. }
            | Command::ChangePrevention { incident, .. }
            | Command::CorrectIncident { incident, .. } => of_incident(app, *incident).await?,
            Command::UpdateMaintenance { maintenance, .. }
            | Command::CompleteMaintenance { maintenance, .. }
            | Command::CancelMaintenance { maintenance, .. } => of_maintenance(app, *maintenance).await?,
        };
        self.concerned(&topology, &concerned)
    }

    /// Whether they may write down anything about an incident, be it for staff alone: what is said there is acted on.
    ///
    /// # Errors
    /// 403.
    pub(crate) async fn may_speak_of(&self, app: &App, incident: IncidentId) -> Result<(), Problem> {
        if self.teams.is_empty() || self.role == Role::Admin {
            return Ok(());
        }
        self.concerned(&app.handle.topology(), &of_incident(app, incident).await?)
    }

    fn concerned(&self, topology: &Topology, services: &[ServiceId]) -> Result<(), Problem> {
        if services.iter().any(|s| self.foreign(topology, s).is_none()) {
            return Ok(());
        }
        Err(Problem::forbidden("This concerns no service that your teams look after."))
    }

    /// The team that looks after it, if it is none of theirs.
    fn foreign<'a>(&self, topology: &'a Topology, service: &ServiceId) -> Option<&'a str> {
        let team = topology.service(service)?.team.as_deref()?;
        (!self.teams.iter().any(|t| t == team)).then_some(team)
    }
}

async fn of_incident(app: &App, id: IncidentId) -> Result<Vec<ServiceId>, Problem> {
    let incident = app.handle.store().incident(id).await?;
    Ok(incident.map_or_else(Vec::new, |i| i.affected.into_iter().map(|a| a.service).collect()))
}

async fn of_maintenance(app: &App, id: MaintenanceId) -> Result<Vec<ServiceId>, Problem> {
    let maintenance = app.handle.store().maintenance(id).await?;
    Ok(maintenance.map_or_else(Vec::new, |m| m.services))
}
