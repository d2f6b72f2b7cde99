//! Who gets in, who does not, and that attackers crowd out only themselves.

use super::*;
use http::HeaderValue;
use http_body::{Body as _, Frame};
use proptest::prelude::*;
use stillhere_net::clock;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn limits(change: impl FnOnce(&mut LimitSpec)) -> Limits {
    let mut spec = LimitSpec::default();
    change(&mut spec);
    assert_eq!(spec.validate(), []);
    Limits::new(&spec, 7, clock::mono())
}

fn of(ip: IpAddr) -> Who<'static> {
    Who { ip, key: None }
}

const NOW: Time = Time(1_000_000);

#[test]
fn without_a_configuration_everything_has_a_value_that_is_valid() {
    let spec: LimitSpec = serde_json::from_str("{}").unwrap();
    assert_eq!(spec, LimitSpec::default());
    assert_eq!(spec.validate(), []);
    assert_eq!(spec.gate(), crate::gate::Limits::default());
    let written = serde_json::to_string(&spec).unwrap();
    assert_eq!(serde_json::from_str::<LimitSpec>(&written).unwrap(), spec);
    let _schema = schemars::schema_for!(LimitSpec);
}

#[test]
fn a_wrong_configuration_is_refused_with_the_key() {
    let table = [
        (r#"{"connections":0}"#, "connections"),
        (r#"{"connections_per_address":9999}"#, "connections_per_address"),
        (r#"{"by_network":{"per_second":0,"burst":1}}"#, "by_network"),
        (r#"{"by_key":{"per_second":1,"burst":1}}"#, "by_key"),
        (r#"{"by_key":{"header":"a","cookie":"b","per_second":1,"burst":1}}"#, "by_key"),
        (r#"{"by_key":{"header":"a b","per_second":1,"burst":1}}"#, "by_key"),
        (r#"{"head_within":"10ms"}"#, "head_within"),
        (r#"{"url_bytes":40000}"#, "url_bytes"),
        (r#"{"trust_forwarded_from":["0.0.0.0/0"]}"#, "trust_forwarded_from[0]"),
    ];
    for (text, path) in table {
        let spec: LimitSpec = serde_json::from_str(text).unwrap();
        let problems = spec.validate();
        assert_eq!(problems.len(), 1, "{text}: {problems:?}");
        assert_eq!(problems[0].path, path);
    }
    for text in [
        r#"{"by_address":"often"}"#,
        r#"{"by_address":{"per_second":1}}"#,
        r#"{"by_key":{"header":"a","per_second":1,"burst":1,"x":1}}"#,
        r#"{"trust_forwarded_from":["10.0.0.1/8"]}"#,
        r#"{"conections":1}"#,
    ] {
        assert!(serde_json::from_str::<LimitSpec>(text).is_err(), "{text}");
    }
    let off: LimitSpec = serde_json::from_str(r#"{"by_address":"off","body_stall":"off"}"#).unwrap();
    assert_eq!((off.by_address, off.body_pace()), (None, None));
}

#[test]
fn a_seat_is_given_back_whatever_refused_the_next_one() {
    let limits = limits(|s| {
        (s.connections, s.connections_per_address, s.connections_per_network) = (5, 2, 3);
    });
    let take = |text: &str| limits.connection(ip(text), NOW);
    let seats = [take("192.0.2.1").unwrap(), take("192.0.2.1").unwrap()];
    assert_eq!(take("192.0.2.1").unwrap_err(), Refused::AddressFull);
    // The same address in its other spelling.
    assert_eq!(take("::ffff:192.0.2.1").unwrap_err(), Refused::AddressFull);
    let third = take("192.0.2.2").unwrap();
    assert_eq!(take("192.0.2.3").unwrap_err(), Refused::NetworkFull);
    let others = [take("2001:db8::1").unwrap(), take("2001:db8::2").unwrap()];
    assert_eq!(take("203.0.113.1").unwrap_err(), Refused::Full);
    assert_eq!(limits.connections(), 5);
    drop(third);
    // One /64 is one client.
    assert_eq!(take("2001:db8::3").unwrap_err(), Refused::AddressFull);
    let _another = take("192.0.2.3").unwrap();
    drop((seats, others));
    assert_eq!(limits.connections(), 1);
}

#[test]
fn a_trusted_proxy_has_as_many_connections_as_there_are() {
    let limits = limits(|s| {
        (s.connections, s.connections_per_address, s.connections_per_network) = (5, 2, 2);
        s.trust_forwarded_from = vec!["10.0.0.0/8".parse().unwrap()];
    });
    let seats: Vec<_> = (0..5).map(|_| limits.connection(ip("10.1.2.3"), NOW).unwrap()).collect();
    assert_eq!(limits.connection(ip("10.1.2.3"), NOW).unwrap_err(), Refused::Full);
    drop(seats);
    assert_eq!(limits.connections(), 0);
}

#[test]
fn a_burst_passes_and_then_the_rate_holds() {
    let limits = limits(|s| s.by_address = Some(Rate { per_second: 10, burst: 5 }));
    let start = clock::mono();
    let who = of(ip("192.0.2.1"));
    for _ in 0..5 {
        limits.request(&who, start).unwrap();
    }
    let refused = limits.request(&who, start).unwrap_err();
    assert_eq!(refused, TooMany { retry_after: Duration::from_millis(100), by: By::Address });
    // To be refused costs nothing more.
    assert_eq!(limits.request(&who, start).unwrap_err().retry_after, refused.retry_after);
    limits.request(&who, start + refused.retry_after).unwrap();
    limits.request(&of(ip("192.0.2.2")), start).unwrap();
    let mut passed = 0;
    for ms in 1..=10_000 {
        passed += u32::from(
            limits.request(&who, start + Duration::from_secs(60) + Duration::from_millis(ms)).is_ok(),
        );
    }
    assert!((104..=106).contains(&passed), "{passed}");
}

#[test]
fn networks_and_keys_are_metered_on_their_own() {
    let limits = limits(|s| {
        s.by_address = Some(Rate { per_second: 1, burst: 2 });
        s.by_network = Some(Rate { per_second: 1, burst: 3 });
        s.by_key =
            Some(KeySpec { header: Some("X-Api-Key".to_owned()), cookie: None, per_second: 1, burst: 1 });
    });
    let now = clock::mono();
    let ask = |text: &str, key| limits.request(&Who { ip: ip(text), key }, now).map_err(|e| e.by);
    assert_eq!(ask("192.0.2.1", None), Ok(()));
    assert_eq!(ask("192.0.2.1", None), Ok(()));
    // Refused by its address again and again, it does not use up the network.
    for _ in 0..10 {
        assert_eq!(ask("192.0.2.1", None), Err(By::Address));
    }
    assert_eq!(ask("192.0.2.2", None), Ok(()));
    assert_eq!(ask("192.0.2.3", None), Err(By::Network));
    assert_eq!(ask("198.51.100.1", Some("k")), Ok(()));
    assert_eq!(ask("203.0.113.1", Some("k")), Err(By::Key));
    assert_eq!(ask("203.0.113.1", Some("l")), Ok(()));
    let mut headers = HeaderMap::new();
    headers.insert("x-api-key", HeaderValue::from_static("secret"));
    assert_eq!(limits.key(&headers).as_deref(), Some("secret"));
}

#[test]
fn an_attacker_with_many_addresses_crowds_out_hardly_anybody_and_refuses_nobody() {
    let limits = limits(|s| s.by_address = Some(Rate { per_second: 1, burst: 2 }));
    let now = clock::mono();
    // A thousand people, each of whom has used up what they may.
    let people: Vec<IpAddr> = (0..1000u32).map(|n| IpAddr::V4((0x0a00_0000 + n * 256 + 1).into())).collect();
    for who in &people {
        assert!(limits.request(&of(*who), now).is_ok());
        assert!(limits.request(&of(*who), now).is_ok());
    }
    // One /48, in which the attacker has every address.
    for n in 0..200_000u128 {
        let address = (0x2001_0db8_0001_u128 << 80) | ((n % 65_536) << 64) | (n + 1);
        let _either = limits.request(&of(IpAddr::V6(address.into())), now);
    }
    let forgotten = people.iter().filter(|who| limits.request(&of(**who), now).is_ok()).count();
    assert!(forgotten <= 10, "{forgotten} of 1000 meters were lost");
    // Somebody new is served at once.
    assert!(limits.request(&of(ip("198.51.100.7")), now).is_ok());
}

#[test]
fn a_banned_network_does_not_get_in_until_the_ban_ends() {
    let limits = limits(|_| ());
    let until = NOW.plus(Duration::from_secs(60));
    let prefix: Prefix = "192.0.2.0/24".parse().unwrap();
    limits.ban(prefix, until, "scans for wp-login", NOW).unwrap();
    limits.ban("2001:db8::/32".parse().unwrap(), until, "the same", NOW).unwrap();
    for text in ["192.0.2.9", "::ffff:192.0.2.9", "2001:db8:1::1"] {
        assert_eq!(limits.connection(ip(text), NOW).unwrap_err(), Refused::Banned, "{text}");
        assert!(limits.is_banned(ip(text), NOW));
        assert!(limits.connection(ip(text), until).is_ok());
    }
    assert!(limits.connection(ip("192.0.3.9"), NOW).is_ok());
    let bans = limits.bans(NOW);
    assert_eq!(bans.len(), 2);
    let json = serde_json::to_string(&bans[0]).unwrap();
    assert!(json.contains(r#""prefix":"192.0.2.0/24""#), "{json}");
    assert_eq!(serde_json::from_str::<Ban>(&json).unwrap(), bans[0]);
    assert!(limits.unban(prefix) && !limits.unban(prefix));
    assert!(limits.connection(ip("192.0.2.9"), NOW).is_ok());
    assert_eq!(limits.bans(until), []);
}

#[test]
fn a_ban_that_makes_no_sense_is_refused_and_the_list_is_bounded() {
    let limits = limits(|_| ());
    let until = NOW.plus(Duration::from_secs(60));
    let ban = |text: &str, until, why| limits.ban(text.parse().unwrap(), until, why, NOW);
    assert_eq!(ban("0.0.0.0/0", until, "all"), Err(BanError::TooWide));
    assert_eq!(ban("2000::/3", until, "all"), Err(BanError::TooWide));
    assert_eq!(ban("192.0.2.1", NOW, "over"), Err(BanError::Over));
    assert_eq!(ban("192.0.2.1", until, " "), Err(BanError::NoReason));
    let full = (0..BANS_MAX as u32).map(|n| Prefix::of(IpAddr::V4(n.into()), 32));
    limits.bans.fill(full, until);
    assert_eq!(ban("192.0.2.1", until, "one more"), Err(BanError::TooMany));
    // Those that have ended make room.
    assert_eq!(
        limits.ban("192.0.2.1".parse().unwrap(), until.plus(Duration::from_secs(9)), "late", until),
        Ok(())
    );
}

#[test]
fn a_proxy_is_believed_as_far_as_it_is_trusted() {
    let trusted = |s: &mut LimitSpec| {
        s.trust_forwarded_from = vec!["10.0.0.0/8".parse().unwrap(), "2001:db8::/32".parse().unwrap()];
    };
    let by_x = limits(trusted);
    let by_forwarded = limits(|s| {
        trusted(s);
        s.forwarded_header = ForwardedHeader::Forwarded;
    });
    let x = [
        ("192.0.2.1", "203.0.113.9", "192.0.2.1"),
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("::ffff:10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "1.1.1.1, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("10.0.0.1", "1.1.1.1, evil, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "evil", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.7", "10.0.0.7"),
        ("10.0.0.1", "203.0.113.9:4711", "203.0.113.9"),
        ("10.0.0.1", "[2001:db9::1]:4711", "2001:db9::1"),
        ("10.0.0.1", "2001:db9::1", "2001:db9::1"),
        ("10.0.0.1", "::ffff:203.0.113.9", "203.0.113.9"),
    ];
    for (peer, said, client) in x {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", HeaderValue::from_static(said));
        headers.insert("forwarded", HeaderValue::from_static("for=6.6.6.6"));
        assert_eq!(by_x.client_address(ip(peer), &headers), ip(client), "{peer} {said}");
    }
    let forwarded = [
        ("for=203.0.113.9", "203.0.113.9"),
        ("For=\"[2001:db9::1]:4711\";proto=https;by=10.0.0.1", "2001:db9::1"),
        ("for=1.1.1.1, proto=http;for=203.0.113.9, for=10.0.0.2", "203.0.113.9"),
        ("for=1.1.1.1, for=unknown", "10.0.0.1"),
        ("for=1.1.1.1, for=_hidden;by=x", "10.0.0.1"),
        ("for=\"203.0.113.9", "10.0.0.1"),
        ("for=1.1.1.1;for=2.2.2.2", "10.0.0.1"),
        ("for=\"1.1.1.1, for=2.2.2.2\"", "10.0.0.1"),
    ];
    for (said, client) in forwarded {
        let mut headers = HeaderMap::new();
        headers.insert("forwarded", HeaderValue::from_static(said));
        headers.insert("x-forwarded-for", HeaderValue::from_static("6.6.6.6"));
        assert_eq!(by_forwarded.client_address(ip("10.0.0.1"), &headers), ip(client), "{said}");
    }
    // Several lines are one list.
    let mut headers = HeaderMap::new();
    headers.append("x-forwarded-for", HeaderValue::from_static("6.6.6.6"));
    headers.append("x-forwarded-for", HeaderValue::from_static("203.0.113.9, 10.0.0.2"));
    assert_eq!(by_x.client_address(ip("10.0.0.1"), &headers), ip("203.0.113.9"));
}

proptest! {
    #[test]
    fn what_a_client_writes_left_of_the_proxies_changes_nothing(said in "[ -~]{0,80}", lines in 0usize..3) {
        let limits = limits(|s| s.trust_forwarded_from = vec!["10.0.0.0/8".parse().unwrap()]);
        let mut headers = HeaderMap::new();
        for _ in 0..lines {
            headers.append("x-forwarded-for", HeaderValue::from_str(&said).unwrap());
        }
        let last = format!("{said}, 203.0.113.9, 10.0.0.2");
        headers.append("x-forwarded-for", HeaderValue::from_str(&last).unwrap());
        prop_assert_eq!(limits.client_address(ip("10.0.0.1"), &headers), ip("203.0.113.9"));
    }

    #[test]
    fn a_network_is_written_as_it_is_read(bits: u128, length in 0u8..=128, v4: bool) {
        let ip = if v4 { IpAddr::V4((bits as u32).into()) } else { IpAddr::V6(bits.into()) };
        let prefix = Prefix::of(ip, length);
        prop_assume!(prefix.address().to_canonical() == prefix.address());
        prop_assert!(prefix.holds(ip));
        prop_assert_eq!(prefix.to_string().parse::<Prefix>(), Ok(prefix));
    }

    #[test]
    fn never_more_than_burst_and_rate_whatever_the_times(
        gaps in proptest::collection::vec(0u64..300, 1..200), per_second in 1u32..50, burst in 1u32..20,
    ) {
        let limits = limits(|s| s.by_address = Some(Rate { per_second, burst }));
        let start = clock::mono();
        let mut ms = 0;
        let mut passed = 0u64;
        for gap in gaps {
            ms += gap;
            let now = start + Duration::from_millis(ms);
            passed += u64::from(limits.request(&of(ip("192.0.2.1")), now).is_ok());
            prop_assert!(passed <= u64::from(burst) + ms * u64::from(per_second) / 1000 + 1);
        }
    }
}

/// A body that gives a byte every so often.
struct Drip(tokio::time::Interval);

impl http_body::Body for Drip {
    type Data = bytes::Bytes;
    type Error = std::convert::Infallible;
    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<bytes::Bytes>, std::convert::Infallible>>> {
        self.0.poll_tick(cx).map(|_| Some(Ok(Frame::data(bytes::Bytes::from_static(b"x")))))
    }
}

#[tokio::test]
async fn a_body_that_drips_is_ended_and_one_whose_reader_sleeps_is_not() {
    let window = Duration::from_millis(100);
    let pace = Some(crate::gate::Pace { window, bytes: 50 });
    let mut body = Paced::new(Drip(tokio::time::interval(Duration::from_millis(10))), pace);
    let mut next = async || std::future::poll_fn(|cx| std::pin::Pin::new(&mut body).poll_frame(cx)).await;
    let error = tokio::time::timeout(Duration::from_secs(5), async {
        loop {
            if let Err(e) = next().await.unwrap() {
                return e;
            }
        }
    });
    assert!(error.await.unwrap().is::<crate::gate::Stalled>());
    // Ready whenever it is asked, but asked seldom.
    let mut body = Paced::new(Drip(tokio::time::interval(Duration::from_millis(1))), pace);
    let mut seldom = tokio::time::interval(Duration::from_millis(40));
    for _ in 0..8 {
        seldom.tick().await;
        let frame = std::future::poll_fn(|cx| std::pin::Pin::new(&mut body).poll_frame(cx)).await;
        assert!(frame.unwrap().is_ok());
    }
}
