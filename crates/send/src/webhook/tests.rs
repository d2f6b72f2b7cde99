use super::*;

fn answered(status: u16, retry_after: Option<&str>, body: &str) -> Answered {
    Answered { status, retry_after: retry_after.map(str::to_owned), body: body.as_bytes().to_vec() }
}

fn spec(toml_like: serde_json::Value) -> WebhookSpec {
    serde_json::from_value(toml_like).unwrap()
}

#[test]
fn only_2xx_is_taken_and_only_410_is_final() {
    let now = Time(0);
    for status in [200, 201, 202, 204, 299] {
        assert!(matches!(judge(&answered(status, None, ""), now), Receipt::Accepted { .. }), "{status}");
    }
    for status in [301, 302, 307, 400, 401, 403, 404, 408, 429, 500, 502, 503, 504] {
        assert!(matches!(judge(&answered(status, None, ""), now), Receipt::Deferred { .. }), "{status}");
    }
    assert!(matches!(judge(&answered(410, None, ""), now), Receipt::Refused { .. }));
}

#[test]
fn retry_after_is_read_as_seconds_and_as_a_date() {
    let now = Time::parse("2026-11-22T10:00:00Z").unwrap();
    assert_eq!(retry_after("120", now), Some(120_000));
    assert_eq!(retry_after("Sun, 22 Nov 2026 10:01:30 GMT", now), Some(90_000));
    assert_eq!(retry_after("Sun, 22 Nov 2026 09:00:00 GMT", now), Some(0));
    assert_eq!(retry_after("soon", now), None);
}

#[test]
fn case_t_what_the_far_side_answers_becomes_one_bounded_line() {
    let body = format!("<b>no</b>\r\n\u{202e}{}", "x".repeat(10_000));
    let Receipt::Deferred { reason, .. } = judge(&answered(500, None, &body), Time(0)) else { panic!() };
    assert!(reason.len() <= REASON_MAX && !reason.contains(['\r', '\n', '\u{202e}']), "{reason}");
    let Receipt::Accepted { proof } = judge(&answered(200, None, &body), Time(0)) else { panic!() };
    assert!(proof.len() <= PROOF_MAX && proof.starts_with("HTTP 200 <b>no</b> x"), "{proof}");
}

#[test]
fn each_mistake_in_the_configuration_is_named() {
    let good =
        spec(serde_json::json!({ "url": "https://example.com/hook", "headers": { "X-Tenant": "shop" } }));
    assert_eq!(good.validate(), Vec::new());
    for (bad, path) in [
        (serde_json::json!({ "url": "example.com/hook" }), "url"),
        (serde_json::json!({ "url": "ftp://example.com/" }), "url"),
        (serde_json::json!({ "url": "https://u:p@example.com/" }), "url"),
        (
            serde_json::json!({ "url": "https://e.com/", "headers": { "Content-Length": "1" } }),
            "headers.Content-Length",
        ),
        (
            serde_json::json!({ "url": "https://e.com/", "headers": { "Webhook-Id": "1" } }),
            "headers.Webhook-Id",
        ),
        (serde_json::json!({ "url": "https://e.com/", "headers": { "X-A": "b\r\nC: d" } }), "headers.X-A"),
        (serde_json::json!({ "url": "https://e.com/", "timeout_s": 0 }), "timeout_s"),
        (serde_json::json!({ "url": "https://e.com/", "timeout_s": 31 }), "timeout_s"),
        (
            serde_json::json!({ "url": "https://e.com/", "token": { "env": "T" }, "headers": { "authorization": "x" } }),
            "token",
        ),
    ] {
        let problems = spec(bad.clone()).validate();
        assert_eq!(problems.iter().map(|p| p.path.as_str()).collect::<Vec<_>>(), [path], "{bad}");
    }
    assert!(
        serde_json::from_value::<WebhookSpec>(serde_json::json!({ "url": "https://e.com/", "uri": 1 }))
            .is_err()
    );
}
