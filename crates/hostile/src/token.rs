//! Any bytes as what a provider says: its keys, its document, a token, the parts of a token that it has truly signed. Nothing unsigned is taken, and what
//! is taken was said for us, now, in answer to this browser.
//!
//! The first byte chooses what is foreign.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};
use std::sync::OnceLock;
use stillhere_access::oidc::{Claims, Errand, Expected, KeySet, Provider};
use stillhere_model::Time;

const NOW: Time = Time(1_795_341_600_000);
const NOW_S: i64 = NOW.0 / 1000;
/// Clocks may differ by so much.
const SKEW_S: f64 = 60.0;
const ISSUER: &str = "https://id.example.com";
const EXPECTED: Expected<'_> =
    Expected { issuer: ISSUER, client_id: "stillhere", nonce: "the-nonce", now: NOW };

pub fn run(data: &[u8]) {
    let Some((which, data)) = data.split_first() else { return };
    match which % 5 {
        // A token that nobody has signed: whatever it says, it cannot be taken.
        0 => {
            let token = String::from_utf8_lossy(data);
            assert!(Claims::read(&token, keys(), EXPECTED).is_err(), "a token that we did not sign");
        }
        1 => {
            let token = signed(br#"{"alg":"EdDSA","kid":"o"}"#, data);
            let Ok(claims) = Claims::read(&token, keys(), EXPECTED) else { return };
            let said: Value = serde_json::from_slice(data).expect("what was taken is JSON");
            held(&said);
            assert_eq!(said["sub"], claims.subject);
            assert!((1..=255).contains(&claims.subject.len()));
        }
        2 => {
            let token = signed(data, good().to_string().as_bytes());
            if Claims::read(&token, keys(), EXPECTED).is_ok() {
                // What nobody asks for in it is passed over, and may be anything between its quotes.
                let Ok(header) = serde_json::from_slice::<Value>(data) else { return };
                assert_eq!(header["alg"], "EdDSA");
                assert!(header["crit"].is_null(), "it says that it must be understood, and it is not");
            }
        }
        // Keys of another: ours has not signed under any of them.
        3 => {
            let Ok(keys) = KeySet::read(data) else { return };
            let token = signed(br#"{"alg":"EdDSA","kid":"o"}"#, good().to_string().as_bytes());
            let ours = URL_SAFE_NO_PAD.encode(pair().public_key().as_ref());
            let names_ours = String::from_utf8_lossy(data).contains(&ours[..40]) || data.contains(&b'\\');
            assert!(
                names_ours || Claims::read(&token, &keys, EXPECTED).is_err(),
                "another's key took our token"
            );
        }
        _ => {
            let Ok(provider) = Provider::read(ISSUER, data) else { return };
            let errand = Errand::begin(
                std::array::from_fn(|i| u8::try_from(i).expect("96 bytes")),
                "/console/".to_owned(),
                NOW,
            );
            let ask = provider.ask(
                "stillhere",
                "https://s.example.com/console/oidc",
                &["openid".to_owned()],
                &errand,
            );
            let leave = provider.leave("stillhere", "https://s.example.com/console/", Some("a.b.c"));
            let all = [
                Some(&ask),
                Some(&provider.token),
                Some(&provider.keys),
                provider.userinfo.as_ref(),
                leave.as_ref(),
            ];
            for url in all.into_iter().flatten() {
                // As a browser reads it: in any case, with spaces around it.
                let plain = url.trim_start_matches(|c: char| c <= ' ').to_ascii_lowercase();
                assert!(
                    plain.replace(['\t', '\n', '\r'], "").starts_with("https:"),
                    "a document leads to {url}"
                );
            }
            assert!(!ask.contains(&errand.verifier));
        }
    }
}

/// OpenID Connect Core, 3.1.3.7.
fn held(said: &Value) {
    assert_eq!((&said["iss"], &said["nonce"]), (&json!(ISSUER), &json!("the-nonce")));
    let ours = |v: &Value| *v == json!("stillhere");
    assert!(ours(&said["aud"]) || said["aud"].as_array().is_some_and(|all| all.iter().any(ours)), "{said}");
    let now = f64::from(u32::try_from(NOW_S).expect("a time of this century"));
    assert!(said["exp"].as_f64().is_some_and(|exp| exp > now - SKEW_S - 1.0), "{said}");
}

fn good() -> Value {
    json!({ "iss": ISSUER, "aud": "stillhere", "sub": "kim", "nonce": "the-nonce", "iat": NOW_S, "exp": NOW_S + 60 })
}

fn pair() -> &'static Ed25519KeyPair {
    static PAIR: OnceLock<Ed25519KeyPair> = OnceLock::new();
    PAIR.get_or_init(|| Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("a seed"))
}

fn keys() -> &'static KeySet {
    static KEYS: OnceLock<KeySet> = OnceLock::new();
    KEYS.get_or_init(|| {
        let x = URL_SAFE_NO_PAD.encode(pair().public_key().as_ref());
        let set = json!({ "keys": [{ "kty": "OKP", "kid": "o", "crv": "Ed25519", "x": x }] });
        KeySet::read(set.to_string().as_bytes()).expect("a set of keys")
    })
}

fn signed(header: &[u8], payload: &[u8]) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(pair().sign(signed.as_bytes()).as_ref()))
}
