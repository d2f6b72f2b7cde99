-- Keys that people's devices keep (crates/store/src/people/passkey.rs). Public ones: they open nothing by themselves.

CREATE TABLE passkey (
    id          TEXT NOT NULL PRIMARY KEY,   -- as the device calls it, base64url
    person      TEXT NOT NULL REFERENCES person (id),
    name        TEXT NOT NULL,               -- as the person calls it
    site        TEXT NOT NULL,               -- the host name that it answers
    public_key  BLOB NOT NULL,
    counter     BIGINT NOT NULL,             -- the last that the device said; 0 where it does not count
    created_at  BIGINT NOT NULL,
    used_at     BIGINT
);
CREATE INDEX passkey_person ON passkey (person);

-- Questions that were answered rightly: each is good once. Kept until it would be too late for it anyway.
CREATE TABLE answered_question (
    sha256      TEXT NOT NULL PRIMARY KEY,
    expires_at  BIGINT NOT NULL
);
