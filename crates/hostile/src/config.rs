//! Any text as a configuration: never a panic, never a secret in the report, and what is accepted explains itself
//! as a file that is accepted again.

use stillhere_config::{Config, diff, explain};

/// Long enough not to come about by chance in a message.
const SECRET: &str = "qzxjvkwhunter22";

pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Config::parse("fuzz.toml", text) {
        Ok(config) => {
            assert!(diff(&config, &config).is_empty());
            let said = explain(&config);
            // Values that are masked cannot be read back.
            if !said.contains("***") {
                let again = Config::parse("explained.toml", &said).unwrap_or_else(|e| panic!("{e}\n{said}"));
                assert_eq!(again, config);
            }
        }
        Err(report) => {
            assert!(!report.errors.is_empty());
            let _printable = report.to_string();
        }
    }
    // The same text behind a secret: whatever is wrong with it, the secret is not shown. (Comparisons teach the
    // fuzzer the secret; a text that says it in the open is no leak.)
    if text.contains(SECRET) {
        return;
    }
    let hidden = format!("[[channel]]\npassword = \"{SECRET}\"\n{text}");
    if let Err(report) = Config::parse("fuzz.toml", &hidden) {
        assert!(!report.to_string().contains(SECRET), "{report}");
    }
}
