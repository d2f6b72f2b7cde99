//! Which language a visitor gets: `?lang=` first, then `Accept-Language` (RFC 9110 §12.5.4), then the site's first.

use stillhere_model::Lang;

/// Entries of `Accept-Language` that are looked at; browsers send fewer than ten.
const MAX_ENTRIES: usize = 20;

/// The best of `have` for the header's value; `None` when the header names none of them.
#[must_use]
pub fn accepted(header: &[u8], have: &[Lang]) -> Option<Lang> {
    let mut best: Option<(u16, Lang)> = None;
    for entry in header.split(|b| *b == b',').take(MAX_ENTRIES) {
        let mut parts = entry.split(|b| *b == b';').map(<[u8]>::trim_ascii);
        let tag = parts.next().unwrap_or_default();
        let weight =
            parts.find_map(|p| p.strip_prefix(b"q=").or_else(|| p.strip_prefix(b"Q="))).map_or(1000, weight);
        if weight == 0 || best.is_some_and(|(w, _)| w >= weight) {
            continue;
        }
        if let Some(lang) = spoken(tag, have) {
            best = Some((weight, lang));
        }
    }
    best.map(|(_, lang)| lang)
}

/// `zh`, `zh-TW` and `zh-Hant-HK` are served in Simplified Chinese where it is the only Chinese there is: their
/// readers are better off with it than with English.
fn spoken(tag: &[u8], have: &[Lang]) -> Option<Lang> {
    if tag == b"*" {
        return have.first().copied();
    }
    let exact = have.iter().find(|l| l.tag().as_bytes().eq_ignore_ascii_case(tag));
    let primary = |t: &'_ [u8]| t.split(|b| *b == b'-').next().unwrap_or_default().to_ascii_lowercase();
    exact.or_else(|| have.iter().find(|l| primary(l.tag().as_bytes()) == primary(tag))).copied()
}

/// `0.8` as thousandths; what cannot be read counts as 0.
fn weight(q: &[u8]) -> u16 {
    let mut digits = q.iter();
    let whole = match digits.next() {
        Some(b'0') => 0,
        Some(b'1') => 1000,
        _ => return 0,
    };
    if !matches!(digits.next(), None | Some(b'.')) {
        return 0;
    }
    let mut value = whole;
    let mut unit = 100;
    for d in digits.take(3) {
        if !d.is_ascii_digit() {
            return 0;
        }
        value += u16::from(d - b'0') * unit;
        unit /= 10;
    }
    value.min(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_language_that_there_is_wins() {
        let both = [Lang::En, Lang::ZhCn];
        for (header, want) in [
            ("zh-CN,zh;q=0.9,en;q=0.8", Some(Lang::ZhCn)),
            ("en-GB,en;q=0.9,zh;q=0.8", Some(Lang::En)),
            ("de,zh-TW;q=0.7,en;q=0.3", Some(Lang::ZhCn)),
            ("de-DE, fr;q=0.9", None),
            ("de, *;q=0.1", Some(Lang::En)),
            ("en;q=0, zh;q=0.001", Some(Lang::ZhCn)),
            ("ZH-cn", Some(Lang::ZhCn)),
            ("zh;q=2, en;q=x, ;;,,", None),
            ("", None),
        ] {
            assert_eq!(accepted(header.as_bytes(), &both), want, "{header}");
        }
        assert_eq!(accepted(b"en,zh;q=0.5", &[Lang::ZhCn]), Some(Lang::ZhCn));
    }
}
