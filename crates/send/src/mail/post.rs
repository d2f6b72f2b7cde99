//! Letters to subscribers: one reader each, many in one session.
//!
//! What differs from a channel's mail: the reader can leave with one click (RFC 8058), the list has a name (RFC 2919), and
//! what the server says of the *recipient* is told apart from what it says of the message. Only the former may end a
//! subscription: a server that finds our text wanting would otherwise end them all.

use super::{Mail, MailSpec, message, session, tls_parameters};
use crate::{
    Problem,
    text::{PROOF_MAX, line},
};
use lettre::{
    Address,
    message::Mailbox,
    transport::smtp::{
        Error,
        client::AsyncSmtpConnection,
        commands::{Data, Mail as MailFrom, Quit, Rcpt, Rset},
        extension::{Extension, MailParameter},
    },
};
use std::{fmt, time::Duration};
use stillhere_model::{DeliveryId, Time, message::Receipt};

/// Letters that one session carries; then a new one begins. Servers have limits of their own, often 100.
const LETTERS_A_SESSION: u32 = 50;
/// How long we wait for the answer to a good-bye.
const QUIT_WITHIN: Duration = Duration::from_millis(200);
/// Longest address that is taken (RFC 5321: 64 + 1 + 255, but 254 in a path).
const ADDRESS_MAX: usize = 254;

/// A mail to one reader.
#[derive(Debug, Clone, Copy)]
pub struct ReadyLetter<'a> {
    pub id: DeliveryId,
    pub to: &'a str,
    pub subject: &'a str,
    pub text: &'a str,
    pub html: &'a str,
    pub thread: Option<&'a str>,
    /// What makes it a list's mail; `None` for a letter that is an answer to one person.
    pub list: Option<List<'a>>,
    /// Where it comes back to when it cannot be delivered. `None`: to the channel's sender.
    pub return_path: Option<&'a str>,
}

/// The list that a letter belongs to.
#[derive(Debug, Clone, Copy)]
pub struct List<'a> {
    /// A host name.
    pub id: &'a str,
    /// Where one POST ends the subscription, with https.
    pub leave: &'a str,
}

/// A letter as it is handed over.
struct Envelope {
    from: Address,
    to: Address,
    bytes: Vec<u8>,
}

/// What became of a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Posted {
    Of(Receipt),
    /// The server refused this very recipient for good.
    NobodyThere(String),
}

/// Sends letters by the server and under the sender of a mail channel.
#[derive(Debug)]
pub struct Postman(Mail);

/// A session with the mail server, kept over several letters.
#[derive(Default)]
pub struct Session {
    open: Option<(AsyncSmtpConnection, u32)>,
}

/// An address as it is kept: without a name, the domain in lower case. `None`: nobody can be written to there.
#[must_use]
pub fn address(written: &str) -> Option<String> {
    let written = written.trim();
    if written.len() > ADDRESS_MAX || written.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return None;
    }
    let address: Address = written.parse().ok()?;
    let (user, domain) = (address.user(), address.domain().to_ascii_lowercase());
    // A quoted local part and an address literal are possible and nobody's mailbox.
    if user.starts_with('"') || domain.starts_with('[') || !domain.contains('.') {
        return None;
    }
    Some(format!("{user}@{domain}"))
}

// === impl Postman ===

impl Postman {
    /// # Errors
    /// The first thing that is wrong.
    pub fn new(spec: &MailSpec) -> Result<Postman, Problem> {
        stillhere_net::tls::install();
        // Checked here too: whoever changes the file learns it before anything is touched.
        tls_parameters(spec)?;
        Mail::new(spec).map(Postman)
    }

    /// Sends one letter, in the session if it is open and still good, else in a new one. Ends within the channel's deadline.
    pub async fn post(&self, session: &mut Session, letter: &ReadyLetter<'_>, now: Time) -> Posted {
        let written = self.written(letter, now);
        let ready = match written {
            Ok(written) => written,
            Err(reason) => return Posted::Of(Receipt::Refused { reason }),
        };
        match tokio::time::timeout(self.0.timeout, self.converse_once(session, &ready)).await {
            Ok(posted) => posted,
            Err(_) => {
                session.open = None;
                Posted::Of(Receipt::Deferred {
                    reason: format!("the mail server did not finish within {} s", self.0.timeout.as_secs()),
                    retry_after_ms: None,
                })
            }
        }
    }

    fn written(&self, letter: &ReadyLetter<'_>, now: Time) -> Result<Envelope, String> {
        let address = |s: &str| s.parse::<Address>().map_err(|e| format!("not a mail address: {e}"));
        let to = Mailbox::new(None, address(letter.to)?);
        let from = letter.return_path.map(address).transpose()?;
        let parts = message::Parts {
            subject: letter.subject,
            text: letter.text,
            html: letter.html,
            thread: letter.thread,
            list: letter.list,
        };
        let bytes = message::write(&self.0.from, std::slice::from_ref(&to), letter.id, parts, now)?;
        let from = from.unwrap_or_else(|| self.0.from.email.clone());
        Ok(Envelope { from, to: to.email, bytes })
    }

    async fn converse_once(&self, session: &mut Session, ready: &Envelope) -> Posted {
        let kept = session.open.take().filter(|(c, n)| *n < LETTERS_A_SESSION && !c.has_broken());
        let fresh = kept.is_none();
        let mut conn = match kept {
            Some(kept) => kept,
            None => match self.0.open().await {
                Ok(conn) => (conn, 0),
                Err(e) => return Posted::Of(session::deferred("no session with the mail server", &e)),
            },
        };
        match self.hand_over_one(&mut conn.0, ready).await {
            Step::Done(posted) => {
                conn.1 += 1;
                session.open = Some(conn);
                posted
            }
            // A server may end a session between two letters; that says nothing of this one.
            Step::Broke { before_data: true, .. } if !fresh => {
                let mut conn = match self.0.open().await {
                    Ok(conn) => conn,
                    Err(e) => return Posted::Of(session::deferred("no session with the mail server", &e)),
                };
                match self.hand_over_one(&mut conn, ready).await {
                    Step::Done(posted) => {
                        session.open = Some((conn, 1));
                        posted
                    }
                    Step::Broke { posted, .. } => posted,
                }
            }
            Step::Broke { posted, .. } => posted,
        }
    }

    async fn hand_over_one(&self, conn: &mut AsyncSmtpConnection, ready: &Envelope) -> Step {
        let Envelope { from, to, bytes } = ready;
        let ascii = |a: &Address| AsRef::<str>::as_ref(a).is_ascii();
        let mut parameters = Vec::new();
        if !ascii(from) || !ascii(to) {
            if !conn.server_info().supports_feature(Extension::SmtpUtfEight) {
                let reason = "the mail server does not take addresses with non-ASCII letters".to_owned();
                return Step::Done(Posted::Of(Receipt::Refused { reason }));
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        if let Err(e) = conn.command(MailFrom::new(Some(from.clone()), parameters)).await {
            return answered(conn, "the sender was not accepted", &e, true).await;
        }
        match conn.command(Rcpt::new(to.clone(), Vec::new())).await {
            Ok(_) => {}
            Err(e) if e.is_permanent() => {
                let reason = session::reason("the recipient was not accepted", &e);
                return match reset(conn).await {
                    true => Step::Done(Posted::NobodyThere(reason)),
                    false => Step::Broke { before_data: false, posted: Posted::NobodyThere(reason) },
                };
            }
            Err(e) => return answered(conn, "the recipient was put off", &e, true).await,
        }
        if let Err(e) = conn.command(Data).await {
            return answered(conn, "the message was not accepted", &e, true).await;
        }
        // In one write: in two, the end would wait for the far side's acknowledgement of the rest.
        match conn.command(Body(bytes)).await {
            Ok(response) => {
                let said = response.message().collect::<Vec<_>>().join(" ");
                let proof = line(&format!("{} {said}", response.code()), PROOF_MAX);
                Step::Done(Posted::Of(Receipt::Accepted { proof }))
            }
            Err(e) => answered(conn, "the message was not accepted", &e, false).await,
        }
    }
}

impl Session {
    /// Says good-bye. Dropping it without is safe too.
    pub async fn end(&mut self) {
        if let Some((mut conn, _)) = self.open.take() {
            let _ = tokio::time::timeout(QUIT_WITHIN, conn.command(Quit)).await;
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("letters", &self.open.as_ref().map(|(_, n)| n)).finish()
    }
}

/// How one letter's part of a session ended.
enum Step {
    Done(Posted),
    /// The connection is of no use any more.
    Broke {
        before_data: bool,
        posted: Posted,
    },
}

/// A command that was not granted: by an answer, after which the session goes on, or by the connection's end.
async fn answered(conn: &mut AsyncSmtpConnection, what: &str, e: &Error, before_data: bool) -> Step {
    let posted = Posted::Of(session::fate(what, e));
    if (e.is_permanent() || e.is_transient()) && reset(conn).await {
        return Step::Done(posted);
    }
    // 421: the server says itself that it closes the session.
    Step::Broke { before_data, posted }
}

async fn reset(conn: &mut AsyncSmtpConnection) -> bool {
    conn.command(Rset).await.is_ok()
}

/// The message with its end, as the last part of a conversation: lines that begin with a dot get another one.
struct Body<'a>(&'a [u8]);

impl fmt::Display for Body<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What is not ASCII was encoded when the mail was written.
        let text = String::from_utf8_lossy(self.0);
        for line in text.split_inclusive('\n') {
            if line.starts_with('.') {
                f.write_str(".")?;
            }
            f.write_str(line)?;
        }
        f.write_str(if text.ends_with("\r\n") { ".\r\n" } else { "\r\n.\r\n" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_if_somebody_can_be_written_to_there() {
        for (written, kept) in [
            (" Ann.Lee+status@Example.COM ", Some("Ann.Lee+status@example.com")),
            ("用户@例子.中国", Some("用户@例子.中国")),
            ("a@b.c", Some("a@b.c")),
            ("ann", None),
            ("ann@localhost", None),
            ("ann@[127.0.0.1]", None),
            ("\"a b\"@example.com", None),
            ("ann@example.com\r\nBcc: all@example.com", None),
            ("ann@example.com,bob@example.com", None),
            ("Ann <ann@example.com>", None),
            ("", None),
        ] {
            assert_eq!(address(written).as_deref(), kept, "{written:?}");
        }
        assert_eq!(address(&format!("{}@example.com", "a".repeat(250))), None);
    }

    #[test]
    fn no_line_of_a_message_ends_it_early() {
        assert_eq!(Body(b"a\r\n.\r\n..b\r\n").to_string(), "a\r\n..\r\n...b\r\n.\r\n");
        assert_eq!(Body(b".").to_string(), "..\r\n.\r\n");
    }
}
