//! `stillhere bounce`: called by a mail server, with a mail that came to the return path of a letter.
//!
//! A mail server understands two answers: taken, or try again later. A mail that means nothing here is taken, too: refused, it
//! would come back to somebody, or stay in a queue for ever.

use crate::{cli, control, exit::Exit, say};
use anyhow::Context as _;
use bytes::Bytes;
use hyper::Method;
use std::io::{Read as _, sink};
use stillhere_send::mail::bounce::BOUNCE_BYTES;

/// Longest recipient that is looked at (RFC 5321: 256 in a path).
const RECIPIENT_BYTES: usize = 320;

pub async fn run(args: cli::Bounce) -> Result<(), Exit> {
    let mail = read(args.recipient.as_deref()).map_err(|e| Exit::TryLater(format!("{e:#}")))?;
    let answer =
        control::send(&args.at, Method::POST, "/api/v1/subscribers/bounces", "message/rfc822", mail).await;
    let answer =
        answer.map_err(|e| Exit::TryLater(e.text().unwrap_or("Stillhere did not take it").to_owned()))?;
    let returned = answer["returned"].as_str().unwrap_or_default();
    say::out(&if args.at.json { answer.to_string() } else { returned.replace('_', " ") });
    Ok(())
}

/// As much as is looked at; the rest is read and dropped, because a mail server takes a closed pipe for a failure.
fn read(recipient: Option<&str>) -> anyhow::Result<Bytes> {
    let mut mail = Vec::new();
    if let Some(recipient) = recipient {
        let plain = recipient.len() <= RECIPIENT_BYTES && recipient.bytes().all(|b| b.is_ascii_graphic());
        mail.extend_from_slice(b"Delivered-To: ");
        mail.extend_from_slice(if plain { recipient.as_bytes() } else { b"" });
        mail.extend_from_slice(b"\r\n");
    }
    let room = (BOUNCE_BYTES - mail.len()) as u64;
    let mut input = std::io::stdin().lock();
    input.by_ref().take(room).read_to_end(&mut mail).context("standard input")?;
    std::io::copy(&mut input, &mut sink()).context("standard input")?;
    Ok(mail.into())
}
