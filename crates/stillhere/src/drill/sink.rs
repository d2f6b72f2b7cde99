//! What stands in the place of every channel: a mail server and a webhook on this machine that take everything, send
//! nothing on, and show the responder what would have come.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::{net::SocketAddr, sync::Arc};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    sync::{Mutex, mpsc},
};

/// Longest mail that is kept.
const MAIL_MAX: u64 = 1 << 20;
/// Messages that may wait to be shown; more are taken and not shown.
const WAITING_MAX: usize = 256;

/// Where the sinks take messages.
#[derive(Debug, Clone, Copy)]
pub struct Places {
    pub mail: SocketAddr,
    pub hook: SocketAddr,
}

#[derive(Clone)]
pub struct Sink {
    places: Places,
    came: Arc<Mutex<mpsc::Receiver<String>>>,
}

// === impl Sink ===

impl Sink {
    pub async fn start() -> std::io::Result<Sink> {
        let (mail, hook) =
            (TcpListener::bind(("127.0.0.1", 0)).await?, TcpListener::bind(("127.0.0.1", 0)).await?);
        let places = Places { mail: mail.local_addr()?, hook: hook.local_addr()? };
        let (show, came) = mpsc::channel(WAITING_MAX);
        tokio::spawn(async move {
            while let Ok((stream, _)) = mail.accept().await {
                let show = show.clone();
                // Whoever breaks off has delivered nothing, and says so by trying again.
                tokio::spawn(async move { drop(take_mail(stream, &show).await) });
            }
        });
        tokio::spawn(async move {
            while let Ok((stream, _)) = hook.accept().await {
                tokio::spawn(async move { drop(take_hook(stream).await) });
            }
        });
        Ok(Sink { places, came: Arc::new(Mutex::new(came)) })
    }

    pub fn places(&self) -> Places {
        self.places
    }

    /// Shows each mail that would have come, with the link in it.
    pub async fn tell(self, voice: super::Voice) {
        let mut came = self.came.lock().await;
        while let Some(mail) = came.recv().await {
            voice(&shown(&mail));
        }
    }
}

/// The subject of a mail and its link.
fn shown(mail: &str) -> String {
    let subject = subject(mail).unwrap_or_else(|| "(a mail)".to_owned());
    // Long lines may be wrapped.
    let whole = mail.replace("=\n", "");
    let link = whole.split_whitespace().find(|w| w.starts_with("http") && w.contains("/act/"));
    match link {
        Some(link) => format!("EXERCISE mail to you: {subject}\n              {link}"),
        None => format!("EXERCISE mail to you: {subject}"),
    }
}

/// As the sender in this same process wrote it: folded at blanks, and words beyond ASCII as base64 of UTF-8 (RFC 2047).
fn subject(mail: &str) -> Option<String> {
    let mut lines = mail.lines().skip_while(|l| !l.starts_with("Subject: "));
    let mut folded = lines.next()?.strip_prefix("Subject: ")?.to_owned();
    for more in lines.take_while(|l| l.starts_with([' ', '\t'])) {
        folded.push_str(more);
    }
    let (mut text, mut was_encoded) = (String::new(), true);
    for word in folded.split_ascii_whitespace() {
        let encoded = word.strip_prefix("=?utf-8?b?").and_then(|w| w.strip_suffix("?="));
        let decoded = encoded.and_then(|w| STANDARD.decode(w).ok()).and_then(|b| String::from_utf8(b).ok());
        // Between two encoded words the blank only folds.
        if !(was_encoded && (decoded.is_some() || text.is_empty())) {
            text.push(' ');
        }
        was_encoded = decoded.is_some();
        text.push_str(&decoded.unwrap_or_else(|| word.to_owned()));
    }
    Some(text)
}

async fn take_mail(stream: TcpStream, show: &mpsc::Sender<String>) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read.take(MAIL_MAX)).lines();
    write.write_all(b"220 exercise ESMTP\r\n").await?;
    while let Some(line) = lines.next_line().await? {
        let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        match verb.as_str() {
            "EHLO" => write.write_all(b"250-exercise\r\n250 8BITMIME\r\n").await?,
            "DATA" => {
                write.write_all(b"354 go on\r\n").await?;
                let mut mail = String::new();
                while let Some(line) = lines.next_line().await? {
                    if line == "." {
                        break;
                    }
                    mail.push_str(line.strip_prefix('.').unwrap_or(&line));
                    mail.push('\n');
                }
                // Nobody looks any more: the exercise is over.
                let _ = show.try_send(mail);
                write.write_all(b"250 taken, and sent to nobody\r\n").await?;
            }
            "QUIT" => {
                write.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            _ => write.write_all(b"250 fine\r\n").await?,
        }
    }
    Ok(())
}

async fn take_hook(mut stream: TcpStream) -> std::io::Result<()> {
    let mut some = vec![0u8; 64 * 1024];
    let _ = stream.read(&mut some).await?;
    stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await?;
    stream.shutdown().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_is_shown_with_its_subject_and_its_link_even_when_that_is_wrapped() {
        let mail =
            "To: you\nSubject: Alert: it is down\n\nTake it on:\nhttp://127.0.0.1:1/act/abc=\ndef\n\nbye\n";
        assert_eq!(
            shown(mail),
            "EXERCISE mail to you: Alert: it is down\n              http://127.0.0.1:1/act/abcdef"
        );
        assert_eq!(shown("Subject: x\n"), "EXERCISE mail to you: x");
        assert_eq!(shown("\n"), "EXERCISE mail to you: (a mail)");
    }

    #[test]
    fn a_subject_is_shown_in_its_own_letters() {
        for (as_sent, read) in [
            ("down =?utf-8?b?wrc=?= EXERCISE", "down · EXERCISE"),
            ("=?utf-8?b?6K2m5oql?=\n =?utf-8?b?77ya?= x\nTo: you", "警报： x"),
            ("=?utf-8?b?not base64?= x", "=?utf-8?b?not base64?= x"),
        ] {
            assert_eq!(subject(&format!("From: us\nSubject: {as_sent}\n\nhello")).as_deref(), Some(read));
        }
    }
}
