use super::*;
use crate::known::{Board, Seen};
use http::Request;
use http_body_util::BodyExt as _;
use sample::{NOW, before};
use serde_json::Value;
use std::sync::Arc;
use stillhere_model::Lang;

mod held;

const ID: u64 = 0x5f3a_09c1_77e2_b04d;

fn asked(method: &str, headers: &[(&str, &str)]) -> Asked {
    let mut r = Request::builder().method(method).uri("/order?x=1");
    for (n, v) in headers {
        r = r.header(*n, *v);
    }
    Asked::of(&r.body(()).unwrap().into_parts().0)
}

fn person(method: &str, lang: &str) -> Asked {
    asked(method, &[("sec-fetch-dest", "document"), ("accept-language", lang)])
}

fn program(method: &str) -> Asked {
    asked(method, &[("accept", "application/json")])
}

fn board(snapshot: Option<&stillhere_tell::Snapshot>) -> Board {
    let board = Board::new();
    if let Some(s) = snapshot {
        board.take_notice(&sample::signed(s), &sample::key().public_key(), s.made_at).unwrap();
    }
    board
}

fn down() -> Board {
    board(Some(&sample::down(before(12), 2, sample::words())))
}

fn checkout(why: Why) -> Trouble {
    let kept = (why == Why::Kept)
        .then(|| Kept { receipt: "/.well-known/stillhere/action/k".to_owned(), state: KeptState::Saved });
    Trouble { kept, service: Some("checkout".into()), pool: Some("shop".to_owned()), ..Trouble::of(why, ID) }
}

fn every_why() -> Vec<Why> {
    vec![
        Why::AllOut,
        Why::Paused { until: None },
        Why::Paused { until: Some(NOW.plus(Duration::from_secs(600))) },
        Why::Overloaded,
        Why::QueueFull,
        Why::TooManyRequests,
        Why::WaitingRoom { ahead: 12_345, eta: Some(Duration::from_secs(90)), ticket: "T1cket".to_owned() },
        Why::OutcomeUnknown,
        Why::NotForwarded,
        Why::Broken,
        Why::TooSlow,
        Why::Kept,
        Why::BodyTooLarge,
        Why::HeadTooLarge,
        Why::RequestTimeout,
        Why::BadRequest("two Content-Length headers"),
        Why::NotRouted,
        Why::KeyInFlight,
        Why::KeyOtherBody,
        Why::KeyNeeded,
        Why::KeyMalformed,
        Why::Banned,
    ]
}

async fn body(answer: Response<Body>) -> String {
    let all = answer.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(all.to_vec()).unwrap()
}

async fn json(answer: Response<Body>) -> Value {
    serde_json::from_str(&body(answer).await).unwrap()
}

fn say(asked: &Asked, trouble: &Trouble, board: &Board) -> Response<Body> {
    answer(asked, trouble, &board.current(), NOW, 1 << 63)
}

fn has(answer: &Response<Body>, name: &str) -> Option<String> {
    answer.headers().get(name).map(|v| v.to_str().unwrap().to_owned())
}

#[tokio::test]
async fn every_reason_is_told_to_every_kind_of_client_in_every_language() {
    let kinds = [
        ("sec-fetch-dest", "document"),
        ("accept", "application/json"),
        ("content-type", "application/grpc"),
        ("accept", "text/event-stream"),
        ("accept", "text/plain"),
        ("sec-fetch-dest", "script"),
        ("sec-fetch-dest", "style"),
        ("sec-fetch-dest", "image"),
    ];
    let known = down();
    for (why, kind) in every_why().into_iter().flat_map(|w| kinds.map(|k| (w.clone(), k))) {
        for (method, lang) in ["GET", "POST", "HEAD"].into_iter().flat_map(|m| Lang::ALL.map(|l| (m, l))) {
            let a = asked(method, &[kind, ("accept-language", lang.tag())]);
            let answer = say(&a, &checkout(why.clone()), &known);
            let of = format!("{why:?} to {:?} for {method} in {}", a.kind, lang.tag());
            let content = match a.kind {
                Kind::Page => "text/html; charset=utf-8",
                Kind::EventStream if why.passes() => "text/event-stream",
                Kind::Json | Kind::EventStream => "application/problem+json",
                Kind::Grpc => "application/grpc",
                Kind::Text | Kind::Other => "text/plain; charset=utf-8",
                Kind::Script => "text/javascript; charset=utf-8",
                Kind::Style => "text/css; charset=utf-8",
            };
            for (name, value) in [
                ("content-type", content),
                ("cache-control", "no-store"),
                ("stillhere-request", "5f3a09c177e2b04d"),
                ("stillhere-why", why.key()),
                ("content-language", lang.tag()),
                ("x-content-type-options", "nosniff"),
            ] {
                assert_eq!(has(&answer, name).as_deref(), Some(value), "{of}: {name}");
            }
            let good = a.kind == Kind::Grpc || (a.kind == Kind::EventStream && why.passes());
            assert_eq!(answer.status(), if good { StatusCode::OK } else { why.status() }, "{of}");
            let empty = method == "HEAD" || matches!(a.kind, Kind::Grpc | Kind::Script | Kind::Style);
            let text = body(answer).await;
            assert_eq!(text.is_empty(), empty, "{of}");
            if a.kind == Kind::Page && !empty {
                assert!(text.len() < 14_000, "{of}: {}", text.len());
                assert!(text.contains(&format!("<html lang=\"{}\"", lang.tag())), "{of}");
            }
        }
    }
}

#[test]
fn what_was_sent_and_not_answered_is_never_called_not_sent_and_never_invited_again() {
    let known = down();
    for why in every_why() {
        for a in
            [program("POST"), person("POST", "en"), asked("POST", &[("content-type", "application/grpc")])]
        {
            let answer = say(&a, &checkout(why.clone()), &known);
            let outcome = has(&answer, "stillhere-outcome");
            let sent = matches!(why, Why::OutcomeUnknown | Why::TooSlow | Why::Broken);
            assert_eq!(outcome.as_deref() == Some("unknown"), sent, "{why:?}");
            if sent {
                assert_eq!(has(&answer, "retry-after"), None, "{why:?}");
                let grpc = has(&answer, "grpc-status").unwrap_or_default();
                assert_ne!(grpc, "14", "UNAVAILABLE means that it may be repeated");
                if a.kind == Kind::Grpc {
                    assert_eq!(has(&answer, "grpc-retry-pushback-ms").as_deref(), Some("-1"));
                }
            }
        }
    }
    let put = asked("PUT", &[("accept", "application/json")]);
    let answer = say(&put, &checkout(Why::OutcomeUnknown), &known);
    assert!(has(&answer, "retry-after").is_some(), "a PUT may be repeated whatever became of it");
    let answer = say(&program("GET"), &checkout(Why::TooSlow), &known);
    assert_eq!((has(&answer, "stillhere-outcome"), answer.status()), (None, StatusCode::GATEWAY_TIMEOUT));
}

#[tokio::test]
async fn a_program_gets_rfc_9457_with_what_the_notice_says_of_the_service() {
    let known = down();
    known.sighting("shop", Some(&"checkout".into()), Seen::AllOut, before(740));
    let answer =
        say(&program("POST"), &Trouble { waiting: 500, per_second: 50.0, ..checkout(Why::AllOut) }, &known);
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    let seconds: u64 = has(&answer, "retry-after").unwrap().parse().unwrap();
    let p = json(answer).await;
    assert_eq!(p["type"], "urn:stillhere:problem:all-out");
    assert_eq!(p["title"], "Checkout is not available right now");
    assert_eq!(p["status"], 503);
    assert_eq!(p["instance"], "urn:stillhere:request:5f3a09c177e2b04d");
    assert_eq!(p["outcome"], "not-forwarded");
    assert_eq!(p["service"], "checkout");
    assert_eq!(p["since"], before(740).to_string());
    assert_eq!(p["incident"]["title"], "Checkout: down");
    assert!(p["incident"]["url"].as_str().unwrap().starts_with("https://status.lantern.example/incidents/"));
    assert_eq!(p["next_update_by"], NOW.plus(Duration::from_secs(648)).to_string());
    assert_eq!((&p["notice_made_at"], &p["notice_is_old"]), (&before(12).to_string().into(), &false.into()));
    let ms = p["retry_after_ms"].as_u64().unwrap();
    assert_eq!(seconds, ms.div_ceil(1_000));
    assert!((5_000..15_000).contains(&ms), "five seconds, and its place among 500 at 50 a second: {ms}");
    let detail = p["detail"].as_str().unwrap();
    assert!(
        detail.contains("did not reach our servers")
            && detail.contains("At 10:01 we could not reach Checkout"),
        "{detail}"
    );
    let unknown = json(say(&program("POST"), &checkout(Why::OutcomeUnknown), &known)).await;
    assert_eq!((&unknown["retry_after_ms"], &unknown["outcome"]), (&Value::Null, &"unknown".into()));
    let room = Why::WaitingRoom { ahead: 7, eta: Some(Duration::from_secs(9)), ticket: "T".to_owned() };
    let room = json(say(&program("GET"), &checkout(room), &known)).await;
    assert_eq!((&room["ahead"], &room["eta_ms"], &room["ticket"]), (&7.into(), &9_000.into(), &"T".into()));
    let bad = json(say(&program("GET"), &Trouble::of(Why::BadRequest("two Hosts"), ID), &known)).await;
    assert!(bad["detail"].as_str().unwrap().contains("two Hosts") && bad["incident"].is_null());
}

#[tokio::test]
async fn what_concerns_another_service_is_not_told_of_this_one() {
    let known = down();
    let search = Trouble { service: Some("search".into()), ..Trouble::of(Why::AllOut, ID) };
    let p = json(say(&program("GET"), &search, &known)).await;
    assert!(p["incident"].is_null() && p["next_update_by"].is_null() && p["since"].is_null());
    let page = body(say(&person("GET", "en"), &search, &known)).await;
    assert!(!page.contains("disk of the database") && page.contains("No estimate yet"));
    let site = json(say(&program("GET"), &Trouble::of(Why::AllOut, ID), &known)).await;
    assert!(!site["incident"].is_null(), "without a service, what the site says is told");
}

#[tokio::test]
async fn a_visitor_reads_the_name_of_what_they_asked_for_also_when_the_notice_says_that_it_works() {
    let known = board(Some(&sample::well(before(12), 1)));
    known.sighting("shop", Some(&"checkout".into()), Seen::AllOut, before(2));
    for (lang, title, works) in [
        ("en", "Checkout is not available right now", "Search (as of 10:14)"),
        ("zh-CN", "结账", "搜索（截至 10:14）"),
    ] {
        let page = body(say(&person("GET", lang), &checkout(Why::AllOut), &known)).await;
        assert!(page.contains(title) && page.contains(works), "{page}");
    }
    // We see for ourselves that the other one does not answer either.
    known.sighting("find", Some(&"search".into()), Seen::AllOut, before(1));
    let page = body(say(&person("GET", "en"), &checkout(Why::AllOut), &known)).await;
    assert!(!page.contains("Not affected"), "{page}");
    // Nor is anything of the present known from old news.
    let known = board(Some(&sample::well(before(2_400), 1)));
    let page = body(say(&person("GET", "en"), &checkout(Why::AllOut), &known)).await;
    assert!(page.contains("Checkout is not available") && !page.contains("Not affected"), "{page}");
    // What is wrong and what is not stand beside each other.
    let page = body(say(&person("GET", "en"), &checkout(Why::AllOut), &down())).await;
    assert!(page.contains("disk of the database") && page.contains("Search (as of"), "{page}");
    let page = body(say(&person("GET", "en"), &checkout(Why::TooManyRequests), &down())).await;
    assert!(!page.contains("Not affected"), "a limit of one visitor is nothing about services");
}

#[tokio::test]
async fn of_many_that_work_some_are_named_and_the_rest_is_counted() {
    let mut s = sample::down(before(12), 2, sample::words());
    for n in 0..60 {
        let mut view = s.services[1].clone();
        let more = Arc::make_mut(&mut view);
        more.id = format!("more-{n}").as_str().into();
        more.name = format!("Part {n}").as_str().into();
        s.services.push(view);
    }
    let page = body(say(&person("GET", "en"), &checkout(Why::AllOut), &board(Some(&s)))).await;
    assert!(page.contains("Search, Part 0, Part 1, Part 2 and 57 more (as of"), "{page}");
}

#[tokio::test]
async fn case_p_when_the_core_is_dead_the_last_notice_stays_with_its_age_and_our_own_sighting_beside_it() {
    let known = board(Some(&sample::well(before(2_400), 1)));
    known.sighting("shop", Some(&"checkout".into()), Seen::AllOut, before(740));
    for (lang, seen, old, well) in [
        ("en", "At 10:01 we could not reach", "from 09:34 (40 min ago)", "from 09:34, was that all is well"),
        ("zh-CN", "10:01 我们无法连接到", "来自 09:34（40 分钟前）", "09:34 的最后结论是一切正常"),
    ] {
        let page = body(say(&person("GET", lang), &checkout(Why::AllOut), &known)).await;
        for part in [seen, old, well, "+86 21 5555 0100"] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert!(!page.contains("id=old hidden"));
    }
    let p = json(say(&program("GET"), &checkout(Why::AllOut), &known)).await;
    assert_eq!(p["notice_is_old"], true);
    assert_eq!(p["since"], before(740).to_string());
    // A fresh notice that knows of the trouble needs no such word.
    let page = body(say(&person("GET", "en"), &checkout(Why::AllOut), &down())).await;
    assert!(page.contains("id=old hidden") && !page.contains("all is well"));
    let page = body(say(&person("GET", "en"), &checkout(Why::AllOut), &Board::new())).await;
    assert!(page.contains("no news about it here yet"), "an edge that never heard of the core says so");
}

#[tokio::test]
async fn case_t_whatever_an_incident_says_it_stays_text() {
    let evil = "</p></script><script>alert(1)</script>\r\n\u{202E}\"' onload=x";
    let known =
        board(Some(&sample::down(before(1), 3, format!("{evil}{}", "x".repeat(100_000)).as_str().into())));
    let trouble = Trouble { name: Some(evil.into()), ..checkout(Why::AllOut) };
    let page = body(say(&person("GET", "en"), &trouble, &known)).await;
    assert_eq!(page.matches("<script").count(), 1);
    assert!(!page.contains('\u{202E}') && page.len() < 15_000);
    let p = say(&program("GET"), &trouble, &known);
    assert!(json(p).await["detail"].as_str().unwrap().len() < 2_000);
    let grpc = say(&asked("POST", &[("content-type", "application/grpc")]), &trouble, &known);
    assert!(has(&grpc, "grpc-message").unwrap().len() <= 400);
    let stream = body(say(&asked("GET", &[("accept", "text/event-stream")]), &trouble, &known)).await;
    assert_eq!(stream.matches("event:").count(), 1, "no line end of a text begins a new event: {stream}");
}

#[tokio::test]
async fn a_get_comes_back_by_itself_and_a_form_never() {
    let known = down();
    for why in every_why().into_iter().filter(Why::passes) {
        let get = body(say(&person("GET", "en"), &checkout(why.clone()), &known)).await;
        let post = body(say(&person("POST", "en"), &checkout(why.clone()), &known)).await;
        assert!(get.contains("http-equiv=refresh") && get.contains("data-slot="), "{why:?}");
        assert!(!post.contains("http-equiv") && !post.contains("data-live=\"get\""), "{why:?}");
        if why == Why::TooManyRequests {
            assert!(get.contains("data-live=\"wait\"") && !post.contains("<script"));
        } else {
            assert!(get.contains("data-live=\"get\"") && post.contains("data-live=\"post\""), "{why:?}");
        }
    }
    for why in every_why().into_iter().filter(|w| !w.passes()) {
        let page = body(say(&person("GET", "en"), &checkout(why.clone()), &known)).await;
        assert!(
            !page.contains("http-equiv") && !page.contains("<script"),
            "{why:?}: nothing brings that back"
        );
    }
}

#[tokio::test]
async fn only_with_a_receipt_is_anything_called_kept() {
    let known = down();
    let without = body(say(&person("POST", "en"), &checkout(Why::AllOut), &known)).await;
    assert!(without.contains("It did not reach our servers") && !without.contains("saved here"));
    let claimed =
        body(say(&person("POST", "en"), &Trouble { kept: None, ..checkout(Why::Kept) }, &known)).await;
    assert!(!claimed.contains("have kept") && claimed.contains("do not know whether this was done"));
    let with = checkout(Why::Kept);
    let answer = say(&person("POST", "en"), &with, &known);
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    let page = body(answer).await;
    assert!(
        page.contains("It is saved here and is passed on once")
            && page.contains("data-action=\"&#x2f;.well-known&#x2f;")
    );
    let p = json(say(&program("POST"), &with, &known)).await;
    assert_eq!(
        (&p["kept"]["receipt"], &p["kept"]["state"]),
        (&"/.well-known/stillhere/action/k".into(), &"saved".into())
    );
}

#[test]
fn scripts_of_other_sites_may_read_what_is_public_and_nothing_of_ones_own() {
    let a = asked("POST", &[("accept", "application/json"), ("origin", "https://app.example")]);
    let known = down();
    let open = |t: &Trouble| has(&say(&a, t, &known), "access-control-allow-origin");
    assert_eq!(open(&checkout(Why::AllOut)).as_deref(), Some("*"));
    assert_eq!(open(&checkout(Why::Kept)), None);
    assert_eq!(open(&checkout(Why::WaitingRoom { ahead: 1, eta: None, ticket: "t".to_owned() })), None);
    assert_eq!(
        has(&say(&program("POST"), &checkout(Why::AllOut), &known), "access-control-allow-origin"),
        None
    );
}

#[test]
fn grpc_gets_its_status_in_the_head_and_no_body() {
    let known = down();
    for (why, status) in [
        (Why::AllOut, "14"),
        (Why::Paused { until: None }, "14"),
        (Why::NotForwarded, "14"),
        (Why::QueueFull, "8"),
        (Why::TooManyRequests, "8"),
        (Why::OutcomeUnknown, "2"),
        (Why::TooSlow, "4"),
        (Why::NotRouted, "12"),
        (Why::Banned, "7"),
    ] {
        let answer =
            say(&asked("POST", &[("content-type", "application/grpc")]), &checkout(why.clone()), &known);
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(has(&answer, "grpc-status").as_deref(), Some(status), "{why:?}");
        assert!(http_body::Body::is_end_stream(answer.body()));
        let pushback: i64 = has(&answer, "grpc-retry-pushback-ms").unwrap().parse().unwrap();
        assert_eq!(pushback > 0, why.passes() && why.outcome(false) != Some(Outcome::Unknown), "{why:?}");
    }
    let web =
        say(&asked("POST", &[("content-type", "application/grpc-web-text")]), &checkout(Why::AllOut), &known);
    assert_eq!(has(&web, "content-type").as_deref(), Some("application/grpc-web+proto"));
}

#[test]
fn a_probe_is_told_its_slot() {
    let answer = probe(10_000, 100.0, u64::MAX);
    assert_eq!(
        (answer.status(), has(&answer, "stillhere-return").as_deref()),
        (StatusCode::NO_CONTENT, Some("100"))
    );
    assert_eq!(has(&probe(0, f64::NAN, 0), "stillhere-return").as_deref(), Some("1"));
    assert!(has(&answer, "stillhere-why").is_none(), "only then the page knows that it is back");
}
