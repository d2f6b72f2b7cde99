//! The figures that the method is held to, on outages that four operators declared.

use crate::outages;
use stillhere_learn::{
    OPERATORS, Prior,
    replay::{self, Forecast, Told},
};

/// The file is not part of this repository; `docs/eta.md` says where it comes from. Streams with the same quantiles are in `streams`.
#[test]
#[ignore = "needs the outages of the Cloud Uptime Archive: STILLHERE_OUTAGES=outages.csv"]
fn on_the_record_of_four_operators_one_in_five_is_late_overall_and_after_four_hours() {
    let path = std::env::var("STILLHERE_OUTAGES").expect("STILLHERE_OUTAGES names the file");
    let sites = outages::read(&path).expect("it has the columns that docs/eta.md says");
    let (mut all, mut told): (Vec<Forecast>, Vec<Told>) = (Vec::new(), Vec::new());
    for (name, outages) in &sites {
        let prior = Prior::without(name);
        all.extend(replay::at_marks(outages, &prior));
        told.extend(replay::held(outages, &prior));
        let shipped = OPERATORS.iter().find(|o| o.name == name).expect("the prior has every operator");
        assert_eq!(
            [shipped.median_min, shipped.p80_min, shipped.p90_min],
            outages::quantiles(outages).map(|m| (m * 10.0).round() / 10.0),
            "{name}"
        );
        assert_eq!(shipped.outages as usize, outages.len());
    }
    assert!(all.len() > 4_000, "{}", all.len());
    let four_hours: Vec<Forecast> = all.iter().filter(|f| f.mark_min == 240).copied().collect();
    let hold = outages::hold(&told);
    for late in [outages::late(&all), outages::late(&four_hours), hold.first_late, hold.all_late] {
        assert!((17.0..=23.0).contains(&late), "{late} %");
    }
    assert!(outages::loss(&all) <= 0.98, "{}", outages::loss(&all));
    assert!(hold.at_most_once >= 85.0, "{} %", hold.at_most_once);
}
