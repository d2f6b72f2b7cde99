//! Every route of the API × every kind of caller. The routes come from the API's own description: one without a line here
//! fails the test.

use crate::running::{Answer, Running, start};
use std::collections::BTreeSet;
use stillhere_model::{By, Role};
use stillhere_store::{NewToken, TokenScope};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    /// Anybody may.
    Nothing,
    /// For who is not known yet; sent by a page of ours.
    Door,
    Viewer,
    Responder,
    Admin,
    /// A person who is logged in, with any role; no token.
    Person,
    /// An edge's token.
    Edge,
}

use Needs::{Admin, Door, Edge, Nothing, Person, Responder, Viewer};

#[rustfmt::skip]
const TABLE: &[(&str, &str, Needs)] = &[
    ("GET", "/api/v1/status", Nothing),
    ("GET", "/api/v1/services", Nothing),
    ("GET", "/api/v1/services/{service}", Nothing),
    ("GET", "/api/v1/services/{service}/checks/{check}/latency", Nothing),
    ("GET", "/api/v1/services/{service}/checks/{check}/observations", Viewer),
    ("GET", "/api/v1/incidents", Nothing),
    ("POST", "/api/v1/incidents", Responder),
    ("GET", "/api/v1/incidents/{id}", Nothing),
    ("POST", "/api/v1/incidents/{id}/updates", Responder),
    ("POST", "/api/v1/incidents/{id}/resolve", Responder),
    ("POST", "/api/v1/incidents/{id}/eta", Responder),
    ("POST", "/api/v1/incidents/{id}/acknowledge", Responder),
    ("POST", "/api/v1/incidents/{id}/correct", Responder),
    ("POST", "/api/v1/incidents/{id}/notes", Responder),
    ("DELETE", "/api/v1/incidents/{id}/notes/{note}", Responder),
    ("GET", "/api/v1/incidents/{id}/postmortem", Viewer),
    ("POST", "/api/v1/incidents/{id}/preventions", Responder),
    ("POST", "/api/v1/incidents/{id}/preventions/change", Responder),
    ("GET", "/api/v1/maintenances", Nothing),
    ("POST", "/api/v1/maintenances", Responder),
    ("GET", "/api/v1/maintenances/{id}", Nothing),
    ("POST", "/api/v1/maintenances/{id}/updates", Responder),
    ("POST", "/api/v1/maintenances/{id}/complete", Responder),
    ("POST", "/api/v1/maintenances/{id}/cancel", Responder),
    ("GET", "/api/v1/console/overview", Viewer),
    ("GET", "/api/v1/console/services", Viewer),
    ("GET", "/api/v1/console/services/{service}", Viewer),
    ("GET", "/api/v1/console/services/{service}/checks/{check}/looks", Viewer),
    ("GET", "/api/v1/console/incidents", Viewer),
    ("GET", "/api/v1/console/incidents/{id}", Viewer),
    ("GET", "/api/v1/console/incidents/{id}/postmortem", Viewer),
    ("GET", "/api/v1/console/preventions", Viewer),
    ("GET", "/api/v1/console/incidents/{id}/reach", Viewer),
    ("GET", "/api/v1/console/journal", Viewer),
    ("POST", "/api/v1/console/preview/open", Responder),
    ("POST", "/api/v1/console/preview/incidents/{id}/updates", Responder),
    ("POST", "/api/v1/console/preview/incidents/{id}/resolve", Responder),
    ("GET", "/api/v1/journal", Viewer),
    ("GET", "/api/v1/outbox", Viewer),
    ("GET", "/api/v1/outbox/dead", Viewer),
    ("POST", "/api/v1/outbox/dead/{id}/revive", Responder),
    ("POST", "/api/v1/reload", Admin),
    ("GET", "/api/v1/trust", Nothing),
    ("POST", "/api/v1/record/cosignatures", Admin),
    ("GET", "/api/v1/subscribers", Viewer),
    ("POST", "/api/v1/subscribers/export", Admin),
    ("POST", "/api/v1/subscribers/import", Admin),
    ("POST", "/api/v1/subscribers/erase", Admin),
    ("POST", "/api/v1/subscribers/bounces", Viewer),
    ("GET", "/api/v1/settings/{kind}", Viewer),
    ("GET", "/api/v1/settings/{kind}/{id}", Viewer),
    ("PUT", "/api/v1/settings/{kind}/{id}", Admin),
    ("DELETE", "/api/v1/settings/{kind}/{id}", Admin),
    ("POST", "/api/v1/try/check", Admin),
    ("POST", "/api/v1/try/channel", Admin),
    ("GET", "/api/v1/edges", Viewer),
    ("POST", "/api/v1/edge/services/{service}/pause", Admin),
    ("POST", "/api/v1/edge/services/{service}/resume", Admin),
    ("GET", "/api/v1/edge/bans", Viewer),
    ("PUT", "/api/v1/edge/bans", Admin),
    ("DELETE", "/api/v1/edge/bans", Admin),
    ("GET", "/api/v1/edge/feed", Edge),
    ("POST", "/api/v1/edge/report", Edge),
    ("POST", "/api/v1/session", Door),
    ("GET", "/api/v1/session", Person),
    ("DELETE", "/api/v1/session", Person),
    ("GET", "/api/v1/setup", Nothing),
    ("POST", "/api/v1/setup", Door),
    ("GET", "/api/v1/sessions", Person),
    ("DELETE", "/api/v1/sessions/{id}", Person),
    ("POST", "/api/v1/me/password", Person),
    ("GET", "/api/v1/me/totp", Person),
    ("POST", "/api/v1/me/totp", Person),
    ("DELETE", "/api/v1/me/totp", Person),
    ("POST", "/api/v1/passkeys/challenge", Door),
    ("POST", "/api/v1/session/passkey", Door),
    ("GET", "/api/v1/oidc", Nothing),
    ("POST", "/api/v1/oidc", Door),
    ("POST", "/api/v1/session/oidc", Door),
    ("GET", "/api/v1/me/browsers", Person),
    ("POST", "/api/v1/me/browsers", Person),
    ("DELETE", "/api/v1/me/browsers/{id}", Person),
    ("GET", "/api/v1/me/passkeys", Person),
    ("POST", "/api/v1/me/passkeys", Person),
    ("POST", "/api/v1/me/passkeys/challenge", Person),
    ("DELETE", "/api/v1/me/passkeys/{id}", Person),
    ("GET", "/api/v1/people", Admin),
    ("POST", "/api/v1/people", Admin),
    ("PATCH", "/api/v1/people/{id}", Admin),
    ("DELETE", "/api/v1/people/{id}", Admin),
    ("POST", "/api/v1/people/{id}/reset", Admin),
    ("GET", "/api/v1/tokens", Admin),
    ("POST", "/api/v1/tokens", Admin),
    ("DELETE", "/api/v1/tokens/{name}", Admin),
];

/// A call that could do something if it were let through; the fields are not right, so that nothing comes of it.
async fn ask(s: &Running, method: &str, path: &str, headers: &str) -> Answer {
    let path = path
        .replace("{service}", "shop")
        .replace("{check}", "nightly-job")
        .replace("{kind}", "services")
        .replace("{note}", "0190b5b000007000800000000000000e")
        .replace("{id}", "0190b5b000007000800000000000000f")
        .replace("{name}", "nobody");
    let body = if method == "GET" { "" } else { "{}" };
    s.call(method, &path, headers, body).await
}

async fn token(s: &Running, scope: TokenScope, role: Role) -> String {
    let name = format!("{}-{role}", scope.as_str());
    let new = NewToken { name: &name, scope, role, teams: &[], expires_at: None };
    let (random, now) = (stillhere_net::entropy::bytes(), s.handle.clock().now().wall);
    let token = s.handle.store().token_make(&new, random, &By::local(), now).await.unwrap();
    format!("Authorization: Bearer {token}\r\nContent-Type: application/json\r\n")
}

fn kind(answer: &Answer) -> String {
    answer.json()["type"].as_str().unwrap_or_default().replace("urn:stillhere:problem:", "")
}

#[test]
fn every_route_has_a_line_in_the_table() {
    let description = serde_json::to_value(stillhere_web::api::openapi()).unwrap();
    let routes: BTreeSet<(String, String)> = description["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().keys().filter(|k| *k != "parameters");
            methods.map(|m| (m.to_uppercase(), path.clone())).collect::<Vec<_>>()
        })
        .collect();
    let lines: BTreeSet<(String, String)> =
        TABLE.iter().map(|(m, p, _)| ((*m).to_owned(), (*p).to_owned())).collect();
    assert_eq!(lines.len(), TABLE.len(), "a route stands in the table twice");
    let missing: Vec<_> = routes.difference(&lines).collect();
    let gone: Vec<_> = lines.difference(&routes).collect();
    assert!(missing.is_empty() && gone.is_empty(), "without a line: {missing:?}; without a route: {gone:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_lets_in_whom_the_table_says_and_nobody_else() {
    let s = start().await;
    let json = "Content-Type: application/json\r\n";
    let edge = token(&s, TokenScope::Edge, Role::Admin).await;
    let mut tokens = Vec::new();
    for role in Role::ALL {
        tokens.push((role, token(&s, TokenScope::Write, role).await));
    }
    for (method, path, needs) in TABLE {
        let role = match needs {
            Viewer => Some(Role::Viewer),
            Responder => Some(Role::Responder),
            Admin => Some(Role::Admin),
            _ => None,
        };
        let at = format!("{method} {path}");
        let nobody = ask(&s, method, path, json).await;
        let refused = [401, 403].contains(&nobody.status);
        assert_eq!(refused, *needs != Nothing, "nobody: {at}: {}", nobody.text());
        if *needs == Door {
            assert_eq!((nobody.status, kind(&nobody)), (403, "csrf".to_owned()), "{at}");
            continue;
        }
        if *needs != Nothing {
            assert_eq!(nobody.status, 401, "nobody: {at}");
            let by_edge = ask(&s, method, path, &edge).await;
            assert_eq!(by_edge.status == 401, *needs != Edge, "an edge: {at}: {}", by_edge.text());
        }
        for (has, token) in &tokens {
            let answer = ask(&s, method, path, token).await;
            let wanted = match needs {
                Nothing => None,
                Edge => Some(401),
                Person => Some(403),
                _ => (Some(*has) < role).then_some(403),
            };
            match wanted {
                Some(status) => assert_eq!(answer.status, status, "{has} token: {at}: {}", answer.text()),
                None => assert!(![401, 403].contains(&answer.status), "{has} token: {at}: {}", answer.text()),
            }
        }
        for has in Role::ALL {
            let session = s.session(has, &[]).await;
            let answer = ask(&s, method, path, &session).await;
            let wanted = match needs {
                Nothing | Person => None,
                Edge => Some(401),
                _ => (Some(has) < role).then_some(403),
            };
            match wanted {
                Some(status) => assert_eq!(answer.status, status, "{has} session: {at}: {}", answer.text()),
                None => assert!(
                    // What asks for the password again may find it wrong; it has let the session in.
                    ![401, 403].contains(&answer.status) || kind(&answer) == "wrong-credentials",
                    "{has} session: {at}: {}",
                    answer.text()
                ),
            }
        }
    }
}

/// Another site can make a browser send the cookie along. It cannot read the session's token, and the browser says where the page is from.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn csrf_no_route_takes_a_write_with_a_cookie_that_was_not_sent_by_a_page_of_ours() {
    let s = start().await;
    let good = s.session(Role::Admin, &[]).await;
    let theirs = s.session(Role::Admin, &[]).await;
    let line = |headers: &str, name: &str| {
        headers.split_inclusive("\r\n").find(|l| l.starts_with(name)).unwrap().to_owned()
    };
    let (origin, site, csrf) =
        (line(&good, "Origin"), line(&good, "Sec-Fetch"), line(&good, "stillhere-csrf"));
    let cases = [
        ("without the token", good.replace(&csrf, "")),
        ("with another session's token", good.replace(&csrf, &line(&theirs, "stillhere-csrf"))),
        ("with an empty token", good.replace(&csrf, "stillhere-csrf: \r\n")),
        ("from another site", good.replace(&site, "Sec-Fetch-Site: cross-site\r\n")),
        ("from a neighbouring name", good.replace(&site, "Sec-Fetch-Site: same-site\r\n")),
        ("with nothing that says where from", good.replace(&site, "").replace(&origin, "")),
        ("from another origin", good.replace(&site, "").replace(&origin, "Origin: http://evil.example\r\n")),
        ("from a page without an origin", good.replace(&site, "").replace(&origin, "Origin: null\r\n")),
    ];
    let mut tried = 0;
    for (method, path, needs) in TABLE {
        if *method == "GET" || matches!(needs, Nothing | Edge | Door) {
            continue;
        }
        for (what, headers) in &cases {
            let answer = ask(&s, method, path, headers).await;
            assert_eq!((answer.status, kind(&answer)), (403, "csrf".into()), "{what}: {method} {path}");
            tried += 1;
        }
    }
    assert!(tried > 150, "{tried}");
    let older = good.replace(&site, "");
    assert_eq!(
        ask(&s, "DELETE", "/api/v1/session", &older).await.status,
        204,
        "an older browser says the origin alone"
    );
}

/// Wherever somebody is to be led after logging in, it is none of what an address says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn open_redirect_no_answer_leads_anywhere_but_to_a_path_of_ours() {
    let s = start().await;
    let admin = s.session(Role::Admin, &[]).await;
    let pages = [
        "/",
        "/history",
        "/console/",
        "/console",
        "//evil.example",
        "/console//evil.example",
        "/https://evil.example",
    ];
    let paths = TABLE.iter().map(|(_, path, _)| *path).chain(pages);
    for path in paths {
        for next in [
            "https://evil.example",
            "//evil.example",
            "/\\\\evil.example",
            "%2F%2Fevil.example",
            "javascript:alert(1)",
        ] {
            let asked = format!("{path}?next={next}&return_to={next}&redirect_uri={next}&lang=en");
            for headers in ["", &admin] {
                let answer = ask(&s, "GET", &asked, headers).await;
                assert!(!answer.head.contains("\nrefresh:"), "{asked}: {}", answer.head);
                let Some(to) = answer.header("location") else { continue };
                let ours = to.starts_with('/') && !to.starts_with("//") && !to.starts_with("/\\");
                assert!(ours && !to.contains("evil.example"), "{asked} leads to {to}");
            }
        }
    }
}

/// What was revoked or is over opens nothing, anywhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_was_ended_and_a_token_that_is_over_are_nobody() {
    let s = start().await;
    let session = s.session(Role::Admin, &[]).await;
    assert_eq!(ask(&s, "DELETE", "/api/v1/session", &session).await.status, 204);
    let now = s.handle.clock().now().wall;
    let over = NewToken {
        name: "over",
        scope: TokenScope::Write,
        role: Role::Admin,
        teams: &[],
        expires_at: Some(now),
    };
    let over = s.handle.store().token_make(&over, [9; 32], &By::local(), now).await.unwrap();
    let over = format!("Authorization: Bearer {over}\r\nContent-Type: application/json\r\n");
    for (method, path, needs) in TABLE {
        if matches!(needs, Nothing | Door) {
            continue;
        }
        for headers in [&session, &over] {
            assert_eq!(ask(&s, method, path, headers).await.status, 401, "{method} {path}");
        }
    }
}

/// A responder of one team speaks about its services and those of nobody, and reads everything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_responder_with_teams_speaks_about_their_services_alone() {
    let s = start().await;
    let payments = s.session(Role::Responder, &["payments"]).await;
    let all = s.session(Role::Responder, &[]).await;
    let incident = |service: &str| {
        format!("{{\"title\":\"T\",\"text\":\"X\",\"services\":{{\"{service}\":\"partial_outage\"}}}}")
    };
    let open = async |who: &str, body: &str| s.call("POST", "/api/v1/incidents", who, body).await;
    let own = open(&payments, &incident("checkout")).await;
    assert_eq!(own.status, 201, "{}", own.text());
    let foreign = open(&payments, &incident("shop")).await;
    assert_eq!(foreign.status, 403);
    assert!(foreign.text().contains("storefront"), "{}", foreign.text());
    let whole = open(&payments, r#"{"title":"T","text":"X"}"#).await;
    assert_eq!(whole.status, 403, "what concerns no service is about the whole page");
    let theirs = open(&all, &incident("shop")).await;
    assert_eq!(theirs.status, 201);
    let path =
        |a: &Answer, what: &str| format!("/api/v1/incidents/{}/{what}", a.json()["id"].as_str().unwrap());
    for (what, body) in [
        ("updates", r#"{"text":"X"}"#),
        ("resolve", "{}"),
        ("eta", r#"{"by":null}"#),
        ("correct", r#"{"note":"X"}"#),
    ] {
        let refused = s.call("POST", &path(&theirs, what), &payments, body).await;
        assert_eq!(refused.status, 403, "{what}: {}", refused.text());
    }
    let updated = s.call("POST", &path(&own, "updates"), &payments, r#"{"text":"X"}"#).await;
    assert_eq!(updated.status, 200, "{}", updated.text());
    let widened = r#"{"text":"X","services":{"shop":"partial_outage"}}"#;
    assert_eq!(s.call("POST", &path(&own, "updates"), &payments, widened).await.status, 403);
    assert_eq!(s.call("GET", "/api/v1/journal", &payments, "").await.status, 200);
    let admin = s.session(Role::Admin, &["payments"]).await;
    let said = s.call("POST", &path(&theirs, "updates"), &admin, r#"{"text":"X"}"#).await;
    assert_eq!(said.status, 200, "an admin decides about everything");
}
