use super::*;
use crate::sample;
use std::sync::Arc;

fn key() -> Key {
    Key::from_seed(&[42; 32])
}

#[test]
fn a_notice_is_believed_with_the_right_key_only_and_only_unchanged() {
    let s = sample::busy();
    let notice = sign(&s, &key());
    let payload = verify(&notice, &key().public_key()).unwrap();
    assert_eq!(
        (payload["v"].as_u64(), payload["epoch"].as_u64(), payload["seq"].as_u64()),
        (Some(1), Some(1), Some(42))
    );
    assert_eq!(verify(&notice, &Key::from_seed(&[43; 32]).public_key()), Err(NoticeError::WrongSignature));
    let mut envelope: Value = serde_json::from_str(&notice).unwrap();
    let mut forged = payload;
    forged["indicator"] = "none".into();
    envelope["notice"] = URL_SAFE_NO_PAD.encode(forged.to_string()).into();
    assert_eq!(verify(&envelope.to_string(), &key().public_key()), Err(NoticeError::WrongSignature));
    assert_eq!(envelope["key_id"], key().id());
}

#[test]
fn what_is_not_a_notice_is_an_error_and_no_panic() {
    let public = key().public_key();
    for bad in [
        "",
        "{}",
        "[1]",
        "{\"notice\":1}",
        "{\"notice\":\"AA\",\"sig\":\"!\"}",
        "{\"notice\":\"AA\",\"sig\":\"AA\"}",
    ] {
        assert!(verify(bad, &public).is_err(), "{bad}");
    }
    assert!(matches!(verify(&"x".repeat(100_000), &public), Err(NoticeError::Malformed(_))));
    let other = URL_SAFE_NO_PAD.encode("{\"v\":2}");
    let sig = URL_SAFE_NO_PAD.encode(key().0.sign(&[CONTEXT, b"{\"v\":2}"].concat()));
    let envelope = json!({ "notice": other, "sig": sig }).to_string();
    assert_eq!(verify(&envelope, &public), Err(NoticeError::Malformed("not version 1".to_owned())));
}

#[test]
fn it_says_what_the_page_says_in_every_language_of_the_site() {
    let s = sample::busy();
    let payload = verify(&sign(&s, &key()), &key().public_key()).unwrap();
    for lang in Lang::ALL {
        assert_eq!(payload["headline"][lang.tag()], headline_words(&s, lang).0);
    }
    assert_eq!(payload["services"][0]["id"], "checkout", "the gravest first");
    assert_eq!(payload["services"].as_array().unwrap().len(), 5);
    assert_eq!(payload["incidents"].as_array().unwrap().len(), 3);
    assert_eq!(payload["contact"]["phone"], "+86 21 5555 0100");
    assert_eq!(payload["push"]["url"], format!("{}/subscribe/once", s.site.url));
    assert_eq!(payload["push"]["key"].as_str(), s.site.subscribe.push_key.as_deref());
    assert_eq!(payload["next_update_by"], "2026-11-22T02:45:12.000Z");
    assert_eq!(payload["services_left_out"], 0);
}

#[test]
fn services_that_work_have_their_names_in_it_and_are_the_first_to_be_left_out() {
    let names = |s: &Snapshot| {
        let read = read(&sign(s, &key()), &key().public_key()).unwrap();
        let working = s.services.iter().filter(|v| v.verdict.status == Status::Operational);
        for (told, view) in read.operational.iter().zip(working) {
            assert_eq!(told.id, view.id.as_str());
            assert_eq!(read.name_of(&told.id), Some(&told.name));
            assert!(read.service(&told.id).is_none());
        }
        (read.services.len(), read.services_left_out, read.operational.len(), read.incidents.len())
    };
    let mut s = sample::busy();
    let working = s.services.iter().filter(|v| v.verdict.status == Status::Operational).count();
    assert!(working > 0);
    assert_eq!(names(&s), (5, 0, working, 3));
    let working = |v: &Arc<crate::ServiceView>| v.verdict.status == Status::Operational;
    let mut more: Vec<_> = sample::many(300).services.into_iter().filter(working).collect();
    for (n, view) in more.iter_mut().enumerate() {
        Arc::make_mut(view).id = format!("more-{n}").as_str().into();
    }
    s.services.extend(more);
    let (troubled, left_out, told, incidents) = names(&s);
    assert_eq!((troubled, left_out, incidents), (5, 0, 3), "what is wrong is told as before");
    assert!((1..=40).contains(&told), "{told}");
}

#[test]
fn case_t_it_is_never_larger_than_eight_kibibytes_and_counts_what_it_leaves_out() {
    let mut s = sample::many(300);
    for (n, view) in s.services.iter_mut().enumerate() {
        *view = Arc::new(sample::down(n));
        Arc::make_mut(view).name = "界<script>\u{202E}".repeat(1_000).into();
    }
    s.site.name = "界".repeat(1_000_000).into();
    s.site.url = format!("https://{}", "x".repeat(5_000));
    s.site.contact.hours = Some("界".repeat(1_000_000).into());
    let incident = sample::written(3);
    s.incidents = vec![incident; 30];
    s.incidents[0].title = Some("界".repeat(3_400_000).into());
    for i in &mut s.incidents[1..] {
        i.title = Some("界".repeat(10_000).into());
    }
    let notice = sign(&s, &key());
    assert!(notice.len() <= NOTICE_MAX_BYTES, "{}", notice.len());
    let payload = verify(&notice, &key().public_key()).unwrap();
    let (told, left) =
        (payload["services"].as_array().unwrap().len(), payload["services_left_out"].as_u64().unwrap());
    assert_eq!(told as u64 + left, 300);
    assert!(told > 0, "something is told");
    let (told, left) =
        (payload["incidents"].as_array().unwrap().len(), payload["incidents_left_out"].as_u64().unwrap());
    assert_eq!(told as u64 + left, 30);
    assert!(!payload.to_string().contains('\u{202E}'));
}

#[test]
fn the_secret_is_not_printed() {
    assert_eq!(format!("{:?}", key()), "Key(***)");
}
