use super::*;
use proptest::prelude::*;

fn frames(list: &[(u8, usize)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (opcode, length) in list {
        frame::write(&mut out, *opcode, None, &[&vec![7; *length]]);
    }
    out
}

#[test]
fn a_frame_that_is_not_whole_is_held_back_unless_it_is_long() {
    let bytes = frames(&[(frame::TEXT, 10), (frame::BINARY, 300)]);
    let mut seen = Frames::new(false);
    assert_eq!(seen.scan(&bytes[..12]), Ok(12));
    assert_eq!(seen.scan(&bytes[12..13]), Ok(0));
    assert_eq!(seen.scan(&bytes[12..100]), Ok(0));
    assert_eq!(seen.scan(&bytes[12..]), Ok(304));
    assert_eq!(seen.left, 0);

    let long = frames(&[(frame::BINARY, 100_000)]);
    assert_eq!(seen.scan(&long[..5]), Ok(0), "its head is not whole");
    assert_eq!(seen.scan(&long[..11]), Ok(11));
    assert_eq!(seen.left, 99_999);
    assert_eq!(seen.scan(&long[11..]), Ok(99_999));
    assert_eq!(seen.left, 0);
}

#[test]
fn what_breaks_the_protocol_is_seen_without_reading_the_payload() {
    assert_eq!(Frames::new(true).scan(&[0x81, 0x01, b'x']), Err(Violation::Mask));
    assert_eq!(Frames::new(false).scan(&[0x80, 0x00]), Err(Violation::Order));
    assert_eq!(Frames::new(false).scan(&[0x01, 0x00, 0x81, 0x00]), Err(Violation::Order));
    assert_eq!(
        Frames::new(false).scan(&[0x01, 0x00, 0x89, 0x00, 0x80, 0x00]),
        Ok(6),
        "a Ping within a message"
    );
}

proptest! {
    #[test]
    fn however_the_stream_is_cut_up_only_whole_short_frames_are_passed_on(
        list in proptest::collection::vec((1u8..=2, prop_oneof![0usize..200, 0usize..40_000]), 1..8),
        cuts in proptest::collection::vec(1usize..20_000, 1..40),
    ) {
        let bytes = frames(&list);
        let mut seen = Frames::new(false);
        let (mut held, mut passed): (Vec<u8>, usize) = (Vec::new(), 0);
        let (mut at, mut n) = (0, 0);
        while at < bytes.len() {
            let step = cuts[n % cuts.len()].min(bytes.len() - at);
            n += 1;
            held.extend_from_slice(&bytes[at..at + step]);
            at += step;
            let safe = seen.scan(&held).unwrap();
            passed += safe;
            held.drain(..safe);
            prop_assert!(held.len() < WHOLE_MAX);
            if seen.left == 0 {
                // At a boundary: what was passed on is whole frames.
                let mut i = 0;
                while i < passed {
                    let head = Head::read(&bytes[i..]).unwrap().unwrap();
                    i += head.size + usize::try_from(head.length).unwrap();
                }
                prop_assert_eq!(i, passed);
            }
        }
        prop_assert_eq!(passed, bytes.len());
    }
}
