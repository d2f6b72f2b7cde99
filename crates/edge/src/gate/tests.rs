//! The rule against a table, split anywhere, and in force.
