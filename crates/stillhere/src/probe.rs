//! `stillhere probe URL`: one look, its phases in plain words.

use crate::{cli, exit::Exit, say};
use std::fmt::Write as _;
use stillhere_config::Config;
use stillhere_model::{Lang, Outcome, Side};
use stillhere_net::clock::Clock;
use stillhere_observe::{
    Probe,
    probe::{CheckSpec, LookReport, Shared},
};
use stillhere_tell::words::Words;

pub async fn run(args: cli::Probe) -> Result<(), Exit> {
    let config =
        Config::watch(std::slice::from_ref(&args.url), None).map_err(|r| Exit::Usage(r.to_string()))?;
    let mut check: CheckSpec = config.checks.first().expect("one URL makes one check").spec.clone();
    check.timeout = args.timeout;
    check.conditions = args.conditions;
    let probe = Probe::new(&check, &Shared::new(Clock::start())).map_err(|p| {
        Exit::Usage(format!(
            "{}: {}{}",
            p.path,
            p.problem,
            p.hint.map(|h| format!("\n  {h}")).unwrap_or_default()
        ))
    })?;
    let report = probe.look_verbose(false).await;
    if args.json {
        let o = &report.observation;
        say::out(&serde_json::to_string_pretty(o).expect("an observation is JSON"));
    } else {
        say::out(&words(&args.url, &report));
    }
    if matches!(report.observation.outcome, Outcome::Up | Outcome::Slow) {
        Ok(())
    } else {
        Err(Exit::BadNews)
    }
}

fn words(url: &str, report: &LookReport) -> String {
    let o = &report.observation;
    let mut s = String::new();
    let verdict = match o.outcome {
        Outcome::Up => "up",
        Outcome::Slow => "up, but slow",
        Outcome::Down => "down",
        Outcome::Unknown => "unknown: we could not look",
    };
    let _ = writeln!(s, "{url} is {verdict}.");
    if let Some(finding) = &o.finding {
        let said = Words::new(Lang::En, "UTC").finding(finding, o.at);
        let whose = match o.side {
            Some(Side::Target) => " (the target's side)",
            Some(Side::Path) => " (somewhere on the way)",
            Some(Side::Us) => " (our side)",
            None => "",
        };
        let _ = writeln!(s, "  {said}{whose}");
    }
    if let Some(detail) = &o.detail {
        let _ = writeln!(s, "  {detail}");
    }
    let p = &o.phases;
    let phases = [
        ("looking up the name", p.dns_us),
        ("connecting", p.connect_us),
        ("agreeing on encryption", p.tls_us),
        ("waiting for the first byte", p.first_byte_us),
        ("reading the rest", p.body_us),
    ];
    for (what, us) in phases {
        if let Some(us) = us {
            let _ = writeln!(s, "  {what:<28}{:>10}", ms(us));
        }
    }
    let _ = writeln!(s, "  {:<28}{:>10}", "altogether", ms(o.total_us));
    if let Some(remote) = report.remote {
        let answered = if matches!(o.outcome, Outcome::Up | Outcome::Slow) || report.report.status.is_some() {
            "answered by"
        } else {
            "asked"
        };
        let _ = writeln!(s, "  {answered} {remote}");
    }
    if let (Some(status), Some(version)) = (report.report.status, report.report.http_version) {
        let _ = writeln!(
            s,
            "  {version}, status {status}, {} bytes of body",
            report.report.body_bytes.unwrap_or(0)
        );
    }
    for to in &report.report.redirects {
        let _ = writeln!(s, "  redirected to {to}");
    }
    s.truncate(s.trim_end().len());
    s
}

fn ms(us: u32) -> String {
    format!("{:.1} ms", f64::from(us) / 1_000.0)
}
