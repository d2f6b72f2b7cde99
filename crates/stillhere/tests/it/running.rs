//! A real Stillhere in a process of its own, real targets beside it, and waiting for things with a deadline.

use std::{
    fmt::Write as _,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU16, Ordering},
    },
    time::{Duration, Instant},
};

/// Nothing in these tests may take longer than this to come true.
pub const SOON: Duration = Duration::from_secs(30);

/// Waits until `f` gives something, asking again and again.
#[track_caller]
pub fn wait_for<T>(what: &str, mut f: impl FnMut() -> Option<T>) -> T {
    let until = now() + SOON;
    loop {
        if let Some(t) = f() {
            return t;
        }
        assert!(now() < until, "waited {} s for: {what}", SOON.as_secs());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[expect(clippy::disallowed_methods, reason = "a deadline of the test itself")]
pub fn now() -> Instant {
    Instant::now()
}

/// In the folder of one that trusts somebody in particular.
const TRUSTED: &str = "trusted.pem";
/// Variables for it, `NAME=value`, one a line.
const VARIABLES: &str = "variables";

/// A free port, taken by nobody at this moment.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("loopback").local_addr().expect("address").port()
}

/// A Stillhere with its own folder.
pub struct Running {
    pub dir: tempfile::TempDir,
    pub addr: SocketAddr,
    child: Child,
    pub said: Arc<Mutex<String>>,
    args: Vec<String>,
}

impl Running {
    /// Starts `stillhere up` with `toml` as its file. `{dir}` in it is the folder.
    pub fn up(toml: &str) -> Running {
        let dir = tempfile::tempdir().expect("a folder");
        let text = toml.replace("{dir}", dir.path().to_str().expect("UTF-8"));
        std::fs::write(dir.path().join("stillhere.toml"), text).expect("the file");
        Running::start(dir, vec!["--config".into(), "stillhere.toml".into()])
    }

    /// The same, with this authority in place of the machine's.
    pub fn up_trusting(toml: &str, authority: &str) -> Running {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::write(dir.path().join("stillhere.toml"), toml).expect("the file");
        std::fs::write(dir.path().join(TRUSTED), authority).expect("the file");
        Running::start(dir, vec!["--config".into(), "stillhere.toml".into()])
    }

    /// The same as [`Running::up`], with these variables in its environment.
    pub fn up_with(toml: &str, variables: &[String]) -> Running {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::write(dir.path().join("stillhere.toml"), toml).expect("the file");
        std::fs::write(dir.path().join(VARIABLES), variables.join("\n")).expect("the file");
        Running::start(dir, vec!["--config".into(), "stillhere.toml".into()])
    }

    pub fn watch(urls: &[&str], interval: &str) -> Running {
        let mut args = vec!["--interval".to_owned(), interval.to_owned(), "--watch".to_owned()];
        args.extend(urls.iter().map(|u| (*u).to_owned()));
        Running::start(tempfile::tempdir().expect("a folder"), args)
    }

    /// Starts `stillhere demo`; its control page and the shop are at the next two ports.
    pub fn demo() -> Running {
        let dir = tempfile::tempdir().expect("a folder");
        let port = wait_for("three free ports in a row", || {
            let port = free_port();
            let free = |n| TcpListener::bind(("127.0.0.1", port.checked_add(n)?)).ok();
            (free(1).is_some() && free(2).is_some()).then_some(port)
        });
        let addr = SocketAddr::from(([127, 0, 0, 1], port));
        let args =
            ["demo", "--listen", &addr.to_string(), "--data", "stillhere-data"].map(str::to_owned).to_vec();
        let (child, said) = spawn(dir.path(), &args);
        let mut running = Running { dir, addr, child, said, args };
        running.wait_until_it_answers();
        let said = running.said.clone();
        wait_for("the demo says where it is", || said.lock().expect("lock").contains("Ctrl-C").then_some(()));
        running
    }

    fn start(dir: tempfile::TempDir, mut args: Vec<String>) -> Running {
        let addr = SocketAddr::from(([127, 0, 0, 1], free_port()));
        args.splice(0..0, ["up".to_owned(), "--listen".to_owned(), addr.to_string()]);
        let (child, said) = spawn(dir.path(), &args);
        let mut running = Running { dir, addr, child, said, args };
        running.wait_until_it_answers();
        running
    }

    fn wait_until_it_answers(&mut self) {
        let said = self.said.clone();
        wait_for("the page answers", || {
            if let Ok(Some(status)) = self.child.try_wait() {
                panic!("stillhere ended with {status}:\n{}", said.lock().expect("lock"));
            }
            get(self.addr, "/healthz").filter(|a| a.status == 200)
        });
    }

    pub fn get(&self, path: &str) -> Answer {
        get(self.addr, path).unwrap_or_else(|| panic!("GET {path} got no answer"))
    }

    pub fn json(&self, path: &str) -> serde_json::Value {
        let answer = self.get(path);
        serde_json::from_str(&answer.body).unwrap_or_else(|e| panic!("{path}: {e}: {}", answer.body))
    }

    /// Runs another `stillhere` command in the same folder.
    pub fn cli(&self, args: &[&str]) -> (i32, String, String) {
        let out = Command::new(env!("CARGO_BIN_EXE_stillhere"))
            .args(args)
            .current_dir(self.dir.path())
            .output()
            .expect("the binary runs");
        (
            out.status.code().unwrap_or(-1),
            String::from_utf8_lossy(&out.stdout).into_owned(),
            String::from_utf8_lossy(&out.stderr).into_owned(),
        )
    }

    /// `kill -9`, and up again with the same folder.
    pub fn kill_and_restart(&mut self) {
        self.kill();
        self.restart();
    }

    pub fn kill(&mut self) {
        self.child.kill().expect("kill -9");
        self.child.wait().expect("reaped");
    }

    /// The edge outlives the core by design; here it ends with its folder.
    fn kill_edge(&self) {
        let lock = self.dir.path().join("stillhere-data/edge/edge.lock");
        let Ok(pid) = std::fs::read_to_string(lock) else { return };
        let ours = std::fs::read_to_string(format!("/proc/{}/cmdline", pid.trim()));
        if ours.is_ok_and(|line| line.contains(&*self.dir.path().to_string_lossy())) {
            let _ = Command::new("kill").args(["-KILL", pid.trim()]).status();
        }
    }

    pub fn restart(&mut self) {
        let (child, said) = spawn(self.dir.path(), &self.args);
        self.child = child;
        self.said = said;
        self.wait_until_it_answers();
    }

    pub fn signal(&self, name: &str) {
        let done = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(done.expect("kill runs").success());
    }

    pub fn wait_until_it_ends(&mut self) -> i32 {
        wait_for("the process ends", || self.child.try_wait().expect("waits")).code().unwrap_or(-1)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut text = String::new();
            let _ = writeln!(text, "--- what stillhere said:\n{}", self.said.lock().expect("lock"));
            let _ = std::io::stderr().write_all(text.as_bytes());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.kill_edge();
    }
}

fn spawn(dir: &Path, args: &[String]) -> (Child, Arc<Mutex<String>>) {
    let variables = std::fs::read_to_string(dir.join(VARIABLES)).unwrap_or_default();
    let mut child = Command::new(env!("CARGO_BIN_EXE_stillhere"))
        .args(args)
        .envs(variables.lines().filter_map(|v| v.split_once('=')))
        .envs(dir.join(TRUSTED).exists().then_some(("SSL_CERT_FILE", TRUSTED)))
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let said = Arc::new(Mutex::new(String::new()));
    let readers: [Box<dyn std::io::Read + Send>; 2] =
        [Box::new(child.stdout.take().expect("piped")), Box::new(child.stderr.take().expect("piped"))];
    for reader in readers {
        let said = said.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(reader).lines().map_while(Result::ok) {
                let mut said = said.lock().expect("lock");
                said.push_str(&line);
                said.push('\n');
            }
        });
    }
    (child, said)
}

#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

pub fn get(addr: SocketAddr, path: &str) -> Option<Answer> {
    request(addr, &format!("GET {path} HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\n\r\n"))
}

/// Sends these very bytes and reads until the far side closes.
pub fn request(addr: SocketAddr, head: &str) -> Option<Answer> {
    let mut stream = TcpStream::connect_timeout(&addr, Duration::from_secs(2)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    stream.write_all(head.as_bytes()).ok()?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let body = if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        unchunk(body)
    } else {
        body.to_owned()
    };
    Some(Answer { status, head: head.to_owned(), body })
}

fn unchunk(mut body: &str) -> String {
    let mut out = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let Ok(size) = usize::from_str_radix(size.trim(), 16) else { break };
        if size == 0 || rest.len() < size {
            break;
        }
        out.push_str(&rest[..size]);
        body = rest[size..].trim_start_matches("\r\n");
    }
    out
}

/// A target that answers HTTP until it is broken.
pub struct Target {
    pub addr: SocketAddr,
    status: Arc<AtomicU16>,
    ended: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Target {
    pub fn start() -> Target {
        Target::at(SocketAddr::from(([127, 0, 0, 1], free_port())))
    }

    pub fn at(addr: SocketAddr) -> Target {
        let listener = wait_for("the port is free", || TcpListener::bind(addr).ok());
        let status = Arc::new(AtomicU16::new(200));
        let ended = Arc::new(AtomicBool::new(false));
        let (s, e) = (status.clone(), ended.clone());
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if e.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(mut stream) = stream else { continue };
                let status = s.load(Ordering::SeqCst);
                std::thread::spawn(move || {
                    let mut buf = [0u8; 4096];
                    let _ = stream.read(&mut buf);
                    let _ = write!(
                        stream,
                        "HTTP/1.1 {status} X\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"
                    );
                });
            }
        });
        Target { addr, status, ended, thread: Some(thread) }
    }

    pub fn url(&self) -> String {
        format!("http://{}/", self.addr)
    }

    pub fn answer_with(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    /// Nothing listens any more: connections are refused.
    pub fn kill(mut self) -> SocketAddr {
        self.end();
        self.addr
    }

    fn end(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.addr);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        self.end();
    }
}

/// What came in at a webhook: head and body.
pub type Hook = (String, String);

/// A webhook receiver that keeps everything that arrives, in order.
pub struct Receiver {
    pub addr: SocketAddr,
    got: Arc<Mutex<Vec<Hook>>>,
    status: Arc<AtomicU16>,
}

impl Receiver {
    pub fn start() -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let addr = listener.local_addr().expect("address");
        let got: Arc<Mutex<Vec<Hook>>> = Arc::default();
        let status = Arc::new(AtomicU16::new(204));
        let (keep, answer) = (got.clone(), status.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (keep, answer) = (keep.clone(), answer.clone());
                std::thread::spawn(move || take(stream, &keep, answer.load(Ordering::SeqCst)));
            }
        });
        Receiver { addr, got, status }
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook", self.addr)
    }

    pub fn answer_with(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    pub fn got(&self) -> Vec<Hook> {
        self.got.lock().expect("lock").clone()
    }

    /// The bodies whose JSON says this type.
    pub fn of_type(&self, kind: &str) -> Vec<serde_json::Value> {
        self.got()
            .iter()
            .filter_map(|(_, body)| serde_json::from_str::<serde_json::Value>(body).ok())
            .filter(|v| v["type"] == kind)
            .collect()
    }
}

fn take(mut stream: TcpStream, got: &Mutex<Vec<Hook>>, status: u16) {
    let mut bytes = Vec::new();
    let mut buf = [0u8; 8192];
    loop {
        let Ok(n) = stream.read(&mut buf) else { return };
        if n == 0 {
            return;
        }
        bytes.extend_from_slice(&buf[..n]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head
            .lines()
            .find_map(|l| {
                l.to_ascii_lowercase().strip_prefix("content-length:").map(|v| v.trim().parse::<usize>())
            })
            .and_then(Result::ok)
            .unwrap_or(0);
        if body.len() >= length {
            got.lock().expect("lock").push((head.to_owned(), body.to_owned()));
            let _ = write!(stream, "HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            return;
        }
    }
}
