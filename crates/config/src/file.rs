//! What can stand in `stillhere.toml`: one type for each table. Doc comments here are the reference's text.
//!
//! Sections that need no translation (`[site]`, `[respond]`, …) are used as they are; services, channels and
//! maintenance are turned into the model's words by [`crate::compile`].

mod channel;
mod check;
mod maintenance;
mod oidc;
mod service;
mod subscribers;
mod template;
mod when;

pub use channel::ChannelTable;
pub use check::{CheckTable, Defaults};
pub use maintenance::MaintenanceTable;
pub use oidc::{Oidc, OidcGroup};
pub use service::ServiceTable;
pub use subscribers::Subscribers;
pub use template::{TemplateStatus, TemplateTable};
pub use when::When;

use crate::{
    bounds,
    duration::{self, or_off},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{net::SocketAddr, path::PathBuf, time::Duration};
use stillhere_model::{Lang, Text};
use stillhere_observe::SecretSource;

/// What the status page says about itself and about you.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Site {
    /// The name at the top of the page: one text, or one per language.
    #[schemars(extend("maxLength" = bounds::NAME_CHARS))]
    pub name: Text,
    /// Where visitors find the page, for links in mails and feeds. Without it links say where the server listens.
    #[schemars(length(max = bounds::URL_CHARS), extend("format" = "http-url"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The zone in which days begin and times are shown, as in the IANA database.
    #[schemars(length(min = 1, max = 64), extend("format" = "time-zone"))]
    pub time_zone: String,
    /// The page's languages. The first one is for visitors whose language is not among them.
    #[schemars(length(min = 1, max = 2))]
    pub languages: Vec<Lang>,
    /// The page's colour, such as `#0b6bcb`.
    #[schemars(extend("format" = "colour"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accent: Option<String>,
    /// Your mark beside the name: the path of an SVG or PNG file of at most 64 KiB. It is read when the configuration is.
    #[schemars(with = "Option<String>", length(min = 1, max = bounds::URL_CHARS))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo: Option<PathBuf>,
    /// Another one for dark pages. Without it `logo` stands on them too.
    #[schemars(with = "Option<String>", length(min = 1, max = bounds::URL_CHARS))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo_dark: Option<PathBuf>,
    /// How people reach you while things are broken. It stands on every notice.
    pub contact: Contact,
}

/// How people reach you while things are broken.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Contact {
    /// A telephone number, as people should dial it.
    #[schemars(length(max = 64))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// The address of your chat, with `https`.
    #[schemars(length(max = bounds::CHAT_URL_CHARS), extend("format" = "https-url"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chat_url: Option<String>,
    /// A mail address that somebody reads.
    #[schemars(length(max = 254), extend("format" = "email"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// When somebody is there, in words: one text, or one per language.
    #[schemars(extend("maxLength" = bounds::NAME_CHARS))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hours: Option<Text>,
}

/// Where Stillhere listens and keeps its data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// Address and port of the status page and the API.
    #[schemars(with = "String", extend("format" = "listen"))]
    pub listen: SocketAddr,
    /// The data folder, made if it is not there. Relative to where Stillhere is started.
    #[schemars(with = "String", length(min = 1))]
    pub data: PathBuf,
    /// Host names under which the page may be asked for, beside the one of `site.url`, `localhost` and IP addresses.
    #[schemars(length(max = bounds::ALLOWED_HOSTS), inner(length(min = 1, max = 253)), extend("items" = {"type": "string", "format": "host"}))]
    pub allowed_hosts: Vec<String>,
    /// Whether a proxy on this machine stands in front and says in `X-Forwarded-For` who asks: it must set that header, or append
    /// to it. Log-ins are slowed down by that address, and the journal names it. Taken over by a restart.
    pub behind_proxy: bool,
}

/// How incidents are run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Respond {
    /// How long everything must be well before an incident is called over.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text", extend("x-min" = "1s", "x-max" = "1d"))]
    pub verify: Duration,
    /// A service that fails again this soon after its incident ended opens the same incident again.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text", extend("x-min" = "0s", "x-max" = "7d"))]
    pub reopen_within: Duration,
    /// How soon after they were told somebody is expected to have taken an incident on. Until then staff is told
    /// again after this time, and after 3, 7 and 15 times this time; `off` tells them once.
    #[serde(with = "or_off")]
    #[schemars(with = "or_off::Text", extend("x-min" = "1m", "x-max" = "1d"))]
    pub first_word: Option<Duration>,
    /// When the word after the first one is promised: who is affected, and how.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text", extend("x-min" = "1m", "x-max" = "1d"))]
    pub scope: Duration,
    /// When the next word is promised while an incident is open; `off` promises nothing.
    #[serde(with = "or_off")]
    #[schemars(with = "or_off::Text", extend("x-min" = "1m", "x-max" = "1d"))]
    pub next_update: Option<Duration>,
    /// For how long after the opening this pace is kept.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text", extend("x-min" = "0s", "x-max" = "30d"))]
    pub next_update_for: Duration,
    /// The pace afterwards. Each update says when the next one comes, so visitors see that it is slower.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text", extend("x-min" = "1m", "x-max" = "30d"))]
    pub next_update_later: Duration,
    /// When the responder is reminded of a promise: shares of its time in per cent, rising, at most four.
    #[schemars(length(max = 4), inner(range(min = 1, max = 99)))]
    pub nag_at: Vec<u8>,
    /// Another pace for incidents of an impact. What is not given is as above.
    pub pace: Paces,
    /// For how long the link in a mail to staff lets its reader act without logging in; `off` puts no link in. Links are
    /// made only where `site.url` begins with https, or is this machine's.
    #[serde(with = "or_off")]
    #[schemars(with = "or_off::Text", extend("x-min" = "5m", "x-max" = "7d"))]
    pub links: Option<Duration>,
    /// How long a staff alert waits while the services that the failing one depends on are looked at again. The
    /// public status never waits.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text", extend("x-min" = "0s", "x-max" = "5s"))]
    pub alert_wait: Duration,
}

/// The pace by impact.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Paces {
    /// Of what is down altogether.
    pub critical: Pace,
    /// Of what is partly down.
    pub major: Pace,
    /// Of what is slow.
    pub minor: Pace,
    /// Of what a person opened without saying that anything is affected.
    pub none: Pace,
}

/// How soon the next word is promised, where it differs from `[respond]`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Pace {
    /// The word after the first one.
    #[serde(with = "duration::option", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<duration::Text>", extend("x-min" = "1m", "x-max" = "1d"))]
    pub scope: Option<Duration>,
    /// The words after that one.
    #[serde(with = "duration::option", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<duration::Text>", extend("x-min" = "1m", "x-max" = "1d"))]
    pub next_update: Option<Duration>,
    /// For how long.
    #[serde(with = "duration::option", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<duration::Text>", extend("x-min" = "0s", "x-max" = "30d"))]
    pub next_update_for: Option<Duration>,
    /// And afterwards.
    #[serde(with = "duration::option", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<duration::Text>", extend("x-min" = "1m", "x-max" = "30d"))]
    pub next_update_later: Option<Duration>,
}

/// How jobs may report that they ran.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Heartbeats {
    /// Where one secret key for all jobs is read from. With it a job is also called by its check's id,
    /// `/ping/<ping key>/<check>`, as Healthchecks' slugs are; without it only by the key of the check.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ping_key: Option<SecretSource>,
}

/// Whether our own connection works. While it does not, no service is blamed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Uplink {
    /// Addresses such as `1.1.1.1:443`, best with different owners. The uplink counts as cut when none takes a
    /// connection. Without any only the links of this machine are asked: with none left that leads out it is cut, and what
    /// is cut further away is not seen.
    #[schemars(length(max = bounds::UPLINK_TARGETS), extend("items" = {"type": "string", "format": "host-port"}))]
    pub targets: Vec<String>,
}

/// How long what was seen is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// Single observations.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text", extend("x-min" = "1h", "x-max" = "365d"))]
    pub observations: Duration,
    /// Sums for each minute.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text", extend("x-min" = "1d", "x-max" = "365d"))]
    pub minutes: Duration,
    /// Sums for each hour.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text", extend("x-min" = "7d", "x-max" = "3650d"))]
    pub hours: Duration,
    /// Sums for each day; `off` keeps them for ever.
    #[serde(with = "or_off")]
    #[schemars(with = "or_off::Text", extend("x-min" = "90d", "x-max" = "3650d"))]
    pub days: Option<Duration>,
    /// Messages that were delivered or given up.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Text", extend("x-min" = "1d", "x-max" = "3650d"))]
    pub settled: Duration,
    /// When the database holds more MiB than this, single observations, then minutes, then hours are forgotten before
    /// their time, oldest first. Without it only time counts. Verdicts, incidents and the journal always stay.
    #[schemars(range(min = 16, max = 16_777_216))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_mib: Option<u32>,
}

/// A static copy of the status page, written again and again to a folder or a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Publish {
    /// A folder, or `s3://bucket/prefix`.
    #[schemars(length(min = 1, max = bounds::URL_CHARS))]
    pub to: String,
    /// How often.
    #[serde(with = "duration", default = "Publish::usual_pace")]
    #[schemars(with = "duration::Text", extend("x-min" = "5s", "x-max" = "1d"))]
    pub every: Duration,
}

/// The public record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Record {
    /// Who is asked to sign each new checkpoint.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = bounds::WITNESSES))]
    pub witness: Vec<Witness>,
}

/// A witness (C2SP `tlog-witness`) that is asked for its word on each new checkpoint. It has to know the log: give it what
/// `/.well-known/stillhere/log/key` says. A change is in force after a restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Witness {
    /// Where it is; `/add-checkpoint` is added to it.
    #[schemars(length(max = bounds::URL_CHARS), extend("format" = "http-url"))]
    pub url: String,
    /// Its verifier key: `name+hash+key`.
    #[schemars(length(min = 1, max = 400))]
    pub key: String,
}

/// How much Stillhere does at the same time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Looks under way at the same time. More than that are not begun, and said so.
    #[schemars(range(min = 1, max = 100_000))]
    pub looks: u32,
    /// Looks under way at the same time at one host.
    #[schemars(range(min = 1, max = 10_000))]
    pub looks_per_target: u32,
}

// === impl Site ===

impl Default for Site {
    fn default() -> Site {
        Site {
            name: Text::Same("Status".to_owned()),
            url: None,
            time_zone: "UTC".to_owned(),
            languages: Lang::ALL.to_vec(),
            accent: None,
            logo: None,
            logo_dark: None,
            contact: Contact::default(),
        }
    }
}

// === impl Server ===

impl Default for Server {
    fn default() -> Server {
        Server {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            data: PathBuf::from("stillhere-data"),
            allowed_hosts: Vec::new(),
            behind_proxy: false,
        }
    }
}

// === impl Respond ===

impl Default for Respond {
    fn default() -> Respond {
        Respond {
            verify: Duration::from_secs(30),
            reopen_within: Duration::from_secs(600),
            first_word: Some(Duration::from_secs(300)),
            scope: Duration::from_secs(600),
            next_update: Some(Duration::from_secs(1_200)),
            next_update_for: Duration::from_secs(7_200),
            next_update_later: Duration::from_secs(3_600),
            nag_at: vec![75, 95],
            pace: Paces::default(),
            links: Some(Duration::from_secs(86_400)),
            alert_wait: Duration::from_secs(5),
        }
    }
}

// === impl Retention ===

impl Default for Retention {
    fn default() -> Retention {
        Retention {
            observations: Duration::from_secs(7 * 86_400),
            minutes: Duration::from_secs(30 * 86_400),
            hours: Duration::from_secs(730 * 86_400),
            days: None,
            settled: Duration::from_secs(30 * 86_400),
            max_mib: None,
        }
    }
}

// === impl Publish ===

impl Publish {
    pub(crate) fn usual_pace() -> Duration {
        Duration::from_secs(60)
    }
}

// === impl Limits ===

impl Default for Limits {
    fn default() -> Limits {
        Limits { looks: 4_000, looks_per_target: 16 }
    }
}
