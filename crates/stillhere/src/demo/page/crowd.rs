//! What visitors get right now: the counters of the crowd, its last minute, and what the status page says.

use super::button;
use crate::demo::{
    control::Control,
    crowd::{HISTORY, Second, Tally},
    html::Page,
};
use std::fmt::Write as _;

/// How high the strip is, in its own units; a full second of visits is about this many.
const HIGH: u64 = 24;
/// When those who waited come all at once, their bar is cut at this, so that the others can still be seen.
const MOST: u64 = 2 * HIGH;
/// What the status page's API can say of a service; anything else is not shown.
const SAYS: [&str; 5] =
    ["operational", "under_maintenance", "degraded_performance", "partial_outage", "major_outage"];

pub(super) fn section(page: &mut Page, control: &Control, said: Option<&str>) {
    let tally = control.crowd.tally();
    let on = control.crowd.is_on();
    let switch = if on { ("/crowd/off", "crowd-off") } else { ("/crowd/on", "crowd-on") };
    let buttons =
        [button(page, switch.0, switch.1, ""), button(page, "/crowd/forget", "crowd-forget", "")].concat();
    let says = said.filter(|s| SAYS.contains(s));
    let key = says.map_or_else(|| "says-unknown".to_owned(), |s| format!("says-{}", s.replace('_', "-")));
    page.add(&format!(
        "<section id=crowd><h1>{}</h1><p>{}</p><p id=says class=\"says {}\" data-live>{} <b>{}</b></p>",
        page.say("crowd-title"),
        page.say("crowd-text"),
        says.unwrap_or("unknown"),
        page.say("says"),
        page.say(&key),
    ));
    page.add(&format!(
        "<div class=panel><div id=strip data-live>{}</div><dl id=counts class=counts data-live>{}</dl>\
         <div class=do id=crowd-do data-live>{buttons}</div></div></section>",
        strip(page, &tally),
        counts(page, &tally)
    ));
}

fn counts(page: &Page, tally: &Tally) -> String {
    let longest =
        page.with("crowd-longest", &[("seconds", format!("{:.1}", tally.longest.as_secs_f64()).into())]);
    let rows = [
        ("served", tally.served, "ok", page.say("crowd-served-note")),
        ("waited", tally.waited, "wait", longest),
        ("told", tally.told, "told", page.say("crowd-told-note")),
        ("kept", tally.kept, "told", page.with("crowd-late", &[("count", tally.late.into())])),
        ("errors", tally.errors, "bad", page.say("crowd-errors-note")),
        ("lost", tally.lost, "bad", page.say("crowd-lost-note")),
        ("doubled", tally.doubled, "bad", page.say("crowd-doubled-note")),
    ];
    rows.into_iter().fold(String::new(), |mut all, (id, count, class, note)| {
        let class = match (count, id) {
            // Nothing of these is the good news.
            (0, "lost" | "doubled") => "ok",
            (0, _) => "none",
            _ => class,
        };
        let _infallible = write!(
            all,
            "<div class=\"count {class}\"><dt>{}</dt><dd id=crowd-{id}>{count}</dd><dd class=note>{note}</dd></div>",
            page.say(&format!("crowd-{id}"))
        );
        all
    })
}

/// The last minute, a bar for each second.
fn strip(page: &Page, tally: &Tally) -> String {
    let seconds: Vec<Second> = tally.seconds().collect();
    let most =
        seconds.iter().map(|s| s.served + s.waited + s.told + s.bad).max().unwrap_or(0).clamp(HIGH, MOST);
    let mut bars = String::new();
    for (i, second) in seconds.iter().enumerate() {
        let x = HISTORY - 1 - seconds.len() + i;
        let all = second.served + second.waited + second.told + second.bad;
        let scale = HIGH as f64 / most.max(all) as f64;
        let mut y = HIGH as f64;
        let stack =
            [(second.served, "ok"), (second.waited, "wait"), (second.told, "told"), (second.bad, "bad")];
        for (count, class) in stack.into_iter().filter(|(count, _)| *count > 0) {
            let high = count as f64 * scale;
            y -= high;
            let _infallible = write!(bars, "<path class={class} d=\"M{x} {y:.2}h.8v{high:.2}h-.8z\"/>");
        }
    }
    let legend: String = [("ok", "served"), ("wait", "waited"), ("told", "told"), ("bad", "bad")]
        .iter()
        .fold(String::new(), |all, (class, key)| {
            all + &format!("<span class={class}>{}</span> ", page.say(&format!("strip-{key}")))
        });
    format!(
        "<svg class=strip viewBox=\"0 0 {} {HIGH}\" preserveAspectRatio=none aria-hidden=true>{bars}</svg>\
         <p class=legend>{} {legend}</p>",
        HISTORY - 1,
        page.say("strip-title")
    )
}
