use super::*;
use proptest::prelude::*;

fn names() -> Names {
    let mut n = Names::default();
    n.insert(Kind::Check, "shop/http", 7);
    n.insert(Kind::Check, "mail/smtp", 300);
    n.insert(Kind::Vantage, "core", 1);
    n
}

fn look() -> impl Strategy<Value = Observation> {
    let us = || prop::option::of(any::<u32>());
    (
        prop::sample::select(vec!["shop/http", "mail/smtp"]),
        0i64..4_000_000_000_000,
        prop::sample::select(vec![Outcome::Up, Outcome::Slow, Outcome::Down, Outcome::Unknown]),
        prop::sample::select(vec![None, Some(Side::Target), Some(Side::Path), Some(Side::Us)]),
        any::<u32>(),
        (us(), us(), us(), us(), us()),
        prop::option::of(any::<u16>()),
        prop::option::of(".{0,40}"),
        any::<bool>(),
    )
        .prop_map(|(check, at, outcome, side, total_us, p, status, detail, recheck)| Observation {
            check: CheckId::new(check),
            vantage: VantageId::new("core"),
            at: Time(at),
            outcome,
            side,
            total_us,
            phases: Phases { dns_us: p.0, connect_us: p.1, tls_us: p.2, first_byte_us: p.3, body_us: p.4 },
            finding: status.map(|status| Finding::HttpStatus { status }),
            detail,
            recheck,
        })
}

proptest! {
    #[test]
    fn what_is_packed_comes_out_again(looks in prop::collection::vec(look(), 0..30)) {
        let names = names();
        let chunk = pack(&looks, &names).unwrap();
        let mut out = Vec::new();
        unpack(&chunk.body, |p| {
            let check = CheckId::new(if p.check == 7 { "shop/http" } else { "mail/smtp" });
            out.push(p.observation(check, VantageId::new("core")));
        }).unwrap();
        prop_assert_eq!(out, looks);
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        let _ = unpack(&bytes, |p| { let _ = p.observation(CheckId::new("a"), VantageId::new("b")); });
        if let Some(b) = bytes.first_mut() { *b = VERSION; }
        let _ = unpack(&bytes, |p| { let _ = p.observation(CheckId::new("a"), VantageId::new("b")); });
    }
}

#[test]
fn an_ordinary_look_takes_about_a_dozen_bytes() {
    let looks: Vec<_> = (0..1000)
        .map(|i| Observation {
            check: CheckId::new("shop/http"),
            vantage: VantageId::new("core"),
            at: Time(1_700_000_000_000 + i / 5),
            outcome: Outcome::Up,
            side: None,
            total_us: 12_345,
            phases: Phases { connect_us: Some(900), first_byte_us: Some(11_000), ..Phases::default() },
            finding: None,
            detail: None,
            recheck: false,
        })
        .collect();
    let bytes = pack(&looks, &names()).unwrap().body.len();
    assert!(bytes < 14_000, "{bytes}");
}
