//! The arithmetic of latencies in few bytes: DDSketch (Masson, Rim, Lee 2019). Who keeps the buckets, and in which form, is
//! theirs to decide: the store packs them for years, an edge's report carries them as JSON.

/// Relative error of a quantile.
pub const ERROR: f64 = 0.01;
/// Each bucket ends so many times higher than the one before.
const GAMMA: f64 = (1.0 + ERROR) / (1.0 - ERROR);
/// `GAMMA.ln()`, which is not const.
const LN_GAMMA: f64 = 0.020_000_666_706_669_435;

/// The number of the bucket of a value, in microseconds. Below 1,110: that is all that `u32` can fill.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "ln(u32::MAX) / ln(GAMMA) < 1110"
)]
pub fn bin(us: u32) -> u16 {
    (f64::from(us.max(1)).ln() / LN_GAMMA).ceil() as u16
}

/// The value below which the share `q` of all lies, within 1 %, in microseconds. `bins`: number and count, by number.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rank, and a latency within 1 %"
)]
pub fn quantile(bins: impl Iterator<Item = (u16, u64)> + Clone, q: f64) -> Option<u32> {
    let count = bins.clone().fold(0u64, |sum, (_, n)| sum.saturating_add(n));
    if count == 0 || !(0.0..=1.0).contains(&q) {
        return None;
    }
    let rank = (q * (count - 1) as f64) as u64;
    let mut seen = 0u64;
    for (bin, n) in bins {
        seen = seen.saturating_add(n);
        if seen > rank {
            return Some((2.0 * GAMMA.powi(i32::from(bin)) / (GAMMA + 1.0)).round() as u32);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constant_is_the_logarithm_it_says() {
        assert!((GAMMA.ln() - LN_GAMMA).abs() < 1e-15);
    }
}
