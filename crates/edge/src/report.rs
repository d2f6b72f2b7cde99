//! What the edge tells about itself: tallies upward to the core, numbers to a scraper, lines to a log.

pub mod log;
