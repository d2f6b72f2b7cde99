//! `kill -9` of an edge that takes in, sends and settles keyed actions: what was said stays true, and nothing is
//! executed twice by an origin that does not honour keys.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use std::{
    collections::{HashMap, HashSet},
    fs::{File, OpenOptions},
    io::{BufRead, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};
use stillhere_edge::action::{
    Actions, Answer, Begin, Due, Key, KeyedSpec, Limits, NewAction, Request, Running, Said,
};
use stillhere_net::{clock, entropy};

/// Set for the process that is to be killed: the folder it writes to, and the number of its first key.
const CHILD: &str = "STILLHERE_TEST_ACTIONS";
/// Kills.
const ROUNDS: usize = 20;
/// Callers at a time in the killed process.
const CALLERS: u64 = 24;
/// What the origin did, one line for each execution. It is not part of the edge and outlives it.
const LEDGER: &str = "ledger";

/// Odd keys go to an origin that honours them.
fn spec(n: u64) -> KeyedSpec {
    KeyedSpec { origin_honours: n % 2 == 1, ..KeyedSpec::default() }
}

fn key(n: u64) -> Key {
    Key::parse(format!("\"an-order-that-is-made-once-{n}\"").as_bytes()).unwrap()
}

fn action<'a>(actions: &Actions, spec: &'a KeyedSpec, n: u64) -> NewAction<'a> {
    let mut headers = HeaderMap::new();
    headers.insert("cookie", HeaderValue::from_static("session=ann"));
    let principal = actions.principal(spec, "shop.example", &headers);
    // now and then one that fills several pages
    let body = Bytes::from(n.to_string().repeat(if n.is_multiple_of(7) { 4_000 } else { 1 }));
    let request = Request { method: Method::POST, uri: format!("/orders/{n}"), headers, body };
    NewAction { route: "shop", spec, principal, key: key(n), request }
}

fn answer(n: u64) -> Answer {
    Answer {
        status: StatusCode::CREATED,
        headers: HeaderMap::new(),
        body: Some(Bytes::from(format!("order {n}"))),

        trailers: HeaderMap::new(),
    }
}

fn open(dir: &Path) -> Arc<Actions> {
    Actions::open(dir, Limits::default(), clock::wall()).unwrap()
}

/// The edge and its origin, as far as they matter here.
struct Edge {
    actions: Arc<Actions>,
    ledger: File,
}

impl Edge {
    /// The origin gets a request and does it; one `write`, which survives the death of this process.
    fn execute(&self, n: u64) {
        (&self.ledger).write_all(format!("{n}\n").as_bytes()).unwrap();
    }

    async fn begin(&self, n: u64) {
        let sending = entropy::u64().is_multiple_of(2);
        let spec = spec(n);
        match self.actions.begin(action(&self.actions, &spec, n), sending, clock::wall()).await.unwrap() {
            Begin::Go(running) => {
                println!("\nkept {n}");
                self.send(n, running).await;
            }
            Begin::Done(again) => assert_eq!(again, answer(n)),
            Begin::OutcomeUnknown(view) => assert!(n.is_multiple_of(2) && !view.checking),
            Begin::InFlight { .. } => {}
            other => panic!("{n}: {other:?}"),
        }
    }

    /// Sends it, with one of the fates that an attempt can have.
    async fn send(&self, n: u64, mut running: Running) {
        assert!(!running.is_repeat() || n % 2 == 1, "{n} may double");
        let dice = entropy::u64();
        if dice.is_multiple_of(11) {
            return; // no node, and whoever asked has gone
        }
        running.sending(clock::wall()).await.unwrap();
        match dice % 7 {
            0 => running.not_sent(clock::wall()).await.unwrap(),
            1 => {
                self.execute(n);
                running.unknown(clock::wall()).await.unwrap();
                println!("\nunknown {n}");
            }
            2 => running.unknown(clock::wall()).await.unwrap(),
            3 => self.execute(n), // cut, and its sender goes without a word
            _ => {
                self.execute(n);
                tokio::task::yield_now().await;
                running.done(&answer(n), clock::wall()).await.unwrap();
                println!("\ndone {n}");
            }
        }
    }

    async fn late(&self) {
        for Due { request, running, .. } in self.actions.due(clock::wall(), 8).await.unwrap() {
            let n = request.uri.strip_prefix("/orders/").unwrap().parse().unwrap();
            self.send(n, running).await;
        }
    }
}

/// Not a test by itself: what the killed process runs.
#[tokio::test]
#[ignore = "it goes on until it is killed: the test below runs it"]
async fn edge_that_is_killed() {
    let job = std::env::var(CHILD).unwrap();
    let (dir, first) = job.rsplit_once('|').unwrap();
    let first = first.parse::<u64>().unwrap();
    let dir = Path::new(dir);
    let ledger = OpenOptions::new().create(true).append(true).open(dir.join(LEDGER)).unwrap();
    let edge = Arc::new(Edge { actions: open(dir), ledger });
    println!("\nopen {first}");
    let mut tasks = tokio::task::JoinSet::new();
    for caller in 0..CALLERS {
        let edge = edge.clone();
        tasks.spawn(async move {
            for n in (first + caller..).step_by(usize::try_from(CALLERS).unwrap()) {
                edge.begin(n).await;
                // people press again: what they did just now, and what they did before the edge was killed
                edge.begin(entropy::u64() % (n + 1)).await;
                if caller == 0 {
                    edge.actions.hurry(clock::wall());
                    edge.late().await;
                }
            }
        });
    }
    tasks.join_next().await.unwrap().unwrap();
}

#[tokio::test]
async fn case_o_nothing_is_lost_or_doubled_when_the_edge_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let (mut kept, mut done, mut next) = (HashSet::new(), HashSet::new(), 0);
    for round in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["action::edge_that_is_killed", "--exact", "--ignored", "--nocapture"])
            .env(CHILD, format!("{}|{next}", dir.path().display()))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut heard = |line: &str| {
            let Some((what, n)) = line.split_once(' ') else { return };
            let Ok(n) = n.parse::<u64>() else { return };
            match what {
                "kept" => next = next.max(n + 1),
                "done" => _ = done.insert(n),
                _ => return,
            }
            kept.insert(n);
        };
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // Killed at another place each time: while opening, or after some answers and some microseconds more.
        let answers = if round % 10 == 9 { 0 } else { 10 + entropy::u64() % 400 };
        for _ in 0..answers {
            let Some(line) = lines.next() else {
                let mut why = String::new();
                std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut why).unwrap();
                panic!("the edge ended by itself: {why}");
            };
            heard(&line.unwrap());
        }
        std::thread::sleep(Duration::from_micros(entropy::u64() % 3_000));
        child.kill().unwrap();
        child.wait().unwrap();
        for line in lines.map_while(Result::ok) {
            heard(&line);
        }
        check(dir.path(), &kept, &done).await;
    }
    assert!(done.len() > 200 && kept.len() > done.len(), "{} done of {}", done.len(), kept.len());
}

/// Actions that stay when the others are forgotten: one of so many.
const STAYS: u64 = 40;
/// What each of them sends, and gets back.
const BODY: usize = 64 * 1024;
/// Actions of each life of the process that is killed while it packs its journal.
const PACKED: u64 = 160;

fn kept_for(n: u64) -> KeyedSpec {
    let hours = if n.is_multiple_of(STAYS) { 20 * 24 } else { 1 };
    KeyedSpec { keep: Duration::from_secs(hours * 3_600), ..spec(n) }
}

/// Not a test by itself: fills its journal, forgets nearly all of it, and packs the file.
#[tokio::test]
#[ignore = "it is killed: the test below runs it"]
async fn edge_that_is_killed_while_it_packs() {
    let job = std::env::var(CHILD).unwrap();
    let (dir, first) = job.rsplit_once('|').unwrap();
    let first = first.parse::<u64>().unwrap();
    let actions = open(Path::new(dir));
    let mut tasks = tokio::task::JoinSet::new();
    for n in first..first + PACKED {
        let actions = actions.clone();
        tasks.spawn(async move {
            let spec = kept_for(n);
            let mut new = action(&actions, &spec, n);
            new.request.body = Bytes::from(vec![b'x'; BODY]);
            let Begin::Go(running) = actions.begin(new, true, clock::wall()).await.unwrap() else {
                panic!("{n} is new")
            };
            let body = Some(Bytes::from(vec![b'y'; BODY]));
            running.done(&Answer { body, ..answer(n) }, clock::wall()).await.unwrap();
        });
    }
    tasks.join_all().await;
    println!("\nfull {}", std::fs::metadata(Path::new(dir).join("actions.redb")).unwrap().len());
    actions.sweep(clock::wall().plus(Duration::from_secs(24 * 3_600))).await.unwrap();
    // The sweep is answered before the file is packed; whoever asks next waits for it.
    let _none = actions.due(clock::wall(), 1).await.unwrap();
    println!("\npacked");
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn case_o_a_journal_shrinks_and_nothing_is_lost_when_it_is_killed_meanwhile() {
    const LIVES: u64 = 5;
    let dir = tempfile::tempdir().unwrap();
    let size = || std::fs::metadata(dir.path().join("actions.redb")).unwrap().len();
    let mut full = 0;
    for life in 0..LIVES {
        let first = life * PACKED;
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["action::edge_that_is_killed_while_it_packs", "--exact", "--ignored", "--nocapture"])
            .env(CHILD, format!("{}|{first}", dir.path().display()))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let line = lines.find(|l| l.starts_with("full ")).expect("it fills its journal");
        full = line["full ".len()..].parse::<u64>().unwrap();
        let last = life + 1 == LIVES;
        if last {
            assert!(lines.any(|l| l == "packed"));
        } else {
            // Anywhere between forgetting and the end of packing.
            std::thread::sleep(Duration::from_micros(if life == 0 { 0 } else { entropy::u64() % 60_000 }));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let actions = open(dir.path());
        assert_eq!(actions.vitals().moved_aside, None, "the journal is whole");
        for n in (0..first + PACKED).filter(|n| n.is_multiple_of(STAYS)) {
            let spec = kept_for(n);
            let mut action = action(&actions, &spec, n);
            action.request.body = Bytes::from(vec![b'x'; BODY]);
            let Begin::Done(again) = actions.begin(action, true, clock::wall()).await.unwrap() else {
                panic!("{n} is lost")
            };
            assert!(again.body.is_some_and(|b| b.len() == BODY && b.iter().all(|b| *b == b'y')), "{n}");
        }
        actions.close().await;
    }
    assert!(size() * 2 <= full, "{} of {full}", size());
}

/// What was said is true, whoever asks now.
async fn check(dir: &Path, kept: &HashSet<u64>, done: &HashSet<u64>) {
    let actions = open(dir);
    assert_eq!(actions.vitals().moved_aside, None, "the journal is whole");
    let mut executed: HashMap<u64, usize> = HashMap::new();
    let ledger = std::fs::read_to_string(dir.join(LEDGER)).unwrap_or_default();
    for line in ledger.lines() {
        *executed.entry(line.parse().unwrap()).or_default() += 1;
    }
    for (n, times) in &executed {
        assert!(n % 2 == 1 || *times == 1, "{n} was executed {times} times");
    }
    let now = clock::wall();
    for n in kept.iter().chain(executed.keys()) {
        let spec = spec(*n);
        let action = action(&actions, &spec, *n);
        let view = actions.look_up(&action.principal, &action.key, now);
        let state = view.unwrap_or_else(|| panic!("{n} was promised, and is lost")).state;
        if done.contains(n) {
            assert_eq!(state, Said::Done, "{n}");
            let Begin::Done(again) = actions.begin(action, true, now).await.unwrap() else { panic!("{n}") };
            assert_eq!(again, answer(*n));
        } else if executed.contains_key(n) {
            assert!(matches!(state, Said::Unknown | Said::Done), "{n} was executed, and is called {state:?}");
        } else {
            assert_ne!(state, Said::Done, "{n} was not executed");
        }
    }
    actions.close().await;
}

/// Run it with `--run-ignored only --no-capture`, best in release.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement, not a test"]
async fn actions_per_second() {
    for callers in [1u64, 64] {
        let dir =
            tempfile::tempdir_in(std::env::var("STILLHERE_BENCH_DIR").unwrap_or_else(|_| ".".to_owned()))
                .unwrap();
        let actions = open(dir.path());
        let began = clock::mono();
        let mut tasks = tokio::task::JoinSet::new();
        for caller in 0..callers {
            let actions = actions.clone();
            tasks.spawn(async move {
                let (spec, mut n) = (KeyedSpec::default(), 0);
                while began.elapsed() < Duration::from_secs(4) {
                    let new = action(&actions, &spec, 7 * (caller * 1_000_000 + n) + 1);
                    let Begin::Go(running) = actions.begin(new, true, clock::wall()).await.unwrap() else {
                        panic!()
                    };
                    running.done(&answer(n), clock::wall()).await.unwrap();
                    n += 1;
                }
                n
            });
        }
        let all: u64 = tasks.join_all().await.into_iter().sum();
        let seconds = began.elapsed().as_secs_f64();
        let commits = actions.vitals().commits;
        println!(
            "{callers} callers: {:.0} actions/s, {:.2} syncs an action, {:.2} ms each",
            all as f64 / seconds,
            commits as f64 / all as f64,
            seconds * 1e3 * callers as f64 / all as f64,
        );
    }
}
