//! `stillhere drill`: a rehearsal of an outage, scored, that cannot reach the public.
//!
//! It is a Stillhere of its own in a process of its own: a temporary folder, a page that only this machine can open, a
//! throw-away server that is broken by a script, and sinks in the place of every channel. What is taken from the operator's file is
//! the name of the site, its languages and the names of channels; no address in it is ever used ([`plan`] writes the file that is run, and
//! a test holds that every address in it is this machine's). Everything that is seen or sent says that it is an exercise.

mod plan;
mod score;
mod sink;
mod target;

use crate::{
    cli, config,
    exit::Exit,
    say,
    up::{self, App},
};
use anyhow::Context as _;
use score::{Score, Taken};
use sink::Sink;
use std::{net::SocketAddr, time::Duration};
use stillhere_model::{Incident, IncidentId, IncidentStatus};
use stillhere_net::clock;
use stillhere_node::{Handle, Over, Source};
use target::Target;

/// How often the state is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Longer than this no server of ours takes to begin, nor an outage to be noticed.
const WITHIN: Duration = Duration::from_secs(60);
/// Where the exercise speaks: beside a score in JSON on standard error.
type Voice = fn(&str);
/// Points for a pass.
const PASS: u32 = 60;

pub async fn run(args: cli::Drill) -> Result<(), Exit> {
    up::logging(false, "error");
    up::open_more_files();
    only_here(args.listen)?;
    let voice: Voice = if args.json { say::err } else { say::out };
    let given = args.config.as_deref().map(config::load).transpose()?;
    let dir = tempfile::Builder::new().prefix("stillhere-drill-").tempdir().context("a temporary folder")?;
    let (target, sink) = (
        Target::start().await.context("the server that is broken")?,
        Sink::start().await.context("the sinks")?,
    );
    let plan = plan::Plan::new(given.as_ref(), args.listen, dir.path(), target.addr(), sink.places());
    let file = plan.write().context("cannot write drill.toml")?;
    let source = Source::File { path: file, over: Over::default() };
    let config = source.load().map_err(Exit::Own)?;
    let languages = config.site.languages.clone();
    let first_word = config.respond.first_word.unwrap_or_default();
    let app = App::start(source, config).await?;
    let handle = app.handle();
    voice("EXERCISE. Nobody outside this machine hears or sees any of this.\n");
    voice(&format!("  Status page   http://{}/", app.addr()));
    voice(&format!("  Command line  stillhere incident list --data {}", dir.path().display()));
    voice(&format!(
        "  It lasts      {}, then you have {} for the post-mortem\n",
        said(args.lasts),
        said(args.afterwards)
    ));
    let taken = tokio::select! {
        taken = rehearse(&handle, &target, &sink, &args, voice) => Some(taken?),
        () = interrupted(&handle) => None,
    };
    let Some(taken) = taken else {
        voice("\nThe exercise was broken off. No score.");
        app.stop().await?;
        return Err(Exit::BadNews);
    };
    let score = Score::of(&taken, &languages, first_word);
    if args.json {
        say::out(&serde_json::to_string(&score).context("the score")?);
    } else {
        say::out(&score.text());
    }
    app.stop().await?;
    if score.points >= PASS { Ok(()) } else { Err(Exit::BadNews) }
}

/// The whole of it; gives back what was done.
async fn rehearse(
    handle: &Handle,
    target: &Target,
    sink: &Sink,
    args: &cli::Drill,
    voice: Voice,
) -> Result<Taken, Exit> {
    until("everything is well", WITHIN, || {
        let s = handle.snapshot();
        (s.last_look.is_some() && s.incidents.is_empty()).then_some(())
    })
    .await?;
    voice("The outage begins.");
    let telling = tokio::spawn(sink.clone().tell(voice));
    let script = tokio::spawn(target.clone().act(args.lasts));
    let id =
        until("the outage is noticed", WITHIN, || handle.snapshot().incidents.first().map(|i| i.id)).await?;
    script.await.context("the script")?;
    let repaired_at = clock::wall();
    voice("The server is well again. Say so, and call it over, or let the checks do it.");
    let (incident, ended) = afterwards(handle, id, args.afterwards, voice).await?;
    telling.abort();
    if !ended {
        voice("The time for the post-mortem is over.");
    }
    Ok(Taken { incident, repaired_at })
}

/// Until the post-mortem is published, or the time for it is over.
async fn afterwards(
    handle: &Handle,
    id: IncidentId,
    wait: Duration,
    voice: Voice,
) -> Result<(Incident, bool), Exit> {
    let until = clock::mono() + wait;
    let mut over = false;
    loop {
        let found = handle.store().incident(id).await.context("the record")?;
        let incident = found.ok_or_else(|| Exit::Own("the incident is not in the record".to_owned()))?;
        if incident.status == IncidentStatus::Postmortem {
            return Ok((incident, true));
        }
        if !over && !incident.status.is_open() {
            over = true;
            voice(&format!(
                "It is over. The draft of the post-mortem: stillhere incident postmortem {id}\n\
                 Publish what you make of it: stillhere incident update {id} --status postmortem --text en=… --text zh-CN=…"
            ));
        }
        if clock::mono() >= until {
            return Ok((incident, false));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn until<T>(what: &str, within: Duration, mut look: impl FnMut() -> Option<T>) -> Result<T, Exit> {
    let deadline = clock::mono() + within;
    loop {
        if let Some(t) = look() {
            return Ok(t);
        }
        if clock::mono() >= deadline {
            return Err(Exit::Own(format!("waited {} for: {what}", said(within))));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn interrupted(handle: &Handle) {
    let mut stopping = handle.stopping();
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = stopping.wait_for(|s| *s) => {}
    }
}

fn only_here(listen: SocketAddr) -> Result<(), Exit> {
    if listen.ip().is_loopback() {
        return Ok(());
    }
    Err(Exit::Usage(format!(
        "an exercise is for this machine only, not for {}: somebody could take its page for the truth. Write --listen 127.0.0.1:{}",
        listen.ip(),
        listen.port()
    )))
}

fn said(d: Duration) -> String {
    stillhere_config::duration::said(d)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_an_exercise_is_for_this_machine_only() {
        for (listen, ok) in
            [("127.0.0.1:0", true), ("[::1]:8080", true), ("0.0.0.0:8080", false), ("192.0.2.1:80", false)]
        {
            assert_eq!(only_here(listen.parse().unwrap()).is_ok(), ok, "{listen}");
        }
    }
}
