//! When a heartbeat is due: every so often, or at the times of a cron expression in a time zone.
//!
//! A cron expression is about the clock on the wall, and on two days a year that clock shows an hour twice or not
//! at all. What jobs do then depends on their scheduler, so a time is a [`Slot`] here: from `opens` on a heartbeat
//! counts for it, at `due` it is expected. On the days of change the slot is as wide as the schedulers disagree.
//! So no day is skipped, and no job is called late that ran when its own scheduler said.

use cronexpr::{Crontab, MakeTimestamp};
use jiff::{
    Span, SpanRelativeTo, Timestamp,
    civil::DateTime,
    tz::{AmbiguousOffset, TimeZone},
};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::{fmt, str::FromStr, time::Duration};
use stillhere_model::Time;

/// Longest text of a cron expression, in bytes.
pub const MAX_CRON_BYTES: usize = 256;
/// The longest time that can be written: ten years.
pub const LONGEST: Duration = Duration::from_secs(3650 * 86_400);
/// Change of the wall clock that occurs in practice; only the order of times this near can be turned around.
const MAX_SHIFT_HOURS: i64 = 4;
/// Candidates looked at for one answer: a slot per minute over twice the shift, with room.
const MAX_CANDIDATES: usize = 1_000;

/// A length of time in the configuration: `90s`, `1 day`, `1h 30m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Length(pub Duration);

/// One time at which something is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// A heartbeat from here on is meant for this slot. Earlier than `due` only where the wall clock changes.
    pub opens: Time,
    pub due: Time,
}

#[derive(Debug, Clone)]
pub enum Schedule {
    /// This long after the last heartbeat.
    Every(Duration),
    Cron(Box<Cron>),
}

/// A cron expression with its time zone.
#[derive(Debug, Clone)]
pub struct Cron {
    text: String,
    zone: TimeZone,
    /// The expression over a clock that never changes; its times are then placed in the zone.
    wall: Crontab,
    /// Set when it runs in every hour: then it runs in each real hour, twice where the clock shows one twice, and
    /// the expression is followed in the zone itself.
    hourly: Option<Crontab>,
    /// A schedule over "every" minute or "every nth" hour is not made up for when the clock leaves times out.
    wildcard: bool,
}

// === impl Length ===

impl FromStr for Length {
    type Err = &'static str;
    fn from_str(s: &str) -> Result<Length, &'static str> {
        const NOT: &str = "is not a length of time such as \"5m\", \"1h 30m\" or \"1 day\"";
        let span: Span = s.trim().parse().map_err(|_| NOT)?;
        let d = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| NOT)?;
        let d = Duration::try_from(d).map_err(|_| NOT)?;
        if d > LONGEST { Err("is longer than ten years") } else { Ok(Length(d)) }
    }
}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut ms = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        let mut any = false;
        for (unit, name) in [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")] {
            if ms >= unit {
                write!(f, "{}{}{name}", if any { " " } else { "" }, ms / unit)?;
                ms %= unit;
                any = true;
            }
        }
        if any { Ok(()) } else { f.write_str("0s") }
    }
}

impl Serialize for Length {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let s = <std::borrow::Cow<'de, str>>::deserialize(d)?;
        s.parse().map_err(|e| D::Error::custom(format!("\"{s}\" {e}")))
    }
}

impl JsonSchema for Length {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Length".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "format": "duration",
            "description": "A length of time such as `90s`, `5m`, `1h 30m` or `1 day`.",
            "examples": ["5m", "1h 30m", "1 day"],
        })
    }
}

// === impl Schedule ===

impl Schedule {
    /// The first slot that is due after `t`. `None` when there is none in the next years.
    #[must_use]
    pub fn after(&self, t: Time) -> Option<Slot> {
        match self {
            Schedule::Every(period) => {
                let due = t.plus(*period);
                Some(Slot { opens: due, due })
            }
            Schedule::Cron(cron) => cron.after(t),
        }
    }

    /// Says which schedule this is, so that a kept state can tell that it was made under another one.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Schedule::Every(period) => Length(*period).to_string(),
            Schedule::Cron(cron) => cron.text.clone(),
        }
    }
}

// === impl Cron ===

impl Cron {
    /// # Errors
    /// Which part is wrong, `expression` or `zone`, and why.
    pub fn parse(expression: &str, zone: &str) -> Result<Cron, (CronPart, String)> {
        let fields: Vec<&str> = expression.split_whitespace().collect();
        if expression.len() > MAX_CRON_BYTES {
            return Err((CronPart::Expression, format!("is longer than {MAX_CRON_BYTES} bytes")));
        }
        if let [alias] = fields.as_slice()
            && alias.starts_with('@')
        {
            return Err((CronPart::Expression, "is a short form; write the five fields".to_owned()));
        }
        if fields.len() != 5 {
            let n = fields.len();
            return Err((
                CronPart::Expression,
                format!("has {n} fields, not five (minute hour day month weekday)"),
            ));
        }
        let zone_name = zone.trim();
        let zone = TimeZone::get(zone_name).map_err(|_| {
            (CronPart::Zone, format!("\"{zone_name}\" is not a time zone of the IANA database"))
        })?;
        let joined = fields.join(" ");
        let wall = cronexpr::parse_crontab(&format!("{joined} UTC")).map_err(|e| {
            // The library draws the expression and a caret over two lines; its last line says what is wrong.
            let last = e.to_string().lines().last().unwrap_or_default().to_owned();
            (CronPart::Expression, last.trim().trim_start_matches('^').trim().to_owned())
        })?;
        let hourly = match fields[1] {
            "*" | "*/1" | "0-23" => cronexpr::parse_crontab(&format!("{joined} {zone_name}")).ok(),
            _ => None,
        };
        let wildcard = fields[0].starts_with('*') || fields[1].starts_with('*');
        let cron = Cron { text: format!("{joined} {zone_name}"), zone, wall, hourly, wildcard };
        let some_day = Time(1_704_067_200_000); // 2024 begins: a leap year, so 29 February is near
        if cron.after(some_day).is_none() {
            return Err((CronPart::Expression, "never comes: there is no such day".to_owned()));
        }
        Ok(cron)
    }

    fn after(&self, t: Time) -> Option<Slot> {
        let at = t.to_jiff()?;
        if let Some(hourly) = &self.hourly {
            let due = Time::from_jiff(hourly.find_next(MakeTimestamp(at)).ok()?.timestamp());
            return Some(Slot { opens: due, due });
        }
        let shift = Span::new().hours(MAX_SHIFT_HOURS);
        let mut from = self.zone.to_datetime(at).checked_sub(shift).ok()?;
        let mut best: Option<Slot> = None;
        for _ in 0..MAX_CANDIDATES {
            let Some(next) = self.next_on_the_wall(from) else { return best };
            from = next;
            if let Some(best) = best {
                let far = self.zone.to_datetime(best.due.to_jiff()?).checked_add(shift).ok()?;
                if next > far {
                    break;
                }
            }
            match (self.place(next), &mut best) {
                (Some(slot), _) if slot.due <= t => {}
                (Some(slot), None) => best = Some(slot),
                (Some(slot), Some(b)) if slot.due < b.due => *b = slot,
                (Some(slot), Some(b)) if slot.due == b.due => b.opens = b.opens.min(slot.opens),
                _ => {}
            }
        }
        best
    }

    /// The next time the expression names, as if the wall clock never changed.
    fn next_on_the_wall(&self, from: DateTime) -> Option<DateTime> {
        let from = TimeZone::UTC.to_timestamp(from).ok()?;
        Some(self.wall.find_next(MakeTimestamp(from)).ok()?.datetime())
    }

    /// Where a time on the wall clock is in real time.
    fn place(&self, wall: DateTime) -> Option<Slot> {
        let at = |offset: jiff::tz::Offset| -> Option<Time> {
            let t: Timestamp = offset.to_timestamp(wall).ok()?;
            Some(Time::from_jiff(t))
        };
        match self.zone.to_ambiguous_timestamp(wall).offset() {
            AmbiguousOffset::Unambiguous { offset } => at(offset).map(|due| Slot { opens: due, due }),
            // The clock leaves it out. Schedulers run it at once, or that much later; those over "every" do not.
            AmbiguousOffset::Gap { .. } if self.wildcard => None,
            AmbiguousOffset::Gap { before, after } => Some(Slot { opens: at(after)?, due: at(before)? }),
            // The clock shows it twice. Schedulers run it the first time, or the second, or both.
            AmbiguousOffset::Fold { before, after } => Some(Slot { opens: at(before)?, due: at(after)? }),
        }
    }
}

/// Which key of the configuration a problem is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CronPart {
    Expression,
    Zone,
}

#[cfg(test)]
mod tests;
