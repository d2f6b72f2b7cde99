//! One conversation with a mail server.

use super::{Mail, MailTls};
use crate::text::{PROOF_MAX, REASON_MAX, line};
use lettre::{
    Address,
    message::Mailbox,
    transport::smtp::{
        Error,
        authentication::DEFAULT_MECHANISMS,
        client::AsyncSmtpConnection,
        commands::{Data, Mail as MailFrom, Quit, Rcpt},
        extension::{Extension, MailParameter},
        response::Response,
    },
};
use std::time::Duration;
use stillhere_model::message::Receipt;

/// How long we wait for the answer to a good-bye.
const QUIT_WITHIN: Duration = Duration::from_millis(200);

// === impl Mail ===

impl Mail {
    /// `patient`: when a recipient is put off, put all of them off.
    pub(super) async fn converse(&self, bytes: &[u8], to: &[Mailbox], patient: bool) -> Receipt {
        let mut conn = match self.open().await {
            Ok(conn) => conn,
            // Whatever a server says before it has seen the message is not about the message.
            Err(e) => return deferred("no session with the mail server", &e),
        };
        let receipt = self.hand_over(&mut conn, bytes, to, patient).await;
        // The fate of the message is known: how the goodbye goes is of no interest, and must not take long.
        let _ = tokio::time::timeout(QUIT_WITHIN, conn.command(Quit)).await;
        receipt
    }

    /// Greets, encrypts and logs in as for a message, and says goodbye.
    pub(crate) async fn rehearse(&self) -> Result<String, String> {
        let mut conn = match tokio::time::timeout(self.timeout, self.open()).await {
            Ok(Ok(conn)) => conn,
            Ok(Err(e)) => return Err(reason("no session with the mail server", &e)),
            Err(_) => {
                return Err(format!("the mail server did not finish within {} s", self.timeout.as_secs()));
            }
        };
        let _ = tokio::time::timeout(QUIT_WITHIN, conn.command(Quit)).await;
        let logged_in = if self.credentials.is_some() { "logged in at" } else { "spoke with" };
        let how = match self.tls {
            MailTls::None => "unencrypted",
            MailTls::Starttls | MailTls::Tls => "encrypted",
        };
        Ok(format!("{logged_in} {}:{}, {how}; nothing was sent", self.host, self.port))
    }

    pub(super) async fn open(&self) -> Result<AsyncSmtpConnection, Error> {
        let server = (self.host.as_str(), self.port);
        let implicit = self.tls_parameters.clone().filter(|_| self.tls == MailTls::Tls);
        let mut conn =
            AsyncSmtpConnection::connect_tokio1(server, Some(self.timeout), &self.hello, implicit, None)
                .await?;
        if let Some(tls) = self.tls_parameters.clone().filter(|_| self.tls == MailTls::Starttls) {
            // A server that does not offer it is an error: nothing is ever sent in the clear by surprise.
            conn.starttls(tls, &self.hello).await?;
        }
        if let Some(credentials) = &self.credentials {
            conn.auth(DEFAULT_MECHANISMS, credentials).await?;
        }
        Ok(conn)
    }

    async fn hand_over(
        &self,
        conn: &mut AsyncSmtpConnection,
        bytes: &[u8],
        recipients: &[Mailbox],
        patient: bool,
    ) -> Receipt {
        let mut parameters = Vec::new();
        let ascii = |a: &Address| AsRef::<str>::as_ref(a).is_ascii();
        if !ascii(&self.from.email) || !recipients.iter().all(|m| ascii(&m.email)) {
            if !conn.server_info().supports_feature(Extension::SmtpUtfEight) {
                let reason = "the mail server does not take addresses with non-ASCII letters".to_owned();
                return Receipt::Refused { reason };
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        if let Err(e) = conn.command(MailFrom::new(Some(self.from.email.clone()), parameters)).await {
            return fate("the sender was not accepted", &e);
        }
        let mut refused: Vec<String> = Vec::new();
        let mut put_off: Vec<(String, Error)> = Vec::new();
        let mut last_refusal = None;
        let mut accepted = 0usize;
        for to in recipients {
            match conn.command(Rcpt::new(to.email.clone(), Vec::new())).await {
                Ok(_) => accepted += 1,
                Err(e) if e.is_permanent() => {
                    refused.push(to.email.to_string());
                    last_refusal = Some(e);
                }
                Err(e) if e.is_transient() => put_off.push((to.email.to_string(), e)),
                Err(e) => return deferred("the connection broke", &e),
            }
        }
        if let Some((who, e)) = put_off.first()
            && (accepted == 0 || patient)
        {
            return deferred(&format!("{who} was put off"), e);
        }
        if accepted == 0 {
            return match last_refusal {
                Some(e) => fate("no recipient was accepted", &e),
                None => Receipt::Refused { reason: "there are no recipients".to_owned() },
            };
        }
        if let Err(e) = conn.command(Data).await {
            return fate("the message was not accepted", &e);
        }
        match conn.message(bytes).await {
            Ok(response) => {
                refused.extend(put_off.into_iter().map(|(who, _)| who));
                Receipt::Accepted { proof: proof(&response, &refused) }
            }
            Err(e) => fate("the message was not accepted", &e),
        }
    }
}

/// What the server said of the message: 5xx is final, all else is not.
pub(super) fn fate(what: &str, e: &Error) -> Receipt {
    if e.is_permanent() { Receipt::Refused { reason: reason(what, e) } } else { deferred(what, e) }
}

pub(super) fn deferred(what: &str, e: &Error) -> Receipt {
    Receipt::Deferred { reason: reason(what, e), retry_after_ms: None }
}

pub(super) fn reason(what: &str, e: &Error) -> String {
    let mut said = e.to_string();
    let mut cause = std::error::Error::source(e);
    while let Some(c) = cause {
        let c_said = c.to_string();
        if !said.contains(&c_said) {
            said = format!("{said}: {c_said}");
        }
        cause = c.source();
    }
    line(&format!("{what}: {said}"), REASON_MAX)
}

fn proof(response: &Response, not_told: &[String]) -> String {
    let said = response.message().collect::<Vec<_>>().join(" ");
    let proof = if not_told.is_empty() {
        format!("{} {said}", response.code())
    } else {
        format!("{} (not taken for {}) {said}", response.code(), not_told.join(", "))
    };
    line(&proof, PROOF_MAX)
}
