//! Dates, times and durations in words.

use super::Words;
use jiff::{Zoned, civil};
use stillhere_model::Time;

impl Words {
    /// `10:02`, with the day when it is not the day of `near`, with the year when that differs too.
    #[must_use]
    pub fn clock(&self, t: Time, near: Time) -> String {
        let (z, near) = (self.zoned(t), self.zoned(near));
        let key = match () {
            () if z.date() == near.date() => "time-short",
            () if z.year() == near.year() => "time-day",
            () => "time-year",
        };
        self.time(key, &z)
    }

    /// Complete, for readers who may be anywhere and any time later: `22 Nov 2026, 10:02 (UTC+8)`.
    #[must_use]
    pub fn full(&self, t: Time) -> String {
        let time = self.time("time-year", &self.zoned(t));
        self.say("time-zone", &[("time", time.into()), ("zone", self.offset(t).into())])
    }

    /// `22 Nov`, with the year when it is not the year of `near`.
    #[must_use]
    pub fn date(&self, d: civil::Date, near: Time) -> String {
        let key = if d.year() == self.zoned(near).year() { "date-day" } else { "date-year" };
        let (day, year) = (d.day().to_string(), d.year().to_string());
        self.say(key, &[("day", day.into()), ("month", self.month(d.month()).into()), ("year", year.into())])
    }

    /// `Nov 2026`.
    #[must_use]
    pub fn month_of(&self, t: Time) -> String {
        self.month_name(self.zoned(t).date())
    }

    /// The same of a date, wherever it is.
    #[must_use]
    pub fn month_name(&self, d: civil::Date) -> String {
        self.say(
            "month-year",
            &[("month", self.month(d.month()).into()), ("year", d.year().to_string().into())],
        )
    }

    /// The offset in force at `t`: `UTC`, `UTC+8`, `UTC−3:30`.
    #[must_use]
    pub fn offset(&self, t: Time) -> String {
        let seconds = self.zoned(t).offset().seconds();
        let (sign, minutes) = (if seconds < 0 { '−' } else { '+' }, seconds.unsigned_abs() / 60);
        match (minutes / 60, minutes % 60) {
            (0, 0) => "UTC".to_owned(),
            (h, 0) => format!("UTC{sign}{h}"),
            (h, m) => format!("UTC{sign}{h}:{m:02}"),
        }
    }

    /// The two largest units: `2 days 3 h`, `1 h 5 min`, `12 s`. Below ten seconds in milliseconds when not whole.
    #[must_use]
    pub fn duration(&self, ms: u64) -> String {
        let part = |key: &str, n: u64| self.say(key, &[("n", n.into())]);
        let s = ms / 1_000;
        if ms < 10_000 && !ms.is_multiple_of(1_000) {
            return part("duration-milliseconds", ms);
        }
        let (large, small) = match s {
            0..60 => return part("duration-seconds", s),
            60..600 => (("duration-minutes", s / 60), ("duration-seconds", s % 60)),
            600..3_600 => return part("duration-minutes", s / 60),
            3_600..86_400 => (("duration-hours", s / 3_600), ("duration-minutes", s % 3_600 / 60)),
            _ => (("duration-days", s / 86_400), ("duration-hours", s % 86_400 / 3_600)),
        };
        if small.1 == 0 {
            return part(large.0, large.1);
        }
        let (large, small) = (part(large.0, large.1), part(small.0, small.1));
        self.say("duration-pair", &[("large", large.into()), ("small", small.into())])
    }

    fn time(&self, key: &str, z: &Zoned) -> String {
        self.say(
            key,
            &[
                ("hour", format!("{:02}", z.hour()).into()),
                ("minute", format!("{:02}", z.minute()).into()),
                ("day", z.day().to_string().into()),
                ("month", self.month(z.month()).into()),
                ("year", z.year().to_string().into()),
            ],
        )
    }

    fn month(&self, month: i8) -> String {
        self.plain(&format!("month-{month}"))
    }

    pub(crate) fn zoned(&self, t: Time) -> Zoned {
        t.to_jiff().unwrap_or_default().to_zoned(self.zone().clone())
    }
}
