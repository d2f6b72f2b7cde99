//! One process takes over from another, twice, under load: no request fails, nothing that was promised is lost or
//! doubled, and WebSockets are told.

pub mod clients;
mod lives;

use crate::rig::{Node, Reply, SOON, ask, get, soon, text, until};
use crate::socket::client::Client;
use clients::{Seen, client, echo, watcher};
use lives::{CHILD, Lives, RETIRE_WITHIN};
use std::{
    collections::HashMap,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex, atomic::Ordering::SeqCst},
    time::Duration,
};
use stillhere_edge::{Edge, Settings, upgrade};
use tokio::{
    net::TcpStream,
    signal::unix::{SignalKind, signal},
    task::JoinSet,
};

/// Not a test by itself: what each of the processes runs.
#[test]
#[ignore = "it goes on until it is told to end: the test below runs it"]
fn edge_that_is_upgraded() {
    let dir = std::env::var(CHILD).unwrap();
    let dir = Path::new(&dir);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (mut upgrade_now, mut end_now) = runtime.block_on(async {
        (signal(SignalKind::user_defined2()).unwrap(), signal(SignalKind::terminate()).unwrap())
    });
    let predecessor = upgrade::predecessor().unwrap();
    let spec = toml::from_str(&std::fs::read_to_string(dir.join("edge.toml")).unwrap()).unwrap();
    let settings = Settings { spec, data: Some(dir.join("data")) };
    let edge = match predecessor {
        Some(predecessor) => Edge::take_over(settings, predecessor).unwrap(),
        None => Edge::start(settings).unwrap(),
    };
    let say = |what: &str, more: &dyn std::fmt::Display| lives::say(dir, what, more);
    say("serves", &edge.addr());
    loop {
        let to_upgrade = runtime.block_on(async {
            tokio::select! { _ = upgrade_now.recv() => true, _ = end_now.recv() => false }
        });
        if !to_upgrade {
            return edge.stop(RETIRE_WITHIN);
        }
        match edge.upgrade(upgrade::again().unwrap()) {
            Ok(successor) => {
                say("retires", &successor.id());
                edge.retire(successor, RETIRE_WITHIN);
                return say("retired", &"-");
            }
            Err(_) => say("stays", &"-"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_o_a_process_takes_over_under_load_and_nothing_fails_or_is_done_twice() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("data")).unwrap();
    let done: Arc<Mutex<HashMap<String, usize>>> = Arc::default();
    let node = Node::with({
        let done = done.clone();
        move |seen| {
            if let Some(key) = seen.headers.get("idempotency-key") {
                *done.lock().unwrap().entry(key.to_str().unwrap().to_owned()).or_default() += 1;
            }
            match seen.uri.path() {
                "/slow" => Reply::After(Duration::from_secs(4), text("slow")),
                "/order" => Reply::After(Duration::from_millis(20), text("done")),
                _ => Reply::text("ok"),
            }
        }
    })
    .await;
    let toml = format!(
        "listen = \"127.0.0.1:0\"\nworkers = 2\n[limits]\nby_address = \"off\"\n\
         [[routes]]\npath = \"/ws\"\nnodes = [\"http://{}\"]\n\
         [[routes]]\nnodes = [\"http://{}\"]\n[routes.keyed]\n",
        echo().await,
        node.addr
    );
    std::fs::write(dir.path().join("edge.toml"), &toml).unwrap();
    let mut lives = Lives::begin(dir.path());
    let (mut pid, at) = lives.hears("serves").await;
    let at: SocketAddr = at.parse().unwrap();

    let (seen, closes) = (Arc::<Seen>::default(), Arc::<Mutex<Vec<u16>>>::default());
    let mut tasks = JoinSet::new();
    (0..8).for_each(|n| _ = tasks.spawn(client(at, n, seen.clone())));
    (0..4).for_each(|_| _ = tasks.spawn(watcher(at, seen.clone(), closes.clone())));

    for turn in 1..=2 {
        let before = seen.good.load(SeqCst);
        until("there is load", || seen.good.load(SeqCst) > before + 100).await;
        let slow = tokio::spawn(async move { get(at, "/slow", &[]).await });
        node.has_seen("/slow", turn).await;
        Lives::signal(pid, "USR2");
        // The two of them say it in any order.
        let said = HashMap::from([lives.says().await, lives.says().await]);
        let (new, same) = said["serves"].clone();
        assert!(new != pid && same == at.to_string());
        assert_eq!(said["retires"], (pid, new.to_string()));
        assert_eq!(lives.hears("retired").await.0, pid);
        // It was under way in the old process.
        assert_eq!(slow.await.unwrap().text(), "slow");
        pid = new;
    }
    // The journal came along: what was done in the first process is known, and not done again.
    let first = clients::key(0, 3);
    let headers = [&*format!("idempotency-key: {first}"), "authorization: Bearer ann"];
    let again = ask(at, "POST", "/order", &headers, "x").await;
    assert_eq!((again.text(), again.header("idempotent-replayed")), ("done", "true"));

    // A successor that cannot serve costs nothing.
    std::fs::write(dir.path().join("edge.toml"), "listen = 7").unwrap();
    Lives::signal(pid, "USR2");
    assert_eq!(lives.hears("stays").await.0, pid);
    let before = seen.good.load(SeqCst);
    until("it goes on", || seen.good.load(SeqCst) > before + 100).await;

    seen.stop.store(true, SeqCst);
    tokio::time::timeout(SOON, tasks.join_all()).await.unwrap();
    Lives::signal(pid, "TERM");
    assert_eq!(*seen.bad.lock().unwrap(), Vec::<String>::new());
    let closes = closes.lock().unwrap().clone();
    assert!(closes.len() >= 8 && closes.iter().all(|code| *code == 1012), "{closes:?}");
    let done = done.lock().unwrap().clone();
    assert!(done.len() > 50 && done.values().all(|times| *times == 1), "{done:?}");
    soon(async {
        while TcpStream::connect(at).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_websockets_session_goes_on_in_the_process_that_takes_over() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("data")).unwrap();
    let toml =
        format!("listen = \"127.0.0.1:0\"\nworkers = 2\n[[routes]]\nnodes = [\"http://{}\"]\n", echo().await);
    std::fs::write(dir.path().join("edge.toml"), &toml).unwrap();
    let mut lives = Lives::begin(dir.path());
    let (mut pid, at) = lives.hears("serves").await;
    let at: SocketAddr = at.parse().unwrap();

    let mut client = Client::new(&[("authorization", "Bearer ann"), ("cookie", "sid=1; seen=x")]);
    client.connect_to(at).await;
    client.until(|c| !c.origin.is_empty()).await;
    let mut said = 0;
    for turn in 1..=2 {
        for _ in 0..20 {
            said += 1;
            client.say(said.to_string()).await;
        }
        Lives::signal(pid, "USR2");
        let told = HashMap::from([lives.says().await, lives.says().await]);
        pid = told["serves"].0;
        // Before it is told to, as after a cut, and when it is told to.
        if turn == 1 {
            client.cut();
        } else {
            client.until(|c| c.closed.is_some()).await;
            assert_eq!(client.closed.as_ref().unwrap().0, 4905);
        }
        client.connect_to(at).await;
        assert_eq!(client.welcome["resumed"], true, "{:?}", client.closed);
        client.until(|c| c.messages.len() == said && c.unacked() == 0).await;
        // The one before has nothing left.
        assert_eq!(lives.hears("retired").await.1, "-");
    }
    let heard: Vec<String> = client.messages.iter().map(|m| m.to_text().unwrap().to_owned()).collect();
    assert_eq!(heard, (1..=said).map(|n| n.to_string()).collect::<Vec<_>>());
    assert_eq!((client.gaps.len(), client.uncertain.len()), (0, 0));
    Lives::signal(pid, "TERM");
    client.until(|c| c.closed.is_some()).await;
    assert_eq!(client.closed.as_ref().unwrap().0, 1012, "nobody takes over");
    until("the last one ends", || !Path::new(&format!("/proc/{pid}")).exists()).await;
}
