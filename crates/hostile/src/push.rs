//! A job's signals: any path and query, any order and time of signals, a kept state that is any text.
use arbitrary::{Arbitrary, Unstructured};
use stillhere_model::{CheckId, Moment, Time, VantageId};
use stillhere_observe::{
    CheckSpec, Spec,
    probe::push::{MAX_BODY_BYTES, Push, PushSpec, PushState, Signal},
};

/// A day in 2026, away from the ends of what time can be written.
const BEGIN_MS: i64 = 1_790_000_000_000;

#[derive(Arbitrary, Debug)]
struct Story<'a> {
    cron: Option<&'a str>,
    grace_s: u16,
    kept: Option<&'a str>,
    steps: Vec<Step<'a>>,
}

#[derive(Arbitrary, Debug)]
struct Step<'a> {
    /// Both clocks go on by this.
    after_ms: u32,
    /// The wall clock jumps besides.
    jump_ms: i32,
    path: Option<&'a str>,
    query: Option<&'a str>,
    body: &'a [u8],
}

pub fn run(data: &[u8]) {
    let Ok(story) = Story::arbitrary_take_rest(Unstructured::new(data)) else { return };
    let key = serde_json::json!({ "env": "KEY" });
    let grace = format!("{}s", story.grace_s);
    let own = match story.cron {
        Some(cron) => {
            serde_json::json!({ "key": key, "cron": cron, "grace": grace, "time_zone": "Europe/Berlin" })
        }
        None => serde_json::json!({ "key": key, "period": "5m", "grace": grace }),
    };
    let Ok(spec) = serde_json::from_value::<PushSpec>(own) else { return };
    let check = CheckSpec {
        id: CheckId::new("job/push"),
        spec: Spec::Push(spec),
        timeout: std::time::Duration::from_secs(10),
        slow_over: None,
        conditions: Vec::new(),
        vantage: VantageId::new("core"),
    };
    let Ok(push) = Push::new(&check) else { return };
    let mut state = story.kept.and_then(|json| PushState::from_json(json).ok()).unwrap_or_default();
    let (mut wall, mut mono) = (BEGIN_MS, 0);
    for step in story.steps.iter().take(64) {
        mono += i64::from(step.after_ms);
        wall += i64::from(step.after_ms) + i64::from(step.jump_ms);
        let now = Moment::new(Time(wall), mono);
        let observed = match step.path {
            None => state.tick(&push, now),
            Some(path) => match Signal::parse(path, step.query) {
                Ok(signal) => {
                    let signal = signal.with_body(step.body);
                    assert!(signal.body.len() <= MAX_BODY_BYTES);
                    state.signal(&push, &signal, now)
                }
                Err(_) => None,
            },
        };
        if let Some(o) = observed {
            assert_eq!(o.check, check.id);
        }
        let kept = state.to_json();
        let again = PushState::from_json(&kept).expect("what we keep we can read");
        assert_eq!(again.to_json(), kept);
    }
}
