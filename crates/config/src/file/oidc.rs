//! `[oidc]`: logging in through a provider.

use crate::bounds;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use stillhere_model::{Role, Text};
use stillhere_observe::SecretSource;

/// An OpenID Connect provider through which people log in, beside passwords and passkeys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Oidc {
    /// The provider's name for itself, exactly as its discovery document says it: an https address, or one of this machine.
    #[schemars(length(max = bounds::URL_CHARS), extend("format" = "issuer"))]
    pub issuer: String,
    /// What the provider calls Stillhere. There, `<site.url>/console/oidc` is the address to come back to.
    #[schemars(length(min = 1, max = 255))]
    pub client_id: String,
    /// Where the secret is read from that the provider gave out. Without it Stillhere is a public client, and has PKCE alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<SecretSource>,
    /// A PEM file with the certificate authority of the provider, instead of the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// Who logs out here is sent to the provider to log out there, too, if its discovery document has an `end_session_endpoint`. There,
    /// `<site.url>/console/` is the address to come back to afterwards.
    #[serde(default)]
    pub log_out_there: bool,
    /// What is asked for; `openid` is always among it.
    #[serde(default = "Oidc::usual_scopes")]
    #[schemars(length(min = 1, max = 16), inner(length(min = 1, max = 100)))]
    pub scopes: Vec<String>,
    /// The claim that holds the name that somebody has here. `email` counts only where the provider says that it is
    /// verified. Choose none that people may change for themselves. It is asked for at the first log-in of each person.
    #[serde(default = "Oidc::usual_name")]
    #[schemars(length(min = 1, max = 100))]
    pub name_claim: String,
    /// The claim that lists the groups somebody is in.
    #[serde(default = "Oidc::usual_groups")]
    #[schemars(length(min = 1, max = 100))]
    pub groups_claim: String,
    /// What stands on the button: one text, or one per language.
    #[schemars(extend("maxLength" = 60))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Text>,
    /// Whose members are added when they come for the first time. Without any nobody is added.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = bounds::GROUPS))]
    pub group: Vec<OidcGroup>,
}

/// A group at the provider whose members are added as people when they come for the first time. Who is in several becomes
/// the most that one of them gives, with the teams of all that give as much. Afterwards admins decide: what changes at the
/// provider changes nobody here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OidcGroup {
    /// What the provider calls it.
    #[schemars(length(min = 1, max = 255))]
    pub name: String,
    /// What its members become.
    pub role: Role,
    /// The teams whose services they may speak about as responders; none: everybody's.
    #[serde(default)]
    #[schemars(length(max = stillhere_model::person::TEAMS_MAX), extend("items" = {"type": "string", "format": "slug", "maxLength": stillhere_model::person::NAME_MAX}))]
    pub teams: Vec<String>,
}

// === impl Oidc ===

impl Oidc {
    fn usual_scopes() -> Vec<String> {
        ["openid", "email"].map(str::to_owned).to_vec()
    }

    fn usual_name() -> String {
        "email".to_owned()
    }

    fn usual_groups() -> String {
        "groups".to_owned()
    }
}
