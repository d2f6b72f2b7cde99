//! What is made in the console, merged with the file.

use proptest::{collection::vec, prelude::*, sample::subsequence};
use serde_json::{Map, Value, json};
use std::{collections::BTreeSet, time::Duration};
use stillhere_config::{
    Config, ConfigError, Report,
    console::{Aside, Base, Item, Kind, Why, compose, compose_around, keep_secrets, without_secrets},
    explain,
};

fn table(v: Value) -> Map<String, Value> {
    match v {
        Value::Object(o) => o,
        other => panic!("{other} is no table"),
    }
}

fn item(kind: Kind, id: &str, v: Value) -> Item {
    Item::new(kind, id, table(v)).unwrap_or_else(|report| panic!("{report}"))
}

fn service(id: &str, v: Value) -> Item {
    item(Kind::Service, id, v)
}

fn base(text: &str) -> Base {
    Base { name: "f".to_owned(), text: text.to_owned() }
}

/// Whose, where, what.
fn wrong(report: &Report) -> Vec<(Option<&str>, &str, &str)> {
    fn one(e: &ConfigError) -> (Option<&str>, &str, &str) {
        (e.of_console.as_ref().map(|(_, id)| id.as_str()), e.path.as_str(), e.problem.as_str())
    }
    report.errors.iter().map(one).collect()
}

#[test]
fn a_service_of_the_console_is_what_it_would_be_in_the_file() {
    let file = "[defaults]\ninterval = \"30s\"\n[[service]]\nid = \"db\"\n";
    let made = service(
        "shop",
        json!({ "name": { "en": "Shop" }, "depends_on": ["db"], "team": null, "check": [
            { "id": "front", "kind": "http", "url": "https://shop.example/", "conditions": ["status == 200"] },
        ]}),
    );
    let composed = compose(&base(file), std::slice::from_ref(&made)).unwrap();
    let written = format!(
        "{file}[[service]]\nid = \"shop\"\nname = {{ en = \"Shop\" }}\ndepends_on = [\"db\"]\n\
         [[service.check]]\nid = \"front\"\nurl = \"https://shop.example/\"\nconditions = [\"status == 200\"]\n"
    );
    let same =
        Config { of_console: vec![(Kind::Service, "shop".into())], ..Config::parse("f", &written).unwrap() };
    assert_eq!(composed.config, same);
    assert_eq!(composed.aside, []);
    let page = explain(&composed.config);
    assert!(page.contains("\n# made in the console\n[[service]]\nid = \"shop\""), "{page}");
    assert_eq!(page.matches("made in the console").count(), 1);
}

#[test]
fn what_is_wrong_with_it_is_said_with_its_place_in_its_own_table() {
    let items = [
        service("good", json!({ "url": "https://example.com/" })),
        service(
            "shop",
            json!({ "depends_on": ["nobody"], "colour": "red", "check": [
                { "id": "a", "url": "https://example.com/", "interval": "1ms" },
                { "id": "b", "kind": "tcp", "host": "example.com" },
                { "id": "c", "kind": "http", "url": "https://example.com/", "conditions": ["status ==="] },
            ]}),
        ),
        item(
            Kind::Channel,
            "ops",
            json!({ "kind": "mail", "host": "smtp.example.com", "from": "x", "to": ["a@b.example"] }),
        ),
    ];
    let report = compose(&base("[[service]]\nid = \"first\"\n"), &items).unwrap_err();
    let said = wrong(&report);
    for (id, path) in [
        ("shop", "depends_on[0]"),
        ("shop", "colour"),
        ("shop", "check[0].interval"),
        ("shop", "check[1]"),
        ("shop", "check[2].conditions[0]"),
        ("ops", "from"),
    ] {
        assert!(said.iter().any(|(i, p, _)| *i == Some(id) && *p == path), "{id} {path}: {said:?}");
    }
    assert!(said.iter().all(|(id, ..)| id.is_some_and(|id| id != "good")), "{said:?}");
    assert!(
        report.to_string().contains("console, service shop: `check[0].interval` is shorter than 1 s"),
        "{report}"
    );
}

#[test]
fn the_console_names_no_file_and_no_variable_of_this_machine_and_the_file_holds_no_secret() {
    for (path, check) in [
        (
            "check[0].headers.X-Key",
            json!({ "url": "https://e.example/", "headers": { "X-Key": { "env": "HOME" } } }),
        ),
        (
            "check[0].auth.bearer",
            json!({ "url": "https://e.example/", "auth": { "bearer": { "file": "/etc/passwd" } } }),
        ),
        (
            "check[0].body.file",
            json!({ "url": "https://e.example/", "method": "POST", "body": { "file": "/etc/passwd" } }),
        ),
        ("check[0].tls.ca_file", json!({ "url": "https://e.example/", "tls": { "ca_file": "/etc/passwd" } })),
        ("check[0].key", json!({ "kind": "push", "key": { "env": "KEY" }, "period": "1h" })),
    ] {
        let report = compose(&base(""), &[service("s", json!({ "check": [check] }))]).unwrap_err();
        assert!(wrong(&report).iter().any(|(_, p, _)| *p == path), "{path}: {report}");
    }
    let mail = json!({ "kind": "mail", "host": "h.example", "from": "a@b.example", "to": ["a@b.example"],
        "user": "u", "password": { "env": "HOME" } });
    assert!(compose(&base(""), &[item(Kind::Channel, "m", mail)]).is_err());
    let good = json!({ "check": [{ "url": "https://e.example/", "headers": { "X-Key": { "value": "s3cret" } },
        "auth": { "basic": { "user": "u", "password": { "value": "hunter2" } } } }] });
    let composed = compose(&base(""), &[service("s", good)]).unwrap();
    let printed = format!("{:?} {}", composed.config, explain(&composed.config));
    assert!(!printed.contains("s3cret") && !printed.contains("hunter2"), "{printed}");
    let file = "[[service]]\nid = \"s\"\n[[service.check]]\nurl = \"https://e.example/\"\nauth.bearer.value = \"s3cret\"\n";
    let report = Config::parse("f", file).unwrap_err().to_string();
    assert!(
        report.contains("`service[0].check[0].auth.bearer.value`") && !report.contains("s3cret"),
        "{report}"
    );
}

#[test]
fn no_report_holds_a_secret_of_the_console() {
    let check = json!({ "url": "https://ann:hunter2@e.example/", "headers": { "X-Key": { "value": "s3cret" } },
        "conditions": ["hunter2 s3cret"], "hunter2": "s3cret", "interval": "hunter2" });
    let report = compose(&base(""), &[service("s", json!({ "check": [check] }))]).unwrap_err().to_string();
    assert!(!report.contains("hunter2") && !report.contains("s3cret"), "{report}");
}

#[test]
fn the_file_wins_what_it_has_and_is_good_by_itself() {
    let items = [
        service("shop", json!({ "name": "Of the console", "url": "https://example.com/" })),
        service("till", json!({ "depends_on": ["shop"] })),
    ];
    let composed = compose(&base("[[service]]\nid = \"shop\"\nname = \"Of the file\"\n"), &items).unwrap();
    let names: Vec<String> = composed.config.services.iter().map(|s| format!("{:?}", s.name)).collect();
    assert_eq!(names.len(), 2);
    assert!(names[0].contains("Of the file"), "{names:?}");
    assert_eq!(composed.aside, [Aside { kind: Kind::Service, id: "shop".into(), why: Why::InFile }]);
    let again = compose(&base(""), &items).unwrap();
    assert!(again.aside.is_empty(), "the file lets go of it, and it is back");
    let report = compose(&base("[[service]]\nid = \"b\"\ndepends_on = [\"shop\"]\n"), &items).unwrap_err();
    assert_eq!(report.errors[0].of_console, None, "the file does not lean on the console: {report}");
}

#[test]
fn at_a_start_what_does_not_go_together_waits_and_everything_else_runs() {
    let items = [
        service("a", json!({ "depends_on": ["gone"] })),
        service("b", json!({ "depends_on": ["a"] })),
        service("c", json!({ "url": "https://example.com/" })),
        item(
            Kind::Channel,
            "hook",
            json!({ "kind": "webhook", "url": "https://e.example/", "services": ["b"] }),
        ),
    ];
    let composed = compose_around(&base("[[service]]\nid = \"f\"\n"), &items, |_, _| true).unwrap();
    let ids: Vec<&str> = composed.config.services.iter().map(|s| s.id.as_str()).collect();
    assert_eq!(ids, ["f", "c"]);
    let aside: BTreeSet<&str> = composed.aside.iter().map(|a| a.id.as_str()).collect();
    assert_eq!(aside, BTreeSet::from(["a", "b", "hook"]));
    assert!(
        composed.aside.iter().any(|a| a.to_string().contains("depends_on[0] is not the id of a service"))
    );
    assert!(compose_around(&base(""), &items, |_, id| id == "a").is_err(), "b may not wait");
    assert!(
        compose_around(&base("[[servic]]"), &items, |_, _| true).is_err(),
        "a mistake of the file is one"
    );
}

#[test]
fn without_a_file_it_is_merged_with_the_urls() {
    let urls: Vec<String> =
        ["https://example.com/x?token=hunter2&y='1'", "tcp://db.example:5432", "https://example.com/"]
            .map(str::to_owned)
            .into();
    let watched = Config::watch(&urls, Some(Duration::from_secs(7))).unwrap();
    let base = Base::watch(&urls, Some(Duration::from_secs(7))).unwrap();
    assert_eq!(Config::parse("--watch", &base.text).unwrap(), watched, "the text says what the URLs do");
    let composed = compose(&base, &[service("more", json!({ "url": "https://more.example/" }))]).unwrap();
    assert_eq!(composed.config.services.len(), 4);
    assert_eq!(composed.config.checks[3].def.interval, Duration::from_secs(7));
}

#[test]
fn a_table_that_could_stand_in_no_file_is_refused_by_itself() {
    let made = |v| Item::new(Kind::Service, "s", table(v));
    assert!(made(json!({ "id": "other" })).is_err());
    assert!(made(json!({ "name": "x".repeat(60 * 1024) })).is_err());
    assert!(made(json!({ "depends_on": [null] })).is_err());
    assert!(made(json!({ "x": u64::MAX })).is_err());
    let mut deep = json!(1);
    for _ in 0..100 {
        deep = json!([deep]);
    }
    assert!(made(json!({ "x": deep })).is_err());
    assert!(made(json!({ "id": "s", "name": null })).is_ok());
    let item = made(json!({ "name": "\u{0}\u{7f}\"'''\\\r\n[[service]]\nid = \"evil\"" })).unwrap();
    let composed = compose(&base(""), &[item]);
    assert!(composed.is_err() || composed.unwrap().config.services.len() == 1, "text stays text");
}

#[test]
fn secrets_go_in_and_never_out_and_stay_only_where_they_were_going() {
    let before = service(
        "shop",
        json!({ "check": [
            { "id": "a", "url": "https://e.example/", "headers": { "X-Key": { "value": "s3cret" }, "X-Plain": "blue" } },
            { "id": "b", "url": "https://ann:hunter2@e.example/", "body": "pin=4711", "method": "POST" },
        ]}),
    );
    let shown = without_secrets(&before);
    let said = Value::Object(shown.clone()).to_string();
    for secret in ["s3cret", "hunter2", "4711"] {
        assert!(!said.contains(secret), "{said}");
    }
    assert!(said.contains("blue"));
    let mut same = shown.clone();
    keep_secrets(Kind::Service, "shop", &mut same, Some(&before)).unwrap();
    assert_eq!(&same, before.table());

    let mut swapped = shown.clone();
    swapped["check"].as_array_mut().unwrap().swap(0, 1);
    swapped["check"][1]["name"] = json!("Front");
    keep_secrets(Kind::Service, "shop", &mut swapped, Some(&before)).unwrap();
    assert_eq!(swapped["check"][1]["headers"]["X-Key"]["value"], "s3cret", "known by their ids");

    type Elsewhere<'a> = (&'a str, &'a dyn Fn(&mut Value));
    let elsewhere: [Elsewhere<'_>; 5] = [
        ("check[0].url", &|c| c["url"] = json!("https://evil.example/")),
        ("check[0].proxy", &|c| c["proxy"] = json!({ "url": "http://evil.example:3128" })),
        ("check[0].tls", &|c| c["tls"] = json!({ "insecure": true })),
        ("check[0].headers.X-New", &|c| c["headers"]["X-New"] = json!({ "set": true })),
        ("check[0].headers.X-Key", &|c| c["id"] = json!("new")),
    ];
    for (path, change) in elsewhere {
        let mut other = shown.clone();
        change(&mut other["check"][0]);
        let report = keep_secrets(Kind::Service, "shop", &mut other, Some(&before)).unwrap_err();
        assert_eq!(report.errors[0].path, path);
        assert!(!report.to_string().contains("s3cret"));
    }
    let mut nothing = shown;
    assert!(keep_secrets(Kind::Service, "other", &mut nothing, None).is_err());
}

proptest! {
    /// Whatever is where: each id is there once, the file's as the file has it, and nothing is lost without being named.
    #[test]
    fn merging_neither_loses_nor_doubles_an_id(
        of_file in subsequence((0..12).collect::<Vec<_>>(), 0..12),
        made in subsequence((0..12).collect::<Vec<_>>(), 0..12).prop_shuffle(),
        needs in vec(any::<prop::sample::Index>(), 12),
        channels in subsequence(vec!["a", "b", "c"], 0..=3),
    ) {
        let mut file = String::new();
        for n in &of_file {
            file += &format!("[[service]]\nid = \"s{n}\"\nname = \"file\"\n");
        }
        file += "[[channel]]\nname = \"b\"\nkind = \"webhook\"\nurl = \"https://file.example/\"\n";
        let mut items: Vec<Item> = made.iter().enumerate().map(|(i, n)| {
            // On one that comes before it, so that there is no circle.
            let on: Vec<String> = needs[i].get(&(0..=i).collect::<Vec<_>>()).checked_sub(1)
                .filter(|at| made[*at] != *n).map(|at| format!("s{}", made[at])).into_iter().collect();
            service(&format!("s{n}"), json!({ "name": "console", "depends_on": on, "url": "https://e.example/" }))
        }).collect();
        items.extend(channels.iter().map(|c| item(Kind::Channel, c, json!({ "kind": "webhook", "url": "https://c.example/" }))));
        let composed = compose(&base(&file), &items).unwrap_or_else(|r| panic!("{r}"));
        let ids: Vec<String> = composed.config.services.iter().map(|s| s.id.to_string()).collect();
        let unique: BTreeSet<String> = ids.iter().cloned().collect();
        prop_assert_eq!(unique.len(), ids.len(), "none twice");
        let all: BTreeSet<String> = of_file.iter().chain(&made).map(|n| format!("s{n}")).collect();
        prop_assert_eq!(&unique, &all, "none lost");
        for s in &composed.config.services {
            let in_file = of_file.iter().any(|n| format!("s{n}") == s.id.as_str());
            prop_assert_eq!(s.name == "file".into(), in_file);
            prop_assert_eq!(composed.config.is_of_console(Kind::Service, s.id.as_str()), !in_file);
        }
        let aside: BTreeSet<&str> = composed.aside.iter().map(|a| a.id.as_str()).collect();
        for n in &made {
            let id = format!("s{n}");
            prop_assert_eq!(aside.contains(id.as_str()), of_file.contains(n));
        }
        let names: BTreeSet<&str> = composed.config.channels.iter().map(|c| c.name.as_str()).collect();
        prop_assert_eq!(names.len(), composed.config.channels.len());
        prop_assert_eq!(names, channels.iter().copied().chain(["b"]).collect());
        prop_assert_eq!(aside.contains("b"), channels.contains(&"b"));
    }
}
