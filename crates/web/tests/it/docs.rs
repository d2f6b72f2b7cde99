//! What `docs/` says about the web side is held against what it does.

use crate::running::start;
use std::{collections::BTreeSet, io::Read as _, path::PathBuf};

fn docs(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(file)
}

#[test]
fn the_openapi_description_is_the_one_in_docs() {
    let now = serde_json::to_string_pretty(&stillhere_web::api::openapi()).unwrap() + "\n";
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(docs("openapi.json"), &now).unwrap();
    }
    let kept = std::fs::read_to_string(docs("openapi.json")).unwrap_or_default();
    assert!(
        kept == now,
        "docs/openapi.json is not up to date: UPDATE=1 cargo nextest run -p stillhere-web openapi"
    );
    assert!(now.contains("\"openapi\": \"3.1.0\""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_description_that_is_served_is_the_file_packed_for_those_who_take_it() {
    let s = start().await;
    let kept = std::fs::read_to_string(docs("openapi.json")).unwrap();
    let plain = s.get("/api/v1/openapi.json").await;
    assert_eq!(
        (plain.header("content-type"), plain.header("content-encoding")),
        (Some("application/json"), None)
    );
    assert!(plain.text() == kept);
    let packed = s.call("GET", "/api/v1/openapi.json", "Accept-Encoding: gzip\r\n", "").await;
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    let mut unpacked = String::new();
    flate2::read::GzDecoder::new(packed.body.as_slice()).read_to_string(&mut unpacked).unwrap();
    assert!(unpacked == kept && packed.body.len() < kept.len() / 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_metric_is_documented_and_every_documented_metric_exists() {
    let s = start().await;
    let answer = s.get("/metrics").await;
    assert!(answer.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    assert!(answer.text().ends_with("# EOF\n"));
    let told: BTreeSet<&str> = answer
        .text()
        .lines()
        .filter(|l| !l.starts_with('#'))
        .filter_map(|l| l.split([' ', '{']).next())
        .collect();
    let page = std::fs::read_to_string(docs("api.md")).unwrap();
    let written: BTreeSet<&str> =
        page.lines().filter_map(|l| l.strip_prefix("| `stillhere_")?.split(['`', '{']).next()).collect();
    let told: BTreeSet<&str> = told.iter().filter_map(|n| n.strip_prefix("stillhere_")).collect();
    assert_eq!(told, written);
    let said = |line: &str| answer.text().lines().any(|l| l == line);
    assert!(said("# TYPE stillhere_look_lag_seconds histogram"), "{}", answer.text());
    let of = |name: &str| {
        let lines = answer.text().lines();
        lines.filter_map(|l| l.strip_prefix(name)?.split(' ').nth(1)?.parse::<u64>().ok()).collect::<Vec<_>>()
    };
    let (buckets, count) = (of("stillhere_look_lag_seconds_bucket"), of("stillhere_look_lag_seconds_count"));
    assert_eq!((buckets.len(), buckets.last()), (stillhere_node::LAG_BOUNDS_MS.len() + 1, count.first()));
    assert!(answer.text().contains("stillhere_look_lag_seconds_bucket{le=\"+Inf\"}"));
    assert_eq!(s.get("/healthz").await.text(), "ok\n");
}

/// Each address in the document's tables answers, with the method it is listed under.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_documented_address_exists() {
    let s = start().await;
    let page = std::fs::read_to_string(docs("api.md")).unwrap();
    let mut seen = 0;
    for line in page.lines() {
        let Some((method, rest)) =
            ["GET", "POST"].iter().find_map(|m| Some((*m, line.strip_prefix(&format!("| `{m} "))?)))
        else {
            continue;
        };
        let path = rest.split('`').next().unwrap();
        if path.starts_with("/control/") || path.starts_with("/live") {
            continue;
        }
        seen += 1;
        let answer = s.call(method, path, "", "").await;
        let gone = answer.status == 405 || (answer.status == 404 && answer.text().contains("Nothing is at"));
        assert!(!gone, "{method} {path}: {}", answer.head);
    }
    assert!(seen > 30, "{seen}");
}

/// Evidence that is not there is no evidence: every test and file that the page names exists.
#[test]
fn every_evidence_in_the_security_checklist_exists() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = std::fs::read_to_string(docs("security.md")).unwrap();
    let mut sources = String::new();
    let mut todo = vec![root.join("crates"), root.join("fuzz")];
    while let Some(dir) = todo.pop() {
        for entry in std::fs::read_dir(dir).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() && entry.file_name() != "target" {
                todo.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                sources += &std::fs::read_to_string(path).unwrap();
            }
        }
    }
    let (mut tests, mut missing) = (0, Vec::new());
    for word in page.split('`').skip(1).step_by(2) {
        let is_test = word.matches('_').count() > 3
            && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if is_test {
            tests += 1;
            if !sources.contains(&format!("fn {word}(")) {
                missing.push(word);
            }
        } else if (word.contains('/') || word.ends_with(".toml") || word.ends_with(".lock"))
            && !root.join(word).exists()
        {
            missing.push(word);
        }
    }
    assert_eq!(missing, Vec::<&str>::new());
    assert!(tests > 60, "{tests}");
}
