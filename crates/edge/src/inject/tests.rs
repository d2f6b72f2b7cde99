use super::*;
use http::Request;
use http_body_util::BodyExt as _;

fn parts(method: Method, headers: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder().method(method).uri("/");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

#[test]
fn only_who_goes_to_a_page_gets_the_tag() {
    let html = ("accept", "text/html,*/*;q=0.8");
    for (wanted, method, headers) in [
        (true, Method::GET, vec![html]),
        (true, Method::GET, vec![("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document"), html]),
        (false, Method::GET, vec![("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty"), html]),
        (false, Method::GET, vec![("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe"), html]),
        (false, Method::GET, vec![("accept", "*/*")]),
        (false, Method::GET, vec![html, ("range", "bytes=0-9")]),
        (false, Method::HEAD, vec![html]),
        (false, Method::POST, vec![html]),
    ] {
        let mut parts = parts(method, &headers);
        parts.headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("br, gzip"));
        assert_eq!(wants(&mut parts), wanted, "{parts:?}");
        assert_eq!(parts.headers[header::ACCEPT_ENCODING], if wanted { "identity" } else { "br, gzip" });
    }
}

#[test]
fn what_is_no_page_of_ours_to_change_stays_as_it_is() {
    let html = ("content-type", "text/html; charset=utf-8");
    for (status, headers, expected) in [
        (200, vec![html], Against::Nothing),
        (404, vec![("content-type", "Text/HTML")], Against::Nothing),
        (500, vec![html], Against::Nothing),
        (301, vec![html], Against::NoPage),
        (206, vec![html], Against::NoPage),
        (204, vec![html], Against::NoPage),
        (200, vec![("content-type", "application/json")], Against::NoPage),
        (200, vec![("content-type", "application/xhtml+xml")], Against::NoPage),
        (200, vec![], Against::NoPage),
        (503, vec![html, ("stillhere-why", "all-out")], Against::NoPage),
        (200, vec![html, ("cache-control", "public, No-Transform")], Against::NoPage),
        (200, vec![html, ("content-disposition", "attachment; filename=a.html")], Against::NoPage),
        (200, vec![html, ("content-encoding", "gzip")], Against::Unreadable),
        (200, vec![html, ("content-encoding", "identity")], Against::Nothing),
        (200, vec![("content-type", "text/html; charset=\"UTF-16LE\"")], Against::Unreadable),
        (200, vec![html, ("content-security-policy", "default-src 'none'")], Against::Policy),
    ] {
        let mut response = Response::builder().status(status);
        for (name, value) in &headers {
            response = response.header(*name, *value);
        }
        let head = response.body(()).unwrap().into_parts().0;
        assert_eq!(against(&head), expected, "{status} {headers:?}");
    }
}

#[test]
fn a_policy_that_does_not_let_the_client_run_or_ask_is_kept_to() {
    for (policy, lets) in [
        ("", true),
        ("img-src 'none'", true),
        ("default-src 'self'", true),
        ("Default-Src 'SELF'", true),
        ("default-src *", true),
        ("default-src 'none'", false),
        ("default-src 'none'; script-src 'self'", false),
        ("default-src 'none'; script-src 'self'; connect-src 'self'", true),
        ("script-src 'nonce-abc'", false),
        ("script-src 'self' 'nonce-abc'", true),
        ("script-src 'self' 'nonce-abc' 'strict-dynamic'", false),
        ("script-src 'self'; script-src-elem https://cdn.example", false),
        ("script-src https://cdn.example; script-src 'self'", false),
        ("connect-src https://api.example", false),
        ("sandbox allow-forms", false),
        ("sandbox allow-scripts", true),
    ] {
        assert_eq!(lets_us(policy.as_bytes()), lets, "{policy}");
    }
}

#[tokio::test]
async fn a_page_comes_out_with_one_tag_and_headers_that_are_true() {
    let counts = Arc::<Counts>::default();
    let (pieces, body) = Body::task(8);
    for piece in ["<!doctype html><ht", "ml><he", "ad><title>x", "</title><head>"] {
        pieces.send(Ok(Bytes::from_static(piece.as_bytes()))).await.unwrap();
    }
    drop(pieces);
    let answer = Response::builder()
        .header("content-type", "text/html")
        .header("content-length", "49")
        .header("etag", "\"a\"")
        .header("content-digest", "sha-256=:x:")
        .body(body)
        .unwrap();
    let (head, body) = into(answer, &counts).into_parts();
    assert!(!head.headers.contains_key("content-length") && !head.headers.contains_key("content-digest"));
    assert_eq!(head.headers["etag"], "W/\"a\"");
    assert_eq!(head.headers["vary"], "sec-fetch-mode, sec-fetch-dest");
    let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    let tag = std::str::from_utf8(TAG).unwrap();
    assert_eq!(text, format!("<!doctype html><html><head>{tag}<title>x</title><head>"));
    assert_eq!(counts.all()[0], ("inserted", 1));
}

#[tokio::test]
async fn a_page_that_breaks_off_breaks_off_behind_what_had_come() {
    let counts = Arc::<Counts>::default();
    let (pieces, body) = Body::task(8);
    pieces.send(Ok(Bytes::from_static(b"<!doctype ht"))).await.unwrap();
    pieces.send(Err("the node cut its answer off".into())).await.unwrap();
    drop(pieces);
    let mut body = body.with_tag(counts.clone());
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(first, "<!doctype ht");
    assert!(body.frame().await.unwrap().is_err());
    assert_eq!(counts.all()[3], ("no-place", 1));
}
