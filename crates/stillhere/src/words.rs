//! Reads what people write on the command line: texts in several languages, times, services with a status.

use crate::exit::Exit;
use std::collections::BTreeMap;
use stillhere_model::{Lang, ServiceId, Status, Text, Time};
use stillhere_net::clock;

/// `TEXT` for all languages, or `LANG=TEXT` for each. `None` when nothing was given.
pub fn text(option: &str, given: &[String]) -> Result<Option<Text>, Exit> {
    let mut each = BTreeMap::new();
    for one in given {
        let (lang, words) = match one.split_once('=').and_then(|(l, t)| Some((l.parse::<Lang>().ok()?, t))) {
            Some((lang, words)) => (Some(lang), words),
            None => (None, one.as_str()),
        };
        match lang {
            None if given.len() == 1 => return Ok(Some(Text::Same(words.to_owned()))),
            lang => {
                let lang = lang.unwrap_or(Lang::En);
                if each.insert(lang, words.to_owned()).is_some() {
                    return Err(Exit::Usage(format!("--{option} was given twice for {}", lang.tag())));
                }
            }
        }
    }
    Ok((!each.is_empty()).then_some(Text::Each(each)))
}

pub fn required_text(option: &str, given: &[String]) -> Result<Text, Exit> {
    text(option, given)?.ok_or_else(|| Exit::Usage(format!("--{option} is needed")))
}

/// RFC 3339 with an offset.
pub fn time(option: &str, given: &str) -> Result<Time, Exit> {
    Time::parse(given).map_err(|_| {
        Exit::Usage(format!("--{option} \"{given}\" is not a time. Write it like 2026-12-01T22:00:00+01:00"))
    })
}

/// A duration from now, or a time.
pub fn when(option: &str, given: &str) -> Result<Time, Exit> {
    match stillhere_config::duration::parse(given) {
        Ok(d) => Ok(clock::wall().plus(d)),
        Err(_) => Time::parse(given).map_err(|_| {
            Exit::Usage(format!(
                "--{option} \"{given}\" is neither a duration such as 20m nor a time such as 2026-12-01T22:00:00+01:00"
            ))
        }),
    }
}

pub fn status(given: &str) -> Result<Status, Exit> {
    given.parse().map_err(|()| {
        let all: Vec<&str> = Status::ALL.iter().map(|s| s.as_str()).collect();
        Exit::Usage(format!("\"{given}\" is not a status. One of: {}", all.join(", ")))
    })
}

/// `ID=STATUS` for each.
pub fn services(given: &[String]) -> Result<Vec<(ServiceId, Status)>, Exit> {
    given
        .iter()
        .map(|one| {
            let (id, word) = one.split_once('=').ok_or_else(|| {
                Exit::Usage(format!("--service \"{one}\": write ID=STATUS, such as checkout=partial_outage"))
            })?;
            Ok((ServiceId::from(id), status(word)?))
        })
        .collect()
}

/// One of the words of an enum of the model, as it is written in JSON.
pub fn word<T: serde::de::DeserializeOwned>(option: &str, given: &str, all: &str) -> Result<T, Exit> {
    serde_json::from_value(serde_json::Value::String(given.to_owned()))
        .map_err(|_| Exit::Usage(format!("--{option} \"{given}\" is not known. One of: {all}")))
}

/// An id as printed by `list`, or enough of its beginning to be the only one.
pub fn id<T: std::str::FromStr>(given: &str) -> Result<T, Exit> {
    given.parse().map_err(|_| Exit::Usage(format!("\"{given}\" is not an id. `list` shows them")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_may_be_one_for_all_or_one_for_each_language() {
        assert_eq!(text("title", &["Down".into()]).unwrap(), Some(Text::Same("Down".into())));
        let both = text("title", &["Down".into(), "zh-CN=无法访问".into()]).unwrap().unwrap();
        assert_eq!((both.get(Lang::En), both.get(Lang::ZhCn)), ("Down", "无法访问"));
        assert_eq!(text("title", &["a=b".into()]).unwrap(), Some(Text::Same("a=b".into())));
        assert!(text("title", &["Down".into(), "en=Gone".into()]).is_err());
        assert_eq!(text("title", &[]).unwrap(), None);
    }

    #[test]
    fn a_service_needs_a_known_status() {
        assert_eq!(services(&["web=major_outage".into()]).unwrap(), [("web".into(), Status::MajorOutage)]);
        assert!(services(&["web".into()]).is_err());
        assert!(services(&["web=broken".into()]).is_err());
    }
}
