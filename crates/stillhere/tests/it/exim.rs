//! A real mail server: Debian's exim4, on loopback only, delivering everything that arrives into one file.

use crate::running::{free_port, wait_for};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::{
    net::TcpStream,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    process::{Child, Command, Stdio},
};

pub struct Exim {
    pub port: u16,
    dir: tempfile::TempDir,
    server: Option<Child>,
}

/// One mail as it arrived.
#[derive(Debug, Clone)]
pub struct Arrived {
    pub head: String,
    /// Text and HTML, decoded.
    pub body: String,
}

// === impl Exim ===

impl Exim {
    /// Takes mail for anyone but `nobody…@` (550).
    pub fn start() -> Exim {
        let mut exim = Exim::prepare();
        exim.begin();
        exim
    }

    /// Not running yet.
    pub fn prepare() -> Exim {
        let dir = tempfile::tempdir().expect("a folder");
        // Run by root, exim gives up root's rights: its own user must be able to write here.
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o777)).expect("rights");
        let (port, far) = (free_port(), free_port());
        let root = std::fs::metadata("/proc/self").expect("proc").uid() == 0;
        let user = if root { "user = Debian-exim\n  group = Debian-exim" } else { "" };
        let config = format!(
            r"
primary_hostname = mail.test
spool_directory = {dir}/spool
log_file_path = {dir}/log-%s
pid_file_path = {dir}/pid
keep_environment =
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port} : {far}
deliver_drop_privilege = true
tls_advertise_hosts =
host_lookup =
rfc1413_query_timeout = 0s
smtp_accept_max = 100
smtp_accept_queue_per_connection = 0
acl_smtp_rcpt = rcpt
begin acl
rcpt:
  deny condition = ${{if eq{{$received_port}}{{{far}}}}}
       local_parts = gone
       message = 5.1.1 no such user
  deny condition = ${{if eq{{$received_port}}{{{far}}}}}
       local_parts = full
       message = 5.2.2 mailbox full
  deny local_parts = ^nobody
       message = no such user
  accept
begin routers
far:
  driver = manualroute
  domains = far.example
  condition = ${{if eq{{$received_port}}{{{port}}}}}
  route_list = * 127.0.0.1
  self = send
  transport = far
returned:
  driver = accept
  local_parts = bounces
  local_part_suffix = +*
  condition = ${{if exists{{{dir}/returned.sh}}}}
  transport = returned
all:
  driver = accept
  transport = file
begin transports
far:
  driver = smtp
  port = {far}
  allow_localhost
  hosts_try_fastopen =
returned:
  driver = pipe
  command = /bin/sh {dir}/returned.sh
  return_fail_output
  {user}
file:
  driver = appendfile
  file = {dir}/inbox
  create_file = anywhere
  mode = 0644
  envelope_to_add
  return_path_add
  {user}
",
            dir = dir.path().display()
        );
        std::fs::write(dir.path().join("exim.conf"), config).expect("the file");
        let mode = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(dir.path().join("exim.conf"), mode).expect("rights");
        Exim { port, dir, server: None }
    }

    pub fn begin(&mut self) {
        let server = Command::new("/usr/sbin/exim4")
            .arg("-C")
            .arg(self.dir.path().join("exim.conf"))
            .arg("-bdf")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the tests need /usr/sbin/exim4 (Debian: exim4-daemon-light)");
        self.server = Some(server);
        let port = self.port;
        wait_for("exim listens", || TcpStream::connect(("127.0.0.1", port)).ok());
    }

    /// What comes back to `bounces+…@` is kept as it came, and handed in with curl, as from another machine.
    pub fn hand_in(&self, url: &str, token: &str) {
        let at = self.dir.path();
        let script = format!(
            "cat > {at}/came.$$\n\
             head -c 262144 {at}/came.$$ | curl -sf --data-binary @- -H 'content-type: message/rfc822' \\\n\
             -H 'authorization: Bearer {token}' {url}/api/v1/subscribers/bounces >> {at}/answers || exit 75\n\
             mv {at}/came.$$ {at}/returned.eml\n",
            at = at.display()
        );
        std::fs::write(at.join("returned.sh"), script).expect("the file");
    }

    /// What was answered to each of them.
    pub fn answers(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("answers")).unwrap_or_default()
    }

    /// The last that came back.
    pub fn returned(&self) -> Option<Vec<u8>> {
        std::fs::read(self.dir.path().join("returned.eml")).ok()
    }

    /// Everything that has arrived, in the order of arrival.
    pub fn arrived(&self) -> Vec<Arrived> {
        let bytes = std::fs::read(self.dir.path().join("inbox")).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
        format!("\n{text}").split("\nFrom ").skip(1).filter_map(Arrived::parse).collect()
    }

    pub fn to(&self, address: &str) -> Vec<Arrived> {
        self.arrived().into_iter().filter(|m| m.header("To").as_deref() == Some(address)).collect()
    }

    /// The mail to `address` whose subject holds `what`, when it is there.
    #[track_caller]
    pub fn wait(&self, address: &str, what: &str) -> Arrived {
        wait_for(&format!("a mail to {address} about {what:?}"), || {
            self.to(address).into_iter().find(|m| m.subject().contains(what))
        })
    }
}

impl Drop for Exim {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

// === impl Arrived ===

impl Arrived {
    fn parse(mail: &str) -> Option<Arrived> {
        let (_, mail) = mail.split_once('\n')?;
        let (head, body) = mail.split_once("\n\n")?;
        let head = head.replace("\n ", " ").replace("\n\t", " ");
        let whole = !head.contains("multipart/");
        let mut text = if whole { decoded(&head, body) } else { String::new() };
        // Each part of a multipart mail by its own encoding.
        for part in format!("\n{body}").split("\n--").skip(1) {
            if let Some((head, body)) = part.split_once("\n\n") {
                text += &decoded(head, body);
            }
        }
        Some(Arrived { head, body: text })
    }

    pub fn header(&self, name: &str) -> Option<String> {
        let line = |l: &str| l.strip_prefix(name)?.strip_prefix(": ").map(str::to_owned);
        self.head.lines().find_map(line)
    }

    pub fn subject(&self) -> String {
        self.header("Subject").unwrap_or_default()
    }

    pub fn message_id(&self) -> String {
        self.header("Message-ID").unwrap_or_default()
    }

    /// The first link to `/subscribe/<page>/…`, from the path on.
    #[track_caller]
    pub fn link(&self, page: &str) -> String {
        let start = format!("/subscribe/{page}/");
        let text = format!("{}\n{}", self.head, self.body);
        let at = text.find(&start).unwrap_or_else(|| panic!("no {start} in {text}"));
        let end = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_'));
        text[at..].split(end).next().unwrap_or_default().to_owned()
    }
}

fn decoded(head: &str, body: &str) -> String {
    let head = head.to_ascii_lowercase();
    if head.contains("encoding: base64") {
        let packed: String = body.chars().take_while(|c| *c != '-').filter(|c| !c.is_whitespace()).collect();
        return String::from_utf8_lossy(&STANDARD.decode(packed).unwrap_or_default()).into_owned();
    }
    if !head.contains("encoding: quoted-printable") {
        return body.to_owned();
    }
    let joined = body.replace("=\n", "");
    let (mut out, mut bytes) = (Vec::new(), joined.bytes());
    while let Some(b) = bytes.next() {
        let two = (b == b'=').then(|| [bytes.next(), bytes.next()]);
        match two {
            Some([Some(a), Some(b)]) => {
                let hex = [a, b].iter().map(|b| char::from(*b)).collect::<String>();
                out.push(u8::from_str_radix(&hex, 16).unwrap_or(b'?'));
            }
            Some(_) => {}
            None => out.push(b),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
