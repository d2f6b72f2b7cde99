use super::*;
use proptest::prelude::*;

fn same(record: RecordType, a: &str, b: &str) -> bool {
    of_text(record, a).unwrap_or_else(|e| panic!("{a} {e}"))
        == of_text(record, b).unwrap_or_else(|e| panic!("{b} {e}"))
}

#[test]
fn each_type_has_its_own_idea_of_what_is_the_same() {
    use RecordType as R;
    for (record, a, b, want) in [
        (R::MX, "10 Mail.Example.com.", "10  mail.example.com", true),
        (R::MX, "10 mail.example.com", "20 mail.example.com", false),
        (R::CNAME, "bücher.example", "xn--bcher-kva.example.", true),
        (R::PTR, "a\\.b.example", "a.b.example", false),
        (R::PTR, "\\097.example", "A.example.", true),
        (R::TXT, "v=spf1 -all", "\"v=spf1 \" \"-all\"", true),
        (R::TXT, "v=spf1 -all", "v=SPF1 -all", false),
        (R::TXT, "a  b", "a b", false),
        (R::TXT, "\"a\\\"b\"", "a\"b", true),
        (R::TXT, "back\\slash", "\"back\\\\slash\"", true),
        (R::TXT, "\"k=\\195\\188\"", "k=ü", true),
        (
            R::DS,
            "60485 5 1 2BB183AF5F22588179A53B0A 98631FAD1A292118",
            "60485 RSASHA1 1 2bb183af5f22588179a53b0a98631fad1a292118",
            true,
        ),
        (R::DNSKEY, "257 3 13 AQ ID BA==", "257 3 ECDSAP256SHA256 (AQIDBA==)", true),
        (R::DNSKEY, "257 3 13 AQIDBAUG", "257 3 13 aqidbaug", false),
        (R::OPENPGPKEY, "AQID BA==", "AQIDBA==", true),
        (R::CERT, "PKIX 1 8 AQIDBA==", "1 1 RSASHA256 AQIDBA==", true),
        (R::TLSA, "3 1 1 ABCD ef01", "3 1 1 abcdEF01", true),
        (R::SSHFP, "4 2 AB", "4 2 ab", true),
        (R::CAA, "0 Issue letsencrypt.org", "0 issue \"letsencrypt.org\"", true),
        (R::CAA, "0 issue \"ca.example; a=B\"", "0 issue \"ca.example; a=b\"", false),
        (R::CAA, "0 issue \";\"", "0 issue ;", true),
        (R::NAPTR, "1 2 \"u\" \"E2U+sip\" \"!^.*$!sip:a@B!\" .", "1 2 u E2U+sip !^.*$!sip:a@B! .", true),
        (R::NSEC, "Next.example. TXT A TYPE1234", "next.example A TXT TYPE1234", true),
        (
            R::NSEC3,
            "1 0 0 - 0p9mhaveqvm6t7vbl5lop2u3t2rp3tom A",
            "1 0 0 - 0P9MHAVEQVM6T7VBL5LOP2U3T2RP3TOM a",
            true,
        ),
        (
            R::RRSIG,
            "A 13 2 300 20260101000000 1764547200 7 Example.com. AQIDBA==",
            "a 13 2 300 1767225600 20251201000000 7 example.com AQIDBA==",
            true,
        ),
        (R::HTTPS, "1 . alpn=\"h2,h3\" port=443", "1 . port=443 ALPN=h2,h3", true),
        (R::HTTPS, "1 . alpn=h2", "1 . alpn=H2", false),
        (R::HTTPS, "1 . mandatory=port,alpn alpn=h2 port=1", "1 . mandatory=alpn,port alpn=h2 port=1", true),
        // Not in the order that the wire must have: no such parameter, and spelled as data.
        (R::HTTPS, "\\# 11 0001 00 0000 0004 0003 0001", "\\# 11 0001000000000400030001", true),
        (R::SVCB, "1 a.example ipv6hint=2001:db8::1", "1 A.example. ipv6hint=2001:0db8::0001", true),
        (R::AAAA, "2001:0DB8::0001", "2001:db8::1", true),
        (R::A, "\\# 4 C0000201", "192.0.2.1", true),
        (R::DS, "\\# 5 EC45 05 01 AB", "60485 5 1 ab", true),
        (R::Unknown(4711), "\\# 2 abcd", "\\# 2 AB CD", true),
    ] {
        assert_eq!(same(record, a, b), want, "{record}: {a} and {b}");
    }
}

#[test]
fn what_cannot_be_a_value_of_the_type_is_said() {
    use RecordType as R;
    for (record, text, want) in [
        (R::A, "::1", "is not an IPv4 address"),
        (R::MX, "mail.example.com", "has something else where a number belongs"),
        (R::MX, "10", "has too few parts"),
        (R::MX, "10 a b", "has too many parts"),
        (R::MX, "70000 a", "has something else where a number belongs"),
        (R::HTTPS, "1 . mandatory=mandatory", "has a parameter with a value of another kind"),
        (R::HTTPS, "1 . mandatory=port,port port=1", "has a parameter with a value of another kind"),
        (R::CNAME, "a..b", "has something else where a name belongs"),
        (R::TXT, "\"a", "has a quotation mark too few"),
        (R::TXT, "\"a\" b", "has text outside the quotes"),
        (R::TXT, "\"\\256\"", "has an escape of more than \\255"),
        (R::DS, "1 5 1 ABC", "has something else where hex digits belong"),
        (R::DNSKEY, "257 3 13 A?==", "has something else where base64 belongs"),
        (R::NSEC, "a. BANANA", "has something else where a type of record belongs"),
        (R::HTTPS, "1 . banana=1", "has a parameter that does not exist"),
        (R::HTTPS, "1 . port=1 port=2", "has a parameter twice"),
        (R::HTTPS, "1 . port", "has a parameter with a value of another kind"),
        (R::A, "\\# 5 C0000201", "says another length than it has"),
        (
            R::Unknown(4711),
            "abc",
            "is not in the form of RFC 3597, which this type of record needs: \\# 2 0A0B",
        ),
    ] {
        assert_eq!(of_text(record, text), Err(want), "{record}: {text}");
    }
}

#[test]
fn a_value_that_is_too_long_says_so_and_can_not_be_expected() {
    let value = of_wire(RecordType::OPENPGPKEY, &[7; 60_000]);
    assert!(value.len() <= MAX_VALUE_BYTES && value.ends_with('…'));
    assert_eq!(of_text(RecordType::OPENPGPKEY, &"A".repeat(5_000)), Err("is too long"));
}

fn any_record() -> impl Strategy<Value = RecordType> {
    use RecordType as R;
    prop::sample::select(vec![
        R::A,
        R::AAAA,
        R::CNAME,
        R::MX,
        R::SRV,
        R::SOA,
        R::CAA,
        R::HINFO,
        R::NAPTR,
        R::HTTPS,
        R::SVCB,
        R::DS,
        R::DNSKEY,
        R::RRSIG,
        R::NSEC,
        R::NSEC3,
        R::NSEC3PARAM,
        R::CSYNC,
        R::TLSA,
        R::SSHFP,
        R::CERT,
        R::OPENPGPKEY,
        R::TXT,
        R::NULL,
        R::Unknown(4711),
    ])
}

/// Bytes that are often whole names, lists and texts: short lengths, and what they count.
fn wire() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        any::<[u8; 2]>().prop_map(|b| b.to_vec()),
        prop::collection::vec(any::<u8>(), 0..20).prop_map(|b| [
            &[u8::try_from(b.len()).expect("short")][..],
            &b
        ]
        .concat()),
        Just(vec![0]),
        (0u8..9, prop::collection::vec(any::<u8>(), 0..9)).prop_map(|(key, b)| [
            &[0, key, 0, u8::try_from(b.len()).expect("short")][..],
            &b
        ]
        .concat()),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_096))]

    /// What is shown can be written as what is expected, and is then the same.
    #[test]
    fn a_value_from_the_wire_is_read_back_as_itself(record in any_record(), data in wire()) {
        let shown = of_wire(record, &data);
        prop_assert_eq!(of_text(record, &shown), Ok(shown));
    }

    #[test]
    fn a_written_value_that_is_accepted_is_read_back_as_itself(record in any_record(), text in "[ -~ü]{1,40}") {
        if let Ok(once) = of_text(record, &text) {
            prop_assert_eq!(of_text(record, &once), Ok(once));
        }
    }
}
