-- Who may come in, who is in, and the links with which somebody comes in for the first time (crates/store/src/people.rs).
-- What is secret is kept as its SHA-256 (random ones), as argon2id (passwords), or sealed with a key that is not in this file.

CREATE TABLE person (
    id            TEXT NOT NULL PRIMARY KEY,
    name          TEXT NOT NULL,
    name_key      TEXT NOT NULL UNIQUE,      -- in lower case; the row of somebody who was removed keeps it taken
    role          TEXT NOT NULL,             -- viewer | responder | admin
    teams         TEXT NOT NULL,             -- JSON; empty: all
    created_at    BIGINT NOT NULL,
    removed_at    BIGINT,
    password      TEXT,                      -- NULL: none was chosen yet
    totp          BLOB,                      -- the sealed seed; NULL: no codes
    totp_offered  BLOB,                      -- the sealed seed of one that is not confirmed
    totp_step     BIGINT NOT NULL DEFAULT 0  -- the latest step whose code was taken
);

CREATE TABLE recovery_code (
    sha256  TEXT NOT NULL PRIMARY KEY,
    person  TEXT NOT NULL REFERENCES person (id)
);
CREATE INDEX recovery_code_person ON recovery_code (person);

CREATE TABLE session (
    sha256      TEXT NOT NULL PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,        -- for lists and the journal; opens nothing
    person      TEXT NOT NULL REFERENCES person (id),
    created_at  BIGINT NOT NULL,
    used_at     BIGINT NOT NULL,             -- within a minute
    address     TEXT,
    agent       TEXT
);
CREATE INDEX session_person ON session (person, used_at);

-- Good once: for setting up the first person (person is NULL), or for choosing a password.
CREATE TABLE ticket (
    sha256      TEXT NOT NULL PRIMARY KEY,
    person      TEXT REFERENCES person (id),
    expires_at  BIGINT NOT NULL
);
CREATE INDEX ticket_person ON ticket (person);

-- What a token for the API may do, and until when. Those that were made before may do everything, for ever.
ALTER TABLE token ADD COLUMN role TEXT NOT NULL DEFAULT 'admin';
ALTER TABLE token ADD COLUMN teams TEXT NOT NULL DEFAULT '[]';
ALTER TABLE token ADD COLUMN expires_at BIGINT;
