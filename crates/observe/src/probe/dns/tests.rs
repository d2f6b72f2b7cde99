use super::*;
use crate::probe::{CheckSpec, Probe, Spec};
use proptest::prelude::*;
use std::{
    io::Write as _,
    net::Ipv4Addr,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Instant,
};
use stillhere_model::{CheckId, Observation, Outcome, Side, VantageId};
use stillhere_net::clock::Clock;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, UdpSocket},
};

const ZONE: &str = r#"$ORIGIN example.test.
$TTL 300
@ SOA ns.example.test. host.example.test. 7 3600 600 86400 60
@ NS ns.example.test.
ns A 127.0.0.1
www A 192.0.2.1
www A 192.0.2.2
www 60 A 192.0.2.3
six AAAA 2001:db8::1
alias CNAME www
@ MX 10 Mail.example.test.
mail A 192.0.2.25
@ TXT "v=spf1 -all"
long TXT "first half, " "second half"
_sip._tcp SRV 1 2 5060 sip.example.test.
@ CAA 0 issue "letsencrypt.org"
rev PTR host.example.test.
child NS ns.elsewhere.test.
child DS 60485 13 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A
@ CDS 60485 13 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A
@ DNSKEY 257 3 13 ( AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygp
    KissLS4vMDEyMzQ1Njc4OTo7PD0+Pw== )
@ NSEC3PARAM 1 0 0 AABB
_443._tcp TLSA 3 1 1 D2ABDE240D7CD3EE6B4B28C54DF034B97983A1D16E8A410E4561CB106618E971
ssh SSHFP 4 2 123456789abcdef67890123456789abcdef67890123456789abcdef123456789
cert CERT PKIX 1 RSASHA256 AQIDBA==
pgp OPENPGPKEY AAECAwQFBgcICQoLDA0ODw==
web HTTPS 1 . alpn=h2,h3 port=8443 ipv4hint=192.0.2.1
naptr NAPTR 100 10 "u" "E2U+sip" "!^.*$!sip:Info@example.test!" .
mixed TXT "MiXeD; \"quoted\" \\ back"
odd TYPE4711 \# 3 0A0B0C
big TXT "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
"#;

/// A real name server with the zone above, and forty long texts under `many`, which fit no datagram.
struct Knot {
    child: Child,
    port: u16,
    _dir: tempfile::TempDir,
}

impl Knot {
    async fn start() -> Knot {
        let program = "/usr/sbin/knotd";
        assert!(
            std::path::Path::new(program).exists(),
            "install the Debian package `knot`: {program} is missing"
        );
        let dir = tempfile::tempdir().expect("a folder");
        let port = free_port().await;
        let mut zone = std::fs::File::create(dir.path().join("example.test.zone")).expect("a file");
        zone.write_all(ZONE.as_bytes()).expect("written");
        for i in 0..40 {
            writeln!(zone, "many TXT \"{i:02} {}\"", "x".repeat(120)).expect("written");
        }
        let d = dir.path().display();
        let config = format!(
            "server:\n  rundir: {d}\n  listen: 127.0.0.1@{port}\n  udp-workers: 1\n  tcp-workers: 1\n  \
             background-workers: 1\ndatabase:\n  storage: {d}\nlog:\n- target: stderr\n  any: error\n\
             zone:\n- domain: example.test\n  storage: {d}\n  file: example.test.zone\n  zonefile-sync: -1\n  \
             journal-content: none\n"
        );
        let path = dir.path().join("knot.conf");
        std::fs::write(&path, config).expect("written");
        let child = Command::new(program)
            .args(["-c", path.to_str().expect("a path in UTF-8")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("knotd starts");
        let knot = Knot { child, port, _dir: dir };
        let deadline = clock::mono() + Duration::from_secs(20);
        loop {
            let o = look(
                &format!(r#"{{"domain": "example.test", "record": "SOA", "server": "127.0.0.1:{port}"}}"#),
                500,
            )
            .await;
            if o.outcome == Outcome::Up {
                return knot;
            }
            assert!(clock::mono() < deadline, "knotd does not answer: {o:?}");
        }
    }

    async fn look(&self, rest: &str) -> Observation {
        look(&format!(r#"{{"server": "127.0.0.1:{}", {rest}}}"#, self.port), 5_000).await
    }
}

impl Drop for Knot {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that nobody uses, for UDP and TCP alike.
async fn free_port() -> u16 {
    loop {
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let port = tcp.local_addr().expect("bound").port();
        if UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).await.is_ok() {
            return port;
        }
    }
}

fn check(spec: &str, timeout_ms: u64, conditions: &[&str]) -> Result<Probe, Problem> {
    let spec: DnsSpec = serde_json::from_str(spec).expect("a spec");
    let check = CheckSpec {
        id: CheckId::new("names/www"),
        spec: Spec::Dns(spec),
        timeout: Duration::from_millis(timeout_ms),
        slow_over: None,
        conditions: conditions.iter().map(|c| (*c).to_owned()).collect(),
        vantage: VantageId::new("core"),
    };
    Probe::new(&check, &Shared::new(Clock::start()))
}

async fn look(spec: &str, timeout_ms: u64) -> Observation {
    check(spec, timeout_ms, &[]).expect("a probe").look(false).await
}

fn summary(o: &Observation) -> (Outcome, Option<Side>, Option<Finding>) {
    (o.outcome, o.side, o.finding.clone())
}

#[tokio::test]
async fn every_type_of_record_is_asked_of_a_real_server() {
    let knot = Knot::start().await;
    for rest in [
        r#""domain": "www.example.test", "expect": ["192.0.2.2", "192.0.2.1"]"#,
        r#""domain": "WWW.Example.Test.", "expect": ["192.0.2.9", "192.0.2.1"], "expect_match": "any""#,
        r#""domain": "www.example.test", "expect": ["192.0.2.3", "192.0.2.2", "192.0.2.1"], "expect_match": "exact""#,
        r#""domain": "www.example.test", "tcp": true"#,
        r#""domain": "six.example.test", "record": "aaaa", "expect": ["2001:0db8::0001"]"#,
        r#""domain": "alias.example.test", "record": "CNAME", "expect": ["WWW.example.test."]"#,
        r#""domain": "alias.example.test", "record": "A", "expect": ["192.0.2.1"]"#,
        r#""domain": "example.test", "record": "MX", "expect": ["10 mail.example.test"]"#,
        r#""domain": "example.test", "record": "NS", "expect": ["ns.example.test."]"#,
        r#""domain": "example.test", "record": "TXT", "expect": ["v=spf1 -all"]"#,
        r#""domain": "long.example.test", "record": "TXT", "expect": ["\"first half, second half\""]"#,
        r#""domain": "example.test", "record": "SOA", "expect": ["ns.example.test. host.example.test. 7 3600 600 86400 60"]"#,
        r#""domain": "_sip._tcp.example.test", "record": "SRV", "expect": ["1 2 5060 sip.example.test."]"#,
        r#""domain": "rev.example.test", "record": "PTR", "expect": ["host.example.test"]"#,
        r#""domain": "example.test", "record": "CAA", "expect": ["0 issue \"letsencrypt.org\""]"#,
        r#""domain": "example.test", "record": "CAA", "expect": ["0 issue letsencrypt.org"]"#,
        r#""domain": "many.example.test", "record": "TXT", "recursion": false"#,
        r#""domain": "child.example.test", "record": "DS", "expect": ["60485 ECDSAP256SHA256 2 d4b7d520e7bb5f0f67674a0cceb1e3e0614b93c4f9e99b8383f6a1e4469da50a"]"#,
        r#""domain": "child.example.test", "record": "DS", "expect": ["60485 13 2 ( D4B7D520E7BB5F0F67674A0CCEB1E3E0 614B93C4F9E99B8383F6A1E4469DA50A )"]"#,
        r#""domain": "example.test", "record": "CDS", "expect": ["60485 13 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A"]"#,
        r#""domain": "example.test", "record": "DNSKEY", "expect": ["257 3 13 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKiss LS4vMDEyMzQ1Njc4OTo7PD0+Pw=="]"#,
        r#""domain": "example.test", "record": "NSEC3PARAM", "expect": ["1 0 0 aabb"]"#,
        r#""domain": "_443._tcp.example.test", "record": "TLSA", "expect": ["3 1 1 d2abde240d7cd3ee6b4b28c54df034b9 7983A1D16E8A410E4561CB106618E971"]"#,
        r#""domain": "ssh.example.test", "record": "SSHFP", "expect": ["4 2 123456789ABCDEF67890123456789ABCDEF67890123456789ABCDEF123456789"]"#,
        r#""domain": "cert.example.test", "record": "CERT", "expect": ["PKIX 1 RSASHA256 AQIDBA=="]"#,
        r#""domain": "pgp.example.test", "record": "OPENPGPKEY", "expect": ["AAECAwQF BgcICQoLDA0ODw=="]"#,
        r#""domain": "web.example.test", "record": "HTTPS", "expect": ["1 . alpn=\"h2,h3\" port=8443 ipv4hint=192.0.2.1"]"#,
        r#""domain": "naptr.example.test", "record": "NAPTR", "expect": ["100 10 \"u\" \"E2U+sip\" \"!^.*$!sip:Info@example.test!\" ."]"#,
        r#""domain": "mixed.example.test", "record": "TXT", "expect": ["MiXeD; \"quoted\" \\ back"]"#,
        r#""domain": "mixed.example.test", "record": "TXT", "expect": ["\"MiXeD; \\\"quoted\\\" \\\\ back\""]"#,
        r#""domain": "odd.example.test", "record": "TYPE4711", "expect": ["\\# 3 0a0b0c"]"#,
        r#""domain": "www.example.test", "record": "TYPE1", "expect": ["192.0.2.1"]"#,
    ] {
        let o = knot.look(rest).await;
        assert_eq!(summary(&o), (Outcome::Up, None, None), "{rest}: {o:?}");
        assert!(o.phases.dns_us.is_some_and(|us| us > 0 && us <= o.total_us));
    }
}

#[tokio::test]
async fn what_a_real_server_refuses_is_told_apart() {
    let knot = Knot::start().await;
    let o = knot.look(r#""domain": "missing.example.test""#).await;
    assert_eq!(summary(&o), (Outcome::Down, Some(Side::Target), Some(Finding::DnsNoSuchName)));
    let o = knot.look(r#""domain": "www.example.test", "record": "MX""#).await;
    assert_eq!(summary(&o), (Outcome::Down, Some(Side::Target), Some(Finding::DnsNoAnswer)));
    let o = knot.look(r#""domain": "www.elsewhere.test""#).await;
    assert_eq!(
        summary(&o),
        (Outcome::Down, Some(Side::Target), Some(Finding::DnsRefused { code: "REFUSED".into() }))
    );
    let o =
        knot.look(r#""domain": "example.test", "record": "MX", "expect": ["20 mail.example.test"]"#).await;
    let unexpected = Finding::DnsUnexpected {
        expected: "20 mail.example.test".into(),
        got: "10 mail.example.test".into(),
    };
    assert_eq!(summary(&o), (Outcome::Down, Some(Side::Target), Some(unexpected)));
    let o =
        knot.look(r#""domain": "www.example.test", "expect": ["192.0.2.1"], "expect_match": "exact""#).await;
    assert!(matches!(o.finding, Some(Finding::DnsUnexpected { .. })), "{o:?}");
    assert!(
        !serde_json::to_string(&o.finding).expect("JSON").contains("192.0.2"),
        "addresses are not public"
    );
}

/// The same letters in another case are another key, and another text.
#[tokio::test]
async fn another_key_is_another_key() {
    let knot = Knot::start().await;
    for rest in [
        r#""domain": "example.test", "record": "DNSKEY", "expect": ["257 3 13 aaecawqfbgcicqoldA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw=="]"#,
        r#""domain": "pgp.example.test", "record": "OPENPGPKEY", "expect": ["AAECAwQFBgcICQoLDA0ODQ=="]"#,
        r#""domain": "_443._tcp.example.test", "record": "TLSA", "expect": ["3 1 1 d2abde240d7cd3ee6b4b28c54df034b97983A1D16E8A410E4561CB106618E972"]"#,
        r#""domain": "mixed.example.test", "record": "TXT", "expect": ["mixed; \"quoted\" \\ back"]"#,
        r#""domain": "web.example.test", "record": "HTTPS", "expect": ["1 . alpn=h3,h2 port=8443 ipv4hint=192.0.2.1"]"#,
    ] {
        let o = knot.look(rest).await;
        assert!(matches!(o.finding, Some(Finding::DnsUnexpected { .. })), "{rest}: {o:?}");
    }
}

#[tokio::test]
async fn conditions_look_at_the_answer() {
    let knot = Knot::start().await;
    let spec = format!(r#"{{"domain": "www.example.test", "server": "127.0.0.1:{}"}}"#, knot.port);
    for condition in [
        "count == 3",
        "ttl == 60 || ttl == 300",
        "authoritative && !authenticated",
        "\"192.0.2.1\" in answers",
        "answers.all(a, a.startsWith(\"192.0.2.\"))",
        "rcode == \"NOERROR\" && dns_ms < 5000 && total_ms < 5000",
    ] {
        let o = check(&spec, 5_000, &[condition]).expect("a probe").look(false).await;
        assert_eq!(o.outcome, Outcome::Up, "{condition}: {o:?}");
    }
    let o = check(&spec, 5_000, &["count == 4"]).expect("a probe").look(false).await;
    let failed = Finding::ConditionFailed { condition: "count == 4".into(), actual: "count = 3".into() };
    assert_eq!(summary(&o), (Outcome::Down, Some(Side::Target), Some(failed)));
}

#[tokio::test]
async fn nobody_listening_and_no_answer_are_told_apart() {
    let port = free_port().await;
    let spec = format!(r#"{{"domain": "www.example.test", "server": "127.0.0.1:{port}"}}"#);
    let o = look(&spec, 2_000).await;
    assert_eq!(summary(&o), (Outcome::Down, Some(Side::Target), Some(Finding::ConnectRefused)));
    let silent = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let spec = format!(
        r#"{{"domain": "a.test", "server": "127.0.0.1:{}"}}"#,
        silent.local_addr().expect("bound").port()
    );
    let o = look(&spec, 300).await;
    assert_eq!(summary(&o), (Outcome::Down, Some(Side::Path), Some(Finding::DnsTimeout { timeout_ms: 300 })));
    assert!(o.total_us < 350_000, "{o:?}");
}

/// What a hostile server says to a question: any number of datagrams.
type Reply = Arc<dyn Fn(&[u8]) -> Vec<Vec<u8>> + Send + Sync>;

/// A server that answers UDP with `udp` and TCP with `tcp` (as raw bytes, length included).
async fn hostile(udp: Reply, tcp: Reply) -> u16 {
    let port = free_port().await;
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).await.expect("a port");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.expect("a port");
    tokio::spawn(async move {
        let mut buffer = [0u8; 4096];
        while let Ok((n, from)) = socket.recv_from(&mut buffer).await {
            for reply in udp(&buffer[..n]) {
                let _ = socket.send_to(&reply, from).await;
            }
        }
    });
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut length = [0u8; 2];
            let _ = stream.read_exact(&mut length).await;
            let mut question = vec![0u8; usize::from(u16::from_be_bytes(length))];
            let _ = stream.read_exact(&mut question).await;
            for reply in tcp(&question) {
                let _ = stream.write_all(&reply).await;
            }
        }
    });
    port
}

/// A good answer to the question, with one address.
fn good(question: &[u8]) -> Message {
    use hickory_resolver::proto::rr::{RData, Record, rdata};
    let asked = Message::from_vec(question).expect("we ask well");
    let mut answer = Message::response(asked.metadata.id, OpCode::Query);
    answer.add_queries(asked.queries.clone());
    let name = asked.queries[0].name().clone();
    answer.add_answer(Record::from_rdata(name, 30, RData::A(rdata::A(Ipv4Addr::new(192, 0, 2, 7)))));
    answer
}

fn bytes(m: &Message) -> Vec<u8> {
    m.to_vec().expect("encodes")
}

fn framed(m: &Message) -> Vec<u8> {
    let b = bytes(m);
    [&u16::try_from(b.len()).expect("short").to_be_bytes()[..], &b].concat()
}

fn nothing() -> Reply {
    Arc::new(|_| Vec::new())
}

async fn against(udp: Reply, tcp: Reply) -> Observation {
    let port = hostile(udp, tcp).await;
    look(
        &format!(
            r#"{{"domain": "www.example.test", "server": "127.0.0.1:{port}", "expect": ["192.0.2.7"]}}"#
        ),
        600,
    )
    .await
}

#[tokio::test]
async fn forged_and_broken_datagrams_are_waited_past() {
    let o = against(
        Arc::new(|q| {
            let mut wrong_id = good(q);
            wrong_id.metadata.id ^= 1;
            let mut other_name = good(q);
            other_name.queries =
                vec![Query::query(Name::from_str("evil.test.").expect("a name"), RecordType::A)];
            let mut other_type = good(q);
            other_type.queries[0].set_query_type(RecordType::TXT);
            let mut no_question = good(q);
            no_question.queries.clear();
            let mut cut = bytes(&good(q));
            cut.truncate(20);
            let mut looped = bytes(&good(q));
            looped[12..14].copy_from_slice(&[0xc0, 0x0c]);
            vec![
                Vec::new(),
                vec![0; 3],
                vec![0xff; 4000],
                q.to_vec(),
                bytes(&wrong_id),
                bytes(&other_name),
                bytes(&other_type),
                bytes(&no_question),
                cut,
                looped,
                bytes(&good(q)),
            ]
        }),
        nothing(),
    )
    .await;
    assert_eq!(summary(&o), (Outcome::Up, None, None), "{o:?}");
}

#[tokio::test]
async fn a_server_that_only_sends_garbage_is_malformed_not_silent() {
    let o = against(Arc::new(|q| vec![[&q[..2], &[0xff; 30]].concat(), vec![7; 1]]), nothing()).await;
    assert_eq!(summary(&o), (Outcome::Down, Some(Side::Target), Some(Finding::MalformedAnswer)), "{o:?}");
    let o = against(Arc::new(|_| vec![vec![0xff; 40]; 1000]), nothing()).await;
    assert_eq!(o.finding, Some(Finding::MalformedAnswer), "{o:?}");
    assert!(o.total_us < 650_000);
}

#[tokio::test]
async fn a_truncated_answer_is_asked_again_over_tcp() {
    let truncated: Reply = Arc::new(|q| {
        let mut t = good(q);
        t.metadata.truncation = true;
        t.answers.clear();
        let mut cut = bytes(&t);
        cut.extend_from_slice(&[0xc0]); // the rest of a record that did not fit
        cut[7] = 1;
        vec![cut]
    });
    let o = against(truncated.clone(), Arc::new(|q| vec![framed(&good(q))])).await;
    assert_eq!(summary(&o), (Outcome::Up, None, None), "{o:?}");
    for (tcp, want) in [
        (Arc::new(|_: &[u8]| vec![vec![0u8, 4, 1, 2, 3, 4]]) as Reply, Finding::MalformedAnswer),
        (Arc::new(|q: &[u8]| vec![framed(&good(q))[..20].to_vec()]) as Reply, Finding::MalformedAnswer),
        (Arc::new(|_: &[u8]| vec![vec![0xffu8; 10]]) as Reply, Finding::MalformedAnswer),
        (nothing(), Finding::MalformedAnswer),
    ] {
        let o = against(truncated.clone(), tcp).await;
        assert_eq!(summary(&o), (Outcome::Down, Some(Side::Target), Some(want)), "{o:?}");
    }
}

#[tokio::test]
async fn server_failure_is_said_with_its_code() {
    for (code, word) in [
        (ResponseCode::ServFail, "SERVFAIL"),
        (ResponseCode::Refused, "REFUSED"),
        (ResponseCode::NotImp, "NOTIMP"),
    ] {
        let o = against(
            Arc::new(move |q| {
                let mut m = good(q);
                m.answers.clear();
                m.queries.clear();
                m.metadata.response_code = code;
                vec![bytes(&m)]
            }),
            nothing(),
        )
        .await;
        assert_eq!(
            summary(&o),
            (Outcome::Down, Some(Side::Target), Some(Finding::DnsRefused { code: word.into() }))
        );
    }
}

#[tokio::test]
async fn case_a_our_own_resolver_that_does_not_work_is_our_fault() {
    let shared = Shared::new(Clock::start());
    let spec: DnsSpec =
        serde_json::from_str(r#"{"domain": "www.example.test", "server": "127.0.0.1"}"#).expect("a spec");
    let closed = free_port().await;
    let servfail: Reply = Arc::new(|q| {
        let mut m = good(q);
        m.answers.clear();
        m.metadata.response_code = ResponseCode::ServFail;
        vec![bytes(&m)]
    });
    let broken = hostile(servfail, nothing()).await;
    // A resolver that knows the root but not the name: what it says is about the name.
    let knows_root: Reply = Arc::new(|q| {
        let mut m = good(q);
        m.answers.clear();
        if !m.queries[0].name().is_root() {
            m.metadata.response_code = ResponseCode::ServFail;
        }
        vec![bytes(&m)]
    });
    let working = hostile(knows_root, nothing()).await;
    for (port, want) in [(closed, Outcome::Unknown), (broken, Outcome::Unknown), (working, Outcome::Down)] {
        let mut dns = Dns::new(&spec, &shared).expect("a probe");
        dns.own = true;
        dns.servers = vec![(Ipv4Addr::LOCALHOST, port).into()];
        let started = clock::mono();
        let timeout = Duration::from_secs(2);
        let look =
            Look { shared: &shared, started, deadline: started + timeout, timeout, wants_facts: false };
        let fault = dns.look(&look, &mut Trace::start(started)).await.expect_err("no answer");
        assert_eq!(fault.outcome, want, "{fault:?}");
        assert_eq!(fault.side == Side::Us, want == Outcome::Unknown);
    }
}

#[tokio::test]
async fn a_second_server_is_asked_when_the_first_is_dead() {
    let shared = Shared::new(Clock::start());
    let spec: DnsSpec =
        serde_json::from_str(r#"{"domain": "www.example.test", "server": "127.0.0.1"}"#).expect("a spec");
    let mut dns = Dns::new(&spec, &shared).expect("a probe");
    let alive = hostile(Arc::new(|q| vec![bytes(&good(q))]), nothing()).await;
    dns.servers = vec![(Ipv4Addr::LOCALHOST, free_port().await).into(), (Ipv4Addr::LOCALHOST, alive).into()];
    let started = clock::mono();
    let timeout = Duration::from_secs(5);
    let look = Look { shared: &shared, started, deadline: started + timeout, timeout, wants_facts: false };
    dns.look(&look, &mut Trace::start(started)).await.expect("the second one answers");
}

#[test]
fn what_is_wrong_with_a_spec_is_said_with_its_key() {
    for (spec, path) in [
        (r#"{"domain": ""}"#, "domain"),
        (r#"{"domain": "https://example.com/"}"#, "domain"),
        (r#"{"domain": "a..b"}"#, "domain"),
        (r#"{"domain": "example.com", "record": "HOST"}"#, "record"),
        (r#"{"domain": "example.com", "record": "AXFR"}"#, "record"),
        (r#"{"domain": "example.com", "server": "dns.example.com"}"#, "server"),
        (r#"{"domain": "example.com", "expect": ["::1"]}"#, "expect[0]"),
        (r#"{"domain": "example.com", "record": "TXT", "expect": [""]}"#, "expect[0]"),
    ] {
        let spec: DnsSpec = serde_json::from_str(spec).expect("JSON");
        assert_eq!(spec.validate().iter().map(|p| p.path.as_str()).collect::<Vec<_>>(), [path], "{spec:?}");
    }
    for spec in [
        r#"{"domain": "192.0.2.1", "record": "PTR"}"#,
        r#"{"domain": "_dmarc.example.com", "record": "TXT"}"#,
    ] {
        let spec: DnsSpec = serde_json::from_str(spec).expect("JSON");
        assert_eq!(spec.validate(), []);
    }
    let unknown = serde_json::from_str::<DnsSpec>(r#"{"domain": "a", "domian": "b"}"#).expect_err("unknown");
    assert!(unknown.to_string().contains("domian"));
}

#[test]
fn the_doc_page_names_every_name_and_key() {
    let doc = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/probes/dns.md"))
        .expect("page");
    let keys = ["domain", "record", "server", "expect", "expect_match", "tcp", "recursion"];
    for name in NAMES.iter().map(|n| n.name).chain(keys) {
        assert!(doc.contains(&format!("`{name}`")), "{name} is not documented");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_bytes_whatever_break_the_reader(
        noise in proptest::collection::vec(any::<u8>(), 0..300),
        flips in proptest::collection::vec((0usize..200, any::<u8>()), 0..12),
        cut in 0usize..200,
    ) {
        let name = Name::from_str("www.example.test.").expect("a name");
        let asked = question(&name, RecordType::A, true).expect("a question");
        let expect = exchange::Expect { id: 0, name: &name, record: RecordType::A };
        let mut answer = bytes(&good(&asked));
        for (at, byte) in flips {
            if let Some(b) = answer.get_mut(at) {
                *b = byte;
            }
        }
        answer.truncate(answer.len().saturating_sub(cut % 40));
        let server = (Ipv4Addr::LOCALHOST, 53).into();
        for input in [answer, [&[0, 0], &noise[..]].concat()] {
            if let Ok(message) = exchange::read(&input, &expect) {
                let a = Answer::of(message, RecordType::A, server);
                prop_assert!(a.values.len() <= 256);
            }
        }
    }
}

/// The deadline is kept whatever the server does.
#[tokio::test]
async fn a_slow_drip_over_tcp_ends_at_the_deadline() {
    let port = free_port().await;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.expect("a port");
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(&[0xff]).await;
            held.push(stream);
        }
    });
    let started: Instant = clock::mono();
    let o = look(&format!(r#"{{"domain": "a.test", "server": "127.0.0.1:{port}", "tcp": true}}"#), 400).await;
    assert_eq!(o.finding, Some(Finding::DnsTimeout { timeout_ms: 400 }), "{o:?}");
    assert!(clock::mono().saturating_duration_since(started) < Duration::from_millis(600));
}
