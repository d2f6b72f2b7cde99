//! What a visitor says about themselves to the edge: a waiting room's ticket, cookies, and whom a proxy speaks for.

use http::{HeaderMap, HeaderValue};
use std::{sync::LazyLock, time::Duration};
use stillhere_edge::{
    limit::{ForwardedHeader, LimitSpec, Limits, Prefix},
    room::{Ask, Room, RoomSpec, Secret, presented},
};
use stillhere_model::Time;

/// One for each header. Their tables are large, so they are made once.
static LIMITS: LazyLock<[Limits; 2]> = LazyLock::new(|| {
    [ForwardedHeader::XForwardedFor, ForwardedHeader::Forwarded].map(|forwarded_header| {
        let trust_forwarded_from = vec![Prefix::of([10, 0, 0, 1].into(), 8)];
        let spec = LimitSpec { trust_forwarded_from, forwarded_header, ..LimitSpec::default() };
        Limits::new(&spec, 1, stillhere_net::clock::mono())
    })
});

const NOW: Time = Time(1_790_000_000_000);

pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let spec = RoomSpec { max_active: Some(1), ..RoomSpec::default() };
    let room = Room::new(&spec, 1, Secret::new(&[7; 32]), NOW);
    assert!(matches!(room.ask(Some(&text), NOW, 1), Ask::Bad(_)), "a made-up ticket is taken");
    let Ask::Enter { pass } = room.ask(None, NOW, 1) else { panic!("the door is shut without a crowd") };
    // Any of its letters changed, which fuzzers do not find by themselves because of the seal.
    if let [at, to, ..] = data {
        let at = usize::from(*at) % pass.len();
        let mut changed = pass.clone().into_bytes();
        changed[at] = to & 0x7f;
        let changed = String::from_utf8_lossy(&changed).into_owned();
        let asked = room.ask(Some(&changed), NOW.plus(Duration::from_secs(1)), 2);
        assert_eq!(matches!(asked, Ask::Enter { .. }), changed == pass);
    }
    if let Ok(prefix) = text.parse::<Prefix>() {
        assert_eq!(prefix.to_string().parse(), Ok(prefix));
        assert!(prefix.holds(prefix.address()));
    }
    let Ok(value) = HeaderValue::from_bytes(data) else { return };
    let mut headers = HeaderMap::new();
    for name in ["cookie", "x-forwarded-for", "forwarded"] {
        headers.insert(name, value.clone());
    }
    let _shown = presented(&headers);
    for limits in LIMITS.iter() {
        let stranger = [192, 0, 2, 1].into();
        assert_eq!(limits.client_address(stranger, &headers), stranger, "a stranger is believed");
        let client = limits.client_address([10, 0, 0, 1].into(), &headers);
        assert_eq!(client, client.to_canonical());
    }
}
