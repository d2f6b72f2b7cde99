//! A real mail server: Debian's exim4, on loopback only, delivering into one file.

use crate::kit::{free_port, is_root, listening};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
};
use tempfile::TempDir;

pub(crate) const PASSWORD: &str = "open sesame";

pub(crate) struct Exim {
    pub(crate) port: u16,
    /// Encrypted from the first byte.
    pub(crate) tls_port: u16,
    dir: TempDir,
    server: Child,
}

impl Exim {
    /// Takes mail for anyone but `nobody@` (550) and `later@` (451); refuses content with "refuse-me" in the
    /// subject; lets `alice` log in over TLS.
    pub(crate) async fn start() -> Exim {
        let dir = tempfile::tempdir().unwrap();
        // Run by root, exim gives up root's rights: its own user must be able to write here.
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let cert = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let (port, tls_port) = (free_port(), free_port());
        let at = |name: &str| dir.path().join(name);
        fs::write(at("cert.pem"), cert.cert.pem()).unwrap();
        fs::write(at("key.pem"), cert.signing_key.serialize_pem()).unwrap();
        let user = if is_root() { "user = Debian-exim\n  group = Debian-exim" } else { "" };
        let config = format!(
            r#"
primary_hostname = mail.test
spool_directory = {dir}/spool
log_file_path = {dir}/log-%s
pid_file_path = {dir}/pid
keep_environment =
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port} : {tls_port}
tls_on_connect_ports = {tls_port}
deliver_drop_privilege = true
tls_advertise_hosts = *
tls_certificate = {dir}/cert.pem
tls_privatekey = {dir}/key.pem
host_lookup =
rfc1413_query_timeout = 0s
acl_smtp_rcpt = rcpt
acl_smtp_data = data
begin acl
rcpt:
  defer local_parts = later
        message = greylisted, come back
  deny local_parts = nobody
        message = no such user
  accept
data:
  deny condition = ${{if match{{$h_Subject:}}{{refuse-me}}}}
       message = content rejected
  accept
begin routers
all:
  driver = accept
  transport = file
begin transports
file:
  driver = appendfile
  file = {dir}/inbox
  create_file = anywhere
  mode = 0644
  envelope_to_add
  {user}
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{alice}}}}{{eq{{$auth3}}{{{PASSWORD}}}}}}}}}
  server_advertise_condition = ${{if def:tls_in_cipher}}
"#,
            dir = dir.path().display()
        );
        fs::write(at("exim.conf"), config).unwrap();
        for name in ["cert.pem", "key.pem", "exim.conf"] {
            fs::set_permissions(at(name), fs::Permissions::from_mode(0o644)).unwrap();
        }
        let server = Command::new("/usr/sbin/exim4")
            .arg("-C")
            .arg(at("exim.conf"))
            .arg("-bdf")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the tests need /usr/sbin/exim4 (Debian: exim4-daemon-light)");
        listening(port).await;
        listening(tls_port).await;
        Exim { port, tls_port, dir, server }
    }

    pub(crate) fn inbox(&self) -> PathBuf {
        self.dir.path().join("inbox")
    }

    pub(crate) fn ca_file(&self) -> PathBuf {
        self.dir.path().join("cert.pem")
    }
}

impl Drop for Exim {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
