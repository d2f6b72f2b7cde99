//! When it is likely to be over, from the record to the page, and back into the record.

use crate::running::{Running, Target, wait_for};
use serde_json::Value;
use std::time::Duration;
use stillhere_net::clock;

/// An incident that began so long ago and is open.
fn open(up: &Running, title: &str, minutes_ago: u64) -> String {
    let start = clock::wall().minus(Duration::from_mins(minutes_ago)).to_string();
    let args = ["incident", "open", "--title", title, "--text", "We look.", "--impact", "major"];
    let (code, id, err) = up.cli(&[&args[..], &["--started-at", &start]].concat());
    assert_eq!(code, 0, "{err}");
    id.trim().to_owned()
}

fn incident(up: &Running, id: &str) -> Value {
    up.json(&format!("/api/v1/incidents/{id}"))
}

#[test]
fn after_five_incidents_the_sixth_has_an_estimate_and_a_persons_goes_before_it_and_is_scored_apart() {
    let target = Target::start();
    let mut up = Running::watch(&[&target.url()], "1s");
    for n in 0..5 {
        let id = open(&up, &format!("Past {n}"), 50 + n);
        wait_for("it is public", || (incident(&up, &id)["status"] == "investigating").then_some(()));
        assert_eq!(incident(&up, &id)["eta"], Value::Null, "{n} are over, which is too few");
        assert!(up.get(&format!("/incidents/{id}")).body.contains("No estimate yet"));
        let (code, _, err) = up.cli(&["incident", "resolve", &id]);
        assert_eq!(code, 0, "{err}");
    }

    let id = open(&up, "Now", 1);
    let eta = wait_for("an estimate", || Some(incident(&up, &id)["eta"].clone()).filter(Value::is_object));
    assert_eq!(eta["from"], "computed");
    assert_eq!(eta["basis"]["own"], 5);
    assert_eq!(eta["basis"]["others"], true, "five incidents are not enough to stand alone");
    let page = wait_for("the page has it", || {
        Some(up.get("/").body).filter(|b| b.contains("Most outages like this are over by"))
    });
    assert!(page.contains("Computed from 5 earlier incidents here and from published outages"), "{page}");

    let (code, _, err) = up.cli(&["incident", "eta", &id, "--by", "2h"]);
    assert_eq!(code, 0, "{err}");
    wait_for("the page says whose it is", || {
        up.get("/").body.contains("Our team expects it to be over by").then_some(())
    });
    let (code, _, err) = up.cli(&["incident", "eta", &id, "--by", "2020-01-01T00:00:00Z"]);
    assert_eq!(code, 4, "refused: {err}");
    up.kill_and_restart();
    assert_eq!(incident(&up, &id)["etas"].as_array().map(Vec::len), Some(2), "both are kept");
    assert_eq!(incident(&up, &id)["eta"]["from"], "person");
    assert!(!up.get("/api/v1/incidents").body.contains("local"), "who it was is not for visitors");

    let (code, _, err) = up.cli(&["incident", "resolve", &id]);
    assert_eq!(code, 0, "{err}");
    let record = wait_for("both are scored, apart", || {
        Some(up.json("/api/v1/status")["eta_record"].clone()).filter(|r| r["people"]["given"] == 1)
    });
    assert_eq!(record["people"]["held"], 1);
    assert_eq!(record["computed"]["given"], 1);
    assert_eq!(record["computed"]["held"], 1);
    assert!(up.get(&format!("/incidents/{id}")).body.contains("Times we gave for its end"));
}

#[test]
fn case_l_a_time_that_passes_unmet_is_said_to_have_passed_by_the_page_itself() {
    let target = Target::start();
    let up = Running::watch(&[&target.url()], "1s");
    let id = open(&up, "Now", 1);
    let (code, _, err) = up.cli(&["incident", "eta", &id, "--by", "2s"]);
    assert_eq!(code, 0, "{err}");
    wait_for("the page says that it has passed", || up.get("/").body.contains("It is not.").then_some(()));
    assert!(incident(&up, &id)["etas"][0]["passed_at"].is_string());
    wait_for("it counts against the record", || {
        let people = up.json("/api/v1/status")["eta_record"]["people"].clone();
        (people["given"] == 1 && people["held"] == 0).then_some(())
    });
}
