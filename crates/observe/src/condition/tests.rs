use super::*;
use proptest::prelude::*;

static NAMES: &[Name] = &[
    Name::public("status", "The status code.", Sample::Int(200)),
    Name::private("body", "The body as text.", Sample::Text("ok")),
    Name::private(
        "headers",
        "The headers, names in lower case.",
        Sample::Map(&[("content-type", "text/html")]),
    ),
    Name::private("json", "The body as JSON.", Sample::Json("{}")),
    Name::public("response_ms", "The whole look.", Sample::Int(120)),
    Name::public("http_version", "The version.", Sample::Text("HTTP/1.1")),
    Name::public("answers", "A list.", Sample::Texts(&["192.0.2.1"])),
    Name::public("loss", "A share.", Sample::Float(0.0)),
];

fn facts(status: i64, body: &str) -> Facts {
    let mut f = Facts::new(NAMES);
    f.set("status", status);
    f.set("response_ms", 812);
    f.set("http_version", "HTTP/1.1");
    f.set("headers", Fact::map([("content-type".to_owned(), "text/plain".to_owned())]));
    f.set("answers", Fact::texts(["192.0.2.1".to_owned(), "192.0.2.2".to_owned()]));
    f.set("loss", 0.25);
    f.set_body("body", "json", body.as_bytes());
    f
}

fn refusal(text: &str) -> String {
    match Condition::parse(NAMES, text) {
        Ok(_) => panic!("accepted: {text}"),
        Err(p) => match p.hint {
            Some(h) => format!("{} [{h}]", p.problem),
            None => p.problem,
        },
    }
}

#[track_caller]
fn holds(text: &str, status: i64, body: &str) -> bool {
    match Condition::parse(NAMES, text) {
        Ok(c) => c.check(&facts(status, body)).is_ok(),
        Err(p) => panic!("{text}: {} {:?}", p.problem, p.hint),
    }
}

#[test]
fn the_table_of_conditions() {
    let json = r#"{"status":"ok","count":3,"load":0.5,"items":[{"id":1,"up":true},{"id":2,"up":false}],"none":null}"#;
    for (text, body, want) in [
        ("status == 200", "", true),
        ("status != 200", "", false),
        ("status >= 200 && status < 300", "", true),
        ("status in [200, 204]", "", true),
        ("status in [201, 204]", "", false),
        ("!(status == 500)", "", true),
        ("status == 200 ? response_ms < 1000 : false", "", true),
        ("response_ms - 12 == 800", "", true),
        ("response_ms % 2 == 0", "", true),
        ("-status == -200", "", true),
        ("body == \"pong\"", "pong", true),
        ("body.contains(\"on\")", "pong", true),
        ("body.startsWith(\"po\") && body.endsWith(\"ng\")", "pong", true),
        ("body.matches(\"^p.n?g$\")", "pong", true),
        ("body.matches(\"^P\")", "pong", false),
        ("body.matches(\"(?i)^P\") && !body.matches(\"x+\")", "pong", true),
        ("body.size() == 4 && size(body) == 4", "pong", true),
        ("int(body) > 5", "7", true),
        ("int(body) > 5", "many", false),
        ("body.size() < 3", "äöü", false),
        ("headers[\"content-type\"].startsWith(\"text/\")", "", true),
        ("\"content-type\" in headers", "", true),
        ("\"x-missing\" in headers", "", false),
        ("has(headers.etag)", "", false),
        ("headers[\"x-missing\"] == \"a\"", "", false),
        ("json.status == \"ok\"", json, true),
        ("json.count == 3 && json.count + 1 == 4", json, true),
        ("json.load < 1.0 && json.load < 1", json, true),
        ("json.items.size() == 2", json, true),
        ("json.items.all(i, i.up)", json, false),
        ("json.items.exists(i, i.up && i.id == 1)", json, true),
        ("json.items.exists_one(i, i.up)", json, true),
        ("json.items.filter(i, i.up).size() == 1", json, true),
        ("json.items[1].id == 2", json, true),
        ("json.items[9].id == 2", json, false),
        ("has(json.status) && !has(json.other)", json, true),
        ("json.none == null", json, true),
        ("json.status == \"ok\"", "not json", false),
        ("json == null", "not json", true),
        ("answers.exists(a, a == \"192.0.2.2\")", "", true),
        ("\"192.0.2.3\" in answers", "", false),
        ("loss < 0.5 && loss * 4.0 == 1.0", "", true),
        ("http_version.startsWith(\"HTTP/\")", "", true),
    ] {
        assert_eq!(holds(text, 200, body), want, "{text} on {body}");
    }
}

#[test]
fn a_name_that_does_not_exist_is_refused_in_every_branch() {
    for text in [
        "statsu == 200",
        "false && statsu == 200",
        "true || statsu == 200",
        "true ? status == 200 : statsu == 1",
        "json.items.all(i, statsu == 1)",
        "[200].exists(s, s == statsu)",
        "has(statsu.x)",
        "body.contains(statsu)",
        "json.a.b.filter(s, statsu == 2).size() == 1",
    ] {
        let r = refusal(text);
        assert!(
            r.contains("there is no `statsu` here") && r.contains("did you mean `status`?"),
            "{text}: {r}"
        );
    }
    assert!(refusal("zzzzzzz == 1").contains("the names are status, body, headers, json"));
}

#[test]
fn an_error_says_the_column() {
    for (text, want) in [
        ("status == 200 && statsu", "column 18: "),
        ("body == \"äöü\" && statsu == 1", "column 18: "),
        ("status == 200 &&\n  statsu == 1", "line 2, column 3: "),
        ("status == ", "column 10"),
        ("status = 200", "column 8"),
        ("\"äöü\" = body", "column 7"),
        ("status == 200 and true", "column 15"),
    ] {
        let r = refusal(text);
        assert!(r.contains(want), "{text}: {r}");
    }
    assert!(refusal("status = 200").contains("write == to compare"));
    assert!(refusal("status == 200 and true").contains("write && for and"));
}

#[test]
fn a_condition_of_the_wrong_type_is_refused() {
    for (text, want) in [
        ("status", "gives a whole number, not true or false"),
        ("status == \"200\"", "write 200 without the quotes"),
        ("body == 200", "write \"200\" with quotes"),
        ("status + body == 1", "`+` does not fit a whole number and a text"),
        ("status.contains(\"2\")", "`contains` does not fit"),
        ("status.code == 2", "a whole number has no field `code`"),
        ("body.length == 2", "write `.size()`"),
        ("status && true", "`&&` does not fit a whole number"),
        ("body in \"abc\"", "contains"),
        ("status == 200u", "without \"u\""),
        ("false && status == \"200\"", "without the quotes"),
        ("status * 1.5 > 2", "write 2.0 rather than 2"),
        ("status.all(x, x > 1)", "has no elements"),
    ] {
        let r = refusal(text);
        assert!(r.contains(want), "{text}: {r}");
    }
}

#[test]
fn a_function_that_is_not_offered_is_refused() {
    assert!(refusal("body.contans(\"x\")").contains("did you mean `contains`?"));
    assert!(refusal("false && nope(status)").contains("there is no function `nope` here"));
    assert!(refusal("contains(body, \"x\")").contains("is not called like this"));
    assert!(refusal("body.contains(\"x\", \"y\")").contains("is not called like this"));
    assert!(refusal("body.matches(body)").contains("must be a text written here"));
    assert!(refusal("body.matches(\"(\")").contains("unclosed group"));
    assert!(refusal("@regex(body, 0)").contains("parsed"));
    assert!(refusal("type(status) == int").contains("there is no function `type` here"));
}

#[test]
fn what_could_cost_without_bound_is_refused() {
    for (text, want) in [
        ("json.all(a, json.all(b, true))", "a loop within a loop"),
        ("json.all(a, a.all(b, true))", "a loop within a loop"),
        ("json.filter(a, a.exists(b, true)).size() == 1", "a loop within a loop"),
        ("json.map(a, a + a).size() == 1", "`map` is not offered"),
        ("json.map(a, a > 1, a).map(b, b).size() == 1", "`map` is not offered"),
        ("json.all(a, body.contains(a))", "cannot be used within a loop"),
        ("json.all(a, [a, a, a].size() == 3)", "only constants"),
        ("{\"a\": 1}.size() == 1", "maps"),
    ] {
        let r = refusal(text);
        assert!(r.contains(want), "{text}: {r}");
    }
    assert!(refusal(&format!("body == \"{}\"", "x".repeat(MAX_CONDITION_BYTES))).contains("at most 1024"));
    assert!(refusal(&format!("({} == 1", "body + ".repeat(17))).contains("parsed"));
    assert!(refusal(&format!("{}body == \"\"", "body + ".repeat(17))).contains("used more than 16 times"));
}

#[test]
fn hostile_shapes_end_in_an_error_and_quickly() {
    let started = stillhere_clock();
    for text in [
        "(".repeat(1000),
        "[".repeat(1000),
        format!("{}1{}", "(".repeat(500), ")".repeat(500)),
        format!("{}status == 1{}", "(".repeat(16), ")".repeat(16)),
        format!("{}true", "!".repeat(1000)),
        format!("{}true", "!".repeat(150)),
        format!("{}1 == 1", "-".repeat(150)),
        format!("status == 1{}", " + 1".repeat(150)),
        format!("status == 1{}", " && true".repeat(79)),
        format!("json{}", ".a".repeat(400)),
        format!("json{} == 1", ".a".repeat(140)),
        format!("json{}", "[0]".repeat(150)),
        format!("{}true{}", "true ? ".repeat(60), " : true".repeat(60)),
        "json".to_owned() + &".filter(x, true)".repeat(40) + ".size() == 1",
        "\"".to_owned(),
        "'''".to_owned(),
        "r\"\\".to_owned(),
        "\"\\u{0}\0\"".to_owned(),
        "\0".to_owned(),
        "日本語 == 1".to_owned(),
        "status == 99999999999999999999".to_owned(),
        "status == 0x7fffffffffffffff + 1".to_owned(),
    ] {
        let _ = Condition::parse(NAMES, &text);
    }
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}

#[test]
fn a_regular_expression_costs_linear_time_and_bounded_memory() {
    assert!(refusal("body.matches(\"(a{1000}){1000}\")").contains("too large"));
    let started = stillhere_clock();
    let body = "a".repeat(MAX_TEXT_BYTES);
    for text in
        ["body.matches(\"^(a+)+$b\")", "body.matches(\"(a|aa|a?)*c\")", "body.matches(\"(.*a){12}b\")"]
    {
        assert!(!holds(text, 200, &body));
    }
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}

#[test]
fn a_huge_body_is_cut_before_a_condition_sees_it() {
    let body = format!("{}END", "x".repeat(MAX_TEXT_BYTES));
    assert!(!holds("body.contains(\"END\")", 200, &body));
    assert!(holds(&format!("body.size() == {MAX_TEXT_BYTES}"), 200, &body));
    assert!(holds("json == null", 200, &format!("\"{body}\"")), "half a document is not the document");
    assert!(!holds("json.a == 1", 200, &"[".repeat(60_000)));
    assert!(holds("json.all(x, x == 0)", 200, &format!("[{}0]", "0,".repeat(30_000))));
}

#[test]
fn a_failure_prints_the_values_of_the_names_it_uses() {
    let c = Condition::parse(NAMES, "status == 200 && response_ms < 500").expect("valid");
    let Err(Finding::ConditionFailed { condition, actual }) = c.check(&facts(500, "")) else { panic!() };
    assert_eq!(condition, "status == 200 && response_ms < 500");
    assert_eq!(actual, "status = 500, response_ms = 812");
}

#[test]
fn what_the_target_sent_is_printed_for_the_operator_only() {
    let text = "json.state == \"ok\" && json.n == 1 && headers[\"x-key\"] == \"a\" && body.contains(\"z\")";
    let c = Condition::parse(NAMES, text).expect("valid");
    let f = facts(200, r#"{"state":"secret words","n":2}"#);
    let Err(Finding::ConditionFailed { actual, .. }) = c.check(&f) else { panic!() };
    assert_eq!(
        actual,
        "json.state = a text of 12 characters, json.n = 2, headers[\"x-key\"] = missing, body = a text of 30 characters"
    );
    assert!(c.detail(&f).starts_with("json.state = \"secret words\", json.n = 2"));
}

#[test]
fn a_condition_that_cannot_be_evaluated_says_why() {
    let c = Condition::parse(NAMES, "json.count > 3").expect("valid");
    let Err(Finding::ConditionFailed { actual, .. }) = c.check(&facts(200, "{}")) else { panic!() };
    assert_eq!(actual, "json.count = missing; there is no field \"count\"");
    let Err(Finding::ConditionFailed { actual, .. }) = c.check(&facts(200, r#"{"count":"x"}"#)) else {
        panic!()
    };
    assert!(actual.starts_with("json.count = a text of 1 character; "), "{actual}");
    let c = Condition::parse(NAMES, "json.up").expect("valid");
    let Err(Finding::ConditionFailed { actual, .. }) = c.check(&facts(200, r#"{"up":3}"#)) else { panic!() };
    assert_eq!(actual, "json.up = 3; it gives a whole number, not true or false");
}

#[test]
fn printed_values_are_cut() {
    let c = Condition::parse(NAMES, "http_version == \"HTTP/2\"").expect("valid");
    let mut f = facts(200, "");
    f.set("http_version", Fact::text(&"v".repeat(100_000)));
    let Err(Finding::ConditionFailed { actual, .. }) = c.check(&f) else { panic!() };
    assert!(actual.chars().count() <= MAX_VALUE_CHARS + 20 && actual.ends_with('…'), "{actual}");
    assert!(c.detail(&f).chars().count() <= MAX_ACTUAL_CHARS + 1);
}

#[test]
fn equal_conditions_share_one_program() {
    let a = Condition::parse(NAMES, "status == 418").expect("valid");
    let b = Condition::parse(NAMES, " status == 418 ").expect("valid");
    assert!(Arc::ptr_eq(&a.program, &b.program));
    static OTHER: &[Name] = &[Name::public("status", "Another kind's.", Sample::Text("ok"))];
    assert!(Condition::parse(OTHER, "status == 418").is_err(), "the kinds do not share a cache entry");
}

#[test]
fn every_name_of_every_kind_can_be_used() {
    for kind in crate::KINDS {
        for n in kind.names {
            let text = format!("{0} == {0} || {0} == null", n.name);
            let c = Condition::parse(kind.names, &text);
            let c = c.unwrap_or_else(|p| panic!("{} {}: {}", kind.name, n.name, p.problem));
            assert_eq!(c.check(&Facts::sample(kind.names)), Ok(()), "{} {}", kind.name, n.name);
            assert_eq!(c.check(&Facts::new(kind.names)), Ok(()), "{} {} when absent", kind.name, n.name);
            assert!(n.about.ends_with('.'), "{} {} is said in a sentence", kind.name, n.name);
        }
    }
}

#[test]
fn every_function_is_in_the_doc_page() {
    let doc =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/probes/conditions.md"))
            .expect("docs/probes/conditions.md");
    for f in rules::functions() {
        assert!(doc.contains(&format!("`{f}(")) || doc.contains(&format!(".{f}(")), "{f} is not documented");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn parsing_anything_ends_in_a_condition_or_a_problem(text in "\\PC{0,120}") {
        let _ = Condition::parse(NAMES, &text);
    }

    #[test]
    fn whatever_is_accepted_can_be_evaluated_on_anything(
        parts in proptest::collection::vec(prop::sample::select(vec![
            "status", "body", "json", "headers", "loss", "answers", " == ", " && ", " || ", "!", "(", ")", "[", "]",
            "200", "\"a\"", "0.5", "null", "true", ".a", ".size()", ".contains(\"a\")", ".all(x, x == 1)", " + ",
            " in ", " ? ", " : ", "has(json.a)", ".matches(\"a+\")", " < ", "-", "x", ".filter(y, y.a)",
        ]), 1..12),
        body in "\\PC{0,40}",
    ) {
        if let Ok(c) = Condition::parse(NAMES, &parts.concat()) {
            let f = facts(200, &body);
            if let Err(Finding::ConditionFailed { actual, .. }) = c.check(&f) {
                prop_assert!(actual.chars().count() <= MAX_ACTUAL_CHARS + 1);
            }
            let _ = c.detail(&f);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a test bounds how long a hostile input may take")]
fn stillhere_clock() -> std::time::Instant {
    std::time::Instant::now()
}
