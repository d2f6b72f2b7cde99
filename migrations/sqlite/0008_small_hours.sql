-- Links in mails to staff (crates/store/src/link.rs). What opens them is not in here: backups travel.

CREATE TABLE link (
    id          TEXT NOT NULL PRIMARY KEY,   -- UUID v7
    incident    TEXT NOT NULL,
    expires_at  BIGINT NOT NULL,
    used_at     BIGINT,
    revoked_at  BIGINT,
    link        TEXT NOT NULL
);
CREATE INDEX link_incident ON link (incident);
CREATE INDEX link_expires ON link (expires_at);

-- Prevention items of an incident that are not done: such incidents are at hand after a restart, however old.
ALTER TABLE incident ADD COLUMN open_work BIGINT NOT NULL DEFAULT 0;
CREATE INDEX incident_open_work ON incident (id) WHERE open_work > 0;
