//! A condition before it is a tree: the bounds of its text, the parser, and what a parser's complaint means.

use super::super::{MAX_CONDITION_BYTES, problem};
use crate::Problem;
use cel::{
    ParseErrors,
    common::ast::{IdedExpr, SourceInfo},
    parser::Parser,
};

/// Brackets within brackets.
const MAX_BRACKET_DEPTH: usize = 16;
/// Operators, dots and brackets together. With the depth it keeps the parser's and the evaluator's recursion
/// far from the end of a thread's stack.
const MAX_SYMBOLS: usize = 160;
/// Reserved, not used: only the pages that are touched cost memory.
const PARSER_STACK_BYTES: usize = 64 * 1024 * 1024;

/// The generated parser uses more than 100 KiB of stack per pair of brackets in a debug build, which is the end of
/// an ordinary thread at 16 pairs; so it gets a stack of its own. Each text is parsed once.
pub(super) fn parse(text: &str) -> Result<Result<(IdedExpr, SourceInfo), ParseErrors>, Problem> {
    std::thread::scope(|scope| {
        let parser = std::thread::Builder::new().name("condition".to_owned()).stack_size(PARSER_STACK_BYTES);
        let thread = parser.spawn_scoped(scope, || Parser::new().parse_with_source_info(text));
        match thread.map(std::thread::ScopedJoinHandle::join) {
            Ok(Ok(parsed)) => Ok(parsed),
            Ok(Err(_)) => Err(problem("the condition cannot be parsed".to_owned(), None)),
            Err(e) => Err(problem(format!("the condition cannot be parsed now: {e}"), None)),
        }
    })
}

/// Bounds the text before any parser sees it.
pub(super) fn shape(text: &str) -> Result<(), Problem> {
    if text.is_empty() {
        return Err(problem("the condition is empty".to_owned(), None));
    }
    if text.len() > MAX_CONDITION_BYTES {
        let n = text.len();
        return Err(problem(
            format!("the condition has {n} bytes; at most {MAX_CONDITION_BYTES} are allowed"),
            Some("split it into several conditions; all of them must hold".to_owned()),
        ));
    }
    let (mut depth, mut symbols) = (0usize, 0usize);
    let mut rest = text;
    let mut raw = false;
    while let Some(c) = rest.chars().next() {
        let here = rest;
        rest = &rest[c.len_utf8()..];
        match c {
            '"' | '\'' => rest = after_string(here, c, raw),
            '(' | '[' | '{' => {
                depth += 1;
                symbols += 1;
            }
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ if c.is_ascii_punctuation() && c != '_' => symbols += 1,
            _ => {}
        }
        raw = matches!(c, 'r' | 'R');
        if depth > MAX_BRACKET_DEPTH {
            return Err(problem(
                format!("brackets are nested more than {MAX_BRACKET_DEPTH} deep"),
                Some("split it into several conditions; all of them must hold".to_owned()),
            ));
        }
    }
    if symbols > MAX_SYMBOLS {
        return Err(problem(
            format!(
                "the condition has {symbols} operators, dots and brackets; at most {MAX_SYMBOLS} are allowed"
            ),
            Some("split it into several conditions; all of them must hold".to_owned()),
        ));
    }
    Ok(())
}

/// What follows the string literal at the start of `s`. An unclosed one takes the rest; the parser says so.
fn after_string(s: &str, quote: char, raw: bool) -> &str {
    let triple = s.len() >= 3 && s.as_bytes()[..3].iter().all(|b| *b == quote as u8);
    let end = if triple { &s[..3] } else { &s[..1] };
    let mut rest = &s[end.len()..];
    loop {
        if let Some(after) = rest.strip_prefix(end) {
            return after;
        }
        let mut chars = rest.chars();
        match chars.next() {
            None => return "",
            Some('\\') if !raw => {
                chars.next();
            }
            Some(_) => {}
        }
        rest = chars.as_str();
    }
}

pub(super) fn syntax_problem(text: &str, errors: &ParseErrors) -> Problem {
    let Some(e) = errors.errors.first() else {
        return problem("the condition cannot be parsed".to_owned(), None);
    };
    let msg = e.msg.trim_start_matches("Syntax error: ");
    let at_end = msg.contains("<EOF>");
    let what = if at_end && msg.contains("input") {
        "it ends too early".to_owned()
    } else {
        super::super::truncate(msg.split(" expecting {").next().unwrap_or(msg), 120)
    };
    let (line, column) = (e.pos.0.max(1), e.pos.1.max(1));
    let place = if text.lines().count() > 1 {
        format!("line {line}, column {column}")
    } else {
        format!("column {column}")
    };
    let hint = if text.contains(" and ") || text.contains(" or ") || text.contains(" not ") {
        Some("write && for and, || for or, ! for not".to_owned())
    } else if text.contains('=') && !text.contains("==") && !text.contains("!=") && !text.contains(">=") {
        Some("write == to compare".to_owned())
    } else {
        None
    };
    problem(format!("the condition cannot be parsed at {place}: {what}"), hint)
}
