//! Messages and waiting.

use std::{path::Path, time::Duration};
use stillhere_model::{
    Audience, IncidentId, Mint, Occasion, OutboxMessage, Payload, Receipt, Time, UpdateId, id::DeliveryId,
};
use stillhere_send::{Channel, ChannelSpec};

/// How long a test waits for something that should be there at once.
pub(crate) const SOON: Duration = Duration::from_secs(20);

pub(crate) fn now() -> Time {
    stillhere_net::clock::wall()
}

pub(crate) fn message(n: u64, payload: Payload) -> OutboxMessage {
    let mut mint = Mint::new(n);
    OutboxMessage {
        id: DeliveryId(mint.uuid(now())),
        channel: "test".to_owned(),
        audience: Audience::Public,
        occasion: Occasion::IncidentOpened {
            incident: IncidentId(mint.uuid(now())),
            update: UpdateId(mint.uuid(now())),
        },
        created_at: now(),
        not_before: now(),
        payload,
        personal: None,
    }
}

pub(crate) fn mail(n: u64, subject: &str) -> OutboxMessage {
    message(
        n,
        Payload::Mail {
            subject: subject.to_owned(),
            text: "结账 is down.\r\n.\r\nMore follows.".to_owned(),
            html: "<p>结账 is <b>down</b>.</p>".to_owned(),
            thread: Some("incident-1".to_owned()),
        },
    )
}

pub(crate) fn hook(n: u64, body: &str) -> OutboxMessage {
    message(n, Payload::Webhook { body: body.to_owned() })
}

pub(crate) fn channel(spec: serde_json::Value) -> Channel {
    let spec: ChannelSpec = serde_json::from_value(spec).unwrap();
    Channel::new("test", &spec).unwrap()
}

/// The reason of a message that is put off; anything else is a failure of the test.
pub(crate) fn put_off(receipt: Receipt) -> String {
    match receipt {
        Receipt::Deferred { reason, .. } => reason,
        other => panic!("not put off: {other:?}"),
    }
}

pub(crate) fn refused(receipt: Receipt) -> String {
    match receipt {
        Receipt::Refused { reason } => reason,
        other => panic!("not refused: {other:?}"),
    }
}

pub(crate) fn proof(receipt: Receipt) -> String {
    match receipt {
        Receipt::Accepted { proof } => proof,
        other => panic!("not accepted: {other:?}"),
    }
}

/// What `path` holds as soon as that contains `text`.
pub(crate) async fn file_with(path: &Path, text: &str) -> String {
    let wait = async {
        loop {
            let is = std::fs::read_to_string(path).unwrap_or_default();
            if is.contains(text) {
                return is;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(SOON, wait).await.unwrap_or_else(|_| {
        panic!("{} does not hold {text:?}: {:?}", path.display(), std::fs::read_to_string(path))
    })
}

/// A file written by a server under another user.
pub(crate) fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

/// Waits until something listens on `port`.
pub(crate) async fn listening(port: u16) {
    let wait = async {
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(SOON, wait).await.expect("the server did not start");
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
