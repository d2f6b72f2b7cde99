//! The public record over HTTP: what is where, how long it may be kept, and whose word is taken on it.

use crate::running::{Running, start};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::json;
use stillhere_record::{
    Checkpoint,
    note::{Note, Signature, Verifier},
};

const LOG: &str = "/.well-known/stillhere/log";

async fn note(s: &Running) -> Note {
    Note::parse(s.get(&format!("{LOG}/checkpoint")).await.text()).unwrap()
}

/// A witness's key as it is published, and its word on a note.
fn witness(name: &str, seed: u8, note: &Note, seconds: u64) -> (String, String) {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let key = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
    let typed = [&[4][..], key.public_key().as_ref()].concat();
    let hash = ring::digest::digest(&ring::digest::SHA256, &[name.as_bytes(), b"\n", &typed].concat());
    let id: [u8; 4] = hash.as_ref()[..4].try_into().unwrap();
    let vkey = format!("{name}+{:08x}+{}", u32::from_be_bytes(id), STANDARD.encode(&typed));
    let signed = key.sign(format!("cosignature/v1\ntime {seconds}\n{}", note.text).as_bytes());
    let bytes = [&seconds.to_be_bytes()[..], signed.as_ref()].concat();
    (vkey, Signature { name: name.to_owned(), id, bytes }.to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_is_where_it_says_and_its_pieces_may_be_kept_for_ever() {
    let s = start().await;
    let key = Verifier::parse(s.get(&format!("{LOG}/key")).await.text()).unwrap();
    let checkpoint = s.get(&format!("{LOG}/checkpoint")).await;
    assert!(checkpoint.header("cache-control").unwrap().contains("max-age=2,"));
    assert_eq!(checkpoint.header("access-control-allow-origin"), Some("*"));
    let Checkpoint { origin, size, .. } = Checkpoint::open(&note(&s).await, &key).unwrap();
    assert_eq!(origin, "status.lantern.example/.well-known/stillhere/log");
    assert!(size > 0);
    for kind in ["0", "entries"] {
        let tile = s.get(&format!("{LOG}/tile/{kind}/000.p/1")).await;
        assert_eq!((tile.status, tile.header("content-type")), (200, Some("application/octet-stream")));
        assert!(tile.header("cache-control").unwrap().contains("immutable"));
    }
    assert_eq!(s.get(&format!("{LOG}/texts/000")).await.status, 200);
    for nothing in [
        "",
        "/tile/0/000",
        "/tile/1/000.p/1",
        "/tile/8/0/000.p/1",
        "/tile/0/001.p/1",
        "/texts/001",
        "/texts/000.p/1",
        "/tile/0/../0/000.p/1",
    ] {
        assert_eq!(s.get(&format!("{LOG}{nothing}")).await.status, 404, "{nothing}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_witness_is_heard_on_the_checkpoint_that_is_served_and_nobody_else_is() {
    let s = start().await;
    let admin = s.token().await;
    let hand_in = async |headers: &str, witness: &str, line: &str| {
        let body = json!({ "witness": witness, "line": line }).to_string();
        s.call("POST", "/api/v1/record/cosignatures", headers, &body).await
    };
    let served = note(&s).await;
    let (vkey, line) = witness("witness.example/w", 5, &served, 1_795_341_600);
    assert_eq!(hand_in("Content-Type: application/json\r\n", &vkey, &line).await.status, 401);
    let (_, forged) = witness("witness.example/w", 6, &served, 1_795_341_600);
    assert_eq!(hand_in(&admin, &vkey, &forged).await.status, 422, "of another key");
    let other = Note { text: served.text.replace('\n', "x\n"), ..served.clone() };
    let (_, strange) = witness("witness.example/w", 5, &other, 1_795_341_600);
    assert_eq!(hand_in(&admin, &vkey, &strange).await.status, 422, "of another checkpoint");
    let log = s.get(&format!("{LOG}/key")).await.text().to_owned();
    assert_eq!(hand_in(&admin, &log, &line).await.status, 422, "a log is no witness");
    assert_eq!(hand_in(&admin, "nonsense", &line).await.status, 422);

    let taken = hand_in(&admin, &vkey, &line).await;
    // Only while nothing new was said in between.
    if note(&s).await.text == served.text {
        assert_eq!(taken.status, 200, "{}", taken.text());
        let now = note(&s).await;
        assert_eq!(now.signatures.len(), 2);
        assert_eq!(Verifier::parse(&vkey).unwrap().check_one(&now), Ok(Some(1_795_341_600)));
    }
}
