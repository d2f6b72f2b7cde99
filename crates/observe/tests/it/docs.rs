//! The pages in `docs/probes/` against the code: every kind, every key, every name, and examples that load.

use schemars::SchemaGenerator;
use stillhere_observe::{CheckSpec, Condition, KINDS, Spec};

/// Keys that every kind has; `docs/configuration.md` is about them.
const COMMON: [&str; 13] = [
    "kind",
    "id",
    "name",
    "interval",
    "timeout",
    "fail_after",
    "recover_after",
    "slow_over",
    "severity",
    "quorum",
    "conditions",
    "service",
    "checks",
];

fn page(kind: &str) -> String {
    let path = format!("{}/../../docs/probes/{kind}.md", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

#[test]
fn every_key_and_name_of_every_kind_is_on_its_page() {
    for kind in KINDS {
        let page = page(kind.name);
        let mut generator = SchemaGenerator::default();
        (kind.schema)(&mut generator);
        let mut keys = 0;
        for (of, schema) in generator.definitions() {
            let properties = schema.get("properties").and_then(|p| p.as_object());
            for key in properties.into_iter().flat_map(|p| p.keys()) {
                keys += 1;
                let known = page.contains(&format!("`{key}`")) || page.contains(&format!("{key} = "));
                assert!(known, "{}: the key {key} of {of} is not on the page", kind.name);
            }
        }
        assert!(keys > 0 || kind.name == "push", "{} has keys", kind.name);
        for name in kind.names {
            assert!(page.contains(&format!("| `{}` |", name.name)), "{}: the name {}", kind.name, name.name);
        }
    }
}

#[test]
fn every_example_on_a_page_is_a_good_check() {
    for kind in KINDS {
        let page = page(kind.name);
        let mut examples = 0;
        for block in page.split("```toml\n").skip(1) {
            let block = block.split("```").next().unwrap();
            if !block.contains("[[service.check]]") {
                continue;
            }
            let file: toml::Table = block.parse().unwrap_or_else(|e| panic!("{}: {e}\n{block}", kind.name));
            for check in file["service"]["check"].as_array().unwrap() {
                let mut table = check.as_table().unwrap().clone();
                let conditions = table.get("conditions").cloned();
                table.retain(|key, _| !COMMON.contains(&key));
                let spec = Spec::parse(kind.name, toml::Value::Table(table)).unwrap();
                let spec = spec.unwrap_or_else(|e| panic!("{}: {e}\n{block}", kind.name));
                assert_eq!(spec.validate(), [], "{block}");
                assert_eq!(spec.kind().name, kind.name);
                for text in conditions.iter().flat_map(|c| c.as_array().unwrap()) {
                    Condition::parse(kind.names, text.as_str().unwrap()).unwrap();
                }
                examples += 1;
            }
        }
        assert!(examples > 0, "{}: no example", kind.name);
    }
}

#[test]
fn a_check_can_be_local() {
    for (url, local) in [
        ("http://127.0.0.1:8080/", true),
        ("http://[::1]/", true),
        ("https://localhost/", true),
        ("https://example.org/", false),
        ("http://[2001:db8::1]:80/", false),
    ] {
        let spec = Spec::Http(stillhere_observe::probe::http::HttpSpec::get(url));
        assert_eq!(spec.is_local(), local, "{url} {}", spec.target());
    }
}

#[test]
fn a_push_check_has_no_probe_and_problems_name_their_condition() {
    let shared = stillhere_observe::Shared::new(stillhere_net::clock::Clock::start());
    let check = |kind: &str, table: &str, conditions: &[&str]| CheckSpec {
        id: "a/b".into(),
        spec: Spec::parse(kind, table.parse::<toml::Value>().unwrap()).unwrap().unwrap(),
        timeout: crate::server::PATIENT,
        slow_over: None,
        conditions: conditions.iter().map(|c| (*c).to_owned()).collect(),
        vantage: "core".into(),
    };
    let problem = |c: &CheckSpec| stillhere_observe::Probe::new(c, &shared).unwrap_err();
    let http = r#"{ url = "http://127.0.0.1/" }"#;
    assert_eq!(problem(&check("http", http, &["status == 200", "typo == 1"])).path, "conditions[1]");
    let mut hasty = check("http", http, &[]);
    hasty.timeout = std::time::Duration::ZERO;
    assert_eq!(problem(&hasty).path, "timeout");
    assert_eq!(Spec::parse("nonsense", toml::Value::Boolean(true)), None);
}
