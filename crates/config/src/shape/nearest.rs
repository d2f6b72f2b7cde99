//! "Did you mean …?"

/// Longest word that is compared: what is longer was not misspelt.
const WORD_CHARS: usize = 64;

/// The word among `known` that `written` was probably meant to be.
pub(crate) fn nearest<'k>(written: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let written: Vec<char> = plain(written);
    if written.is_empty() || written.len() > WORD_CHARS {
        return None;
    }
    // A third of the word may be wrong, at most three letters.
    let allowed = (written.len() / 3).clamp(1, 3);
    known
        .into_iter()
        // Most words are out of the question by their length alone.
        .filter(|k| k.len().abs_diff(written.len()) <= allowed + 2)
        .map(|k| (distance(&written, &plain(k)), k))
        .filter(|(d, k)| *d <= allowed && *d < k.chars().count())
        .min_by_key(|(d, _)| *d)
        .map(|(_, k)| k)
}

/// `Depends-On` and `depends_on` are the same word.
fn plain(s: &str) -> Vec<char> {
    s.chars()
        .take(WORD_CHARS + 1)
        .filter(|c| !matches!(c, '-' | '_' | ' '))
        .flat_map(char::to_lowercase)
        .collect()
}

/// Optimal string alignment: letters put in, left out, changed, or two neighbours swapped.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let mut d = (last[j] + usize::from(x != y)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                d = d.min(before[j - 1] + 1);
            }
            row.push(d);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn slips_are_recognised_and_strangers_are_not() {
        let keys = ["interval", "timeout", "fail_after", "depends_on", "url"];
        let table = [
            ("intervall", Some("interval")),
            ("intreval", Some("interval")),
            ("failafter", Some("fail_after")),
            ("Depends-On", Some("depends_on")),
            ("ulr", Some("url")),
            ("colour", None),
            ("x", None),
            ("", None),
        ];
        for (written, meant) in table {
            assert_eq!(nearest(written, keys), meant, "{written}");
        }
    }
}
