-- What staff write down about an incident for each other (crates/store/src/note.rs). In a table of its own: what is
-- public is made from `incident`, in which no word of this ever stands.

CREATE TABLE note (
    id           TEXT   NOT NULL PRIMARY KEY,   -- UUID v7
    incident     TEXT   NOT NULL,
    at_ms        BIGINT NOT NULL,
    by_whom      TEXT   NOT NULL,
    text         TEXT,                          -- NULL: taken out
    taken_out_at BIGINT,
    taken_out_by TEXT,
    once         TEXT   UNIQUE,                 -- a hash of the caller and the key under which it was sent
    asked        TEXT                           -- a hash of what was sent under it
);
CREATE INDEX note_incident ON note (incident, at_ms);
