use super::*;
use crate::sample;
use fluent_syntax_free::keys;
use std::{collections::BTreeSet, fs, path::Path};
use stillhere_model::{Finding, IncidentId, MaintenanceId, Mint, Reason, Said, Status, Time, UpdateId};

/// The keys of a language, read from its sources line by line.
mod fluent_syntax_free {
    use super::*;
    pub(super) fn keys(lang: Lang) -> BTreeSet<String> {
        let lines = sources(lang).iter().flat_map(|s| s.lines());
        let head = |l: &str| l.split_once(" =").map(|(k, _)| k.to_owned());
        lines.filter(|l| l.starts_with(|c: char| c.is_ascii_lowercase())).filter_map(head).collect()
    }
}

fn arguments(lang: Lang, key: &str) -> BTreeSet<String> {
    let text = sources(lang).concat();
    let at = text.find(&format!("\n{key} =")).unwrap_or_else(|| panic!("{key}")) + 1;
    let lines = text[at..].lines().enumerate();
    let own = lines.take_while(|(i, l)| *i == 0 || l.starts_with([' ', '}'])).map(|(_, l)| l);
    let body = own.collect::<Vec<_>>().join("\n");
    body.split('$')
        .skip(1)
        .map(|a| a.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())
        .collect()
}

#[test]
fn every_language_has_the_same_messages_and_no_message_twice() {
    let english = keys(Lang::En);
    for lang in Lang::ALL {
        let own = keys(lang);
        assert_eq!(
            own.symmetric_difference(&english).collect::<Vec<_>>(),
            Vec::<&String>::new(),
            "{}",
            lang.tag()
        );
        let lines: usize = sources(lang)
            .iter()
            .flat_map(|s| s.lines())
            .filter(|l| l.starts_with(|c: char| c.is_ascii_lowercase()) && l.contains(" ="))
            .count();
        assert_eq!(lines, own.len(), "a key stands twice in {}", lang.tag());
        for key in &own {
            assert!(Words::has(lang, key), "{key} is in the file but fluent did not take it");
        }
    }
}

#[test]
fn no_translation_uses_an_argument_that_the_english_message_does_not_have() {
    // `list-more` may count from either end, and grammar may need fewer arguments.
    let free = ["list-more"];
    for key in keys(Lang::En).iter().filter(|k| !free.contains(&k.as_str())) {
        let (english, other) = (arguments(Lang::En, key), arguments(Lang::ZhCn, key));
        assert!(other.is_subset(&english), "{key}: {other:?} against {english:?}");
    }
}

#[test]
fn every_key_in_sources_and_templates_exists_and_every_message_is_used() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |dirs: &[&str]| {
        let mut text = String::new();
        for entry in dirs.iter().flat_map(|dir| fs::read_dir(root.join(dir)).unwrap()) {
            let path = entry.unwrap().path();
            if path.is_file() && !path.ends_with("tests.rs") {
                text += &fs::read_to_string(path).unwrap();
            }
        }
        text
    };
    let (code, templates) =
        (read(&["src", "src/page", "src/words"]), read(&["../../web/status", "../../web/status/part"]));
    // Line ends between a call and its key are the formatter's.
    let code: String = code.split_whitespace().collect::<Vec<_>>().join(" ").replace("( \"", "(\"");
    let all = keys(Lang::En);
    for (text, call) in [
        (&templates, " t(\""),
        (&code, ".plain(\""),
        (&code, ".say(\""),
        (&code, "with_finding(\""),
        (&code, "with_note(\""),
    ] {
        let called = text.split(call).skip(1).map(|rest| rest.split('"').next().unwrap());
        let mut n = 0;
        for key in called.filter(|key| !key.contains('{')) {
            n += 1;
            assert!(all.contains(key), "{call}{key}\" has no message");
        }
        assert!(n > 1, "{call}");
    }
    let text = format!("{code}{templates}");
    // Keys that are put together: `status-{}` and the like.
    let made: Vec<String> = text
        .split("format!(\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next().unwrap().split_once("{}").map(|(head, _)| head.to_owned()))
        .filter(|head| head.ends_with('-') || head == "month-")
        .collect();
    for key in &all {
        let put_together = made.iter().any(|head| key.starts_with(head.as_str()))
            || key.starts_with("month-")
            || key.starts_with("subject-")
            || key.starts_with("headline-");
        assert!(put_together || text.contains(&format!("\"{key}\"")), "{key} is never said");
    }
}

fn findings() -> Vec<Finding> {
    let s = || "x".to_owned();
    vec![
        Finding::DnsNoSuchName,
        Finding::DnsNoAnswer,
        Finding::DnsTimeout { timeout_ms: 5_000 },
        Finding::DnsRefused { code: s() },
        Finding::DnsUnexpected { expected: s(), got: s() },
        Finding::ConnectRefused,
        Finding::ConnectReset,
        Finding::ConnectTimeout { timeout_ms: 5_000 },
        Finding::Unreachable,
        Finding::ProxyFailed { status: Some(502) },
        Finding::ProxyFailed { status: None },
        Finding::TlsHandshake,
        Finding::TlsTimeout { timeout_ms: 5_000 },
        Finding::TlsUntrusted,
        Finding::TlsWrongName,
        Finding::TlsExpired { days: 1 },
        Finding::TlsNotYetValid,
        Finding::TlsRevoked,
        Finding::TlsExpiresSoon { days: 7 },
        Finding::HttpStatus { status: 503 },
        Finding::FirstByteTimeout { timeout_ms: 5_000 },
        Finding::BodyTimeout { timeout_ms: 5_000 },
        Finding::ClosedEarly,
        Finding::MalformedAnswer,
        Finding::TooManyRedirects { limit: 5 },
        Finding::RedirectRefused,
        Finding::BodyTooLarge { limit_bytes: 1_000_000 },
        Finding::ConditionFailed { condition: s(), actual: s() },
        Finding::Slow { took_ms: 2_500, limit_ms: 1_000 },
        Finding::PingNoReply { sent: 3 },
        Finding::PingLoss { lost: 1, sent: 3 },
        Finding::HeartbeatMissed { due: sample::ago(60) },
        Finding::HeartbeatFailed { exit_code: Some(1) },
        Finding::HeartbeatFailed { exit_code: None },
        Finding::HeartbeatTooLong { limit_ms: 60_000 },
        Finding::EdgeAllOut { nodes: 1 },
        Finding::EdgeAllOut { nodes: 2 },
        Finding::EdgeOverloaded,
        Finding::EdgeErrors { percent: 83, answers: 12 },
        Finding::EdgePaused,
        Finding::NotAllowed { what: s() },
        Finding::OwnUplinkDown,
        Finding::OwnFault { what: s() },
        Finding::FellBehind,
        Finding::NotYetLooked,
        Finding::NoFreshNews,
    ]
}

fn reasons() -> Vec<Reason> {
    let id = Mint::new(1).uuid(Time(0));
    let (f, n) = (Some(Finding::ConnectRefused), None);
    vec![
        Reason::AllUp,
        Reason::PartlySeen { unseen: 1, of: 3 },
        Reason::ChecksDown { down: 1, of: 1, finding: f.clone() },
        Reason::ChecksDown { down: 1, of: 2, finding: n.clone() },
        Reason::ChecksSlow { slow: 1, of: 1, finding: f.clone() },
        Reason::ChecksSlow { slow: 2, of: 2, finding: n.clone() },
        Reason::Dependency { on: "checkout".into() },
        Reason::Dependency { on: "private".into() },
        Reason::Maintenance { id: MaintenanceId(id) },
        Reason::BeyondMaintenance { id: MaintenanceId(id), finding: f.clone() },
        Reason::BeyondMaintenance { id: MaintenanceId(id), finding: n.clone() },
        Reason::Declared { incident: IncidentId(id) },
        Reason::CannotSee { finding: f },
        Reason::CannotSee { finding: n },
        Reason::OwnUplinkDown,
        Reason::NoFreshNews,
        Reason::NotYetLooked,
        Reason::NoChecks,
        Reason::Gap,
    ]
}

fn all_said(incident: IncidentId) -> Vec<Said> {
    let (f, note) = (Some(Finding::ConnectRefused), Some("Found in the logs.".into()));
    let (services, service) = (vec!["checkout".into(), "shop".into()], "shop".into());
    let (from, to) = (sample::ago(500), sample::ago(900));
    vec![
        Said::Text { text: "Words.".into() },
        Said::Opened { services: services.clone(), finding: f.clone() },
        Said::Opened { services: services.clone(), finding: None },
        Said::Joined { services: services.clone() },
        Said::Worse { service, status: Status::MajorOutage, finding: f.clone() },
        Said::Worse { service: "shop".into(), status: Status::MajorOutage, finding: None },
        Said::Better { service: "shop".into(), status: Status::Operational },
        Said::OriginFound { origin: "shop".into() },
        Said::OriginFound { origin: "private".into() },
        Said::Recovering { verify_ms: 60_000 },
        Said::Resolved { lasted_ms: 61_000 },
        Said::Reopened { services: services.clone(), finding: f },
        Said::Reopened { services, finding: None },
        Said::Unstable { changes: 6, window_ms: 600_000 },
        Said::PromiseMissed { due: from },
        Said::LostSight,
        Said::StartCorrected { from, to, note: note.clone() },
        Said::StartCorrected { from, to, note: None },
        Said::EndCorrected { from, to, note },
        Said::EndCorrected { from, to, note: None },
        Said::TextCorrected { update: UpdateId(incident.0), from: "A".into(), to: "B".into() },
        Said::MergedInto { incident },
        Said::MergedInto { incident: IncidentId(Mint::new(9).uuid(Time(9))) },
        Said::Rescheduled { starts_at: from, ends_at: to },
    ]
}

/// A space between two Chinese characters, which a reader takes for a missing word.
pub(crate) fn gap(text: &str) -> Option<String> {
    let chinese =
        |c: char| matches!(c, '\u{3001}'..='\u{303f}' | '\u{3400}'..='\u{9fff}' | '\u{ff00}'..='\u{ffef}');
    let chars: Vec<char> = text.chars().collect();
    let found = chars.windows(3).position(|w| w[1] == ' ' && chinese(w[0]) && chinese(w[2]))?;
    Some(chars[found.saturating_sub(8)..(found + 9).min(chars.len())].iter().collect())
}

/// Debug builds panic on a missing message or argument, so saying it is the test. What is said in no language looks
/// like a template, and the two languages differ.
#[test]
fn every_finding_reason_and_update_is_a_sentence_in_every_language() {
    let s = sample::busy();
    let incident = s.incidents[0].id;
    let mut table: Vec<Vec<String>> = Vec::new();
    for lang in Lang::ALL {
        let w = Words::new(lang, &s.site.time_zone);
        let mut verdict = s.services[0].verdict.clone();
        let mut said: Vec<String> = findings().iter().map(|f| w.finding(f, s.made_at)).collect();
        said.extend(reasons().into_iter().map(|r| {
            verdict.reason = r;
            w.reason(&verdict, &s)
        }));
        said.extend(all_said(incident).iter().map(|x| w.said(x, &s, 500)));
        for text in &said {
            assert!(!text.is_empty() && !text.contains('{') && !text.contains("  "), "{text:?}");
            assert!(text.ends_with(['.', '。', '）', '”']), "{text:?} is a sentence");
            assert_eq!(gap(text), None, "{text:?}");
        }
        table.push(said);
    }
    let same = table[0].iter().zip(&table[1]).filter(|(a, b)| a == b).count();
    assert_eq!(same, 1, "only a person's own words are the same in both languages");
}

/// Keys of findings, reasons and updates that no variant leads to would be found by
/// `every_key_in_sources_and_templates…`; this holds that each of the keys is reached by some value.
#[test]
fn every_message_of_findings_reasons_and_updates_is_reached() {
    let source = include_str!("say.rs");
    let s = sample::busy();
    let w = Words::new(Lang::En, "UTC");
    let mut verdict = s.services[0].verdict.clone();
    let mut said: BTreeSet<String> = findings().iter().map(|f| w.finding(f, s.made_at)).collect();
    let all_findings = findings().len();
    assert_eq!(said.len(), all_findings, "each finding has its own sentence");
    said.extend(reasons().into_iter().map(|r| {
        verdict.reason = r;
        w.reason(&verdict, &s)
    }));
    said.extend(all_said(s.incidents[0].id).iter().map(|x| w.said(x, &s, 500)));
    let variants = ["Finding::", "Reason::", "Said::"];
    for variant in variants {
        let in_code: BTreeSet<&str> = source
            .split(variant)
            .skip(1)
            .map(|rest| rest.split(|c: char| !c.is_alphanumeric()).next().unwrap())
            .filter(|name| !name.is_empty())
            .collect();
        let tests = include_str!("tests.rs");
        for name in in_code {
            assert!(tests.contains(&format!("{variant}{name}")), "{variant}{name} has no sample here");
        }
    }
}

#[test]
fn times_are_told_in_the_zone_of_the_site() {
    let t = sample::at("2026-11-22T02:34:12Z");
    let en = |zone| Words::new(Lang::En, zone);
    assert_eq!(en("Asia/Shanghai").clock(t, t), "10:34");
    assert_eq!(en("Asia/Shanghai").clock(t, sample::at("2026-11-22T17:00:00Z")), "22 Nov, 10:34");
    assert_eq!(en("Asia/Shanghai").clock(t, sample::at("2027-01-02T00:00:00Z")), "22 Nov 2026, 10:34");
    assert_eq!(en("America/St_Johns").full(t), "21 Nov 2026, 23:04 (UTC−3:30)");
    assert_eq!(en("No/Where").full(t), "22 Nov 2026, 02:34 (UTC)");
    let zh = Words::new(Lang::ZhCn, "Asia/Shanghai");
    assert_eq!(zh.full(t), "2026年11月22日 10:34（UTC+8）");
    assert_eq!(zh.month_of(t), "2026年11月");
}

#[test]
fn durations_have_the_two_largest_units() {
    let (en, zh) = (Words::new(Lang::En, "UTC"), Words::new(Lang::ZhCn, "UTC"));
    for (ms, want) in [
        (350, "350 ms"),
        (0, "0 s"),
        (9_000, "9 s"),
        (59_999, "59 s"),
        (61_000, "1 min 1 s"),
        (3_599_000, "59 min"),
        (3_660_000, "1 h 1 min"),
        (86_400_000, "1 day"),
        (180_000_000, "2 days 2 h"),
    ] {
        assert_eq!(en.duration(ms), want);
    }
    assert_eq!(zh.duration(180_000_000), "2 天 2 小时");
}

#[test]
fn lists_are_short() {
    let names = |n: usize| ["A", "B", "C", "D", "E"][..n].iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
    let (en, zh) = (Words::new(Lang::En, "UTC"), Words::new(Lang::ZhCn, "UTC"));
    assert_eq!(en.list(&names(1)), "A");
    assert_eq!(en.list(&names(2)), "A and B");
    assert_eq!(en.list(&names(3)), "A, B and C");
    assert_eq!(en.list(&names(5)), "A, B, C and 2 more");
    assert_eq!(zh.list(&names(5)), "A、B、C等 5 项");
}

#[test]
fn a_service_that_is_not_public_is_never_named() {
    let s = sample::all_fine();
    let w = Words::new(Lang::En, "UTC");
    assert_eq!(w.services([&"secret-ledger".into()], &s), "a service");
    assert_eq!(w.services([&"secret-ledger".into(), &"shop".into()], &s), "Online shop");
}

#[test]
fn a_finding_is_said_with_its_service_where_several_are_named_and_never_that_of_a_hidden_one() {
    let s = sample::all_fine();
    let finding = Some(Finding::ConnectRefused);
    let opened = |services: &[&str]| Said::Opened {
        services: services.iter().map(|s| (*s).into()).collect(),
        finding: finding.clone(),
    };
    let (en, zh) = (Words::new(Lang::En, "UTC"), Words::new(Lang::ZhCn, "UTC"));
    for (services, english, chinese) in [
        (
            &["shop"][..],
            "Online shop: our checks see a problem. It refuses connections.",
            "网上商店：我们的检查发现了问题。它拒绝连接。",
        ),
        (
            &["shop", "secret-ledger"],
            "Online shop: our checks see a problem. It refuses connections.",
            "网上商店：我们的检查发现了问题。它拒绝连接。",
        ),
        (
            &["shop", "checkout"],
            "Online shop and Checkout: our checks see a problem. Seen at Online shop: It refuses connections.",
            "网上商店和结账：我们的检查发现了问题。在“网上商店”看到：它拒绝连接。",
        ),
        (
            &["secret-ledger", "shop", "checkout"],
            "Online shop and Checkout: there is a problem.",
            "网上商店和结账：出现了问题。",
        ),
    ] {
        assert_eq!(en.said(&opened(services), &s, 500), english);
        assert_eq!(zh.said(&opened(services), &s, 500), chinese);
    }
    let back = Said::Reopened { services: vec!["shop".into(), "checkout".into()], finding: finding.clone() };
    assert_eq!(
        en.said(&back, &s, 500),
        "It is back. Affected: Online shop and Checkout. Seen at Online shop: It refuses connections."
    );
    let hidden = Said::Worse { service: "secret-ledger".into(), status: Status::MajorOutage, finding };
    assert_eq!(en.said(&hidden, &s, 500), "a service is worse: Down.");
}

#[test]
fn a_title_names_what_is_still_affected_and_all_of_it_when_it_is_over() {
    let s = sample::all_fine();
    let w = Words::new(Lang::En, "UTC");
    let mut i = sample::incident(1, "2026-11-22T02:00:00Z", None);
    let part = |service: &str, worst, until| stillhere_model::Affected {
        service: service.into(),
        worst,
        now: if until { Status::Operational } else { worst },
        since: i.started_at,
        until: until.then_some(s.made_at),
        declared: false,
    };
    let affected =
        vec![part("shop", Status::MajorOutage, true), part("checkout", Status::PartialOutage, false)];
    i.affected = affected;
    i.origin = Some("shop".into());
    assert_eq!(w.title(&i, &s), "Checkout: partly down");
    i.affected[1].until = Some(s.made_at);
    assert_eq!(w.title(&i, &s), "Online shop and Checkout: down", "all well again, being watched");
    i.affected[1].until = None;
    i.status = stillhere_model::IncidentStatus::Resolved;
    assert_eq!(w.title(&i, &s), "Online shop and Checkout: down");
}
