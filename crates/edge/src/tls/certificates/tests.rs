use super::*;

fn spec(certificates: Vec<CertificateSpec>) -> TlsSpec {
    TlsSpec { listen: "127.0.0.1:8443".parse().expect("an address"), certificates, acme: None }
}

fn make(names: &[&str]) -> (String, String) {
    let made = rcgen::generate_simple_self_signed(names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>())
        .expect("a certificate");
    (made.cert.pem(), made.signing_key.serialize_pem())
}

fn written(dir: &std::path::Path, names: &[&str]) -> CertificateSpec {
    let (certificate, key) = make(names);
    let spec = CertificateSpec {
        certificate: dir.join(format!("{}.pem", names[0].replace('*', "star"))),
        key: dir.join(format!("{}.key", names[0].replace('*', "star"))),
    };
    std::fs::write(&spec.certificate, certificate).expect("written");
    std::fs::write(&spec.key, key).expect("written");
    spec
}

#[test]
fn the_certificate_whose_name_fits_is_shown_and_the_first_to_everybody_else() {
    let dir = tempfile::tempdir().expect("a folder");
    let certificates = ["shop.test", "*.wild.test"].map(|n| written(dir.path(), &[n]));
    let spec = spec(certificates.to_vec());
    let read = spec.read().expect("good files");
    let all = Certificates::new(Arc::default());
    assert!(all.find(Some("shop.test")).is_none());
    all.configure(&spec).expect("good files");
    for (asked, which) in [
        (Some("SHOP.test"), 0),
        (Some("a.wild.test"), 1),
        (Some("a.b.wild.test"), 0),
        (Some("wild.test"), 0),
        (None, 0),
    ] {
        let found = all.find(asked).expect("one of them");
        assert_eq!(found.cert, read[which].cert, "{asked:?}");
    }
}

#[test]
fn files_that_do_not_belong_together_or_are_none_are_said_with_their_place() {
    let dir = tempfile::tempdir().expect("a folder");
    let (a, b) = (written(dir.path(), &["a.test"]), written(dir.path(), &["b.test"]));
    let mixed = CertificateSpec { certificate: a.certificate.clone(), key: b.key };
    let missing = CertificateSpec { certificate: dir.path().join("none"), key: a.key.clone() };
    let swapped = CertificateSpec { certificate: a.key, key: a.certificate };
    let spec = spec(vec![mixed, missing, swapped]);
    let found = spec.read().expect_err("all wrong");
    let paths: Vec<&str> = found.iter().map(|p| p.path.as_str()).collect();
    assert_eq!(paths, ["certificates[0].key", "certificates[1].certificate", "certificates[2].certificate"]);
}

#[test]
fn files_that_change_are_read_again_and_a_half_written_pair_keeps_the_old_one() {
    let dir = tempfile::tempdir().expect("a folder");
    let spec = spec(vec![written(dir.path(), &["shop.test"])]);
    let all = Certificates::new(Arc::default());
    all.configure(&spec).expect("good files");
    let first = all.find(None).expect("the first").cert.clone();
    let shown = || all.find(None).expect("one").cert.clone();
    all.look();
    assert_eq!(shown(), first, "nothing has changed");

    let (certificate, key) = make(&["shop.test"]);
    std::fs::write(&spec.certificates[0].certificate, &certificate[..certificate.len() / 2])
        .expect("written");
    all.look();
    assert_eq!(shown(), first, "half a file");
    std::fs::write(&spec.certificates[0].certificate, &certificate).expect("written");
    all.look();
    assert_eq!(shown(), first, "the key is still the old one");
    assert!(
        all.views()[0].trouble.as_deref().is_some_and(|t| t.contains("not the key")),
        "{:?}",
        all.views()
    );
    std::fs::write(&spec.certificates[0].key, &key).expect("written");
    all.look();
    assert_ne!(shown(), first, "both are new");
    assert_eq!(all.views()[0].trouble, None);

    std::fs::remove_file(&spec.certificates[0].key).expect("removed");
    let second = shown();
    all.look();
    assert_eq!(shown(), second, "a file that has gone");
}
