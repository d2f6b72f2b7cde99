//! Badges: small pictures for other people's pages, drawn here, and the JSON that shields.io draws from.

use crate::{
    clean::xml,
    headline::{Headline, headline},
    page::service::{milliseconds, percent},
    snapshot::{ServiceView, Snapshot},
    words::Words,
};
use serde_json::{Value, json};
use stillhere_model::{Lang, ServiceId, Status};

/// What a badge shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Badge {
    /// The headline of the whole site.
    Site,
    Status(ServiceId),
    /// Uptime over the 90 days of the bars.
    Uptime(ServiceId),
    /// The newest median latency.
    Latency(ServiceId),
}

/// Longest label or message of a badge, in characters.
const CHARS_MAX: usize = 60;

struct Said {
    label: String,
    message: String,
    colour: &'static str,
}

/// `None`: no such service.
#[must_use]
pub fn svg(s: &Snapshot, lang: Lang, badge: &Badge) -> Option<String> {
    let Said { label, message, colour } = said(s, lang, badge)?;
    let (left, right) = (width(&label) + 16, width(&message) + 16);
    let whole = left + right;
    let text = |x: u32, length: u32, t: &str| {
        format!(
            "<text x=\"{x}\" y=\"14\" textLength=\"{length}\" lengthAdjust=\"spacingAndGlyphs\">{}</text>",
            xml(t)
        )
    };
    let (a, b) = (text(8, left - 16, &label), text(left + 8, right - 16, &message));
    let title = xml(&format!("{label}: {message}"));
    Some(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{whole}\" height=\"20\" role=\"img\" aria-label=\"{title}\">\
         <title>{title}</title><clipPath id=\"r\"><rect width=\"{whole}\" height=\"20\" rx=\"4\"/></clipPath>\
         <g clip-path=\"url(#r)\"><rect width=\"{left}\" height=\"20\" fill=\"#3b4048\"/>\
         <rect x=\"{left}\" width=\"{right}\" height=\"20\" fill=\"#{colour}\"/></g>\
         <g fill=\"#fff\" font-family=\"Verdana,DejaVu Sans,Noto Sans CJK SC,sans-serif\" font-size=\"11\">{a}{b}</g></svg>"
    ))
}

/// For shields.io's endpoint badge. `None`: no such service.
#[must_use]
pub fn shields(s: &Snapshot, lang: Lang, badge: &Badge) -> Option<Value> {
    let Said { label, message, colour } = said(s, lang, badge)?;
    Some(json!({ "schemaVersion": 1, "label": label, "message": message, "color": colour }))
}

fn said(s: &Snapshot, lang: Lang, badge: &Badge) -> Option<Said> {
    let w = Words::new(lang, &s.site.time_zone);
    let named = |view: &ServiceView| w.name(&view.name);
    let all = match badge {
        Badge::Site => {
            let headline = headline(s);
            let colour = match headline {
                Headline::Operational => OK,
                Headline::Maintenance => colour(Status::UnderMaintenance),
                Headline::Unknown | Headline::NoFreshNews => colour(Status::Unknown),
                Headline::Degraded => colour(Status::DegradedPerformance),
                Headline::Partial => colour(Status::PartialOutage),
                Headline::Major => colour(Status::MajorOutage),
            };
            let message = crate::page::headline_words(s, lang).0;
            Said { label: w.name(&s.site.name), message, colour }
        }
        Badge::Status(id) => {
            let view = s.service(id)?;
            let status = view.verdict.status;
            Said { label: named(view), message: w.status(status), colour: colour(status) }
        }
        Badge::Uptime(id) => {
            let view = s.service(id)?;
            let (message, colour) = match view.uptime {
                None => (w.plain("badge-none"), colour(Status::Unknown)),
                Some(u) => {
                    let message = w.say("badge-percent", &[("percent", percent(u).into())]);
                    let colour = match u {
                        u if u >= 0.999 => OK,
                        u if u >= 0.99 => colour(Status::DegradedPerformance),
                        u if u >= 0.95 => colour(Status::PartialOutage),
                        _ => colour(Status::MajorOutage),
                    };
                    (message, colour)
                }
            };
            let label = w.say("badge-uptime", &[("name", named(view).into()), ("n", view.days.len().into())]);
            Said { label, message, colour }
        }
        Badge::Latency(id) => {
            let view = s.service(id)?;
            let newest = view.latency.last().and_then(|p| p.p50_ms);
            let message = newest.map_or_else(|| w.plain("badge-none"), |ms| milliseconds(&w, ms));
            let colour =
                if newest.is_some() { colour(Status::UnderMaintenance) } else { colour(Status::Unknown) };
            Said { label: w.say("badge-latency", &[("name", named(view).into())]), message, colour }
        }
    };
    let cut = |t: String| crate::clean::line(&t, CHARS_MAX);
    Some(Said { label: cut(all.label), message: cut(all.message), ..all })
}

const OK: &str = "187a48";

/// White text on it has at least 4.5:1.
fn colour(status: Status) -> &'static str {
    match status {
        Status::Operational => OK,
        Status::UnderMaintenance => "2f62cf",
        Status::Unknown => "646b76",
        Status::DegradedPerformance => "8a5d00",
        Status::PartialOutage => "b84a00",
        Status::MajorOutage => "c21f2c",
    }
}

/// About the width of `text` in 11 px Verdana, in pixels; `textLength` makes the drawing fit it exactly.
fn width(text: &str) -> u32 {
    let tenths: u32 = text
        .chars()
        .map(|c| match c {
            'i' | 'j' | 'l' | '.' | ',' | ':' | '\'' | '|' => 35,
            'f' | 'r' | 't' | ' ' | '(' | ')' | '-' => 44,
            'm' | 'w' | 'M' | 'W' | '%' => 103,
            'A'..='Z' | '0'..='9' => 74,
            c if u32::from(c) >= 0x2E80 => 110,
            _ => 66,
        })
        .sum();
    tenths.div_ceil(10).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn a_badge_says_what_the_page_says() {
        let s = sample::busy();
        let site = shields(&s, Lang::En, &Badge::Site).unwrap();
        assert_eq!(site["message"], crate::page::headline_words(&s, Lang::En).0);
        let status = shields(&s, Lang::ZhCn, &Badge::Status("checkout".into())).unwrap();
        assert_eq!((status["label"].as_str(), status["message"].as_str()), (Some("结账"), Some("中断")));
        assert_eq!(shields(&s, Lang::En, &Badge::Status("nothing".into())), None);
    }

    #[test]
    fn case_t_a_name_of_markup_is_text_in_the_drawing() {
        let mut s = sample::all_fine();
        std::sync::Arc::make_mut(&mut s.services[0]).name = "</text><script>x</script>\r\n\u{202E}".into();
        for badge in
            [Badge::Status("shop".into()), Badge::Uptime("shop".into()), Badge::Latency("shop".into())]
        {
            let svg = svg(&s, Lang::En, &badge).unwrap();
            assert!(!svg.contains("<script") && !svg.contains('\u{202E}'), "{svg}");
        }
    }

    #[test]
    fn unknown_uptime_and_latency_are_said_to_be_unknown() {
        let mut s = sample::all_fine();
        let view = std::sync::Arc::make_mut(&mut s.services[0]);
        (view.uptime, view.latency) = (None, Vec::new());
        for badge in [Badge::Uptime("shop".into()), Badge::Latency("shop".into())] {
            assert_eq!(shields(&s, Lang::En, &badge).unwrap()["message"], "not known");
        }
    }
}
