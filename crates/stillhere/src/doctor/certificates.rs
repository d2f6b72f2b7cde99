//! The certificate of the status page: whether browsers take it, when it ends, and whether it ends together with one of what the page
//! reports on. A renewal that failed for both at once takes away the page in the hour in which it is needed.

use super::{Finding, list};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use stillhere_config::Config;
use stillhere_net::{
    Fault, Trace, clock,
    dns::{Family, Host, Resolver},
    guard::Policy,
    http::Target,
    tcp::connect_any,
    tls::{self, Judged, Options},
};
use stillhere_observe::probe::{Spec, tls::THRESHOLDS};
use tokio::task::JoinSet;

const ABOUT: &str = "our certificate";
/// Servers of what is watched that are asked for theirs; the first ones in the alphabet.
const SERVERS_MAX: usize = 50;
const WITHIN: Duration = Duration::from_secs(5);
const DAY_MS: i64 = 86_400_000;
const RENEW: &str = "renew it, and see why that did not happen by itself";

/// A server that speaks TLS: where it is, and under which name.
type Server = (String, u16);

/// What of a certificate is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Shown {
    leaf: Vec<u8>,
    issuer: String,
    /// The day (since 1970, UTC) on which it ends.
    day: i64,
}

/// Nothing, when the page is not reached by https.
pub async fn all(config: &Config) -> Option<Finding> {
    let page = config.site.url.as_ref().and_then(|url| Target::parse(&url.to_string()).ok());
    let page = page.filter(Target::https).map(|t| (t.host().to_string(), t.port()))?;
    let (ours, theirs) = match looks(&page, config).await {
        Ok(looked) => looked,
        Err(e) => {
            return Some(Finding::warning(
                ABOUT,
                format!("not judged: {e}"),
                "mend that, and run doctor again",
            ));
        }
    };
    let now = clock::wall();
    let judged = match ours {
        Ok(judged) => judged,
        Err(fault) => {
            let said =
                format!("not judged: {}:{} could not be asked for it from here: {fault}", page.0, page.1);
            return Some(Finding::warning(
                ABOUT,
                said,
                "run doctor where the page is reached as visitors reach it",
            ));
        }
    };
    if let Some(wrong) = &judged.wrong {
        return Some(Finding::bad(ABOUT, format!("browsers refuse it: {}", wrong.detail), RENEW));
    }
    let days = judged.days_left(now);
    if days <= i64::from(THRESHOLDS[0]) {
        return Some(Finding::warning(ABOUT, format!("it ends in {days} days"), RENEW));
    }
    Some(compared(days, &Shown::of(&judged), &theirs))
}

type Theirs = BTreeMap<String, Option<Shown>>;

/// Asks all of them, at the same time.
async fn looks(page: &Server, config: &Config) -> Result<(Result<Arc<Judged>, Fault>, Theirs), tls::Error> {
    let client = Arc::new(tls::Store::default()).client(&Options::default())?;
    client.warm()?;
    let resolver = Arc::new(Resolver::system());
    let look = |server: &Server, name: String| {
        let (client, resolver, server) = (client.clone(), resolver.clone(), server.clone());
        async move {
            let timed = tokio::time::timeout(WITHIN, ask(&client, &resolver, &server, &name)).await;
            timed.unwrap_or_else(|_| {
                Err(resolver.timeout(u32::try_from(WITHIN.as_millis()).unwrap_or(u32::MAX)))
            })
        }
    };
    let mut asked = JoinSet::new();
    for (server, name) in watched(config, page).into_iter().take(SERVERS_MAX) {
        let said = if server.1 == 443 { server.0.clone() } else { format!("{}:{}", server.0, server.1) };
        let looking = look(&server, name);
        asked.spawn(async move { (said, looking.await.ok().map(|judged| Shown::of(&judged))) });
    }
    let ours = look(page, page.0.clone()).await;
    Ok((ours, asked.join_all().await.into_iter().collect()))
}

/// What is watched by https or as a certificate, and under which name it is asked; but for the page itself.
fn watched(config: &Config, page: &Server) -> BTreeMap<Server, String> {
    let servers = config.checks.iter().filter_map(|c| match &c.spec.spec {
        Spec::Http(http) => {
            let target = Target::parse(&http.url).ok().filter(Target::https)?;
            let host = target.host().to_string();
            Some(((host.clone(), target.port()), host))
        }
        Spec::Tls(tls) => {
            let name = tls.server_name.clone().unwrap_or_else(|| tls.host.clone());
            Some(((tls.host.clone(), tls.port), name))
        }
        _ => None,
    });
    servers.filter(|(server, _)| server != page).collect()
}

async fn ask(
    client: &tls::Client,
    resolver: &Resolver,
    (host, port): &Server,
    name: &str,
) -> Result<Arc<Judged>, Fault> {
    let parsed = |text: &str| Host::parse(text).ok_or_else(|| Fault::ours("not a host", text.to_owned()));
    let (host, name) = (parsed(host)?, parsed(name)?);
    let peer =
        client.peer(&name).ok_or_else(|| Fault::ours("no certificate can be for it", name.to_string()))?;
    let (began, mut trace) = (clock::mono(), Trace::start(clock::mono()));
    let deadline = began + WITHIN;
    let addresses = resolver.addresses(&host, Family::Auto, deadline, &mut trace).await?;
    let tcp = connect_any(&addresses, *port, true, Policy::Operator, deadline, &mut trace).await?;
    let (_, judged) = Box::pin(peer.examine(tcp, &mut trace)).await?;
    judged.ok_or_else(|| Fault::ours("nothing to judge by", String::new()))
}

fn compared(days: i64, ours: &Shown, theirs: &Theirs) -> Finding {
    let with = |same: &dyn Fn(&Shown) -> bool| -> Vec<&str> {
        theirs.iter().filter(|(_, s)| s.as_ref().is_some_and(same)).map(|(host, _)| host.as_str()).collect()
    };
    let ends = format!("it ends in {days} days");
    let the_same = with(&|s| s.leaf == ours.leaf);
    if !the_same.is_empty() {
        return Finding::warning(
            ABOUT,
            format!(
                "{ends}; {} shows the same one. When it ends or is revoked, both are refused",
                list(&the_same)
            ),
            "give the status page a certificate of its own",
        );
    }
    let together = with(&|s| s.issuer == ours.issuer && s.day == ours.day);
    if !together.is_empty() {
        return Finding::warning(
            ABOUT,
            format!(
                "{ends}, on the same day as that of {}, from the same issuer: probably one renewal, which fails for both",
                list(&together)
            ),
            "renew the status page's by another job, on another day",
        );
    }
    let silent: Vec<&str> =
        theirs.iter().filter(|(_, s)| s.is_none()).map(|(host, _)| host.as_str()).collect();
    let seen = theirs.len() - silent.len();
    let mut said = match seen {
        0 => ends,
        n => format!("{ends}, and is another one than those of the {n} servers that were compared"),
    };
    if !silent.is_empty() {
        said = format!("{said}; not compared, because they did not show theirs: {}", list(&silent));
    }
    Finding::ok(ABOUT, said)
}

// === impl Shown ===

impl Shown {
    fn of(judged: &Judged) -> Shown {
        Shown {
            leaf: judged.leaf().to_vec(),
            issuer: judged.issuer.clone(),
            day: judged.ends.0.div_euclid(DAY_MS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;

    fn shown(leaf: u8, issuer: &str, day: i64) -> Shown {
        Shown { leaf: vec![leaf], issuer: issuer.to_owned(), day }
    }

    #[test]
    fn the_same_certificate_and_the_same_end_are_a_shared_fate_and_silence_is_told() {
        let ours = shown(1, "CN=R1", 100);
        let of = |theirs: &[(&str, Option<Shown>)]| {
            compared(60, &ours, &theirs.iter().map(|(host, s)| ((*host).to_owned(), s.clone())).collect())
        };
        for (theirs, level, said) in [
            (vec![], Level::Ok, "it ends in 60 days"),
            (
                vec![("a", Some(ours.clone())), ("b", Some(shown(2, "CN=R1", 100)))],
                Level::Warning,
                "a shows the same one",
            ),
            (vec![("b", Some(shown(2, "CN=R1", 100)))], Level::Warning, "on the same day as that of b"),
            (
                vec![("b", Some(shown(2, "CN=R1", 101))), ("c", Some(shown(3, "CN=R2", 100)))],
                Level::Ok,
                "of the 2 servers",
            ),
            (vec![("b", None)], Level::Ok, "did not show theirs: b"),
        ] {
            let found = of(&theirs);
            assert_eq!(found.level, level, "{found:?}");
            assert!(found.said.contains(said), "{found:?}");
        }
    }

    #[test]
    fn what_is_watched_by_https_is_asked_once_and_the_page_itself_is_not() {
        let text = "[[service]]\nid = \"a\"\nurl = \"https://e.example/x\"\n[[service]]\nid = \"b\"\nurl = \"https://e.example/y\"\n\
                    [[service]]\nid = \"c\"\nurl = \"http://f.example/\"\n[[service]]\nid = \"d\"\nurl = \"https://status.example/\"\n";
        let config = Config::parse("a.toml", text).unwrap_or_else(|r| panic!("{r}"));
        let found = watched(&config, &("status.example".to_owned(), 443));
        assert_eq!(
            found.into_iter().collect::<Vec<_>>(),
            [(("e.example".to_owned(), 443), "e.example".to_owned())]
        );
    }
}
