//! The mail itself (RFC 5322, MIME).

use super::post::List;
use crate::text::line;
use lettre::{
    Message,
    message::{
        Mailbox, Mailboxes, MultiPart, SinglePart,
        header::{ContentType, HeaderName, HeaderValue, To},
    },
};
use std::time::{Duration, SystemTime};
use stillhere_model::{DeliveryId, Time};

/// Longest subject, in bytes.
const SUBJECT_MAX: usize = 200;
/// Longest text part, in bytes; longer ones are cut.
const TEXT_MAX: usize = 256 * 1024;
/// Longest HTML part, in bytes; a longer one is left out, since it cannot be cut without breaking it.
const HTML_MAX: usize = 512 * 1024;
/// Longest link in a header, in bytes: a header line has 998.
const LINK_MAX: usize = 900;
/// Longest thread name that is used, in bytes.
const THREAD_MAX: usize = 100;

/// What a mail says.
#[derive(Clone, Copy)]
pub(crate) struct Parts<'a> {
    pub(crate) subject: &'a str,
    pub(crate) text: &'a str,
    pub(crate) html: &'a str,
    pub(crate) thread: Option<&'a str>,
    pub(crate) list: Option<List<'a>>,
}

/// The bytes of the mail. The same message gives the same Message-ID each time.
#[expect(clippy::too_many_arguments, reason = "these are the parts of a mail")]
pub(crate) fn build(
    from: &Mailbox,
    to: &[Mailbox],
    id: DeliveryId,
    subject: &str,
    text: &str,
    html: &str,
    thread: Option<&str>,
    now: Time,
) -> Result<Vec<u8>, String> {
    write(from, to, id, Parts { subject, text, html, thread, list: None }, now)
}

/// The same with the headers of a list.
pub(crate) fn write(
    from: &Mailbox,
    to: &[Mailbox],
    id: DeliveryId,
    parts: Parts<'_>,
    now: Time,
) -> Result<Vec<u8>, String> {
    let Parts { subject, text, html, thread, list } = parts;
    let domain = from.email.domain();
    let mut builder = Message::builder()
        .from(from.clone())
        .mailbox(To::from(to.iter().cloned().collect::<Mailboxes>()))
        .subject(line(subject, SUBJECT_MAX))
        .date(SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(now.0).unwrap_or(0)))
        .message_id(Some(format!("<{id}@{domain}>")))
        // RFC 3834: so that no out-of-office answers come back.
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ));
    if let Some(thread) = thread.map(word).filter(|t| !t.is_empty()) {
        // The root of a thread need not exist; what refers to the same one is shown together.
        let root = format!("<{thread}@{domain}>");
        builder = builder.in_reply_to(root.clone()).references(root);
    }
    if let Some(list) = list {
        let raw = |name, value: String| HeaderValue::new(HeaderName::new_from_ascii_str(name), value);
        let id: String = list.id.chars().filter(|c| c.is_ascii_alphanumeric() || ".-".contains(*c)).collect();
        builder = builder.raw_header(raw("List-Id", format!("<updates.{id}>")));
        // RFC 8058: mail programs show a button that sends the POST, and never do it by themselves.
        builder = builder
            .raw_header(raw("List-Unsubscribe", format!("<{}>", line(list.leave, LINK_MAX))))
            .raw_header(raw("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()));
    }
    let text = cut(text, TEXT_MAX);
    let built = if html.is_empty() || html.len() > HTML_MAX {
        builder.singlepart(SinglePart::builder().header(ContentType::TEXT_PLAIN).body(text))
    } else {
        builder.multipart(MultiPart::alternative_plain_html(text, html.to_owned()))
    };
    Ok(built.map_err(|e| format!("the mail cannot be written: {e}"))?.formatted())
}

/// Only what may stand in a Message-ID unquoted.
fn word(s: &str) -> String {
    s.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')).take(THREAD_MAX).collect()
}

fn cut(s: &str, max: usize) -> String {
    // SMTP has no way to say NUL.
    let s = s.replace('\0', "");
    if s.len() <= max {
        return s;
    }
    format!("{}\n…\n", &s[..s.floor_char_boundary(max)])
}
