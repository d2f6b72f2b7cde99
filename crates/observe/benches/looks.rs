//! CPU per look, by hand: `cargo bench -p stillhere-observe --bench looks [-- LOOKS [CONCURRENT]]`.
//!
//! The target is a second process of this binary, so that its CPU is not counted as ours; what the kernel does for
//! both ends of a loopback connection is counted for whoever causes it, as it would be for any rival.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};
use stillhere_net::clock::{self, Clock};
use stillhere_observe::{CheckSpec, Probe, Shared, Spec, probe::http::HttpSpec, probe::tcp::TcpSpec};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nServer: bench\r\nConnection: close\r\n\r\nok\n";

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("runtime");
    if args.first().is_some_and(|a| a == "serve") {
        return runtime.block_on(serve());
    }
    let looks: usize = args.first().and_then(|a| a.parse().ok()).unwrap_or(20_000);
    let concurrent: usize = args.get(1).and_then(|a| a.parse().ok()).unwrap_or(32);
    let me = std::env::current_exe().expect("own path");
    let mut server = Command::new(me)
        .arg("serve")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("second process");
    let mut port = String::new();
    BufReader::new(server.stdout.take().expect("piped")).read_line(&mut port).expect("a port");
    let port: u16 = port.trim().parse().expect("a port");
    let http = Spec::Http(HttpSpec::get(&format!("http://127.0.0.1:{port}/")));
    let tcp = Spec::Tcp(TcpSpec {
        host: "127.0.0.1".into(),
        port,
        ip: Default::default(),
        send: None,
        expect: None,
    });
    for (name, spec, conditions) in [
        ("http", http.clone(), vec![]),
        ("http, 2 conditions", http, vec!["status == 200".to_owned(), "body.contains('ok')".to_owned()]),
        ("tcp", tcp, vec![]),
    ] {
        let (us, wall) = runtime.block_on(run(spec, conditions, looks, concurrent));
        say(&format!("{name:<20} {us:6.1} us CPU a look, {looks} looks in {:.2} s", wall.as_secs_f64()));
    }
    let _ = server.kill();
    let _ = server.wait();
}

async fn run(spec: Spec, conditions: Vec<String>, looks: usize, concurrent: usize) -> (f64, Duration) {
    let check = CheckSpec {
        id: "bench/http".into(),
        spec,
        timeout: Duration::from_secs(5),
        slow_over: None,
        conditions,
        vantage: "core".into(),
    };
    let probe = Arc::new(Probe::new(&check, &Shared::new(Clock::start())).expect("a good check"));
    let first = probe.look(false).await;
    assert_eq!(first.finding, None, "{first:?}");
    let (cpu, began) = (cpu_ns(), clock::mono());
    let tasks: Vec<_> = (0..concurrent)
        .map(|_| {
            let probe = probe.clone();
            tokio::spawn(async move {
                for _ in 0..looks / concurrent {
                    let o = probe.look(false).await;
                    assert!(o.finding.is_none(), "{o:?}");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no look failed");
    }
    ((cpu_ns() - cpu) as f64 / 1000.0 / looks as f64, began.elapsed())
}

/// Nanoseconds on a CPU, all threads together.
fn cpu_ns() -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux");
    tasks
        .filter_map(|t| std::fs::read_to_string(t.ok()?.path().join("schedstat")).ok())
        .filter_map(|s| s.split_whitespace().next()?.parse::<u64>().ok())
        .sum()
}

async fn serve() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("bind");
    say(&listener.local_addr().expect("bound").port().to_string());
    loop {
        let Ok((mut stream, _)) = listener.accept().await else { continue };
        tokio::spawn(async move {
            let mut buf = [0u8; 2048];
            if stream.read(&mut buf).await.is_ok_and(|n| n > 0) {
                let _ = stream.write_all(ANSWER).await;
            }
        });
    }
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}
