use super::*;
use serde_json::json;
use stillhere_model::DeliveryId;

fn spec(v: serde_json::Value) -> MailSpec {
    serde_json::from_value(v).unwrap()
}

fn written(subject: &str, text: &str, html: &str, thread: Option<&str>) -> String {
    let from = mailbox("Example Status <status@example.com>").unwrap();
    let to = [mailbox("ops@example.org").unwrap()];
    let id: DeliveryId = "0193-5e0a-7c00-7000-8000-000000000001".replace('-', "").parse().unwrap();
    let bytes = message::build(&from, &to, id, subject, text, html, thread, Time(1_764_000_000_000)).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// The header block, unfolded.
fn headers(mail: &str) -> Vec<String> {
    let block = mail.split("\r\n\r\n").next().unwrap().replace("\r\n ", " ").replace("\r\n\t", " ");
    block.split("\r\n").map(str::to_owned).collect()
}

#[test]
fn the_same_message_has_the_same_id_each_time_and_names_its_thread() {
    let mail = written("Checkout is down", "text", "<p>html</p>", Some("incident-7"));
    let headers = headers(&mail);
    for want in [
        "Message-ID: <01935e0a7c0070008000000000000001@example.com>",
        "References: <incident-7@example.com>",
        "In-Reply-To: <incident-7@example.com>",
        "Auto-Submitted: auto-generated",
        "Subject: Checkout is down",
        "MIME-Version: 1.0",
    ] {
        assert!(headers.iter().any(|h| h == want), "{want} is not in {headers:#?}");
    }
    assert!(headers.iter().any(|h| h.starts_with("Content-Type: multipart/alternative")), "{headers:#?}");
    assert!(headers.iter().any(|h| h.starts_with("Date: Mon, 24 Nov 2025 16:00:00")), "{headers:#?}");
}

#[test]
fn case_t_nothing_in_a_message_becomes_a_header() {
    let evil = "Down\r\nBcc: everyone@example.net\r\n\r\n<script>alert(1)</script>\u{202e}";
    let mail = written(evil, "a\r\n.\r\nMAIL FROM:<x@y>\r\nB\0", "<p>ok</p>", Some("x>\r\nBcc: a@b"));
    let headers = headers(&mail);
    let names: Vec<_> = headers.iter().map(|h| h.split(':').next().unwrap()).collect();
    assert!(!names.iter().any(|n| n.eq_ignore_ascii_case("bcc")), "{headers:#?}");
    assert_eq!(names.iter().filter(|n| **n == "Subject").count(), 1);
    assert!(headers.contains(&"References: <xBccab@example.com>".to_owned()), "{headers:#?}");
    assert!(!mail.contains('\0'));
}

#[test]
fn case_t_ten_megabytes_are_cut_and_every_line_fits() {
    let long = "ü".repeat(5_000_000);
    let mail = written(&long, &long, &long, None);
    assert!(mail.len() < 2_000_000, "{}", mail.len());
    assert!(mail.is_ascii());
    assert!(mail.split("\r\n").all(|l| l.len() <= 998));
    assert!(
        headers(&mail).iter().all(|h| !h.starts_with("Content-Type: multipart")),
        "the HTML part was too long"
    );
}

#[test]
fn a_subject_in_chinese_arrives_encoded() {
    let mail = written("结账服务中断", "正文", "<p>正文</p>", None);
    assert!(mail.is_ascii());
    assert!(mail.contains("Subject: =?utf-8?b?"), "{mail}");
}

#[test]
fn each_mistake_in_the_configuration_is_named() {
    let good =
        json!({ "host": "smtp.example.com", "from": "Status <s@example.com>", "to": ["a@example.com"] });
    assert_eq!(spec(good.clone()).validate(), Vec::new());
    let with = |key: &str, value: serde_json::Value| {
        let mut v = good.clone();
        v[key] = value;
        spec(v).validate().into_iter().map(|p| p.path).collect::<Vec<_>>()
    };
    assert_eq!(with("host", json!("")), ["host"]);
    assert_eq!(with("host", json!("smtp://x")), ["host"]);
    assert_eq!(with("host", json!("x:25")), ["host"]);
    assert_eq!(with("host", json!("::1")), Vec::<String>::new());
    assert_eq!(with("port", json!(0)), ["port"]);
    assert_eq!(with("from", json!("nobody")), ["from"]);
    assert_eq!(with("to", json!([])), ["to"]);
    assert_eq!(with("to", json!(["a@example.com", "b@x\r\nRCPT TO:<c@d>"])), ["to[1]"]);
    assert_eq!(with("user", json!("u")), ["password"]);
    assert_eq!(with("password", json!({ "env": "P" })), ["user"]);
    assert_eq!(with("timeout_s", json!(0)), ["timeout_s"]);
    let mut clear = good.clone();
    clear["tls"] = json!("none");
    clear["user"] = json!("u");
    clear["password"] = json!({ "env": "P" });
    assert_eq!(spec(clear).validate().into_iter().map(|p| p.path).collect::<Vec<_>>(), ["tls"]);
}
