//! Numbers that say of how many they are.

use serde::{Deserialize, Serialize};

/// Below so many values there is no median worth the name.
pub const P50_MIN: u64 = 5;
/// Below so many values nine of ten is a guess.
pub const P90_MIN: u64 = 10;

/// Nearest-rank quantiles. `null` is an answer: too few to say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quantiles {
    pub n: u64,
    pub p50_ms: Option<i64>,
    pub p90_ms: Option<i64>,
    /// One value is enough to say which was the worst.
    pub worst_ms: Option<i64>,
}

/// So many of so many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    pub n: u64,
    pub of: u64,
}

// === impl Quantiles ===

impl Quantiles {
    pub(crate) fn of(values: impl IntoIterator<Item = i64>) -> Option<Quantiles> {
        let mut values: Vec<i64> = values.into_iter().collect();
        values.sort_unstable();
        let n = values.len() as u64;
        let rank = |tenths: usize| values.get((values.len() * tenths).div_ceil(10).max(1) - 1).copied();
        (n > 0).then(|| Quantiles {
            n,
            p50_ms: rank(5).filter(|_| n >= P50_MIN),
            p90_ms: rank(9).filter(|_| n >= P90_MIN),
            worst_ms: values.last().copied(),
        })
    }
}

// === impl Share ===

impl Share {
    pub(crate) fn of(values: impl IntoIterator<Item = bool>) -> Option<Share> {
        let share = values
            .into_iter()
            .fold(Share::default(), |s, yes| Share { n: s.n + u64::from(yes), of: s.of + 1 });
        (share.of > 0).then_some(share)
    }

    /// In whole per cent, where there are enough for that.
    #[must_use]
    pub fn percent(self) -> Option<u64> {
        (self.of >= P50_MIN).then(|| (self.n * 200 + self.of) / (self.of * 2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_occurred_and_few_values_have_none() {
        assert_eq!(Quantiles::of([]), None);
        let q = Quantiles::of([7, 1, 3]).unwrap();
        assert_eq!((q.n, q.p50_ms, q.p90_ms, q.worst_ms), (3, None, None, Some(7)));
        let q = Quantiles::of([5, 4, 3, 2, 1]).unwrap();
        assert_eq!((q.p50_ms, q.p90_ms), (Some(3), None));
        let q = Quantiles::of(1..=10).unwrap();
        assert_eq!((q.p50_ms, q.p90_ms, q.worst_ms), (Some(5), Some(9), Some(10)));
        let q = Quantiles::of(1..=100).unwrap();
        assert_eq!((q.p50_ms, q.p90_ms), (Some(50), Some(90)));
    }

    #[test]
    fn a_share_of_few_has_no_per_cent() {
        assert_eq!(Share { n: 2, of: 3 }.percent(), None);
        assert_eq!(Share { n: 2, of: 6 }.percent(), Some(33));
        assert_eq!(Share { n: 5, of: 8 }.percent(), Some(63));
        assert_eq!(Share::of([]), None);
    }
}
