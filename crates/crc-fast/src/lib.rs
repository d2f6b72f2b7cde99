//! CRC-64/NVME, the one checksum for which `object_store` asks the crate of this name: for buckets that are written to with
//! `AWS_CHECKSUM_ALGORITHM=crc64nvme`.
//!
//! The crate whose place it takes (`[patch.crates-io]`) knows some forty checksums and finds its tables when it runs, so that all of
//! them are in every program that uses one: 0.7 MB. It is faster, which is nothing to somebody who waits for a bucket.

/// Bits in the order in which they are sent: the lowest first.
const POLYNOMIAL: u64 = 0x9a6c_9329_ac4b_c9b5;
/// What one byte does to a remainder.
static STEPS: [u64; 256] = steps();

/// Which checksum. There is no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrcAlgorithm {
    Crc64Nvme,
}

/// The checksum of what was given so far.
#[derive(Debug, Clone)]
pub struct Digest {
    remainder: u64,
}

// === impl Digest ===

impl Digest {
    #[must_use]
    pub fn new(algorithm: CrcAlgorithm) -> Digest {
        let CrcAlgorithm::Crc64Nvme = algorithm;
        Digest { remainder: !0 }
    }

    pub fn update(&mut self, data: &[u8]) {
        for byte in data {
            let [lowest, ..] = self.remainder.to_le_bytes();
            self.remainder = STEPS[usize::from(lowest ^ byte)] ^ (self.remainder >> 8);
        }
    }

    #[must_use]
    pub fn finalize(&self) -> u64 {
        !self.remainder
    }
}

const fn steps() -> [u64; 256] {
    let mut all = [0; 256];
    let mut byte = 0;
    while byte < all.len() {
        let mut remainder = byte as u64;
        let mut bit = 0;
        while bit < 8 {
            remainder = if remainder & 1 == 1 { (remainder >> 1) ^ POLYNOMIAL } else { remainder >> 1 };
            bit += 1;
        }
        all[byte] = remainder;
        byte += 1;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(parts: &[&[u8]]) -> u64 {
        let mut digest = Digest::new(CrcAlgorithm::Crc64Nvme);
        parts.iter().for_each(|part| digest.update(part));
        digest.finalize()
    }

    #[test]
    fn the_known_values_come_out() {
        assert_eq!(of(&[b"123456789"]), 0xae8b_1486_0a79_9888, "the check value of the catalogue of CRCs");
        // Test cases of the NVM Command Set Specification: 4 KiB of one value, and of each in turn.
        assert_eq!(of(&[&[0; 4096]]), 0x6482_d367_eb22_b64e);
        assert_eq!(of(&[&[0xff; 4096]]), 0xc0dd_ba73_02ec_a3ac);
        let rising: Vec<u8> = (0..=255).cycle().take(4096).collect();
        assert_eq!(of(&[&rising]), 0x3e72_9f5f_6750_449c);
    }

    #[test]
    fn parts_come_to_the_same_as_the_whole() {
        assert_eq!(of(&[b"", b"1234", b"", b"56789"]), of(&[b"123456789"]));
        assert_eq!(of(&[]), 0);
    }
}
