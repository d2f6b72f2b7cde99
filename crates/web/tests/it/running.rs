//! A node with its web side, and a client that sends exactly the bytes it is given.

use serde_json::Value;
use std::{net::SocketAddr, time::Duration};
use stillhere_access::secret::Handed;
use stillhere_config::Config;
use stillhere_model::{By, Person, PersonId, Role, Time};
use stillhere_net::entropy;
use stillhere_node::{Handle, Node, Over, Source};
use stillhere_store::{NewSession, Ticket};
use stillhere_web::Settings;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    task::JoinHandle,
    time::timeout,
};

/// Nothing may take longer.
pub const SOON: Duration = Duration::from_secs(20);
pub const KEY: &str = "a-key-of-the-nightly-job-0123456789";

/// For all jobs.
pub const PING_KEY: &str = "the-ping-key-of-all-jobs-0123456789";
/// One that would like to run something.
pub const LOGO: &str =
    "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script><path d='M0 9l4-9 5 9z'/></svg>";

const CONFIG: &str = r#"
[site]
name = { en = "Lantern", zh-CN = "灯笼" }
url = "https://status.lantern.example"
languages = ["en", "zh-CN"]
logo = "{dir}/logo.svg"

[server]
data = "{dir}/data"
allowed_hosts = ["allowed.example"]

[[service]]
id = "shop"
team = "storefront"
name = { en = "Shop", zh-CN = "商店" }

  [[service.check]]
  kind = "push"
  name = "Nightly job"
  key = { file = "{dir}/key" }
  period = "1h"

[heartbeats]
ping_key = { file = "{dir}/ping-key" }

[[service]]
id = "checkout"
team = "payments"
name = { en = "Checkout", zh-CN = "结账" }
depends_on = ["shop"]

[[service]]
id = "secret-ledger"
name = "Ledger"
public = false
"#;

pub struct Running {
    pub dir: tempfile::TempDir,
    pub addr: SocketAddr,
    pub handle: Handle,
    pub web: JoinHandle<()>,
    pub control: JoinHandle<()>,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    /// In lower case.
    pub head: String,
    pub body: Vec<u8>,
}

pub async fn start() -> Running {
    start_with(|_| {}).await
}

pub async fn start_with(change: impl FnOnce(&mut Settings)) -> Running {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("key"), KEY).unwrap();
    std::fs::write(dir.path().join("logo.svg"), LOGO).unwrap();
    std::fs::write(dir.path().join("ping-key"), PING_KEY).unwrap();
    let file = dir.path().join("stillhere.toml");
    std::fs::write(&file, CONFIG.replace("{dir}", dir.path().to_str().unwrap())).unwrap();
    let source = Source::File { path: file, over: Over::default() };
    let config: Config = source.load().unwrap_or_else(|report| panic!("{report}"));
    std::fs::create_dir_all(&config.server.data).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    // The tests themselves play the proxy, so that they can ask from many addresses.
    let mut settings = Settings {
        allowed_hosts: config.server.allowed_hosts.clone(),
        behind_proxy: true,
        ..Settings::new(addr)
    };
    change(&mut settings);
    let unix = UnixListener::bind(dir.path().join("control.sock")).unwrap();
    let node = Node::start(source, config, addr).await.unwrap();
    let handle = node.handle();
    let web = tokio::spawn(stillhere_web::serve(handle.clone(), listener, settings.clone()));
    let control = tokio::spawn(stillhere_web::serve_control(handle.clone(), unix, settings));
    tokio::spawn(node.stopped());
    Running { dir, addr, handle, web, control }
}

// === impl Running ===

impl Running {
    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.addr).await.unwrap()
    }

    /// Sends these bytes and reads until the far side closes.
    pub async fn bytes(&self, request: impl AsRef<[u8]>) -> Vec<u8> {
        let mut stream = self.connect().await;
        // The far side may answer and close before it has read everything.
        let _ = stream.write_all(request.as_ref()).await;
        let mut answer = Vec::new();
        let read = timeout(SOON, stream.read_to_end(&mut answer)).await;
        let read = read.unwrap_or_else(|_| panic!("not closed: {}", String::from_utf8_lossy(&answer)));
        if answer.is_empty() {
            read.unwrap();
        }
        answer
    }

    /// One request on a connection of its own, through hyper.
    pub async fn call(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let length =
            if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{headers}{length}\r\n{body}",
            self.addr
        );
        Answer::parse(&self.bytes(request).await)
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, "", "").await
    }

    /// The same through the express lane.
    pub async fn express(&self, path: &str, headers: &str) -> Answer {
        let mut stream = self.connect().await;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n{headers}\r\n", self.addr);
        stream.write_all(request.as_bytes()).await.unwrap();
        read_answer(&mut stream, &mut Vec::new()).await
    }

    pub async fn token(&self) -> String {
        let token =
            self.handle.store().token_new("tests", [7; 32], self.handle.clock().now().wall).await.unwrap();
        format!("Authorization: Bearer {token}\r\nContent-Type: application/json\r\n")
    }

    /// Somebody with this role, logged in: the headers of their browser. Without a password, so that it costs nothing.
    pub async fn session(&self, role: Role, teams: &[&str]) -> String {
        let (store, now) = (self.handle.store(), self.handle.clock().now().wall);
        let ticket =
            Ticket { sha256: Handed::new(entropy::bytes()).hash(), expires_at: Time(now.0 + 1_000_000) };
        let person = Person {
            id: PersonId::from_bytes(entropy::bytes()),
            name: format!("{role}-{:x}", entropy::u64()),
            role,
            teams: teams.iter().map(|t| (*t).to_owned()).collect(),
            created_at: now,
        };
        store.person_add(&person, &ticket, &By::local(), now).await.unwrap();
        let secret = Handed::new(entropy::bytes());
        let id = format!("{:x}", entropy::u64());
        let session = NewSession { id, sha256: secret.hash(), agent: None, replaces: None, id_token: None };
        store.set_up(&ticket.sha256, person, "none", &session, None, now).await.unwrap();
        self.browser(secret.expose(), &secret.csrf())
    }

    /// What a browser sends from a page of ours.
    pub fn browser(&self, cookie: &str, csrf: &str) -> String {
        format!(
            "Cookie: __Host-stillhere={cookie}\r\nstillhere-csrf: {csrf}\r\nOrigin: http://{}\r\n\
             Sec-Fetch-Site: same-origin\r\nContent-Type: application/json\r\n",
            self.addr
        )
    }

    /// Over the control socket.
    pub async fn owner(&self, method: &str, path: &str, body: &str) -> Answer {
        let mut stream = UnixStream::connect(self.dir.path().join("control.sock")).await.unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        timeout(SOON, stream.read_to_end(&mut answer)).await.unwrap().unwrap();
        Answer::parse(&answer)
    }
}

// === impl Answer ===

impl Answer {
    pub fn parse(bytes: &[u8]) -> Answer {
        let end = bytes.windows(4).position(|w| w == b"\r\n\r\n");
        let end = end.unwrap_or_else(|| panic!("no answer: {:?}", String::from_utf8_lossy(bytes)));
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_ascii_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut body = bytes[end + 4..].to_vec();
        if head.contains("transfer-encoding: chunked") {
            body = unchunked(&body);
        }
        Answer { status, head, body }
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|e| panic!("{e}: {}\n{}", self.head, String::from_utf8_lossy(&self.body)))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// As a problem, with what differs each time taken out.
    pub fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}", self.head);
        let mut problem = self.json();
        assert_eq!(problem["status"], self.status);
        let id = problem["operation_id"].as_str().unwrap();
        assert!(id.len() == 16 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{id}");
        problem["operation_id"] = "[id]".into();
        format!("{} {problem:#}", self.status)
    }
}

/// One answer with a content-length from a connection that stays open; `left`: bytes read and not used.
pub async fn read_answer(stream: &mut TcpStream, left: &mut Vec<u8>) -> Answer {
    let read = timeout(SOON, async {
        loop {
            if let Some(end) = left.windows(4).position(|w| w == b"\r\n\r\n") {
                let head = String::from_utf8(left[..end].to_vec()).unwrap().to_ascii_lowercase();
                let length = head
                    .lines()
                    .find_map(|l| l.strip_prefix("content-length: "))
                    .map_or(0, |n| n.parse().unwrap());
                if left.len() >= end + 4 + length {
                    let rest = left.split_off(end + 4 + length);
                    return Answer::parse(&std::mem::replace(left, rest));
                }
            }
            assert!(stream.read_buf(left).await.unwrap() > 0, "closed: {}", String::from_utf8_lossy(left));
        }
    });
    read.await.expect("an answer in time")
}

fn unchunked(mut body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some(n) = body.windows(2).position(|w| w == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&body[..n]).unwrap().trim(), 16).unwrap();
        if size == 0 {
            break;
        }
        out.extend_from_slice(&body[n + 2..n + 2 + size]);
        body = &body[n + 2 + size + 2..];
    }
    out
}

/// Asks again and again until `f` gives something.
pub async fn wait_for<T, F: Future<Output = Option<T>>>(what: &str, mut f: impl FnMut() -> F) -> T {
    let waited = timeout(SOON, async {
        loop {
            if let Some(found) = f().await {
                return found;
            }
            tokio::task::yield_now().await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("waited for: {what}"))
}
