//! Whether those who are to be told can be told, as far as that can be tried without telling anybody anything.

use super::Finding;
use std::time::Duration;
use stillhere_config::Config;
use stillhere_send::Channel;
use tokio::task::JoinSet;

/// Channels that are tried at the same time.
const AT_A_TIME: usize = 16;
/// A channel's own deadline may be longer; the person at the terminal is not that patient.
const WITHIN: Duration = Duration::from_secs(20);

/// One finding for each channel, in the order of the file.
pub async fn all(config: &Config) -> Vec<Finding> {
    if config.channels.is_empty() {
        let hint = "add a [[channel]], so that somebody hears of an outage without looking at the page";
        return vec![Finding::warning("channels", "there are none", hint)];
    }
    let mut findings = Vec::new();
    let mut waiting = config.channels.iter().enumerate();
    let mut trying = JoinSet::new();
    loop {
        while trying.len() < AT_A_TIME {
            let Some((i, channel)) = waiting.next() else { break };
            let (name, kind) = (channel.name.clone(), channel.spec.kind());
            match Channel::new(&name, &channel.spec) {
                Ok(ready) => {
                    trying.spawn(async move { (i, one(&format!("{kind} {name}"), &ready).await) });
                }
                Err(problem) => {
                    let hint = "correct it in the file, or set what it reads";
                    findings.push((i, Finding::bad(&format!("{kind} {name}"), problem.to_string(), hint)));
                }
            }
        }
        match trying.join_next().await {
            Some(Ok(found)) => findings.push(found),
            // Cannot be: nothing in there panics and nobody aborts it. What was found so far is still true.
            Some(Err(e)) => {
                findings.push((usize::MAX, Finding::bad("channels", e.to_string(), "report this")))
            }
            None => break,
        }
    }
    findings.sort_by_key(|(i, _)| *i);
    findings.into_iter().map(|(_, finding)| finding).collect()
}

async fn one(about: &str, channel: &Channel) -> Finding {
    let hint = "see docs/channels; messages wait in the outbox until it works";
    match tokio::time::timeout(WITHIN, channel.rehearse()).await {
        Ok(Ok(said)) => Finding::ok(about, said),
        Ok(Err(why)) => Finding::bad(about, why, hint),
        Err(_) => Finding::bad(about, format!("no answer within {} s", WITHIN.as_secs()), hint),
    }
}
