//! `stillhere trust --from-log URL`: the trust report, computed again from the public record, by somebody else.

use crate::{cli, exit::Exit, outside::Outside, say};
use serde_json::Value;
use stillhere_record::{
    Checkpoint,
    trust::{Month, Quantiles, Report, Share},
};

pub async fn run(args: cli::Trust) -> Result<(), Exit> {
    let month: Option<Month> = match args.month.as_deref().map(str::parse).transpose() {
        Ok(month) => month,
        Err(()) => return Err(Exit::Usage("--month: such as 2026-11".to_owned())),
    };
    let outside = Outside::new(&args.from_log, args.ca_file.as_deref())?;
    let query = month.map(|m| format!("?month={m}")).unwrap_or_default();
    let published = outside.get(&format!("api/v1/trust{query}")).await?;
    let published = published.ok_or_else(|| Exit::NobodyThere("there is no such report".to_owned()))?;
    let claimed: Value = serde_json::from_slice(&published).unwrap_or_default();
    let size = claimed["log"]["size"].as_u64().ok_or_else(|| Exit::NobodyThere("not a report".to_owned()))?;
    let read = outside.log(None, None).await?;
    let mut wrong: Vec<String> = read.problems.iter().map(ToString::to_string).collect();
    let mut entries = read.copy.parsed();
    entries.truncate(usize::try_from(size).unwrap_or(usize::MAX));
    match read.copy.tree.root_at(size) {
        Some(root) => {
            let head = Checkpoint { origin: read.checkpoint.origin.clone(), size, root };
            let report = Report::new(&entries, &head, month);
            if report.bytes() != published {
                wrong.push("the published report is not the one that its log gives".to_owned());
            }
            say::out(&if args.json {
                String::from_utf8_lossy(&report.bytes()).into_owned()
            } else {
                told(&report)
            });
        }
        None => wrong.push(format!("the report is about {size} entries, and the log has fewer")),
    }
    wrong.iter().for_each(|w| say::err(&format!("WRONG: {w}")));
    if !args.json && wrong.is_empty() {
        say::out("The published report is the same, byte for byte.");
    }
    if wrong.is_empty() { Ok(()) } else { Err(Exit::BadNews) }
}

fn told(r: &Report) -> String {
    let f = &r.figures;
    let mut lines = vec![format!(
        "{} to {}: {} incidents, {} entries of the log",
        r.from,
        r.until,
        r.incidents.len(),
        r.log.size
    )];
    let mut line =
        |name: &str, value: Option<String>| lines.extend(value.map(|v| format!("  {name:<34}{v}")));
    line("time to detect", f.detect.map(times));
    line("found by a person first", f.found_by_person.map(share));
    line("time until somebody took it on", f.acknowledge.map(times));
    line("taken on by somebody", f.acknowledged.map(share));
    line("time to tell", f.tell.map(times));
    line("told within 5 minutes", f.told_within_5m.map(share));
    line("told after the end", f.told_after_end.map(share));
    line("promised updates that came", f.promises_kept.map(share));
    line("prevention done in time", f.prevented.map(share));
    line("longest silence", f.longest_silence.map(times));
    for (who, eta) in [("computed", &f.eta_computed), ("by people", &f.eta_person)] {
        line(&format!("end given, {who}: late"), eta.as_ref().map(|e| share(e.late)));
        line(&format!("end given, {who}: off by"), eta.as_ref().map(|e| times(e.off)));
        line(&format!("end given, {who}: moved often"), eta.as_ref().map(|e| share(e.slipped_often)));
    }
    if let Some(h) = &f.honesty {
        line(
            "page said fine, and it was not",
            Some(format!("{} (longest {})", ms(h.said_fine_ms), ms(h.said_fine_longest_ms))),
        );
        line("page said broken, and it was not", Some(ms(h.said_broken_ms)));
        line("not seen by us", Some(ms(h.unseen_ms)));
    }
    lines.join("\n")
}

fn times(q: Quantiles) -> String {
    let of = |v: Option<i64>| v.map_or_else(|| "too few to say".to_owned(), ms);
    format!("half {}, 9 of 10 {}, worst {} (n = {})", of(q.p50_ms), of(q.p90_ms), of(q.worst_ms), q.n)
}

fn share(s: Share) -> String {
    let percent = s.percent().map(|p| format!(" ({p} %)")).unwrap_or_default();
    format!("{} of {}{percent}", s.n, s.of)
}

fn ms(ms: i64) -> String {
    let sign = if ms < 0 { "-" } else { "" };
    let s = ms.unsigned_abs().div_ceil(1000);
    match s {
        0..120 => format!("{sign}{s} s"),
        120..7_200 => format!("{sign}{} min", s / 60),
        _ => format!("{sign}{} h {} min", s / 3_600, s % 3_600 / 60),
    }
}
