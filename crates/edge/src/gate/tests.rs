//! The rule against a table, split anywhere, against hyper's own parser; and in force, over real sockets.

mod force;
mod hold;
mod split;
mod table;

use super::*;

/// What the rule says to a whole connection given in these pieces.
fn verdict(pieces: &[&[u8]]) -> Option<Violation> {
    let mut check = Check::new(Limits::default());
    for piece in pieces {
        let fed = check.feed(piece);
        assert!(fed.passed <= piece.len());
        if fed.refused.is_some() || fed.passed < piece.len() {
            return fed.refused;
        }
    }
    check.refused()
}
