use super::*;
use crate::sample;

#[test]
fn what_was_signed_is_what_is_read() {
    let key = Key::from_seed(&[42; 32]);
    let s = sample::busy();
    let read = read(&sign(&s, &key), &key.public_key()).unwrap();
    assert_eq!(
        (read.epoch, read.seq, read.made_at, read.fresh_until),
        (s.epoch, s.seq, s.made_at, s.fresh_until)
    );
    assert_eq!(
        (read.site.time_zone.as_str(), &read.site.languages),
        (s.site.time_zone.as_str(), &s.site.languages)
    );
    for lang in Lang::ALL {
        assert_eq!(read.headline.get(lang), headline_words(&s, lang).0);
        assert_eq!(read.lang(Some(lang)), lang);
    }
    assert_eq!(read.service("checkout").unwrap().name.get(Lang::En), "Checkout");
    assert_eq!(read.incidents.len(), s.incidents.len());
    assert!(read.incidents.iter().all(|i| !i.services.is_empty() && i.url.starts_with("https://")));
    assert_eq!(read.contact.phone.as_deref(), Some("+86 21 5555 0100"));
    assert_eq!(read.next_update_by, Some(sample::at("2026-11-22T02:45:12Z")));
}

/// A notice of another version of us: signed, and not shaped as we would.
fn signed(payload: &Value) -> String {
    let key = Key::from_seed(&[42; 32]);
    let payload = payload.to_string();
    let signature = key.0.sign(&[CONTEXT, payload.as_bytes()].concat());
    json!({ "notice": URL_SAFE_NO_PAD.encode(&payload), "sig": URL_SAFE_NO_PAD.encode(signature) })
        .to_string()
}

fn least() -> Value {
    json!({
        "v": 1, "epoch": 1, "seq": 2, "made_at": "2026-11-22T02:00:00Z", "fresh_until": "2026-11-22T02:01:00Z",
        "last_look": null, "site": { "name": { "en": "Shop" }, "url": "https://s.example" }, "indicator": "none",
        "state": "operational", "headline": { "en": "Fine" }, "next_update_by": null,
    })
}

#[test]
fn an_older_and_a_newer_notice_are_read_as_far_as_they_go() {
    let public = Key::from_seed(&[42; 32]).public_key();
    let read_it = |v: &Value| read(&signed(v), &public);
    let old = read_it(&least()).unwrap();
    assert!(old.site.languages.is_empty() && old.incidents.is_empty() && old.site.time_zone.is_empty());
    let mut new = least();
    new["mood"] = "calm".into();
    new["headline"] = json!({ "fr": "Tout va bien", "xx": "…" });
    new["site"]["languages"] = json!(["fr", "zh-CN"]);
    new["services"] = json!([{ "id": 7 }, { "id": "a", "name": { "en": "A" }, "status": "major_outage", "since": "2026-11-22T02:00:00Z" }]);
    let new = read_it(&new).unwrap();
    assert_eq!(new.headline.get(Lang::En), "Tout va bien");
    assert_eq!(new.services.len(), 1, "an item that cannot be read does not hide the others");
    assert_eq!(new.lang(Some(Lang::En)), Lang::ZhCn);
    let mut broken = least();
    broken["made_at"] = "yesterday".into();
    assert!(matches!(read_it(&broken), Err(NoticeError::Malformed(_))));
}

#[test]
fn case_t_what_is_read_is_clean_and_bounded_whatever_was_signed() {
    let mut evil = least();
    let long = "界\u{202E}\r\n".repeat(300);
    evil["headline"] = json!({ "en": long });
    evil["contact"] =
        json!({ "phone": long, "chat_url": "javascript:alert(1)", "email": null, "hours": { "en": long } });
    evil["services"] = vec![
        json!({ "id": "a", "name": { "en": "A" }, "status": "unknown", "since": "2026-11-22T02:00:00Z" });
        300
    ]
    .into();
    let read = read(&signed(&evil), &Key::from_seed(&[42; 32]).public_key()).unwrap();
    assert_eq!(read.services.len(), 64);
    for text in
        [read.headline.get(Lang::En), &read.contact.phone.unwrap(), read.contact.hours.unwrap().get(Lang::En)]
    {
        assert!(text.chars().count() <= 200 && !text.contains(['\u{202E}', '\n', '\r']));
    }
    assert_eq!(read.contact.chat_url, None);
}
