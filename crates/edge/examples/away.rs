//! Writes the page of every reason in every language to look at: `cargo run -p stillhere-edge --example away -- DIR`.

use http::Request;
use std::{fs, io, path::Path, time::Duration};
use stillhere_edge::{
    answer::{Asked, Kept, KeptState, Trouble, Why, answer},
    known::{Board, Seen},
};
use stillhere_model::Lang;

#[path = "../src/answer/sample.rs"]
mod sample;

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let dir = std::env::args().nth(1).unwrap_or_else(|| "away".to_owned());
    let dir = Path::new(&dir);
    fs::create_dir_all(dir)?;
    let public = sample::key().public_key();
    let board = |text: Option<String>| {
        let board = Board::new();
        if let Some(text) = text {
            board.take_notice(&text, &public, sample::NOW).expect("our own notice");
        }
        board.sighting("shop", Some(&"checkout".into()), Seen::AllOut, sample::before(740));
        board.current()
    };
    let down = board(Some(sample::signed(&sample::down(sample::before(12), 2, sample::words()))));
    let well = board(Some(sample::signed(&sample::well(sample::before(2_400), 1))));
    let nothing = board(None);
    let later = |seconds| sample::NOW.plus(Duration::from_secs(seconds));
    let all = [
        ("all-out", "GET", Why::AllOut, &down),
        ("all-out-post", "POST", Why::AllOut, &down),
        ("core-dead", "GET", Why::AllOut, &well),
        ("no-notice", "GET", Why::AllOut, &nothing),
        ("paused", "GET", Why::Paused { until: Some(later(900)) }, &down),
        ("overloaded", "GET", Why::Overloaded, &down),
        ("queue-full", "GET", Why::QueueFull, &down),
        ("too-many-requests", "GET", Why::TooManyRequests, &down),
        (
            "waiting-room",
            "GET",
            Why::WaitingRoom { ahead: 12_345, eta: Some(Duration::from_secs(260)), ticket: String::new() },
            &down,
        ),
        ("outcome-unknown", "POST", Why::OutcomeUnknown, &down),
        ("not-forwarded", "POST", Why::NotForwarded, &down),
        ("broken", "GET", Why::Broken, &down),
        ("too-slow", "GET", Why::TooSlow, &down),
        ("kept", "POST", Why::Kept, &down),
        ("body-too-large", "POST", Why::BodyTooLarge, &down),
        ("head-too-large", "GET", Why::HeadTooLarge, &down),
        ("request-timeout", "POST", Why::RequestTimeout, &down),
        ("bad-request", "GET", Why::BadRequest("two Content-Length headers"), &down),
        ("not-routed", "GET", Why::NotRouted, &down),
        ("key-in-flight", "POST", Why::KeyInFlight, &down),
        ("key-other-body", "POST", Why::KeyOtherBody, &down),
        ("key-needed", "POST", Why::KeyNeeded, &down),
        ("key-malformed", "POST", Why::KeyMalformed, &down),
        ("banned", "GET", Why::Banned, &down),
    ];
    for lang in Lang::ALL {
        for (name, method, why, known) in &all {
            let request = Request::builder().method(*method).uri("/").header("sec-fetch-dest", "document");
            let request = request.header("accept-language", lang.tag()).body(()).expect("a request");
            let asked = Asked::of(&request.into_parts().0);
            let mut trouble = Trouble::of(why.clone(), 0x5f3a_09c1_77e2_b04d);
            trouble.service = Some("checkout".into());
            trouble.pool = Some("shop".to_owned());
            trouble.held = why.is_outage().then_some(Duration::from_secs(10));
            trouble.kept = (*why == Why::Kept).then(|| Kept {
                receipt: "/.well-known/stillhere/action/8e03978e".to_owned(),
                state: KeptState::Saved,
            });
            let answer = answer(&asked, &trouble, known, sample::NOW, 1 << 63);
            let policy = answer.headers()["content-security-policy"].to_str().unwrap_or_default().to_owned();
            let html =
                http_body_util::BodyExt::collect(answer.into_body()).await.expect("a whole body").to_bytes();
            fs::write(dir.join(format!("{name}.{}.html", lang.tag())), html)?;
            fs::write(dir.join("policy.txt"), policy)?;
        }
    }
    time(&down)
}

/// How long one answer takes: to be asked with `--release`.
fn time(known: &stillhere_edge::known::Known) -> io::Result<()> {
    const TIMES: u32 = 500;
    let mut out = String::new();
    for (kind, header, value) in [
        ("page", "sec-fetch-dest", "document"),
        ("JSON", "accept", "application/json"),
        ("text", "accept", "*/*"),
    ] {
        let request = Request::builder().uri("/").header(header, value).body(()).expect("a request");
        let asked = Asked::of(&request.into_parts().0);
        let trouble = Trouble { service: Some("checkout".into()), ..Trouble::of(Why::AllOut, 1) };
        let began = stillhere_net::clock::mono();
        (0..TIMES).for_each(|_| drop(answer(&asked, &trouble, known, sample::NOW, 1)));
        out += &format!("{kind}: {:?}\n", began.elapsed() / TIMES);
    }
    io::Write::write_all(&mut io::stdout(), out.as_bytes())
}
