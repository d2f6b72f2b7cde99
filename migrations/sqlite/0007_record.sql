-- The public record: a log that only grows (crates/store/src/record.rs, docs/record.md).

-- The log's name; the last row is the one in force. A new one begins where the old one could not be gone on with.
CREATE TABLE record_log (
    no      INTEGER PRIMARY KEY AUTOINCREMENT,
    origin  TEXT NOT NULL UNIQUE,
    key_id  TEXT NOT NULL,            -- of the key that signs it
    at_ms   BIGINT NOT NULL
);

CREATE TABLE record (
    idx      INTEGER PRIMARY KEY,     -- from 0, without a gap
    kind     TEXT NOT NULL,
    subject  TEXT,                    -- the incident, maintenance or service it is about
    entry    BLOB NOT NULL            -- its bytes, as they are hashed
);
CREATE INDEX record_subject ON record (kind, subject);

-- Complete subtrees of the Merkle tree.
CREATE TABLE record_hash (
    level  BIGINT NOT NULL,
    n      BIGINT NOT NULL,
    hash   BLOB NOT NULL,
    PRIMARY KEY (level, n)
) WITHOUT ROWID;

-- What people wrote, beside the entries that hold its salted hashes.
CREATE TABLE record_text (
    idx   BIGINT NOT NULL,
    hash  TEXT NOT NULL,
    salt  BLOB,                       -- NULL, and no text: taken out
    text  TEXT,
    PRIMARY KEY (idx, hash)
) WITHOUT ROWID;

-- Cosignatures of witnesses on the newest checkpoint that they have seen.
CREATE TABLE record_cosignature (
    witness  TEXT NOT NULL PRIMARY KEY,
    size     BIGINT NOT NULL,
    line     TEXT NOT NULL
);
