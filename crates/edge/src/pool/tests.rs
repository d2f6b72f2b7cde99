//! The pool as the rest of the edge sees it.

use super::*;
use stillhere_net::clock;

const MS: Duration = Duration::from_millis(1);

fn pool(nodes: usize) -> (Arc<Pool>, Instant) {
    let names = (1..=nodes).map(|n| format!("http://10.0.0.{n}:80")).collect();
    let now = clock::mono();
    let pool = Pool::seeded("shop", &PoolSpec::of(names), None, now, 7).expect("good addresses");
    // The first probes say that all is well.
    for probe in pool.probes_due(now) {
        pool.probed(probe.node.id(), Sign::Answers, MS, now);
    }
    (pool, now)
}

fn ask() -> Ask {
    Ask {
        client: 1,
        priority: Priority::Page,
        bytes: 0,
        not: None,
        route: 1,
        until: None,
        patient: false,
        may_try: false,
    }
}

fn take(pool: &Arc<Pool>, ask: Ask, now: Instant) -> Place {
    match pool.enter(ask, now) {
        Ok(Entry::Place(place)) => place,
        other => panic!("{other:?}"),
    }
}

fn wait(pool: &Arc<Pool>, ask: Ask, now: Instant) -> Ticket {
    match pool.enter(ask, now) {
        Ok(Entry::Ticket(ticket)) => ticket,
        other => panic!("{other:?}"),
    }
}

fn granted(ticket: &mut Ticket) -> Option<Place> {
    match ticket.take(None) {
        Some(wait::Ended::Place(place)) => Some(place),
        None => None,
        Some(other) => panic!("{other:?}"),
    }
}

fn refused(ticket: &mut Ticket) -> Option<NoPlace> {
    match ticket.take(None) {
        Some(wait::Ended::No(why)) => Some(why),
        None => None,
        Some(other) => panic!("{other:?}"),
    }
}

/// Answers that take 40 ms, until that is known to be the usual thing.
fn teach(pool: &Arc<Pool>, now: &mut Instant) {
    for _ in 0..40 {
        let mut place = take(pool, ask(), *now);
        *now += MS * 40;
        place.answered(200, MS * 40, *now);
    }
}

fn fill(pool: &Arc<Pool>, now: Instant) -> Vec<Place> {
    std::iter::from_fn(|| match pool.enter(Ask { until: Some(now), ..ask() }, now) {
        Ok(Entry::Place(place)) => Some(place),
        _ => None,
    })
    .collect()
}

#[test]
fn a_refused_connection_takes_a_node_out_at_once_and_a_probe_brings_it_back() {
    let (pool, mut now) = pool(2);
    let mut place = take(&pool, ask(), now);
    let dead = place.node().clone();
    place.failed(Failure::Connect, now);
    assert_eq!(dead.generation(), 1, "kept connections are of no use");
    for _ in 0..30 {
        assert_ne!(take(&pool, ask(), now).node().id(), dead.id());
    }
    now += MS * 24;
    assert!(pool.probes_due(now).is_empty());
    now += MS;
    let due = pool.probes_due(now);
    assert_eq!(due.iter().map(|p| p.node.id()).collect::<Vec<_>>(), [dead.id()]);
    pool.probed(dead.id(), Sign::Answers, MS, now);
    let seen: std::collections::HashSet<_> = fill(&pool, now).iter().map(|p| p.node().id().0).collect();
    assert_eq!(seen.len(), 2);
}

#[test]
fn what_can_be_sent_again_is_tried_once_at_a_node_that_takes_connections() {
    let (pool, mut now) = pool(1);
    take(&pool, ask(), now).failed(Failure::Connect, now);
    let may = Ask { may_try: true, ..ask() };
    let mut tries: Vec<Ticket> = (0..=TRIALS).map(|_| wait(&pool, may, now)).collect();
    let mut waits = wait(&pool, ask(), now);
    pool.connected(NodeId(0), now);
    assert!(granted(&mut tries[0]).is_none(), "so soon it may be the process that was there before");
    now += MS * 200;
    pool.connected(NodeId(0), now);
    let mut tried: Vec<Place> = tries.iter_mut().filter_map(granted).collect();
    assert!(tried.len() == TRIALS as usize && tried.iter().all(Place::is_trial));
    assert!(granted(&mut waits).is_none() && !pool.available(now), "nobody else");
    pool.connected(NodeId(0), now);
    assert!(granted(&mut tries[TRIALS as usize]).is_none(), "once");
    // It does not serve yet: who was sent there is nobody's load, and what comes of it says nothing.
    pool.probed(NodeId(0), Sign::Errs, MS, now);
    assert_eq!(pool.nodes()[0].state().in_flight(), 0);
    tried.pop().expect("ten").failed(Failure::Cut, now);
    pool.connected(NodeId(0), now);
    assert!(granted(&mut tries[TRIALS as usize]).is_none(), "it is the same process");
    // It refused connections in between.
    pool.probed(NodeId(0), Sign::Nothing, MS, now);
    pool.connected(NodeId(0), now);
    assert!(granted(&mut tries[TRIALS as usize]).expect("a place").is_trial());
    pool.probed(NodeId(0), Sign::Answers, MS, now);
    assert!(!granted(&mut waits).expect("a place").is_trial());
}

#[test]
fn a_request_from_before_a_node_was_thrown_out_says_nothing_about_it_now() {
    let (pool, mut now) = pool(1);
    let mut first = take(&pool, ask(), now);
    let mut second = take(&pool, ask(), now);
    first.failed(Failure::Cut, now);
    now += MS * 25;
    assert_eq!(pool.probes_due(now).len(), 1);
    pool.probed(NodeId(0), Sign::Answers, MS, now);
    second.failed(Failure::Cut, now);
    assert!(pool.available(now));
    let s = pool.nodes()[0].state();
    assert_eq!(s.in_flight(), 0);
    let third = take(&pool, ask(), now);
    drop((first, second));
    assert_eq!(s.in_flight(), 1);
    drop(third);
    assert_eq!(s.in_flight(), 0);
}

#[test]
fn a_dead_node_is_never_asked_and_those_who_wait_go_on_in_their_order_when_it_is_back() {
    let (pool, mut now) = pool(1);
    take(&pool, ask(), now).failed(Failure::Connect, now);
    let mut tickets: Vec<_> = (0..30)
        .map(|_| {
            now += MS * 50;
            wait(&pool, ask(), now)
        })
        .collect();
    assert_eq!(pool.estimate(now, Priority::Page), None);
    assert!(!pool.probes_due(now).is_empty());
    pool.probed(NodeId(0), Sign::Answers, MS, now);
    let mut let_in = Vec::new();
    for round in 0..40 {
        let mut places: Vec<_> =
            tickets.iter_mut().enumerate().filter_map(|(n, t)| granted(t).map(|place| (n, place))).collect();
        if round == 0 {
            assert_eq!(places.len(), 10, "paced, not a stampede");
        }
        let_in.extend(places.iter().map(|p| p.0));
        now += MS * 40;
        for (_, place) in &mut places {
            place.answered(200, MS * 40, now);
        }
    }
    assert_eq!(let_in, (0..30).collect::<Vec<_>>());
}

#[test]
fn when_all_are_out_one_waits_for_the_hold_and_is_told_so() {
    let (pool, now) = pool(1);
    take(&pool, ask(), now).failed(Failure::Connect, now);
    let mut ticket = wait(&pool, ask(), now);
    assert_eq!(ticket.deadline, now + MS * 10_000);
    ticket.overdue(now + MS * 10_000);
    assert_eq!(refused(&mut ticket), Some(NoPlace::AllOut { waited: MS * 10_000 }));
    let soon = now + MS * 30;
    let mut ticket = wait(&pool, Ask { until: Some(soon), ..ask() }, now);
    assert_eq!(ticket.deadline, soon);
    ticket.overdue(soon);
    assert_eq!(refused(&mut ticket), Some(NoPlace::AllOut { waited: MS * 30 }));
    assert_eq!(pool.view(now).refused, Refused { all_out: 2, ..Refused::default() });
}

#[test]
fn a_place_that_was_lent_is_given_back_once_whatever_comes_first() {
    let (pool, now) = pool(1);
    let mut all = fill(&pool, now);
    let mut next = wait(&pool, ask(), now);
    let mut slow = all.remove(0);
    let lend = slow.lend();
    lend();
    let in_its_place = granted(&mut next).expect("there is room");
    let mut next = wait(&pool, ask(), now);
    slow.answered(200, MS * 40, now + MS);
    drop(slow);
    assert!(granted(&mut next).is_none(), "it had been given back");
    let mut quick = in_its_place;
    let lend = quick.lend();
    quick.answered(200, MS * 40, now + MS);
    let other = granted(&mut next).expect("the answer gave it back");
    let mut next = wait(&pool, ask(), now + MS);
    lend();
    assert!(granted(&mut next).is_none(), "nothing is left to lend");
    drop(other);
}

#[test]
fn a_socket_waits_for_room_as_long_as_for_a_node_and_behind_who_looks_at_a_page() {
    let (pool, now) = pool(1);
    let mut all = fill(&pool, now);
    let mut socket = wait(&pool, Ask { patient: true, ..ask() }, now);
    assert_eq!(socket.deadline, now + MS * 10_000);
    let mut page = wait(&pool, ask(), now);
    let mut at = now;
    for n in 1..=12 {
        at = now + MS * 50 * n;
        let mut vital = wait(&pool, Ask { priority: Priority::Vital, ..ask() }, at);
        all.remove(0).answered(200, MS * 40, at);
        all.push(granted(&mut vital).expect("a place"));
    }
    assert!(matches!(refused(&mut page), Some(NoPlace::Overloaded { .. })));
    assert!(refused(&mut socket).is_none(), "it came earlier, and waits on");
    let mut page = wait(&pool, ask(), at);
    all.remove(0).answered(200, MS * 40, at);
    all.push(granted(&mut page).expect("before the socket"));
    all.remove(0).answered(200, MS * 40, at);
    assert!(granted(&mut socket).is_some());
}

#[test]
fn when_nodes_are_up_one_waits_a_second_at_most_and_shorter_once_a_queue_stands() {
    let (pool, now) = pool(1);
    let mut all = fill(&pool, now);
    let mut first = wait(&pool, ask(), now);
    assert_eq!(first.deadline, now + MS * 1_000);
    let mut second = None;
    // Answers go on coming, and somebody more urgent always takes the place.
    for n in 1..=12 {
        let at = now + MS * 50 * n;
        let mut vital = wait(&pool, Ask { priority: Priority::Vital, ..ask() }, at);
        all.remove(0).answered(200, MS * 40, at);
        all.push(granted(&mut vital).expect("a place"));
        if n == 9 {
            second = Some(wait(&pool, ask(), at));
        }
    }
    // The queue has been there for half a second.
    assert_eq!(refused(&mut first), Some(NoPlace::Overloaded { waited: MS * 500 }));
    let mut second = second.expect("came at 450 ms");
    assert_eq!(refused(&mut second), Some(NoPlace::Overloaded { waited: MS * 100 }));
    assert!(!pool.may_repeat(now + MS * 600), "nothing is repeated while there is too much to do");
    assert!(pool.view(now + MS * 600).overloaded);
    assert!(pool.may_repeat(now + MS * 1_700));
}

#[test]
fn when_nothing_is_answered_at_all_nobody_is_sent_away_and_the_first_to_come_goes_first() {
    let (pool, now) = pool(1);
    let mut all = fill(&pool, now);
    let mut first = wait(&pool, ask(), now + MS * 10);
    let _second = wait(&pool, ask(), now + MS * 700);
    let _third = wait(&pool, ask(), now + MS * 900);
    first.overdue(first.deadline);
    assert_eq!(first.deadline, now + MS * 10_010, "held, as if the node were away");
    all.remove(0).answered(200, MS * 1_500, now + MS * 1_500);
    assert!(granted(&mut first).is_some());
}

#[test]
fn whoever_waited_for_room_when_the_nodes_died_goes_on_too_when_they_are_back() {
    let (pool, now) = pool(1);
    let mut all = fill(&pool, now);
    let mut first = wait(&pool, ask(), now);
    all[0].failed(Failure::Connect, now + MS * 10);
    let probe = pool.probes_due(now + MS * 3_000).pop().expect("a probe");
    pool.probed(probe.node.id(), Sign::Answers, MS, now + MS * 3_001);
    assert!(granted(&mut first).is_some());
}

#[test]
fn a_deadline_moves_when_all_nodes_go_out_meanwhile() {
    let (pool, now) = pool(1);
    let mut all = fill(&pool, now);
    let mut ticket = wait(&pool, ask(), now);
    all[0].failed(Failure::Connect, now + MS * 10);
    ticket.overdue(ticket.deadline);
    assert_eq!(ticket.deadline, now + MS * 10_000);
    assert!(granted(&mut ticket).is_none());
}

#[test]
fn the_urgent_go_first_and_the_newest_when_it_has_become_late() {
    let (pool, now) = pool(1);
    let mut all = fill(&pool, now);
    let at = |ms: u32| now + MS * ms;
    let mut old = wait(&pool, ask(), at(0));
    let mut new = wait(&pool, ask(), at(10));
    let mut vital = wait(&pool, Ask { priority: Priority::Vital, ..ask() }, at(20));
    all.pop().expect("one").answered(200, MS * 20, at(30));
    assert!(granted(&mut vital).is_some_and(|p| p.waited() == MS * 10));
    // The place of the vital one is free again.
    let _first = granted(&mut old).expect("not late yet: the oldest first");
    let mut newest = wait(&pool, ask(), at(75));
    all.pop().expect("one").answered(200, MS * 80, at(80));
    assert!(granted(&mut new).is_none());
    assert!(granted(&mut newest).is_some());
    assert!(granted(&mut new).is_some(), "then the other");
}

#[test]
fn whoever_leaves_the_queue_frees_his_turn_even_when_it_had_been_granted() {
    let (pool, now) = pool(1);
    let mut all = fill(&pool, now);
    let one = wait(&pool, ask(), now);
    let two = wait(&pool, ask(), now);
    drop(one);
    assert_eq!(pool.view(now).queue.waiting, 1);
    let limit = pool.nodes()[0].state().limit();
    all.pop().expect("one").answered(200, MS, now);
    // It has been granted, but was not fetched.
    assert_eq!(pool.nodes()[0].state().in_flight(), limit);
    drop(two);
    assert_eq!(pool.nodes()[0].state().in_flight(), limit - 1);
}

#[test]
fn a_silent_node_is_suspected_probed_and_given_up() {
    let (pool, mut now) = pool(2);
    teach(&pool, &mut now);
    let stuck = take(&pool, ask(), now);
    let node = stuck.node().id();
    now += MS * 151;
    let due = pool.probes_due(now);
    assert_eq!(due.iter().map(|p| p.node.id()).collect::<Vec<_>>(), [node]);
    assert!(due[0].within >= MS * 200);
    for _ in 0..30 {
        assert_ne!(take(&pool, ask(), now).node().id(), node, "not while there is another");
    }
    let rt = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    rt.block_on(async {
        let mut given_up = std::pin::pin!(stuck.given_up());
        assert!(futures_poll(given_up.as_mut()).is_none());
        pool.probed(node, Sign::Connects, MS * 200, now);
        assert!(futures_poll(given_up.as_mut()).is_some());
    });
    assert_eq!(stuck.node().generation(), 1);
}

fn futures_poll<F: Future>(future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    match future.poll(&mut cx) {
        std::task::Poll::Ready(out) => Some(out),
        std::task::Poll::Pending => None,
    }
}

#[test]
fn one_slow_path_of_a_node_that_answers_otherwise_does_not_make_it_suspect() {
    let (pool, mut now) = pool(1);
    teach(&pool, &mut now);
    let _slow = take(&pool, Ask { route: 2, ..ask() }, now);
    for _ in 0..1_000 {
        let mut place = take(&pool, ask(), now);
        now += MS * 40;
        place.answered(200, MS * 40, now);
        assert!(pool.probes_due(now).is_empty());
    }
}

#[test]
fn a_request_that_is_known_to_take_long_does_not_make_a_node_suspect() {
    let (pool, mut now) = pool(1);
    let report = Ask { route: 2, ..ask() };
    for _ in 0..40 {
        let mut place = take(&pool, report, now);
        now += MS * 900;
        place.answered(200, MS * 900, now);
    }
    let _slow = take(&pool, report, now);
    for _ in 0..160 {
        now += MS * 25;
        assert!(pool.probes_due(now).is_empty());
    }
}

#[test]
fn the_last_node_is_not_thrown_out_for_being_silent() {
    let (pool, mut now) = pool(1);
    teach(&pool, &mut now);
    let mut stuck = take(&pool, ask(), now);
    for _ in 0..400 {
        now += MS * 25;
        for probe in pool.probes_due(now) {
            pool.probed(probe.node.id(), Sign::Connects, probe.within, now);
        }
    }
    assert_eq!(pool.view(now).nodes[0].state, NodeState::Suspect);
    let _still = take(&pool, ask(), now);
    stuck.answered(200, MS * 10_000, now);
    assert_eq!(pool.view(now).nodes[0].state, NodeState::Up);
}

#[test]
fn a_node_that_fails_quickly_does_not_attract_everybody() {
    let (pool, mut now) = pool(2);
    teach(&pool, &mut now);
    let mut at_the_bad_one = 0;
    for _ in 0..200 {
        let mut places = [take(&pool, ask(), now), take(&pool, ask(), now), take(&pool, ask(), now)];
        for place in &mut places {
            let bad = place.node().id().0 == 0;
            at_the_bad_one += u32::from(bad);
            now += MS;
            place.answered(if bad { 500 } else { 200 }, if bad { MS } else { MS * 40 }, now);
        }
    }
    assert!(at_the_bad_one < 150, "{at_the_bad_one} of 600");
}

#[test]
fn the_faster_node_gets_more() {
    let (pool, mut now) = pool(2);
    let mut counts = [0u32; 2];
    for _ in 0..300 {
        let mut places: Vec<_> = (0..6).map(|_| take(&pool, ask(), now)).collect();
        now += MS * 60;
        for place in &mut places {
            let n = place.node().id().0;
            counts[n as usize] += 1;
            place.answered(200, MS * (20 + 40 * n), now);
        }
    }
    assert!(counts[0] > counts[1] * 3 / 2, "{counts:?}");
}

#[test]
fn an_open_stream_does_not_take_the_place_of_a_request() {
    let (pool, now) = pool(1);
    let mut streams = Vec::new();
    for _ in 0..500 {
        let mut place = take(&pool, ask(), now);
        place.answered(200, MS, now);
        streams.push(place);
    }
    let view = pool.view(now);
    assert_eq!((view.nodes[0].in_flight, view.nodes[0].bodies), (0, 500));
    drop(streams);
    assert_eq!(pool.view(now).nodes[0].bodies, 0);
}

#[test]
fn a_repeat_goes_to_another_node_and_to_the_same_one_only_when_there_is_no_other() {
    let (pool, now) = pool(2);
    for node in [0, 1] {
        let not = Ask { not: Some(NodeId(node)), ..ask() };
        for _ in 0..20 {
            assert_eq!(take(&pool, not, now).node().id(), NodeId(1 - node));
        }
    }
    let mut place = take(&pool, Ask { not: Some(NodeId(0)), ..ask() }, now);
    place.failed(Failure::Connect, now);
    assert_eq!(take(&pool, Ask { not: Some(NodeId(0)), ..ask() }, now).node().id(), NodeId(0));
    assert_eq!(pool.hedge_after(1), None, "nobody to hedge with");
}

#[test]
fn a_paused_service_holds_requests_and_lets_them_go_in_their_order() {
    let (pool, now) = pool(2);
    pool.pause(Some(now + MS * 5_000), now);
    assert!(!pool.available(now) && pool.view(now).paused);
    let mut first = wait(&pool, ask(), now);
    let mut second = wait(&pool, ask(), now + MS * 100);
    assert_eq!(pool.estimate(now + MS * 1_000, Priority::Page), Some(MS * 4_000));
    assert!(pool.probes_due(now + MS * 4_999).is_empty() && granted(&mut first).is_none());
    let _tick = pool.probes_due(now + MS * 5_000);
    assert!(granted(&mut first).is_some() && granted(&mut second).is_some());
    pool.pause(None, now + MS * 6_000);
    let mut third = wait(&pool, ask(), now + MS * 6_000);
    third.overdue(third.deadline);
    assert_eq!(refused(&mut third), Some(NoPlace::Paused { waited: MS * 10_000 }));
    pool.resume(now + MS * 17_000);
    assert!(pool.available(now + MS * 17_000));
}

#[test]
fn after_a_reload_what_is_known_stays_known() {
    let (old, mut now) = pool(2);
    teach(&old, &mut now);
    let mut place = take(&old, ask(), now);
    let dead = place.node().origin().clone();
    place.failed(Failure::Connect, now);
    let under_way = take(&old, ask(), now);
    let mut names = old.spec().nodes.clone();
    names.insert(0, "http://10.0.0.9:80".to_owned());
    let new = Pool::take_over(&old, &PoolSpec::of(names), now).expect("good addresses");
    assert_eq!(new.view(now).nodes.iter().filter(|n| n.in_flight == 1).count(), 1);
    let same = new.nodes().iter().find(|n| *n.origin() == dead).expect("it is there");
    assert_eq!(same.generation(), 1);
    for place in fill(&new, now) {
        assert_ne!(*place.node().origin(), dead);
    }
    assert!(new.hedge_after(1).is_some_and(|after| after < MS * 200), "latencies are still known");
    drop(under_way);
    assert_eq!(new.view(now).nodes.iter().map(|n| n.in_flight).sum::<u32>(), 0);
}

#[test]
fn whoever_waits_during_a_reload_waits_on_in_the_new_pool() {
    let rt = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    rt.block_on(async {
        let (old, now) = pool(1);
        take(&old, ask(), now).failed(Failure::Connect, now);
        let mut waiting = Box::pin(old.admit(ask(), now));
        assert!(futures_poll(waiting.as_mut()).is_none());
        let names = vec!["http://10.0.0.7:80".to_owned()];
        let new = Pool::take_over(&old, &PoolSpec::of(names), now).expect("good addresses");
        let place = waiting.await.expect("the new node is up");
        assert_eq!(place.node().origin().host, "10.0.0.7");
        assert!(Arc::ptr_eq(place.pool(), &new));
        assert!(Arc::ptr_eq(old.admit(ask(), now).await.expect("a place").pool(), &new));
    });
}

#[test]
fn a_waiter_is_woken_by_a_free_place_or_by_its_deadline() {
    let rt = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    rt.block_on(async {
        let (pool, _) = pool(1);
        let now = clock::mono();
        let mut all = fill(&pool, now);
        let soon = Ask { until: Some(now + MS * 20), ..ask() };
        let why = pool.admit(soon, now).await.expect_err("no room");
        assert_eq!(why, NoPlace::Overloaded { waited: MS * 20 });
        let waiting = pool.admit(ask(), now);
        let (place, ()) = tokio::join!(waiting, async {
            tokio::task::yield_now().await;
            all.pop().expect("one").answered(200, MS, now);
        });
        assert_eq!(place.expect("the free one").node().id(), NodeId(0));
    });
}

#[test]
fn many_threads_lose_no_place_and_no_waiter() {
    let (pool, _) = pool(2);
    let worker = |thread: u64| {
        let pool = pool.clone();
        std::thread::spawn(move || {
            let rt = tokio::runtime::Builder::new_current_thread().enable_time().build();
            rt.expect("a runtime").block_on(async {
                let tasks: Vec<_> =
                    (0..30).map(|task| tokio::spawn(visitor(pool.clone(), thread, task))).collect();
                for task in tasks {
                    task.await.expect("no panic");
                }
            });
        })
    };
    let threads: Vec<_> = (0..4).map(worker).collect();
    // Somebody has to look at the nodes that are out.
    while threads.iter().any(|t| !t.is_finished()) {
        for probe in pool.probes_due(clock::mono()) {
            pool.probed(probe.node.id(), Sign::Answers, MS, clock::mono());
        }
        std::thread::yield_now();
    }
    for thread in threads {
        thread.join().expect("no panic");
    }
    let view = pool.view(clock::mono());
    assert_eq!(view.queue.waiting, 0);
    assert!(view.nodes.iter().all(|n| n.in_flight == 0 && n.bodies == 0), "{view:?}");
}

async fn visitor(pool: Arc<Pool>, thread: u64, task: u64) {
    for round in 0..60u64 {
        let ask = Ask { client: thread * 100 + task, ..ask() };
        let Ok(mut place) = pool.admit(ask, clock::mono()).await else { continue };
        tokio::task::yield_now().await;
        match (round + task) % 40 {
            0 => drop(place),
            1 if thread == 0 && task.is_multiple_of(10) => place.failed(Failure::Cut, clock::mono()),
            _ => place.answered(200, MS, clock::mono()),
        }
    }
}

#[test]
fn ten_thousand_waiters_are_cheap() {
    let (pool, now) = pool(1);
    take(&pool, ask(), now).failed(Failure::Connect, now);
    let began = clock::mono();
    let mut tickets: Vec<_> = (0..10_000).map(|client| wait(&pool, Ask { client, ..ask() }, now)).collect();
    assert!(matches!(pool.enter(ask(), now), Err(NoPlace::QueueFull)));
    // Every second one leaves, the others are let in as places come free.
    let mut n = 0;
    tickets.retain(|_| {
        n += 1;
        n % 2 == 0
    });
    let now = now + MS * 25;
    assert_eq!(pool.probes_due(now).len(), 1);
    pool.probed(NodeId(0), Sign::Answers, MS, now);
    for ticket in &mut tickets {
        let mut place = granted(ticket).expect("in turn");
        place.answered(200, MS, now);
    }
    let took = clock::mono() - began;
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[test]
fn the_view_speaks_the_fields_words() {
    let (pool, now) = pool(2);
    take(&pool, ask(), now).failed(Failure::Connect, now);
    let json = serde_json::to_value(pool.view(now + MS * 500)).expect("json");
    let mut states: Vec<_> = (0..2).map(|n| json["nodes"][n]["state"].as_str().expect("a word")).collect();
    states.sort_unstable();
    assert_eq!(states, ["down", "up"]);
    let down = if json["nodes"][0]["state"] == "down" { 0 } else { 1 };
    assert_eq!(json["nodes"][down]["why"], "refused");
    assert_eq!(json["nodes"][down]["since_ms"], 500);
    assert_eq!(json["queue"]["by_priority"]["vital"], 0);
    assert_eq!(json["nodes"][down]["address"], format!("http://10.0.0.{}:80", down + 1));
}

#[test]
fn a_bad_specification_is_refused_with_what_to_write() {
    let of = |nodes: &[&str]| PoolSpec::of(nodes.iter().map(|n| (*n).to_owned()).collect());
    let table = [
        (of(&[]), "nodes"),
        (of(&["http://a", "ftp://b"]), "nodes[1]"),
        (of(&["http://a", "http://a:80"]), "nodes[1]"),
        (PoolSpec { health: "healthz".to_owned(), ..of(&["http://a"]) }, "health"),
        (PoolSpec { hold: Duration::from_secs(3_600), ..of(&["http://a"]) }, "hold"),
        (PoolSpec { queue: 2_000_000, ..of(&["http://a"]) }, "queue"),
    ];
    for (spec, path) in table {
        let problems = spec.validate();
        assert_eq!(problems.iter().map(|p| p.path.as_str()).collect::<Vec<_>>(), [path]);
        assert!(Pool::new("p", &spec, clock::mono()).is_err());
    }
    assert!(of(&["http://a", "h2c://a:80", "https://[::1]:8443"]).validate().is_empty());
}
