//! What is generated must be what is in the tree. `UPDATE=1 cargo nextest run -p stillhere-config drift` writes it.

use std::path::{Path, PathBuf};
use stillhere_config::Config;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn holds(file: &str, wanted: &str) {
    let path = root().join(file);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, wanted).expect("the tree can be written to");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == wanted,
        "{file} is out of date: run UPDATE=1 cargo nextest run -p stillhere-config drift"
    );
}

#[test]
fn the_schema_in_docs_is_the_schema_of_the_types() {
    let mut text = serde_json::to_string_pretty(&stillhere_config::schema()).unwrap();
    text.push('\n');
    holds("docs/config.schema.json", &text);
}

#[test]
fn the_reference_in_docs_is_made_from_the_schema() {
    holds("docs/configuration.md", &stillhere_config::reference());
}

#[test]
fn every_toml_block_of_the_reference_is_a_configuration() {
    let text = stillhere_config::reference();
    let blocks: Vec<&str> =
        text.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(blocks.len() >= 2, "the worked examples are gone");
    for block in blocks {
        if let Err(report) = Config::parse("docs/configuration.md", block) {
            panic!("{report}");
        }
    }
}

#[test]
fn every_toml_block_about_the_edge_is_a_configuration_and_the_first_has_ten_lines() {
    let text = std::fs::read_to_string(root().join("docs/edge.md")).unwrap();
    let blocks: Vec<&str> =
        text.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(blocks[0].lines().count() <= 10, "{}", blocks[0]);
    for block in blocks {
        let config = Config::parse("docs/edge.md", block).unwrap_or_else(|report| panic!("{report}"));
        assert!(config.edge.is_some());
    }
}

#[test]
fn every_example_is_a_configuration() {
    let mut seen = 0;
    for entry in std::fs::read_dir(root().join("examples")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "toml") {
            seen += 1;
            if let Err(report) = Config::load(&path) {
                panic!("{report}");
            }
        }
    }
    assert!(seen >= 2, "the examples are gone");
}
