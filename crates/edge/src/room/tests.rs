//! Who came first enters first, nobody gets in twice, and nothing can be made up.

use super::*;
use http::{HeaderValue, header};
use proptest::prelude::*;
use std::{cmp::Reverse, collections::BinaryHeap};

const START: Time = Time(1_700_000_000_000);
const ROUTE: u64 = 42;

fn secret() -> Secret {
    Secret::new(&[7; 32])
}

fn room(max_active: Option<u32>, enter_per_minute: Option<u32>) -> Room {
    let spec = RoomSpec { max_active, enter_per_minute, ..RoomSpec::default() };
    assert_eq!(spec.validate(), []);
    Room::new(&spec, ROUTE, secret(), START)
}

fn at(seconds: u64) -> Time {
    START.plus(Duration::from_secs(seconds))
}

fn pass(asked: Ask) -> String {
    match asked {
        Ask::Enter { pass } => pass,
        other => panic!("not let in: {other:?}"),
    }
}

fn ticket(asked: Ask) -> String {
    match asked {
        Ask::Wait { ticket, .. } => ticket,
        other => panic!("does not wait: {other:?}"),
    }
}

#[test]
fn when_nobody_waits_the_door_is_open() {
    let room = room(Some(10), None);
    let inside = pass(room.ask(None, START, 1));
    assert_eq!(room.ask(Some(&inside), at(60), 0), Ask::Enter { pass: inside.clone() });
    // Who stays active gets a newer pass in time.
    let newer = pass(room.ask(Some(&inside), at(400), 0));
    assert_ne!(newer, inside);
    assert!(matches!(room.ask(Some(&newer), at(900), 0), Ask::Enter { .. }));
    assert_eq!(room.ask(Some(&inside), at(900), 0), Ask::Bad(Bad::Expired));
    assert_eq!(room.standing(at(900)).active, 1);
}

#[test]
fn a_room_without_limits_lets_everybody_in() {
    let room = room(None, None);
    for n in 0..5_000 {
        pass(room.ask(None, START, n));
    }
}

#[test]
fn who_came_first_enters_first_even_if_the_other_asks_more_often() {
    let room = room(Some(1), None);
    let inside = pass(room.ask(None, START, 1));
    let first = ticket(room.ask(None, at(1), 9));
    let mut second = ticket(room.ask(None, at(2), 2));
    assert!(matches!(room.ask(Some(&second), at(3), 0), Ask::Wait { ahead: Some(1), eta: None, .. }));
    room.left(&inside, at(3));
    assert_eq!(room.ask(Some(&inside), at(3), 0), Ask::Bad(Bad::Used));
    for ms in (3_100..5_000).step_by(10) {
        second = ticket(room.ask(Some(&second), START.plus(Duration::from_millis(ms)), 0));
        ticket(room.ask(None, START.plus(Duration::from_millis(ms)), ms));
    }
    pass(room.ask(Some(&first), at(5), 0));
    assert!(matches!(room.ask(Some(&second), at(5), 0), Ask::Wait { ahead: Some(0), .. }));
}

#[test]
fn who_has_gone_holds_up_nobody_for_long_and_keeps_the_place_in_the_order() {
    let room = room(Some(1), None);
    let inside = pass(room.ask(None, START, 1));
    let gone = ticket(room.ask(None, at(1), 2));
    let here = ticket(room.ask(None, at(2), 3));
    room.left(&inside, at(3));
    let here = ticket(room.ask(Some(&here), at(3), 0));
    let inside = pass(room.ask(Some(&here), at(20), 0));
    // Back again, and still before whoever came later.
    let back = ticket(room.ask(Some(&gone), at(30), 0));
    let later = ticket(room.ask(None, at(31), 4));
    room.left(&inside, at(32));
    ticket(room.ask(Some(&later), at(33), 0));
    pass(room.ask(Some(&back), at(33), 0));
}

#[test]
fn a_used_ticket_does_not_bring_anybody_to_the_front_again() {
    let room = room(Some(1), None);
    let first = pass(room.ask(None, START, 1));
    let used = ticket(room.ask(None, at(1), 2));
    room.left(&first, at(2));
    let second = pass(room.ask(Some(&used), at(3), 0));
    // An answer that got lost is given again.
    assert_eq!(pass(room.ask(Some(&used), at(3), 0)).len(), second.len());
    assert_eq!(room.standing(at(3)).active, 1);
    room.left(&second, at(4));
    assert_eq!(room.ask(Some(&used), at(5), 0), Ask::Bad(Bad::Used));
}

#[test]
fn the_rate_is_kept_and_the_eta_comes_from_it() {
    let room = room(None, Some(60));
    let mut inside = 0;
    let mut tickets = Vec::new();
    for n in 0..100 {
        match room.ask(None, START.plus(Duration::from_millis(n)), n) {
            Ask::Enter { .. } => inside += 1,
            Ask::Wait { ticket, .. } => tickets.push(ticket),
            bad @ Ask::Bad(_) => panic!("{bad:?}"),
        }
    }
    assert_eq!((inside, tickets.len()), (1, 99));
    let mut entered = 0;
    for second in 1..=30 {
        for text in &mut tickets {
            match room.ask(Some(text), at(second), 0) {
                Ask::Enter { .. } => text.clear(),
                Ask::Wait { ticket, .. } => *text = ticket,
                bad @ Ask::Bad(_) => panic!("{bad:?}"),
            }
        }
        entered += tickets.iter().filter(|t| t.is_empty()).count();
        tickets.retain(|t| !t.is_empty());
    }
    assert!((29..=31).contains(&entered), "{entered}");
    let Ask::Wait { ahead, eta, .. } = room.ask(tickets.last().map(String::as_str), at(30), 0) else {
        panic!("the last one waits")
    };
    assert_eq!(ahead, Some(tickets.len() as u64 - 1));
    let eta = eta.unwrap().as_secs_f64();
    assert!((eta / tickets.len() as f64 - 1.0).abs() < 0.2, "{eta} s for {}", tickets.len());
}

#[test]
fn a_reported_capacity_counts_where_no_rate_is_set() {
    let room = room(None, None);
    room.capacity(Some(2.0));
    let entered = (0..1000)
        .filter(|n| matches!(room.ask(None, START.plus(Duration::from_millis(*n)), *n), Ask::Enter { .. }));
    assert!((2..=4).contains(&entered.count()));
    room.capacity(Some(0.0));
    ticket(room.ask(None, at(60), 5_000));
    room.capacity(Some(f64::NAN));
    pass(room.ask(None, at(120), 6_000));
}

#[test]
fn after_a_restart_the_first_are_still_the_first_and_the_house_is_not_filled_twice() {
    let old = room(Some(2), None);
    let passes = [pass(old.ask(None, START, 1)), pass(old.ask(None, START, 2))];
    let first = ticket(old.ask(None, at(1), 3));
    let second = ticket(old.ask(None, at(2), 4));
    let spec = RoomSpec { max_active: Some(2), ..RoomSpec::default() };
    let new = Room::new(&spec, ROUTE, secret(), at(10));
    // The later one is the first to ask.
    let second = ticket(new.ask(Some(&second), at(11), 0));
    assert_eq!(new.standing(at(11)).active, 2, "those inside are known by what the ticket says");
    let first = ticket(new.ask(Some(&first), at(12), 0));
    ticket(new.ask(None, at(12), 5));
    assert_eq!(pass(new.ask(Some(&passes[0]), at(13), 0)), passes[0]);
    assert_eq!(new.standing(at(13)).active, 2);
    pass(new.ask(Some(&passes[1]), at(13), 0));
    // One of them leaves. Nobody gets in before everybody must have asked once; then the first.
    new.left(&passes[0], at(14));
    let second = ticket(new.ask(Some(&second), at(40), 0));
    let first = ticket(new.ask(Some(&first), at(41), 0));
    ticket(new.ask(Some(&second), at(46), 0));
    pass(new.ask(Some(&first), at(46), 0));
    ticket(new.ask(Some(&second), at(46), 0));
}

#[test]
fn after_a_restart_without_a_crowd_the_door_is_open() {
    let new = room(Some(2), None);
    pass(new.ask(None, START, 1));
}

#[test]
fn a_token_that_is_not_ours_or_not_for_this_is_refused() {
    let here = room(Some(1), None);
    let inside = pass(here.ask(None, START, 1));
    let waits = ticket(here.ask(None, START, 2));
    let ask = |text: &str| here.ask(Some(text), at(1), 3);
    for text in ["", "x", "ticket", &"A".repeat(94), &format!("{waits}A"), &waits[1..], &format!("{waits}=")]
    {
        assert!(matches!(ask(text), Ask::Bad(Bad::Malformed | Bad::Forged)), "{text}");
    }
    let other = Room::new(&RoomSpec::default(), ROUTE + 1, secret(), START);
    assert_eq!(ask(&pass(other.ask(None, START, 1))), Ask::Bad(Bad::OtherRoute));
    let stranger = Room::new(&RoomSpec::default(), ROUTE, Secret::new(&[8; 32]), START);
    assert_eq!(ask(&pass(stranger.ask(None, START, 1))), Ask::Bad(Bad::Forged));
    assert_eq!(here.ask(Some(&inside), at(600), 0), Ask::Bad(Bad::Expired));
    assert_eq!(here.ask(Some(&waits), at(1800), 0), Ask::Bad(Bad::Expired));
    assert_eq!(format!("{:?}", secret()), "***");
}

#[test]
fn a_ticket_comes_in_a_header_or_a_cookie() {
    let mut headers = http::HeaderMap::new();
    assert_eq!(presented(&headers), None);
    headers.insert(header::COOKIE, HeaderValue::from_static("a=b; stillhere-ticket=plain; c"));
    assert_eq!(presented(&headers), Some("plain"));
    headers.append(header::COOKIE, HeaderValue::from_static("__Host-stillhere-ticket=bound"));
    assert_eq!(presented(&headers), Some("bound"));
    headers.insert(HEADER, HeaderValue::from_static("said"));
    assert_eq!(presented(&headers), Some("said"));
}

#[test]
fn a_wrong_configuration_is_refused_with_the_key() {
    for (text, path) in [
        (r#"{"max_active":0}"#, "max_active"),
        (r#"{"enter_per_minute":0}"#, "enter_per_minute"),
        (r#"{"pass_for":"1s"}"#, "pass_for"),
        (r#"{"ticket_for":"2 days"}"#, "ticket_for"),
    ] {
        let spec: RoomSpec = serde_json::from_str(text).unwrap();
        assert_eq!(spec.validate().into_iter().map(|p| p.path).collect::<Vec<_>>(), [path]);
    }
    assert!(serde_json::from_str::<RoomSpec>(r#"{"max":1}"#).is_err());
}

/// What became of a crowd.
struct Crowd {
    /// When each who entered had come, and entered, in the order of entering.
    entered: Vec<(i64, i64)>,
    /// When each had come, and was told to wait for the last time.
    refused: Vec<(i64, i64)>,
    most_active: usize,
    asks: usize,
    /// What somebody in the middle was told at first, and how long it took.
    told: Option<(Duration, Duration)>,
}

/// People who come within `within`, ask when they are told to, stay inside for `stay`, and of whom one in `leavers`
/// closes the tab while waiting.
fn simulate(room: &Room, people: u64, within: u64, stay: u64, leavers: u64) -> Crowd {
    let mut events: BinaryHeap<Reverse<(i64, u64, bool)>> =
        (0..people).map(|n| Reverse((START.0 + (n * within / people) as i64, n, false))).collect();
    let mut tokens: Vec<Option<String>> = vec![None; people as usize];
    let mut came = vec![0; people as usize];
    let mut first_told: Vec<Option<(i64, Duration)>> = vec![None; people as usize];
    let mut crowd = Crowd { entered: Vec::new(), refused: Vec::new(), most_active: 0, asks: 0, told: None };
    let mut refused = vec![0; people as usize];
    let mut inside = 0usize;
    while let Some(Reverse((ms, n, leaves))) = events.pop() {
        let person = n as usize;
        if leaves {
            room.left(tokens[person].as_deref().unwrap(), Time(ms));
            inside -= 1;
            continue;
        }
        crowd.asks += 1;
        let asked = room.ask(tokens[person].as_deref(), Time(ms), n.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 5);
        if came[person] == 0 {
            came[person] = ms;
        }
        match asked {
            Ask::Enter { pass } => {
                tokens[person] = Some(pass);
                crowd.entered.push((came[person], ms));
                inside += 1;
                crowd.most_active = crowd.most_active.max(inside);
                if n == (people / 2) | 1 {
                    crowd.told = first_told[person].map(|(at, eta)| (eta, Time(ms).since(Time(at))));
                }
                events.push(Reverse((ms + stay as i64, n, true)));
            }
            Ask::Wait { ticket, eta, ask_again, .. } => {
                tokens[person] = Some(ticket);
                refused[person] = ms;
                // What is said before anybody has entered is nothing; take it once there is a queue.
                if let (Some(eta), None, true) = (eta, first_told[person], ms > START.0 + within as i64) {
                    first_told[person] = Some((ms, eta));
                }
                if n % leavers != 0 || crowd.asks < 2 {
                    events.push(Reverse((ms + millis_of(ask_again), n, false)));
                }
            }
            Ask::Bad(bad) => panic!("{bad}"),
        }
    }
    crowd.refused = came.into_iter().zip(refused).filter(|(_, at)| *at > 0).collect();
    crowd
}

fn millis_of(d: Duration) -> i64 {
    d.as_millis() as i64
}

/// The longest time after which somebody was still told to wait, although somebody who had come later had entered.
fn worst_overtaking(crowd: &Crowd) -> i64 {
    let mut refused = crowd.refused.clone();
    refused.sort_unstable();
    let mut entered = crowd.entered.clone();
    entered.sort_unstable();
    let (mut worst, mut latest, mut earlier) = (0, i64::MIN, refused.iter().peekable());
    for (came, at) in entered {
        while let Some((_, when)) = earlier.next_if(|(theirs, _)| *theirs < came) {
            latest = latest.max(*when);
        }
        worst = worst.max(latest.saturating_sub(at));
    }
    worst
}

#[test]
fn a_crowd_of_a_hundred_thousand_enters_in_its_order_and_never_more_than_fit() {
    let room = room(Some(20_000), Some(60_000));
    let crowd = simulate(&room, 100_000, 20_000, 15_000, 10);
    // Nine in ten stay to the end, and some of the others got in at once.
    assert!(crowd.entered.len() >= 90_000, "{}", crowd.entered.len());
    assert!(crowd.most_active <= 20_000, "{}", crowd.most_active);
    let span = crowd.entered.last().unwrap().1 - crowd.entered[0].1;
    assert!(
        crowd.entered.len() as i64 <= 1000 + span,
        "1000 in a second: {} in {span} ms",
        crowd.entered.len()
    );
    // The time is not wasted on those who have gone, either.
    assert!(span < 150_000, "{span} ms for 90,000 at 1,000 a second");
    assert_eq!(worst_overtaking(&crowd), 0);
    assert!(crowd.asks < 1_500_000, "{}", crowd.asks);
    let (eta, real) = crowd.told.unwrap();
    assert!(eta < real * 2 && real < eta * 2, "told {eta:?}, took {real:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_crowd_enters_in_its_order_and_never_more_than_fit(
        people in 1u64..400, within in 1u64..20_000, stay in 1u64..20_000, most in 1u32..50,
        per_minute in proptest::option::of(60u32..6_000), leavers in 2u64..10,
    ) {
        let room = room(Some(most), per_minute);
        let crowd = simulate(&room, people, within, stay, leavers);
        prop_assert!(crowd.most_active <= most as usize);
        prop_assert!(crowd.entered.len() as u64 >= people - people.div_ceil(leavers));
        if let Some(rate) = per_minute {
            for (n, (_, ms)) in crowd.entered.iter().enumerate() {
                let allowed = i64::from(rate) * (ms - START.0 + 1000) / 60_000 + 1;
                prop_assert!(n as i64 <= allowed, "{n} after {} ms", ms - START.0);
            }
        }
        prop_assert_eq!(worst_overtaking(&crowd), 0);
    }

    #[test]
    fn a_changed_token_is_never_taken(at_byte in 0usize..94, to in "[A-Za-z0-9_-]", active: u32, nonce: u64) {
        let token = Token { kind: Kind::Ticket, issued: START, nonce, stamp: START, active };
        let text = token.write(&secret(), ROUTE);
        prop_assert_eq!(Token::read(&text, &secret(), ROUTE), Ok(token));
        let changed = format!("{}{to}{}", &text[..at_byte], &text[at_byte + 1..]);
        prop_assume!(changed != text);
        prop_assert!(Token::read(&changed, &secret(), ROUTE).is_err());
    }

    #[test]
    fn anything_shown_is_answered(text in "\\PC{0,120}") {
        prop_assert!(matches!(room(Some(1), None).ask(Some(&text), START, 1), Ask::Bad(_)));
    }
}
