use super::*;
use std::{io::Read as _, sync::atomic::AtomicUsize};

fn shelf(cuts: &Arc<AtomicUsize>) -> Shelf {
    let cuts = cuts.clone();
    Shelf::new(vec![Lang::En, Lang::ZhCn], move |route, lang| {
        cuts.fetch_add(1, Relaxed);
        Cut {
            content_type: "text/html; charset=utf-8",
            body: format!("{} {} ", route.path(), lang.tag()).repeat(200),
            csp: "default-src 'none'".into(),
        }
    })
}

#[test]
fn a_form_is_cut_once_and_only_when_asked_for() {
    let cuts = Arc::default();
    let shelf = shelf(&cuts);
    assert_eq!(cuts.load(Relaxed), 0);
    let body = shelf.get(Route::Status, Lang::En, true).body.clone();
    assert_eq!(body, shelf.get(Route::Status, Lang::En, true).body);
    let mut plain = String::new();
    flate2::read::GzDecoder::new(&body[..]).read_to_string(&mut plain).unwrap();
    assert_eq!(plain.as_bytes(), shelf.get(Route::Status, Lang::En, false).body);
    assert!(body.len() * 10 < plain.len());
    assert_eq!(cuts.load(Relaxed), 1, "gzip and plain are of one cut");
    shelf.get(Route::V2Summary, Lang::En, false);
    shelf.get(Route::V2Summary, Lang::ZhCn, false);
    assert_eq!(cuts.load(Relaxed), 2, "what does not speak is cut for one language");
}

#[test]
fn the_next_shelf_is_warmed_with_what_was_asked_for() {
    let (before_cuts, next_cuts) = (Arc::default(), Arc::default());
    let before = shelf(&before_cuts);
    before.get(Route::Status, Lang::ZhCn, true);
    before.get(Route::Rss, Lang::En, false);
    let next = shelf(&next_cuts);
    next.warm(&before);
    assert_eq!(next_cuts.load(Relaxed), 2);
    next.get(Route::Status, Lang::ZhCn, true);
    assert_eq!(next_cuts.load(Relaxed), 2);
    let unasked: Arc<AtomicUsize> = Arc::default();
    shelf(&unasked).warm(&shelf(&Arc::default()));
    assert_eq!(unasked.load(Relaxed), 0);
}

#[test]
fn each_head_is_complete_and_has_its_place_for_the_date() {
    let shelf = shelf(&Arc::default());
    let ready = shelf.get(Route::Status, Lang::ZhCn, true);
    for (head, known) in [(&ready.head, false), (&ready.head_304, true)] {
        let at = date_at(known);
        assert_eq!(&head[at..at + 29], b"Thu, 01 Jan 1970 00:00:00 GMT");
        let text = std::str::from_utf8(head).unwrap();
        assert!(text.ends_with("\r\n\r\n") && text.matches("\r\n\r\n").count() == 1, "{text}");
        for line in ["cache-control: public, max-age=2", "vary: accept-encoding, accept-language", "etag: \""]
        {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
    let ok = std::str::from_utf8(&ready.head).unwrap();
    assert!(ok.contains(&format!("content-length: {}\r\n", ready.body.len())));
    assert!(ok.contains("content-encoding: gzip\r\n") && ok.contains("content-language: zh-CN\r\n"));
    assert!(!std::str::from_utf8(&ready.head_304).unwrap().contains("content-length"));
}

#[test]
fn a_reader_who_has_the_bytes_is_recognised() {
    let shelf = shelf(&Arc::default());
    let (gzip, plain) = (shelf.get(Route::Status, Lang::En, true), shelf.get(Route::Status, Lang::En, false));
    assert_ne!(gzip.etag, plain.etag, "one tag, one sequence of bytes");
    assert!(plain.is_known_to(plain.etag.as_bytes()));
    assert!(plain.is_known_to(format!("\"x\", W/{}", plain.etag).as_bytes()));
    assert!(plain.is_known_to(b"*"));
    assert!(!plain.is_known_to(gzip.etag.as_bytes()));
    assert!(!plain.is_known_to(b""));
}

#[test]
fn small_bodies_are_not_compressed() {
    let shelf = Shelf::new(vec![Lang::En], |_, _| Cut {
        content_type: "application/json",
        body: "{}".into(),
        csp: "x".into(),
    });
    let ready = shelf.get(Route::V2Status, Lang::En, true);
    assert_eq!(&ready.body[..], b"{}");
    assert!(ready.headers.iter().all(|(name, _)| *name != "content-encoding"));
    assert_eq!(ready.headers.iter().filter(|(name, _)| *name == "etag").count(), 1);
}
