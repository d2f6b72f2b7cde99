//! What `tls` and `https` checks make of certificates and broken sessions.

use crate::server::*;
use std::net::SocketAddr;
use stillhere_model::{Finding, Observation, Outcome, Side};
use stillhere_observe::{
    Spec,
    probe::{
        http::HttpSpec,
        tls::{ClientCertificate, TlsSpec},
    },
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const NAME: &str = "www.shop.example";

fn tls(addr: SocketAddr, authority: &Authority) -> TlsSpec {
    TlsSpec {
        host: addr.ip().to_string(),
        port: addr.port(),
        ip: Default::default(),
        server_name: Some(NAME.into()),
        ca_file: Some(authority.ca_file()),
        client_certificate: None,
    }
}

fn over_https(addr: SocketAddr, authority: &Authority) -> HttpSpec {
    let mut spec = HttpSpec::get(&format!("https://{addr}/"));
    spec.tls.ca_file = Some(authority.ca_file());
    spec.tls.server_name = Some(NAME.into());
    spec
}

/// Both kinds must say the same of a certificate.
async fn both(id: &Identity, authority: &Authority) -> Observation {
    let addr = https(acceptor(id, &[], None)).await;
    let bare = look(Spec::Tls(tls(addr, authority)), PATIENT).await;
    let web = look_http(over_https(addr, authority)).await;
    let said = |o: &Observation| (o.outcome, o.side, o.finding.clone());
    assert_eq!(said(&bare), said(&web), "{bare:?} {web:?}");
    assert!(bare.phases.tls_us.is_some(), "{bare:?}");
    bare
}

#[tokio::test]
async fn the_table_of_certificates() {
    let ours = Authority::new();
    let stranger = Authority::new();
    let good = ours.issue_through(&[NAME], GOOD, (-400, 400));
    let mut no_chain = ours.issue_through(&[NAME], GOOD, (-400, 400));
    no_chain.chain.truncate(1);
    // A long ended certificate that the path does not need, as cross-signed chains have it.
    let mut crossed = ours.issue(&[NAME], GOOD);
    crossed.chain.push(stranger.issue_through(&["x.example"], GOOD, (-800, -30)).chain.remove(1));
    let table: Vec<(&str, Identity, Option<Finding>)> = vec![
        ("good", good, None),
        ("good for a wildcard", ours.issue(&["*.shop.example"], GOOD), None),
        ("an ended certificate beside the path", crossed, None),
        ("23 days left", ours.issue(&[NAME], (-10, 23)), None),
        ("10 days left", ours.issue(&[NAME], (-10, 10)), Some(Finding::TlsExpiresSoon { days: 9 })),
        (
            "the intermediate has 5 days left",
            ours.issue_through(&[NAME], GOOD, (-10, 5)),
            Some(Finding::TlsExpiresSoon { days: 4 }),
        ),
        ("expired", ours.issue(&[NAME], (-100, -3)), Some(Finding::TlsExpired { days: 3 })),
        (
            "the intermediate expired",
            ours.issue_through(&[NAME], GOOD, (-300, -7)),
            Some(Finding::TlsExpired { days: 7 }),
        ),
        ("not yet valid", ours.issue(&[NAME], (2, 90)), Some(Finding::TlsNotYetValid)),
        ("another name", ours.issue(&["mail.example"], GOOD), Some(Finding::TlsWrongName)),
        ("no name", ours.issue(&[], GOOD), Some(Finding::TlsWrongName)),
        ("another name and expired", ours.issue(&["mail.example"], (-100, -3)), Some(Finding::TlsWrongName)),
        ("self-signed", self_signed(&[NAME], GOOD), Some(Finding::TlsUntrusted)),
        ("self-signed and expired", self_signed(&[NAME], (-100, -3)), Some(Finding::TlsUntrusted)),
        ("another authority", stranger.issue(&[NAME], GOOD), Some(Finding::TlsUntrusted)),
        ("the intermediate is missing", no_chain, Some(Finding::TlsUntrusted)),
    ];
    for (what, id, finding) in table {
        let o = both(&id, &ours).await;
        let up = matches!(finding, None | Some(Finding::TlsExpiresSoon { .. }));
        let outcome = if up { Outcome::Up } else { Outcome::Down };
        assert_eq!((o.outcome, &o.finding), (outcome, &finding), "{what}: {o:?}");
        assert_eq!(o.side, (!up).then_some(Side::Target), "{what}");
        if what.ends_with("and expired") {
            assert!(o.detail.as_ref().unwrap().contains("also expired"), "{what}: {o:?}");
        }
    }
}

#[tokio::test]
async fn an_untrusted_server_is_told_nothing() {
    let ours = Authority::new();
    let (sent, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let acceptor = acceptor(&self_signed(&[NAME], GOOD), &[], None);
    let addr = serve(move |tcp, _| {
        let (acceptor, sent) = (acceptor.clone(), sent.clone());
        async move {
            let mut s = acceptor.accept(tcp).await.unwrap();
            sent.send(request(&mut s).await).unwrap();
        }
    })
    .await;
    assert_down(&look_http(over_https(addr, &ours)).await, Side::Target, Finding::TlsUntrusted);
    assert_eq!(heard.recv().await.unwrap(), "");
    // Unless the operator says so.
    let mut spec = over_https(addr, &ours);
    spec.tls = Default::default();
    spec.tls.insecure = true;
    let o = look_http(spec).await;
    assert_eq!(o.finding, Some(Finding::ClosedEarly), "the server only listens: {o:?}");
    assert!(heard.recv().await.unwrap().starts_with("GET / HTTP/1.1\r\n"));
}

#[tokio::test]
async fn addresses_can_be_names_and_conditions_see_the_certificate() {
    let ours = Authority::new();
    let addr = https(acceptor(&ours.issue(&[NAME, "127.0.0.1"], (-1, 100)), &[], None)).await;
    let mut spec = tls(addr, &ours);
    spec.server_name = None;
    let conditions = [
        "certificate_days == 99 && tls_version == 'TLSv1_3' && tls_ms >= 0",
        "'www.shop.example' in certificate_names && '127.0.0.1' in certificate_names",
        "certificate_issuer.contains('Test CA')",
    ];
    let r = report(Spec::Tls(spec), PATIENT, &conditions).await;
    assert_up(&r.observation);
    assert_eq!(r.report.certificate.unwrap().length(), 1);
    let o =
        report(Spec::Http(over_https(addr, &ours)), PATIENT, &["certificate_days > 200"]).await.observation;
    assert!(matches!(o.finding, Some(Finding::ConditionFailed { .. })), "{o:?}");
}

#[tokio::test]
async fn a_client_certificate_is_shown_when_asked_for() {
    let ours = Authority::new();
    let addr = https(acceptor(&ours.issue(&[NAME], GOOD), &[], Some(&ours))).await;
    let o = look_http(over_https(addr, &ours)).await;
    assert_down(&o, Side::Target, Finding::TlsHandshake);
    let (cert_file, key_file) = ours.files(&ours.issue(&["client.example"], GOOD));
    let mut spec = over_https(addr, &ours);
    spec.tls.client_certificate = Some(ClientCertificate { cert_file, key_file });
    assert_up(&look_http(spec).await);
}

#[tokio::test]
async fn what_is_no_tls_is_said_to_be_none() {
    let ours = Authority::new();
    for (what, bytes) in [
        ("plain HTTP", &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..]),
        ("noise", &[0xff; 5000]),
        ("a record that is too long", b"\x16\x03\x03\xff\xff\0\0\0\0"),
        ("a hello that is none", b"\x16\x03\x03\0\x04\x02\0\0\0"),
        ("an alert", b"\x15\x03\x03\0\x02\x02\x28"),
        ("nothing", b""),
    ] {
        let bytes = bytes.to_vec();
        let addr = serve(move |mut s, _| {
            let bytes = bytes.clone();
            async move {
                let mut hello = [0; 4096];
                let _ = s.read(&mut hello).await;
                let _ = s.write_all(&bytes).await;
            }
        })
        .await;
        let o = look(Spec::Tls(tls(addr, &ours)), PATIENT).await;
        assert_eq!((o.side, o.finding), (Some(Side::Target), Some(Finding::TlsHandshake)), "{what}");
        let o = look_http(over_https(addr, &ours)).await;
        assert_eq!((o.side, o.finding), (Some(Side::Target), Some(Finding::TlsHandshake)), "{what}");
    }
    let silent = serve(|s, _| async move {
        std::future::pending::<()>().await;
        drop(s);
    })
    .await;
    let o = look(Spec::Tls(tls(silent, &ours)), BRIEF).await;
    assert_down(&o, Side::Target, Finding::TlsTimeout { timeout_ms: 300 });
}

#[tokio::test]
async fn a_certificate_that_is_replaced_is_seen_at_the_next_look() {
    let ours = Authority::new();
    let good = acceptor(&ours.issue(&[NAME], GOOD), &[], None);
    let bad = acceptor(&ours.issue(&["mail.example"], GOOD), &[], None);
    let addr = serve(move |tcp, n| {
        let acceptor = if n < 2 { good.clone() } else { bad.clone() };
        async move {
            let _ = acceptor.accept(tcp).await;
        }
    })
    .await;
    let check = stillhere_observe::CheckSpec {
        id: "a/b".into(),
        spec: Spec::Tls(tls(addr, &ours)),
        timeout: PATIENT,
        slow_over: None,
        conditions: vec![],
        vantage: "core".into(),
    };
    let shared = stillhere_observe::Shared::new(stillhere_net::clock::Clock::start());
    let probe = stillhere_observe::Probe::new(&check, &shared).unwrap();
    assert_up(&probe.look(false).await);
    assert_up(&probe.look(false).await);
    assert_down(&probe.look(false).await, Side::Target, Finding::TlsWrongName);
}

#[test]
fn files_that_cannot_be_used_are_problems_of_their_key() {
    let dir = tempfile::tempdir().unwrap();
    let empty = dir.path().join("empty.pem");
    std::fs::write(&empty, "no certificate").unwrap();
    let shared = stillhere_observe::Shared::new(stillhere_net::clock::Clock::start());
    for (file, expected) in [(dir.path().join("none.pem"), "cannot read"), (empty, "no PEM certificate")] {
        let mut spec = HttpSpec::get("https://127.0.0.1/");
        spec.tls.ca_file = Some(file);
        let check = stillhere_observe::CheckSpec {
            id: "a/b".into(),
            spec: Spec::Http(spec),
            timeout: PATIENT,
            slow_over: None,
            conditions: vec![],
            vantage: "core".into(),
        };
        let problem = stillhere_observe::Probe::new(&check, &shared).unwrap_err();
        assert_eq!(problem.path, "tls.ca_file");
        assert!(problem.problem.contains(expected), "{problem:?}");
    }
}
