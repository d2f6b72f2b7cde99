//! What scripts of other sites may do.

use crate::running::start;

const ORIGIN: &str = "Origin: https://elsewhere.example\r\n";
const OPEN: [&str; 6] = [
    "/api/v1/status",
    "/api/v1/incidents",
    "/api/v1/openapi.json",
    "/api/v2/summary.json",
    "/api/v2/incidents/unresolved.json",
    "/.well-known/stillhere/notice",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scripts_of_other_sites_may_read_what_is_public() {
    let s = start().await;
    for path in OPEN {
        for method in ["GET", "HEAD"] {
            let ask = format!(
                "{ORIGIN}Access-Control-Request-Method: {method}\r\nAccess-Control-Request-Headers: if-none-match\r\n"
            );
            let leave = s.call("OPTIONS", path, &ask, "").await;
            assert_eq!(leave.status, 204, "{path}: {}", leave.head);
            assert_eq!(leave.header("access-control-allow-origin"), Some("*"));
            assert_eq!(leave.header("access-control-allow-methods"), Some("get, head"));
            assert_eq!(leave.header("access-control-allow-headers"), Some("*"));
        }
        for answer in [s.call("GET", path, ORIGIN, "").await, s.express(path, "Connection: close\r\n").await]
        {
            assert_eq!(
                (answer.status, answer.header("access-control-allow-origin")),
                (200, Some("*")),
                "{path}"
            );
        }
    }
    let unknown = s.call("GET", "/api/v1/services/none", ORIGIN, "").await;
    assert_eq!((unknown.status, unknown.header("access-control-allow-origin")), (404, Some("*")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scripts_of_other_sites_may_neither_write_nor_use_a_token() {
    let s = start().await;
    let token = s.token().await;
    for path in ["/api/v1/incidents", "/api/v1/reload", "/api/v1/maintenances"] {
        let ask = format!("{ORIGIN}Access-Control-Request-Method: POST\r\n");
        let refused = s.call("OPTIONS", path, &ask, "").await;
        assert_eq!((refused.status, refused.header("access-control-allow-origin")), (405, None), "{path}");
        let written = s.call("POST", path, &format!("{token}{ORIGIN}"), "{}").await;
        assert_eq!(written.header("access-control-allow-origin"), None, "{path}");
    }
    let journal = s.call("GET", "/api/v1/journal", &format!("{token}{ORIGIN}"), "").await;
    assert_eq!((journal.status, journal.header("access-control-allow-origin")), (200, None));
    for path in ["/", "/healthz", "/metrics"] {
        let ask = format!("{ORIGIN}Access-Control-Request-Method: GET\r\n");
        let refused = s.call("OPTIONS", path, &ask, "").await;
        assert_eq!((refused.status, refused.header("access-control-allow-origin")), (405, None), "{path}");
    }
    // Turned away by its name before anything else.
    let foreign = "OPTIONS /api/v1/status HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\
                   Origin: https://evil.example\r\nAccess-Control-Request-Method: GET\r\n\r\n";
    let answer = crate::running::Answer::parse(&s.bytes(foreign).await);
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (421, None));
}
