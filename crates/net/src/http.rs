//! HTTP on a fresh connection, phase by phase.
