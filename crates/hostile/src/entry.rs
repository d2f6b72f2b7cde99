//! Any bytes as what somebody shows who wants to come in: a session's secret, the mark of a device, a code, what a browser and a device say
//! about a passkey. Nothing that we did not make is taken, and what is taken is what was said.
//!
//! The first byte chooses the reader.

use ring::digest::{SHA256, digest};
use std::sync::OnceLock;
use stillhere_access::{
    Keys,
    passkey::{For, ID_MAX, Site},
    secret::Handed,
    totp,
};
use stillhere_model::{PersonId, Time};

const NOW: Time = Time(1_795_341_600_000);
const HOST: &str = "localhost:8080";

pub fn run(data: &[u8]) {
    let Some((which, data)) = data.split_first() else { return };
    let keys = keys();
    let person = PersonId::from_bytes([1; 16]);
    let site = Site { host: HOST };
    match which % 5 {
        0 => {
            let text = String::from_utf8_lossy(data);
            if let Some(secret) = Handed::sent(&text) {
                assert_eq!((secret.expose(), secret.expose().len()), (&*text, 43));
            }
            assert_eq!(keys.device(&text, NOW), None, "a mark that we did not make");
            assert!(totp::step(b"a seed of twenty byte", &text, NOW).is_none() || text.len() >= 6);
            if let Some(hash) = totp::recovery_hash(&text) {
                assert_eq!(hash.len(), 64);
            }
            assert_eq!(keys.open(person, data), None, "what we did not seal");
        }
        // What a browser says, before a device that does as it should.
        1 => {
            assert!(keys.keep(person, site, data, &[head(0x45).as_slice(), &[0; 18]].concat(), NOW).is_err())
        }
        2 => assert!(keys.entry(&[4; 65], site, data, &head(5), &[0; 70], NOW).is_err()),
        // What a device says, after a browser that does as it should.
        3 => {
            let question = keys.question(For::Keeping(person), [2; 16], NOW);
            let said = [head(0x45).as_slice(), data].concat();
            if let Ok((key, answered)) =
                keys.keep(person, site, &browser("webauthn.create", &question), &said, NOW)
            {
                assert!((1..=ID_MAX).contains(&key.id.len()) && [32, 65].contains(&key.public.len()));
                // Head, model of the device, length of the id, id, key: nothing is left over.
                let rest = if key.public.len() == 65 { 77 } else { 42 };
                assert_eq!(said.len(), 37 + 16 + 2 + key.id.len() + rest);
                assert_eq!(answered.question, question);
            }
        }
        _ => {
            let question = keys.question(For::Entry, [2; 16], NOW);
            let (key, signature) = data.split_at(data.len().min(65));
            let client_data = browser("webauthn.get", &question);
            // The key is theirs to choose here, and so is the signature: who has no key of a person's comes to nothing before.
            let answered = keys.entry(key, site, &client_data, &head(5), signature, NOW);
            assert!(answered.is_err(), "a signature without the key that makes it");
        }
    }
}

fn head(flags: u8) -> Vec<u8> {
    [digest(&SHA256, b"localhost").as_ref(), &[flags, 0, 0, 0, 1]].concat()
}

fn browser(kind: &str, question: &str) -> Vec<u8> {
    format!("{{\"type\":\"{kind}\",\"challenge\":\"{question}\",\"origin\":\"http://{HOST}\"}}").into_bytes()
}

fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| Keys::from_seed(b"a seed that is nobody's secret.."))
}
