-- What a token is good for: 'write' the whole API, 'edge' joining as an edge (crates/store/src/token.rs).

ALTER TABLE token ADD COLUMN scope TEXT NOT NULL DEFAULT 'write';
