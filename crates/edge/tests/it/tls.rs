//! HTTPS for clients, with certificates from a real authority (Debian's `pebble`) on loopback, and from files.

mod advice;
mod pebble;
mod seen;

use crate::rig::{Node, Running, get, pool, settings, soon, until};
use advice::Advising;
use pebble::{Certified, Pebble};
use seen::{Shown, shown};
use std::{
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};
use stillhere_edge::{Edge, StartError};
use stillhere_net::clock;

/// An authority looks when it likes.
const CERTIFIED_WITHIN: Duration = Duration::from_secs(60);

/// `[edge]` with an authority; it looks at the ports that the edge gets.
fn spec(node: &Node, authority: &Pebble, more: &str) -> String {
    format!(
        "{}\n[tls]\nlisten = \"127.0.0.1:0\"\n[tls.acme]\nterms_agreed = true\nretry = \"1s\"\n\
         directory = \"{}\"\nca_file = \"{}\"\n{more}\n",
        pool(&[node], ""),
        authority.directory(),
        authority.ca_file().display(),
    )
}

async fn becomes(edge: &Running, name: &str, what: &str, so: impl Fn(&Shown) -> bool) -> Shown {
    let at = edge.edge().secure_addr().unwrap();
    let began = clock::mono();
    loop {
        if let Some(shown) = shown(at, name, &[b"h2", b"http/1.1"]).await
            && so(&shown)
        {
            return shown;
        }
        let views = edge.edge().certificates().views();
        let waited = clock::mono().saturating_duration_since(began);
        assert!(waited < CERTIFIED_WITHIN, "never: {what}; {views:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_certificate_is_obtained_by_http_01_renewed_in_time_and_outlives_the_authority() {
    let data = tempfile::tempdir().unwrap();
    let node = Node::start().await;
    let mut authority = Pebble::prepared();
    // Nobody is there yet: the edge serves without it, and goes on asking.
    let toml = spec(&node, &authority, "domains = [\"shop.test\"]");
    let edge = Running::with_data(&toml, Some(data.path()));
    assert_eq!(get(edge.addr, "/", &[]).await.text(), "ok");
    let trouble = || edge.edge().certificates().views()[0].trouble.clone();
    until("it is said that the authority is away", || trouble().is_some()).await;
    authority.start(&Certified { http: edge.addr.port(), seconds: 9, ..Certified::default() });
    let first = becomes(&edge, "shop.test", "the first certificate", |s| s.issuer.contains("Pebble")).await;
    assert_eq!(first.names, ["shop.test"]);
    assert_eq!(first.protocol.as_deref(), Some(&b"h2"[..]));
    assert_eq!(trouble(), None);
    // Everybody else gets what there is, and a token that was not asked for is the origin's business.
    assert!(becomes(&edge, "other.test", "the only one", |_| true).await.names == ["shop.test"]);
    assert_eq!(get(edge.addr, "/.well-known/acme-challenge/unknown", &[]).await.text(), "ok");
    let asked: Vec<String> = node.seen().iter().map(|s| s.uri.path().to_owned()).collect();
    let tokens: Vec<&String> = asked.iter().filter(|p| p.contains("acme-challenge")).collect();
    assert_eq!(tokens, ["/.well-known/acme-challenge/unknown"], "the others are ours");

    let second = becomes(&edge, "shop.test", "its renewal", |s| s.serial != first.serial).await;
    assert!(second.until > first.until);
    let keys = private_files(&data.path().join("acme"));
    assert!(keys.len() >= 2, "{keys:?}");

    // The authority dies; the last one stays, though nobody renews it, and also in the next process.
    authority.kill();
    until("it cannot be renewed", || trouble().is_some()).await;
    let last = becomes(&edge, "shop.test", "the last one", |_| true).await;
    edge.stop(Duration::from_secs(2)).await;
    let edge = Running::with_data(&toml, Some(data.path()));
    let again = becomes(&edge, "shop.test", "the one on disk", |_| true).await;
    assert_eq!(again.serial, last.serial);
    assert_eq!(get(edge.addr, "/", &[]).await.text(), "ok");
}

#[tokio::test]
async fn a_certificate_is_obtained_by_tls_alpn_01_for_each_name() {
    let data = tempfile::tempdir().unwrap();
    let node = Node::start().await;
    let mut authority = Pebble::prepared();
    let more = "domains = [\"a.test\", \"b.test\"]\nchallenge = \"tls-alpn-01\"";
    let edge = Running::with_data(&spec(&node, &authority, more), Some(data.path()));
    let at = edge.edge().secure_addr().unwrap();
    authority.start(&Certified { tls: at.port(), ..Certified::default() });
    for name in ["a.test", "b.test"] {
        let shown = becomes(&edge, name, "its own certificate", |s| s.names == [name]).await;
        assert!(shown.issuer.contains("Pebble"), "{shown:?}");
    }
    // When no authority looks, its protocol has nothing to show.
    assert!(shown(at, "a.test", &[b"acme-tls/1"]).await.is_none());
    assert_eq!(node.count("/.well-known/acme-challenge"), 0, "the origin was not bothered");
}

#[tokio::test]
async fn when_the_wanted_way_does_not_succeed_the_other_one_is_tried() {
    let data = tempfile::tempdir().unwrap();
    let node = Node::start().await;
    let mut authority = Pebble::prepared();
    let toml = spec(&node, &authority, "domains = [\"shop.test\"]\nchallenge = \"http-01\"");
    let edge = Running::with_data(&toml, Some(data.path()));
    let tls = edge.edge().secure_addr().unwrap().port();
    // Port 80 of the name leads elsewhere.
    authority.start(&Certified { http: Node::refusing().await.addr.port(), tls, ..Certified::default() });
    becomes(&edge, "shop.test", "a certificate", |s| s.issuer.contains("Pebble")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_renewed_when_the_authority_advises_it() {
    let data = tempfile::tempdir().unwrap();
    let node = Node::start().await;
    let mut authority = Pebble::prepared();
    let advising = Advising::before(&authority).await;
    let toml = spec(&node, &authority, "domains = [\"shop.test\"]\nchallenge = \"tls-alpn-01\"")
        .replace(&authority.directory(), &advising.directory);
    let edge = Running::with_data(&toml, Some(data.path()));
    let tls = edge.edge().secure_addr().unwrap();
    // It would last for years.
    authority.start(&Certified { tls: tls.port(), ..Certified::default() });
    let first = becomes(&edge, "shop.test", "the first one", |s| s.issuer.contains("Pebble")).await;
    assert!(advising.replaced().iter().all(Option::is_none), "there was none before");
    edge.stop(Duration::from_secs(2)).await;

    // It must be revoked: everybody is to have another one by now.
    advising.advise("2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z");
    let edge = Running::with_data(
        &toml.replacen("127.0.0.1:0\"\n[tls.acme]", &format!("{tls}\"\n[tls.acme]"), 1),
        Some(data.path()),
    );
    let second = becomes(&edge, "shop.test", "another one", |s| s.serial != first.serial).await;
    let (first, second) = (first.id.unwrap(), second.id.unwrap());
    assert_eq!(advising.asked(), [first.as_str()], "it is asked about by its name");
    assert!(advising.replaced().contains(&Some(first)), "and the order says what it replaces");
    assert_ne!(second, advising.asked()[0]);
}

#[tokio::test]
async fn an_authority_that_wants_an_account_of_its_own_gets_it() {
    const KEY: &str = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";
    let data = tempfile::tempdir().unwrap();
    let key_file = data.path().join("kid-1.key");
    std::fs::write(&key_file, format!("{KEY}\n")).unwrap();
    let node = Node::start().await;
    let mut authority = Pebble::prepared();
    let account = format!(
        "domains = [\"shop.test\"]\ncontact = [\"ops@shop.test\"]\n\
         external_account = {{ id = \"kid-1\", key_file = \"{}\" }}",
        key_file.display()
    );
    let edge = Running::with_data(&spec(&node, &authority, &account), Some(data.path()));
    let bound = Some(("kid-1", KEY));
    authority.start(&Certified { http: edge.addr.port(), bound, ..Certified::default() });
    becomes(&edge, "shop.test", "a certificate", |s| s.issuer.contains("Pebble")).await;
}

#[tokio::test]
async fn certificates_without_a_folder_to_keep_them_are_a_mistake_that_is_said() {
    let node = Node::start().await;
    let toml = spec(&node, &Pebble::prepared(), "domains = [\"shop.test\"]");
    let refused = Edge::start(settings(&toml, None)).err().unwrap();
    let StartError::Spec(problems) = refused else { panic!("{refused}") };
    assert_eq!(problems[0].path, "tls.acme");
}

/// `[edge]` with a certificate from files, and what writes a new one there.
pub fn from_files(node: &Node, dir: &Path) -> (String, impl Fn()) {
    let (certificate, key) = (dir.join("a.pem"), dir.join("a.key"));
    let toml = format!(
        "{}\n[tls]\nlisten = \"127.0.0.1:0\"\n[[tls.certificates]]\ncertificate = \"{}\"\nkey = \"{}\"\n",
        pool(&[node], ""),
        certificate.display(),
        key.display()
    );
    let write = move || {
        let made = rcgen::generate_simple_self_signed(vec!["a.test".to_owned()]).unwrap();
        std::fs::write(&certificate, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    };
    write();
    (toml, write)
}

#[tokio::test]
async fn files_that_change_are_shown_without_a_reload() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start().await;
    let (toml, write) = from_files(&node, dir.path());
    let edge = Running::start(&toml);
    let first = becomes(&edge, "a.test", "the first", |_| true).await;
    write();
    becomes(&edge, "a.test", "the second", |s| s.serial != first.serial).await;
}

#[tokio::test]
async fn http_2_and_1_1_are_chosen_by_the_client_within_tls() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start().await;
    let edge = Running::start(&from_files(&node, dir.path()).0);
    let at = edge.edge().secure_addr().unwrap();
    for (offered, version) in [(&b"h2"[..], http::Version::HTTP_2), (b"http/1.1", http::Version::HTTP_11)] {
        let io = soon(seen::connect(at, "a.test", &[offered])).await.unwrap();
        assert_eq!(io.get_ref().1.alpn_protocol(), Some(offered));
        let (answered, text) = soon(seen::ask(io, "https://a.test/x")).await;
        assert_eq!((answered, text.as_str()), (version, "ok"));
    }
    assert_eq!(node.last().headers["x-forwarded-proto"], "https");
    assert!(seen::connect(at, "a.test", &[b"spdy/3"]).await.is_none(), "no other protocol is spoken");
}

/// All files below, each of which must be nobody else's to read.
fn private_files(dir: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let path = entry.path();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o077, 0, "{path:?}");
        if path.is_dir() { all.extend(private_files(&path)) } else { all.push(path) }
    }
    all
}
