//! Months, in UTC: the log says nothing about a time zone, and two readers must not differ.

use jiff::{civil::Date, tz::TimeZone};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, str::FromStr};
use stillhere_model::Time;

/// `2026-11`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    year: i16,
    month: i8,
}

// === impl Month ===

impl Month {
    #[must_use]
    pub fn of(t: Time) -> Option<Month> {
        let date = t.to_jiff()?.to_zoned(TimeZone::UTC).date();
        Some(Month { year: date.year(), month: date.month() })
    }

    pub(crate) fn between(first: Time, last: Time) -> Vec<Month> {
        let (Some(mut at), Some(last)) = (Month::of(first), Month::of(last)) else { return Vec::new() };
        let mut months = Vec::new();
        while at <= last {
            months.push(at);
            at = at.next();
        }
        months
    }

    #[must_use]
    pub fn next(self) -> Month {
        if self.month == 12 {
            Month { year: self.year + 1, month: 1 }
        } else {
            Month { month: self.month + 1, ..self }
        }
    }

    /// Its first moment.
    #[must_use]
    pub fn from(self) -> Time {
        let date = Date::new(self.year, self.month, 1).expect("a month that was read or computed exists");
        date.to_zoned(TimeZone::UTC).map_or(Time::MIN, |z| Time::from_jiff(z.timestamp()))
    }

    /// The first moment after it.
    #[must_use]
    pub fn until(self) -> Time {
        self.next().from()
    }

    #[must_use]
    pub fn first_day(self) -> Date {
        Date::new(self.year, self.month, 1).expect("a month that was read or computed exists")
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl FromStr for Month {
    type Err = ();
    fn from_str(s: &str) -> Result<Month, ()> {
        let (year, month) = s.split_once('-').ok_or(())?;
        let digits = |s: &str, n| s.len() == n && s.bytes().all(|b| b.is_ascii_digit());
        if !digits(year, 4) || !digits(month, 2) {
            return Err(());
        }
        let month = Month { year: year.parse().map_err(drop)?, month: month.parse().map_err(drop)? };
        // The year after it must exist, too.
        let fits = (1970..9999).contains(&month.year) && (1..=12).contains(&month.month);
        fits.then_some(month).ok_or(())
    }
}

impl Serialize for Month {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Month {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Month, D::Error> {
        let s = <std::borrow::Cow<'de, str>>::deserialize(d)?;
        s.parse().map_err(|()| serde::de::Error::custom("not a month such as 2026-11"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_has_one_spelling_and_ends_where_the_next_begins() {
        let december: Month = "2026-12".parse().unwrap();
        assert_eq!(december.next().to_string(), "2027-01");
        assert_eq!(december.until(), Time::parse("2027-01-01T00:00:00Z").unwrap());
        assert_eq!(Month::of(Time(december.until().0 - 1)), Some(december));
        for bad in
            ["", "2026", "2026-1", "2026-13", "2026-00", "26-01", "2026-011", "+026-01", "9999-12", "1969-12"]
        {
            assert!(bad.parse::<Month>().is_err(), "{bad}");
        }
    }
}
