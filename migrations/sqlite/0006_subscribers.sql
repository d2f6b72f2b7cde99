-- Who outside wants to be told, and what is on its way to them (crates/store/src/subscriber.rs).

CREATE TABLE subscriber (
    no            INTEGER PRIMARY KEY AUTOINCREMENT,   -- the order in which news is handed out
    id            TEXT NOT NULL UNIQUE,
    way           TEXT NOT NULL,        -- mail | webhook
    address       TEXT NOT NULL,
    who           TEXT NOT NULL UNIQUE, -- keyed hash of way and address; the key is not in this file
    state      TEXT NOT NULL,        -- asked | active | silenced
    wish          TEXT NOT NULL,
    link          BIGINT NOT NULL,      -- links to this subscription hold this number
    asked_at      BIGINT NOT NULL,
    confirmed_at  BIGINT,
    bounces       BIGINT NOT NULL
);
CREATE INDEX subscriber_state ON subscriber (state, way, no);

-- When somebody asked for a mailbox, so that nobody can have it flooded. The mailbox is a keyed hash.
CREATE TABLE asking (
    mailbox  TEXT NOT NULL,
    at_ms    BIGINT NOT NULL
);
CREATE INDEX asking_mailbox ON asking (mailbox);
CREATE INDEX asking_at ON asking (at_ms);

-- One piece of news, rendered once.
CREATE TABLE news (
    no     INTEGER PRIMARY KEY AUTOINCREMENT,
    id     TEXT NOT NULL UNIQUE,
    at_ms  BIGINT NOT NULL,
    what   TEXT NOT NULL
);

-- How far a piece of news has come among those who are reached one way.
CREATE TABLE fanout (
    news       BIGINT NOT NULL,
    way        TEXT NOT NULL,
    after_no   BIGINT NOT NULL,       -- subscribers up to this one have their parcel
    until_no   BIGINT NOT NULL,       -- those after this one came later than the news
    state      TEXT NOT NULL,         -- making | made | over
    made       BIGINT NOT NULL,
    delivered  BIGINT NOT NULL,
    failed     BIGINT NOT NULL,
    gone       BIGINT NOT NULL,       -- left before their turn
    ended_at   BIGINT,
    PRIMARY KEY (news, way)
) WITHOUT ROWID;
CREATE INDEX fanout_open ON fanout (way, state, news) WHERE state <> 'over';

-- One message to one subscriber. What it says stands in news.
CREATE TABLE parcel (
    no           INTEGER PRIMARY KEY AUTOINCREMENT,
    id           TEXT NOT NULL UNIQUE,
    way          TEXT NOT NULL,
    subscriber   BIGINT NOT NULL,
    news         BIGINT,               -- NULL: about the subscription itself
    letter       TEXT,                 -- confirm | known; NULL: news
    created_at   BIGINT NOT NULL,
    not_before   BIGINT NOT NULL,
    lease_until  BIGINT NOT NULL,
    in_flight    BIGINT NOT NULL,      -- 1: claimed, and no receipt yet
    attempt      BIGINT NOT NULL,
    sent_before  BIGINT NOT NULL,      -- 1: this attempt follows one that has no receipt
    first_try    BIGINT,
    state        TEXT NOT NULL,        -- queued | delivered | dead
    settled_at   BIGINT,
    reason       TEXT,
    UNIQUE (subscriber, news)
);
CREATE INDEX parcel_queued ON parcel (way, no) WHERE state = 'queued';
CREATE INDEX parcel_letter ON parcel (way, no) WHERE state = 'queued' AND news IS NULL;
CREATE INDEX parcel_of ON parcel (subscriber, no) WHERE state = 'queued';
CREATE INDEX parcel_settled ON parcel (settled_at) WHERE state <> 'queued';
