//! What surrounds the words: how the browser client comes into a build.

#![expect(clippy::unwrap_used, reason = "helpers of tests; clippy knows only the tests themselves")]

mod client;
