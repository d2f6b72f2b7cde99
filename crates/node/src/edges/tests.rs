use super::*;
use stillhere_model::{
    Finding,
    edge::{Latency, NodeReport, PoolReport, Standing},
};

fn at(ms: i64) -> Moment {
    Moment::new(Time(1_800_000_000_000 + ms), ms)
}

fn pool(standing: Standing, since_ms: i64, tally: Tally) -> PoolReport {
    let node = NodeReport {
        address: "http://127.0.0.1:9001".to_owned(),
        state: "up".to_owned(),
        why: "answered".to_owned(),
        since_ms: 0,
        in_flight: 0,
        latency_ms: 1.0,
    };
    PoolReport {
        pool: "p".to_owned(),
        service: Some("shop".into()),
        standing,
        since: at(since_ms).wall,
        nodes: vec![node.clone(), node],
        waiting: 0,
        answers_per_s: 0.0,
        tally,
    }
}

fn report(number: u64, pools: Vec<PoolReport>) -> Report {
    Report {
        edge: "local".to_owned(),
        life: 7,
        number,
        version: "1".to_owned(),
        config: String::new(),
        config_at: Time(0),
        notice_at: None,
        refused: None,
        window_ms: 1_000,
        pools,
        told: BTreeMap::from([("all-out".to_owned(), 1)]),
        connections: 0,
        sockets: 0,
        browsers: BTreeMap::new(),
        socket_events: BTreeMap::from([("opened".to_owned(), 2)]),
        certificates: Vec::new(),
    }
}

impl Edges {
    fn seen(&self, report: Report, now: Moment) -> Vec<Observation> {
        self.report(report, now).observations
    }
}

fn edges() -> (tempfile::TempDir, Edges) {
    let dir = tempfile::tempdir().unwrap();
    let routes =
        serde_json::from_str(r#"[{"service": "shop", "nodes": ["http://127.0.0.1:9001"]}]"#).unwrap();
    let spec = stillhere_config::edge::Spec { routes, ..Default::default() };
    let edges = Edges::new(dir.path(), Some(&spec), at(0).wall);
    (dir, edges)
}

fn answers(good: u64, bad: u64) -> Tally {
    Tally {
        answered: good,
        failed: bad,
        latency: Latency { bins: vec![(300, good + bad)] },
        ..Tally::default()
    }
}

#[test]
fn case_p_all_nodes_out_is_down_at_once_and_since_the_edge_saw_it() {
    let (_dir, edges) = edges();
    let up = edges.seen(report(1, vec![pool(Standing::Takes, 0, answers(3, 0))]), at(1_000));
    assert_eq!(
        (up[0].outcome, up[0].vantage.as_str(), up[0].check.as_str()),
        (Outcome::Up, "edge-local", "shop/edge")
    );
    assert!(up[0].total_us > 0);
    let down = edges.seen(report(2, vec![pool(Standing::AllOut, 1_950, Tally::default())]), at(2_000));
    assert_eq!(down[0].outcome, Outcome::Down);
    assert_eq!(down[0].finding, Some(Finding::EdgeAllOut { nodes: 2 }));
    assert_eq!(down[0].at, at(1_950).wall);
    assert!(
        edges.seen(report(3, vec![pool(Standing::AllOut, 1_950, Tally::default())]), at(3_000)).is_empty()
    );
    let again = edges.seen(report(4, vec![pool(Standing::AllOut, 1_950, Tally::default())]), at(7_100));
    assert_eq!(again.len(), 1, "the vote is kept fresh");
    let back = edges.seen(report(5, vec![pool(Standing::Takes, 8_000, Tally::default())]), at(8_010));
    assert_eq!(back[0].outcome, Outcome::Up);
}

#[test]
fn mostly_errors_is_down_until_answers_are_good_again() {
    let (_dir, edges) = edges();
    let mut number = 0;
    let mut tell = |tally, ms| {
        number += 1;
        edges.seen(report(number, vec![pool(Standing::Takes, 0, tally)]), at(ms))
    };
    assert_eq!(tell(answers(0, 4), 1_000)[0].outcome, Outcome::Up, "four are too few to tell");
    let down = tell(answers(1, 3), 2_000);
    assert_eq!(down[0].finding, Some(Finding::EdgeErrors { percent: 87, answers: 8 }));
    assert!(tell(answers(0, 9), 3_000).is_empty(), "other numbers are no news");
    assert!(
        tell(Tally::default(), 9_500).iter().all(|o| o.outcome == Outcome::Down),
        "nobody has said otherwise"
    );
    let up = tell(answers(6, 1), 10_000);
    assert_eq!(up[0].outcome, Outcome::Up);
}

#[test]
fn a_short_pause_is_no_news_and_a_long_one_is_slow() {
    let (_dir, edges) = edges();
    assert_eq!(edges.seen(report(1, vec![pool(Standing::Takes, 0, Tally::default())]), at(0)).len(), 1);
    assert!(edges.seen(report(2, vec![pool(Standing::Paused, 100, Tally::default())]), at(6_000)).is_empty());
    let slow = edges.seen(report(3, vec![pool(Standing::Paused, 100, Tally::default())]), at(12_000));
    assert_eq!((slow[0].outcome, slow[0].finding.clone()), (Outcome::Slow, Some(Finding::EdgePaused)));
    let busy = edges.seen(report(4, vec![pool(Standing::Overloaded, 13_000, Tally::default())]), at(13_000));
    assert_eq!(busy[0].finding, Some(Finding::EdgeOverloaded));
}

#[test]
fn a_report_that_comes_twice_is_counted_once() {
    let (_dir, edges) = edges();
    let one = report(1, vec![pool(Standing::Takes, 0, answers(3, 1))]);
    edges.seen(one.clone(), at(1_000));
    edges.seen(one, at(1_100));
    edges.seen(report(2, vec![pool(Standing::Takes, 0, answers(1, 0))]), at(1_200));
    let view = &edges.views(at(1_300))[0];
    let sum = view.sums.values().next().unwrap();
    assert_eq!((sum.answered, sum.failed, view.told["all-out"]), (4, 1, 2));
    assert!(!view.silent && edges.views(at(60_000))[0].silent);
}

#[test]
fn a_name_or_a_clock_that_lies_moves_nothing_far() {
    let (_dir, edges) = edges();
    edges.seen(report(1, vec![pool(Standing::Takes, 0, Tally::default())]), at(100_000));
    let past =
        edges.seen(report(2, vec![pool(Standing::AllOut, -900_000_000, Tally::default())]), at(100_100));
    assert!(at(100_100).wall.since(past[0].at) <= BACK_MAX);
    let (_dir, edges) = self::edges();
    let future = edges.seen(report(1, vec![pool(Standing::AllOut, 900_000_000, Tally::default())]), at(0));
    assert_eq!(future[0].at, at(0).wall);
    for n in 0..2 * EDGES_MAX {
        let report = Report { edge: format!("e{n}"), ..report(1, Vec::new()) };
        edges.seen(report, at(n as i64));
    }
    assert_eq!(edges.views(at(0)).len(), EDGES_MAX);
}

#[test]
fn orders_are_on_disk_before_they_are_in_force() {
    let (dir, edges) = edges();
    let now = at(0).wall;
    let later = now.plus(Duration::from_secs(60));
    edges.pause("shop", later, now).unwrap();
    edges.ban("203.0.113.0/24", later, "too many", now).unwrap();
    assert!(matches!(edges.pause("nothing", later, now), Err(OrderError::NoRoute(_))));
    assert!(edges.pause("shop", now, now).is_err() && edges.ban("1.0.0.0/4", later, "x", now).is_err());
    let kept = orders::load(&dir.path().join(orders::FILE));
    assert_eq!(kept, *edges.orders());
    assert_eq!((kept.paused.len(), kept.bans[0].network.as_str()), (1, "203.0.113.0/24"));
    edges.resume("shop", now).unwrap();
    edges.unban("203.0.113.0/24", now).unwrap();
    assert!(matches!(edges.unban("203.0.113.0/24", now), Err(OrderError::NotBanned(_))));
    assert_eq!(*edges.orders(), Orders::default());
}

#[tokio::test]
async fn a_feed_holds_what_is_new_and_comes_when_there_is_something() {
    let (_dir, edges) = edges();
    let (notices, watching) = watch::channel::<Arc<str>>("first".into());
    let (_stop, stopping) = watch::channel(false);
    let ask = async |have: &Have, wait| {
        edges.feed(have, wait, watching.clone(), &[0xab; 32], stopping.clone()).await
    };
    let first = ask(&Have::default(), Duration::from_secs(60)).await;
    assert!(first.config.is_some() && first.orders.is_some());
    assert_eq!((first.notice.as_deref(), first.notice_key), (Some("first"), Some("ab".repeat(32))));
    let nothing = ask(&first.have, Duration::from_millis(10)).await;
    assert_eq!(nothing, Feed { have: first.have.clone(), ..Feed::default() });
    let (next, ()) = tokio::join!(ask(&first.have, Duration::from_secs(60)), async {
        tokio::task::yield_now().await;
        notices.send_replace("second".into());
    });
    assert_eq!((next.notice.as_deref(), next.config), (Some("second"), None));
    edges.reconfigure(None);
    let gone = ask(&next.have, Duration::from_secs(60)).await;
    assert_eq!((gone.config, gone.have.config.as_str()), (None, Have::NO_CONFIG));
}

#[test]
fn the_days_of_a_certificate_are_told_when_they_change_and_when_it_is_gone() {
    let (_dir, edges) = edges();
    let now = at(1_000);
    let day = Duration::from_secs(86_400);
    let mut number = 0;
    let mut tell = |certificates: &[(&str, u32)], later: Moment| {
        number += 1;
        let certificates = certificates
            .iter()
            .map(|(name, days)| stillhere_model::edge::Certificate {
                name: (*name).to_owned(),
                until: now.wall.plus(day * *days + day / 2),
            })
            .collect();
        let mut told =
            edges.report(Report { certificates, ..report(number, Vec::new()) }, later).certificates;
        told.sort();
        told.into_iter().map(|(check, days)| (check.to_string(), days)).collect::<Vec<_>>()
    };
    let shop = |days| ("edge-local/shop.example".to_owned(), days);
    assert_eq!(tell(&[("shop.example", 20)], now), [shop(20)]);
    assert_eq!(tell(&[("shop.example", 20)], at(2_000)), []);
    assert_eq!(tell(&[("shop.example", 20)], at(1_000 + 86_400_000)), [shop(19)]);
    assert_eq!(tell(&[("shop.example", 89)], at(1_000 + 86_400_000)), [shop(88)], "renewed");
    assert_eq!(tell(&[], at(1_000 + 86_400_000)), [shop(u32::MAX)], "shown no more");
    assert_eq!(tell(&[("shop.example", 0)], at(1_000 + 2 * 86_400_000)), [shop(0)], "ended yesterday");
    let two = [("shop.example", 5), ("other.example", 20), ("shop.example", 80)];
    let told = tell(&two, now);
    assert_eq!(told[1], shop(5), "the one that ends first, whatever follows it: {told:?}");
}

#[test]
fn what_became_of_sockets_is_summed_over_a_life() {
    let (_dir, edges) = edges();
    for number in [1, 2, 2] {
        edges.seen(report(number, Vec::new()), at(1_000));
    }
    assert_eq!(
        edges.views(at(1_000))[0].socket_events["opened"],
        4,
        "a report that is sent again is counted once"
    );
}
