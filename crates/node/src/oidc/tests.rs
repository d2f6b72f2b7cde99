use super::*;
use serde_json::json;
use std::{
    collections::HashMap,
    sync::{Mutex as Plain, PoisonError},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

const DOCUMENT: &str = "/.well-known/openid-configuration";
const SECOND: i64 = 1_000;

/// A provider that answers what it is told to, and counts.
#[derive(Clone, Default)]
struct Far {
    answers: Arc<Plain<HashMap<String, (u16, String)>>>,
    asked: Arc<Plain<Vec<String>>>,
    issuer: String,
}

impl Far {
    async fn start() -> Far {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let far = Far { issuer: format!("http://{}", listener.local_addr().unwrap()), ..Far::default() };
        let served = far.clone();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut head = Vec::new();
                while !head.windows(4).any(|w| w == b"\r\n\r\n")
                    && stream.read_buf(&mut head).await.unwrap() > 0
                {}
                let path = String::from_utf8_lossy(&head).split(' ').nth(1).unwrap_or_default().to_owned();
                let (status, body) =
                    lock(&served.answers).get(&path).cloned().unwrap_or((404, String::new()));
                lock(&served.asked).push(path);
                let answer = format!(
                    "HTTP/1.1 {status} x\r\nLocation: {}/elsewhere\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    served.issuer,
                    body.len()
                );
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        far.say(DOCUMENT, 200, &far.document());
        far.say("/keys", 200, &json!({ "keys": [] }).to_string());
        far
    }

    fn document(&self) -> String {
        let at = |path: &str| format!("{}{path}", self.issuer);
        json!({
            "issuer": self.issuer, "authorization_endpoint": at("/auth"), "token_endpoint": at("/token"), "jwks_uri": at("/keys"),
        })
        .to_string()
    }

    fn say(&self, path: &str, status: u16, body: &str) {
        lock(&self.answers).insert(path.to_owned(), (status, body.to_owned()));
    }

    fn asked(&self, path: &str) -> usize {
        lock(&self.asked).iter().filter(|p| *p == path).count()
    }

    fn settings(&self) -> Arc<Settings> {
        stillhere_net::tls::install();
        let text = format!(
            "[site]\nurl = \"https://status.example.com/\"\n[oidc]\nissuer = \"{}\"\nclient_id = \"a\"\n",
            self.issuer
        );
        let config = Config::parse("f", &text).unwrap();
        Settings::build(&config, config.site.url.as_deref().unwrap()).unwrap().unwrap()
    }
}

fn lock<T>(what: &Plain<T>) -> std::sync::MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

fn away<T>(answer: Result<T, ProviderError>) -> String {
    match answer {
        Err(ProviderError::Away(why)) => why,
        Err(e) => panic!("{e}"),
        Ok(_) => panic!("it is there"),
    }
}

#[tokio::test]
async fn a_provider_is_asked_once_an_hour_and_what_it_said_outlives_its_absence_by_a_day() {
    let far = Far::start().await;
    let settings = far.settings();
    for now in [0, 1, 3_599 * SECOND] {
        settings.provider(now).await.unwrap();
    }
    assert_eq!(far.asked(DOCUMENT), 1);
    far.say(DOCUMENT, 500, "");
    let hour = 3_600 * SECOND;
    settings.provider(hour).await.unwrap();
    settings.provider(hour + SECOND).await.unwrap();
    assert_eq!(far.asked(DOCUMENT), 2, "that it is away is remembered for a while");
    settings.provider(hour + 3 * SECOND).await.unwrap();
    assert_eq!(far.asked(DOCUMENT), 3);
    assert!(away(settings.provider(24 * hour).await).ends_with("answers 500"));
    far.say(DOCUMENT, 200, &far.document());
    settings.provider(25 * hour).await.unwrap();
}

#[tokio::test]
async fn an_unknown_key_makes_us_fetch_the_keys_again_once_a_minute() {
    let far = Far::start().await;
    let settings = far.settings();
    let (provider, policy) = settings.provider(0).await.unwrap();
    let keys = async |again, now| settings.keys(&provider, policy, again, now).await.unwrap();
    keys(false, 0).await;
    for now in [1, SECOND, 59 * SECOND] {
        keys(true, now).await;
    }
    assert_eq!(far.asked("/keys"), 1, "a flood of tokens with names of keys costs the provider nothing");
    let new = json!({ "kty": "OKP", "crv": "Ed25519", "kid": "new", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
    far.say("/keys", 200, &json!({ "keys": [new] }).to_string());
    let found = keys(true, 60 * SECOND).await;
    assert!(found.find(Some("new"), stillhere_access::oidc::key::Algorithm::EdDsa).is_ok());
    far.say("/keys", 200, "no keys at all");
    assert_eq!(keys(true, 200 * SECOND).await, found, "what it said before");
    keys(true, 201 * SECOND).await;
    assert_eq!(far.asked("/keys"), 3);
}

#[tokio::test]
async fn an_answer_that_leads_elsewhere_is_another_s_or_has_no_end_is_none() {
    let far = Far::start().await;
    let fresh = async || {
        let read = far.settings().provider(0).await;
        read.map(drop)
    };
    far.say(DOCUMENT, 302, "");
    far.say("/elsewhere", 200, &far.document());
    assert!(away(fresh().await).ends_with("answers 302"));
    assert_eq!(far.asked("/elsewhere"), 0, "nobody leads us on");
    far.say(DOCUMENT, 200, &format!("{}{}", far.document(), " ".repeat(300_000)));
    assert!(away(fresh().await).contains("more than"), "without an end");
    far.say(DOCUMENT, 200, &far.document().replace(&far.issuer, "https://evil.example"));
    assert_eq!(fresh().await, Err(Wrong::OtherIssuer("https://evil.example".to_owned()).into()));
    far.say(DOCUMENT, 200, "<html>");
    assert_eq!(fresh().await, Err(Wrong::Unreadable.into()));
    // Inside it is led nowhere but here: what it names must be as public as it is.
    far.say(DOCUMENT, 200, &far.document());
    let settings = far.settings();
    let (_, policy) = settings.provider(0).await.unwrap();
    let inside = settings.http.get("http://169.254.169.254/keys", policy).await;
    assert!(away(inside).contains("not allowed"));
}

#[tokio::test]
async fn a_code_that_the_provider_does_not_take_is_no_fault_of_the_provider() {
    let far = Far::start().await;
    let settings = far.settings();
    let (provider, policy) = settings.provider(0).await.unwrap();
    let exchanged = async || {
        let client = settings.client();
        settings.http.exchange(&provider, policy, &client, &settings.redirect_uri(), "c", "v").await.map(drop)
    };
    far.say("/token", 400, "{\"error\":\"invalid_grant\\r\\n\"}");
    assert_eq!(exchanged().await, Err(ProviderError::NotTaken("invalid_grant".to_owned())));
    far.say("/token", 200, "{\"access_token\":\"a\"}");
    assert!(matches!(exchanged().await, Err(ProviderError::NotTaken(_))), "no ID token");
    far.say("/token", 503, "{\"error\":\"x\"}");
    assert!(away(exchanged().await).ends_with("answers 503"));
}

#[tokio::test]
async fn people_come_back_to_the_site_s_own_address() {
    let settings = Far::start().await.settings();
    assert_eq!(settings.redirect_uri(), "https://status.example.com/console/oidc");
    for host in ["status.example.com", "Status.Example.Com", "status.example.com:443"] {
        assert!(settings.site_is(host), "{host}");
    }
    for host in
        ["", "127.0.0.1:8080", "status.example.com:8443", "example.com", "status.example.com.evil.example"]
    {
        assert!(!settings.site_is(host), "{host}");
    }
}
