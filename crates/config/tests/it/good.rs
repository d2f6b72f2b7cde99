//! Files that are right, and what they mean.

use std::{path::Path, time::Duration};
use stillhere_config::{Config, diff, explain};
use stillhere_model::{Audience, Lang, Quorum, ServiceId, Status, Text, Time};

#[test]
fn an_empty_file_is_a_configuration_with_every_default() {
    assert_eq!(Config::parse("stillhere.toml", "").unwrap(), Config::default());
}

#[test]
fn a_short_service_is_one_http_check_with_the_defaults() {
    let c = Config::parse("stillhere.toml", "[[service]]\nid = \"web\"\nurl = \"https://example.com/\"\n")
        .unwrap();
    assert_eq!(c.services[0].name, Text::from("web"));
    let check = &c.checks[0];
    assert_eq!(check.def.id.as_str(), "web/http");
    assert_eq!(check.def.interval, Duration::from_secs(60));
    assert_eq!(check.def.timeout, Duration::from_secs(10));
    assert_eq!((check.def.fail_after, check.def.recover_after), (2, 2));
}

#[test]
fn what_a_check_does_not_say_comes_from_the_defaults_and_the_timeout_never_exceeds_the_interval() {
    let text = r#"
        [defaults]
        interval = "30s"
        timeout = "5s"
        slow_over = "2s"
        fail_after = 3
        [[service]]
        id = "a"
        [[service.check]]
        url = "https://example.com/"
        [[service.check]]
        name = "Quick Look"
        url = "https://example.com/"
        interval = "1s"
        fail_after = 1
        quorum = { at_least = 2 }
    "#;
    let c = Config::parse("f", text).unwrap();
    let [usual, quick] = &c.checks[..] else { panic!("two checks") };
    assert_eq!((usual.def.interval, usual.def.timeout), (Duration::from_secs(30), Duration::from_secs(5)));
    assert_eq!((usual.def.fail_after, usual.spec.slow_over), (3, Some(Duration::from_secs(2))));
    assert_eq!(quick.def.id.as_str(), "a/quick-look");
    assert_eq!(quick.def.timeout, Duration::from_secs(1));
    assert_eq!(quick.spec.slow_over, None, "a limit beyond the timeout can never be reached");
    assert_eq!(quick.def.quorum, Quorum::AtLeast(2));
    assert_eq!(c.topology().services[0].checks.len(), 2);
}

#[test]
fn many_checks_are_read_and_keep_their_order() {
    let text = (0..5_000).fold(String::new(), |s, i| {
        s + &format!("[[service]]\nid = \"s{i}\"\nurl = \"https://host{i}.example.com/\"\nconditions = [\"status == 200\"]\n")
    });
    let c = Config::parse("f", &text).unwrap();
    assert_eq!((c.services.len(), c.checks.len()), (5_000, 5_000));
    assert!(c.checks.iter().enumerate().all(|(i, c)| c.def.service.as_str() == format!("s{i}")));
}

#[test]
fn local_times_are_in_the_time_zone_of_the_site() {
    let text = r#"
        [site]
        time_zone = "Asia/Shanghai"
        [[service]]
        id = "a"
        [[maintenance]]
        title = "Move"
        services = ["a"]
        starts_at = 2026-12-01T10:00:00
        ends_at = "2026-12-01T10:00:00+00:00"
    "#;
    let c = Config::parse("f", text).unwrap();
    assert_eq!(c.maintenance[0].starts_at, Time::parse("2026-12-01T02:00:00Z").unwrap());
    assert_eq!(c.maintenance[0].ends_at, Time::parse("2026-12-01T10:00:00Z").unwrap());
    assert_eq!(c.maintenance[0].key, "move@2026-12-01T02:00:00.000Z");
    assert_eq!(c.maintenance[0].expect, Status::MajorOutage);
}

#[test]
fn a_channel_hears_of_its_services_and_of_what_concerns_no_service() {
    let c = Config::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/shop.toml")).unwrap();
    let [ops, customers] = &c.channels[..] else { panic!("two channels") };
    let (shop, backup) = (ServiceId::new("shop"), ServiceId::new("backup"));
    let (shop, backup) = ([shop], [backup]);
    assert!(ops.wants(Audience::Staff, &backup) && !ops.wants(Audience::Public, &shop));
    assert!(customers.wants(Audience::Public, &[backup[0].clone(), shop[0].clone()]));
    assert!(!customers.wants(Audience::Public, &backup));
    assert!(customers.wants(Audience::Public, &[]));
    assert_eq!((ops.language, customers.language), (Lang::En, Lang::ZhCn));
}

#[test]
fn watching_urls_needs_no_file() {
    let urls =
        ["https://example.com/", "http://example.com:8080/", "tcp://db.example.com:5432", "icmp://10.0.0.1"];
    let c = Config::watch(&urls.map(str::to_owned), Some(Duration::from_secs(1))).unwrap();
    let names: Vec<_> = c.services.iter().map(|s| (s.id.as_str(), s.name.get(Lang::En))).collect();
    assert_eq!(
        names,
        [
            ("example-com", "example.com"),
            ("example-com-8080", "example.com:8080"),
            ("db-example-com", "db.example.com"),
            ("10-0-0-1", "10.0.0.1"),
        ]
    );
    let kinds: Vec<_> = c.checks.iter().map(|c| c.def.kind.as_str()).collect();
    assert_eq!(kinds, ["http", "http", "tcp", "icmp"]);
    assert_eq!(c.checks[0].def.timeout, Duration::from_secs(1));
    assert_eq!(c.respond.verify, Duration::from_secs(5));
}

#[test]
fn watched_paths_tell_services_apart() {
    let urls = [
        "http://127.0.0.1:9/a",
        "http://127.0.0.1:9/b/",
        "tcp://127.0.0.1:9",
        "http://host/",
        "https://host/",
    ];
    let c = Config::watch(&urls.map(str::to_owned), None).unwrap();
    let names: Vec<_> = c.services.iter().map(|s| s.name.get(Lang::En)).collect();
    assert_eq!(names, ["127.0.0.1:9/a", "127.0.0.1:9/b", "127.0.0.1:9", "http host", "https host"]);
    assert_eq!(c.checks[0].def.interval, Duration::from_secs(20));
}

#[test]
fn every_url_that_cannot_be_watched_is_named_without_its_password() {
    let urls = ["localhost:8080", "ftp://u:hunter22@host/", "https://ok/", "https://ok/", "tcp://host"];
    let report =
        Config::watch(&urls.map(str::to_owned), Some(Duration::from_millis(10))).unwrap_err().to_string();
    assert_eq!(report.matches("--watch: ").count(), 4, "{report}");
    assert!(report.contains("--interval: 10 ms"), "{report}");
    assert!(!report.contains("hunter22"), "{report}");
}

#[test]
fn a_reload_says_what_changed() {
    let old = "[[service]]\nid = \"a\"\n[[service]]\nid = \"b\"\nurl = \"https://host/\"\n";
    let new = "[site]\nname = \"x\"\n[server]\nlisten = \"127.0.0.1:81\"\n[[service]]\nid = \"b\"\nurl = \"https://host/x\"\n[[service]]\nid = \"c\"\n";
    let (old, new) = (Config::parse("f", old).unwrap(), Config::parse("f", new).unwrap());
    assert_eq!(
        diff(&old, &new).to_string(),
        "added: service c; removed: service a; changed: check b/http, site; waiting for a restart: server.listen"
    );
    assert_eq!(diff(&new, &new).to_string(), "nothing changed");
}

#[test]
fn what_is_explained_reads_back_as_the_same_configuration() {
    let c = Config::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/shop.toml")).unwrap();
    let said = explain(&c);
    // The address of a channel is all that is needed to post there: it is not shown.
    let said = said.replace("url = \"***\"", "url = \"https://hooks.lantern.example/status\"");
    match Config::parse("explained", &said) {
        Ok(again) => assert_eq!(again, c),
        Err(report) => panic!("{report}\n{said}"),
    }
    assert!(said.contains("recover_after = 2                               # default"), "{said}");
}

/// What the reference prints as a default must be the default.
#[test]
fn every_default_that_the_schema_names_is_what_holds_without_the_key() {
    let least = [
        ("http", "url = \"https://example.com/\""),
        ("tcp", "host = \"example.com\"\nport = 22"),
        ("tls", "host = \"example.com\""),
        ("icmp", "host = \"example.com\""),
        ("dns", "domain = \"example.com\""),
        ("push", "key = { env = \"PATH\" }\nperiod = \"1h\""),
    ];
    let schema = stillhere_config::schema();
    let kinds = schema["properties"]["service"]["items"]["properties"]["check"]["items"]["oneOf"].as_array();
    let mut named = Vec::new();
    for kind in kinds.unwrap() {
        let name = kind["properties"]["kind"]["const"].as_str().unwrap();
        let (_, least) = least.iter().find(|(k, _)| *k == name).expect("an example of each kind");
        let parse = |more: &str| {
            let text =
                format!("[[service]]\nid = \"a\"\n[[service.check]]\nkind = \"{name}\"\n{least}\n{more}\n");
            Config::parse("f", &text).unwrap_or_else(|report| panic!("{report}"))
        };
        let without = parse("");
        for (key, value) in kind["properties"].as_object().unwrap() {
            let Some(usual) = value.get("default").filter(|_| key != "kind") else { continue };
            let usual = toml::Value::try_from(usual).unwrap();
            assert_eq!(parse(&format!("{key} = {usual}")), without, "{name}: {key} = {usual}");
            named.push(format!("{name}.{key}"));
        }
    }
    for key in
        ["http.method", "http.status", "http.redirects", "http.max_body_bytes", "icmp.ip", "push.grace"]
    {
        assert!(named.iter().any(|n| n == key), "{key} has a default that is not named: {named:?}");
    }
}

#[test]
fn every_key_that_is_a_duration_says_so() {
    let schema = stillhere_config::schema();
    let kinds = &schema["properties"]["service"]["items"]["properties"]["check"]["items"]["oneOf"];
    let of = |kind: &str| {
        let kinds = kinds.as_array().unwrap();
        kinds.iter().find(|k| k["properties"]["kind"]["const"] == *kind).unwrap()["properties"].clone()
    };
    for (kind, keys) in [
        ("push", &["period", "grace", "max_run", "slow_over"][..]),
        ("icmp", &["pause", "slow_rtt", "interval"]),
    ] {
        for key in keys {
            assert_eq!(of(kind)[*key]["format"], "duration", "{kind}.{key}");
        }
    }
}

#[test]
fn a_provider_needs_three_lines_and_is_explained_without_its_secret() {
    let text = r#"
        [site]
        url = "https://status.example.com/"
        [oidc]
        issuer = "https://id.example.com/realms/staff"
        client_id = "stillhere"
    "#;
    let c = Config::parse("f", text).unwrap();
    let oidc = c.oidc.clone().unwrap();
    assert_eq!(
        (oidc.scopes, oidc.name_claim.as_str()),
        (vec!["openid".to_owned(), "email".to_owned()], "email")
    );
    assert!(oidc.group.is_empty() && oidc.client_secret.is_none() && oidc.label.is_none(), "nobody is added");
    let more = format!(
        "{text}client_secret = {{ env = \"OIDC_SECRET\" }}\nlabel = {{ en = \"Acme\" }}\n\
         [[oidc.group]]\nname = \"on call\"\nrole = \"responder\"\nteams = [\"payments\"]\n"
    );
    let more = Config::parse("f", &more).unwrap();
    assert_eq!(diff(&c, &more).to_string(), "changed: oidc");
    let explained = explain(&more);
    assert_eq!(Config::parse("f", &explained).unwrap_or_else(|r| panic!("{r}\n{explained}")), more);
    for local in ["http://127.0.0.1:8080", "http://localhost:8080/"] {
        let file =
            format!("[site]\nurl = \"{local}\"\n[oidc]\nissuer = \"http://[::1]:9/\"\nclient_id = \"a\"\n");
        assert!(Config::parse("f", &file).is_ok(), "on this machine");
    }
}
