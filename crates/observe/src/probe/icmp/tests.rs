use super::*;
use crate::probe::{CheckSpec, Probe, Spec};
use proptest::prelude::*;
use stillhere_model::{CheckId, Observation, VantageId};
use stillhere_net::clock::Clock;

fn spec(text: &str) -> IcmpSpec {
    serde_json::from_str(text).expect("a spec")
}

async fn look(text: &str, conditions: &[&str]) -> Observation {
    let check = CheckSpec {
        id: CheckId::new("gateway/ping"),
        spec: Spec::Icmp(spec(text)),
        timeout: Duration::from_secs(3),
        slow_over: None,
        conditions: conditions.iter().map(|c| (*c).to_owned()).collect(),
        vantage: VantageId::new("core"),
    };
    Probe::new(&check, &Shared::new(Clock::start())).expect("a probe").look(false).await
}

fn icmp(text: &str) -> Icmp {
    Icmp::new(&spec(text), &Shared::new(Clock::start())).expect("a check")
}

/// What a look at loopback must come to on this machine.
fn expected(access: Access) -> (Outcome, Option<Side>, Option<Finding>) {
    match access {
        Access::Datagram | Access::Raw => (Outcome::Up, None, None),
        Access::Denied => {
            let finding = Finding::NotAllowed { what: "sending pings".into() };
            (Outcome::Unknown, Some(Side::Us), Some(finding))
        }
        Access::NoFamily => {
            let finding = Finding::OwnFault { what: "address family not available here".into() };
            (Outcome::Unknown, Some(Side::Us), Some(finding))
        }
    }
}

#[tokio::test]
async fn loopback_answers_in_both_families_or_we_say_why_we_could_not_look() {
    let p = permission();
    for (host, access) in [("127.0.0.1", p.v4), ("::1", p.v6)] {
        let text = format!(r#"{{"host": "{host}", "count": 4, "pause": "10ms", "size": 120}}"#);
        let o = look(
            &text,
            &[
                "sent == 4 && lost == 0 && loss_percent == 0.0",
                "rtt_ms >= rtt_min_ms && rtt_ms <= rtt_max_ms",
                "total_ms < 3000",
            ],
        )
        .await;
        assert_eq!((o.outcome, o.side, o.finding.clone()), expected(access), "{host} {access:?}: {o:?}");
        assert_eq!(o.phases.first_byte_us.is_some(), o.outcome == Outcome::Up);
    }
    assert_eq!(p.is_granted(), [p.v4, p.v6].iter().any(|a| matches!(a, Access::Datagram | Access::Raw)));
}

#[tokio::test]
async fn every_size_and_many_at_once_come_back() {
    if permission().v4 == Access::Denied {
        let o = look(r#"{"host": "127.0.0.1"}"#, &[]).await;
        assert!(matches!(o.finding, Some(Finding::NotAllowed { .. })), "{o:?}");
        return;
    }
    let many = (0..20).map(|i| {
        let size = [8, 56, 57, 1400][i % 4];
        tokio::spawn(async move {
            look(&format!(r#"{{"host": "127.0.0.1", "pause": "10ms", "size": {size}}}"#), &["lost == 0"])
                .await
        })
    });
    for task in many.collect::<Vec<_>>() {
        let o = task.await.expect("no panic");
        assert_eq!(o.outcome, Outcome::Up, "{o:?}");
    }
}

#[test]
fn loss_is_judged_against_its_limit() {
    let c = icmp(r#"{"host": "127.0.0.1", "count": 4, "max_loss_percent": 25, "slow_rtt": "50ms"}"#);
    let ms = Duration::from_millis;
    let judge = |sent, rtts: &[u64], unreachable| {
        let tally = Tally { sent, rtts: rtts.iter().map(|r| ms(*r)).collect(), unreachable };
        c.judge(&tally, tally.mean()).map_err(|f| (f.outcome, f.side, f.finding))
    };
    assert_eq!(judge(4, &[1, 2, 3, 4], false), Ok(()));
    assert_eq!(judge(4, &[1, 2, 3], false), Ok(()), "a quarter is what is allowed");
    let loss = Finding::PingLoss { lost: 2, sent: 4 };
    assert_eq!(judge(4, &[1, 2], false), Err((Outcome::Down, Side::Path, loss)));
    assert_eq!(judge(4, &[], false), Err((Outcome::Down, Side::Path, Finding::PingNoReply { sent: 4 })));
    assert_eq!(judge(4, &[], true), Err((Outcome::Down, Side::Path, Finding::Unreachable)));
    let slow = Finding::Slow { took_ms: 60, limit_ms: 50 };
    assert_eq!(judge(4, &[60, 60, 60, 60], false), Err((Outcome::Slow, Side::Path, slow)));
    assert_eq!(c.timed_out(3000).finding, Finding::PingNoReply { sent: 4 });
}

#[tokio::test]
async fn cloud_metadata_is_not_pinged() {
    let o = look(r#"{"host": "169.254.169.254"}"#, &[]).await;
    assert_eq!((o.outcome, o.side), (Outcome::Unknown, Some(Side::Us)), "{o:?}");
    assert!(matches!(o.finding, Some(Finding::NotAllowed { .. })));
}

#[test]
fn a_request_has_a_right_checksum_and_its_reply_is_known() {
    let cookie = *b"12345678";
    let m = echo::request(false, 0x1234, 3, cookie, 56);
    assert_eq!(m.len(), 64);
    assert_eq!(echo::checksum(&m), 0, "over a message with its checksum it is zero");
    // RFC 1071 §3 has this example.
    assert_eq!(echo::checksum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), !0xddf2);
    let mut back = m.clone();
    back[0] = 0;
    assert_eq!(echo::reply(&back, false, false, None, cookie), Some(3));
    assert_eq!(echo::reply(&m, false, false, None, cookie), None, "our own request, seen on loopback");
    assert_eq!(echo::reply(&back, false, true, Some(0x1234), cookie), None, "no IP head");
    let mut raw = vec![0x46; 24];
    raw.extend_from_slice(&back);
    assert_eq!(echo::reply(&raw, false, true, Some(0x1234), cookie), Some(3));
    assert_eq!(echo::reply(&raw, false, true, Some(0x4321), cookie), None, "somebody else's");
    assert_eq!(echo::reply(&back, false, false, None, *b"87654321"), None, "somebody else's");
}

#[test]
fn what_is_wrong_with_a_spec_is_said_with_its_key() {
    for (text, key) in [
        (r#"{"host": ""}"#, "host"),
        (r#"{"host": "http://example.org"}"#, "host"),
        (r#"{"host": "a", "count": 0}"#, "count"),
        (r#"{"host": "a", "count": 21}"#, "count"),
        (r#"{"host": "a", "size": 4}"#, "size"),
        (r#"{"host": "a", "pause": "1ms"}"#, "pause"),
        (r#"{"host": "a", "max_loss_percent": 100}"#, "max_loss_percent"),
        (r#"{"host": "127.0.0.1", "ip": "6"}"#, "ip"),
    ] {
        assert_eq!(
            spec(text).validate().iter().map(|p| p.path.as_str()).collect::<Vec<_>>(),
            [key],
            "{text}"
        );
    }
    assert_eq!(spec(r#"{"host": "::1"}"#).target(), "[::1]:icmp");
}

#[test]
fn the_doc_page_names_every_name_and_key() {
    let doc = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/probes/icmp.md"))
        .expect("page");
    let keys = ["host", "ip", "count", "size", "pause", "max_loss_percent", "slow_rtt"];
    for name in NAMES.iter().map(|n| n.name).chain(keys) {
        assert!(doc.contains(&format!("`{name}`")), "{name} is not documented");
    }
}

proptest! {
    #[test]
    fn no_bytes_whatever_break_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..100), v6: bool, raw: bool) {
        prop_assert_eq!(echo::reply(&bytes, v6, raw, None, *b"cookie!!"), None);
    }
}
