use super::*;
use ring::{
    hmac,
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
        RSA_PKCS1_SHA512, RSA_PSS_SHA256, RsaKeyPair,
    },
};
use serde_json::json;

const NOW: Time = Time(1_795_341_600_000);
const NOW_S: i64 = NOW.0 / 1000;
const EXPECTED: Expected<'_> =
    Expected { issuer: "https://id.example.com", client_id: "stillhere", nonce: "the-nonce", now: NOW };
/// Made for these tests, by `openssl genpkey`.
const RSA: &[u8] = include_bytes!("rsa-for-tests.pk8");

/// A provider with a key of each kind.
struct Signer {
    rsa: RsaKeyPair,
    p256: EcdsaKeyPair,
    ed25519: Ed25519KeyPair,
}

impl Signer {
    fn new() -> Signer {
        let random = random();
        let p256 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let ed25519 = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
        Signer {
            rsa: RsaKeyPair::from_pkcs8(RSA).unwrap(),
            p256: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, p256.as_ref(), &random).unwrap(),
            ed25519: Ed25519KeyPair::from_pkcs8(ed25519.as_ref()).unwrap(),
        }
    }

    fn set(&self) -> Value {
        let p256 = self.p256.public_key().as_ref();
        json!({ "keys": [
            { "kty": "RSA", "kid": "r", "use": "sig", "n": b64(&self.modulus()), "e": "AQAB" },
            { "kty": "EC", "kid": "e", "crv": "P-256", "x": b64(&p256[1..33]), "y": b64(&p256[33..]), "alg": "ES256" },
            { "kty": "OKP", "kid": "o", "crv": "Ed25519", "x": b64(self.ed25519.public_key().as_ref()) },
            { "kty": "oct", "kid": "h", "k": "c2VjcmV0" },
            { "kty": "RSA", "kid": "enc", "use": "enc", "n": b64(&self.modulus()), "e": "AQAB" },
        ] })
    }

    fn keys(&self) -> KeySet {
        KeySet::read(self.set().to_string().as_bytes()).unwrap()
    }

    fn modulus(&self) -> Vec<u8> {
        ring::rsa::PublicKeyComponents::<Vec<u8>>::from(self.rsa.public()).n
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", b64(header.to_string().as_bytes()), b64(claims.to_string().as_bytes()));
        let random = random();
        let rsa = |how: &'static dyn ring::signature::RsaEncoding| {
            let mut out = vec![0; self.rsa.public().modulus_len()];
            self.rsa.sign(how, &random, signed.as_bytes(), &mut out).unwrap();
            out
        };
        let signature = match header["alg"].as_str().unwrap() {
            "RS256" => rsa(&RSA_PKCS1_SHA256),
            "RS512" => rsa(&RSA_PKCS1_SHA512),
            "PS256" => rsa(&RSA_PSS_SHA256),
            "ES256" => self.p256.sign(&random, signed.as_bytes()).unwrap().as_ref().to_vec(),
            "EdDSA" => self.ed25519.sign(signed.as_bytes()).as_ref().to_vec(),
            // The public key as everybody has it, taken for a secret.
            "HS256" => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, &self.modulus());
                hmac::sign(&key, signed.as_bytes()).as_ref().to_vec()
            }
            _ => Vec::new(),
        };
        format!("{signed}.{}", b64(&signature))
    }
}

#[expect(clippy::disallowed_methods, reason = "a provider's, not ours")]
fn random() -> SystemRandom {
    SystemRandom::new()
}

fn b64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn claims() -> Value {
    json!({
        "iss": "https://id.example.com", "sub": "s", "aud": "stillhere", "nonce": "the-nonce",
        "iat": NOW_S - 5, "exp": NOW_S + 300,
    })
}

/// Somebody of whom a provider says this; for the tests of who they are.
pub(crate) fn said(more: Value) -> Claims {
    let Value::Object(token) = more else { panic!("{more}") };
    Claims { subject: "s".to_owned(), token, userinfo: None }
}

#[test]
fn a_token_is_taken_with_each_signature_that_is_allowed() {
    let signer = Signer::new();
    for (alg, kid) in [("RS256", "r"), ("PS256", "r"), ("ES256", "e"), ("EdDSA", "o")] {
        for header in [json!({ "alg": alg, "kid": kid, "typ": "JWT" }), json!({ "alg": alg })] {
            let read = Claims::read(&signer.sign(&header, &claims()), &signer.keys(), EXPECTED);
            assert_eq!(read.as_ref().map(|c| c.subject.as_str()), Ok("s"), "{header}");
        }
    }
}

#[test]
fn a_token_with_one_fault_is_refused() {
    use Wrong::{Claim, Time as Over, UnknownKey, Unreadable};
    let signer = Signer::new();
    type Change = fn(&mut Value, &mut Value);
    let alg = |a: &str| Wrong::Algorithm(a.to_owned());
    #[rustfmt::skip]
    let cases: &[(&str, Wrong, Change)] = &[
        ("no signature", alg("none"), |h, _| h["alg"] = json!("none")),
        ("no signature, in other letters", alg("nOnE"), |h, _| h["alg"] = json!("nOnE")),
        ("the public key as a secret", alg("HS256"), |h, _| h["alg"] = json!("HS256")),
        ("a signature that is not on the list", alg("RS512"), |h, _| h["alg"] = json!("RS512")),
        ("a key of another kind", UnknownKey, |h, _| h["alg"] = json!("ES256")),
        ("an unknown key", UnknownKey, |h, _| h["kid"] = json!("gone")),
        ("a key for something else", UnknownKey, |h, _| h["kid"] = json!("enc")),
        ("a secret as a key", UnknownKey, |h, _| h["kid"] = json!("h")),
        ("something that must be understood", Unreadable, |h, _| h["crit"] = json!(["b64"])),
        ("a token of another kind", Unreadable, |h, _| h["typ"] = json!("logout+jwt")),
        ("another issuer", Claim("iss"), |_, c| c["iss"] = json!("https://evil.example")),
        ("nearly the issuer", Claim("iss"), |_, c| c["iss"] = json!("https://id.example.com/")),
        ("no issuer", Claim("iss"), |_, c| c["iss"] = Value::Null),
        ("for another program", Claim("aud"), |_, c| c["aud"] = json!("other")),
        ("for several others", Claim("aud"), |_, c| c["aud"] = json!(["other", "stillhere2"])),
        ("for nobody", Claim("aud"), |_, c| c["aud"] = json!([])),
        ("for several, and not said to whom given", Claim("azp"), |_, c| c["aud"] = json!(["stillhere", "other"])),
        ("given to another program", Claim("azp"), |_, c| c["azp"] = json!("other")),
        ("for several, given to another", Claim("azp"), |_, c| (c["aud"], c["azp"]) = (json!(["stillhere", "other"]), json!("other"))),
        ("another nonce", Claim("nonce"), |_, c| c["nonce"] = json!("the-other")),
        ("no nonce", Claim("nonce"), |_, c| c["nonce"] = Value::Null),
        ("over", Over, |_, c| c["exp"] = json!(NOW_S - SKEW_S)),
        ("of the future", Over, |_, c| c["iat"] = json!(NOW_S + SKEW_S + 1)),
        ("not good yet", Over, |_, c| c["nbf"] = json!(NOW_S + SKEW_S + 1)),
        ("without an end", Claim("exp"), |_, c| c["exp"] = Value::Null),
        ("an end in words", Claim("exp"), |_, c| c["exp"] = json!("tomorrow")),
        ("without a beginning", Claim("iat"), |_, c| c["iat"] = Value::Null),
        ("about nobody", Claim("sub"), |_, c| c["sub"] = json!("")),
        ("about a number", Claim("sub"), |_, c| c["sub"] = json!(7)),
        ("about somebody without end", Claim("sub"), |_, c| c["sub"] = json!("s".repeat(256))),
    ];
    for (what, wanted, change) in cases {
        let (mut header, mut claims) = (json!({ "alg": "RS256", "kid": "r" }), claims());
        change(&mut header, &mut claims);
        let read = Claims::read(&signer.sign(&header, &claims), &signer.keys(), EXPECTED);
        assert_eq!(read.as_ref().err(), Some(wanted), "{what}");
    }
}

#[test]
fn clocks_may_differ_by_a_minute_and_several_programs_may_share_a_token() {
    let signer = Signer::new();
    let takes = |change: fn(&mut Value)| {
        let mut claims = claims();
        change(&mut claims);
        Claims::read(&signer.sign(&json!({ "alg": "ES256", "kid": "e" }), &claims), &signer.keys(), EXPECTED)
            .is_ok()
    };
    assert!(takes(|c| c["exp"] = json!(NOW_S - SKEW_S + 1)));
    assert!(takes(|c| c["iat"] = json!(NOW_S + SKEW_S)));
    assert!(takes(|c| c["exp"] = json!(NOW_S as f64 + 300.5)));
    assert!(takes(|c| (c["aud"], c["azp"]) = (json!(["other", "stillhere"]), json!("stillhere"))));
    assert!(takes(|c| c["aud"] = json!(["stillhere"])));
}

#[test]
fn no_bit_of_a_token_can_be_changed_and_no_other_key_made_it() {
    let signer = Signer::new();
    for (alg, kid) in [("RS256", "r"), ("PS256", "r"), ("ES256", "e"), ("EdDSA", "o")] {
        let token = signer.sign(&json!({ "alg": alg, "kid": kid }), &claims());
        let keys = signer.keys();
        for at in (0..token.len()).step_by(7) {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(changed == token || Claims::read(&changed, &keys, EXPECTED).is_err(), "{alg}: {at}");
            assert!(Claims::read(&token[..at], &keys, EXPECTED).is_err(), "{alg}: cut at {at}");
        }
        // The same names, other keys.
        let mut others = Signer::new().set();
        others["keys"][0]["n"] = json!(b64(&[0xa5; 256]));
        let others = KeySet::read(others.to_string().as_bytes()).unwrap();
        assert_eq!(Claims::read(&token, &others, EXPECTED), Err(Wrong::Signature), "{alg}");
    }
    for nonsense in ["", ".", "..", "a.b", "a.b.c.d", "é.é.é", &"a".repeat(TOKEN_MAX + 1)] {
        assert_eq!(Claims::read(nonsense, &signer.keys(), EXPECTED), Err(Wrong::Unreadable));
    }
}

#[test]
fn a_set_of_keys_is_read_as_far_as_it_is_understood_and_no_further() {
    let signer = Signer::new();
    let token = signer.sign(&json!({ "alg": "RS256" }), &claims());
    let with = |change: fn(&mut Value)| {
        let mut set = signer.set();
        change(&mut set);
        KeySet::read(set.to_string().as_bytes())
            .and_then(|keys| Claims::read(&token, &keys, EXPECTED))
            .map(|_| ())
    };
    assert_eq!(with(|_| ()), Ok(()));
    let stranger = |s: &mut Value| s["keys"][1] = json!({ "kty": "LMS", "x": 7 });
    assert_eq!(with(stranger), Ok(()), "a kind that is not known");
    let twin = |s: &mut Value| s["keys"][4]["use"] = json!("sig");
    assert_eq!(with(twin), Err(Wrong::UnknownKey), "of two that fit, neither is named");
    let other = |s: &mut Value| s["keys"][0]["alg"] = json!("PS256");
    assert_eq!(with(other), Err(Wrong::UnknownKey), "a key for another signature");
    let short = |s: &mut Value| s["keys"][0]["n"] = json!(b64(&[0xa5; 128]));
    assert_eq!(with(short), Err(Wrong::Signature), "1024 bits are none");
    let many = |s: &mut Value| {
        let filler = vec![json!({ "kty": "oct" }); super::super::key::KEYS_MAX];
        let keys = s["keys"].as_array_mut().unwrap();
        keys.splice(0..0, filler);
    };
    assert_eq!(with(many), Err(Wrong::UnknownKey), "no more are looked at");
    for bad in [&b""[..], b"[]", b"{}", b"{\"keys\":7}"] {
        assert_eq!(KeySet::read(bad), Err(Wrong::Unreadable));
    }
}
