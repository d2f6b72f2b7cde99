-- Browsers that are notified (crates/store/src/subscriber.rs): what messages to them are sealed with. Without the key of ours,
-- which is not in this file, nobody can send anything to them.
ALTER TABLE subscriber ADD COLUMN keys TEXT;
