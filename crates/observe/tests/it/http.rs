//! What an `http` check makes of answers.

use crate::server::*;
use std::time::Duration;
use stillhere_model::{Finding, Outcome, Side};
use stillhere_net::SecretSource;
use stillhere_observe::{
    CheckSpec, Probe, Shared, Spec,
    probe::http::{Auth, Body, BodyFile, HeaderText, StatusRange, Statuses},
};
use tokio::io::AsyncWriteExt as _;

fn repeat(start: &str, piece: &str, times: usize) -> String {
    format!("{start}{}", piece.repeat(times))
}

#[tokio::test]
async fn the_table_of_answers() {
    let malformed = Some(Finding::MalformedAnswer);
    let closed = Some(Finding::ClosedEarly);
    let status = |status| Some(Finding::HttpStatus { status });
    let table: Vec<(&str, String, Option<Finding>)> = vec![
        ("a body of known length", ok("hello"), None),
        ("no body", "HTTP/1.1 204 No Content\r\n\r\n".into(), None),
        (
            "a chunked body",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n".into(),
            None,
        ),
        ("a body that ends with the connection", "HTTP/1.1 200 OK\r\n\r\nhello".into(), None),
        ("HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nhello".into(), None),
        ("no reason phrase", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n".into(), None),
        ("bare line feeds", "HTTP/1.1 200 OK\nContent-Length: 2\n\nhi".into(), None),
        ("a folded header line", "HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 0\r\n\r\n".into(), None),
        (
            "a header that is none",
            "HTTP/1.1 200 OK\r\nno colon here\r\nContent-Length: 0\r\n\r\n".into(),
            None,
        ),
        ("early hints", format!("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n{}", ok("")), None),
        ("more than was announced", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi and more".into(), None),
        ("the same length twice", "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nhi".into(), None),
        ("an error", "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n".into(), status(500)),
        ("a status nobody knows", "HTTP/1.1 799 What\r\nContent-Length: 0\r\n\r\n".into(), status(799)),
        ("another protocol", "SSH-2.0-OpenSSH_9.2\r\n".into(), malformed.clone()),
        ("noise", "\0\u{1}\u{2}garbage".into(), malformed.clone()),
        ("a status that is no number", "HTTP/1.1 abc OK\r\n\r\n".into(), malformed.clone()),
        ("a status too low", "HTTP/1.1 099 OK\r\n\r\n".into(), malformed.clone()),
        ("an unknown version", "HTTP/9.9 200 OK\r\n\r\n".into(), malformed.clone()),
        ("a switch of protocols", "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n".into(), malformed.clone()),
        ("an endless header", repeat("HTTP/1.1 200 OK\r\nX: ", "y", 200_000), malformed.clone()),
        ("endless headers", repeat("HTTP/1.1 200 OK\r\n", "X: y\r\n", 50_000), malformed.clone()),
        ("too many headers", repeat("HTTP/1.1 200 OK\r\n", "X: y\r\n", 200) + "\r\n", malformed.clone()),
        ("endless hints", repeat("", "HTTP/1.1 103 Early Hints\r\n\r\n", 100), malformed.clone()),
        (
            "two lengths",
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi".into(),
            malformed.clone(),
        ),
        (
            "a length that is no number",
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nhi".into(),
            malformed.clone(),
        ),
        (
            "a length without end",
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n".into(),
            malformed.clone(),
        ),
        (
            "a bad chunk",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".into(),
            malformed.clone(),
        ),
        ("nothing", String::new(), closed.clone()),
        ("half a head", "HTTP/1.1 200 OK\r\nContent-".into(), closed.clone()),
        ("half a body", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhi".into(), closed.clone()),
        (
            "half a chunk",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe".into(),
            closed.clone(),
        ),
        ("no last chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n".into(), closed),
    ];
    for (what, answer, finding) in table {
        let o = look_http(get(answers(answer).await)).await;
        let outcome = if finding.is_none() { Outcome::Up } else { Outcome::Down };
        assert_eq!((o.outcome, &o.finding), (outcome, &finding), "{what}: {o:?}");
        assert_eq!(o.side, finding.map(|_| Side::Target), "{what}");
    }
}

#[tokio::test]
async fn every_phase_that_took_place_is_timed_and_no_other() {
    let report = report(Spec::Http(get(answers(ok("hello")).await)), PATIENT, &[]).await;
    let p = report.observation.phases;
    assert!(p.connect_us.is_some() && p.first_byte_us.is_some() && p.body_us.is_some(), "{p:?}");
    assert_eq!((p.dns_us, p.tls_us), (None, None));
    let sum = p.connect_us.unwrap() + p.first_byte_us.unwrap() + p.body_us.unwrap();
    assert!(sum <= report.observation.total_us, "{p:?}");
    assert_eq!(
        (report.report.status, report.report.http_version, report.report.body_bytes),
        (Some(200), Some("HTTP/1.1"), Some(5))
    );
    assert!(report.remote.unwrap().ip().is_loopback());
}

#[tokio::test]
async fn time_that_runs_out_is_blamed_on_the_phase_it_ran_out_in() {
    let silent = serve(|mut s, _| async move {
        request(&mut s).await;
        std::future::pending::<()>().await;
    })
    .await;
    let drips = serve(|mut s, _| async move {
        request(&mut s).await;
        for b in b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n".iter().chain([b'x'; 1000].iter()) {
            let _ = s.write_all(&[*b]).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let timeout_ms = 300;
    let o = look(Spec::Http(get(silent)), BRIEF).await;
    assert_down(&o, Side::Target, Finding::FirstByteTimeout { timeout_ms });
    let o = look(Spec::Http(get(drips)), BRIEF).await;
    assert_down(&o, Side::Target, Finding::BodyTimeout { timeout_ms });
}

#[tokio::test]
async fn a_target_that_takes_no_connection_is_not_there() {
    // Nobody accepts and the queue is full: the kernel drops what comes, as a firewall does.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&"127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap().into()).unwrap();
    socket.listen(0).unwrap();
    let addr = socket.local_addr().unwrap().as_socket().unwrap();
    let mut queue = Vec::new();
    while let Ok(Ok(s)) = tokio::time::timeout(BRIEF, tokio::net::TcpStream::connect(addr)).await {
        queue.push(s);
    }
    let o = look(Spec::Http(get(addr)), BRIEF).await;
    assert_down(&o, Side::Path, Finding::ConnectTimeout { timeout_ms: 300 });

    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    assert_down(&look_http(get(closed)).await, Side::Target, Finding::ConnectRefused);

    let resets = serve(|mut s, _| async move {
        request(&mut s).await;
        s.set_zero_linger().unwrap();
    })
    .await;
    assert_down(&look_http(get(resets)).await, Side::Target, Finding::ConnectReset);
}

#[tokio::test]
async fn an_endless_body_is_read_to_the_limit_and_no_further() {
    let endless = serve(|mut s, _| async move {
        request(&mut s).await;
        let _ = s.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        while s.write_all(&[b'x'; 8192]).await.is_ok() {}
    })
    .await;
    let mut spec = get(endless);
    spec.max_body_bytes = 100_000;
    let r = report(Spec::Http(spec.clone()), PATIENT, &[]).await;
    assert_up(&r.observation);
    assert_eq!(r.report.body_bytes, Some(100_000));
    // What cannot be told from the part that was read is not claimed.
    let too_large = Finding::BodyTooLarge { limit_bytes: 100_000 };
    spec.contains = Some("needle".into());
    assert_down(&look_http(spec.clone()).await, Side::Target, too_large.clone());
    spec.contains = None;
    spec.not_contains = Some("needle".into());
    assert_down(&look_http(spec.clone()).await, Side::Target, too_large);
    spec.not_contains = Some("xxxx".into());
    let o = look_http(spec).await;
    assert!(matches!(o.finding, Some(Finding::ConditionFailed { .. })), "{o:?}");
}

#[tokio::test]
async fn a_server_that_answers_before_it_was_told_everything_is_heard() {
    let addr = serve(|mut s, _| async move {
        let _ = s.write_all(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n").await;
    })
    .await;
    let mut spec = get(addr);
    spec.method = "POST".into();
    spec.body = Some(Body::Text("x".repeat(1000)));
    let o = look_http(spec).await;
    // The kernel may have thrown the answer away with the connection; then it was reset, never anything else.
    let heard = [Finding::HttpStatus { status: 413 }, Finding::ConnectReset];
    assert!(heard.contains(o.finding.as_ref().unwrap()), "{o:?}");
    assert_eq!(o.side, Some(Side::Target));
}

#[tokio::test]
async fn texts_and_statuses_are_judged() {
    let addr = answers(*b"HTTP/1.1 404 No\r\nContent-Length: 18\r\n\r\nall systems go \xff\xfe ").await;
    let with = |f: &dyn Fn(&mut stillhere_observe::probe::http::HttpSpec)| {
        let mut spec = get(addr);
        spec.status = Statuses(vec![StatusRange::One(204), StatusRange::Range("400-410".into())]);
        f(&mut spec);
        spec
    };
    assert_up(&look_http(with(&|_| {})).await);
    assert_up(&look_http(with(&|s| s.contains = Some("systems go".into()))).await);
    assert_up(&look_http(with(&|s| s.not_contains = Some("failure".into()))).await);
    let o = look_http(with(&|s| s.contains = Some("offline".into()))).await;
    assert_down(
        &o,
        Side::Target,
        Finding::ConditionFailed {
            condition: "the body contains \"offline\"".into(),
            actual: "18 bytes without it".into(),
        },
    );
    assert!(o.detail.unwrap().contains("all systems go"), "the operator sees what was said");
    let o = look_http(with(&|s| s.not_contains = Some("systems".into()))).await;
    assert!(matches!(o.finding, Some(Finding::ConditionFailed { .. })), "{o:?}");
    let o = look_http(with(&|s| s.status = Statuses::default())).await;
    assert_down(&o, Side::Target, Finding::HttpStatus { status: 404 });
}

#[tokio::test]
async fn conditions_see_every_documented_name() {
    let addr = answers(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-A: b\r\nContent-Length: 24\r\n\r\n{\"queue\": 3, \"ok\": true}",
    )
    .await;
    let spec = || Spec::Http(get(addr));
    let good = [
        "status == 200 && http_version == 'HTTP/1.1' && redirects == 0 && body_bytes == 24",
        "headers['content-type'] == 'application/json' && headers['x-a'] == 'b'",
        "json.queue == 3 && json.ok && body.contains('queue')",
        "connect_ms >= 0 && first_byte_ms >= 0 && body_ms >= 0 && total_ms < 10000",
        "dns_ms == null && tls_ms == null && certificate_days == null",
        "url.startsWith('http://127.0.0.1:')",
    ];
    assert_up(&report(spec(), PATIENT, &good).await.observation);
    let o = report(spec(), PATIENT, &["status == 200", "json.queue < 3"]).await.observation;
    match &o.finding {
        Some(Finding::ConditionFailed { condition, actual }) => {
            assert_eq!(condition, "json.queue < 3");
            assert!(actual.contains("json.queue = 3"), "{actual}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!((o.outcome, o.side), (Outcome::Down, Some(Side::Target)));
}

#[tokio::test]
async fn the_request_says_what_was_configured_and_secrets_show_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let (sent, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let addr = answers_with(move |request| {
        sent.send(request.to_owned()).unwrap();
        ok("")
    })
    .await;
    let mut spec = get(addr);
    spec.url = format!("http://{addr}/a/b?c=d#not-sent");
    spec.method = "POST".into();
    spec.body = Some(Body::File(BodyFile { file: file("body", "hello") }));
    spec.headers.insert("X-Plain".into(), HeaderText::Plain("yes".into()));
    spec.headers.insert("X-Key".into(), HeaderText::Secret(SecretSource::File(file("key", "s3cret\n"))));
    spec.headers.insert("User-Agent".into(), HeaderText::Plain("mine".into()));
    spec.auth = Some(Auth::Basic { user: "ann".into(), password: SecretSource::File(file("pw", "hunter2")) });
    let check = CheckSpec {
        id: "a/b".into(),
        spec: Spec::Http(spec.clone()),
        timeout: PATIENT,
        slow_over: None,
        conditions: vec![],
        vantage: "core".into(),
    };
    let probe = Probe::new(&check, &Shared::new(stillhere_net::clock::Clock::start())).unwrap();
    let o = probe.look(true).await;
    assert_up(&o);
    assert!(o.recheck);
    assert_eq!(
        seen.recv().await.unwrap(),
        format!(
            "POST /a/b?c=d HTTP/1.1\r\nHost: {addr}\r\nAccept: */*\r\nAccept-Encoding: identity\r\n\
             User-Agent: mine\r\nX-Key: s3cret\r\nX-Plain: yes\r\nAuthorization: Basic YW5uOmh1bnRlcjI=\r\n\
             Content-Length: 5\r\nConnection: close\r\n\r\nhello"
        )
    );
    for printed in [format!("{probe:?} {check:?} {o:?}")] {
        for secret in ["hunter2", "s3cret", "YW5u"] {
            assert!(!printed.contains(secret), "{printed}");
        }
    }
    spec.auth = Some(Auth::Bearer(SecretSource::File(file("token", "abc"))));
    spec.body = None;
    spec.method = "HEAD".into();
    spec.headers.clear();
    spec.headers.insert("host".into(), HeaderText::Plain("shop.example".into()));
    assert_up(&look_http(spec).await);
    let request = seen.recv().await.unwrap();
    assert!(
        request.starts_with("HEAD /a/b?c=d HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: stillhere/"),
        "{request}"
    );
    assert!(request.contains("\r\nAuthorization: Bearer abc\r\n"), "{request}");
    assert!(!request.contains(&addr.to_string()), "{request}");
}

#[tokio::test]
async fn slow_is_said_with_the_limit() {
    let addr = serve(|mut s, _| async move {
        request(&mut s).await;
        tokio::time::sleep(Duration::from_millis(60)).await;
        let _ = s.write_all(ok("").as_bytes()).await;
    })
    .await;
    let check = CheckSpec {
        id: "a/b".into(),
        spec: Spec::Http(get(addr)),
        timeout: PATIENT,
        slow_over: Some(Duration::from_millis(50)),
        conditions: vec![],
        vantage: "core".into(),
    };
    let o = Probe::new(&check, &Shared::new(stillhere_net::clock::Clock::start())).unwrap().look(false).await;
    assert_eq!((o.outcome, o.side), (Outcome::Slow, None));
    assert!(matches!(o.finding, Some(Finding::Slow { took_ms: 60.., limit_ms: 50 })), "{o:?}");
}

#[test]
fn what_cannot_be_asked_is_refused_with_its_key() {
    let table: Vec<(&str, &str, &str)> = vec![
        (r#"{"url": "example.org"}"#, "url", "this is not a URL: relative URL without a base"),
        (r#"{"url": "ftp://example.org"}"#, "url", "the scheme is \"ftp\", not http or https"),
        (r#"{"url": "http://ann:pw@example.org"}"#, "url", "the URL holds a user name or password"),
        (r#"{"url": "http://127.0.0.1", "ip": "6"}"#, "ip", "127.0.0.1 is not an address of this family"),
        (
            r#"{"url": "http://a", "method": "get"}"#,
            "method",
            "methods are written in capitals: get is not GET",
        ),
        (r#"{"url": "http://a", "method": "G T"}"#, "method", "this is not a method"),
        (r#"{"url": "http://a", "status": []}"#, "status", "no status would be good"),
        (r#"{"url": "http://a", "status": ["2xx"]}"#, "status", "2xx is neither a status nor a range"),
        (
            r#"{"url": "http://a", "status": ["300-200"]}"#,
            "status",
            "300-200 is neither a status nor a range",
        ),
        (r#"{"url": "http://a", "contains": ""}"#, "contains", "it is empty"),
        (
            r#"{"url": "http://a", "method": "HEAD", "contains": "x"}"#,
            "contains",
            "the answer to HEAD has no body",
        ),
        (r#"{"url": "http://a", "headers": {"a b": "c"}}"#, "headers.a b", "this is not a header's name"),
        (
            r#"{"url": "http://a", "headers": {"X": "a\r\nb: c"}}"#,
            "headers.X",
            "a header's value is one line of printable ASCII",
        ),
        (
            r#"{"url": "http://a", "headers": {"Connection": "x"}}"#,
            "headers.Connection",
            "this header belongs to the connection and is not for you to set",
        ),
        (r#"{"url": "http://a", "redirects": 99}"#, "redirects", "at most 20 can be followed"),
        (r#"{"url": "http://a", "max_body_bytes": 0}"#, "max_body_bytes", "it must be from 1 to 67108864"),
        (r#"{"url": "http://a", "tls": {"insecure": true}}"#, "tls", "the URL is not https"),
        (
            r#"{"url": "http://a", "proxy": {"url": "https://p"}}"#,
            "proxy.url",
            "a proxy is spoken to in plain HTTP",
        ),
    ];
    for (json, path, problem) in table {
        let spec: stillhere_observe::probe::http::HttpSpec = serde_json::from_str(json).unwrap();
        let problems = spec.validate();
        assert_eq!(
            problems.iter().map(|p| (p.path.as_str(), p.problem.as_str())).collect::<Vec<_>>(),
            [(path, problem)]
        );
    }
    let unknown = serde_json::from_str::<stillhere_observe::probe::http::HttpSpec>(
        r#"{"url": "http://a", "uri": "b"}"#,
    );
    assert!(unknown.unwrap_err().to_string().contains("unknown field `uri`"));
}
