//! Coming in through an OpenID Connect provider: what is asked of it, what it answers, and who that is here.
//!
//! The authorization code flow with PKCE, for one provider that the operator has named. Everything here is pure; what is fetched is fetched by
//! the node. Signatures are ring's, as everywhere: a library for these tokens would bring its own cryptography, or be handed ours
//! and leave the verification to be written all the same.
//!
//! Threats: an answer that is brought into another browser, or a second time ([`errand`]); a token of somebody else, for somebody else, of
//! another time, or without a signature ([`token`]); a document that leads elsewhere ([`provider`]); somebody who takes the name of
//! another at the provider ([`who`]).

pub mod errand;
pub mod key;
pub mod provider;
pub mod token;
pub mod who;

pub use errand::Errand;
pub use key::KeySet;
pub use provider::Provider;
pub use token::{Claims, Expected};
pub use who::{Rules, Who};

/// What is not right with what a provider or a browser brought. For the log; a caller is told less.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    #[error("it cannot be read")]
    Unreadable,
    #[error("the discovery document is that of the issuer \"{0}\"")]
    OtherIssuer(String),
    #[error("the discovery document has no usable \"{0}\"")]
    NoEndpoint(&'static str),
    #[error("the token is signed with \"{0}\", which is not taken")]
    Algorithm(String),
    #[error("the provider has no such key")]
    UnknownKey,
    #[error("the signature is not that of the provider's key")]
    Signature,
    #[error("the token is another's: its {0} is not the one expected")]
    Claim(&'static str),
    #[error("the token is over, or not good yet")]
    Time,
}
