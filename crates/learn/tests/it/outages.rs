//! Reads a file of outages, and sums up a replay.

use std::{collections::BTreeMap, time::Duration};
use stillhere_learn::replay::{Forecast, Outage, Told, ranked};
use stillhere_model::Time;

pub fn read(path: &str) -> Result<BTreeMap<String, Vec<Outage>>, Box<dyn std::error::Error>> {
    let mut sites: BTreeMap<String, Vec<Outage>> = BTreeMap::new();
    for line in std::fs::read_to_string(path)?.lines().skip(1) {
        let mut cells = line.split(',');
        let mut cell = || cells.next().ok_or("a line has too few columns");
        let (name, started_at, minutes) = (cell()?, cell()?, cell()?);
        let lasted = Duration::try_from_secs_f64(minutes.trim().parse::<f64>()? * 60.0)?;
        sites
            .entry(name.to_owned())
            .or_default()
            .push(Outage { started_at: Time::parse(started_at)?, lasted });
    }
    Ok(sites)
}

/// Median, 80 % and 90 % of the durations, in minutes.
pub fn quantiles(outages: &[Outage]) -> [f64; 3] {
    let mut minutes: Vec<f64> = outages.iter().map(|o| o.lasted.as_secs_f64() / 60.0).collect();
    minutes.sort_by(f64::total_cmp);
    [0.5, 0.8, 0.9].map(|p| ranked(&minutes, p))
}

/// Our pinball loss over that of the fixed quantiles.
pub fn loss(all: &[Forecast]) -> f64 {
    let sum = |of: fn(&Forecast) -> f64| all.iter().map(of).sum::<f64>();
    sum(|f| f.loss) / sum(|f| f.fixed_loss)
}

/// Per cent.
pub fn share(n: usize, of: usize) -> f64 {
    100.0 * n as f64 / of.max(1) as f64
}

pub fn late(all: &[Forecast]) -> f64 {
    let shown = all.iter().filter(|f| f.late.is_some()).count();
    share(all.iter().filter(|f| f.late == Some(true)).count(), shown)
}

/// In per cent, but for `most`.
pub struct Hold {
    pub first_late: f64,
    pub all_late: f64,
    pub never_revised: f64,
    pub at_most_once: f64,
    pub most: usize,
}

pub fn hold(told: &[Told]) -> Hold {
    let late = |t: &Told, i: usize| t.etas[i].by.is_some_and(|by| t.over_at > by);
    let given = |t: &Told| t.etas.iter().filter(|e| e.by.is_some()).count();
    let all: usize = told.iter().map(given).sum();
    let all_late: usize = told.iter().map(|t| (0..t.etas.len()).filter(|i| late(t, *i)).count()).sum();
    let revised = |most: usize| told.iter().filter(|t| t.etas.len() <= most + 1).count();
    Hold {
        first_late: share(told.iter().filter(|t| late(t, 0)).count(), told.len()),
        all_late: share(all_late, all),
        never_revised: share(revised(0), told.len()),
        at_most_once: share(revised(1), told.len()),
        most: told.iter().map(|t| t.etas.len() - 1).max().unwrap_or_default(),
    }
}
