//! Visitors who come whether or not they are answered (open loop), and write down what they got:
//!
//! `visitors ADDR OUT --seconds S --rate R [--spike R FROM TO] [--post-every N] [--unkeyed-every N]
//! [--patience MS] [--tries N] [--pause MS]`
//!
//! Each visitor is due at a fixed instant, and waits from then on: a late start counts as waiting, so that nothing is
//! hidden by a client that is slow itself. A line of JSON each: when it was due, method, key, the status of the last try
//! (0: the connection was cut or the patience ended), its `stillhere-outcome`, milliseconds from due to done, tries.
//! Every N-th is a POST, with an `Idempotency-Key` or without.

use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use std::{
    fmt::Write as _,
    io::Write as _,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use stillhere_net::clock;
use tokio::{
    net::TcpStream,
    time::{sleep, sleep_until, timeout},
};

struct Crowd {
    address: String,
    idle: Mutex<Vec<SendRequest<Full<Bytes>>>>,
    patience: Duration,
    tries: u32,
    pause: Duration,
    seen: Mutex<String>,
}

/// What a visitor got. Status 0: nothing.
#[derive(Default)]
struct Got {
    status: u16,
    outcome: Option<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut args = std::env::args().skip(1);
    let address = args.next().expect("ADDR");
    let out = args.next().expect("OUT");
    let (mut seconds, mut rate, mut spike, mut post_every) = (10.0_f64, 100.0_f64, None, 0_u64);
    let mut keyed = true;
    let (mut patience, mut tries, mut pause) = (12_000_u64, 1_u32, 300_u64);
    while let Some(key) = args.next() {
        let mut number = || args.next().and_then(|v| v.parse::<f64>().ok()).expect("a number");
        match key.as_str() {
            "--seconds" => seconds = number(),
            "--rate" => rate = number(),
            "--spike" => spike = Some((number(), number(), number())),
            "--post-every" => post_every = number() as u64,
            "--unkeyed-every" => (post_every, keyed) = (number() as u64, false),
            "--patience" => patience = number() as u64,
            "--tries" => tries = number() as u32,
            "--pause" => pause = number() as u64,
            other => panic!("what is {other}?"),
        }
    }
    let crowd = Arc::new(Crowd {
        address,
        idle: Mutex::default(),
        patience: Duration::from_millis(patience),
        tries,
        pause: Duration::from_millis(pause),
        seen: Mutex::default(),
    });
    let begin = clock::mono();
    let mut due = 0.0;
    let mut number = 0;
    let mut all = tokio::task::JoinSet::new();
    while due < seconds {
        sleep_until((begin + Duration::from_secs_f64(due)).into()).await;
        number += 1;
        let post = post_every > 0 && number % post_every == 0;
        all.spawn(crowd.clone().visit(begin, due, number, post, keyed));
        let now = spike.filter(|(_, from, to)| due >= *from && due < *to).map_or(rate, |(r, _, _)| r);
        due += 1.0 / now;
    }
    while all.join_next().await.is_some() {}
    let seen = crowd.seen.lock().unwrap_or_else(PoisonError::into_inner);
    std::fs::File::create(out).and_then(|mut f| f.write_all(seen.as_bytes())).expect("the output");
}

impl Crowd {
    async fn visit(
        self: Arc<Self>,
        begin: std::time::Instant,
        due: f64,
        number: u64,
        post: bool,
        keyed: bool,
    ) {
        let due_at = begin + Duration::from_secs_f64(due);
        let key = format!("{}-{number}-a-key-that-nobody-guesses", std::process::id());
        let order = post.then_some((key.as_str(), keyed));
        let (mut got, mut tries) = (Got::default(), 0);
        while tries < self.tries {
            if tries > 0 {
                sleep(self.pause).await;
            }
            tries += 1;
            got = timeout(self.patience, self.ask(number, order)).await.unwrap_or_default();
            if got.status == 200 {
                break;
            }
        }
        let ms = clock::mono().saturating_duration_since(due_at).as_secs_f64() * 1e3;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let post = if post { format!(r#","key":"{key}""#) } else { String::new() };
        let _infallible = writeln!(
            seen,
            r#"{{"due":{:.1},"status":{},"ms":{ms:.1},"tries":{tries}{post}{}}}"#,
            due * 1e3,
            got.status,
            got.outcome.map(|o| format!(r#","outcome":"{o}""#)).unwrap_or_default(),
        );
    }

    /// What came, or nothing. A connection that was closed while it was idle is not the visitor's
    /// trouble: as long as nothing was written, another one is taken.
    async fn ask(&self, number: u64, order: Option<(&str, bool)>) -> Got {
        loop {
            let kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut sender = match kept {
                Some(sender) if sender.is_ready() => sender,
                Some(_) => continue,
                None => {
                    let Ok(stream) = TcpStream::connect(&self.address).await else { return Got::default() };
                    let _ = stream.set_nodelay(true);
                    let Ok((sender, connection)) = handshake(TokioIo::new(stream)).await else {
                        return Got::default();
                    };
                    tokio::spawn(connection);
                    sender
                }
            };
            let mut request =
                Request::builder().uri(format!("/thing/{}", number % 7)).header(header::HOST, "shop");
            if let Some((key, keyed)) = order {
                request = request.method("POST").header("x-order", key);
                if keyed {
                    request = request.header("idempotency-key", format!("\"{key}\""));
                }
            }
            let body = if order.is_some() { Bytes::from_static(b"item=1&count=2") } else { Bytes::new() };
            let request = request.body(Full::new(body)).expect("a request");
            match sender.try_send_request(request).await {
                Ok(response) => {
                    let outcome = response.headers().get("stillhere-outcome").and_then(|o| o.to_str().ok());
                    let got = Got { status: response.status().as_u16(), outcome: outcome.map(str::to_owned) };
                    if response.into_body().collect().await.is_err() {
                        return Got::default();
                    }
                    self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
                    return got;
                }
                Err(mut e) => {
                    if e.take_message().is_none() {
                        return Got::default();
                    }
                }
            }
        }
    }
}
