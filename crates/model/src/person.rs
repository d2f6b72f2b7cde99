//! Who may do what: the people who look after the services, and what each role is for.

use crate::{
    id::{IncidentId, NoteId, PersonId},
    time::Time,
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Longest name, in characters.
pub const NAME_MAX: usize = 64;
/// Most teams that one person belongs to.
pub const TEAMS_MAX: usize = 64;

/// Each may do what the one before it may, and more.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads what staff read: looks, the journal, the outbox.
    Viewer,
    /// Speaks to the public: incidents, maintenance, estimates, deliveries.
    Responder,
    /// Decides who may come in, and what runs: people, tokens, configuration, edges.
    Admin,
}

/// Somebody who may log in. Names are never given to a second person, so that a name in the journal says who it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    pub id: PersonId,
    pub name: String,
    pub role: Role,
    /// Which teams' services a responder may speak about; none: all of them.
    pub teams: Vec<String>,
    pub created_at: Time,
}

/// Who asks for something, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    /// A person's name, `token <name>`, or `local` for the control socket. Names of people hold no space.
    pub name: String,
    /// The address it came from. `None`: this machine's control socket, or ourselves.
    pub from: Option<String>,
}

/// What somebody did that is about access or running, rather than about incidents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum Act {
    /// Came in.
    LoggedIn {
        session: String,
        /// Not there in lines of before it was written down.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        with: Option<With>,
    },
    LoggedOut {
        session: String,
    },
    /// Tried to come in as somebody that exists, so many times since it last worked. Written at 5, 10, 20, 40, …
    LogInsRefused {
        person: String,
        tries: u32,
    },
    SessionsEnded {
        person: String,
        sessions: u32,
        why: String,
    },
    PersonAdded {
        person: String,
        role: Role,
        teams: Vec<String>,
    },
    PersonChanged {
        person: String,
        role: Role,
        teams: Vec<String>,
    },
    /// Must choose a new password with a link that was given out.
    PersonReset {
        person: String,
    },
    PersonRemoved {
        person: String,
    },
    PasswordChosen {
        person: String,
    },
    TotpOn {
        person: String,
    },
    TotpOff {
        person: String,
    },
    PasskeyKept {
        person: String,
        passkey: String,
    },
    PasskeyForgotten {
        person: String,
        passkey: String,
    },
    /// It is alerted from now on, and can act for the person through what it is sent.
    BrowserAdded {
        person: String,
        browser: String,
    },
    BrowserRemoved {
        person: String,
        browser: String,
    },
    /// Came in through a provider for the first time; from now on this subject there is this person.
    ProviderBound {
        person: String,
        issuer: String,
        subject: String,
    },
    /// A recovery code was used up; so many are left.
    RecoveryCodeUsed {
        person: String,
        left: u32,
    },
    TokenMade {
        token: String,
        scope: String,
        role: Role,
        teams: Vec<String>,
        expires_at: Option<Time>,
    },
    TokenRevoked {
        token: String,
    },
    Reloaded {
        summary: String,
    },
    RequestsPaused {
        service: String,
        until: Time,
    },
    RequestsResumed {
        service: String,
    },
    Banned {
        network: String,
        until: Time,
        why: String,
    },
    Unbanned {
        network: String,
    },
    /// Something was written down about an incident for staff alone. Its words are in the note, so that they can be taken out.
    NoteWritten {
        incident: IncidentId,
        note: NoteId,
    },
    NoteTakenOut {
        incident: IncidentId,
        note: NoteId,
    },
    /// Something was made in the console: a service, a channel.
    SettingMade {
        kind: String,
        id: String,
    },
    SettingChanged {
        kind: String,
        id: String,
    },
    SettingRemoved {
        kind: String,
        id: String,
    },
    /// A check or a channel was tried as it was written, without being kept: who, and against whom.
    SettingTried {
        kind: String,
        target: String,
    },
    /// A dead letter was queued again.
    Revived {
        delivery: String,
    },
}

/// What a session began with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum With {
    /// And a code, if the person has them.
    Password,
    Passkey,
    /// One that was given out, and the password chosen with it.
    Link,
    /// An OpenID Connect provider's word.
    Provider,
    /// The session before, under a new cookie.
    Session,
}

// === impl Role ===

impl Role {
    pub const ALL: [Role; 3] = [Role::Viewer, Role::Responder, Role::Admin];

    /// As written in SQL, JSON and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Responder => "responder",
            Role::Admin => "admin",
        }
    }

    #[must_use]
    pub fn of(word: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|r| r.as_str() == word)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

// === impl By ===

impl By {
    /// Whoever may open the control socket.
    #[must_use]
    pub fn local() -> By {
        By { name: "local".to_owned(), from: None }
    }
}

impl From<&str> for By {
    fn from(name: &str) -> By {
        By { name: name.to_owned(), from: None }
    }
}

impl From<&By> for By {
    fn from(by: &By) -> By {
        by.clone()
    }
}

/// What a name is compared by: two that differ in case alone are one.
#[must_use]
pub fn name_key(name: &str) -> String {
    name.to_lowercase()
}

/// Letters, digits and `._@+-`, so that a name can stand in a log line, a URL and the journal without quotes.
///
/// # Errors
/// What is wrong with it.
pub fn check_name(name: &str) -> Result<(), String> {
    let fits = |c: char| c.is_alphanumeric() || "._@+-".contains(c);
    if !(1..=NAME_MAX).contains(&name.chars().count()) || !name.chars().all(fits) {
        return Err(format!("1 to {NAME_MAX} letters, digits, or any of . _ @ + -"));
    }
    if name_key(name) == "local" {
        return Err("\"local\" is how the journal names the command line of this machine".to_owned());
    }
    Ok(())
}

/// # Errors
/// What is wrong with them.
pub fn check_teams(teams: &[String]) -> Result<(), String> {
    if teams.len() > TEAMS_MAX {
        return Err(format!("at most {TEAMS_MAX}"));
    }
    match teams.iter().find(|t| !is_team(t)) {
        Some(_) => Err(format!("each 1 to {NAME_MAX} lower-case letters, digits or -")),
        None => Ok(()),
    }
}

/// A team's name is a slug, as in the configuration.
#[must_use]
pub fn is_team(team: &str) -> bool {
    (1..=NAME_MAX).contains(&team.len())
        && team.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_stand_anywhere_without_quotes() {
        for good in ["kim", "Kim.Lee", "kim@example.com", "李雷", "a"] {
            assert_eq!(check_name(good), Ok(()), "{good}");
        }
        let long = "x".repeat(NAME_MAX + 1);
        for bad in ["", "token ci", "a\nb", "<b>", "a/b", "\u{202e}mik", "Local", long.as_str()] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
        assert_eq!(name_key("Kim"), name_key("kIM"));
    }

    #[test]
    fn each_role_may_do_what_the_one_before_it_may() {
        assert!(Role::Viewer < Role::Responder && Role::Responder < Role::Admin);
        for role in Role::ALL {
            assert_eq!(Role::of(role.as_str()), Some(role));
        }
        assert_eq!(Role::of("owner"), None);
    }
}
