use super::*;
use crate::sample;
use serde_json::Value;
use std::sync::Arc;
use stillhere_model::{IncidentId, MaintenanceId, Mint};

fn occasions(s: &Snapshot) -> Vec<Occasion> {
    let (incident, maintenance) = (s.incidents[2].id, s.maintenances[0].id);
    let update = s.incidents[2].updates[1].id;
    let at = s.made_at;
    vec![
        Occasion::IncidentOpened { incident, update: s.incidents[2].updates[0].id },
        Occasion::IncidentUpdated { incident, update },
        Occasion::IncidentResolved { incident, update },
        Occasion::PromiseDue { incident, due: at, nth: 1 },
        Occasion::PromiseMissed { incident, due: at },
        Occasion::Unacknowledged { incident, reopened: 0, nth: 1 },
        Occasion::Acknowledged { incident, at },
        Occasion::PreventionOverdue {
            incident,
            prevention: stillhere_model::PreventionId(Mint::new(8).uuid(at)),
            nth: 1,
        },
        Occasion::MaintenanceScheduled { maintenance },
        Occasion::MaintenanceStarted { maintenance },
        Occasion::MaintenanceUpdated { maintenance, update },
        Occasion::MaintenanceCompleted { maintenance },
        Occasion::MaintenanceCancelled { maintenance },
        Occasion::UplinkLost { at },
        Occasion::UplinkBack { at },
        Occasion::FallingBehind { at },
        Occasion::ClockJumped { at, by_ms: -3_600_000 },
        Occasion::ClockJumped { at, by_ms: 3_600_000 },
        Occasion::Test { at: s.made_at },
        Occasion::CertificateEnding { check: "shop/home".into(), days: 7 },
        Occasion::CertificateEnding { check: "hidden/home".into(), days: 1 },
    ]
}

fn mail(
    o: &Occasion,
    s: &Snapshot,
    lang: Lang,
    audience: Audience,
) -> (String, String, String, Option<String>) {
    match render(ChannelKind::Mail, o, s, lang, audience, None) {
        Payload::Mail { subject, text, html, thread } => (subject, text, html, thread),
        _ => panic!("a mail was asked for"),
    }
}

fn webhook(o: &Occasion, s: &Snapshot, lang: Lang) -> Value {
    match render(ChannelKind::Webhook, o, s, lang, Audience::Public, None) {
        Payload::Webhook { body } => serde_json::from_str(&body).unwrap(),
        _ => panic!("a webhook was asked for"),
    }
}

#[test]
fn an_alert_leads_to_the_page_of_its_link_or_into_the_console_and_the_newer_takes_the_place_of_the_older() {
    let s = sample::busy();
    let incident = s.incidents[0].id;
    let link = LinkId(Mint::new(7).uuid(s.made_at));
    let alert = |o: &Occasion, link| match render(ChannelKind::Push, o, &s, Lang::En, Audience::Staff, link) {
        Payload::Push { title, text, url, tag } => (title, text, url, tag),
        _ => panic!("an alert was asked for"),
    };
    let again = Occasion::Unacknowledged { incident, reopened: 0, nth: 1 };
    let (title, text, url, tag) = alert(&again, Some(link));
    assert!(!title.is_empty() && text.contains('\n'), "{text}");
    assert_eq!((url, tag), (format!("/act/{link}"), incident.to_string()));
    assert_eq!(alert(&again, None).2, format!("/console/incidents/{incident}"));
    assert_eq!(alert(&Occasion::UplinkLost { at: s.made_at }, None).2, "/console/");
}

#[test]
fn every_occasion_is_a_mail_and_a_webhook_in_every_language() {
    let s = sample::busy();
    let tests = include_str!("tests.rs");
    for variant in include_str!("../message.rs").split("Occasion::").skip(1) {
        let name: String = variant.chars().take_while(char::is_ascii_alphanumeric).collect();
        assert!(tests.contains(&format!("Occasion::{name} {{")), "{name} has no sample here");
    }
    for o in occasions(&s) {
        let mut subjects = Vec::new();
        for lang in Lang::ALL {
            for audience in [Audience::Public, Audience::Staff] {
                let (subject, text, html, thread) = mail(&o, &s, lang, audience);
                assert!(!subject.is_empty() && !subject.contains(['\r', '\n']), "{o:?}");
                assert!(
                    text.contains(&s.site.url) && html.contains("status.harbour.example"),
                    "{o:?} says where"
                );
                for body in [&subject, &text, &html] {
                    assert_eq!(crate::words::tests::gap(body), None, "{o:?}");
                    assert!(!body.contains("{ $") && !body.contains("{{"), "{o:?}: {body}");
                }
                let about = o.incident().map(|i| i.to_string()).or(o.maintenance().map(|m| m.to_string()));
                assert_eq!(thread, about, "mails about one thing are one thread");
                subjects.push(subject);
            }
            for app in ChatApp::ALL {
                let Payload::Chat { app: of, body } =
                    render(ChannelKind::Chat(app), &o, &s, lang, Audience::Public, None)
                else {
                    panic!("a chat room's");
                };
                assert!(of == app && body.contains("status.harbour.example"), "{o:?}: {body}");
                assert_eq!(crate::words::tests::gap(&body.replace(['{', '}'], "")), None, "{o:?}");
            }
            let body = webhook(&o, &s, lang);
            assert_eq!(body["type"], type_of(&o));
            assert_eq!(body["page"]["status_indicator"], "major");
            assert_eq!(body.get("incident").is_some(), o.incident().is_some(), "{o:?}");
            assert_eq!(body.get("maintenance").is_some(), o.maintenance().is_some(), "{o:?}");
        }
        subjects.dedup();
        assert_eq!(subjects.len(), 4, "{o:?}: {subjects:?}");
    }
}

#[test]
fn a_mail_can_be_read_as_plain_text() {
    let s = sample::busy();
    let (subject, text, _, _) = mail(&occasions(&s)[1], &s, Lang::En, Audience::Public);
    assert_eq!(subject, "Update: Checkout: down · Harbour Shop");
    insta::assert_snapshot!(text);
    let (subject, text, _, _) = mail(&occasions(&s)[0], &s, Lang::ZhCn, Audience::Staff);
    assert_eq!(subject, "警报：结账：中断 · 海港商店");
    assert!(text.contains("下次更新不晚于：2026年11月22日 10:45（UTC+8）"), "{text}");
}

#[test]
fn a_webhook_has_the_shape_of_statuspage_and_our_own_type() {
    let s = sample::busy();
    let body = webhook(&occasions(&s)[1], &s, Lang::En);
    for field in ["meta", "page", "incident", "type", "subject", "text", "url", "occasion"] {
        assert!(body.get(field).is_some(), "{field}");
    }
    assert_eq!(body["type"], "incident.updated");
    assert_eq!(body["page"]["status_description"], "Partial System Outage");
    assert_eq!(body["incident"]["incident_updates"].as_array().unwrap().len(), 3);
    assert_eq!(body["occasion"]["occasion"], "incident_updated");
}

#[test]
fn staff_read_who_has_it_and_visitors_do_not() {
    let mut s = sample::busy();
    let at = s.made_at;
    let by = stillhere_model::Author::Person("kim@example.com".to_owned());
    let i = s.incidents.iter_mut().find(|i| i.status.is_open()).expect("one is open");
    i.acknowledgements.push(stillhere_model::Acknowledgement { at, by, reopened: i.reopened });
    let incident = i.id;
    let o = Occasion::Acknowledged { incident, at };
    let (subject, text, html, _) = mail(&o, &s, Lang::En, Audience::Staff);
    assert!(subject.starts_with("Alert: Taken on:"), "{subject}");
    assert!(text.contains("kim@example.com took it on at") && html.contains("kim@example.com took it on at"));
    let update = Occasion::IncidentUpdated { incident, update: s.incident(&incident).unwrap().updates[0].id };
    assert!(mail(&update, &s, Lang::ZhCn, Audience::Staff).1.contains("接手人：kim@example.com"));
    assert!(!mail(&update, &s, Lang::En, Audience::Public).1.contains("kim@"));
}

#[test]
fn a_mail_to_staff_may_carry_a_link_and_a_webhook_never_does() {
    let s = sample::busy();
    let link = stillhere_model::LinkId(stillhere_model::Mint::new(4).uuid(s.made_at));
    let incident = s.incidents[0].id;
    let o = Occasion::IncidentOpened { incident, update: s.incidents[0].updates[0].id };
    let both = [ChannelKind::Mail, ChannelKind::Webhook];
    let [mail, hook] = both.map(|kind| render(kind, &o, &s, Lang::En, Audience::Staff, Some(link)));
    let Payload::Mail { text, html, .. } = mail else { panic!("a mail") };
    let address = format!("/act/{link}");
    assert!(text.contains(&address) && html.contains(&link.to_string()));
    let Payload::Webhook { body } = hook else { panic!("a webhook") };
    assert!(!body.contains(&link.to_string()));
}

#[test]
fn case_m_a_missed_promise_is_told_as_missed() {
    let s = sample::busy();
    let o = Occasion::PromiseMissed { incident: s.incidents[1].id, due: sample::ago(60) };
    let (subject, text, _, _) = mail(&o, &s, Lang::En, Audience::Public);
    assert!(subject.starts_with("Promised update missed: Card payments fail"));
    assert!(text.contains("We promised an update by 22 Nov 2026, 10:33 (UTC+8) and missed it."));
    let o = Occasion::PromiseDue { incident: s.incidents[2].id, due: sample::ago(0), nth: 1 };
    assert!(mail(&o, &s, Lang::En, Audience::Staff).0.starts_with("Alert: Update due by 10:34"));
}

#[test]
fn what_the_snapshot_does_not_hold_is_said_without_details() {
    let s = sample::all_fine();
    let id = Mint::new(99).uuid(s.made_at);
    let o = Occasion::IncidentResolved { incident: IncidentId(id), update: stillhere_model::UpdateId(id) };
    let (_, text, _, _) = mail(&o, &s, Lang::En, Audience::Public);
    assert!(text.contains("no longer on the page") && text.contains(&IncidentId(id).to_string()));
    let o = Occasion::MaintenanceStarted { maintenance: MaintenanceId(id) };
    assert!(mail(&o, &s, Lang::ZhCn, Audience::Public).1.contains("已不在状态页上"));
}

#[test]
fn case_t_nothing_is_injected_and_everything_is_bounded() {
    let nasty = format!(
        "A\r\nBcc: x@y.z\r\n\r\n<script>alert(1)</script>\u{202E}{{{{ 7*7 }}}}\0{}",
        "界".repeat(3_400_000)
    );
    let mut s = sample::busy();
    s.site.name = nasty.as_str().into();
    s.site.contact.phone = Some(nasty.clone());
    Arc::make_mut(&mut s.services[1]).name = nasty.as_str().into();
    let i = &mut s.incidents[2];
    i.title = Some(nasty.as_str().into());
    i.updates[1].said = stillhere_model::Said::Text { text: nasty.as_str().into() };
    i.updates[0].said = stillhere_model::Said::Text { text: "界".repeat(10_000).into() };
    let many = vec![i.updates[0].clone(); 60];
    i.updates.extend(many);
    s.maintenances[0].title = nasty.as_str().into();
    s.maintenances[0].body = Some(nasty.into());
    for o in occasions(&s) {
        for lang in Lang::ALL {
            let (subject, text, html, _) = mail(&o, &s, lang, Audience::Public);
            assert!(subject.chars().count() <= SUBJECT_CHARS && !subject.contains(['\r', '\n', '\u{202E}']));
            assert!(text.len() < 40_000 && html.len() < 60_000, "{} {}", text.len(), html.len());
            assert!(!html.contains("<script") && !html.contains("49"), "{o:?}");
            assert!(!text.contains(['\r', '\u{202E}', '\0']));
            let body = webhook(&o, &s, lang).to_string();
            assert!(body.len() < 200_000 && !body.contains('\u{202E}'), "{}", body.len());
        }
    }
}

#[test]
fn a_letter_is_the_mail_with_the_readers_own_link_at_its_end_in_every_language() {
    let s = sample::busy();
    for lang in Lang::ALL {
        for o in occasions(&s).iter().filter(|o| o.incident().is_some() || o.maintenance().is_some()) {
            let (subject, _, _, thread) = mail(o, &s, lang, Audience::Public);
            let letter = letter(o, &s, lang);
            assert_eq!((&letter.subject, &letter.thread), (&subject, &thread));
            let written = crate::subscribe::news(&letter, "https://s.example/subscribe/manage/a\"b");
            assert!(written.text.trim_end().ends_with("/manage/a\"b"), "{}", written.text);
            assert_eq!(written.html.matches("/manage/a&quot;b").count(), 1, "{}", written.html);
            assert!(!written.html.contains(LINK) && !written.text.contains(LINK));
        }
    }
}

#[test]
fn case_t_words_of_others_cannot_move_the_link_nor_become_markup() {
    let mut s = sample::busy();
    let evil = format!("</p><script>x</script>{LINK}\r\nBcc: all@example.com");
    s.incidents[2].title = Some(evil.as_str().into());
    let o = Occasion::IncidentOpened { incident: s.incidents[2].id, update: s.incidents[2].updates[0].id };
    let letter = letter(&o, &s, Lang::En);
    let written = crate::subscribe::news(&letter, "https://s.example/subscribe/manage/x");
    assert_eq!(written.html.matches("/manage/x").count(), 1);
    assert!(written.text.trim_end().ends_with("/manage/x"));
    assert!(!written.html.contains("<script>") && !written.subject.contains('\n'));
    let news = |n| stillhere_model::News {
        id: stillhere_model::NewsId(Mint::new(n).uuid(s.made_at)),
        at: s.made_at,
        what: stillhere_model::What::Occasion {
            occasion: o.clone(),
            services: Vec::new(),
            impact: None,
            letters: [(Lang::En, letter.clone())].into(),
            hooks: [].into(),
        },
    };
    for lang in Lang::ALL {
        let digest = crate::subscribe::digest(&s.site, lang, &[news(1), news(2)], "https://s.example/m");
        assert!(digest.subject.contains('2') && !digest.html.contains("<script>"), "{digest:?}");
        assert_eq!(digest.text.matches(&letter.url).count(), 2);
        let confirm = crate::subscribe::confirm(&s.site, lang, "https://s.example/c");
        assert!(
            confirm.text.contains("https://s.example/c") && confirm.html.contains("href=\"https:&#x2f;"),
            "{confirm:?}"
        );
        assert!(!crate::subscribe::known(&s.site, lang, "https://s.example/k").text.is_empty());
    }
}
