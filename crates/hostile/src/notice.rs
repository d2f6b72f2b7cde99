//! Any bytes as a signed notice: nothing but what the site signed is believed; and as the payload of a true
//! signature: never a panic, and what is believed is what was signed.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::Ed25519KeyPair;
use std::sync::OnceLock;
use stillhere_tell::notice::{Key, NoticeError, verify};

const SEED: [u8; 32] = *b"a seed that is nobody's secret..";
/// As `docs/notice.md` says.
const CONTEXT: &[u8] = b"stillhere notice v1\n";
/// Beyond this nothing is read.
const READ_MAX_BYTES: usize = 64 * 1024;

pub fn run(data: &[u8]) {
    let (pair, public) = keys();
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(believed) = verify(text, public)
    {
        // Only by way of the seeds, which hold a true notice: then the payload is signed indeed.
        let said: serde_json::Value = serde_json::from_str(text).expect("it was read");
        let field = |name: &str| {
            URL_SAFE_NO_PAD.decode(said[name].as_str().expect("it was read")).expect("it was read")
        };
        let payload = field("notice");
        assert_eq!(pair.sign(&[CONTEXT, &payload].concat()).as_ref(), field("sig"));
        assert_eq!(believed["v"], 1);
    }
    let signature = pair.sign(&[CONTEXT, data].concat());
    let envelope = serde_json::json!({
        "notice": URL_SAFE_NO_PAD.encode(data),
        "sig": URL_SAFE_NO_PAD.encode(signature),
        "key_id": "0123456789abcdef",
    })
    .to_string();
    let payload = serde_json::from_slice::<serde_json::Value>(data).ok();
    match verify(&envelope, public) {
        Ok(believed) => assert_eq!(Some(believed), payload),
        Err(NoticeError::WrongSignature) => panic!("this signature is right"),
        Err(NoticeError::Malformed(_)) => {
            assert!(envelope.len() > READ_MAX_BYTES || payload.is_none_or(|p| p["v"] != 1));
        }
    }
}

fn keys() -> &'static (Ed25519KeyPair, [u8; 32]) {
    static KEYS: OnceLock<(Ed25519KeyPair, [u8; 32])> = OnceLock::new();
    KEYS.get_or_init(|| {
        let pair = Ed25519KeyPair::from_seed_unchecked(&SEED).expect("any 32 bytes are a seed");
        (pair, Key::from_seed(&SEED).public_key())
    })
}
