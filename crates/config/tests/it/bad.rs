//! Files that are wrong: `bad/NAME.toml` must give exactly the report in `bad/NAME.txt`.
//!
//! `UPDATE=1` writes the reports; read what it wrote.

use std::path::Path;
use stillhere_config::Config;

#[test]
fn every_bad_file_gives_the_report_that_is_written_beside_it() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/bad");
    let mut seen = 0;
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(&dir).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "toml") {
            continue;
        }
        seen += 1;
        let text = std::fs::read_to_string(&path).unwrap();
        let report = match Config::parse("stillhere.toml", &text) {
            Ok(_) => format!("{} was accepted", path.display()),
            Err(report) => format!("{report}\n"),
        };
        let beside = path.with_extension("txt");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&beside, &report).unwrap();
        }
        let wanted = std::fs::read_to_string(&beside).unwrap_or_default();
        if report != wanted {
            wrong.push(format!("{}:\n{report}\ninstead of\n{wanted}", path.display()));
        }
    }
    assert!(seen > 10, "the bad files are gone");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_file_that_is_not_there_too_large_or_not_text_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("stillhere.toml");
    let report = |path: &Path| Config::load(path).unwrap_err().to_string();
    assert!(report(&path).contains("cannot be read"), "{}", report(&path));
    assert!(report(dir.path()).contains("cannot be read"), "{}", report(dir.path()));

    std::fs::write(&path, vec![b'#'; 10 * 1024 * 1024]).unwrap();
    assert!(report(&path).ends_with("is larger than 4 MiB"), "{}", report(&path));

    std::fs::write(&path, b"[site]\nname = \"\xff\xfe\"\n").unwrap();
    assert!(report(&path).ends_with("is not UTF-8 text (byte 16)"), "{}", report(&path));
}

#[test]
fn nesting_and_repetition_without_end_are_refused_quickly() {
    let deep = format!("a = {}", "[".repeat(100_000));
    assert!(Config::parse("f", &deep).is_err());
    let deep = format!("a = {}1{}", "{b=".repeat(10_000), "}".repeat(10_000));
    assert!(Config::parse("f", &deep).is_err());
    let dotted = format!("{} = 1", vec!["a"; 10_000].join("."));
    assert!(Config::parse("f", &dotted).is_err());
    let header = format!("[{}]", vec!["a"; 10_000].join("."));
    assert!(Config::parse("f", &header).is_err());
    let many = "[[service]]\n".repeat(20_001);
    let report = Config::parse("f", &many).unwrap_err();
    assert!(report.to_string().contains("20001 times"), "{report}");
    let errors = (0..1_000).fold(String::new(), |s, i| s + &format!("key{i} = 1\n"));
    let report = Config::parse("f", &errors).unwrap_err();
    assert_eq!((report.errors.len(), report.more), (100, 900));
}
