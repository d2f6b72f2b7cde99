//! Typed ids. Names from the configuration are slugs; what we create ourselves is a UUID v7.

use crate::time::Time;
use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc};
use uuid::Uuid;

macro_rules! slug {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);
        impl $name {
            #[must_use]
            pub fn new(s: impl AsRef<str>) -> Self { Self(Arc::from(s.as_ref())) }
            #[must_use]
            pub fn as_str(&self) -> &str { &self.0 }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(&self.0) }
        }
        impl From<&str> for $name { fn from(s: &str) -> Self { Self::new(s) } }
        impl std::borrow::Borrow<str> for $name { fn borrow(&self) -> &str { &self.0 } }
    };
}

macro_rules! minted {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);
        impl $name {
            #[must_use]
            pub fn from_bytes(bytes: [u8; 16]) -> Self { Self(Uuid::from_bytes(bytes)) }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { self.0.simple().fmt(f) }
        }
        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(s: &str) -> Result<Self, uuid::Error> { Uuid::parse_str(s).map(Self) }
        }
    };
}

slug!(/// A service's slug, such as `checkout`: `[a-z0-9][a-z0-9-]{0,62}`.
    ServiceId);
slug!(/// A check's slug, unique in the whole configuration: `<service>/<check>`.
    CheckId);
slug!(/// Where something was seen from, such as `core`.
    VantageId);
minted!(PersonId);
minted!(IncidentId);
minted!(UpdateId);
minted!(MaintenanceId);
minted!(SubscriberId);
minted!(/// One piece of news for all subscribers who want it.
    NewsId);
minted!(/// One message to one channel. The idempotency key of its delivery: `webhook-id`, `Message-ID`.
    DeliveryId);
minted!(/// A link in one mail to one member of staff.
    LinkId);
minted!(/// Something that staff wrote down for each other.
    NoteId);
minted!(/// Something that is done so that an incident does not happen again.
    PreventionId);

/// Makes ids from injected entropy, so that a simulation with the same seed makes the same ids.
#[derive(Debug, Clone)]
pub struct Mint {
    state: u64,
}

// === impl Mint ===

impl Mint {
    #[must_use]
    pub fn new(seed: u64) -> Mint {
        Mint { state: seed }
    }

    /// SplitMix64 (Steele, Lea, Flood 2014): enough to keep ids apart, not a secret.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A UUID v7 (RFC 9562) dated `now`.
    pub fn uuid(&mut self, now: Time) -> Uuid {
        let mut random = [0u8; 10];
        random[..8].copy_from_slice(&self.next_u64().to_be_bytes());
        random[8..].copy_from_slice(&self.next_u64().to_be_bytes()[..2]);
        uuid::Builder::from_unix_timestamp_millis(u64::try_from(now.0).unwrap_or(0), &random).into_uuid()
    }
}
