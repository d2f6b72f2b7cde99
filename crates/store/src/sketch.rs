//! Latencies of many looks in few bytes: DDSketch (Masson, Rim, Lee 2019) with 1 % relative error, mergeable.
//!
//! Only the buckets in use are kept, as pairs. The dense stores of the usual crate are faster to add to, but take
//! a kilobyte and more each; here there is one sketch per check and minute, and most hold three looks. The tests
//! hold its quantiles against that crate's.

use crate::pack::{Malformed, Reader, put};
use stillhere_model::sketch;

/// Counts per logarithmic bucket, in microseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sketch {
    /// Bucket number and count, by bucket number. At most 1,110 buckets: that is all that `u32` can fill.
    bins: Vec<(u16, u32)>,
}

// === impl Sketch ===

impl Sketch {
    pub fn add(&mut self, us: u32) {
        self.add_many(sketch::bin(us), 1);
    }

    pub fn merge(&mut self, other: &Sketch) {
        for &(bin, count) in &other.bins {
            self.add_many(bin, count);
        }
    }

    fn add_many(&mut self, bin: u16, count: u32) {
        match self.bins.binary_search_by_key(&bin, |b| b.0) {
            Ok(i) => self.bins[i].1 = self.bins[i].1.saturating_add(count),
            Err(i) => self.bins.insert(i, (bin, count)),
        }
    }

    #[must_use]
    pub fn count(&self) -> u64 {
        self.bins.iter().map(|b| u64::from(b.1)).sum()
    }

    /// The value below which the share `q` of all values lies, within 1 %, in microseconds.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<u32> {
        sketch::quantile(self.bins.iter().map(|&(bin, n)| (bin, u64::from(n))), q)
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        put(out, self.bins.len() as u64);
        let mut last = 0;
        for &(bin, count) in &self.bins {
            put(out, u64::from(bin - last));
            put(out, u64::from(count));
            last = bin;
        }
    }

    pub(crate) fn read(r: &mut Reader<'_>) -> Result<Sketch, Malformed> {
        let n = r.get()?;
        let mut bins = Vec::with_capacity(usize::try_from(n.min(64)).map_err(|_| Malformed)?);
        let mut last = 0u16;
        for i in 0..n {
            let step = u16::try_from(r.get()?).map_err(|_| Malformed)?;
            if step == 0 && i > 0 {
                return Err(Malformed);
            }
            last = last.checked_add(step).ok_or(Malformed)?;
            bins.push((last, r.get_u32()?));
        }
        Ok(Sketch { bins })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sketches_ddsketch::{Config, DDSketch};

    proptest! {
        #[test]
        fn quantiles_agree_with_the_reference_crate(values in prop::collection::vec(1u32..60_000_000, 1..400)) {
            let mut ours = Sketch::default();
            let mut reference = DDSketch::new(Config::new(sketch::ERROR, 2048, 1.0e-9));
            for v in &values {
                ours.add(*v);
                reference.add(f64::from(*v));
            }
            for q in [0.0, 0.5, 0.95, 0.99, 1.0] {
                let a = f64::from(ours.quantile(q).unwrap());
                let b = reference.quantile(q).unwrap().unwrap();
                prop_assert!((a - b).abs() <= b * 0.021 + 1.0, "q {q}: {a} against {b}");
            }
        }

        #[test]
        fn merging_is_the_same_as_adding(a in prop::collection::vec(any::<u32>(), 0..60), b in prop::collection::vec(any::<u32>(), 0..60)) {
            let (mut one, mut two, mut all) = (Sketch::default(), Sketch::default(), Sketch::default());
            for v in &a { one.add(*v); all.add(*v); }
            for v in &b { two.add(*v); all.add(*v); }
            one.merge(&two);
            prop_assert_eq!(&one, &all);
            let mut bytes = Vec::new();
            one.write(&mut bytes);
            prop_assert_eq!(Sketch::read(&mut Reader::new(&bytes)), Ok(all));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = Sketch::read(&mut Reader::new(&bytes));
        }
    }

    #[test]
    fn a_quantile_is_within_one_percent_of_the_true_value() {
        let mut s = Sketch::default();
        for v in 1..=10_000u32 {
            s.add(v);
        }
        for (q, truth) in [(0.5, 5_000.0), (0.95, 9_500.0), (0.99, 9_900.0)] {
            let got = f64::from(s.quantile(q).unwrap());
            assert!((got - truth).abs() / truth < 0.0102, "{q}: {got}");
        }
        assert_eq!(Sketch::default().quantile(0.5), None);
    }
}
