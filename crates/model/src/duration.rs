//! Durations as people write them: `500ms`, `20s`, `5m`, `1h30m`, `1 day`.
//!
//! Also the `with` module of every duration in a configuration: in the file and in JSON they are texts.

use serde::{Deserialize, Deserializer, Serializer};
use std::{fmt::Write, time::Duration};

/// The longest duration that can be written: ten years.
pub const LONGEST: Duration = Duration::from_secs(3650 * 86_400);

/// Units in milliseconds, greatest first, with every spelling; the first one is the one we print.
const UNITS: [(u64, &[&str]); 6] = [
    (7 * 86_400_000, &["w", "week", "weeks"]),
    (86_400_000, &["d", "day", "days"]),
    (3_600_000, &["h", "hour", "hours"]),
    (60_000, &["m", "min", "minute", "minutes"]),
    (1_000, &["s", "sec", "second", "seconds"]),
    (1, &["ms", "millisecond", "milliseconds"]),
];

/// Reads a duration.
///
/// # Errors
/// A sentence that goes on after the key's name: "is not a duration", and so on.
pub fn parse(text: &str) -> Result<Duration, &'static str> {
    const NOT: &str = "is not a duration";
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(NOT);
    }
    let mut total: u64 = 0;
    let mut last = u64::MAX;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        if digits == 0 {
            return Err(NOT);
        }
        let (number, after) = rest.split_at(digits);
        let after = after.trim_start();
        let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        if unit.is_empty() {
            return Err("has no unit");
        }
        let Some((ms, _)) = UNITS.iter().find(|(_, names)| names.contains(&unit)) else {
            return Err(NOT);
        };
        // "5s 1h" and "1h 1h" are slips rather than sums.
        if *ms >= last {
            return Err("does not go from the greater unit to the smaller");
        }
        last = *ms;
        let part = number.parse::<u64>().ok().and_then(|n| n.checked_mul(*ms));
        match part.and_then(|p| total.checked_add(p)) {
            Some(sum) => total = sum,
            None => return Err("is longer than ten years"),
        }
        rest = after.trim_start();
    }
    let d = Duration::from_millis(total);
    if d > LONGEST { Err("is longer than ten years") } else { Ok(d) }
}

/// As it would be written in the file: `1h30m`. Days are the greatest unit printed.
#[must_use]
pub fn text(d: Duration) -> String {
    join(d, "", "")
}

/// As it is said in a sentence: `1 h 30 m`.
#[must_use]
pub fn said(d: Duration) -> String {
    join(d, " ", " ")
}

fn join(d: Duration, before_unit: &str, between: &str) -> String {
    let mut ms = u64::try_from(d.as_millis()).unwrap_or(u64::MAX);
    let mut out = String::new();
    for (unit, names) in &UNITS[1..] {
        if ms >= *unit {
            if !out.is_empty() {
                out.push_str(between);
            }
            let _infallible = write!(out, "{}{before_unit}{}", ms / unit, names[0]);
            ms %= unit;
        }
    }
    if out.is_empty() { format!("0{before_unit}s") } else { out }
}

/// Stands for a duration in the JSON schema.
#[derive(schemars::JsonSchema)]
#[schemars(transparent, extend("format" = "duration"))]
pub struct Text(#[expect(dead_code, reason = "only its schema is used")] String);

/// # Errors
/// Those of the serializer.
pub fn serialize<S: Serializer>(d: &Duration, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(&text(*d))
}

/// # Errors
/// When it is not a duration.
pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
    let s = <std::borrow::Cow<'de, str>>::deserialize(d)?;
    parse(&s).map_err(serde::de::Error::custom)
}

/// The same for a duration that need not be there.
pub mod option {
    use serde::{Deserialize, Deserializer, Serializer};
    use std::time::Duration;

    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(d: &Option<Duration>, s: S) -> Result<S::Ok, S::Error> {
        match d {
            Some(d) => super::serialize(d, s),
            None => s.serialize_none(),
        }
    }

    /// # Errors
    /// When it is not a duration.
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Duration>, D::Error> {
        let s = <Option<std::borrow::Cow<'de, str>>>::deserialize(d)?;
        s.map(|s| super::parse(&s).map_err(serde::de::Error::custom)).transpose()
    }
}

/// A duration that can be switched off: `"20m"` or `"off"`.
pub mod or_off {
    use serde::{Deserialize, Deserializer, Serializer};
    use std::time::Duration;

    /// The word that switches it off.
    pub const OFF: &str = "off";

    /// Stands for it in the JSON schema.
    #[derive(schemars::JsonSchema)]
    #[schemars(transparent, extend("format" = "duration-or-off"))]
    pub struct Text(#[expect(dead_code, reason = "only its schema is used")] String);

    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(d: &Option<Duration>, s: S) -> Result<S::Ok, S::Error> {
        match d {
            Some(d) => super::serialize(d, s),
            None => s.serialize_str(OFF),
        }
    }

    /// # Errors
    /// When it is neither a duration nor `off`.
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Duration>, D::Error> {
        let s = <std::borrow::Cow<'de, str>>::deserialize(d)?;
        if s == OFF {
            return Ok(None);
        }
        super::parse(&s).map(Some).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        let table = [
            ("500ms", 500),
            ("20s", 20_000),
            ("5m", 300_000),
            ("5 min", 300_000),
            ("1h30m", 5_400_000),
            ("1 h 30 m", 5_400_000),
            ("1 day", 86_400_000),
            ("2w", 1_209_600_000),
            ("0s", 0),
        ];
        for (written, ms) in table {
            assert_eq!(parse(written), Ok(Duration::from_millis(ms)), "{written}");
        }
    }

    #[test]
    fn what_is_not_a_duration_is_refused_with_the_reason() {
        let table = [
            ("", "is not a duration"),
            ("soon", "is not a duration"),
            ("20", "has no unit"),
            ("1.5h", "has no unit"),
            ("20 parsecs", "is not a duration"),
            ("-1s", "is not a duration"),
            ("1s 1h", "does not go from the greater unit to the smaller"),
            ("99999999999999999999s", "is longer than ten years"),
            ("4000 days", "is longer than ten years"),
        ];
        for (written, why) in table {
            assert_eq!(parse(written), Err(why), "{written}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_printed_reads_back_the_same(ms in 0u64..=315_360_000_000) {
            let d = Duration::from_millis(ms);
            proptest::prop_assert_eq!(parse(&text(d)), Ok(d));
            proptest::prop_assert_eq!(parse(&said(d)), Ok(d));
        }
    }
}
