use super::*;
use crate::{clean, sample};
use serde_json::Map;

fn keys(v: &Value) -> Vec<&str> {
    let map: &Map<String, Value> = v.as_object().unwrap();
    map.keys().map(String::as_str).collect()
}

#[test]
fn every_answer_has_the_page_and_its_own_part() {
    let s = sample::busy();
    for (answer, part) in [
        (status(&s), "status"),
        (components(&s), "components"),
        (incidents(&s), "incidents"),
        (unresolved(&s), "incidents"),
        (scheduled_maintenances(&s), "scheduled_maintenances"),
        (upcoming(&s), "scheduled_maintenances"),
        (active(&s), "scheduled_maintenances"),
    ] {
        let mut want = ["page", part];
        want.sort();
        assert_eq!(keys(&answer), want);
        assert_eq!(keys(&answer["page"]), ["id", "name", "time_zone", "updated_at", "url"]);
    }
    let all = summary(&s);
    assert_eq!(keys(&all), ["components", "incidents", "page", "scheduled_maintenances", "status"]);
    assert_eq!(all["status"], status(&s)["status"]);
    assert_eq!(all["components"], components(&s)["components"]);
    assert_eq!(all["incidents"], unresolved(&s)["incidents"]);
    assert_eq!(upcoming(&s)["scheduled_maintenances"].as_array().unwrap().len(), 1);
    assert_eq!(active(&s)["scheduled_maintenances"].as_array().unwrap().len(), 1);
}

#[test]
fn groups_are_components_and_their_services_point_to_them() {
    let s = sample::busy();
    let answer = components(&s);
    let all = answer["components"].as_array().unwrap();
    let groups: Vec<&Value> = all.iter().filter(|c| c["group"] == true).collect();
    assert_eq!((all.len(), groups.len()), (25, 5));
    for group in groups {
        let children: Vec<&str> =
            all.iter().filter(|c| c["group_id"] == group["id"]).map(|c| c["id"].as_str().unwrap()).collect();
        let listed: Vec<&str> =
            group["components"].as_array().unwrap().iter().map(|c| c.as_str().unwrap()).collect();
        assert_eq!(children, listed);
        assert!(!children.is_empty());
    }
    insta::assert_json_snapshot!(json!([all[0], all[2]]));
}

#[test]
fn an_incident_has_the_documented_fields() {
    let s = sample::busy();
    let mut incident = unresolved(&s)["incidents"][2].clone();
    let updates = incident["incident_updates"].as_array_mut().unwrap();
    assert_eq!(updates.len(), 3);
    updates.truncate(1);
    insta::assert_json_snapshot!(incident);
    let m = &upcoming(&s)["scheduled_maintenances"][0];
    assert_eq!(m["scheduled_for"], "2026-11-25T02:00:00.000+08:00");
    assert_eq!(m["scheduled_until"], "2026-11-25T04:00:00.000+08:00");
    let mut want = keys(&unresolved(&s)["incidents"][0]).into_iter().map(str::to_owned).collect::<Vec<_>>();
    want.extend(["scheduled_for".to_owned(), "scheduled_until".to_owned()]);
    want.sort();
    assert_eq!(keys(m), want);
}

#[test]
fn what_we_cannot_see_is_unknown_and_minor_and_says_so() {
    let s = sample::unknown();
    let answer = summary(&s);
    assert_eq!(answer["status"]["indicator"], "minor");
    assert!(answer["status"]["description"].as_str().unwrap().starts_with("We cannot see"));
    assert!(answer["components"].as_array().unwrap().iter().all(|c| c["status"] == "unknown"));
}

#[test]
fn case_d_and_e_the_indicator_follows_the_headline() {
    for (s, indicator, description) in [
        (sample::all_fine(), "none", "All Systems Operational"),
        (sample::all_down(), "critical", "Major System Outage"),
        (sample::busy(), "major", "Partial System Outage"),
        (sample::in_maintenance(), "maintenance", "Service Under Maintenance"),
    ] {
        assert_eq!(status(&s)["status"], json!({ "indicator": indicator, "description": description }));
    }
}

#[test]
fn case_k_a_corrected_update_has_the_new_words_and_the_correction_is_an_update_too() {
    let s = sample::corrected();
    let answer = incidents(&s);
    let updates = answer["incidents"][0]["incident_updates"].as_array().unwrap();
    let bodies: Vec<&str> = updates.iter().map(|u| u["body"].as_str().unwrap()).collect();
    assert!(bodies.contains(&"A cable was replaced."));
    assert!(bodies.iter().any(|b| b.contains("Before: “A switch was replaced.”")));
    assert_eq!(answer["incidents"][0]["started_at"], "2026-11-20T11:00:00.000+08:00");
}

#[test]
fn case_t_answers_stay_bounded_whatever_was_written() {
    let mut s = sample::busy();
    for i in &mut s.incidents {
        i.title = Some("\u{202E}x\r\n".repeat(1_000_000).into());
        let mut u = i.updates[0].clone();
        u.said = stillhere_model::Said::Text { text: "界".repeat(10_000).into() };
        i.updates = vec![u; 300];
    }
    let text = summary(&s).to_string();
    assert!(text.len() < 4_500_000, "{}", text.len());
    assert!(!text.contains('\u{202E}'));
}

#[test]
fn what_was_written_looking_back_is_the_postmortem() {
    let mut s = sample::all_fine();
    let before = &incidents(&s)["incidents"][0];
    assert!(before["postmortem_body"].is_null() && before["postmortem_published_at"].is_null());
    assert_eq!(before["postmortem_notified_subscribers"], false);
    let i = &mut s.history[0];
    for (seconds, words) in [(60, "A disk was full."), (30, "A disk was full. We watch disks now.")] {
        let mut u = i.updates[0].clone();
        u.id = stillhere_model::UpdateId(stillhere_model::Mint::new(seconds).uuid(sample::ago(seconds)));
        (u.at, u.status) = (sample::ago(seconds), IncidentStatus::Postmortem);
        u.said = stillhere_model::Said::Text { text: words.into() };
        i.updates.push(u);
    }
    i.status = IncidentStatus::Postmortem;
    let after = &incidents(&s)["incidents"][0];
    assert_eq!(after["status"], "postmortem");
    assert_eq!(after["postmortem_body"], "A disk was full. We watch disks now.");
    assert_eq!(after["postmortem_published_at"], "2026-11-22T10:33:12.000+08:00");
    assert_eq!(after["postmortem_body_last_updated_at"], "2026-11-22T10:33:42.000+08:00");
    assert_eq!(after["postmortem_notified_subscribers"], true);
}

/// 10,000 characters are taken; a list of many says where the rest is.
#[test]
fn a_long_text_ends_by_saying_where_the_rest_is() {
    let mut s = sample::busy();
    let url = crate::page::links::incident_url(&s, &s.incidents[0].id);
    let body = |s: &Snapshot| {
        incidents(s)["incidents"].as_array().unwrap().iter().find(|i| i["shortlink"] == url.as_str()).unwrap()
            ["incident_updates"][0]["body"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let say = |s: &mut Snapshot, chars: usize| {
        let last = s.incidents[0].updates.last_mut().unwrap();
        last.said = stillhere_model::Said::Text { text: "x".repeat(chars).into() };
    };
    say(&mut s, clean::BODY_CHARS);
    assert_eq!(body(&s), "x".repeat(clean::BODY_CHARS));
    say(&mut s, clean::BODY_CHARS + 1);
    assert!(body(&s).ends_with(&format!("x…\n\nThe rest is on the page: {url}")));
}
