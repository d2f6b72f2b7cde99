//! Who somebody is here, by what a provider says of them, and whether somebody new may come in.
//!
//! Threats: an address that nobody has shown to be theirs (taken only where the provider says it is verified), a name that
//! somebody at the provider takes from another (the store binds the subject at the first log-in, and asks for names no more).

use super::Claims;
use serde_json::{Map, Value};
use stillhere_model::{Role, person::check_name};

/// What the operator has decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// What holds the name that somebody has here.
    pub claim: String,
    pub groups_claim: String,
    /// Who is added when they come for the first time. Empty: nobody.
    pub groups: Vec<Group>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub name: String,
    pub role: Role,
    /// None: everybody's services.
    pub teams: Vec<String>,
}

/// Somebody, as far as the provider says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// The name that they have here, or would have.
    pub name: String,
    /// What somebody new becomes.
    pub added_as: Option<(Role, Vec<String>)>,
}

/// Why they have no name here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoName {
    #[error("the provider does not say the claim that holds the name")]
    NotSaid,
    #[error("the provider does not say that the e-mail address is verified")]
    Unverified,
    #[error("what the provider says is no name that somebody can have here")]
    NotAName,
}

// === impl Rules ===

impl Rules {
    /// What is still to be asked for.
    #[must_use]
    pub fn misses(&self, claims: &Claims) -> bool {
        !claims.say(&self.claim) || (!self.groups.is_empty() && !claims.say(&self.groups_claim))
    }

    /// # Errors
    /// [`NoName`].
    pub fn who(&self, claims: &Claims) -> Result<Who, NoName> {
        Ok(Who { name: self.name(claims)?, added_as: self.added_as(claims) })
    }

    fn name(&self, claims: &Claims) -> Result<String, NoName> {
        let map = claims.saying(&self.claim).ok_or(NoName::NotSaid)?;
        let name = map.get(&self.claim).and_then(Value::as_str).ok_or(NoName::NotSaid)?;
        if self.claim == "email" && !verified(map) {
            return Err(NoName::Unverified);
        }
        check_name(name).map_err(|_| NoName::NotAName)?;
        Ok(name.to_owned())
    }

    /// The most that one of their groups gives; with the teams of all groups that give as much.
    fn added_as(&self, claims: &Claims) -> Option<(Role, Vec<String>)> {
        let said = claims.saying(&self.groups_claim)?.get(&self.groups_claim)?;
        let is_in = |group: &&Group| match said {
            Value::String(one) => *one == group.name,
            Value::Array(all) => all.iter().any(|g| *g == *group.name),
            _ => false,
        };
        let theirs: Vec<&Group> = self.groups.iter().filter(is_in).collect();
        let role = theirs.iter().map(|g| g.role).max()?;
        let giving = theirs.iter().filter(|g| g.role == role);
        if giving.clone().any(|g| g.teams.is_empty()) {
            return Some((role, Vec::new()));
        }
        let mut teams: Vec<String> = giving.flat_map(|g| g.teams.clone()).collect();
        teams.sort();
        teams.dedup();
        Some((role, teams))
    }
}

/// Some providers say it as a text.
fn verified(map: &Map<String, Value>) -> bool {
    map.get("email_verified").is_some_and(|v| *v == true || v == "true")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oidc::token::tests::said;
    use serde_json::json;

    fn rules(claim: &str) -> Rules {
        let group = |name: &str, role, teams: &[&str]| Group {
            name: name.to_owned(),
            role,
            teams: teams.iter().map(|t| (*t).to_owned()).collect(),
        };
        Rules {
            claim: claim.to_owned(),
            groups_claim: "groups".to_owned(),
            groups: vec![
                group("staff", Role::Viewer, &[]),
                group("pay", Role::Responder, &["payments"]),
                group("shop", Role::Responder, &["storefront", "payments"]),
                group("all", Role::Responder, &[]),
                group("root", Role::Admin, &[]),
            ],
        }
    }

    #[test]
    fn an_address_is_a_name_only_where_the_provider_has_verified_it() {
        let by = |claims: Value| rules("email").who(&said(claims)).map(|w| w.name);
        let kim = "kim@example.com";
        assert_eq!(by(json!({ "email": kim, "email_verified": true })), Ok(kim.to_owned()));
        assert_eq!(by(json!({ "email": kim, "email_verified": "true" })), Ok(kim.to_owned()));
        for other in [json!(false), json!("false"), json!(1), json!(null), json!("yes"), json!([true])] {
            assert_eq!(
                by(json!({ "email": kim, "email_verified": other })),
                Err(NoName::Unverified),
                "{other}"
            );
        }
        assert_eq!(by(json!({ "email": kim })), Err(NoName::Unverified));
        assert_eq!(by(json!({ "email_verified": true })), Err(NoName::NotSaid));
        assert_eq!(by(json!({ "email": ["a", "b"], "email_verified": true })), Err(NoName::NotSaid));
        for bad in ["", "a b", "<b>@example.com", "local"] {
            assert_eq!(by(json!({ "email": bad, "email_verified": true })), Err(NoName::NotAName), "{bad}");
        }
        let other = |claims: Value| rules("login").who(&said(claims)).map(|w| w.name);
        assert_eq!(other(json!({ "login": "kim", "email_verified": false })), Ok("kim".to_owned()));
        assert_eq!(other(json!({ "email": kim, "email_verified": true })), Err(NoName::NotSaid));
    }

    /// The address of one place is never taken for verified by the word of another.
    #[test]
    fn what_belongs_together_is_taken_from_one_place() {
        let claims = said(json!({ "email": "eve@example.com" }));
        let elsewhere = json!({ "sub": "s", "email": "kim@example.com", "email_verified": true });
        let claims = claims.and(elsewhere.to_string().as_bytes()).unwrap();
        assert_eq!(rules("email").who(&claims).map(|w| w.name), Err(NoName::Unverified));
        let nothing = said(json!({})).and(elsewhere.to_string().as_bytes()).unwrap();
        assert_eq!(rules("email").who(&nothing).map(|w| w.name), Ok("kim@example.com".to_owned()));
        assert!(rules("email").misses(&said(json!({}))) && rules("email").misses(&nothing), "the groups");
        let another = json!({ "sub": "t", "email": "kim@example.com", "email_verified": true });
        assert!(said(json!({})).and(another.to_string().as_bytes()).is_err(), "of somebody else");
    }

    #[test]
    fn somebody_new_becomes_the_most_that_one_of_their_groups_gives_and_without_one_nothing() {
        let of = |groups: Value| {
            rules("login").who(&said(json!({ "login": "kim", "groups": groups }))).unwrap().added_as
        };
        let some = |role, teams: &[&str]| Some((role, teams.iter().map(|t| (*t).to_owned()).collect()));
        assert_eq!(of(json!([])), None);
        assert_eq!(of(json!(["strangers", "Staff", 7, null])), None);
        assert_eq!(of(json!({ "root": true })), None);
        assert_eq!(of(json!("staff")), some(Role::Viewer, &[]));
        assert_eq!(of(json!(["staff", "pay"])), some(Role::Responder, &["payments"]));
        assert_eq!(of(json!(["pay", "shop"])), some(Role::Responder, &["payments", "storefront"]));
        assert_eq!(of(json!(["pay", "all"])), some(Role::Responder, &[]));
        assert_eq!(of(json!(["pay", "root"])), some(Role::Admin, &[]));
        let nobody = Rules { groups: Vec::new(), ..rules("login") };
        let root = said(json!({ "login": "kim", "groups": ["root"] }));
        assert_eq!(nobody.who(&root).unwrap().added_as, None, "without a list nobody is added");
    }
}
