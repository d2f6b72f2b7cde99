-- What a provider said of somebody when their session began (crates/store/src/people/session.rs), sealed: it is shown to the provider again
-- when they log out there, too. NULL: the session did not begin through a provider. Empty: it was too long to keep.
ALTER TABLE session ADD COLUMN id_token TEXT;
