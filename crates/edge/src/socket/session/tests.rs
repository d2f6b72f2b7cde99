use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn message(n: u64) -> Message {
    Message { kind: Kind::Binary, bytes: Bytes::copy_from_slice(&n.to_be_bytes()) }
}

fn number(m: &Message) -> u64 {
    u64::from_be_bytes(m.bytes.as_ref().try_into().unwrap())
}

#[test]
fn what_was_not_acknowledged_is_sent_again_and_no_more() {
    let mut out = Out::new(Keep { messages: 10, bytes: 10_000 });
    for n in 1..=5 {
        assert_eq!(out.push(message(n)), n);
        out.take_next();
    }
    out.ack(2).unwrap();
    out.resume(3).unwrap();
    assert_eq!(out.take_next(), Some(Next::Message(message(4))));
    assert_eq!(out.take_next(), Some(Next::Message(message(5))));
    assert_eq!(out.take_next(), None);
    assert_eq!(out.ack(6), Err(Wrong::AckAhead));
    out.ack(5).unwrap();
    assert!(out.is_empty() && out.is_sent());
    assert_eq!(out.bytes(), 0);
}

#[test]
fn a_peer_that_forgot_what_it_acknowledged_hears_of_the_gap() {
    let mut out = Out::new(Keep { messages: 10, bytes: 10_000 });
    for n in 1..=3 {
        out.push(message(n));
        out.take_next();
    }
    out.ack(3).unwrap();
    out.resume(1).unwrap();
    assert_eq!(out.take_next(), Some(Next::Gap { next: 4, lost: 2 }));
    assert_eq!(out.resume(4), Err(Wrong::AckAhead));
}

#[test]
fn what_the_origin_confirmed_is_not_uncertain_and_the_rest_is() {
    let mut up = Upward::new(Keep { messages: 10, bytes: 10_000 });
    for n in 1..=6 {
        up.push(n, message(n));
    }
    for _ in 0..3 {
        up.take_next();
    }
    assert_eq!(up.ask(), Some(3));
    assert_eq!(up.ask(), None, "one question at a time");
    up.take_next();
    assert!(!up.confirm(9), "nobody asked that");
    assert!(up.confirm(3));
    assert_eq!(up.died(), Some([4, 4]));
    assert_eq!(up.read(), 3, "what is uncertain is not called read");
    assert_eq!(up.died(), None, "nothing was sent to the new one");
    assert_eq!(number(&up.take_next().unwrap()), 5, "what was never sent goes to the new one");
    assert_eq!(up.ask(), Some(5));
    assert!(up.confirm(5));
    assert_eq!(up.read(), 5);
}

// === two ends over a link that is cut, with an origin that dies ===

#[derive(Debug, Clone)]
enum Act {
    /// The client's application says something.
    ClientSays,
    /// The origin's application says something.
    OriginSays,
    /// So many frames arrive, on the way up or down.
    Up(u8),
    Down(u8),
    ClientAcks,
    EdgeAcks,
    /// The connection dies, with all that is on it.
    Cut,
    Connect,
    /// The edge writes so many messages to the origin.
    ToOrigin(u8),
    /// The origin reads so many of them, and answers the Ping behind them.
    OriginReads(u8),
    Pong,
    OriginDies,
}

#[derive(Debug)]
enum Wire {
    Message(Message),
    Gap { next: u64, lost: u64 },
    Ack(u64),
}

struct World {
    link: Option<(VecDeque<Wire>, VecDeque<Wire>)>,
    client_out: Out,
    client_in: In,
    edge_out: Out,
    edge_in: In,
    upward: Upward,
    /// Written to the origin and not read by it yet; `Err` is a Ping.
    pipe: VecDeque<Result<u64, u64>>,
    pongs: VecDeque<u64>,
    said_by_client: u64,
    said_by_origin: u64,
    at_client: Vec<u64>,
    at_origin: Vec<u64>,
    lost_to_client: BTreeSet<u64>,
    lost_by_client: BTreeSet<u64>,
    uncertain: BTreeSet<u64>,
}

impl World {
    fn new(keep: Keep) -> World {
        World {
            link: None,
            client_out: Out::new(keep),
            client_in: In::default(),
            edge_out: Out::new(keep),
            edge_in: In::default(),
            upward: Upward::new(keep),
            pipe: VecDeque::new(),
            pongs: VecDeque::new(),
            said_by_client: 0,
            said_by_origin: 0,
            at_client: Vec::new(),
            at_origin: Vec::new(),
            lost_to_client: BTreeSet::new(),
            lost_by_client: BTreeSet::new(),
            uncertain: BTreeSet::new(),
        }
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::ClientSays => {
                // A client that is not connected and has no room forgets its oldest, and says so later.
                while !self.client_out.has_room() && self.link.is_none() && self.client_out.drop_oldest() {}
                if self.client_out.has_room() {
                    self.said_by_client += 1;
                    assert_eq!(self.client_out.push(message(self.said_by_client)), self.said_by_client);
                }
            }
            Act::OriginSays => {
                while !self.edge_out.has_room() && self.link.is_none() && self.edge_out.drop_oldest() {}
                if self.edge_out.has_room() {
                    self.said_by_origin += 1;
                    self.edge_out.push(message(self.said_by_origin));
                }
            }
            Act::Up(n) => {
                for _ in 0..*n {
                    let Some((up, _)) = &mut self.link else { return };
                    if !self.upward.has_room() {
                        return;
                    }
                    match up.pop_front() {
                        None => return,
                        Some(Wire::Message(m)) => {
                            let n = self.edge_in.take();
                            assert_eq!(n, number(&m), "both count the same");
                            self.upward.push(n, m);
                        }
                        Some(Wire::Gap { next, lost }) => {
                            let from = self.edge_in.got() + 1;
                            assert_eq!(self.edge_in.gap(next), Ok(lost));
                            self.lost_by_client.extend(from..next);
                        }
                        Some(Wire::Ack(got)) => self.edge_out.ack(got).unwrap(),
                    }
                }
            }
            Act::Down(n) => {
                for _ in 0..*n {
                    let Some((_, down)) = &mut self.link else { return };
                    match down.pop_front() {
                        None => return,
                        Some(Wire::Message(m)) => {
                            assert_eq!(self.client_in.take(), number(&m));
                            self.at_client.push(number(&m));
                        }
                        Some(Wire::Gap { next, lost }) => {
                            let from = self.client_in.got() + 1;
                            assert_eq!(self.client_in.gap(next), Ok(lost));
                            self.lost_to_client.extend(from..next);
                        }
                        Some(Wire::Ack(got)) => self.client_out.ack(got).unwrap(),
                    }
                }
            }
            Act::ClientAcks => {
                let got = self.client_in.tell();
                if let Some((up, _)) = &mut self.link {
                    up.push_back(Wire::Ack(got));
                }
            }
            Act::EdgeAcks => {
                let got = self.edge_in.tell();
                if let Some((_, down)) = &mut self.link {
                    down.push_back(Wire::Ack(got));
                }
            }
            Act::Cut => self.link = None,
            Act::Connect => {
                // hello and welcome, by which both learn what the other has
                self.edge_out.resume(self.client_in.got()).unwrap();
                self.client_out.resume(self.edge_in.got()).unwrap();
                self.link = Some(Default::default());
            }
            Act::ToOrigin(n) => {
                for _ in 0..*n {
                    let Some(m) = self.upward.take_next() else { break };
                    self.pipe.push_back(Ok(number(&m)));
                }
                if let Some(asked) = self.upward.ask() {
                    self.pipe.push_back(Err(asked));
                }
            }
            Act::OriginReads(n) => {
                for _ in 0..*n {
                    match self.pipe.pop_front() {
                        None => break,
                        Some(Ok(n)) => self.at_origin.push(n),
                        Some(Err(ping)) => self.pongs.push_back(ping),
                    }
                }
            }
            Act::Pong => {
                if let Some(pong) = self.pongs.pop_front() {
                    assert!(self.upward.confirm(pong));
                    let missing = (1..=pong).find(|n| {
                        !self.at_origin.contains(n)
                            && !self.lost_by_client.contains(n)
                            && !self.uncertain.contains(n)
                    });
                    assert_eq!(missing, None, "called read, and was not");
                }
            }
            Act::OriginDies => {
                self.pipe.clear();
                self.pongs.clear();
                if let Some([from, to]) = self.upward.died() {
                    self.uncertain.extend(from..=to);
                }
            }
        }
        self.put_on_the_link();
    }

    fn put_on_the_link(&mut self) {
        let Some((up, down)) = &mut self.link else { return };
        for (out, wire) in [(&mut self.client_out, up), (&mut self.edge_out, down)] {
            while let Some(next) = out.take_next() {
                wire.push_back(match next {
                    Next::Gap { next, lost } => Wire::Gap { next, lost },
                    Next::Message(m) => Wire::Message(m),
                });
            }
        }
    }
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => Just(Act::ClientSays),
        4 => Just(Act::OriginSays),
        4 => (1u8..6).prop_map(Act::Up),
        4 => (1u8..6).prop_map(Act::Down),
        2 => Just(Act::ClientAcks),
        2 => Just(Act::EdgeAcks),
        2 => Just(Act::Cut),
        3 => Just(Act::Connect),
        3 => (1u8..5).prop_map(Act::ToOrigin),
        3 => (1u8..5).prop_map(Act::OriginReads),
        2 => Just(Act::Pong),
        1 => Just(Act::OriginDies),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn nothing_is_lost_doubled_or_reordered_but_what_is_honestly_called_a_gap_or_uncertain(
        acts in proptest::collection::vec(act(), 0..300),
        messages in prop_oneof![2usize..6, Just(1_000usize)],
        deaths in any::<bool>(),
    ) {
        let mut world = World::new(Keep { messages, bytes: 256 << 10 });
        for act in &acts {
            if deaths || !matches!(act, Act::OriginDies) {
                world.act(act);
            }
        }
        // In the end all is well again.
        for round in 0..1_000 {
            for act in [Act::Connect, Act::Up(50), Act::Down(50), Act::ClientAcks, Act::EdgeAcks,
                        Act::ToOrigin(50), Act::OriginReads(50), Act::Pong] {
                if !matches!(act, Act::Connect) || round % 10 == 0 {
                    world.act(&act);
                }
            }
            if world.client_out.is_empty() && world.edge_out.is_empty() && world.upward.is_empty() && world.pipe.is_empty() {
                break;
            }
        }
        let increasing = |list: &[u64]| list.windows(2).all(|w| w[0] < w[1]);
        prop_assert!(increasing(&world.at_client) && increasing(&world.at_origin));
        let mut told: BTreeSet<u64> = world.at_client.iter().copied().collect();
        prop_assert!(told.is_disjoint(&world.lost_to_client), "called lost, and it came");
        told.extend(&world.lost_to_client);
        prop_assert_eq!(told, (1..=world.said_by_origin).collect::<BTreeSet<_>>());
        let mut heard: BTreeSet<u64> = world.at_origin.iter().copied().collect();
        prop_assert!(heard.is_disjoint(&world.lost_by_client));
        heard.extend(&world.lost_by_client);
        let uncertain = world.uncertain.difference(&heard).copied().collect::<BTreeSet<_>>();
        heard.extend(uncertain);
        prop_assert_eq!(heard, (1..=world.said_by_client).collect::<BTreeSet<_>>());
        if messages == 1_000 {
            prop_assert!(world.lost_to_client.is_empty() && world.lost_by_client.is_empty(), "there was room for all");
        }
        if !deaths {
            prop_assert!(world.uncertain.is_empty());
        }
    }
}

/// What goes over to another process is all that one needs to go on as if nothing had been.
#[test]
fn what_is_taken_apart_is_put_together_as_it_was() {
    let keep = Keep { messages: 4, bytes: 10_000 };
    let text = |n: u64| Message { kind: Kind::Text, bytes: n.to_string().into() };
    let (mut out, mut up) = (Out::new(keep), Upward::new(keep));
    for n in 1..=3 {
        out.push(text(n));
        up.push(n, text(n));
    }
    assert!(matches!((out.take_next(), out.take_next()), (Some(_), Some(_))));
    out.ack(1).unwrap();
    let _ = (up.take_next(), up.take_next());
    assert_eq!(up.ask(), Some(2));
    assert!(up.confirm(2));
    assert_eq!(up.died(), None);

    let (first, sent, kept) = out.parts();
    let mut again = Out::again(keep, first, sent, kept.cloned().collect()).unwrap();
    assert_eq!((again.last(), again.bytes()), (3, out.bytes()));
    assert_eq!(again.resume(3), Err(Wrong::AckAhead), "the third was never sent");
    again.resume(1).unwrap();
    assert_eq!(again.take_next(), Some(Next::Message(text(2))));

    let (read, written, kept) = up.parts();
    let mut again = Upward::again(keep, read, written, kept.cloned().collect()).unwrap();
    assert_eq!((again.read(), again.bytes()), (2, up.bytes()));
    assert_eq!(again.ask(), None, "nothing was said to the next origin yet");
    assert_eq!(again.take_next(), Some(text(3)));
    assert_eq!(again.died(), Some([3, 3]));
}

#[test]
fn parts_that_do_not_fit_together_are_nothing() {
    let keep = Keep { messages: 4, bytes: 10_000 };
    let one = || vec![Message { kind: Kind::Text, bytes: "x".into() }];
    for (first, sent) in [(0, 0), (1, 2), (u64::MAX, 0)] {
        assert!(Out::again(keep, first, sent, one()).is_none(), "{first} {sent}");
    }
    for (read, written, numbers) in [(2, 1, vec![2]), (1, 2, vec![2]), (0, 0, vec![2, 2])] {
        let kept = numbers.into_iter().map(|n| (n, one().remove(0))).collect();
        assert!(Upward::again(keep, read, written, kept).is_none(), "{read} {written}");
    }
}
