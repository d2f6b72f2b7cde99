//! Let's Encrypt's own small authority for tests, and the name server that it asks: every name leads to us.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::{
    net::{SocketAddr, TcpListener, UdpSocket},
    path::PathBuf,
    process::{Child, Command, Stdio},
};
use tempfile::TempDir;

pub struct Pebble {
    dir: TempDir,
    ports: [u16; 4],
    processes: Vec<Child>,
}

/// How it certifies.
#[derive(Default)]
pub struct Certified {
    /// Where http-01 and tls-alpn-01 are looked at. Zero: nowhere.
    pub http: u16,
    pub tls: u16,
    /// How long a certificate lives. Zero: years.
    pub seconds: u64,
    /// The account that one must have: its id and key.
    pub bound: Option<(&'static str, &'static str)>,
}

impl Pebble {
    /// Everything but the processes: its address and whom to trust are known.
    pub fn prepared() -> Pebble {
        let dir = tempfile::tempdir().unwrap();
        let mut ca = CertificateParams::new(vec![]).unwrap();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let own = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &ca).unwrap();
        std::fs::write(dir.path().join("ca.pem"), ca.pem()).unwrap();
        std::fs::write(dir.path().join("own.pem"), own.pem()).unwrap();
        std::fs::write(dir.path().join("own.key"), key.serialize_pem()).unwrap();
        // Held at the same time, so that they differ.
        let free = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let [a, b, c] = free.map(|l| l.local_addr().unwrap().port());
        let names = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Pebble { dir, ports: [a, b, c, names], processes: Vec::new() }
    }

    pub fn directory(&self) -> String {
        format!("https://127.0.0.1:{}/dir", self.ports[0])
    }

    pub fn ca_file(&self) -> PathBuf {
        self.file("ca.pem")
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn api(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.ports[0]).into()
    }

    pub fn start(&mut self, how: &Certified) {
        let [api, management, names_management, names] = self.ports;
        let dir = self.dir.path().to_owned();
        let file = |name: &str| dir.join(name);
        let nowhere = 1;
        let mut pebble = serde_json::json!({
            "listenAddress": format!("127.0.0.1:{api}"),
            "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": file("own.pem"),
            "privateKey": file("own.key"),
            "httpPort": if how.http == 0 { nowhere } else { how.http },
            "tlsPort": if how.tls == 0 { nowhere } else { how.tls },
            "ocspResponderURL": "",
            "externalAccountBindingRequired": how.bound.is_some(),
        });
        if let Some((id, key)) = how.bound {
            pebble["externalAccountMACKeys"] = serde_json::json!({ id: key });
        }
        if how.seconds > 0 {
            pebble["certificateValidityPeriod"] = how.seconds.into();
        }
        std::fs::write(file("config.json"), serde_json::json!({ "pebble": pebble }).to_string()).unwrap();
        let quiet = |command: &mut Command| {
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
        };
        let names_at = format!("127.0.0.1:{names}");
        self.processes.push(quiet(
            Command::new("pebble-challtestsrv")
                .args(["-defaultIPv4", "127.0.0.1", "-defaultIPv6", "", "-dns01", &names_at])
                .args(["-http01", "", "-https01", "", "-tlsalpn01", ""])
                .args(["-management", &format!("127.0.0.1:{names_management}")]),
        ));
        self.processes.push(quiet(
            Command::new("pebble")
                .arg("-config")
                .arg(file("config.json"))
                .args(["-dnsserver", &names_at])
                // Each order is looked at anew, and at once.
                .env("PEBBLE_VA_NOSLEEP", "1")
                .env("PEBBLE_AUTHZREUSE", "0"),
        ));
    }

    pub fn kill(&mut self) {
        for mut process in self.processes.drain(..) {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        self.kill();
    }
}
