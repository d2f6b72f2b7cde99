//! A secret in a file is nowhere in what is printed about the file.

use proptest::prelude::*;
use stillhere_config::{Config, explain};

/// Ways in which a secret gets into a file that is wrong in some place.
const FILES: [&str; 12] = [
    "[[channel]]\nname = \"m\"\nkind = \"mail\"\npassword = \"{}\"\n",
    "[[channel]]\nname = \"m\"\nkind = \"mail\"\npassword = { env = 1, value = \"{}\" }\n",
    "[[channel]]\nname = \"m\"\nkind = \"mail\"\nto = [\"b@x\"]\nfrom = \"a@x\"\nhost = \"h\"\npasword = '{}'\n",
    "[[channel]]\nname = \"w\"\nkind = \"webhook\"\nurl = \"http://u:{}@host/\"\naudience = 1\n",
    "[[service]]\nid = \"a\"\nurl = \"ftp://u:{}@host/\"\n",
    "[[service]]\nid = \"a\"\nurl = \"https://host/?api_token={}\"\ninterval = \"1ms\"\n",
    "[[service]]\nid = \"a\"\n[[service.check]]\nurl = \"https://host/\"\nheaders = { Authorization = \"{}\" }\nx = 1\n",
    "[[service]]\nid = \"a\"\n[[service.check]]\nkind = \"push\"\nkey = \"{}\"\n",
    "[site]\naccess_token = \"{}\"\n",
    "password = \"{}\n",
    "[a\nsecret_thing = \"{}\"\n",
    "auth = { user = \"x\", password = \"{}\" ]\n",
];

proptest! {
    #[test]
    fn no_report_shows_a_secret(secret in "[A-Za-z0-9#!+/]{8,24}", file in 0..FILES.len()) {
        let text = FILES[file].replace("{}", &secret);
        let report = Config::parse("stillhere.toml", &text).expect_err("each of them is wrong");
        let printed = format!("{report}\n{report:?}");
        prop_assert!(!printed.contains(&secret), "{}", printed);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,200}") {
        let _either = Config::parse("stillhere.toml", &text).map_err(|r| r.to_string());
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _either = Config::parse("f", &String::from_utf8_lossy(&bytes)).map_err(|r| r.to_string());
    }

    /// Nearly right files get further into the reader than noise does.
    #[test]
    fn no_mix_of_real_words_makes_the_reader_panic(parts in prop::collection::vec(0usize..WORDS.len(), 0..60)) {
        let text: String = parts.iter().map(|i| WORDS[*i]).collect();
        let _either = Config::parse("f", &text).map(|c| explain(&c)).map_err(|r| r.to_string());
    }
}

const WORDS: [&str; 44] = [
    "[[service]]\n",
    "[[service.check]]\n",
    "[[channel]]\n",
    "[[maintenance]]\n",
    "[site]\n",
    "[server]\n",
    "[respond]\n",
    "[defaults]\n",
    "[uplink]\n",
    "id = ",
    "name = ",
    "url = ",
    "kind = ",
    "interval = ",
    "timeout = ",
    "conditions = ",
    "depends_on = ",
    "services = ",
    "starts_at = ",
    "ends_at = ",
    "title = ",
    "password = ",
    "quorum = ",
    "\"http\"\n",
    "\"a\"\n",
    "\"b\"\n",
    "\"https://host/\"\n",
    "\"20s\"\n",
    "\"1ms\"\n",
    "[\"a\"]\n",
    "[\"a\", \"b\"]\n",
    "{ en = \"x\", zh-CN = \"商店\" }\n",
    "{ at_least = 2 }\n",
    "2026-12-01T10:00:00\n",
    "2026-12-01\n",
    "1\n",
    "true\n",
    "1.5\n",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "\n",
];

#[test]
fn explain_shows_no_secret() {
    let text = "[[service]]\nid = \"a\"\nurl = \"https://host/?api_token=hunter22\"\n\
                [[channel]]\nname = \"w\"\nkind = \"webhook\"\nurl = \"https://hooks/T0/B1\"\n";
    let said = explain(&Config::parse("f", text).unwrap());
    assert_eq!(said.matches("url = \"***\"").count(), 2, "{said}");
    assert!(!said.contains("hunter22") && !said.contains("T0/B1"), "{said}");
}
