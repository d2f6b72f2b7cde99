-- Looks counted per check and minute, hour, day, with a latency sketch (crates/store/src/rollup.rs).
-- Keyed by time first: writing is appending, and a check's points are found by their times.

CREATE TABLE rollup_1m (
    at_ms     BIGINT NOT NULL,
    check_no  BIGINT NOT NULL,
    body      BLOB NOT NULL,
    PRIMARY KEY (at_ms, check_no)
) WITHOUT ROWID;

CREATE TABLE rollup_1h (
    at_ms     BIGINT NOT NULL,
    check_no  BIGINT NOT NULL,
    body      BLOB NOT NULL,
    PRIMARY KEY (at_ms, check_no)
) WITHOUT ROWID;

CREATE TABLE rollup_1d (
    at_ms     BIGINT NOT NULL,
    check_no  BIGINT NOT NULL,
    body      BLOB NOT NULL,
    PRIMARY KEY (at_ms, check_no)
) WITHOUT ROWID;
