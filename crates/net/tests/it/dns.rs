//! Whose fault it is that a name cannot be resolved.

use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolverConfig},
    net::runtime::TokioRuntimeProvider,
};
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};
use stillhere_model::{Finding, Outcome, Side};
use stillhere_net::{
    Fault,
    dns::{Family, Resolver},
};
use tokio::net::UdpSocket;

const A: u16 = 1;
const NS: u16 = 2;
const AAAA: u16 = 28;

/// What a name server says to one question.
enum Reply {
    Code(u8),
    Records(Vec<(u16, Vec<u8>)>),
    Silence,
}

/// A name server on loopback: a question's name without dots, and its type, to a reply.
async fn server(reply: impl Fn(&str, u16) -> Reply + Send + 'static) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let addr = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buf = [0; 1500];
        loop {
            let (n, from) = socket.recv_from(&mut buf).await.unwrap();
            let query = &buf[..n];
            let mut at = 12;
            let mut name = String::new();
            while query[at] != 0 {
                let label = &query[at + 1..=at + usize::from(query[at])];
                name += std::str::from_utf8(label).unwrap();
                at += 1 + label.len();
            }
            let end = at + 5;
            let kind = u16::from_be_bytes([query[at + 1], query[at + 2]]);
            let (code, records) = match reply(&name, kind) {
                Reply::Silence => continue,
                Reply::Code(code) => (code, vec![]),
                Reply::Records(records) => (0, records),
            };
            let mut out = query[..end].to_vec();
            out[2] = 0x81;
            out[3] = 0x80 | code;
            out[6..8].copy_from_slice(&u16::try_from(records.len()).unwrap().to_be_bytes());
            out[8..12].fill(0);
            for (kind, data) in records {
                out.extend_from_slice(&[0xc0, 12]);
                out.extend_from_slice(&kind.to_be_bytes());
                out.extend_from_slice(&[0, 1, 0, 0, 0, 60]);
                out.extend_from_slice(&u16::try_from(data.len()).unwrap().to_be_bytes());
                out.extend_from_slice(&data);
            }
            let _ = socket.send_to(&out, from).await;
        }
    });
    addr
}

fn asking(server: SocketAddr) -> Resolver {
    let mut udp = ConnectionConfig::udp();
    udp.port = server.port();
    let config = ResolverConfig::from_name_servers(vec![NameServerConfig::new(server.ip(), true, vec![udp])]);
    let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    let options = builder.options_mut();
    options.cache_size = 0;
    options.timeout = Duration::from_millis(300);
    options.attempts = 1;
    Resolver::over(builder.build().map_err(|e| e.to_string()))
}

async fn resolve(resolver: &Resolver, name: &str, family: Family) -> Result<Vec<IpAddr>, Fault> {
    resolver.resolve(name, family, Duration::from_secs(2)).await
}

fn root() -> Reply {
    Reply::Records(vec![(NS, vec![1, b'a', 0])])
}

#[track_caller]
fn assert_fault(fault: &Fault, outcome: Outcome, side: Side, finding: &Finding) {
    assert_eq!((fault.outcome, fault.side, &fault.finding), (outcome, side, finding), "{fault}");
}

#[tokio::test]
async fn a_look_uses_one_family() {
    let dns = asking(
        server(|name, kind| match (name, kind) {
            ("both", A) | ("old", A) => {
                Reply::Records(vec![(A, vec![192, 0, 2, 1]), (A, vec![192, 0, 2, 2])])
            }
            ("both", AAAA) | ("new", AAAA) => Reply::Records(vec![(AAAA, vec![0x20; 16])]),
            _ => Reply::Code(0),
        })
        .await,
    );
    let v4: Vec<IpAddr> = vec![Ipv4Addr::new(192, 0, 2, 1).into(), Ipv4Addr::new(192, 0, 2, 2).into()];
    let v6: Vec<IpAddr> = vec![IpAddr::from([0x20; 16])];
    assert_eq!(resolve(&dns, "both.", Family::Auto).await.unwrap(), v4);
    assert_eq!(resolve(&dns, "both.", Family::V4).await.unwrap(), v4);
    assert_eq!(resolve(&dns, "both.", Family::V6).await.unwrap(), v6);
    assert_eq!(resolve(&dns, "new.", Family::Auto).await.unwrap(), v6);
    let none = resolve(&dns, "old.", Family::V6).await.unwrap_err();
    assert_fault(&none, Outcome::Down, Side::Target, &Finding::DnsNoAnswer);
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_the_targets_fault() {
    let dns = asking(server(|_, _| Reply::Code(3)).await);
    let fault = resolve(&dns, "gone.example.", Family::Auto).await.unwrap_err();
    assert_fault(&fault, Outcome::Down, Side::Target, &Finding::DnsNoSuchName);
}

#[tokio::test]
async fn case_a_a_resolver_that_fails_at_everything_is_ours_and_one_that_fails_at_this_is_not() {
    let servfail = Finding::DnsRefused { code: "SERVFAIL".into() };
    let works = asking(server(|name, _| if name.is_empty() { root() } else { Reply::Code(2) }).await);
    let fault = resolve(&works, "broken.example.", Family::V4).await.unwrap_err();
    assert_fault(&fault, Outcome::Down, Side::Target, &servfail);

    let broken = asking(server(|_, _| Reply::Code(2)).await);
    let fault = resolve(&broken, "broken.example.", Family::V4).await.unwrap_err();
    assert_eq!((fault.outcome, fault.side), (Outcome::Unknown, Side::Us), "{fault:?}");
}

#[tokio::test]
async fn case_a_silence_is_ours_unless_the_resolver_answers_others() {
    let works = asking(server(|name, _| if name.is_empty() { root() } else { Reply::Silence }).await);
    let fault = resolve(&works, "silent.example.", Family::V4).await.unwrap_err();
    assert_eq!((fault.outcome, fault.side), (Outcome::Down, Side::Target), "{fault:?}");
    assert_fault(&works.timeout(500), Outcome::Down, Side::Path, &Finding::DnsTimeout { timeout_ms: 500 });

    let dead = asking(server(|_, _| Reply::Silence).await);
    let fault = resolve(&dead, "silent.example.", Family::V4).await.unwrap_err();
    assert_eq!((fault.outcome, fault.side), (Outcome::Unknown, Side::Us), "{fault:?}");
    assert_eq!(dead.timeout(500).side, Side::Us);

    let nobody = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let fault = resolve(&asking(nobody), "any.example.", Family::V4).await.unwrap_err();
    assert_eq!((fault.outcome, fault.side), (Outcome::Unknown, Side::Us), "{fault:?}");
    let unconfigured = Resolver::over(Err("no resolv.conf".into()));
    let fault = resolve(&unconfigured, "any.example.", Family::V4).await.unwrap_err();
    assert_eq!((fault.outcome, fault.side), (Outcome::Unknown, Side::Us), "{fault:?}");
}

#[tokio::test]
async fn a_slow_look_up_is_compared_with_the_control_query_while_it_waits() {
    let dns = asking(server(|name, _| if name.is_empty() { root() } else { Reply::Silence }).await);
    // The caller's deadline comes first, as in a look: the look-up itself never ends.
    let budget = Duration::from_millis(200);
    assert!(tokio::time::timeout(budget, dns.resolve("silent.example.", Family::V4, budget)).await.is_err());
    assert_eq!(dns.timeout(200).side, Side::Path, "the resolver had answered the control query");
}

#[tokio::test]
async fn the_zone_of_a_name_is_where_its_name_servers_are_told() {
    let dns = asking(
        server(|name, kind| match (name, kind) {
            ("shopexample", NS) => Reply::Records(vec![(NS, vec![2, b'N', b's', 0])]),
            ("wwwshopexample", NS) => Reply::Code(0),
            ("example", _) => root(),
            _ => Reply::Code(3),
        })
        .await,
    );
    let (zone, servers) = dns.zone_of("www.shop.example.").await.expect("it is told");
    assert_eq!(
        (zone.as_str(), servers.into_iter().collect::<Vec<_>>()),
        ("shop.example", vec!["ns".to_owned()])
    );
    assert_eq!(dns.zone_of("nobody.example.").await, None, "a top level is everybody's");
}
