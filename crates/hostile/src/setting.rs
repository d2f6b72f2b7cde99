//! Any body as what an admin makes in the console: refused with what is wrong and where, or in force exactly as it was written, and no secret of it in
//! what is shown or reported.
//!
//! The first byte chooses the kind.

use serde_json::{Map, Value};
use stillhere_config::{
    Config,
    console::{Base, Item, Kind, compose, without_secrets},
};
use stillhere_web::api;

/// Longest report: all that is wrong stands in it, a bounded number of times.
const REPORT_BYTES: usize = 1 << 20;
const FILE: &str = "[[service]]\nid = \"shop\"\nurl = \"https://shop.example.com/\"\n";

pub fn run(data: &[u8]) {
    let Some((which, body)) = data.split_first() else { return };
    let kind = Kind::ALL[usize::from(*which) % Kind::ALL.len()];
    let Some(table) = api::setting(body) else { return };
    let mut secrets = Vec::new();
    values(&table, &mut secrets);
    // One that stands elsewhere, too, is said by whoever wrote it there.
    let text = Value::Object(table.clone()).to_string();
    secrets.retain(|secret| text.matches(secret.as_str()).count() == 1);
    let base = Base { name: "f".to_owned(), text: FILE.to_owned() };
    let composed = Item::new(kind, "made", table).and_then(|item| {
        let shown = Value::Object(without_secrets(&item)).to_string();
        Ok((compose(&base, &[item])?, shown))
    });
    match composed {
        Ok((composed, shown)) => {
            for secret in &secrets {
                assert!(!shown.contains(secret.as_str()), "{secret} is shown in {shown}");
            }
            assert_eq!(composed.config.of_console, [(kind, "made".to_owned())]);
            assert!(composed.aside.is_empty());
            let alone = Config::parse("f", FILE).expect("the file is good");
            assert!(composed.config.services.len() >= alone.services.len(), "what the file has stays");
        }
        Err(report) => {
            let said = report.to_string();
            assert!(!report.errors.is_empty() && said.len() <= REPORT_BYTES, "{} bytes", said.len());
            for secret in &secrets {
                assert!(!said.contains(secret.as_str()), "{secret} is said in {said}");
            }
        }
    }
}

/// Secrets that are long enough not to come about by chance, in places that only a secret can have.
fn values(table: &Map<String, Value>, found: &mut Vec<String>) {
    for (key, value) in table {
        if let (true, Some(secret)) = (matches!(key.as_str(), "password" | "token"), value.get("value")) {
            let marked = secret.as_str().filter(|s| s.len() >= 12 && s.starts_with("qzxj"));
            found.extend(marked.map(str::to_owned));
        }
    }
}
