-- Answers to requests that carried an Idempotency-Key, written with what they did (crates/store/src/answer.rs).

CREATE TABLE answer (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    key      TEXT NOT NULL UNIQUE,   -- SHA-256 of who asked and the key they gave
    request  TEXT NOT NULL,          -- SHA-256 of what was asked
    at_ms    BIGINT NOT NULL,
    answer   TEXT NOT NULL
);
CREATE INDEX answer_at ON answer (at_ms);
