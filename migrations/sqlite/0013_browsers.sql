-- Browsers of people that are alerted (crates/store/src/people/browser.rs). Nothing in here lets anybody send to them: our key
-- is not in this file.

CREATE TABLE browser (
    id          TEXT NOT NULL PRIMARY KEY,   -- UUID v7
    person      TEXT NOT NULL REFERENCES person (id),
    name        TEXT NOT NULL,               -- as the person calls it
    lang        TEXT NOT NULL,
    endpoint    TEXT NOT NULL,               -- where its push service takes messages for it
    keys        TEXT NOT NULL,               -- what they are sealed with
    created_at  BIGINT NOT NULL,
    told_at     BIGINT,                      -- when its push service last took one
    UNIQUE (person, endpoint)
);
