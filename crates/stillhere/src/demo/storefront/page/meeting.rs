//! The meeting room: a board to draw on, a few words to say, and a clock.

use crate::demo::html::Page;
use std::fmt::Write as _;

const SCRIPT: &str = include_str!("../../../../../../web/demo/meeting.js");
/// What the script says; `%` stands for a number, `@` for a node or a colour.
const WORDS: [&str; 13] = [
    "room-entering",
    "room-in",
    "room-away",
    "room-away-for",
    "room-waits",
    "room-back",
    "room-back-with",
    "room-full",
    "room-closed",
    "room-you",
    "room-waiting",
    "room-board",
    "room-plain",
];
/// Colours of those who are there.
const HUES: usize = 8;

pub(super) fn room(page: &mut Page) -> &'static str {
    let mut words = String::new();
    for key in WORDS {
        let _infallible = write!(words, " data-{key}=\"{}\"", page.say(key));
    }
    let hues: Vec<String> = (0..HUES).map(|n| page.say(&format!("hue-{n}"))).collect();
    page.add(&format!(
        "<main id=room class=room{words} data-hues=\"{}\">\
         <div class=roomhead><h1>{}</h1>\
         <p class=clock aria-label=\"{}\"><b id=clock>--:--</b><span id=awayfor aria-hidden=true></span></p></div><p class=tag>{}</p>\
         <p class=\"said roomsaid\" id=roomsaid role=status></p>\
         <div class=table><div class=paper><canvas id=board role=img></canvas>\
         <div class=tools><span id=me></span><button id=wipe type=button>{}</button></div></div>\
         <div class=chat><ol id=chat aria-label=\"{}\"></ol><form id=say><input id=text maxlength=280 autocomplete=off aria-label=\"{}\" placeholder=\"{}\">\
         <button class=main>{}</button></form></div></div>\
         <noscript><p class=dim>{}</p></noscript></main>",
        hues.join(","),
        page.say("room-title"),
        page.say("room-clock"),
        page.say("room-text"),
        page.say("room-wipe"),
        page.say("room-said"),
        page.say("room-write"),
        page.say("room-write"),
        page.say("room-say"),
        page.say("room-no-script"),
    ));
    SCRIPT
}
