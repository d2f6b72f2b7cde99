use super::*;
use crate::socket::{Notice, SocketSpec, Words};
use http::HeaderMap;

struct Nobody;
impl super::super::Dial for Nobody {
    fn dial(&self, _: request::Parts) -> BoxFuture<'_, Result<Dialled, DialError>> {
        Box::pin(std::future::pending())
    }
}
impl Words for Nobody {
    fn reason(&self, _: Why, _: Option<&str>) -> String {
        String::new()
    }
    fn notice(&self, _: Option<&str>) -> Option<Notice> {
        None
    }
}

fn way(route: &str, cookies: &[&str]) -> Way {
    let spec =
        SocketSpec { cookies: cookies.iter().map(|c| (*c).to_owned()).collect(), ..SocketSpec::default() };
    Way {
        route: route.into(),
        service: None,
        spec: Arc::new(spec),
        dial: Arc::new(Nobody),
        words: Arc::new(Nobody),
        client: (std::net::Ipv4Addr::LOCALHOST.into(), false),
    }
}

fn headers(list: &[(&'static str, &str)]) -> HeaderMap {
    list.iter()
        .map(|(name, value)| (name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap()))
        .collect()
}

#[test]
fn a_session_belongs_to_its_route_its_page_and_its_person() {
    let all = way("chat", &[]);
    let first = headers(&[("host", "a"), ("origin", "https://a"), ("cookie", "sid=1; seen=x")]);
    let same = headers(&[("host", "a"), ("origin", "https://a"), ("cookie", "seen=x; sid=1")]);
    assert_eq!(binding(&all, &first), binding(&all, &same), "the order of cookies says nothing");
    for other in [
        headers(&[("host", "a"), ("origin", "https://evil"), ("cookie", "sid=1; seen=x")]),
        headers(&[("host", "a"), ("origin", "https://a"), ("cookie", "sid=2; seen=x")]),
        headers(&[
            ("host", "a"),
            ("origin", "https://a"),
            ("cookie", "sid=1; seen=x"),
            ("authorization", "Bearer y"),
        ]),
        headers(&[("host", "a"), ("cookie", "sid=1; seen=x")]),
    ] {
        assert_ne!(binding(&all, &first), binding(&all, &other), "{other:?}");
    }
    assert_ne!(binding(&all, &first), binding(&way("shop", &[]), &first));

    let only = way("chat", &["sid"]);
    let later = headers(&[("host", "a"), ("origin", "https://a"), ("cookie", "seen=y; sid=1")]);
    assert_eq!(binding(&only, &first), binding(&only, &later), "a cookie that says nothing about the person");
}

#[test]
fn only_the_right_words_find_a_session_and_none_is_printed() {
    let sessions = Sessions::default();
    let (calls, _waiting) = mpsc::channel(1);
    let entry = Entry { token: token_hash("right"), binding: [7; 32], calls };
    assert_eq!(format!("{entry:?}"), "Entry(***)");
    assert!(sessions.add([1; 16], entry));
    let id = URL_SAFE_NO_PAD.encode([1; 16]);
    assert!(sessions.find(&id, "right", &[7; 32]).is_some());
    assert!(sessions.find(&id, "wrong", &[7; 32]).is_none());
    assert!(sessions.find(&id, "", &[7; 32]).is_none());
    assert!(sessions.find(&id, "right", &[8; 32]).is_none());
    assert!(sessions.find("no id", "right", &[7; 32]).is_none());
    assert!(sessions.find(&URL_SAFE_NO_PAD.encode([2; 16]), "right", &[7; 32]).is_none());
    sessions.remove(&[1; 16]);
    assert!(sessions.find(&id, "right", &[7; 32]).is_none());
}
