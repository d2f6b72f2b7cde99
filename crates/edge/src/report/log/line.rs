//! How a line is written: every request pays for it, so that nothing here allocates or goes through a formatter unless
//! the text is odd.

use crate::limit::Prefix;
use std::{cell::Cell, fmt::Write as _, net::IpAddr, time::Duration};
use stillhere_model::Time;

/// Characters of a path, a host or a user agent in a line.
const TEXT_MAX: usize = 1_024;
/// `2026-01-01T00:00:00`
const SECOND_LENGTH: usize = 19;

thread_local! {
    /// The second that was written last, and how it is written.
    static LATELY: Cell<(i64, [u8; SECOND_LENGTH])> = const { Cell::new((i64::MIN, [0; SECOND_LENGTH])) };
}

/// `,"name":"value"`, bounded, and valid JSON whatever the value holds.
pub(super) fn field(line: &mut String, name: &str, value: &str) {
    line.push_str(",\"");
    line.push_str(name);
    line.push_str("\":");
    let plain = |b: u8| (b >= b' ') & (b != b'"') & (b != b'\\');
    // Without a way out in the middle, several bytes are looked at in one step.
    if value.len() <= TEXT_MAX && value.bytes().fold(true, |all, b| all & plain(b)) {
        line.push('"');
        line.push_str(value);
        line.push('"');
        return;
    }
    let end = value.char_indices().nth(TEXT_MAX).map_or(value.len(), |(at, _)| at);
    line.push_str(&serde_json::to_string(&value[..end]).unwrap_or_else(|_| "\"\"".to_owned()));
}

/// The network that an address is in.
pub(super) fn network(line: &mut String, ip: IpAddr) {
    let network = Prefix::of_network(ip);
    match network.address() {
        IpAddr::V4(v4) => {
            line.push_str(",\"from\":\"");
            for octet in v4.octets() {
                number(line, u64::from(octet));
                line.push('.');
            }
            line.pop();
            line.push_str("/24\"");
        }
        IpAddr::V6(_) => field(line, "from", &network.to_string()),
    }
}

/// The time as [`Time`] writes itself. Most of it stays the same for a second.
pub(super) fn stamp(line: &mut String, at: Time) {
    let (second, ms) = (at.0.div_euclid(1_000), at.0.rem_euclid(1_000));
    let (lately, mut text) = LATELY.get();
    if lately != second {
        let whole = Time(second.saturating_mul(1_000)).to_string();
        // A time so far away that it has no date.
        let Some(date) = whole.strip_suffix(".000Z").and_then(|t| t.as_bytes().try_into().ok()) else {
            let _ = write!(line, "{at}");
            return;
        };
        text = date;
        LATELY.set((second, text));
    }
    line.push_str(std::str::from_utf8(&text).unwrap_or_default());
    line.push('.');
    for digit in [ms / 100, ms / 10 % 10, ms % 10] {
        line.push(char::from(b'0' + digit as u8));
    }
    line.push('Z');
}

/// Milliseconds with two places.
pub(super) fn ms(line: &mut String, d: Duration) {
    let hundredths = (d.as_micros() as u64 + 5) / 10;
    number(line, hundredths / 100);
    line.push('.');
    for digit in [hundredths / 10 % 10, hundredths % 10] {
        line.push(char::from(b'0' + digit as u8));
    }
}

pub(super) fn number(line: &mut String, n: u64) {
    let mut digits = [0; 20];
    let (mut at, mut rest) = (digits.len(), n);
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    line.extend(digits[at..].iter().map(|digit| char::from(*digit)));
}

/// Sixteen digits.
pub(super) fn hex(line: &mut String, n: u64) {
    let digits: [u8; 16] = std::array::from_fn(|at| b"0123456789abcdef"[(n >> (60 - 4 * at) & 15) as usize]);
    line.push_str(std::str::from_utf8(&digits).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut String)) -> String {
        let mut line = String::new();
        write(&mut line);
        line
    }

    #[test]
    fn what_is_written_by_hand_is_what_a_formatter_writes() {
        for n in [0, 1, 9, 10, 0xab, 12_345, u64::MAX] {
            assert_eq!(written(|l| number(l, n)), n.to_string());
            assert_eq!(written(|l| hex(l, n)), format!("{n:016x}"));
        }
        for us in [0, 4, 5, 10, 999, 1_000, 12_345, 60_000_000] {
            let d = Duration::from_micros(us);
            let shown: f64 = written(|l| ms(l, d)).parse().expect("a number");
            assert!((shown - d.as_secs_f64() * 1e3).abs() <= 0.005_001, "{us} us: {shown}");
        }
        for at in [0, 1, 999, 1_000, 1_700_000_000_123, 1_700_000_000_999, -1, i64::MAX, i64::MIN] {
            assert_eq!(written(|l| stamp(l, Time(at))), Time(at).to_string());
            assert_eq!(written(|l| stamp(l, Time(at))), Time(at).to_string(), "the second time");
        }
    }

    #[test]
    fn of_an_address_only_the_network_is_written() {
        for (ip, network) in [
            ("192.0.2.77", "192.0.2.0/24"),
            ("2001:db8:1:2::3", "2001:db8:1::/48"),
            ("::ffff:10.1.2.3", "10.1.2.0/24"),
        ] {
            let ip: IpAddr = ip.parse().expect("an address");
            assert_eq!(written(|l| super::network(l, ip)), format!(",\"from\":\"{network}\""));
        }
    }

    #[test]
    fn a_text_is_the_same_text_in_json() {
        let long = "x".repeat(TEXT_MAX + 1);
        for text in ["", "plain/path", "sh\u{fc}op", "a\"b", "a\\b", "a\nb", "\u{7f}\u{2028}", &long] {
            let json = format!("{{\"a\":1{}}}", written(|l| field(l, "b", text)));
            let value: serde_json::Value = serde_json::from_str(&json).expect(&json);
            let kept: String = text.chars().take(TEXT_MAX).collect();
            assert_eq!(value["b"], kept.as_str());
        }
    }
}
