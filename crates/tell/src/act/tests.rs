use super::*;
use crate::sample;
use stillhere_model::{Acknowledgement, IncidentId, LinkId, Mint, UpdateId};

fn link(incident: IncidentId) -> Link {
    let id = LinkId(Mint::new(3).uuid(sample::ago(0)));
    let (made_at, expires_at) = (sample::ago(60), sample::ago(0).plus(std::time::Duration::from_secs(3_600)));
    let (channel, sent_to) = ("ops".to_owned(), "kim@example.com".to_owned());
    Link { id, incident, channel, sent_to, made_at, expires_at, used_at: None, revoked_at: None }
}

#[test]
fn it_shows_what_is_known_and_a_draft_in_each_language() {
    let s = sample::busy();
    let i = &s.incidents[0];
    for lang in Lang::ALL {
        let html = page(&s, i, &link(i.id), lang, &Written::default());
        assert!(html.contains("kim@example.com"));
        assert!(html.contains("name=text-en") && html.contains("name=text-zh-CN"), "{html}");
        assert!(!html.contains("<script"), "nothing runs");
        assert_eq!(html.matches("<form").count(), 2);
        assert_eq!(html.matches("method=post").count(), 2, "only a form that is sent acts");
        for l in Lang::ALL {
            let text = draft(i, &s, l);
            assert!(!text.is_empty() && html.contains(&clean::xml(&text)), "{text}");
        }
    }
}

#[test]
fn a_draft_says_no_more_than_what_is_known() {
    let mut s = sample::busy();
    for i in s.incidents.clone() {
        let en = draft(&i, &s, Lang::En);
        let open = i.affected.iter().any(|a| a.until.is_none());
        assert_eq!(en.contains("back, as far as we can see"), !open && !i.affected.is_empty(), "{en}");
    }
    let mut i = s.incidents.remove(0);
    i.origin = None;
    i.updates.clear();
    assert!(draft(&i, &s, Lang::En).ends_with("We do not know the cause yet."));
    assert!(draft(&i, &s, Lang::ZhCn).ends_with("原因尚不清楚。"));
}

#[test]
fn what_was_done_with_it_is_said_in_place_of_the_form() {
    let s = sample::busy();
    let mut i = s.incidents[0].clone();
    let mut l = link(i.id);
    l.used_at = Some(sample::ago(30));
    let by = Author::Person("kim@example.com".to_owned());
    i.acknowledgements.push(Acknowledgement { at: sample::ago(40), by, reopened: i.reopened });
    let html = page(&s, &i, &l, Lang::En, &Written::default());
    assert!(html.contains("You took it on at") && html.contains("An update was published with this link at"));
    assert!(!html.contains("<form"));
}

#[test]
fn each_link_that_does_nothing_says_why() {
    let s = sample::busy();
    let all = [
        LinkRefusal::Unknown,
        LinkRefusal::Expired,
        LinkRefusal::Revoked,
        LinkRefusal::Used,
        LinkRefusal::NotStaff,
    ];
    for lang in Lang::ALL {
        let pages: std::collections::BTreeSet<String> = all.iter().map(|r| closed(&s, lang, *r)).collect();
        assert_eq!(pages.len(), all.len());
        assert!(pages.iter().all(|p| !p.contains("<form") && !p.contains("@example.com")));
    }
}

#[test]
fn case_t_markup_in_what_was_written_stays_text() {
    let mut s = sample::busy();
    let nasty = "</textarea><script>alert(1)</script>\u{202E}";
    let i = &mut s.incidents[0];
    i.title = Some(nasty.into());
    i.updates.push(stillhere_model::Update {
        id: UpdateId(Mint::new(9).uuid(sample::ago(1))),
        at: sample::ago(1),
        status: i.status,
        said: Said::Text { text: nasty.into() },
        by: Author::Person(nasty.to_owned()),
        changed: Vec::new(),
        next_update_by: None,
    });
    let i = s.incidents[0].clone();
    let mut l = link(i.id);
    l.sent_to = nasty.to_owned();
    let texts = Lang::ALL.map(|lang| (lang, nasty.to_owned())).into();
    let problem = Some(Problem::Refused(nasty.to_owned()));
    let html = page(&s, &i, &l, Lang::En, &Written { texts, problem });
    assert!(!html.contains("<script") && !html.contains('\u{202E}'), "{html}");
}

#[test]
fn an_empty_language_is_left_out_and_nothing_at_all_is_no_text() {
    let text = |en: &str, zh: &str| text_of(&[(Lang::En, en.to_owned()), (Lang::ZhCn, zh.to_owned())].into());
    assert_eq!(text(" \r\n", ""), None);
    assert_eq!(text("a\r\nb ", " "), Some(Text::Each([(Lang::En, "a\nb".to_owned())].into())));
}
