//! The small hours: an alert by mail, taken on and answered through the link in it, without logging in.

use crate::{
    outage::Mailbox,
    running::{Answer, Running, Target, request, wait_for},
};
use serde_json::Value;

fn toml(target: &Target, mail_port: u16, more: &str) -> String {
    format!(
        r#"
[site]
name = {{ en = "Lantern status", zh-CN = "灯笼状态" }}
languages = ["en", "zh-CN"]

[respond]
verify = "2s"
{more}

[[service]]
id = "checkout"
name = {{ en = "Checkout", zh-CN = "结账" }}
url = "{}"
interval = "1s"

[[channel]]
name = "ops"
kind = "mail"
host = "127.0.0.1"
port = {mail_port}
tls = "none"
from = "status@lantern.example"
to = ["Kim <kim@lantern.example>", "lee@lantern.example"]
"#,
        target.url(),
    )
}

/// The path of the link in the newest mail to `to` whose subject has `about`.
fn link(mailbox: &Mailbox, to: &str, about: &str) -> Option<String> {
    let mails = mailbox.mails.lock().expect("lock");
    let mail = mails.iter().rev().find(|m| {
        let head = m.split("\n\n").next().unwrap_or_default();
        let line = |name: &str| {
            head.lines().any(|l| l.starts_with(name) && l.contains(if name == "To:" { to } else { about }))
        };
        line("To:") && line("Subject:")
    })?;
    // Long lines of a mail may be wrapped.
    let text = mail.replace("=\n", "");
    let (_, rest) = text.split_once("/act/")?;
    Some(format!(
        "/act/{}",
        rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect::<String>()
    ))
}

fn send(up: &Running, path: &str, form: &str) -> Answer {
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
        up.addr,
        form.len()
    );
    request(up.addr, &head).unwrap_or_else(|| panic!("no answer to the form"))
}

fn incident(up: &Running) -> Value {
    up.json("/api/v1/incidents")["incidents"][0].clone()
}

const WORDS: &str = "do=publish&text-en=A+disk+is+full.+We+free+it.&text-zh-CN=%E7%A3%81%E7%9B%98%E5%B7%B2%E6%BB%A1&status=identified&within=30";

#[test]
fn an_alert_is_taken_on_and_answered_in_two_languages_through_the_link_in_it() {
    let (target, mailbox) = (Target::start(), Mailbox::start());
    let up = Running::up(&toml(&target, mailbox.port, ""));
    let address = target.kill();
    let kims = wait_for("the mail to kim", || link(&mailbox, "kim@", "Alert:"));
    let lees = wait_for("the mail to lee", || link(&mailbox, "lee@", "Alert:"));
    assert_ne!(kims, lees, "each has a link of their own");

    // A mail scanner opens everything, and may ask by HEAD; nothing comes of it.
    for _ in 0..3 {
        let page = up.get(&kims);
        assert_eq!(page.status, 200, "{}", page.body);
        assert!(page.body.contains("kim@lantern.example") && page.body.contains("Checkout"));
        assert!(page.head.contains("form-action 'self'") && page.head.contains("no-store"), "{}", page.head);
        assert!(page.head.contains("referrer-policy: no-referrer"));
    }
    let head =
        request(up.addr, &format!("HEAD {kims} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", up.addr));
    assert_eq!(head.map(|a| a.status), Some(200));
    let chinese = up.get(&format!("{kims}?lang=zh-CN")).body;
    assert!(chinese.contains("由我接手") && chinese.contains("结账"));
    assert_eq!(incident(&up)["acknowledged"], Value::Null, "only a form that is sent acts");

    assert_eq!(send(&up, &kims, "do=acknowledge").status, 303);
    let i = incident(&up);
    assert_eq!(i["acknowledged"]["by"], "person", "names are for staff");
    assert!(up.get(&kims).body.contains("You took it on at"));
    assert!(wait_for("lee hears of it", || link(&mailbox, "lee@", "Taken on")).starts_with("/act/"));

    assert_eq!(send(&up, &kims, "do=publish&text-en=+&text-zh-CN=").status, 422, "nothing is no update");
    assert_eq!(send(&up, &kims, WORDS).status, 303);
    let page = up.get("/").body;
    assert!(page.contains("A disk is full. We free it."), "{page}");
    assert!(up.get("/?lang=zh-CN").body.contains("磁盘已满"));
    assert_eq!(incident(&up)["status"], "identified");

    let again = send(&up, &kims, WORDS);
    assert_eq!(again.status, 409);
    assert!(again.body.contains("Nothing was published twice"), "{}", again.body);
    let said = up.get("/").body.matches("A disk is full. We free it.").count();
    assert_eq!(said, page.matches("A disk is full. We free it.").count());
    assert!(up.get(&kims).body.contains("An update was published with this link at"));

    // A colleague's link still works, until it is over.
    assert_eq!(up.get(&lees).status, 200);
    let _back = Target::at(address);
    wait_for("it is over", || (incident(&up)["status"] == "resolved").then_some(()));
    let over = send(&up, &lees, WORDS);
    assert_eq!(over.status, 409);
    assert!(over.body.contains("It has been over since") && !over.body.contains("<form"), "{}", over.body);

    let (code, journal, _) = up.cli(&["journal", "--json"]);
    assert_eq!(code, 0);
    assert!(journal.contains("mail kim@lantern.example"), "the journal says who it was");
    for secret in [&kims, &lees] {
        let token = secret.trim_start_matches("/act/");
        assert!(!journal.contains(token) && !up.said.lock().expect("lock").contains(token), "never logged");
        let database = std::fs::read(up.dir.path().join("stillhere-data/stillhere.db")).unwrap_or_default();
        let wal = std::fs::read(up.dir.path().join("stillhere-data/stillhere.db-wal")).unwrap_or_default();
        assert!(!database.is_empty());
        for file in [database, wal] {
            assert!(
                !file.windows(token.len()).any(|w| w == token.as_bytes()),
                "a copy of the database opens nothing"
            );
        }
    }
}

#[test]
fn a_link_that_is_wrong_or_revoked_or_of_somebody_who_left_says_so_and_does_nothing() {
    let (target, mailbox) = (Target::start(), Mailbox::start());
    let up = Running::up(&toml(&target, mailbox.port, ""));
    target.kill();
    let kims = wait_for("the mail to kim", || link(&mailbox, "kim@", "Alert:"));
    let lees = wait_for("the mail to lee", || link(&mailbox, "lee@", "Alert:"));

    let last = if kims.ends_with('A') { "B" } else { "A" };
    for wrong in [
        format!("{}{last}", &kims[..kims.len() - 1]),
        "/act/x".to_owned(),
        format!("/act/{}", "A".repeat(64)),
    ] {
        for answer in [up.get(&wrong), send(&up, &wrong, WORDS)] {
            assert_eq!(answer.status, 404, "{wrong}");
            assert!(
                answer.body.contains("This link is not one of ours") && !answer.body.contains("Checkout")
            );
        }
    }
    let json = format!(
        "POST {kims} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{{}}",
        up.addr
    );
    assert_eq!(request(up.addr, &json).map(|a| a.status), Some(415));
    assert_eq!(send(&up, &kims, "do=resolve").status, 400);

    // Lee left the team.
    let file = up.dir.path().join("stillhere.toml");
    let text = std::fs::read_to_string(&file).expect("the file");
    std::fs::write(&file, text.replace(", \"lee@lantern.example\"", "")).expect("the file");
    assert_eq!(up.cli(&["reload"]).0, 0);
    let gone = send(&up, &lees, WORDS);
    assert_eq!(gone.status, 410);
    assert!(gone.body.contains("no longer sent to the address"), "{}", gone.body);

    let (code, said, _) = up.cli(&["incident", "unlink"]);
    assert_eq!(code, 0);
    assert!(said.contains("links revoked"), "{said}");
    let revoked = send(&up, &kims, WORDS);
    assert_eq!(revoked.status, 410);
    assert!(revoked.body.contains("This link was revoked"), "{}", revoked.body);
    assert_eq!(incident(&up)["acknowledged"], Value::Null);
}

#[test]
fn links_can_be_switched_off_and_are_not_made_where_others_could_read_them() {
    for more in ["links = \"off\"", "[site.contact]\nphone = \"1\""] {
        let (target, mailbox) = (Target::start(), Mailbox::start());
        let mut text = toml(&target, mailbox.port, more);
        if !more.contains("off") {
            text = text.replace("languages =", "url = \"http://status.lantern.example\"\nlanguages =");
        }
        let up = Running::up(&text);
        target.kill();
        wait_for("an alert", || {
            let mails = mailbox.mails.lock().expect("lock");
            mails.iter().any(|m| m.contains("Alert:")).then_some(())
        });
        assert!(!mailbox.mails.lock().expect("lock").iter().any(|m| m.contains("/act/")));
        drop(up);
    }
}

#[test]
fn afterwards_the_draft_is_filled_from_the_record_and_published_without_blanks_in_two_languages() {
    let (target, mailbox) = (Target::start(), Mailbox::start());
    let up = Running::up(&toml(&target, mailbox.port, ""));
    let address = target.kill();
    let kims = wait_for("the mail to kim", || link(&mailbox, "kim@", "Alert:"));
    assert_eq!(send(&up, &kims, WORDS).status, 303);
    let id = incident(&up)["id"].as_str().expect("an id").to_owned();
    let _back = Target::at(address);
    wait_for("it is over", || (incident(&up)["status"] == "resolved").then_some(()));

    let (code, draft, _) = up.cli(&["incident", "postmortem", &id, "--lang", "en"]);
    assert_eq!(code, 0);
    for part in [
        "# Checkout",
        "[To write]",
        "kim@lantern.example takes it on.",
        "A disk is full. We free it.",
        "kept",
    ] {
        assert!(draft.contains(part), "{part}: {draft}");
    }
    let (_, chinese, _) = up.cli(&["incident", "postmortem", &id, "--lang", "zh-CN"]);
    assert!(chinese.contains("【待填写】") && chinese.contains("磁盘已满"), "{chinese}");
    let (_, json, _) = up.cli(&["incident", "postmortem", &id, "--json"]);
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["complete"], true);
    assert!(json["numbers"]["human_word_s"].is_u64() && json["numbers"]["promises_missed"] == 0, "{json}");
    assert_eq!(up.get(&format!("/api/v1/incidents/{id}/postmortem")).status, 401, "it is for staff");

    let publish = |en: &str| {
        let (en, zh) = (format!("en={en}"), "zh-CN=原因：磁盘已满。");
        up.cli(&["incident", "update", &id, "--status", "postmortem", "--text", &en, "--text", zh])
    };
    let (code, _, why) = publish("Cause: [To write]");
    assert_eq!(code, 4, "a draft with blanks is not published");
    assert!(why.contains("still has a blank in it"), "{why}");
    assert_eq!(publish("Cause: a disk ran full.").0, 0);
    let item = [
        "incident",
        "prevent",
        &id,
        "--what",
        "Alarm at 80 % of the disk",
        "--owner",
        "kim",
        "--due",
        "14d",
        "--public",
    ];
    assert_eq!(up.cli(&item).0, 0);
    let of_api = &up.json("/api/v2/incidents.json")["incidents"][0];
    assert_eq!(of_api["status"], "postmortem");
    assert_eq!(of_api["postmortem_body"], "Cause: a disk ran full.");
    let page = up.get(&format!("/incidents/{id}")).body;
    assert!(page.contains("Cause: a disk ran full.") && page.contains("Alarm at 80 % of the disk"), "{page}");
    assert!(!page.contains("kim"), "names are for staff");
    assert!(up.get(&format!("/incidents/{id}?lang=zh-CN")).body.contains("原因：磁盘已满。"));
    let public = incident(&up)["preventions"][0].clone();
    assert_eq!((&public["owner"], &public["done_at"]), (&Value::Null, &Value::Null));
    let item = public["id"].as_str().expect("an id");
    assert_eq!(up.cli(&["incident", "prevent", &id, "--item", item, "--done"]).0, 0);
    assert!(incident(&up)["preventions"][0]["done_at"].is_string());
}

#[test]
fn case_m_who_has_taken_it_on_is_reminded_of_the_promise_and_the_others_sleep() {
    let (target, mailbox) = (Target::start(), Mailbox::start());
    // One and two per cent: of the first promise minutes, of one of ten minutes six and twelve seconds.
    let slow = "nag_at = [1, 2]\nscope = \"1d\"\nnext_update = \"1d\"\nnext_update_later = \"1d\"";
    let up = Running::up(&toml(&target, mailbox.port, slow));
    target.kill();
    let kims = wait_for("the mail to kim", || link(&mailbox, "kim@", "Alert:"));
    assert_eq!(send(&up, &kims, "do=acknowledge").status, 303);
    assert_eq!(send(&up, &kims, &WORDS.replace("within=30", "within=10")).status, 303);
    // When kim has the second one, lee's first would have come long before.
    wait_for("two reminders to kim", || (reminders(&mailbox, "kim@") >= 2).then_some(()));
    assert_eq!(reminders(&mailbox, "lee@"), 0);
    let nagged = up.cli(&["journal", "--json"]).1.matches("\"nagged\"").count();
    assert!(nagged >= 2, "the journal has them");
}

fn reminders(mailbox: &Mailbox, to: &str) -> usize {
    let mails = mailbox.mails.lock().expect("lock");
    let head = |m: &&String| {
        let head = m.split("\n\n").next().unwrap_or_default().to_owned();
        head.contains("Update due by") && head.lines().any(|l| l.starts_with("To:") && l.contains(to))
    };
    mails.iter().filter(head).count()
}
