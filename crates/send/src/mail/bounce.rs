//! Letters that come back: the address they come back to, and what a report of a mail server says of them (RFC 3464).
//!
//! The threat: anybody can write to that address, whatever they like. So a mail proves nothing but what the part between the halves of the
//! address proves, which is checked elsewhere; and it is read flat: its headers, the parts of one `multipart/report`, the fields of one of them. A
//! parser that builds the tree of all parts recurses as deep as a stranger nests them; nothing here recurses.

mod part;

use lettre::Address;
use std::{fmt, str::FromStr};

/// Longest mail that is read; what is longer is cut. The report stands before the copy of the letter.
pub const BOUNCE_BYTES: usize = 256 * 1024;
/// Characters of the part that differs from letter to letter.
pub const MARK_CHARS: usize = 48;
/// Most of a mail's recipients that are looked at.
const ADDRESSES: usize = 32;
/// Most recipients that one report speaks of; a letter has one.
const RECIPIENTS: usize = 16;
/// As much is kept of what a server says.
const SAID_CHARS: usize = 300;
/// Longest local part (RFC 5321, 4.5.3.1.1).
const LOCAL_BYTES: usize = 64;

/// The address that letters come back to, with `*` where each letter has its own mark: `bounces+*@example.com`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnPath {
    before: String,
    after: String,
}

/// A report of one delivery that did not come about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Such as 5.1.1 (RFC 3463).
    pub status: Status,
    /// What the far server said, on one line.
    pub said: String,
    /// Whom it speaks of, as far as it says so.
    pub recipients: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    pub class: u8,
    pub subject: u16,
    pub detail: u16,
}

/// What follows from a report for the address that the letter was written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// There is no such mailbox, and there will be none.
    Gone,
    /// This letter did not arrive; another may.
    Missed,
}

// === impl ReturnPath ===

impl ReturnPath {
    /// The whole address of a letter.
    #[must_use]
    pub fn of(&self, mark: &str) -> String {
        format!("{}{mark}{}", self.before, self.after)
    }

    /// The mark in an address, in lower case, if the address is of this form. Servers change the case as they like.
    #[must_use]
    pub fn mark(&self, address: &str) -> Option<String> {
        let address = address.to_ascii_lowercase();
        let mark = address.strip_prefix(&self.before)?.strip_suffix(&self.after)?;
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        (mark.len() == MARK_CHARS && mark.bytes().all(plain)).then(|| mark.to_owned())
    }

    /// The first mark among the recipients of a mail.
    #[must_use]
    pub fn find(&self, mail: &[u8]) -> Option<String> {
        let (head, _) = part::split(cut(mail));
        let names = ["delivered-to", "envelope-to", "x-original-to", "to"];
        let values = names.into_iter().flat_map(|name| part::fields(head, name));
        let ends = |c: char| c.is_whitespace() || matches!(c, '<' | '>' | ',' | ';' | '"' | '(' | ')' | ':');
        let mut found = None;
        let mut looked = 0;
        for value in values {
            for word in value.split(ends).filter(|w| w.contains('@')) {
                looked += 1;
                if looked > ADDRESSES || found.is_some() {
                    return found;
                }
                found = self.mark(word);
            }
        }
        found
    }
}

impl FromStr for ReturnPath {
    type Err = String;

    /// Config: `[subscribers] return_path`.
    fn from_str(s: &str) -> Result<ReturnPath, String> {
        let (before, after) =
            s.split_once('*').ok_or("holds no * for the part that each letter has of its own")?;
        if after.contains('*') || !after.contains('@') {
            return Err("holds one *, before the @".to_owned());
        }
        let path = ReturnPath { before: before.to_ascii_lowercase(), after: after.to_ascii_lowercase() };
        let whole = path.of(&"a".repeat(MARK_CHARS));
        if !whole.is_ascii() || whole.parse::<Address>().is_err() {
            return Err("is not a mail address".to_owned());
        }
        let local = whole.rsplit_once('@').map_or(0, |(local, _)| local.len());
        if local > LOCAL_BYTES {
            return Err(format!(
                "is too long: * stands for {MARK_CHARS} characters, and {LOCAL_BYTES} is the most before the @"
            ));
        }
        Ok(path)
    }
}

impl fmt::Display for ReturnPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}*{}", self.before, self.after)
    }
}

// === impl Report ===

impl Report {
    /// What a mail reports as failed. `None`: it is no report, or one of success or of a delay that may still end well.
    #[must_use]
    pub fn read(mail: &[u8]) -> Option<Report> {
        let (head, body) = part::split(cut(mail));
        let kind = part::Kind::of(head);
        if !kind.is("multipart", "report") {
            return None;
        }
        let status = part::parts(body, &kind.boundary?).into_iter().find(|part| {
            let kind = part::Kind::of(part::split(part).0);
            kind.is("message", "delivery-status") || kind.is("message", "global-delivery-status")
        })?;
        let (head, body) = part::split(status);
        let body = part::decoded(head, body);
        let failed = part::groups(&body).filter(|group| {
            part::field(group, "action").is_some_and(|a| a.trim().eq_ignore_ascii_case("failed"))
        });
        let mut report: Option<Report> = None;
        for group in failed.take(RECIPIENTS) {
            let said = part::field(group, "diagnostic-code").unwrap_or_default();
            let named = ["final-recipient", "original-recipient"].iter();
            let recipients: Vec<String> =
                named.filter_map(|name| Some(after_type(&part::field(group, name)?).to_owned())).collect();
            match &mut report {
                // Of several, none is the mailbox that there is no more of.
                Some(report) => report.recipients.clear(),
                None => {
                    let status = Status::of(&part::field(group, "status").unwrap_or_default(), &said)?;
                    report = Some(Report { status, said: part::line(&said, SAID_CHARS), recipients });
                }
            }
        }
        report
    }

    /// Ends a subscription only if the report speaks of the very address that we wrote to: where mail is handed on, one dead member would
    /// otherwise speak for all.
    #[must_use]
    pub fn fate(&self, address: &str) -> Fate {
        let ours = |r: &String| r.eq_ignore_ascii_case(address);
        if self.status.is_gone() && self.recipients.iter().any(ours) { Fate::Gone } else { Fate::Missed }
    }
}

/// `rfc822; ann@example.com` without its type.
fn after_type(value: &str) -> &str {
    value.split_once(';').map_or(value, |(_, rest)| rest).trim().trim_matches(['<', '>'])
}

fn cut(mail: &[u8]) -> &[u8] {
    &mail[..mail.len().min(BOUNCE_BYTES)]
}

// === impl Status ===

impl Status {
    /// From the report's own status; where that says nothing in particular (exim: always 5.0.0), from what the far server said.
    /// `None`: it reports nothing that failed.
    fn of(status: &str, said: &str) -> Option<Status> {
        let own = status.split_whitespace().next().and_then(Status::parse)?;
        if own.class == 2 {
            return None;
        }
        if (own.subject, own.detail) != (0, 0) {
            return Some(own);
        }
        let said = after_type(said);
        let mut words =
            said.split(|c: char| c.is_whitespace() || c == '-' || c == ':').filter(|w| !w.is_empty());
        let enhanced = words.clone().take(SAID_CHARS).find_map(Status::parse);
        if let Some(better) = enhanced.filter(|s| s.class == own.class) {
            return Some(better);
        }
        // 550 and 553 are also said of senders and of content: only with words that speak of the mailbox are they taken for it.
        let code = words.next().unwrap_or_default();
        let lower = said.to_ascii_lowercase();
        let of_mailbox = [
            "no such",
            "unknown",
            "does not exist",
            "doesn't exist",
            "not exist",
            "unrouteable",
            "not found",
        ];
        let named = of_mailbox.iter().any(|w| lower.contains(w));
        if own.class == 5 && matches!(code, "550" | "551" | "553") && named {
            return Some(Status { class: 5, subject: 1, detail: 1 });
        }
        Some(own)
    }

    fn parse(word: &str) -> Option<Status> {
        let mut numbers = word.split('.');
        let mut number = |most: u16| {
            let digits = numbers.next()?;
            let short = !digits.is_empty() && digits.len() <= 3 && digits.bytes().all(|b| b.is_ascii_digit());
            digits.parse::<u16>().ok().filter(|n| short && *n <= most)
        };
        let (class, subject, detail) = (number(5)?, number(999)?, number(999)?);
        let class = u8::try_from(class).ok().filter(|c| matches!(c, 2 | 4 | 5))?;
        numbers.next().is_none().then_some(Status { class, subject, detail })
    }

    /// RFC 3463 and IANA's list: no such mailbox or domain, moved without a new address, a mailbox that was closed, a domain that takes no mail.
    fn is_gone(self) -> bool {
        self.class == 5 && matches!((self.subject, self.detail), (1, 1 | 2 | 3 | 6 | 10) | (2, 1))
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

#[cfg(test)]
mod tests;
