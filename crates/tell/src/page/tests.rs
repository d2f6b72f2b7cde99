use super::*;
use crate::{Headline, headline, sample, timeline};
use flate2::{Compression, write::GzEncoder};
use std::{io::Write as _, sync::Arc};
use stillhere_model::{Author, Finding, Reason, Said, Text, Update, UpdateId};

const LIVE: View = View { stale: false, published_at: None, live: true };

fn views() -> [View; 3] {
    [
        LIVE,
        View { stale: true, ..LIVE },
        View { published_at: Some(sample::at(sample::NOW)), ..View::default() },
    ]
}

fn gzip(text: &str) -> usize {
    let mut out = GzEncoder::new(Vec::new(), Compression::best());
    out.write_all(text.as_bytes()).unwrap();
    out.finish().unwrap().len()
}

fn text_of(html: &str) -> String {
    let body = html.split("<main").nth(1).unwrap().split("<script").next().unwrap();
    let mut out = String::new();
    let mut inside = false;
    for c in body.chars() {
        match c {
            '<' => inside = true,
            '>' => inside = false,
            c if !inside => out.push(c),
            _ => {}
        }
    }
    out
}

/// Every page of every sample in every language and view; debug builds panic when a template fails.
fn each_page(mut check: impl FnMut(&str, &str)) {
    for (name, s) in sample::all() {
        for lang in Lang::ALL {
            for view in views() {
                check(name, &status(&s, lang, &view));
                check(name, &history(&s, lang, &view));
                check(name, &not_found(&s, lang, &view));
                for i in s.incidents.iter().chain(&s.history) {
                    check(name, &incident(&s, lang, &view, &i.id).unwrap());
                }
                for m in &s.maintenances {
                    check(name, &maintenance(&s, lang, &view, &m.id).unwrap());
                }
            }
        }
    }
    report::each(check);
}

#[test]
fn every_page_of_every_sample_renders_in_every_language() {
    let mut pages = 0;
    each_page(|name, html| {
        pages += 1;
        assert!(html.starts_with("<!doctype html>") && html.ends_with("</html>"), "{name}");
        assert_eq!(html.matches("<h1").count(), 1, "{name} has one headline");
        assert_eq!(crate::words::tests::gap(html), None, "{name}");
        for bad in ["None", "undefined", "{{", "{%", "{ $"] {
            assert!(!text_of(html).contains(bad), "{name}: {bad}");
        }
    });
    assert!(pages > 100);
}

mod report {
    use super::*;
    use stillhere_model::{Impact, IncidentId, Time};
    use stillhere_record::trust::{Figures, Head, Honesty, LeftOut, Line, Month, Quantiles, Report, Share};

    fn line(id: IncidentId) -> Line {
        Line {
            incident: id,
            services: vec!["nowhere".into()],
            impact: Impact::Major,
            started_at: sample::at(sample::NOW).minus(std::time::Duration::from_hours(3)),
            started_at_first: None,
            over_at: None,
            found_by_person: false,
            detect_ms: Some(31_000),
            acknowledge_ms: None,
            tell_ms: Some(31_000),
            told_after_end: false,
            promises: Share { n: 1, of: 2 },
            longest_silence_ms: Some(1_260_000),
            eta_slips: 0,
            left_out: None,
        }
    }

    fn with(lines: Vec<Line>, figures: Figures) -> Report {
        let (from, until) = (Time(1_793_491_200_000), sample::at(sample::NOW));
        let log = Head { origin: "status.example.com/log".into(), size: 1_234, root: "ab".repeat(32) };
        Report {
            v: 1,
            log,
            month: Month::of(until),
            from,
            until,
            unknown_entries: 0,
            incidents: lines,
            figures,
        }
    }

    fn full() -> Figures {
        let share = Some(Share { n: 5, of: 8 });
        let few = Some(Quantiles { n: 3, p50_ms: None, p90_ms: None, worst_ms: Some(90_000) });
        let many =
            Quantiles { n: 12, p50_ms: Some(-31_000), p90_ms: Some(700_000), worst_ms: Some(5_400_000) };
        let eta = stillhere_record::trust::EtaFigures {
            late: Share { n: 2, of: 12 },
            off: many,
            slipped_often: Share { n: 1, of: 3 },
        };
        Figures {
            detect: few,
            found_by_person: share,
            acknowledge: few,
            acknowledged: share,
            tell: Some(Quantiles { p50_ms: Some(31_000), ..many }),
            told_within_5m: Some(Share { n: 10, of: 12 }),
            told_after_end: Some(Share { n: 1, of: 12 }),
            promises_kept: Some(Share { n: 1, of: 3 }),
            longest_silence: few,
            prevented: share,
            eta_computed: Some(eta.clone()),
            eta_person: Some(eta),
            honesty: Some(Honesty {
                known_ms: 9_000_000,
                said_fine_ms: 61_000,
                said_fine_longest_ms: 31_000,
                said_broken_ms: 0,
                unseen_ms: 4_000,
                services: Vec::new(),
            }),
        }
    }

    /// Each sample with an empty, a small and a full report.
    pub(super) fn each(mut check: impl FnMut(&str, &str)) {
        for (name, s) in sample::all() {
            let known = s.history.first().or(s.incidents.first()).map(|i| line(i.id));
            let mut gone = line(IncidentId::from_bytes([9; 16]));
            gone.left_out = Some(LeftOut::Merged);
            let told = Line {
                told_after_end: true,
                found_by_person: true,
                over_at: Some(sample::at(sample::NOW)),
                started_at_first: Some(Time(1_793_491_200_000)),
                ..gone.clone()
            };
            let lines: Vec<Line> = known.into_iter().chain([gone, Line { left_out: None, ..told }]).collect();
            let months: Vec<Month> = ["2026-10", "2026-11"].map(|m| m.parse().unwrap()).into();
            for lang in Lang::ALL {
                for view in [LIVE, View { stale: true, ..LIVE }] {
                    check(name, &trust(&s, lang, &view, &with(Vec::new(), Figures::default()), &months));
                    check(name, &trust(&s, lang, &view, &with(lines.clone(), full()), &months));
                }
            }
        }
    }

    #[test]
    fn the_report_says_its_numbers_with_how_many_they_are_of_and_what_is_too_few() {
        let s = sample::busy();
        let html = trust(&s, Lang::En, &LIVE, &with(vec![line(s.history[0].id)], full()), &[]);
        let text = text_of(&html);
        for said in [
            "half within 31 s",
            "9 of 10 within 11 min",
            "of 12 incidents",
            "10 of 12 (83 %)",
            "too few to say",
            "1 of 3",
            "told after 31 s",
            "longest silence 21 min",
            "half ended at least 31 s before the time given",
            "1234 entries",
            "stillhere trust --from-log",
            "--month 2026-11",
        ] {
            assert!(text.contains(said) || html.contains(said), "{said}: {text}");
        }
        let policy = trust_csp(&s.site);
        for style in html.split("<style>").skip(1).map(|t| t.split("</style>").next().unwrap()) {
            assert!(policy.contains(&assets::hash(style)), "a style that the policy does not allow");
        }
    }

    #[test]
    fn a_published_copy_leads_to_no_report() {
        let s = sample::busy();
        let copy = status(&s, Lang::En, &View { published_at: Some(s.made_at), ..View::default() });
        assert!(!copy.contains("Our record") && status(&s, Lang::En, &LIVE).contains("Our record"));
    }
}

#[test]
fn no_page_loads_anything_or_has_a_handler_or_style_that_the_policy_forbids() {
    each_page(|name, html| {
        for bad in [" style=", "<iframe", "@import", "src=\"http", "src=\"//", "url(http"] {
            assert!(!html.contains(bad), "{name}: {bad}");
        }
        for tag in html.split('<').skip(1).map(|t| t.split('>').next().unwrap()) {
            let handler =
                |a: &str| a.len() > 2 && a[2..].chars().take_while(|c| *c != '=').all(char::is_alphabetic);
            let mut on = tag.match_indices(" on").map(|(i, _)| &tag[i + 1..]);
            assert!(!on.any(|a| a.contains('=') && handler(a)), "{name}: {tag}");
            assert!(!tag.starts_with("link rel=stylesheet"), "{name}");
        }
        let scripts = html.matches("<script").count();
        assert!(scripts <= 1, "{name}");
    });
}

#[test]
fn style_and_script_are_the_ones_the_policy_names() {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let mut s = sample::busy();
    s.site.accent = Some("#0b6e4f".to_owned());
    let policy = csp(&s.site);
    let html = status(&s, Lang::En, &LIVE);
    for tag in ["style", "script"] {
        for part in
            html.split(&format!("<{tag}>")).skip(1).map(|p| p.split(&format!("</{tag}>")).next().unwrap())
        {
            let hash = STANDARD.encode(ring::digest::digest(&ring::digest::SHA256, part.as_bytes()));
            assert!(policy.contains(&format!("'sha256-{hash}'")), "{tag}");
        }
    }
    assert_eq!(html.matches("<style>").count(), 2);
    assert!(!policy.contains("unsafe"));
}

#[test]
fn twenty_services_ninety_days_and_three_incidents_fit_into_fourteen_kilobytes() {
    let s = sample::busy();
    assert_eq!((s.services.len(), s.services[0].days.len(), s.incidents.len()), (20, 90, 3));
    for lang in Lang::ALL {
        let bytes = gzip(&status(&s, lang, &LIVE));
        assert!(bytes <= 14_000, "{}: {bytes}", lang.tag());
    }
}

/// As many as a snapshot holds, each touching one listed day of one service: as many different links as there can be.
fn with_a_past(mut s: Snapshot) -> Snapshot {
    let zone = crate::timeline::zone(&s.site.time_zone);
    let mut seed = 500;
    for n in 0..s.services.len() {
        let mut view = s.services[n].as_ref().clone();
        let mut days = view.days.to_vec();
        for day in days.clone().iter().rev().filter(|d| d.worst().is_some_and(Status::is_problem)) {
            if s.history.len() >= 100 {
                break;
            }
            seed += 1;
            let at = format!("{}T03:00:00Z", day.date);
            let mut past = sample::incident(seed, &at, Some(&at.replace("03:00", "03:20")));
            past.affected[0].service = view.id.clone();
            crate::timeline::mark(&mut days, std::iter::once(&past), &view.id, s.made_at, &zone);
            s.history.push(past);
        }
        view.days = days.into();
        s.services[n] = view.into();
    }
    s
}

#[test]
fn a_day_with_trouble_leads_to_what_happened_and_the_page_stays_as_small() {
    let s = with_a_past(sample::busy());
    let plain = |s: &Snapshot| status(s, Lang::En, &LIVE).replace("&#x2f;", "/");
    let page = plain(&s);
    let links: std::collections::HashSet<&str> = page
        .split("<li class=")
        .filter_map(|li| li.split("<a href=\"/incidents/").nth(1))
        .map(|l| &l[..32])
        .collect();
    assert!(links.len() > 20, "{}", links.len());
    for lang in Lang::ALL {
        let bytes = gzip(&status(&s, lang, &LIVE));
        assert!(bytes <= 14_000, "{}: {bytes} with {} links", lang.tag(), links.len());
    }
    // Two on one day: the list of all of them.
    let mut s = sample::snapshot(vec![sample::fine(0)]);
    let mut view = s.services[0].as_ref().clone();
    let mut days = view.days.to_vec();
    let day = days.iter_mut().rev().find(|d| d.worst().is_some_and(Status::is_problem)).unwrap();
    s.history = vec![sample::incident(1, "2026-11-01T03:00:00Z", Some("2026-11-01T04:00:00Z"))];
    day.incidents = vec![s.history[0].id];
    view.days = days.clone().into();
    s.services[0] = view.clone().into();
    let href = format!("<a href=\"/incidents/{}?lang=en\">", s.history[0].id);
    assert!(plain(&s).split("<li class=").any(|li| li.contains(&href)));
    let day = days.iter_mut().rev().find(|d| !d.incidents.is_empty()).unwrap();
    s.history.push(sample::incident(2, "2026-11-01T05:00:00Z", Some("2026-11-01T06:00:00Z")));
    day.incidents.push(s.history[1].id);
    view.days = days.into();
    s.services[0] = view.into();
    let list = plain(&s);
    assert!(list.split("<li class=").any(|li| li.contains("<a href=\"/history?lang=en\">")));
}

#[test]
fn the_operators_mark_is_an_image_of_ours_in_the_header_for_light_and_for_dark() {
    let mut s = sample::busy();
    assert!(!status(&s, Lang::En, &LIVE).contains("<picture>"));
    assert!(csp(&s.site).contains("img-src data:;"));
    let logo = sample::logo();
    s.site.logo = Some(logo.clone());
    let (light, dark) = (&logo.light.name, &logo.dark.as_ref().unwrap().name);
    assert_ne!(light, dark);
    for html in [status(&s, Lang::En, &LIVE), history(&s, Lang::ZhCn, &LIVE)] {
        let html = html.replace("&#x2f;", "/");
        let header = html.split("<header").nth(1).unwrap().split("</header>").next().unwrap();
        assert!(header.contains(&format!("<img src=\"/logo/{light}\" alt=\"\"")), "{header}");
        let dark = format!("<source srcset=\"/logo/{dark}\" media=\"(prefers-color-scheme:dark)\">");
        assert!(header.contains(&dark), "{header}");
        assert!(gzip(&html) <= 14_000);
    }
    assert!(csp(&s.site).contains("img-src 'self' data:;"));
    s.site.logo = Some(crate::Logo { dark: None, ..logo.as_ref().clone() }.into());
    assert!(!status(&s, Lang::En, &LIVE).contains("<source"));
}

#[test]
fn the_page_holds_every_fragment_verbatim_inside_the_element_of_its_id() {
    for (name, s) in sample::all() {
        for lang in Lang::ALL {
            let page = status(&s, lang, &LIVE);
            let fragments = fragments(&s, lang);
            assert_eq!(
                fragments.len(),
                fragments.iter().map(|f| &f.0).collect::<std::collections::HashSet<_>>().len()
            );
            for (id, html) in fragments {
                let found = [format!(" id={id}>{html}</"), format!(" id=\"{id}\">{html}</")];
                assert!(found.iter().any(|f| page.contains(f)), "{name}: {id}");
            }
        }
    }
}

#[test]
fn a_change_of_one_service_changes_its_fragment_and_the_headline_alone() {
    let before = sample::all_fine();
    let mut after = before.clone();
    after.seq += 1;
    after.services[3] = Arc::new(sample::down(3));
    let (a, b) = (fragments(&before, Lang::En), fragments(&after, Lang::En));
    let now = after.made_at;
    let event: serde_json::Value =
        serde_json::from_str(&crate::live::change(&a, &b, &after, now).unwrap()).unwrap();
    let changed: Vec<&String> = event["html"].as_object().unwrap().keys().collect();
    assert_eq!(changed, ["now", "s-accounts"]);
    assert_eq!((event["seq"].as_u64(), event["now"].as_i64()), (Some(43), Some(now.0)));
    assert_eq!(crate::live::change(&b, &b, &after, now), None);
    after.services.pop();
    let c = fragments(&after, Lang::En);
    assert!(crate::live::change(&b, &c, &after, now).unwrap().contains("\"reload\":true"));
    let whole: serde_json::Value = serde_json::from_str(&crate::live::whole(&after, Lang::En, now)).unwrap();
    assert_eq!(whole["html"].as_object().unwrap().len(), c.len());
}

#[test]
fn case_b_the_page_prints_its_formula_and_draws_the_gap() {
    let s = sample::all_fine();
    let html = status(&s, Lang::En, &LIVE);
    assert!(text_of(&html).contains("Uptime = 1 − (time down + 0.3 × time partly down) ÷ time known."));
    assert!(text_of(&html).contains("counts neither as up nor as down"));
    assert!(html.contains("m0-9v-4"), "a bar with a break");
    assert!(text_of(&html).contains("not seen for 30 min"));
}

#[test]
fn case_c_a_stale_page_says_since_when_there_is_no_news() {
    let s = sample::all_fine();
    let html = status(&s, Lang::En, &View { stale: true, ..LIVE });
    assert!(text_of(&html).contains("No fresh news since 10:34"));
    assert!(!text_of(&html).contains("All services are working"), "an old all-clear is not a headline");
    assert!(html.contains("<html lang=\"en\" class=old>"));
    let i = incident(&s, Lang::ZhCn, &View { stale: true, ..LIVE }, &s.history[0].id).unwrap();
    assert!(text_of(&i).contains("没有新消息"));
}

#[test]
fn case_d_when_every_service_is_down_the_headline_is_a_major_outage() {
    let s = sample::all_down();
    assert_eq!(headline(&s), Headline::Major);
    assert!(status(&s, Lang::En, &LIVE).contains("<h1>Major outage</h1>"));
    assert!(status(&s, Lang::ZhCn, &LIVE).contains("<h1>重大中断</h1>"));
    // what we cannot see and what is in planned work do not make it smaller
    let mut s = s;
    s.services[0] =
        Arc::new(sample::service(0, Status::Unknown, Reason::CannotSee { finding: None }, s.made_at));
    assert_eq!(headline(&s), Headline::Major);
    s.services[1] = Arc::new(sample::fine(1));
    assert_eq!(headline(&s), Headline::Partial);
    s.services = vec![Arc::new(sample::fine(0))];
    s.incidents[0].affected.clear();
    assert_eq!(headline(&s), Headline::Major, "a critical incident that names no service counts for all");
}

#[test]
fn case_e_the_headline_is_the_outage_and_not_the_maintenance_beside_it() {
    let mut s = sample::in_maintenance();
    assert_eq!(headline(&s), Headline::Maintenance);
    s.services[4] = Arc::new(sample::down(4));
    assert_eq!(headline(&s), Headline::Partial);
    let html = text_of(&status(&s, Lang::En, &LIVE));
    assert!(html.contains("Some services are not working") && html.contains("Planned work"));
    // worse than planned inside of the maintained service
    let mut s = sample::in_maintenance();
    let id = s.maintenances[0].id;
    let reason = Reason::BeyondMaintenance { id, finding: Some(Finding::ConnectRefused) };
    let mut view = sample::service(2, Status::MajorOutage, reason, s.made_at);
    view.verdict.maintenance = Some(id);
    s.services[2] = Arc::new(view);
    assert_eq!(headline(&s), Headline::Partial);
    let html = text_of(&status(&s, Lang::En, &LIVE));
    assert!(html.contains("worse than planned. It refuses connections."));
}

#[test]
fn case_k_a_corrected_start_is_visible_on_bars_uptime_duration_and_incident() {
    let s = sample::corrected();
    let view = &s.services[1];
    let day = view.days.iter().find(|d| d.corrected).unwrap();
    assert_eq!(day.of(Status::MajorOutage), 3_600_000, "an hour, not forty minutes");
    let lost = 1.0 - view.uptime.unwrap();
    let known: u64 = view.days.iter().map(crate::Day::recorded_ms).sum();
    assert!((lost * known as f64 - 3_600_000.0).abs() < 1.0);
    let front = text_of(&status(&s, Lang::En, &LIVE));
    assert!(front.contains("20 Nov: down for 1 h, corrected later"), "{front}");
    let page = incident(&s, Lang::En, &LIVE, &s.history[0].id).unwrap();
    let text = text_of(&page);
    assert!(text.contains("lasted 1 h"));
    assert!(text.contains("corrected; we first said 20 Nov, 11:20"), "{text}");
    assert!(text.contains("Correction: it began at 20 Nov, 11:00, not at 20 Nov, 11:20. Found in the logs."));
    assert!(page.contains("<del dir=auto>A switch was replaced.</del>"), "the old words stay");
    assert!(text.contains("A cable was replaced."));
}

#[test]
fn case_m_a_missed_promise_is_said_and_a_kept_one_is_not_shown_as_open() {
    let mut s = sample::busy();
    let html = text_of(&status(&s, Lang::En, &LIVE));
    assert!(html.contains("We promised an update by 10:33 and missed it."));
    assert!(html.contains("by 10:45"), "the promise in force");
    let p = s.incidents[1].promises.last_mut().unwrap();
    (p.missed_at, p.kept_at) = (None, Some(s.made_at));
    assert!(!text_of(&status(&s, Lang::En, &LIVE)).contains("10:33"));
    let page = incident(&s, Lang::En, &LIVE, &s.incidents[2].id).unwrap();
    assert!(text_of(&page).contains("Updates we promised") && text_of(&page).contains("kept"));
}

fn nasty() -> String {
    format!(
        "</script><script>alert(1)</script><img src=x onerror=alert(1)>\r\nSet-Cookie: x\u{202E}\u{2066}{{{{ 7*7 }}}}\u{0}{}",
        "界".repeat(3_500_000)
    )
}

#[test]
fn case_t_what_others_write_is_text_and_is_bounded() {
    let mut s = sample::busy();
    let bad = Text::Same(nasty());
    s.site.name = bad.clone();
    s.site.contact.phone = Some(nasty());
    s.site.contact.chat_url = Some("javascript:alert(1)".to_owned());
    s.site.contact.email = Some("a@b.c?bcc=x@y.z\r\nBcc: q".to_owned());
    s.site.contact.hours = Some(bad.clone());
    s.site.accent = Some("red;}body{display:none}".to_owned());
    let view = Arc::make_mut(&mut s.services[1]);
    (view.name, view.description, view.group) = (bad.clone(), Some(bad.clone()), Some(bad.clone()));
    view.verdict.reason = Reason::ChecksDown {
        down: 1,
        of: 1,
        finding: Some(Finding::ConditionFailed { condition: nasty(), actual: nasty() }),
    };
    let i = &mut s.incidents[0];
    i.title = Some(bad.clone());
    i.updates.push(Update {
        id: UpdateId(i.id.0),
        at: s.made_at,
        status: i.status,
        said: Said::Text { text: bad.clone() },
        by: Author::Person(nasty()),
        changed: Vec::new(),
        next_update_by: None,
    });
    s.maintenances[0].title = bad.clone();
    s.maintenances[0].body = Some(bad);
    for html in [
        status(&s, Lang::En, &LIVE),
        incident(&s, Lang::ZhCn, &LIVE, &s.incidents[0].id).unwrap(),
        maintenance(&s, Lang::En, &LIVE, &s.maintenances[0].id).unwrap(),
        history(&s, Lang::En, &LIVE),
    ] {
        assert!(html.len() < 200_000, "{}", html.len());
        assert_eq!(html.matches("<script").count(), usize::from(html.contains("EventSource")));
        for bad in
            ["<img src=x", "\u{202E}", "\u{2066}", "\0", "javascript:", ">49<", "display:none}\"", "mailto:a"]
        {
            assert!(!html.contains(bad), "{bad:?}");
        }
    }
    assert!(status(&s, Lang::En, &LIVE).contains("…"));
}

#[test]
fn a_page_for_five_hundred_services_folds_and_renders() {
    let s = sample::many(500);
    let html = status(&s, Lang::En, &LIVE);
    let groups = html.matches("<details class=grp id=\"g").count();
    let open = html.split("<details class=grp ").filter(|g| g.split('>').next().unwrap().ends_with(" open"));
    assert_eq!((groups, open.count()), (5, 1), "only the group with trouble is open");
    assert_eq!(html.matches("<li id=\"s-").count(), 500);
}

#[test]
fn the_uptime_is_rounded_down_so_that_a_hundred_is_only_said_of_a_hundred() {
    assert_eq!(service::percent(1.0), "100");
    assert_eq!(service::percent(0.999_999_9), "99.99");
    assert_eq!(service::percent(0.9995), "99.95");
    assert_eq!(service::percent(0.0), "0.00");
}

#[test]
fn a_private_copy_of_the_site_with_one_language_has_no_language_switch() {
    let mut s = sample::all_fine();
    s.site.languages = vec![Lang::ZhCn];
    let html = status(&s, Lang::ZhCn, &LIVE);
    assert!(!html.contains("?lang=en") && !html.contains("English"));
    let days = timeline::DAYS;
    assert!(html.contains(&format!("最近 {days} 天，每天一根柱")));
}

#[test]
fn case_l_a_time_that_passed_is_said_to_have_passed_and_stays_said_when_another_replaces_it() {
    let mut s = sample::busy();
    let front = text_of(&status(&s, Lang::En, &LIVE));
    assert!(front.contains("It was expected to be over by 10:30. It is not."), "{front}");
    assert!(front.contains("2 of the last 6 times that our team gave held."), "people apart: {front}");
    assert!(front.contains("Most outages like this are over by 11:45 (4 of 5), half by 11:00."), "{front}");
    assert!(front.contains("33 of the last 40 such times held."), "{front}");
    assert!(front.contains("No estimate yet"), "the third has none: {front}");
    let id = s.incidents[1].id;
    let again = s.incidents[2].etas[1].clone();
    s.incidents[1].etas.push(again);
    let page = incident(&s, Lang::En, &LIVE, &id).unwrap();
    let text = text_of(&page);
    assert!(text.contains("Given before, passed, and it was not over: 10:30"), "{text}");
    assert!(text.contains("by 10:30, from our team too early"), "{text}");
    assert!(!page.contains("kim"), "people are not named in public");
}

#[test]
fn every_page_about_subscribing_is_made_in_every_language_and_shows_addresses_as_text() {
    use crate::subscribe::{Page, Problem};
    use stillhere_model::{Impact, Pace, Wish};
    let s = sample::busy();
    let evil = "<script>\"'@example.com";
    for lang in Lang::ALL {
        let wish = Wish {
            services: vec![s.services[1].id.clone()],
            least: Impact::Major,
            pace: Pace::Daily,
            ..Wish::everything(lang)
        };
        let ask = |problem| Page::Ask { problem, given: evil, wish: &wish, push: Some(evil) };
        let manage = |saved, fresh| Page::Manage {
            token: "t",
            leave: "l",
            address: Some(evil),
            wish: &wish,
            daily: true,
            saved,
            fresh,
        };
        let pages = [
            ask(None),
            ask(Some(Problem::BadAddress)),
            ask(Some(Problem::TooMany)),
            ask(Some(Problem::Unavailable)),
            Page::Sent { hook: false },
            Page::Sent { hook: true },
            Page::Confirm { token: "t", address: Some(evil) },
            Page::Confirm { token: "t", address: None },
            manage(true, false),
            manage(false, true),
            Page::Leave { token: "t", address: Some(evil) },
            Page::Leave { token: "t", address: None },
            Page::Left { of: evil },
            Page::Gone,
            Page::Full,
        ];
        for page in &pages {
            let html = subscribe(&s, lang, page);
            assert!(html.contains("</html>") && html.contains("<h1>"), "{page:?}: {html}");
            assert!(!html.contains("<script>\""), "{page:?}");
        }
        let html = subscribe(&s, lang, &manage(false, false));
        let ticked = html.matches("name=service").count();
        assert_eq!(
            (ticked, html.matches(" checked").count()),
            (s.services.len(), 3),
            "service, language, maintenance"
        );
    }
}
