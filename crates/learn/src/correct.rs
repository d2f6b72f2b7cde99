//! Which level is asked of the curve. The curve is fitted to the past, and the past is not the future: where more than
//! one in five of the times that were shown came too early, later ones are asked for at a higher level, and the other
//! way round. A small step for each (adaptive conformal inference, Gibbs and Candès 2021).

use crate::history::History;
use stillhere_model::Time;

/// The share that is to be over by the time that is shown: four of five.
pub const LEVEL: f64 = 0.8;
/// Bounds of the correction. Above, a heavy tail would answer weeks; the record printed beside the estimate says
/// what is still wrong then.
const LEVEL_MIN: f64 = 0.6;
const LEVEL_MAX: f64 = 0.9;
/// For each time shown.
const STEP: f64 = 0.01;
/// Outcomes that count, the youngest.
const OUTCOMES_MAX: usize = 400;

/// The level to ask for, from what is known at `now` about the computed times that were shown.
pub(crate) fn level(history: &History, now: Time) -> f64 {
    let mut outcomes: Vec<(Time, bool)> = history
        .cases()
        .flat_map(|c| c.etas.iter().map(move |e| (c, e)))
        .filter(|(_, e)| e.is_computed() && e.shown_at <= now)
        .filter_map(|(c, e)| {
            let held = c.held(e, now)?;
            // Too early is known as soon as the time has passed; that it held, when it was over.
            Some((if held { c.over_at? } else { e.by? }, held))
        })
        .collect();
    outcomes.sort();
    let from = outcomes.len().saturating_sub(OUTCOMES_MAX);
    outcomes[from..].iter().fold(LEVEL, |level, (_, held)| {
        let off = f64::from(u8::from(!held)) - (1.0 - LEVEL);
        (level + STEP * off).clamp(LEVEL_MIN, LEVEL_MAX)
    })
}
