-- Who somebody is at an OpenID Connect provider (crates/store/src/people/provider.rs). Bound at the first log-in: names and addresses at
-- the provider may change hands, the subject does not. The row of somebody who was removed stays, so that they stay out.

CREATE TABLE provider_subject (
    issuer    TEXT NOT NULL,
    subject   TEXT NOT NULL,
    person    TEXT NOT NULL REFERENCES person (id),
    bound_at  BIGINT NOT NULL,
    used_at   BIGINT NOT NULL,
    PRIMARY KEY (issuer, subject)
);
CREATE UNIQUE INDEX provider_subject_person ON provider_subject (person, issuer);
