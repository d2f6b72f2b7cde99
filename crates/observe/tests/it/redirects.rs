//! Where an answer may send us, and what is told there.

use crate::server::*;
use std::net::SocketAddr;
use stillhere_model::{Finding, Side};
use stillhere_net::SecretSource;
use stillhere_observe::{
    Spec,
    probe::http::{Auth, Body, HeaderText, HttpSpec, StatusRange, Statuses},
};

fn to(status: u16, location: &str) -> String {
    format!("HTTP/1.1 {status} Go\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")
}

async fn led(status: u16, location: &str) -> HttpSpec {
    get(answers(to(status, location)).await)
}

#[tokio::test]
async fn redirects_are_followed_and_every_hop_is_timed() {
    let addr = answers_with(|request| match request.split(' ').nth(1).unwrap() {
        "/" => to(302, "/second?x=1#frag"),
        "/second?x=1" => to(301, "third"),
        "/third" => ok("here"),
        other => panic!("{other}"),
    })
    .await;
    let mut spec = get(addr);
    spec.contains = Some("here".into());
    let r = report(Spec::Http(spec), PATIENT, &["redirects == 2 && url.endsWith('/third')"]).await;
    assert_up(&r.observation);
    // Without the query, which may hold a secret.
    assert_eq!(r.report.redirects, [format!("http://{addr}/second"), format!("http://{addr}/third")]);
}

#[tokio::test]
async fn a_circle_ends_and_none_is_followed_unasked() {
    let addr = answers_with(|_| to(302, "/")).await;
    assert_down(&look_http(get(addr)).await, Side::Target, Finding::TooManyRedirects { limit: 10 });
    let mut spec = get(addr);
    spec.redirects = 2;
    assert_down(&look_http(spec.clone()).await, Side::Target, Finding::TooManyRedirects { limit: 2 });
    spec.redirects = 0;
    assert_down(&look_http(spec.clone()).await, Side::Target, Finding::HttpStatus { status: 302 });
    spec.status = Statuses(vec![StatusRange::One(302)]);
    assert_up(&look_http(spec).await);
}

#[tokio::test]
async fn a_target_cannot_lead_us_where_it_must_not() {
    for location in [
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "http://user:pw@127.0.0.1/",
        "http://",
        "http://169.254.169.254/latest/meta-data/",
        "http://[fd00:ec2::254]/",
        "http://[::ffff:169.254.169.254]/",
        "http://0.0.0.0/",
    ] {
        assert_down(&look_http(led(302, location).await).await, Side::Target, Finding::RedirectRefused);
    }
}

#[tokio::test]
async fn what_is_meant_for_one_origin_is_not_told_to_another() {
    let dir = tempfile::tempdir().unwrap();
    let token = dir.path().join("token");
    std::fs::write(&token, "abc").unwrap();
    let (sent, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let other = {
        let sent = sent.clone();
        answers_with(move |request| {
            sent.send(request.to_owned()).unwrap();
            ok("")
        })
        .await
    };
    let first = answers_with(move |request| {
        sent.send(request.to_owned()).unwrap();
        if request.starts_with("GET / ") { to(307, "/again") } else { to(307, &format!("http://{other}/")) }
    })
    .await;
    let mut spec = get(first);
    spec.auth = Some(Auth::Bearer(SecretSource::File(token)));
    spec.headers.insert("X-Key".into(), HeaderText::Plain("k".into()));
    assert_up(&look_http(spec).await);
    for (told, secret) in [("GET / ", true), ("GET /again ", true), ("GET / ", false)] {
        let request = seen.recv().await.unwrap();
        assert!(request.starts_with(told), "{request}");
        assert_eq!(request.contains("Authorization: Bearer abc"), secret, "{request}");
        assert_eq!(request.contains("X-Key"), secret, "{request}");
    }
}

#[tokio::test]
async fn methods_change_as_in_browsers() {
    async fn second_request(status: u16, elsewhere: Option<SocketAddr>) -> (Option<Finding>, Option<String>) {
        let (sent, mut seen) = tokio::sync::mpsc::unbounded_channel();
        let addr = answers_with(move |request| {
            sent.send(request.to_owned()).unwrap();
            match request.split(' ').nth(1).unwrap() {
                "/" => to(status, &elsewhere.map_or("/next".to_owned(), |a| format!("http://{a}/"))),
                _ => ok(""),
            }
        })
        .await;
        let mut spec = get(addr);
        spec.method = "POST".into();
        spec.body = Some(Body::Text("payload".into()));
        let o = look_http(spec).await;
        seen.try_recv().unwrap();
        (o.finding, seen.try_recv().ok())
    }
    for status in [301, 302, 303] {
        let (finding, request) = second_request(status, None).await;
        let request = request.unwrap();
        assert_eq!(finding, None);
        assert!(request.starts_with("GET /next ") && !request.contains("payload"), "{status}: {request}");
    }
    for status in [307, 308] {
        let (finding, request) = second_request(status, None).await;
        let request = request.unwrap();
        assert_eq!(finding, None);
        assert!(request.starts_with("POST /next ") && request.ends_with("payload"), "{status}: {request}");
        let other = answers(ok("")).await;
        assert_eq!(second_request(status, Some(other)).await, (Some(Finding::RedirectRefused), None));
    }
}
