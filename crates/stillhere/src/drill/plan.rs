//! The file that is run in an exercise. From the operator's own it takes names and languages, and no address.

use super::{sink::Places, target::SLOW};
use serde_json::json;
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
};
use stillhere_config::Config;
use stillhere_model::{Audience, Lang};
use stillhere_send::ChannelSpec;

/// Whom the mails of an exercise are for: a name that no mail server in the world takes (RFC 6761).
const YOU: &str = "you@exercise.invalid";

pub struct Plan {
    path: PathBuf,
    text: String,
}

struct Channel {
    name: String,
    mail: bool,
    audience: Vec<Audience>,
    language: Lang,
}

// === impl Plan ===

impl Plan {
    pub fn new(
        given: Option<&Config>,
        listen: SocketAddr,
        dir: &Path,
        target: SocketAddr,
        sinks: Places,
    ) -> Plan {
        let languages = given.map_or_else(|| Lang::ALL.to_vec(), |c| c.site.languages.clone());
        let name = given.map(|c| c.site.name.clone());
        let marked: BTreeMap<&str, String> = languages
            .iter()
            .map(|l| (l.tag(), format!("{}{}", mark(*l), name.as_ref().map_or("Stillhere", |n| n.get(*l)))))
            .collect();
        let service = languages.iter().map(|l| (l.tag(), service(*l))).collect::<BTreeMap<_, _>>();
        let tags: Vec<&str> = languages.iter().map(|l| l.tag()).collect();
        let zone = given.map_or("UTC", |c| c.site.time_zone.as_str());
        let mut text = format!(
            r#"# An exercise. Nothing in here reaches anybody outside this machine.

[site]
name = {}
languages = {}
time_zone = {}

[server]
listen = "{listen}"
data = {}

[defaults]
interval = "1s"
timeout = "3s"
slow_over = "{}ms"

[respond]
verify = "2s"
# Minutes count in an exercise: the pace is quicker than the usual one.
first_word = "1m"
scope = "1m"
next_update = "1m"
next_update_later = "1m"

[[service]]
id = "practice"
name = {}
url = "http://{target}/"
"#,
            inline(&marked),
            json!(tags),
            json!(zone),
            json!(dir),
            SLOW.as_millis() / 2,
            inline(&service),
        );
        for c in channels(given, languages.first().copied().unwrap_or_default()) {
            let own = if c.mail {
                format!(
                    "kind = \"mail\"\nhost = \"{}\"\nport = {}\ntls = \"none\"\nfrom = \"stillhere@exercise.invalid\"\nto = [\"{YOU}\"]",
                    sinks.mail.ip(),
                    sinks.mail.port()
                )
            } else {
                format!("kind = \"webhook\"\nurl = \"http://{}/\"", sinks.hook)
            };
            text += &format!(
                "\n[[channel]]\nname = {}\naudience = {}\nlanguage = \"{}\"\n{own}\n",
                json!(c.name),
                json!(c.audience),
                c.language.tag()
            );
        }
        Plan { path: dir.join("drill.toml"), text }
    }

    pub fn write(&self) -> std::io::Result<PathBuf> {
        std::fs::write(&self.path, &self.text)?;
        Ok(self.path.clone())
    }
}

/// Before the name of the site: it stands on every page, and in every message.
fn mark(lang: Lang) -> &'static str {
    match lang {
        Lang::En => "EXERCISE · ",
        Lang::ZhCn => "演练 · ",
    }
}

/// It is the name of the incident, too.
fn service(lang: Lang) -> String {
    match lang {
        Lang::En => "Practice (exercise)".to_owned(),
        Lang::ZhCn => "练习服务（演练）".to_owned(),
    }
}

/// A sink for each channel of the file, under its name; one for mails to staff where there is none.
fn channels(given: Option<&Config>, first: Lang) -> Vec<Channel> {
    let mut all: Vec<Channel> = given
        .iter()
        .flat_map(|c| &c.channels)
        .map(|c| Channel {
            name: c.name.clone(),
            mail: matches!(c.spec, ChannelSpec::Mail(_)),
            audience: c.audience.clone(),
            language: c.language,
        })
        .collect();
    if !all.iter().any(|c| c.mail && c.audience == [Audience::Staff]) {
        let name = "exercise-staff-mail".to_owned();
        all.push(Channel { name, mail: true, audience: vec![Audience::Staff], language: first });
    }
    all
}

/// JSON's strings are TOML's, too.
fn inline(each: &BTreeMap<&str, String>) -> String {
    let pairs: Vec<String> = each.iter().map(|(k, v)| format!("{} = {}", json!(k), json!(v))).collect();
    format!("{{ {} }}", pairs.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REAL: &str = r#"
[site]
name = { en = "Lantern \"Shop\"", zh-CN = "灯笼商店" }
url = "https://status.lantern.example"
languages = ["en", "zh-CN"]

[uplink]
targets = ["1.1.1.1:443"]

[publish]
to = "s3://bucket/page"

[[service]]
id = "shop"
url = "https://lantern.example"

[[channel]]
name = "ops"
kind = "mail"
host = "smtp.lantern.example"
from = "status@lantern.example"
to = ["ops@lantern.example"]

[[channel]]
name = "chat"
kind = "webhook"
url = "https://hooks.lantern.example/abc"
audience = ["public", "staff"]

[[channel]]
name = "room"
kind = "chat"
app = "slack"
url = "https://chat.lantern.example/abc"
"#;

    fn mark_of(lang: Lang) -> &'static str {
        match lang {
            Lang::En => "exercise",
            Lang::ZhCn => "演练",
        }
    }

    #[test]
    fn every_address_in_an_exercise_is_this_machines_whatever_the_file_says() {
        let given = Config::parse("stillhere.toml", REAL).unwrap_or_else(|r| panic!("{r}"));
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let dir = tempfile::tempdir().unwrap();
        let plan = Plan::new(Some(&given), at(1), dir.path(), at(2), Places { mail: at(3), hook: at(4) });
        assert!(!plan.text.contains("lantern.example"), "{}", plan.text);
        let config = Config::parse("drill.toml", &plan.text).unwrap_or_else(|r| panic!("{r}"));
        assert!(config.site.url.is_none() && config.publish.is_none() && config.uplink.targets.is_empty());
        assert!(config.edge.is_none() && config.server.listen.ip().is_loopback());
        assert!(config.checks.iter().all(|c| c.spec.spec.is_local()));
        assert_eq!(
            config.channels.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(),
            ["ops", "chat", "room"]
        );
        for channel in &config.channels {
            match &channel.spec {
                ChannelSpec::Mail(m) => {
                    assert_eq!(
                        (m.host.as_str(), m.port, &m.to[..]),
                        ("127.0.0.1", Some(3), &[YOU.to_owned()][..])
                    );
                }
                ChannelSpec::Webhook(w) => assert_eq!(w.url.as_str(), "http://127.0.0.1:4/"),
                ChannelSpec::Chat(c) => panic!("a room of {} that somebody reads", c.app.name()),
            }
        }
        for (lang, name) in [(Lang::En, "EXERCISE · Lantern \"Shop\""), (Lang::ZhCn, "演练 · 灯笼商店")]
        {
            assert_eq!(config.site.name.get(lang), name);
            assert!(
                config.services[0].name.get(lang).contains(mark_of(lang)),
                "the incident's name says it as well"
            );
        }
    }

    #[test]
    fn without_a_file_there_is_a_mail_to_the_responder() {
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let dir = tempfile::tempdir().unwrap();
        let plan = Plan::new(None, at(1), dir.path(), at(2), Places { mail: at(3), hook: at(4) });
        let config = Config::parse("drill.toml", &plan.text).unwrap_or_else(|r| panic!("{r}"));
        assert_eq!(config.channels.len(), 1);
        assert_eq!(config.site.languages, Lang::ALL);
    }
}
