//! Planned work as a calendar (RFC 5545), to be subscribed to: an event's UID never changes, its SEQUENCE rises with every
//! change, so that calendars replace what they have. Times are in UTC: a window is the same moment for everybody.

use crate::{clean, page::links, snapshot::Snapshot, words::Words};
use stillhere_model::{Lang, Maintenance, MaintenanceStatus, Time};

/// Longest line, in bytes, its end not counted.
const LINE_MAX: usize = 75;
/// Longest title and text of an event, in characters.
const TEXT_CHARS: usize = 2_000;

/// All maintenances of the snapshot: planned, active, and lately ended.
#[must_use]
pub fn calendar(s: &Snapshot, lang: Lang) -> String {
    let w = Words::new(lang, &s.site.time_zone);
    let base = links::base(s);
    let host = base.split_once("://").map_or(base.as_str(), |(_, rest)| rest);
    let host = host.split('/').next().unwrap_or_default();
    let name = w.say("feed-title", &[("site", w.name(&s.site.name).into())]);
    let mut out = Lines::default();
    out.line("BEGIN:VCALENDAR");
    out.line("VERSION:2.0");
    out.line("PRODID:-//Stillhere//Planned work//EN");
    out.line("METHOD:PUBLISH");
    out.line(&format!("X-WR-CALNAME:{}", escaped(&name)));
    // Twice the usual pace of calendar programs would be news from an hour ago; they take it as a hint.
    out.line("REFRESH-INTERVAL;VALUE=DURATION:PT1H");
    out.line("X-PUBLISHED-TTL:PT1H");
    for m in &s.maintenances {
        out.event(m, s, &w, host);
    }
    out.line("END:VCALENDAR");
    out.0
}

#[derive(Default)]
struct Lines(String);

// === impl Lines ===

impl Lines {
    fn event(&mut self, m: &Maintenance, s: &Snapshot, w: &Words, host: &str) {
        let url = links::maintenance_url(s, &m.id);
        let changed = m.updates.iter().map(|u| u.at).chain(m.completed_at).max().unwrap_or(m.created_at);
        let steps = match m.status {
            MaintenanceStatus::Scheduled => 0,
            MaintenanceStatus::InProgress => 1,
            MaintenanceStatus::Verifying => 2,
            MaintenanceStatus::Completed => 3,
            MaintenanceStatus::Cancelled => 4,
        };
        let said = match (m.updates.last(), &m.body) {
            (Some(u), _) => w.said_in_list(&u.said, s, &url),
            (None, Some(body)) => w.body(body, &url),
            (None, None) => String::new(),
        };
        let text = [said, w.services(&m.services, s), url.clone()];
        let text = text.into_iter().filter(|t| !t.is_empty()).collect::<Vec<_>>().join("\n");
        self.line("BEGIN:VEVENT");
        self.line(&format!("UID:{}@{}", m.id, escaped(host)));
        self.line(&format!("SEQUENCE:{}", m.updates.len() + steps));
        self.line(&format!("DTSTAMP:{}", utc(changed)));
        self.line(&format!("LAST-MODIFIED:{}", utc(changed)));
        self.line(&format!("DTSTART:{}", utc(m.starts_at)));
        self.line(&format!("DTEND:{}", utc(m.completed_at.unwrap_or(m.ends_at).max(m.starts_at))));
        self.line(&format!("SUMMARY:{}", escaped(&w.name(&m.title))));
        self.line(&format!("DESCRIPTION:{}", escaped(&clean::block(&text, TEXT_CHARS))));
        self.line(&format!("URL:{url}"));
        let cancelled = m.status == MaintenanceStatus::Cancelled;
        self.line(if cancelled { "STATUS:CANCELLED" } else { "STATUS:CONFIRMED" });
        self.line("TRANSP:TRANSPARENT");
        self.line("END:VEVENT");
    }

    /// Longer ones go on in the next, after a space; never within a character.
    fn line(&mut self, line: &str) {
        let mut left = LINE_MAX;
        for c in line.chars() {
            if c.len_utf8() > left {
                self.0.push_str("\r\n ");
                left = LINE_MAX - 1;
            }
            left -= c.len_utf8();
            self.0.push(c);
        }
        self.0.push_str("\r\n");
    }
}

fn utc(t: Time) -> String {
    t.to_jiff().map(|t| t.strftime("%Y%m%dT%H%M%SZ").to_string()).unwrap_or_default()
}

/// As TEXT: nothing in it ends the line or begins another property.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | ';' | ',' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use stillhere_model::Text;

    #[test]
    fn an_event_keeps_its_uid_and_raises_its_sequence() {
        let mut s = sample::busy();
        let of = |s: &Snapshot, key: &str| {
            let text = calendar(s, Lang::En);
            let event = text.split("BEGIN:VEVENT").nth(1).unwrap().to_owned();
            event.lines().find_map(|l| l.strip_prefix(key)).unwrap().to_owned()
        };
        let before = (of(&s, "UID:"), of(&s, "SEQUENCE:").parse::<u32>().unwrap());
        assert_eq!(of(&s, "STATUS:"), "CONFIRMED");
        s.maintenances[0].status = MaintenanceStatus::Cancelled;
        assert_eq!((of(&s, "UID:"), of(&s, "STATUS:")), (before.0, "CANCELLED".to_owned()));
        assert!(of(&s, "SEQUENCE:").parse::<u32>().unwrap() > before.1);
        assert!(of(&s, "DTSTART:").ends_with('Z'));
    }

    #[test]
    fn case_t_what_somebody_wrote_stays_within_its_property_and_its_line() {
        let mut s = sample::busy();
        let evil = "a\r\nEND:VEVENT\r\nBEGIN:VEVENT;x,y\\\u{202e}".to_owned() + &"灯".repeat(150);
        s.maintenances[0].title = Text::Same(evil.clone());
        s.maintenances[0].body = Some(Text::Same(evil));
        let text = calendar(&s, Lang::ZhCn);
        assert_eq!(text.matches("\r\nBEGIN:VEVENT\r\n").count(), s.maintenances.len());
        assert_eq!(text.matches("\r\nEND:VEVENT\r\n").count(), s.maintenances.len());
        assert!(text.lines().all(|l| l.len() <= LINE_MAX) && !text.contains('\u{202e}'));
        assert!(!text.replace("\r\n", "").contains(['\r', '\n']));
        let unfolded = text.replace("\r\n ", "");
        assert!(unfolded.contains("BEGIN:VEVENT\\;x\\,y\\\\灯"), "{unfolded}");
    }
}
