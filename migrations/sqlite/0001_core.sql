-- What is known, decided, said and waiting to be said. Times are milliseconds since the Unix epoch.
-- JSON columns hold the types of crates/model; columns beside them are only those that are searched.

CREATE TABLE meta (
    key     TEXT NOT NULL PRIMARY KEY,
    number  BIGINT NOT NULL
);

-- Names that occur in millions of rows, as small numbers.
CREATE TABLE name (
    no      INTEGER PRIMARY KEY,
    kind    TEXT NOT NULL,            -- check | vantage
    name    TEXT NOT NULL,
    UNIQUE (kind, name)
);

-- All looks of one commit, packed (crates/store/src/chunk.rs), in the order of commits.
CREATE TABLE observation (
    id        INTEGER PRIMARY KEY,
    from_ms   BIGINT NOT NULL,
    until_ms  BIGINT NOT NULL,        -- of the last look's beginning, inclusive
    looks     BIGINT NOT NULL,
    body      BLOB NOT NULL
);
CREATE INDEX observation_until ON observation (until_ms);

CREATE TABLE verdict (
    service  TEXT NOT NULL PRIMARY KEY,
    verdict  TEXT NOT NULL
);

-- The record behind the bars. A later decision that is back-dated cuts the earlier rows; none is deleted.
CREATE TABLE segment (
    id        INTEGER PRIMARY KEY,
    service   TEXT NOT NULL,
    from_ms   BIGINT NOT NULL,
    until_ms  BIGINT,                 -- NULL: until now
    status    TEXT NOT NULL,
    reason    TEXT NOT NULL
);
CREATE INDEX segment_service ON segment (service, until_ms);
CREATE INDEX segment_until ON segment (until_ms);

CREATE TABLE gap (
    id        INTEGER PRIMARY KEY,
    from_ms   BIGINT NOT NULL,
    until_ms  BIGINT NOT NULL
);
CREATE INDEX gap_until ON gap (until_ms);

CREATE TABLE amendment (
    id         INTEGER PRIMARY KEY,
    from_ms    BIGINT NOT NULL,
    until_ms   BIGINT NOT NULL,
    amendment  TEXT NOT NULL
);
CREATE INDEX amendment_until ON amendment (until_ms);

CREATE TABLE incident (
    id           TEXT NOT NULL PRIMARY KEY,   -- UUID v7: sorts by the time of opening
    is_open      BIGINT NOT NULL,
    resolved_at  BIGINT,
    incident     TEXT NOT NULL
);
CREATE INDEX incident_resolved ON incident (is_open, resolved_at);

CREATE TABLE maintenance (
    id           TEXT NOT NULL PRIMARY KEY,
    is_over      BIGINT NOT NULL,
    starts_at    BIGINT NOT NULL,
    maintenance  TEXT NOT NULL
);
CREATE INDEX maintenance_starts ON maintenance (is_over, starts_at);

CREATE TABLE journal (
    seq    INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms  BIGINT NOT NULL,
    entry  TEXT NOT NULL
);

CREATE TABLE outbox (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    id           TEXT NOT NULL UNIQUE,
    channel      TEXT NOT NULL,
    audience     TEXT NOT NULL,        -- public | staff
    thread       TEXT,                 -- messages of one thread leave in order; NULL: in no order
    created_at   BIGINT NOT NULL,
    not_before   BIGINT NOT NULL,
    lease_until  BIGINT NOT NULL,      -- 0: nobody has it
    in_flight    BIGINT NOT NULL,      -- 1: claimed, and no receipt yet
    attempt      BIGINT NOT NULL,
    sent_before  BIGINT NOT NULL,      -- 1: this attempt follows one that has no receipt
    first_try    BIGINT,
    state        TEXT NOT NULL,        -- queued | delivered | dead | withdrawn
    settled_at   BIGINT,
    reason       TEXT,                 -- of the last deferral or of the end; the proof of a delivery
    message      TEXT NOT NULL
);
CREATE INDEX outbox_due ON outbox (channel, not_before) WHERE state = 'queued';
CREATE INDEX outbox_thread ON outbox (channel, thread, seq) WHERE state = 'queued';
CREATE INDEX outbox_settled ON outbox (settled_at) WHERE state <> 'queued';

CREATE TABLE push_state (
    check_id  TEXT NOT NULL PRIMARY KEY,
    state     TEXT NOT NULL
);

CREATE TABLE token (
    name        TEXT NOT NULL PRIMARY KEY,
    sha256      TEXT NOT NULL UNIQUE,
    created_at  BIGINT NOT NULL,
    last_used   BIGINT
);
