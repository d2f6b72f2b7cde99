-- Letters that came back (crates/store/src/subscriber/bounce.rs), each once, however often its report is handed in.
CREATE TABLE bounce (
    subscriber  BIGINT NOT NULL,
    letter      BIGINT NOT NULL,   -- its day and a part of its id, as they stand in its return path
    day         BIGINT NOT NULL,   -- when it was sent, in days since 1970
    at_ms       BIGINT NOT NULL,
    PRIMARY KEY (subscriber, letter)
) WITHOUT ROWID;
CREATE INDEX bounce_at ON bounce (at_ms);

-- Why nothing more is sent to an address: in words that hold nothing of it, and what the far side said, which may.
ALTER TABLE subscriber ADD COLUMN stopped_at BIGINT;
ALTER TABLE subscriber ADD COLUMN stopped_why TEXT;
ALTER TABLE subscriber ADD COLUMN stopped_said TEXT;
