//! The back-test as a table, and the figures of the prior:
//!
//! ```sh
//! cargo run --release -p stillhere-learn --example backtest -- outages.csv
//! cargo run --release -p stillhere-learn --example backtest -- prior outages.csv
//! ```
//!
//! The file has the columns `operator,started_at,minutes` (RFC 3339, UTC) and a head line. Each operator is a site of its own, and
//! leans on the prior of the *other* operators. Sources and results: `docs/eta.md`.
#![expect(clippy::print_stdout, reason = "a command that prints")]

use std::{collections::BTreeMap, error::Error};
use stillhere_learn::{
    Prior,
    replay::{self, Forecast, MARKS_MIN, Outage, Told},
};

#[path = "../tests/it/outages.rs"]
mod outages;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let first = args.next().ok_or("usage: backtest [prior] outages.csv")?;
    if first == "prior" {
        prior(&outages::read(&args.next().ok_or("which file?")?)?);
    } else {
        table(&outages::read(&first)?);
    }
    Ok(())
}

fn prior(sites: &BTreeMap<String, Vec<Outage>>) {
    for (name, outages) in sites {
        let [half, most, nearly] = outages::quantiles(outages);
        println!(
            "{name}: {} outages, median {half:.1} min, 80 % {most:.1} min, 90 % {nearly:.1} min",
            outages.len()
        );
    }
}

fn table(sites: &BTreeMap<String, Vec<Outage>>) {
    let each: Vec<(&String, Vec<Forecast>, Vec<Told>)> = sites
        .iter()
        .map(|(name, o)| {
            let prior = Prior::without(name);
            (name, replay::at_marks(o, &prior), replay::held(o, &prior))
        })
        .collect();
    let all: Vec<Forecast> = each.iter().flat_map(|(_, f, _)| f).copied().collect();
    println!(
        "| asked | n | none | later than \"by\" | fixed quantiles | mean | 80 % covers | loss / fixed |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    line("all marks", &all);
    for mark in MARKS_MIN {
        let at: Vec<Forecast> = all.iter().filter(|f| f.mark_min == mark).copied().collect();
        line(&format!("at {mark} min"), &at);
    }
    for (name, forecasts, _) in &each {
        line(name, forecasts);
    }
    println!();
    println!(
        "| under the hold rule | incidents | first late | all shown late | never revised | at most once | most |"
    );
    println!("|---|---|---|---|---|---|---|");
    let told: Vec<Told> = each.iter().flat_map(|(_, _, t)| t).cloned().collect();
    hold("all", &told);
    for (name, _, told) in &each {
        hold(name, told);
    }
}

fn line(name: &str, all: &[Forecast]) {
    let share =
        |of: &dyn Fn(&Forecast) -> bool| outages::share(all.iter().filter(|f| of(f)).count(), all.len());
    let shown = all.iter().filter(|f| f.late.is_some()).count();
    let late = outages::late(all);
    println!(
        "| {name} | {} | {} | {late:.1} % | {:.1} % | {:.1} % | {:.1} % | {:.3} |",
        all.len(),
        all.len() - shown,
        share(&|f| f.fixed_late),
        share(&|f| f.mean_late),
        share(&|f| f.covered),
        outages::loss(all),
    );
}

fn hold(name: &str, told: &[Told]) {
    let h = outages::hold(told);
    println!(
        "| {name} | {} | {:.1} % | {:.1} % | {:.1} % | {:.1} % | {} |",
        told.len(),
        h.first_late,
        h.all_late,
        h.never_revised,
        h.at_most_once,
        h.most
    );
}
