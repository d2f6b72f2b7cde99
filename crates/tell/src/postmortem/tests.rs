use super::*;
use crate::sample;
use stillhere_model::{Acknowledgement, Mint, PreventionId};

fn over() -> (Incident, Snapshot) {
    let s = sample::corrected();
    let mut i =
        s.history.iter().find(|i| !i.preventions.is_empty() || !i.updates.is_empty()).expect("one").clone();
    let by = Author::Person("mail kim@example.com".to_owned());
    i.acknowledgements.push(Acknowledgement {
        at: i.opened_at.plus(std::time::Duration::from_secs(90)),
        by,
        reopened: i.reopened,
    });
    i.preventions.push(Prevention {
        id: PreventionId(Mint::new(5).uuid(i.opened_at)),
        what: "Alarm at 80 % of the disk".into(),
        owner: "kim".to_owned(),
        due: i.opened_at.plus(std::time::Duration::from_secs(86_400)),
        public: true,
        made_at: i.opened_at,
        done_at: None,
        dropped_at: None,
        reminders: 0,
    });
    (i, s)
}

#[test]
fn the_draft_has_the_timeline_the_numbers_and_blanks_for_what_only_people_know() {
    let (i, s) = over();
    let p = draft(&i, &s);
    assert!(p.complete);
    assert_eq!(p.numbers.acknowledge_s, Some(90));
    assert_eq!(p.numbers.lasted_s, Some(over_after(&i).as_secs()));
    assert!(p.timeline.is_sorted_by_key(|m| m.at));
    let said = p.timeline.iter().filter(|m| matches!(m.what, What::Said { .. })).count();
    assert_eq!(said, i.updates.len(), "each word is in it once");
    for (lang, blank) in Lang::ALL.into_iter().zip(BLANKS) {
        let text = &p.markdown[&lang];
        assert!(text.contains(blank), "{text}");
        assert!(text.contains("kim@example.com") && text.contains("Alarm at 80 % of the disk"), "{text}");
    }
    assert!(
        p.markdown[&Lang::En].contains("To the first person who took it on: 1 min 30 s"),
        "{}",
        p.markdown[&Lang::En]
    );
    assert!(p.markdown[&Lang::ZhCn].contains("## 时间线"));
}

fn over_after(i: &Incident) -> std::time::Duration {
    i.resolved_at.expect("over").since(i.started_at)
}

#[test]
fn begun_seconds_count_and_it_lasted_as_long_as_the_page_says() {
    let (mut i, s) = over();
    let ms = std::time::Duration::from_millis;
    i.acknowledgements[0].at = i.opened_at.plus(ms(90_001));
    i.resolved_at = Some(i.started_at.plus(ms(12_999)));
    let p = draft(&i, &s);
    assert_eq!((p.numbers.acknowledge_s, p.numbers.lasted_s), (Some(91), Some(12)));
    i.resolved_at = Some(i.started_at.plus(ms(400)));
    let p = draft(&i, &s);
    assert_eq!(p.numbers.lasted_s, Some(1), "nothing is over after no time");
}

#[test]
fn corrections_are_listed_and_correct_the_draft() {
    let s = sample::corrected();
    let all = s.incidents.iter().chain(&s.history);
    let i =
        all.clone().find(|i| i.updates.iter().any(|u| is_correction(&u.said))).expect("one was corrected");
    let p = draft(i, &s);
    assert!(p.numbers.corrections > 0);
    assert!(p.markdown[&Lang::En].contains("## Corrections"));
    assert_eq!(p.timeline[0].at, i.started_at);
}

#[test]
fn a_draft_about_one_that_is_open_says_so() {
    let s = sample::busy();
    let i = s.incidents.iter().find(|i| i.status.is_open()).expect("one is open");
    let p = draft(i, &s);
    assert!(!p.complete && p.resolved_at.is_none());
    assert!(p.markdown[&Lang::En].contains("It is not over"));
    assert!(!p.timeline.iter().any(|m| matches!(m.what, What::Resolved | What::Recovered)));
}

#[test]
fn case_t_what_was_written_stays_text_in_markdown() {
    let (mut i, s) = over();
    i.title = Some("<script>x</script> | [a](javascript:b)\n# head".into());
    let text = &draft(&i, &s).markdown[&Lang::En];
    assert!(!text.contains("<script>") && !text.contains("[a](") && !text.contains("\n# head"), "{text}");
}

#[test]
fn what_visitors_would_read_has_no_name_of_a_person_no_markup_and_no_item_that_is_not_public() {
    let (mut i, s) = over();
    let mut private = i.preventions[0].clone();
    private.public = false;
    private.what = "Talk to kim about the night".into();
    i.preventions.push(private);
    for lang in Lang::ALL {
        let all = parts(&i, &s, lang);
        let asked: Vec<_> = all.iter().filter(|p| p.ask.is_some()).map(|p| p.key).collect();
        assert_eq!(asked, ["short", "cause", "factors", "well", "badly"]);
        let text: String = all.iter().map(|p| format!("{}\n{}\n", p.head, p.facts)).collect();
        assert!(text.contains("Alarm at 80 % of the disk"), "{text}");
        for hidden in ["kim", "Talk to", "**", "|", "##", BLANKS[0], BLANKS[1]] {
            assert!(!text.contains(hidden), "{hidden}: {text}");
        }
    }
    let told = parts(&i, &s, Lang::En).into_iter().find(|p| p.key == "timeline").expect("always there");
    assert!(told.facts.contains("Our team takes it on."), "{}", told.facts);
}

#[test]
fn a_service_that_visitors_do_not_see_is_in_no_part_for_them() {
    let (i, mut s) = over();
    let hidden = i.affected[0].service.clone();
    let name = s.service(&hidden).map(|v| v.name.get(Lang::En).to_owned()).expect("it is in the sample");
    s.services.retain(|v| v.id != hidden);
    let text: String = parts(&i, &s, Lang::En).into_iter().map(|p| p.facts).collect();
    assert!(!text.contains(&name), "{name}: {text}");
}
