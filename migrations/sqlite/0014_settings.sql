-- What was made in the console: services with their checks, and channels, each as the table that it would be in the file.
-- Secrets in `body` are sealed. The order of `seq` is the order on the page.
CREATE TABLE setting (
    seq        INTEGER PRIMARY KEY,
    kind       TEXT    NOT NULL,
    id         TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    changed_by TEXT    NOT NULL,
    body       TEXT    NOT NULL,
    UNIQUE (kind, id)
);
