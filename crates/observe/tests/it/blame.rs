//! Honesty: what is our fault is said to be ours.

use crate::server::*;
use std::{net::SocketAddr, process::Command};
use stillhere_model::{Finding, Observation, Outcome, Side};
use stillhere_net::SecretSource;
use stillhere_observe::{
    Spec,
    probe::http::{HttpSpec, Proxy},
};
use tokio::io::AsyncWriteExt as _;

#[track_caller]
fn assert_ours(o: &Observation) {
    assert_eq!((o.outcome, o.side), (Outcome::Unknown, Some(Side::Us)), "{o:?}");
}

const CHILD: &str = "STILLHERE_TEST_FEW_FILES";

/// Runs itself again in a process that may hold few files open.
#[test]
fn case_a_no_file_descriptor_left_is_not_the_targets_fault() {
    if std::env::var_os(CHILD).is_none() {
        let me = std::env::current_exe().unwrap();
        let test = "blame::case_a_no_file_descriptor_left_is_not_the_targets_fault";
        let run = format!("ulimit -n 64 && exec {me:?} --exact {test}");
        let out = Command::new("sh").arg("-c").arg(run).env(CHILD, "1").output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stdout));
        assert!(String::from_utf8_lossy(&out.stdout).contains("1 passed"), "the test ran in the child");
        return;
    }
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let addr = answers(ok("")).await;
        assert_up(&look_http(get(addr)).await);
        let mut hog = Vec::new();
        while let Ok(file) = std::fs::File::open("/dev/null") {
            hog.push(file);
        }
        let o = look_http(get(addr)).await;
        assert_ours(&o);
        assert_eq!(o.finding, Some(Finding::OwnFault { what: "too many open files".into() }));
        drop(hog);
        assert_up(&look_http(get(addr)).await);
    });
}

#[tokio::test]
async fn case_i_a_network_we_have_no_route_to_is_not_down() {
    // The kernel refuses TCP to a broadcast address at once, as it does where there is no route: ENETUNREACH.
    let addr: SocketAddr = "255.255.255.255:80".parse().unwrap();
    let o = look_http(get(addr)).await;
    assert_ours(&o);
    assert_eq!(o.finding, Some(Finding::OwnFault { what: "no route to the network".into() }));
}

#[tokio::test]
async fn the_clouds_metadata_is_never_asked() {
    let o = look_http(HttpSpec::get("http://169.254.169.254/")).await;
    assert_ours(&o);
    assert!(matches!(o.finding, Some(Finding::NotAllowed { .. })), "{o:?}");
}

#[test]
fn a_process_that_was_not_running_blames_nobody() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let o = runtime.block_on(async {
        let silent = serve(|mut s, _| async move {
            request(&mut s).await;
            std::future::pending::<()>().await;
        })
        .await;
        let freeze = async {
            // The only thread there is stands still past the deadline.
            std::thread::sleep(BRIEF * 3);
            std::future::pending::<()>().await
        };
        tokio::select! {
            biased;
            o = look(Spec::Http(get(silent)), BRIEF) => o,
            () = freeze => unreachable!(),
        }
    });
    assert_ours(&o);
    assert_eq!(o.finding, Some(Finding::OwnFault { what: "held up".into() }));
}

fn through(url: &str, proxy: SocketAddr) -> HttpSpec {
    let mut spec = HttpSpec::get(url);
    spec.proxy = Some(Proxy { url: format!("http://{proxy}"), user: None, password: None });
    spec
}

#[tokio::test]
async fn a_proxy_is_spoken_to_and_its_faults_are_not_the_targets() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("pw"), "open sesame").unwrap();
    let (sent, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let plain = answers_with(move |request| {
        sent.send(request.to_owned()).unwrap();
        ok("through")
    })
    .await;
    let mut spec = through("http://shop.invalid/a?b", plain);
    let proxy = spec.proxy.as_mut().unwrap();
    proxy.user = Some("ali".into());
    proxy.password = Some(SecretSource::File(dir.path().join("pw")));
    assert_up(&look_http(spec).await);
    let request = seen.recv().await.unwrap();
    assert!(
        request.starts_with("GET http://shop.invalid/a?b HTTP/1.1\r\nHost: shop.invalid\r\n"),
        "{request}"
    );
    assert!(request.contains("\r\nProxy-Authorization: Basic YWxpOm9wZW4gc2VzYW1l\r\n"), "{request}");

    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let o = look_http(through("http://shop.invalid/", closed)).await;
    assert_ours(&o);
    assert_eq!(o.finding, Some(Finding::ProxyFailed { status: None }));

    for (status, outcome, side) in [
        (407, Outcome::Unknown, Side::Us),
        (403, Outcome::Unknown, Side::Us),
        (502, Outcome::Down, Side::Path),
        (504, Outcome::Down, Side::Path),
    ] {
        let refuses = answers(format!("HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n")).await;
        let o = look_http(through("https://shop.invalid/", refuses)).await;
        let finding = Some(Finding::ProxyFailed { status: Some(status) });
        assert_eq!((o.outcome, o.side, o.finding), (outcome, Some(side), finding));
    }

    let silent = serve(|s, _| async move {
        std::future::pending::<()>().await;
        drop(s);
    })
    .await;
    let o = look(Spec::Http(through("https://shop.invalid/", silent)), BRIEF).await;
    assert_ours(&o);
    assert_eq!(o.finding, Some(Finding::ProxyFailed { status: None }));
}

#[tokio::test]
async fn a_tunnel_through_a_proxy_leads_to_the_target() {
    let ours = Authority::new();
    let target = https(acceptor(&ours.issue(&["shop.invalid"], GOOD), &[], None)).await;
    let proxy = serve(move |mut client, _| async move {
        let asked = request(&mut client).await;
        assert!(
            asked.starts_with("CONNECT shop.invalid:443 HTTP/1.1\r\nHost: shop.invalid:443\r\n"),
            "{asked}"
        );
        let mut server = tokio::net::TcpStream::connect(target).await.unwrap();
        client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
        let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
    })
    .await;
    let mut spec = through("https://shop.invalid/", proxy);
    spec.tls.ca_file = Some(ours.ca_file());
    let o = look_http(spec).await;
    assert_up(&o);
    assert!(o.phases.connect_us.is_some() && o.phases.tls_us.is_some() && o.phases.first_byte_us.is_some());
}
