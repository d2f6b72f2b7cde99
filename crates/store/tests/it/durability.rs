//! `kill -9` of a process that writes in a loop: whatever it was told is written, is written.

use crate::{
    kit::{T0, at, look, message},
    log::{begin, recorded, tree},
};
use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    time::Duration,
};
use stillhere_model::{Audience, CheckId, Outcome};
use stillhere_store::{Store, Write};

/// Set for the process that is to be killed: the folder it writes to, and where it goes on.
const CHILD: &str = "STILLHERE_TEST_WRITER";
/// Kills.
const ROUNDS: u64 = 6;

/// Not a test by itself: what the killed process runs. It prints the number of each acknowledged write.
#[tokio::test]
#[ignore = "it writes until it is killed: the test below runs it"]
async fn writer_that_is_killed() {
    let job = std::env::var(CHILD).unwrap();
    let (dir, first) = job.rsplit_once('|').unwrap();
    let store = Store::open(dir.as_ref(), T0).await.unwrap();
    store.release_leases().await.unwrap();
    begin(&store).await;
    for n in first.parse::<u64>().unwrap().. {
        let i = i64::try_from(n).unwrap();
        let w = Write {
            observations: vec![look("shop/http", at(i), Outcome::Down, 1)],
            outbox: vec![message(n, "ops", Audience::Public, n)],
            // Two at a time, so that a half of it would be seen.
            record: Some(recorded(2 * (n - 1), 2)),
            seq: Some(n),
            alive_at: Some(at(i)),
            ..Write::default()
        };
        store.commit(&w).await.unwrap();
        println!("acknowledged {n}");
    }
}

#[tokio::test]
async fn case_h_nothing_acknowledged_is_lost_when_the_process_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = 0;
    for round in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["durability::writer_that_is_killed", "--exact", "--ignored", "--nocapture"])
            .env(CHILD, format!("{}|{}", dir.path().display(), acknowledged + 1))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // Killed at another place of its work each time: after some writes, and some microseconds more.
        for _ in 0..15 + round * 7 {
            loop {
                let line = lines.next().expect("the writer ended by itself").unwrap();
                if let Some((_, n)) = line.split_once("acknowledged ") {
                    acknowledged = n.trim().parse().unwrap();
                    break;
                }
            }
        }
        std::thread::sleep(Duration::from_micros(137 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        // what it had said before it died
        for line in lines.map_while(Result::ok) {
            if let Some((_, n)) = line.split_once("acknowledged ") {
                acknowledged = n.trim().parse().unwrap();
            }
        }

        let store = Store::open(dir.path(), T0).await.unwrap();
        assert_eq!(store.check().await.unwrap(), Vec::<String>::new());
        let seq = store.load().await.unwrap().seq;
        assert!(seq == acknowledged || seq == acknowledged + 1, "acknowledged {acknowledged}, on disk {seq}");
        // Whole transactions only: looks, messages and journal agree with the number.
        let looks =
            store.looks(&CheckId::new("shop/http"), at(0), at(i64::MAX - T0.0), 1 << 20).await.unwrap();
        assert_eq!(looks.len() as u64, seq);
        assert_eq!(store.outbox_stats().await.unwrap()[0].queued, seq);
        assert_eq!(store.journal(0, 1 << 20).await.unwrap().len() as u64, seq);
        let log = tree(&store).await;
        assert_eq!(log.size(), 2 * seq, "no entry lost, none doubled");
        assert_eq!(store.record_head().await.unwrap().unwrap().root, log.root_at(2 * seq).unwrap());
        acknowledged = seq;
    }
    assert!(acknowledged > 100);
}
