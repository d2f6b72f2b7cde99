//! The normal distribution, as far as a lognormal tail needs it.

/// Below this the series is exact to the last digits; above, the continued fraction is.
const SERIES_MAX: f64 = 2.5;
const TERMS: u32 = 80;

/// The logarithm of the share that lies above `z`. Finite for every finite `z`: a tail that underflows would make
/// remaining times of nothing by nothing.
#[must_use]
pub(crate) fn ln_above(z: f64) -> f64 {
    if z < -SERIES_MAX {
        (-above_far(-z)).ln_1p()
    } else if z <= SERIES_MAX {
        (0.5 - density(z) * series(z)).ln()
    } else {
        -z * z / 2.0 - (2.0 * std::f64::consts::PI).ln() / 2.0 - fraction(z).ln()
    }
}

/// The value that a share `p` lies below; `p` strictly between 0 and 1. By bisection: it is asked for a few dozen times.
#[must_use]
pub(crate) fn quantile(p: f64) -> f64 {
    let (mut low, mut high) = (-40.0, 40.0);
    let wanted = (-p).ln_1p();
    for _ in 0..80 {
        let middle = f64::midpoint(low, high);
        if ln_above(middle) > wanted {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

fn density(z: f64) -> f64 {
    (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

fn above_far(z: f64) -> f64 {
    density(z) / fraction(z)
}

/// z + z³/3 + z⁵/15 + …, of which the density times it is the share between 0 and `z`.
fn series(z: f64) -> f64 {
    let (mut sum, mut term) = (z, z);
    for n in 1..TERMS {
        term *= z * z / f64::from(2 * n + 1);
        sum += term;
        if term.abs() <= sum.abs() * f64::EPSILON {
            break;
        }
    }
    sum
}

/// z + 1/(z + 2/(z + 3/(z + …))), from the far end.
fn fraction(z: f64) -> f64 {
    (1..TERMS).rev().fold(z, |below, n| z + f64::from(n) / below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_are_those_of_the_tables() {
        let table = [
            (-3.0, 0.998_650_101_968_37),
            (-1.0, 0.841_344_746_068_543),
            (0.0, 0.5),
            (1.0, 0.158_655_253_931_457),
            (2.49, 0.006_387_154_764_943),
            (2.51, 0.006_036_558_080_412),
            (4.0, 3.167_124_183_311_998e-5),
            (10.0, 7.619_853_024_160_593e-24),
        ];
        for (z, share) in table {
            let got: f64 = ln_above(z).exp();
            assert!((got / share - 1.0).abs() < 1e-9, "{z}: {got} for {share}");
        }
        assert!((quantile(0.8) - 0.841_621_233_572_914).abs() < 1e-9);
        assert!((quantile(0.025) + 1.959_963_984_540_054).abs() < 1e-9);
    }

    #[test]
    fn far_out_it_is_still_a_number_and_still_falls() {
        let mut last = f64::INFINITY;
        for z in [-1e6, -60.0, -3.0, 0.0, 3.0, 60.0, 1e3, 1e6] {
            let now = ln_above(z);
            assert!(now.is_finite() && now <= last, "{z}: {now}");
            last = now;
        }
    }
}
