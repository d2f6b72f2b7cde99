//! Many looks in one row.
//!
//! A row per look costs about 35 bytes and, through the driver, tens of microseconds; packed, a look takes about
//! 12 bytes and less than a microsecond. Reading one check's looks means reading a stretch of time either way.

use crate::{
    names::{Kind, Names},
    pack::{Malformed, Reader, put, put_bytes, put_signed},
};
use stillhere_model::{CheckId, Observation, Outcome, Phases, Side, Time, VantageId, observation::Finding};

/// First byte of every chunk.
const VERSION: u8 = 1;
/// Most looks in one chunk, so that a reader's memory is bounded.
pub(crate) const LOOKS_MAX: usize = 4096;

// One byte of marks per look.
const OUTCOME: u8 = 0b0000_0011;
const SIDE: u8 = 0b0000_1100;
const RECHECK: u8 = 0b0001_0000;
const FINDING: u8 = 0b0010_0000;
const DETAIL: u8 = 0b0100_0000;

/// A packed chunk and what its row says of it.
pub(crate) struct Chunk {
    pub(crate) from: Time,
    pub(crate) until: Time,
    pub(crate) looks: usize,
    pub(crate) body: Vec<u8>,
}

/// One look as packed: its check is still a number.
pub(crate) struct Packed<'a> {
    pub(crate) check: u32,
    pub(crate) vantage: u32,
    pub(crate) at: Time,
    pub(crate) outcome: Outcome,
    pub(crate) total_us: u32,
    side: Option<Side>,
    recheck: bool,
    phases: Phases,
    finding: Option<&'a [u8]>,
    detail: Option<&'a str>,
}

/// Packs up to [`LOOKS_MAX`] looks; their names must be known.
pub(crate) fn pack(looks: &[Observation], names: &Names) -> Result<Chunk, serde_json::Error> {
    let from = looks.iter().map(|o| o.at).min().unwrap_or_default();
    let until = looks.iter().map(|o| o.at).max().unwrap_or_default();
    let mut body = Vec::with_capacity(16 + looks.len() * 16);
    body.push(VERSION);
    put_signed(&mut body, from.0);
    for o in looks {
        put(&mut body, u64::from(names.get(Kind::Check, o.check.as_str()).unwrap_or(0)));
        put(&mut body, u64::from(names.get(Kind::Vantage, o.vantage.as_str()).unwrap_or(0)));
        put_signed(&mut body, o.at.0 - from.0);
        let side = match o.side {
            None => 0,
            Some(Side::Target) => 1,
            Some(Side::Path) => 2,
            Some(Side::Us) => 3,
        };
        let mut marks = outcome_no(o.outcome) | (side << 2);
        marks |= if o.recheck { RECHECK } else { 0 };
        marks |= if o.finding.is_some() { FINDING } else { 0 };
        marks |= if o.detail.is_some() { DETAIL } else { 0 };
        body.push(marks);
        put(&mut body, u64::from(o.total_us));
        let phases = all(&o.phases);
        let mut present = 0u8;
        for (i, p) in phases.iter().enumerate() {
            present |= u8::from(p.is_some()) << i;
        }
        body.push(present);
        for us in phases.into_iter().flatten() {
            put(&mut body, u64::from(us));
        }
        if let Some(f) = &o.finding {
            put_bytes(&mut body, &serde_json::to_vec(f)?);
        }
        if let Some(d) = &o.detail {
            put_bytes(&mut body, d.as_bytes());
        }
    }
    Ok(Chunk { from, until, looks: looks.len(), body })
}

/// Calls `each` for every look of a chunk, in the order they were written.
pub(crate) fn unpack<'a>(body: &'a [u8], mut each: impl FnMut(Packed<'a>)) -> Result<(), Malformed> {
    let mut r = Reader::new(body);
    if r.byte()? != VERSION {
        return Err(Malformed);
    }
    let base = r.get_signed()?;
    while !r.is_empty() {
        let check = r.get_u32()?;
        let vantage = r.get_u32()?;
        let at = Time(base.checked_add(r.get_signed()?).ok_or(Malformed)?);
        let marks = r.byte()?;
        let total_us = r.get_u32()?;
        let present = r.byte()?;
        let mut phases = [None; 5];
        for (i, p) in phases.iter_mut().enumerate() {
            if present & (1 << i) != 0 {
                *p = Some(r.get_u32()?);
            }
        }
        let finding = if marks & FINDING == 0 { None } else { Some(r.bytes()?) };
        let detail = if marks & DETAIL == 0 {
            None
        } else {
            Some(std::str::from_utf8(r.bytes()?).map_err(|_| Malformed)?)
        };
        each(Packed {
            check,
            vantage,
            at,
            outcome: [Outcome::Up, Outcome::Slow, Outcome::Down, Outcome::Unknown]
                [usize::from(marks & OUTCOME)],
            side: [None, Some(Side::Target), Some(Side::Path), Some(Side::Us)]
                [usize::from((marks & SIDE) >> 2)],
            recheck: marks & RECHECK != 0,
            total_us,
            phases: Phases {
                dns_us: phases[0],
                connect_us: phases[1],
                tls_us: phases[2],
                first_byte_us: phases[3],
                body_us: phases[4],
            },
            finding,
            detail,
        });
    }
    Ok(())
}

pub(crate) fn outcome_no(o: Outcome) -> u8 {
    match o {
        Outcome::Up => 0,
        Outcome::Slow => 1,
        Outcome::Down => 2,
        Outcome::Unknown => 3,
    }
}

fn all(p: &Phases) -> [Option<u32>; 5] {
    [p.dns_us, p.connect_us, p.tls_us, p.first_byte_us, p.body_us]
}

// === impl Packed ===

impl Packed<'_> {
    /// With its names. A finding of a kind that this version does not know is left out.
    pub(crate) fn observation(&self, check: CheckId, vantage: VantageId) -> Observation {
        Observation {
            check,
            vantage,
            at: self.at,
            outcome: self.outcome,
            side: self.side,
            total_us: self.total_us,
            phases: self.phases,
            finding: self.finding.and_then(|f| serde_json::from_slice::<Finding>(f).ok()),
            detail: self.detail.map(str::to_owned),
            recheck: self.recheck,
        }
    }
}

#[cfg(test)]
mod tests;
