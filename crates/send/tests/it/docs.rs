//! What `docs/channels/webhook.md` tells people to copy works as it stands there.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};
use stillhere_send::signature::{Key, secret};

/// The first code block in `language`.
fn block(language: &str) -> String {
    let doc = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/channels/webhook.md");
    let doc = std::fs::read_to_string(doc).unwrap();
    let start = doc.find(&format!("```{language}\n")).unwrap_or_else(|| panic!("no {language} block"));
    let block = &doc[start + language.len() + 4..];
    block[..block.find("```").unwrap()].to_owned()
}

fn run(program: &str, flag: &str, code: &str, input: &str) -> String {
    let mut child = Command::new(program)
        .args([flag, code])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("the tests need {program}: {e}"));
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap().trim().to_owned()
}

#[test]
fn the_ways_to_verify_a_signature_accept_ours_and_refuse_another() {
    let secret = secret([9; 32]);
    let body = r#"{"text":"结账"}"#;
    let signature = Key::parse(&secret).unwrap().sign("id1", 1_700_000_000, body.as_bytes());
    let both = format!("v1,AAAA {signature}");
    let forged = both.replace("v1,", "v1,x");
    for (header, verdict) in [(&both, "true"), (&forged, "false")] {
        let python = format!(
            "import sys\nbody = sys.stdin.buffer.read()\nsecret = {:?}\nheaders = {{'webhook-id': 'id1', 'webhook-timestamp': '1700000000', 'webhook-signature': {header:?}}}\n{}\nprint(str(genuine).lower())",
            secret.expose_secret(),
            block("python")
        );
        assert_eq!(run("python3", "-c", &python, body), verdict, "{python}");
        let node = format!(
            "const body = require('fs').readFileSync(0);\nconst secret = {:?};\nconst headers = {{'webhook-id': 'id1', 'webhook-timestamp': '1700000000', 'webhook-signature': {header:?}}};\n{}\nconsole.log(String(genuine));",
            secret.expose_secret(),
            block("js")
        );
        assert_eq!(run("node", "-e", &node, body), verdict, "{node}");
    }
}
