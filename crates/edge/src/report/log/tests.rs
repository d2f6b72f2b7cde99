use super::*;
use stillhere_net::clock;

fn logged(log: &Log, request: Request<()>, status: StatusCode, how: Option<&How>) -> Option<HeaderValue> {
    let mut request = request;
    let now = clock::mono();
    let begun = log.begin(&mut request, "192.0.2.77".parse().expect("ip"), 7, now, Time(0));
    log.end(begun, status, how, now);
    request.headers().get(TRACE).cloned()
}

fn lines(path: &Path, count: usize) -> Vec<serde_json::Value> {
    let until = clock::mono() + Duration::from_secs(10);
    loop {
        let text = fs::read_to_string(path).unwrap_or_default();
        if text.lines().count() >= count {
            return text.lines().map(|l| serde_json::from_str(l).expect(l)).collect();
        }
        assert!(clock::mono() < until, "{text}");
        thread::yield_now();
    }
}

#[test]
fn a_line_is_json_whatever_is_asked_for_and_holds_no_more_than_it_may() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("access.log");
    let log = Log::open(&LogSpec { file: Some(path.clone()), ..LogSpec::default() }).expect("opens");
    let request = Request::get("/a?secret=1").header("host", "sh\u{fc}op\"x").body(()).expect("a request");
    let how = How {
        why: Some("all-out"),
        request: 0xab,
        pool: Some("p".into()),
        sent: 2,
        after: Duration::from_millis(3),
    };
    let made = logged(&log, request, StatusCode::BAD_GATEWAY, Some(&how)).expect("made");
    let given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let request = Request::get("/b").header("traceparent", given).body(()).expect("a request");
    assert_eq!(logged(&log, request, StatusCode::OK, None).expect("kept"), given);
    let lines = lines(&path, 2);
    let first = &lines[0];
    assert_eq!((first["path"].as_str(), first["from"].as_str()), (Some("/a"), Some("192.0.2.0/24")));
    assert_eq!((first["status"].as_u64(), first["why"].as_str()), (Some(502), Some("all-out")));
    assert_eq!(first["request"], "00000000000000ab");
    assert_eq!((first["sent"].as_u64(), first["pool"].as_str()), (Some(2), Some("p")));
    assert!(first["host"].as_str().expect("a host").ends_with("op\"x"));
    assert_eq!(trace_id(made.as_bytes()), first["trace"].as_str());
    assert_eq!(lines[1]["trace"], "0af7651916cd43dd8448eb211c80319c");
}

#[test]
fn the_last_lines_are_written_before_it_has_finished() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("access.log");
    let log = Log::open(&LogSpec { file: Some(path.clone()), ..LogSpec::default() }).expect("opens");
    for n in 0..50 {
        let request = Request::get(format!("/{n}")).body(()).expect("a request");
        logged(&log, request, StatusCode::OK, None);
    }
    log.finish(Duration::from_secs(20));
    let text = fs::read_to_string(&path).expect("it is there");
    assert_eq!(text.lines().count(), 50, "{text}");
}

#[test]
fn a_file_that_is_full_is_put_aside_and_only_so_many_are_kept() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("access.log");
    let spec = LogSpec { file: Some(path.clone()), max_bytes: 1_000, keep: 2, ..LogSpec::default() };
    let mut out = Rotating::open(&path, &spec).expect("opens");
    for n in 0..100 {
        out.write(&format!("{{\"n\":{n:080}}}\n"));
    }
    let mut names: Vec<String> = fs::read_dir(dir.path())
        .expect("the folder")
        .map(|e| e.expect("an entry").file_name().into_string().expect("text"))
        .collect();
    names.sort();
    assert_eq!(names, ["access.log", "access.log.1", "access.log.2"]);
    for name in names {
        assert!(fs::metadata(dir.path().join(name)).expect("a file").len() <= 1_000);
    }
    assert!(fs::read_to_string(&path).expect("text").contains("099}"));
}

#[test]
fn traces_are_told_from_junk() {
    for junk in [
        "",
        "00-0-0-0",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
    ] {
        assert_eq!(trace_id(junk.as_bytes()), None, "{junk}");
    }
}
