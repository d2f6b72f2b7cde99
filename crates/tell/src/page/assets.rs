//! Style and script as they are inlined, and the Content-Security-Policy that allows exactly them.

use crate::snapshot::Site;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::digest;
use std::sync::OnceLock;

/// Least contrast of text, WCAG 2.2 AA.
const CONTRAST: f64 = 4.5;
/// `--bg` of `base.css`, light and dark.
const GROUNDS: [u32; 2] = [0xfa_fa_f8, 0x10_12_15];

const BASE_CSS: &str = include_str!("../../../../web/status/base.css");
pub(super) const GLYPHS: &str = include_str!("../../../../web/status/glyphs.svg");

pub(super) fn css() -> &'static str {
    static CSS: OnceLock<String> = OnceLock::new();
    CSS.get_or_init(|| {
        squeeze_css(&format!("{BASE_CSS}{}", include_str!("../../../../web/status/status.css")))
    })
}

/// What the trust report has in addition.
pub(super) fn trust_css() -> &'static str {
    static CSS: OnceLock<String> = OnceLock::new();
    CSS.get_or_init(|| squeeze_css(include_str!("../../../../web/status/trust.css")))
}

/// Style of the page that stands in for the origin.
pub(crate) fn away_css() -> &'static str {
    static CSS: OnceLock<String> = OnceLock::new();
    CSS.get_or_init(|| squeeze_css(&format!("{BASE_CSS}{}", include_str!("../../../../web/status/away.css"))))
}

/// Style of a page of its own: what all pages have in common, and `own`.
pub(crate) fn with_base(own: &str) -> String {
    squeeze_css(&format!("{BASE_CSS}{own}"))
}

/// Script of the page that stands in for the origin.
pub(crate) fn away_script() -> &'static str {
    static SCRIPT: OnceLock<String> = OnceLock::new();
    SCRIPT.get_or_init(|| squeeze_js(include_str!("../../../../web/status/away.js")))
}

/// The symbol of one status.
pub(crate) fn glyph(class: &str) -> &'static str {
    GLYPHS.lines().find(|l| l.starts_with(&format!("<symbol id=i-{class} "))).unwrap_or_default()
}

pub(super) fn script() -> &'static str {
    static SCRIPT: OnceLock<String> = OnceLock::new();
    SCRIPT.get_or_init(|| squeeze_js(include_str!("../../../../web/status/live.js")))
}

/// Script of the page of subscribing: notifications in this browser.
pub(crate) fn push_script() -> &'static str {
    static SCRIPT: OnceLock<String> = OnceLock::new();
    SCRIPT.get_or_init(|| squeeze_js(include_str!("../../../../web/status/push.js")))
}

/// The worker of browsers that are notified.
#[must_use]
pub fn push_worker() -> &'static str {
    static SCRIPT: OnceLock<String> = OnceLock::new();
    SCRIPT.get_or_init(|| squeeze_js(include_str!("../../../../web/status/push-worker.js")))
}

/// The whole policy of the page of subscribing: it has a script of its own, which registers a worker.
#[must_use]
pub fn subscribe_csp(site: &Site) -> String {
    let own = format!("worker-src 'self'; script-src {} ", hash(push_script()));
    csp(site).replacen("script-src ", &own, 1)
}

/// The whole policy of a page of `site`. No page loads anything from anywhere, but the operator's mark from here.
#[must_use]
pub fn csp(site: &Site) -> String {
    let (style, script) = csp_hashes();
    let accent = accent(site).map(|a| format!(" {}", hash(&a))).unwrap_or_default();
    let forms = if site.subscribe.is_any() { "'self'" } else { "'none'" };
    let pictures = if site.logo.is_some() { "'self' data:" } else { "data:" };
    format!(
        "default-src 'none'; style-src {style}{accent}; script-src {script}; img-src {pictures}; connect-src 'self'; \
         base-uri 'none'; form-action {forms}"
    )
}

/// The sources of the inlined style and script, each as `'sha256-…'`. [`csp`] has the whole policy, which also
/// allows the operator's accent.
#[must_use]
pub fn csp_hashes() -> (String, String) {
    (hash(css()), hash(script()))
}

pub(crate) fn hash(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(digest::digest(&digest::SHA256, text.as_bytes())))
}

/// The operator's colour, on each ground where it can be read.
pub(super) fn accent(site: &Site) -> Option<String> {
    let hex = site.accent.as_deref()?.strip_prefix('#').filter(|h| h.len() == 6)?;
    let colour = u32::from_str_radix(hex, 16).ok()?;
    let rule = format!(":root{{--accent:#{colour:06x}}}");
    match GROUNDS.map(|ground| contrast(colour, ground) >= CONTRAST) {
        [true, true] => Some(rule),
        [true, false] => Some(format!("@media (prefers-color-scheme:light){{{rule}}}")),
        [false, true] => Some(format!("@media (prefers-color-scheme:dark){{{rule}}}")),
        [false, false] => None,
    }
}

/// A dot in the colour of the state, for the tab.
pub(crate) fn icon(class: &str) -> String {
    let colour = match class {
        "o" => "187a48",
        "m" => "2f62cf",
        "d" => "c08405",
        "p" => "d65a00",
        "x" => "c21f2c",
        _ => "646b76",
    };
    format!(
        "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 9 9'%3E%3Ccircle cx='4.5' cy='4.5' r='4' fill='%23{colour}'/%3E%3C/svg%3E"
    )
}

/// WCAG 2.2 contrast ratio.
fn contrast(a: u32, b: u32) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

fn luminance(rgb: u32) -> f64 {
    let part = |shift: u32| {
        let c = f64::from((rgb >> shift) & 0xff) / 255.0;
        if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * part(16) + 0.7152 * part(8) + 0.0722 * part(0)
}

/// Drops comments and line ends. Our style has neither `/*` nor line ends inside of strings.
fn squeeze_css(source: &str) -> String {
    let mut rest = source;
    let mut bare = String::with_capacity(source.len());
    while let Some((before, after)) = rest.split_once("/*") {
        bare.push_str(before);
        rest = after.split_once("*/").map_or("", |(_, after)| after);
    }
    bare.push_str(rest);
    bare.lines().map(str::trim).collect()
}

/// Drops whole-line comments and indentation. Line ends stay, so statements need no look.
fn squeeze_js(source: &str) -> String {
    let lines = source.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_is_smaller_than_three_kilobytes_and_cannot_end_its_element() {
        assert!(script().len() < 3_000, "{}", script().len());
        assert!(push_script().len() < 3_500, "{}", push_script().len());
        assert!(!push_script().contains("</"));
        assert!(!script().contains("</") && !css().contains("</"));
        assert!(!css().contains("url(") && !css().contains("@import"), "nothing is loaded from anywhere");
        assert!(away_script().len() < 4_000, "{}", away_script().len());
        assert!(!away_script().contains("</") && !away_css().contains("</"));
        assert!(
            !away_css().contains("url(") && !away_css().contains("@import"),
            "nothing is loaded from anywhere"
        );
    }

    #[test]
    fn contrast_is_that_of_wcag() {
        assert!((contrast(0, 0xff_ff_ff) - 21.0).abs() < 1e-9);
        assert!((contrast(0x77_77_77, 0xff_ff_ff) - 4.478).abs() < 1e-2);
    }

    #[test]
    fn every_colour_of_text_and_bars_can_be_read_on_its_ground() {
        let css = BASE_CSS;
        let (light, dark) = css.split_once("@media (prefers-color-scheme:dark)").unwrap();
        let dark = dark.split_once("}}").unwrap().0;
        for (scheme, source) in [("light", light), ("dark", dark)] {
            let colour = |name: &str| {
                let at =
                    source.split_once(&format!("--{name}:#")).unwrap_or_else(|| panic!("{scheme} {name}")).1;
                let hex: String = at.chars().take_while(char::is_ascii_hexdigit).collect();
                let hex = if hex.len() == 3 { hex.chars().flat_map(|c| [c, c]).collect() } else { hex };
                u32::from_str_radix(&hex, 16).unwrap()
            };
            for ground in ["bg", "card"] {
                for text in ["ink", "dim", "accent", "o", "m", "u", "d", "p", "x"] {
                    let ratio = contrast(colour(text), colour(ground));
                    assert!(ratio >= CONTRAST, "{scheme}: {text} on {ground} is {ratio:.2}");
                }
                for bar in ["bo", "bd"] {
                    let ratio = contrast(colour(bar), colour(ground));
                    assert!(ratio >= 3.0, "{scheme}: bar {bar} on {ground} is {ratio:.2}");
                }
            }
        }
    }

    #[test]
    fn an_accent_is_used_only_where_it_can_be_read() {
        let mut site = crate::sample::site();
        let mut with = |accent: &str| {
            site.accent = Some(accent.to_owned());
            super::accent(&site)
        };
        assert_eq!(with("#777777"), None);
        assert_eq!(with("#000000").unwrap(), "@media (prefers-color-scheme:light){:root{--accent:#000000}}");
        assert!(with("#ffff00").unwrap().contains("dark"));
        assert_eq!(with("red}body{display:none"), None);
        assert_eq!(with("#12345é"), None);
    }
}
