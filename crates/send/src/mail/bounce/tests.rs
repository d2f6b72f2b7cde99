use super::*;
use proptest::prelude::*;

/// As exim 4.98 writes it.
fn report(fields: &str) -> String {
    format!(
        "Received: from x\r\nFrom: Mail Delivery System <Mailer-Daemon@mail.test>\r\n\
         To: bounces+{mark}@shop.test\r\nContent-Type: multipart/report; report-type=delivery-status;\r\n\
         \tboundary=1732387200-eximdsn-804289383\r\nMIME-Version: 1.0\r\n\r\n\
         --1732387200-eximdsn-804289383\r\nContent-type: text/plain; charset=us-ascii\r\n\r\nIt did not work.\r\n\r\n\
         --1732387200-eximdsn-804289383\r\nContent-type: message/delivery-status\r\n\r\n\
         Reporting-MTA: dns; mail.test\r\n\r\n{fields}\r\n\
         --1732387200-eximdsn-804289383\r\nContent-type: message/rfc822\r\n\r\nSubject: Shop is down\r\n\r\ntext\r\n\
         --1732387200-eximdsn-804289383--\r\n",
        mark = "a".repeat(MARK_CHARS)
    )
}

fn read(fields: &str) -> Option<Report> {
    Report::read(report(fields).as_bytes())
}

#[test]
fn only_a_report_on_the_very_mailbox_that_says_that_it_is_gone_is_one() {
    let gone = Some(Fate::Gone);
    let missed = Some(Fate::Missed);
    for (action, recipient, status, said, fate) in [
        ("failed", "ann@example.com", "5.1.1", "smtp; 550 5.1.1 no such user", gone),
        ("Failed", "ANN@example.com", "5.1.1 (bad address)", "smtp; 550 no", gone),
        ("failed", "ann@example.com", "5.2.1", "smtp; 550 account closed", gone),
        ("failed", "ann@example.com", "5.1.10", "smtp; 556 null MX", gone),
        // exim says 5.0.0 of everything; what the far server said counts.
        ("failed", "ann@example.com", "5.0.0", "smtp; 550 5.1.1 <ann@example.com>: unknown", gone),
        ("failed", "ann@example.com", "5.0.0", "smtp; 550-5.1.1 The account does not exist", gone),
        ("failed", "ann@example.com", "5.0.0", "smtp; 550 no such user", gone),
        ("failed", "ann@example.com", "5.0.0", "smtp; 550 blocked by our policy", missed),
        ("failed", "ann@example.com", "5.0.0", "smtp; 550 5.7.1 unknown sender", missed),
        ("failed", "ann@example.com", "5.0.0", "", missed),
        ("failed", "ann@example.com", "5.2.2", "smtp; 552 5.2.2 mailbox full", missed),
        ("failed", "ann@example.com", "5.7.1", "smtp; 550 5.7.1 spam", missed),
        ("failed", "ann@example.com", "4.4.7", "smtp; 451 4.7.1 greylisted", missed),
        // A status cannot be made graver by words.
        ("failed", "ann@example.com", "4.0.0", "smtp; 550 5.1.1 no such user", missed),
        // Handed on by our reader to somebody who is gone.
        ("failed", "old@example.net", "5.1.1", "smtp; 550 5.1.1 no such user", missed),
        ("delayed", "ann@example.com", "4.4.1", "smtp; 421 busy", None),
        ("delivered", "ann@example.com", "2.0.0", "", None),
        ("failed", "ann@example.com", "2.1.1", "", None),
        ("failed", "ann@example.com", "gone", "smtp; 550 5.1.1 no such user", None),
    ] {
        let fields = format!(
            "Action: {action}\r\nFinal-Recipient: rfc822;{recipient}\r\nStatus: {status}\r\nDiagnostic-Code: {said}\r\n"
        );
        assert_eq!(read(&fields).map(|r| r.fate("Ann@example.com")), fate, "{status} {said}");
    }
    let two = "Action: failed\r\nFinal-Recipient: rfc822;ann@example.com\r\nStatus: 5.1.1\r\n\r\n\
               Action: failed\r\nFinal-Recipient: rfc822;bob@example.com\r\nStatus: 5.1.1\r\n";
    assert_eq!(read(two).map(|r| r.fate("ann@example.com")), missed);
}

#[test]
fn a_report_is_read_folded_packed_and_cut_and_what_is_none_is_none() {
    let fields = "Action: failed\r\nFinal-Recipient:\r\n rfc822;\r\n ann@example.com\r\nStatus:\r\n 5.1.1\r\n\
                  Diagnostic-Code: smtp; 550 5.1.1\r\n\tno such\u{202e} user\u{7}\r\n";
    let whole = report(fields);
    let read = Report::read(whole.as_bytes()).unwrap();
    assert_eq!(read.said, "550 5.1.1 no such user");
    assert_eq!((read.fate("ann@example.com"), read.status.to_string().as_str()), (Fate::Gone, "5.1.1"));

    let plain = "Content-type: message/delivery-status\r\n\r\nReporting-MTA: dns; mail.test\r\n\r\n";
    let packed = base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        format!("Reporting-MTA: dns; mail.test\r\n\r\n{fields}"),
    );
    let head = "Content-Type: message/global-delivery-status\r\nContent-Transfer-Encoding: BASE64\r\n\r\n";
    let again = whole.replace(&format!("{plain}{fields}"), &format!("{head}{packed}\r\n"));
    assert_ne!(again, whole);
    assert_eq!(Report::read(again.as_bytes()), Some(read.clone()));
    let quoted = whole.replace(
        plain,
        &plain.replace("\r\n\r\nRep", "\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nRep"),
    );
    let quoted = quoted.replace("Action: failed", "Action: fai=\r\nl=65d");
    assert_eq!(Report::read(quoted.as_bytes()), Some(read.clone()));

    // The copy of the letter may be of any length, and bare line ends are seen, too.
    let long = whole.replace("text\r\n", &"x".repeat(2 * BOUNCE_BYTES));
    assert_eq!(Report::read(long.as_bytes()), Some(read.clone()));
    assert_eq!(Report::read(whole.replace("\r\n", "\n").as_bytes()), Some(read));

    for no in [
        whole.replace("multipart/report", "multipart/mixed"),
        whole.replace("boundary=1732387200-eximdsn-804289383", "boundary=\"\""),
        whole.replace("message/delivery-status", "text/plain"),
        "To: a@b\r\n\r\nI am on holiday. Status: 5.1.1\r\n".to_owned(),
        String::new(),
    ] {
        assert_eq!(Report::read(no.as_bytes()), None);
    }
}

#[test]
fn the_address_that_letters_come_back_to_is_checked_and_found_again_in_any_case() {
    let path: ReturnPath = "Bounces+*@Shop.test".parse().unwrap();
    let mark = "ab2".repeat(16);
    let address = path.of(&mark);
    assert_eq!(address, format!("bounces+{mark}@shop.test"));
    assert_eq!(path.mark(&address.to_uppercase()), Some(mark.clone()));
    for header in [
        format!("To: <{address}>\r\n\r\n"),
        format!("X: y\r\nTO: \"Status\" <a@b>,\r\n  <{}>\r\n\r\n", address.to_uppercase()),
        format!("Delivered-To: {address}\r\nTo: a@b\r\n\r\n"),
    ] {
        assert_eq!(path.find(header.as_bytes()), Some(mark.clone()), "{header}");
    }
    for header in [
        format!("Subject: {address}\r\n\r\n"),
        format!("\r\nTo: {address}\r\n"),
        format!("To: x{address}\r\n\r\n"),
        format!("To: {}\r\n\r\n", path.of(&mark[1..])),
        format!("To: {}{address}\r\n\r\n", "a@b, ".repeat(ADDRESSES)),
    ] {
        assert_eq!(path.find(header.as_bytes()), None, "{header}");
    }
    for bad in [
        "",
        "bounces@shop.test",
        "bounces@*.test",
        "*+*@shop.test",
        "b o+*@shop.test",
        "status-bounces-x+*@shop.test",
        "ü+*@shop.test",
        "*@",
    ] {
        assert!(bad.parse::<ReturnPath>().is_err(), "{bad}");
    }
    assert_eq!("*@bounces.shop.test".parse::<ReturnPath>().unwrap().to_string(), "*@bounces.shop.test");
}

proptest! {
    #[test]
    fn whatever_comes_is_survived_bounded_and_read_twice_the_same(
        bytes in proptest::collection::vec(any::<u8>(), 0..2_000), at in 0..1_200usize, drop in 0..200usize
    ) {
        let path: ReturnPath = "bounces+*@shop.test".parse().unwrap();
        let mut whole = report("Action: failed\r\nFinal-Recipient: rfc822;a@b.c\r\nStatus: 5.1.1\r\n").into_bytes();
        let end = (at + drop).min(whole.len());
        whole.splice(at.min(end)..end, bytes.iter().copied());
        for mail in [&bytes, &whole] {
            let report = Report::read(mail);
            prop_assert_eq!(&report, &Report::read(mail));
            if let Some(report) = report {
                prop_assert!(report.said.len() <= SAID_CHARS && !report.said.contains(['\r', '\n']));
            }
            if let Some(mark) = path.find(mail) {
                prop_assert_eq!(path.mark(&path.of(&mark)), Some(mark));
            }
        }
    }
}
