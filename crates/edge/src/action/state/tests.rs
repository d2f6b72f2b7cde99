use super::*;
use proptest::prelude::*;

const EVENTS: [Event; 11] = [
    Event::Claim,
    Event::Sending,
    Event::NotSent,
    Event::InDoubt,
    Event::Done,
    Event::Refused,
    Event::NeedsYou { sure: true },
    Event::NeedsYou { sure: false },
    Event::Lost,
    Event::TooLate,
    Event::Forget,
];

/// S saved, > sent, ? unknown, D done, R refused, N needs you, E expired, F forgotten; ! doubt.
/// x may double, t taken, = settled, o out of order.
fn short(result: Result<Standing, Refusal>) -> String {
    match result {
        Ok(at) => {
            let letter = match at.state {
                State::Saved => "S",
                State::Sent => ">",
                State::Unknown => "?",
                State::Done => "D",
                State::Refused => "R",
                State::NeedsYou => "N",
                State::Expired => "E",
                State::Forgotten => "F",
            };
            format!("{letter}{}", if at.doubt { "!" } else { "" })
        }
        Err(Refusal::MayDouble) => "x".to_owned(),
        Err(Refusal::Taken) => "t".to_owned(),
        Err(Refusal::Settled) => "=".to_owned(),
        Err(Refusal::OutOfOrder) => "o".to_owned(),
    }
}

#[test]
fn the_whole_table() {
    // from (h: the origin honours the key): claim, sending, not sent, in doubt, done, refused, needs you for sure,
    // needs you perhaps, lost, too late, forget
    let table = [
        ("S", "S > S o o o o o o E F"),
        ("S h", "S > S o o o o o o E F"),
        (">", "t > S >! D R N N! ?! o F"),
        ("> h", "t > S >! D R N N! ?! o F"),
        (">!", "t x ?! >! D! R! N! N! ?! o ?!"),
        (">! h", "t >! ?! >! D! R! N! N! ?! o ?!"),
        ("?!", "x x ?! o o o o o ?! o o"),
        ("?! h", "?! >! ?! o o o o o ?! o o"),
        ("N", "S o N o o o o o o o o"),
        ("N!", "x o N! o o o o o o o o"),
        ("N! h", "?! o N! o o o o o o o o"),
        ("D", "= = = = = = = = = = ="),
        ("R h", "= = = = = = = = = = ="),
        ("E", "= = = = = = = = = = ="),
        ("F", "= = = = = = = = = = ="),
    ];
    for (from, expected) in table {
        let state = match from.as_bytes()[0] {
            b'S' => State::Saved,
            b'>' => State::Sent,
            b'?' => State::Unknown,
            b'D' => State::Done,
            b'R' => State::Refused,
            b'N' => State::NeedsYou,
            b'E' => State::Expired,
            _ => State::Forgotten,
        };
        let at = Standing { state, honours: from.contains('h'), doubt: from.contains('!') };
        let got: Vec<String> = EVENTS.iter().map(|e| short(step(at, *e))).collect();
        assert_eq!(got.join(" "), expected, "from {from}");
    }
}

/// What truly happens to one attempt, and what the edge gets to know of it.
#[derive(Debug, Clone, Copy)]
enum Fate {
    NothingWritten,
    Answered,
    /// Executed or not, the edge hears nothing.
    Cut {
        executed: bool,
    },
    /// As `Cut`, and it is tried again at once by the same sender.
    CutAndRepeated {
        executed: bool,
    },
    TurnedAway,
    /// A redirection to a log-in, which the guess may be wrong about.
    Redirected {
        executed: bool,
    },
    Throttled,
    /// The edge is killed, before or after the first byte.
    Killed {
        executed: bool,
    },
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        Just(Fate::NothingWritten),
        Just(Fate::Answered),
        any::<bool>().prop_map(|executed| Fate::Cut { executed }),
        any::<bool>().prop_map(|executed| Fate::CutAndRepeated { executed }),
        Just(Fate::TurnedAway),
        any::<bool>().prop_map(|executed| Fate::Redirected { executed }),
        Just(Fate::Throttled),
        any::<bool>().prop_map(|executed| Fate::Killed { executed }),
    ]
}

proptest! {
    /// Whatever happens to its attempts, an origin that does not honour keys executes an action at most once, and
    /// nothing is called saved or expired ("it was not done") that was.
    #[test]
    fn nothing_is_executed_twice_unless_the_origin_honours_keys(
        honours: bool,
        fates in proptest::collection::vec((fate(), any::<bool>()), 1..12),
    ) {
        let mut at = Standing { state: State::Saved, honours, doubt: false };
        let mut executed = 0;
        'attempts: for (fate, too_late) in fates {
            if too_late && let Ok(next) = step(at, Event::TooLate) {
                at = next;
            }
            let Ok(next) = step(at, Event::Claim).and_then(|at| step(at, Event::Sending)) else { break };
            at = next;
            let mut fate = fate;
            loop {
                let mut doubled = |really: bool| executed += u32::from(really);
                let event = match fate {
                    Fate::NothingWritten => Event::NotSent,
                    Fate::Answered => { doubled(true); Event::Done }
                    Fate::Cut { executed } | Fate::Killed { executed } => { doubled(executed); Event::Lost }
                    Fate::CutAndRepeated { executed } => {
                        doubled(executed);
                        at = step(at, Event::InDoubt).unwrap();
                        if step(at, Event::Sending).is_ok() {
                            fate = Fate::NothingWritten;
                            continue;
                        }
                        Event::Lost
                    }
                    Fate::TurnedAway => Event::NeedsYou { sure: true },
                    Fate::Redirected { executed } => { doubled(executed); Event::NeedsYou { sure: false } }
                    Fate::Throttled => Event::Forget,
                };
                at = step(at, event).unwrap();
                break;
            }
            if !honours {
                prop_assert!(executed <= 1, "executed {executed} times: {at:?}");
            }
            if executed > 0 {
                prop_assert!(!matches!(at.state, State::Saved | State::Expired | State::Forgotten), "{at:?}");
            }
            if at.state == State::Forgotten {
                break 'attempts;
            }
        }
    }

    /// What is settled stays settled, and no event is lost silently: the state after it is the one it names.
    #[test]
    fn settled_is_settled(honours: bool, doubt: bool, events in proptest::collection::vec(0usize..11, 0..30)) {
        let mut at = Standing { state: State::Saved, honours, doubt };
        for n in events {
            let settled = at.state.answered() || matches!(at.state, State::Expired | State::Forgotten);
            match step(at, EVENTS[n]) {
                Ok(next) => {
                    prop_assert!(!settled, "{at:?} {:?}", EVENTS[n]);
                    prop_assert!(next.doubt || !at.doubt, "doubt is not forgotten");
                    prop_assert_eq!(next.honours, honours);
                    at = next;
                }
                Err(why) => prop_assert_eq!(settled, why == Refusal::Settled),
            }
        }
    }
}
