//! Snapshots to look at and to test with. Shared by the tests and by `examples/gallery.rs`.

use crate::{
    logo::{Logo, Picture},
    snapshot::{Contact, LatencyPoint, Offer, OwnTrouble, ServiceView, Site, Snapshot},
    timeline::{self, Segment},
};
use std::{sync::Arc, time::Duration};
use stillhere_model::{
    Affected, Amendment, Author, Basis, CheckView, Eta, EtaRecord, EtaScore, Finding, Impact, Incident,
    IncidentId, IncidentStatus, Lang, Maintenance, MaintenanceId, MaintenanceStatus, Mint, Outcome, Promise,
    Reason, Said, Status, Text, Time, Update, UpdateId, Verdict,
};

pub const NOW: &str = "2026-11-22T02:34:12Z";

const HOUR: u64 = 3_600;

pub fn at(s: &str) -> Time {
    Time::parse(s).expect("an RFC 3339 time")
}

/// `seconds` before [`NOW`].
pub fn ago(seconds: u64) -> Time {
    at(NOW).minus(Duration::from_secs(seconds))
}

pub fn text(en: &str, zh: &str) -> Text {
    Text::Each([(Lang::En, en.to_owned()), (Lang::ZhCn, zh.to_owned())].into())
}

pub fn site() -> Site {
    Site {
        name: text("Harbour Shop", "海港商店"),
        url: "https://status.harbour.example".to_owned(),
        time_zone: "Asia/Shanghai".to_owned(),
        languages: vec![Lang::En, Lang::ZhCn],
        contact: Contact {
            phone: Some("+86 21 5555 0100".to_owned()),
            chat_url: Some("https://harbour.example/chat".to_owned()),
            email: Some("help@harbour.example".to_owned()),
            hours: Some(text("Every day, 8:00 to 22:00", "每天 8:00–22:00")),
        },
        accent: None,
        logo: None,
        subscribe: Offer { mail: true, webhook: true, push: true, push_key: Some("B".repeat(87)) },
    }
}

/// A mark for light and one for dark pages.
pub fn logo() -> Arc<Logo> {
    let svg = |colour: &str| {
        let svg = format!(
            "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 9 9'><path fill='{colour}' d='M0 9l4-9 5 9z'/></svg>"
        );
        Picture::new(svg.into_bytes()).expect("an SVG")
    };
    Arc::new(Logo { light: svg("#036"), dark: Some(svg("#9cf")) })
}

const SERVICES: [(&str, &str, &str, &str, &str); 20] = [
    ("shop", "Online shop", "网上商店", "Buying", "购物"),
    ("checkout", "Checkout", "结账", "Buying", "购物"),
    ("search", "Search", "搜索", "Buying", "购物"),
    ("accounts", "Accounts and sign-in", "账户与登录", "Buying", "购物"),
    ("payments", "Card payments", "银行卡支付", "Paying", "支付"),
    ("wallets", "Wallets", "电子钱包", "Paying", "支付"),
    ("invoices", "Invoices", "发票", "Paying", "支付"),
    ("meetings", "Meetings", "会议", "Talking", "沟通"),
    ("recordings", "Recordings", "录像", "Talking", "沟通"),
    ("chat", "Chat", "聊天", "Talking", "沟通"),
    ("push", "Push messages", "推送消息", "Talking", "沟通"),
    ("api", "Public API", "公共接口", "For developers", "开发者"),
    ("webhooks", "Webhooks", "回调", "For developers", "开发者"),
    ("sandbox", "Sandbox", "沙盒", "For developers", "开发者"),
    ("docs", "Documentation", "文档", "For developers", "开发者"),
    ("warehouse", "Warehouse", "仓库", "Delivery", "配送"),
    ("tracking", "Parcel tracking", "包裹跟踪", "Delivery", "配送"),
    ("returns", "Returns", "退货", "Delivery", "配送"),
    ("cdn", "Pictures and video", "图片与视频", "Delivery", "配送"),
    ("mail", "E-mail", "电子邮件", "Delivery", "配送"),
];

fn verdict(id: &str, status: Status, reason: Reason, since: Time) -> Verdict {
    let outcome = match status {
        Status::Operational | Status::UnderMaintenance => Outcome::Up,
        Status::Unknown => Outcome::Unknown,
        Status::DegradedPerformance => Outcome::Slow,
        Status::PartialOutage | Status::MajorOutage => Outcome::Down,
    };
    Verdict {
        service: id.into(),
        status,
        since,
        reason,
        checks: vec![CheckView {
            check: format!("{id}/home").as_str().into(),
            outcome,
            since,
            last_look: Some(ago(4)),
            finding: None,
            votes_down: 0,
            votes_live: 1,
        }],
        unstable: false,
        maintenance: None,
    }
}

/// The `n`th sample service, with its own past: a few bad stretches, one unseen half hour, a plausible latency.
pub fn service(n: usize, status: Status, reason: Reason, since: Time) -> ServiceView {
    let (id, en, zh, group_en, group_zh) = SERVICES[n % SERVICES.len()];
    let name = format!("{id}{}", if n < SERVICES.len() { String::new() } else { format!("-{n}") });
    let mut mint = Mint::new(n as u64 + 40);
    let mut segments = vec![Segment { from: ago(120 * 24 * HOUR), until: None, status: Status::Operational }];
    let mut bad = |status, from: u64, length: u64| {
        let end = segments.last_mut().expect("there is one");
        end.until = Some(ago(from));
        segments.push(Segment { from: ago(from), until: Some(ago(from - length)), status });
        segments.push(Segment { from: ago(from - length), until: None, status: Status::Operational });
    };
    let mut day = 88u64;
    while day > 3 {
        day = day.saturating_sub(5 + mint.next_u64() % 40);
        if day == 0 {
            break;
        }
        let status = match mint.next_u64() % 5 {
            0 => Status::MajorOutage,
            1 => Status::PartialOutage,
            2 => Status::UnderMaintenance,
            _ => Status::DegradedPerformance,
        };
        bad(status, day * 24 * HOUR, 600 + mint.next_u64() % 9_000);
    }
    if status != Status::Operational {
        let seconds = at(NOW).since(since).as_secs();
        if seconds > 0 {
            bad(status, seconds, seconds);
        }
    }
    let gap = (ago(31 * 24 * HOUR), ago(31 * 24 * HOUR - 1_800));
    let (days, uptime) = timeline::days(&segments, &[gap], &[], at(NOW), &timeline::zone("Asia/Shanghai"));
    let base = 20.0 + (mint.next_u64() % 200) as f32;
    let latency = (0..48u64)
        .map(|i| {
            let ms =
                base * (1.0 + (mint.next_u64() % 30) as f32 / 100.0) + if i % 17 == 9 { base } else { 0.0 };
            let dead = status == Status::MajorOutage && i > 46;
            LatencyPoint {
                at: ago((48 - i) * 1_800),
                p50_ms: (!dead).then_some(ms),
                p95_ms: (!dead).then_some(ms * 1.8),
            }
        })
        .collect();
    ServiceView {
        id: name.as_str().into(),
        name: text(en, zh),
        description: (n == 1).then(|| text("Basket, prices and orders", "购物车、价格与订单")),
        group: Some(text(group_en, group_zh)),
        verdict: verdict(&name, status, reason, since),
        days: days.into(),
        uptime,
        latency,
        depends_on: Vec::new(),
        created_at: ago(120 * 24 * HOUR),
        updated_at: since,
    }
}

pub fn fine(n: usize) -> ServiceView {
    service(n, Status::Operational, Reason::AllUp, ago(20 * 24 * HOUR))
}

pub fn down(n: usize) -> ServiceView {
    let finding = Some(Finding::HttpStatus { status: 503 });
    service(n, Status::MajorOutage, Reason::ChecksDown { down: 1, of: 1, finding }, ago(1_932))
}

/// An incident of the checkout, resolved when `end` is given.
pub fn incident(seed: u64, start: &str, end: Option<&str>) -> Incident {
    let start = at(start);
    let end = end.map(at);
    let mut mint = Mint::new(seed);
    let mut update = |at: Time, status, said| Update {
        id: UpdateId(mint.uuid(at)),
        at,
        status,
        said,
        by: Author::Automatic,
        changed: Vec::new(),
        next_update_by: None,
    };
    let opened = start.plus(Duration::from_millis(700));
    let mut updates = vec![update(
        opened,
        IncidentStatus::Investigating,
        Said::Opened {
            services: vec!["checkout".into()],
            finding: Some(Finding::HttpStatus { status: 503 }),
        },
    )];
    if let Some(end) = end {
        let lasted_ms = u64::try_from(end.since(start).as_millis()).expect("short");
        updates.push(update(end, IncidentStatus::Resolved, Said::Resolved { lasted_ms }));
    }
    Incident {
        id: IncidentId(Mint::new(seed + 7_000).uuid(start)),
        title: None,
        impact: Impact::Critical,
        status: if end.is_some() { IncidentStatus::Resolved } else { IncidentStatus::Investigating },
        started_at: start,
        opened_at: opened,
        monitoring_at: None,
        resolved_at: end,
        affected: vec![Affected {
            service: "checkout".into(),
            worst: Status::MajorOutage,
            now: if end.is_some() { Status::Operational } else { Status::MajorOutage },
            since: start,
            until: end,
            declared: false,
        }],
        origin: Some("checkout".into()),
        updates,
        etas: Vec::new(),
        promises: vec![Promise {
            made_at: opened,
            due: opened.plus(Duration::from_secs(1_800)),
            kept_at: end,
            missed_at: None,
            nagged_at: None,
            nags: 0,
            withdrawn: None,
        }],
        unstable: false,
        by_hand: false,
        reopened: 0,
        acknowledgements: Vec::new(),
        called_again: 0,
        preventions: Vec::new(),
    }
}

/// An open incident that people have written in.
pub fn written(seed: u64) -> Incident {
    let mut i = incident(seed, "2026-11-22T02:02:00Z", None);
    let mut mint = Mint::new(seed + 1);
    let mut person = |at: Time, status, said| Update {
        id: UpdateId(mint.uuid(at)),
        at,
        status,
        said,
        by: Author::Person("kim".to_owned()),
        changed: Vec::new(),
        next_update_by: None,
    };
    i.updates.push(person(
        ago(1_500),
        IncidentStatus::Identified,
        Said::Text {
            text: text(
                "The payments database moved to its second site at 10:02 and came up without its indexes. Two engineers are rebuilding them.",
                "支付数据库于 10:02 切换到第二机房，启动时缺少索引。两名工程师正在重建索引。",
            ),
        },
    ));
    i.updates.push(person(
        ago(420),
        IncidentStatus::Identified,
        Said::Text {
            text: text(
                "Half of the indexes are back. Orders you have already placed are safe; please do not send them again.",
                "一半的索引已经恢复。您已提交的订单是安全的，请不要重复提交。",
            ),
        },
    ));
    i.status = IncidentStatus::Identified;
    i.promises.push(Promise {
        made_at: ago(420),
        due: at(NOW).plus(Duration::from_secs(11 * 60)),
        kept_at: None,
        missed_at: None,
        nagged_at: None,
        nags: 0,
        withdrawn: None,
    });
    i.promises[0].kept_at = Some(ago(420));
    let basis = Basis::Record { own: 23, alike: 7, others: false };
    let minutes = |n: u64| Some(at(NOW).plus(Duration::from_secs(n * 60)));
    i.etas = vec![
        Eta {
            shown_at: i.opened_at,
            by: minutes(2),
            half: Some(ago(600)),
            basis: basis.clone(),
            passed_at: None,
        },
        Eta { shown_at: ago(120), by: minutes(71), half: minutes(26), basis, passed_at: None },
    ];
    i
}

pub fn maintenance_of(seed: u64, status: MaintenanceStatus) -> Maintenance {
    let (starts_at, ends_at) = match status {
        MaintenanceStatus::Scheduled => (at("2026-11-24T18:00:00Z"), at("2026-11-24T20:00:00Z")),
        _ => (ago(1_800), at(NOW).plus(Duration::from_secs(5_400))),
    };
    Maintenance {
        id: MaintenanceId(Mint::new(seed + 9_000).uuid(starts_at)),
        title: text("New disks for search", "搜索服务更换磁盘"),
        body: Some(text(
            "Results may be a few minutes old while we move the index.",
            "迁移索引期间，搜索结果可能会滞后几分钟。",
        )),
        services: vec!["search".into()],
        starts_at,
        ends_at,
        expect: Status::DegradedPerformance,
        status,
        created_at: ago(3 * 24 * HOUR),
        completed_at: None,
        updates: Vec::new(),
        from_file: None,
    }
}

pub fn snapshot(services: Vec<ServiceView>) -> Snapshot {
    Snapshot {
        epoch: 1,
        seq: 42,
        made_at: at(NOW),
        fresh_until: at(NOW).plus(Duration::from_secs(40)),
        last_look: Some(ago(4)),
        site: site(),
        services: services.into_iter().map(Arc::new).collect(),
        incidents: Vec::new(),
        history: vec![incident(90, "2026-11-19T06:10:00Z", Some("2026-11-19T06:31:00Z"))],
        maintenances: Vec::new(),
        own: Vec::new(),
        eta_record: EtaRecord::default(),
        recorded: 0,
    }
}

pub fn all_fine() -> Snapshot {
    let mut s = snapshot((0..7).map(fine).collect());
    s.maintenances.push(maintenance_of(1, MaintenanceStatus::Scheduled));
    s
}

pub fn all_down() -> Snapshot {
    let mut s = snapshot((0..4).map(down).collect());
    let mut i = written(1);
    for n in ["shop", "search", "accounts"] {
        let more = Affected { service: n.into(), ..i.affected[0].clone() };
        i.affected.push(more);
    }
    s.incidents.push(i);
    s
}

/// 20 services over 90 days and 3 incidents: the page that must fit into one round trip.
pub fn busy() -> Snapshot {
    let mut services: Vec<ServiceView> = (0..20).map(fine).collect();
    services[1] = down(1);
    services[4] = service(
        4,
        Status::PartialOutage,
        Reason::ChecksDown { down: 1, of: 3, finding: Some(Finding::ConnectTimeout { timeout_ms: 5_000 }) },
        ago(1_200),
    );
    services[8] = service(
        8,
        Status::DegradedPerformance,
        Reason::ChecksSlow {
            slow: 1,
            of: 1,
            finding: Some(Finding::Slow { took_ms: 4_210, limit_ms: 1_500 }),
        },
        ago(900),
    );
    services[13] = service(13, Status::Unknown, Reason::CannotSee { finding: None }, ago(300));
    services[2] = service(2, Status::UnderMaintenance, Reason::AllUp, ago(1_800));
    let maintenance = maintenance_of(2, MaintenanceStatus::InProgress);
    services[2].verdict.reason = Reason::Maintenance { id: maintenance.id };
    services[2].verdict.maintenance = Some(maintenance.id);
    let mut s = snapshot(services);
    let mut second = incident(4, "2026-11-22T02:14:00Z", None);
    second.title = Some(text("Card payments fail for some banks", "部分银行的银行卡支付失败"));
    second.impact = Impact::Major;
    second.affected[0].service = "payments".into();
    second.affected[0].now = Status::PartialOutage;
    second.promises[0].due = ago(60);
    second.promises[0].missed_at = Some(ago(60));
    second.etas.push(Eta {
        shown_at: ago(1_080),
        by: Some(ago(240)),
        half: None,
        basis: Basis::Person { name: "kim".to_owned() },
        passed_at: Some(ago(240)),
    });
    let mut third = incident(5, "2026-11-22T02:19:00Z", None);
    third.impact = Impact::Minor;
    third.affected[0].service = "recordings".into();
    third.affected[0].worst = Status::DegradedPerformance;
    third.affected[0].now = Status::DegradedPerformance;
    third.origin = Some("recordings".into());
    s.incidents = vec![third, second, written(3)];
    s.eta_record =
        EtaRecord { computed: EtaScore { given: 40, held: 33 }, people: EtaScore { given: 6, held: 2 } };
    s.maintenances = vec![maintenance, maintenance_of(3, MaintenanceStatus::Scheduled)];
    s
}

/// More services than stay unfolded.
pub fn many(n: usize) -> Snapshot {
    let mut services: Vec<ServiceView> = (0..n).map(fine).collect();
    services[n / 2] = down(n / 2);
    let group = |i: usize| SERVICES[i % SERVICES.len()].3;
    services.sort_by_key(|s| s.group.as_ref().map(|g| g.get(Lang::En).to_owned()));
    assert!(!group(0).is_empty());
    snapshot(services)
}

pub fn in_maintenance() -> Snapshot {
    let maintenance = maintenance_of(2, MaintenanceStatus::InProgress);
    let mut services: Vec<ServiceView> = (0..5).map(fine).collect();
    services[2] =
        service(2, Status::UnderMaintenance, Reason::Maintenance { id: maintenance.id }, ago(1_800));
    services[2].verdict.maintenance = Some(maintenance.id);
    let mut s = snapshot(services);
    s.maintenances = vec![maintenance];
    s
}

pub fn unknown() -> Snapshot {
    let mut s =
        snapshot((0..5).map(|n| service(n, Status::Unknown, Reason::OwnUplinkDown, ago(240))).collect());
    s.own = vec![OwnTrouble::UplinkDown { since: ago(240) }];
    s
}

/// The second incident's start was corrected, and so was one of its texts.
pub fn corrected() -> Snapshot {
    let mut s = all_fine();
    let mut i = incident(91, "2026-11-20T03:00:00Z", Some("2026-11-20T04:00:00Z"));
    let mut mint = Mint::new(91);
    let mut push = |said| {
        let at = ago(24 * HOUR);
        let by = Author::Person("kim".to_owned());
        let id = UpdateId(mint.uuid(at));
        i.updates.push(Update {
            id,
            at,
            status: IncidentStatus::Resolved,
            said,
            by,
            changed: Vec::new(),
            next_update_by: None,
        });
        id
    };
    let text_id = push(Said::Text { text: "A switch was replaced.".into() });
    push(Said::TextCorrected {
        update: text_id,
        from: "A switch was replaced.".into(),
        to: "A cable was replaced.".into(),
    });
    push(Said::StartCorrected {
        from: at("2026-11-20T03:20:00Z"),
        to: at("2026-11-20T03:00:00Z"),
        note: Some("Found in the logs.".into()),
    });
    let amendment = Amendment {
        service: "checkout".into(),
        from: at("2026-11-20T03:00:00Z"),
        until: at("2026-11-20T03:20:00Z"),
        status: Status::MajorOutage,
        incident: i.id,
        made_at: ago(24 * HOUR),
    };
    let record = [
        Segment {
            from: ago(120 * 24 * HOUR),
            until: Some(at("2026-11-20T03:20:00Z")),
            status: Status::Operational,
        },
        Segment {
            from: at("2026-11-20T03:20:00Z"),
            until: Some(at("2026-11-20T04:00:00Z")),
            status: Status::MajorOutage,
        },
        Segment { from: at("2026-11-20T04:00:00Z"), until: None, status: Status::Operational },
    ];
    let (days, uptime) =
        timeline::days(&record, &[], &[amendment], at(NOW), &timeline::zone("Asia/Shanghai"));
    let view = Arc::make_mut(&mut s.services[1]);
    (view.days, view.uptime) = (days.into(), uptime);
    s.history.insert(0, i);
    s
}

/// Every sample by name.
pub fn all() -> Vec<(&'static str, Snapshot)> {
    vec![
        ("fine", all_fine()),
        ("major", all_down()),
        ("busy", busy()),
        ("many", many(40)),
        ("maintenance", in_maintenance()),
        ("unknown", unknown()),
        ("corrected", corrected()),
        ("empty", snapshot(Vec::new())),
    ]
}
