//! Any bytes as the answer to a question: what is believed is bounded, tidy, and only what was asked for.
//!
//! The first byte says what was asked for, the rest is the answer, whose number is taken to be the right one.

use stillhere_net::dns::Host;
use stillhere_observe::probe::dns::{DnsSpec, believe};

const RECORDS: [&str; 28] = [
    "A",
    "AAAA",
    "CNAME",
    "MX",
    "NS",
    "TXT",
    "SOA",
    "SRV",
    "PTR",
    "CAA",
    "HTTPS",
    "NAPTR",
    "DS",
    "DNSKEY",
    "TLSA",
    "NULL",
    "SVCB",
    "HINFO",
    "CERT",
    "SSHFP",
    "OPENPGPKEY",
    "RRSIG",
    "NSEC",
    "NSEC3",
    "NSEC3PARAM",
    "CSYNC",
    "SMIMEA",
    "TYPE4711",
];
/// What is asked for in the seeds.
const NAME: &str = "example.com";
/// As `probe::dns` promises.
const MAX_VALUES: usize = 256;
const MAX_VALUE_BYTES: usize = 4_096;
const MAX_SAID_CHARS: usize = 161;

pub fn run(data: &[u8]) {
    let Some((&kind, answer)) = data.split_first() else { return };
    if let Ok(text) = std::str::from_utf8(answer) {
        host(text);
    }
    let record = RECORDS[usize::from(kind) % RECORDS.len()];
    let Some([a, b]) = answer.first_chunk::<2>() else { return };
    let number = u16::from_be_bytes([*a, *b]);
    let spec = spec(record, &[]);
    assert_eq!(believe(&spec, number.wrapping_add(1), answer), None, "another number");
    let Some((values, public)) = believe(&spec, number, answer) else { return };
    assert!(values.len() <= MAX_VALUES && values.iter().all(|v| v.len() <= MAX_VALUE_BYTES));
    assert!(values.is_sorted() && values.windows(2).all(|w| w[0] != w[1]));
    assert!(public.chars().count() <= MAX_SAID_CHARS, "{public}");
    // What an operator is shown can be written into the configuration as what is expected, but for what was cut.
    let cut = |v: &str| v.len() > MAX_VALUE_BYTES - 4 && v.ends_with('…');
    let expected: Vec<String> = values.into_iter().filter(|v| !cut(v)).take(64).collect();
    let problems = self::spec(record, &expected).validate();
    assert!(problems.is_empty(), "{problems:?}");
}

fn spec(record: &str, expect: &[String]) -> DnsSpec {
    let own = serde_json::json!({ "domain": NAME, "record": record, "expect": expect });
    serde_json::from_value(own).expect("the keys of a dns check")
}

/// A host that is accepted says itself in a form that is accepted again and means the same.
fn host(text: &str) {
    if let Some(host) = Host::parse(text) {
        assert_eq!(Host::parse(&host.to_string()).as_ref(), Some(&host), "{text:?}");
    }
}
