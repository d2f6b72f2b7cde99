//! When is it likely to be over? Learnt from this site's own incidents, shrunk towards a small shipped prior, and held
//! to what was said. Pure: time is a parameter, nothing is random, nothing is read. For operators: `docs/eta.md`.
//!
//! One module for each step:
//!
//! 1. `history`: the incidents that are known, bounded;
//! 2. `strata`: how much each of them counts for the incident in question (same service and impact, same service,
//!    this site, other operators);
//! 3. `curve`: from weighted durations to the time that remains, given that it has lasted so long already;
//! 4. `correct`: which level is asked of the curve, so that one in five is late and not one in three;
//! 5. `estimate`: the two times, or the reason why there are none;
//! 6. `hold`: what is shown stays until most of its time has passed.
//!
//! `score` says how it turned out, `replay` goes through a past in its order and says what would have been said.
//!
//! Rejected: the mean time to repair (late in 37 of 100 forecasts, in 57 after four hours), quantiles fixed at the start (in 33 and in 63,
//! because what has lasted four hours is of another kind), a learned model (nothing to learn it from: a site has tens of
//! incidents, and its staff must be able to check the number).

mod correct;
mod curve;
mod estimate;
mod history;
mod hold;
mod normal;
mod prior;
pub mod replay;
mod score;
mod strata;

pub use correct::LEVEL;
pub use estimate::{Estimate, LEAD_MAX, NoEstimate, OWN_MIN, estimate, quantiles};
pub use history::{CASES_MAX, Case, History};
pub use hold::{Change, ETAS_MAX, decide};
pub use prior::{OPERATORS, Operator, Prior};
pub use score::{Score, pinball, record, score};
