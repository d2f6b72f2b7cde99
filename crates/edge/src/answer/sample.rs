//! What the core says, to test and to look at: a signed notice, as it really is made. Shared by the tests and by
//! `examples/away.rs`.

use std::{sync::Arc, time::Duration};
use stillhere_model::{
    Affected, Author, Impact, Incident, IncidentId, IncidentStatus, Lang, Mint, Promise, Reason, Said,
    Status, Text, Time, Update, UpdateId, Verdict,
};
use stillhere_tell::{Contact, ServiceView, Site, Snapshot, notice};

/// 2026-11-22 10:14:12 in Shanghai.
pub const NOW: Time = Time(1_795_313_652_000);

pub fn key() -> notice::Key {
    notice::Key::from_seed(&[42; 32])
}

pub fn before(seconds: u64) -> Time {
    NOW.minus(Duration::from_secs(seconds))
}

fn text(en: &str, zh: &str) -> Text {
    Text::Each([(Lang::En, en.to_owned()), (Lang::ZhCn, zh.to_owned())].into())
}

fn service(id: &str, name: Text, status: Status, since: Time) -> Arc<ServiceView> {
    Arc::new(ServiceView {
        id: id.into(),
        name,
        description: None,
        group: None,
        verdict: Verdict {
            service: id.into(),
            status,
            since,
            reason: Reason::NoChecks,
            checks: Vec::new(),
            unstable: false,
            maintenance: None,
        },
        days: Vec::new().into(),
        uptime: None,
        latency: Vec::new(),
        depends_on: Vec::new(),
        created_at: before(86_400),
        updated_at: since,
    })
}

/// All is well.
pub fn well(made_at: Time, seq: u64) -> Snapshot {
    let since = before(86_400);
    Snapshot {
        epoch: 1,
        seq,
        made_at,
        fresh_until: made_at.plus(Duration::from_secs(40)),
        last_look: Some(made_at),
        site: Site {
            name: text("Lantern Shop", "灯笼商店"),
            url: "https://status.lantern.example".to_owned(),
            time_zone: "Asia/Shanghai".to_owned(),
            languages: vec![Lang::En, Lang::ZhCn],
            contact: Contact {
                phone: Some("+86 21 5555 0100".to_owned()),
                chat_url: Some("https://lantern.example/chat".to_owned()),
                email: Some("help@lantern.example".to_owned()),
                hours: Some(text("every day, 8 to 22", "每天 8–22 点")),
            },
            accent: None,
            logo: None,
            subscribe: stillhere_tell::Offer::default(),
        },
        services: vec![
            service("checkout", text("Checkout", "结账"), Status::Operational, since),
            service("search", text("Search", "搜索"), Status::Operational, since),
        ],
        incidents: Vec::new(),
        history: Vec::new(),
        maintenances: Vec::new(),
        own: Vec::new(),
        eta_record: stillhere_model::EtaRecord::default(),
        recorded: 0,
    }
}

/// The checkout is down, people work on it, and have said when they will say more.
pub fn down(made_at: Time, seq: u64, said: Text) -> Snapshot {
    let start = before(732);
    let mut s = well(made_at, seq);
    s.services[0] = service("checkout", text("Checkout", "结账"), Status::MajorOutage, start);
    let mut mint = Mint::new(7);
    s.incidents.push(Incident {
        id: IncidentId(mint.uuid(start)),
        title: None,
        impact: Impact::Critical,
        status: IncidentStatus::Identified,
        started_at: start,
        opened_at: start,
        monitoring_at: None,
        resolved_at: None,
        affected: vec![Affected {
            service: "checkout".into(),
            worst: Status::MajorOutage,
            now: Status::MajorOutage,
            since: start,
            until: None,
            declared: false,
        }],
        origin: None,
        updates: vec![Update {
            id: UpdateId(mint.uuid(start)),
            at: before(252),
            status: IncidentStatus::Identified,
            said: Said::Text { text: said },
            by: Author::Person("kim".to_owned()),
            changed: Vec::new(),
            next_update_by: None,
        }],
        etas: Vec::new(),
        promises: vec![Promise {
            made_at: before(252),
            due: NOW.plus(Duration::from_secs(648)),
            kept_at: None,
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
    });
    s
}

pub fn words() -> Text {
    text(
        "The disk of the database is full. We are making room; orders that were paid are safe.",
        "数据库的磁盘已满，我们正在清理空间。已付款的订单不受影响。",
    )
}

pub fn signed(s: &Snapshot) -> String {
    notice::sign(s, &key())
}
