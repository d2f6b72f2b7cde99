//! Conditions: what a good answer looks like, in CEL over the documented names of a probe kind.
//!
//! A condition is checked when it is loaded, so that a typing error is a line in the configuration and not a
//! page full of red: every name in every branch must exist (CEL itself lets `false && typo` pass), types must
//! fit, the result must be true or false. CEL has no cost limit, so what a condition can cost is bounded here:
//! its length and shape, no loop within a loop, and the size of what it looks at (`facts`).

mod facts;
mod rules;
#[cfg(test)]
mod tests;

pub use facts::{Fact, Facts, Json, MAX_ENTRIES, MAX_TEXT_BYTES, Name, Sample, Type};

use crate::Problem;
use cel::{Context, Env, ExecutionError, Value, common::ast::IdedExpr, context::VariableResolver};
use regex::Regex;
use rules::Checked;
use std::{
    collections::HashMap,
    fmt::Write as _,
    sync::{Arc, LazyLock, Mutex, PoisonError, Weak},
};
use stillhere_model::Finding;

/// Longest condition, in bytes.
pub const MAX_CONDITION_BYTES: usize = 1024;
/// Longest printed value, in characters.
pub const MAX_VALUE_CHARS: usize = 80;
/// Longest `actual` of a finding, in characters.
pub const MAX_ACTUAL_CHARS: usize = 320;

/// A condition that was checked and is ready to be evaluated. Cheap to clone; equal texts share one program.
#[derive(Debug, Clone)]
pub struct Condition {
    program: Arc<Program>,
}

#[derive(Debug)]
struct Program {
    text: String,
    expr: IdedExpr,
    /// Compiled once; `matches` in `expr` refers to them by number.
    regexes: Arc<[Regex]>,
    /// What is printed when the condition fails: its source and the expression.
    shown: Vec<Shown>,
}

#[derive(Debug)]
struct Shown {
    label: String,
    private: bool,
    expr: IdedExpr,
}

/// Who reads the printed values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    Everyone,
    Operator,
}

static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// Programs by (identity of the kind's names, text). Weak, so that a reload drops what nobody uses.
type Cache = Mutex<HashMap<(usize, String), Weak<Program>>>;
static CACHE: LazyLock<Cache> = LazyLock::new(Cache::default);

/// The name under which a compiled `matches` is called; no condition can spell it.
const REGEX_FUNCTION: &str = "@regex";

// === impl Condition ===

impl Condition {
    /// Checks a condition over `names`. The problem's path is `conditions`; the caller adds the index.
    ///
    /// # Errors
    /// When the condition cannot be parsed, names something unknown, could cost too much, or does not give
    /// true or false.
    pub fn parse(names: &'static [Name], text: &str) -> Result<Condition, Problem> {
        let text = text.trim();
        let key = (names.as_ptr() as usize, text.to_owned());
        if let Some(program) = lock().get(&key).and_then(Weak::upgrade) {
            return Ok(Condition { program });
        }
        let Checked { expr, regexes, shown } = rules::check(names, text)?;
        let shown = shown.into_iter().map(|(label, private, expr)| Shown { label, private, expr }).collect();
        let program = Arc::new(Program { text: text.to_owned(), expr, regexes: regexes.into(), shown });
        let condition = Condition { program: program.clone() };
        condition.try_on_samples(names)?;
        let mut cache = lock();
        if cache.len() >= 64 && cache.len().is_power_of_two() {
            cache.retain(|_, p| p.strong_count() > 0);
        }
        cache.insert(key, Arc::downgrade(&program));
        Ok(condition)
    }

    #[must_use]
    pub fn text(&self) -> &str {
        &self.program.text
    }

    /// Whether the condition holds.
    ///
    /// # Errors
    /// `ConditionFailed` with the values of the names it uses when it gives false or cannot be evaluated. The
    /// finding is public, so texts sent by the target show only as their size; `detail` has them in full.
    pub fn check(&self, facts: &Facts) -> Result<(), Finding> {
        let why = match self.evaluate(facts) {
            Ok(Value::Bool(true)) => return Ok(()),
            Ok(Value::Bool(false)) => None,
            Ok(other) => Some(format!("it gives {}, not true or false", kind_of(&other))),
            Err(e) => Some(explain(&e)),
        };
        let mut actual = self.values(facts, Reader::Everyone);
        if let Some(why) = why {
            let _ = if actual.is_empty() { write!(actual, "{why}") } else { write!(actual, "; {why}") };
        }
        let actual = truncate(&actual, MAX_ACTUAL_CHARS);
        Err(Finding::ConditionFailed { condition: self.program.text.clone(), actual })
    }

    /// The values of the names this condition uses, with the target's texts: for the operator only.
    #[must_use]
    pub fn detail(&self, facts: &Facts) -> String {
        truncate(&self.values(facts, Reader::Operator), MAX_ACTUAL_CHARS)
    }

    fn evaluate(&self, facts: &Facts) -> Result<Value, ExecutionError> {
        self.program.with_context(facts, |ctx| Value::resolve(&self.program.expr, ctx))
    }

    fn values(&self, facts: &Facts, reader: Reader) -> String {
        self.program.with_context(facts, |ctx| {
            let mut out = String::new();
            for s in &self.program.shown {
                if !out.is_empty() {
                    out.push_str(", ");
                }
                let value = match Value::resolve(&s.expr, ctx) {
                    Ok(v) if s.private && reader == Reader::Everyone => print_size(&v),
                    Ok(v) => truncate(&print(&v), MAX_VALUE_CHARS),
                    Err(_) => "missing".to_owned(),
                };
                let _ = write!(out, "{} = {value}", s.label);
            }
            out
        })
    }

    /// A condition that cannot be evaluated on typical values is wrong in a way the types did not show.
    fn try_on_samples(&self, names: &'static [Name]) -> Result<(), Problem> {
        match self.evaluate(&Facts::sample(names)) {
            Ok(Value::Bool(_)) => Ok(()),
            // What a field of a map or of JSON holds is known only at run time.
            Err(
                ExecutionError::NoSuchKey(_)
                | ExecutionError::IndexOutOfBounds(_)
                | ExecutionError::FunctionError { .. },
            ) => Ok(()),
            Err(_) if self.uses_json(names) => Ok(()),
            Ok(other) => Err(problem(
                format!("the condition gives {}, not true or false", kind_of(&other)),
                Some("compare it with something, such as `status == 200`".to_owned()),
            )),
            Err(e) => Err(problem(format!("the condition cannot be evaluated: {}", explain(&e)), None)),
        }
    }

    fn uses_json(&self, names: &[Name]) -> bool {
        names
            .iter()
            .filter(|n| n.ty() == Type::Any)
            .any(|n| self.program.expr.references().has_variable(n.name))
    }
}

// === impl Program ===

impl Program {
    fn with_context<R>(&self, facts: &Facts, f: impl FnOnce(&Context<'_, '_>) -> R) -> R {
        let resolver: &dyn VariableResolver = facts;
        let mut ctx = Context::with_env(ENV.clone());
        ctx.set_variable_resolver(resolver);
        if !self.regexes.is_empty() {
            let regexes = self.regexes.clone();
            let call = move |text: Arc<String>, i: i64| {
                usize::try_from(i).ok().and_then(|i| regexes.get(i)).is_some_and(|r| r.is_match(&text))
            };
            ctx.add_function(REGEX_FUNCTION, call)
                .expect("the standard library has no function of that name");
        }
        f(&ctx)
    }
}

fn lock() -> std::sync::MutexGuard<'static, HashMap<(usize, String), Weak<Program>>> {
    CACHE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn problem(problem: String, hint: Option<String>) -> Problem {
    Problem { path: "conditions".to_owned(), problem, hint }
}

/// The library's error without the values it carries: they may be a target's whole body.
fn explain(e: &ExecutionError) -> String {
    match e {
        ExecutionError::NoSuchKey(key) => format!("there is no field \"{}\"", truncate(key, MAX_VALUE_CHARS)),
        ExecutionError::IndexOutOfBounds(_) => "the list is shorter than that".to_owned(),
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
            "division by zero".to_owned()
        }
        ExecutionError::Overflow(..) => "the number is too large".to_owned(),
        ExecutionError::FunctionError { function, .. } => format!("{function}() does not fit the value"),
        ExecutionError::NoSuchOverload(o) if o.function() == REGEX_FUNCTION => {
            "matches() needs a text".to_owned()
        }
        ExecutionError::NoSuchOverload(o) => {
            let name = o.function().trim_matches('_').trim_start_matches('@');
            format!("\"{name}\" does not fit {}", o.argument_types().join(" and "))
        }
        ExecutionError::ValuesNotComparable(a, b) => {
            format!("{} cannot be compared with {}", kind_of(a), kind_of(b))
        }
        ExecutionError::UnsupportedBinaryOperator(op, a, b) => {
            format!("\"{op}\" does not fit {} and {}", kind_of(a), kind_of(b))
        }
        _ => "the values do not fit the condition".to_owned(),
    }
}

fn kind_of(v: &Value) -> &'static str {
    match v {
        Value::Bool(_) => Type::Bool.article(),
        Value::Int(_) | Value::UInt(_) => Type::Int.article(),
        Value::Float(_) => Type::Float.article(),
        Value::String(_) => Type::Text.article(),
        Value::List(_) => Type::List.article(),
        Value::Map(_) => Type::Map.article(),
        Value::Null => Type::Null.article(),
        _ => Type::Any.article(),
    }
}

/// A value as one would write it in a condition. Stops early: what is printed is cut anyway.
fn print(v: &Value) -> String {
    fn go(v: &Value, out: &mut String) {
        if out.len() > 4 * MAX_VALUE_CHARS {
            return;
        }
        let _ = match v {
            Value::Null => write!(out, "null"),
            Value::Bool(b) => write!(out, "{b}"),
            Value::Int(i) => write!(out, "{i}"),
            Value::UInt(u) => write!(out, "{u}"),
            Value::Float(f) => write!(out, "{f}"),
            Value::String(s) => write!(out, "{:?}", &s[..s.floor_char_boundary(4 * MAX_VALUE_CHARS)]),
            Value::List(l) => {
                out.push('[');
                for (i, v) in l.iter().enumerate().take(MAX_VALUE_CHARS) {
                    out.push_str(if i == 0 { "" } else { ", " });
                    go(v, out);
                }
                out.push(']');
                Ok(())
            }
            Value::Map(m) => {
                let mut entries: Vec<_> = m.map.iter().map(|(k, v)| (k.to_string(), v)).collect();
                entries.sort_by(|a, b| a.0.cmp(&b.0));
                out.push('{');
                for (i, (k, v)) in entries.into_iter().enumerate().take(MAX_VALUE_CHARS) {
                    let k = &k[..k.floor_char_boundary(4 * MAX_VALUE_CHARS)];
                    let _ = write!(out, "{}{k:?}: ", if i == 0 { "" } else { ", " });
                    go(v, out);
                }
                out.push('}');
                Ok(())
            }
            other => write!(out, "{}", kind_of(other)),
        };
    }
    let mut out = String::new();
    go(v, &mut out);
    out
}

/// What may be said in public of something a target sent: numbers and truth values, and of texts their size.
fn print_size(v: &Value) -> String {
    match v {
        Value::String(s) => match s.chars().count() {
            0 => "\"\"".to_owned(),
            1 => "a text of 1 character".to_owned(),
            n => format!("a text of {n} characters"),
        },
        Value::List(l) => format!("a list of {}", l.len()),
        Value::Map(m) => format!("a map of {}", m.map.len()),
        other => print(other),
    }
}

fn truncate(s: &str, chars: usize) -> String {
    match s.char_indices().nth(chars) {
        Some((at, _)) => format!("{}…", &s[..at]),
        None => s.to_owned(),
    }
}
