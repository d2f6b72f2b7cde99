//! The static check of a condition: shape, names, functions, types, loops.
//!
//! It walks the whole tree, so a branch that is never evaluated is held to the same rules as one that is. On
//! its way it compiles regular expressions and notes which values to print when the condition fails.

mod text;
mod words;

use super::{Name, REGEX_FUNCTION, Type, problem};
use crate::Problem;
use cel::common::ast::{
    CallExpr, ComprehensionExpr, Expr, IdedExpr, LiteralValue, SelectExpr, SourceInfo, operators as op,
};
use regex::{Regex, RegexBuilder};
use text::{parse, shape, syntax_problem};
use words::{nearest, operator};

/// Depth of the tree.
const MAX_TREE_DEPTH: usize = 48;
/// Uses of names whose size the target decides.
const MAX_BIG_USES: usize = 16;
/// Values printed when the condition fails.
const MAX_SHOWN: usize = 8;
/// Memory of one compiled regular expression. It bounds the time of a match as well: linear in both sizes.
const MAX_REGEX_BYTES: usize = 256 * 1024;

/// Functions a condition may call: name, what it is called on, further arguments, result.
const FUNCTIONS: &[(&str, &[Type], &[Type], Type)] = &[
    ("size", &[Type::Text, Type::List, Type::Map], &[], Type::Int),
    ("contains", &[Type::Text], &[Type::Text], Type::Bool),
    ("startsWith", &[Type::Text], &[Type::Text], Type::Bool),
    ("endsWith", &[Type::Text], &[Type::Text], Type::Bool),
    ("matches", &[Type::Text], &[Type::Text], Type::Bool),
    ("int", &[Type::Text, Type::Int, Type::Float], &[], Type::Int),
    ("double", &[Type::Text, Type::Int, Type::Float], &[], Type::Float),
    ("string", &[Type::Text, Type::Int, Type::Float, Type::Bool], &[], Type::Text),
];
/// Functions that are written `f(x)` rather than `x.f()`.
const GLOBAL: &[&str] = &["size", "int", "double", "string"];
const MACROS: &[&str] = &["has", "all", "exists", "exists_one", "filter"];

/// Names of the functions and macros a condition may use, for the documentation test.
#[cfg(test)]
pub(super) fn functions() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().map(|f| f.0).chain(MACROS.iter().copied())
}

pub(super) struct Checked {
    pub expr: IdedExpr,
    pub regexes: Vec<Regex>,
    /// Label, whether it is private, expression.
    pub shown: Vec<(String, bool, IdedExpr)>,
}

struct Checker<'a> {
    names: &'static [Name],
    text: &'a str,
    info: SourceInfo,
    regexes: Vec<Regex>,
    shown: Vec<(String, bool, IdedExpr)>,
    /// Variables of the loop we are in, with their types. Loops do not nest.
    scope: Vec<(String, Type)>,
    in_loop: bool,
    big_uses: usize,
}

pub(super) fn check(names: &'static [Name], text: &str) -> Result<Checked, Problem> {
    shape(text)?;
    let (mut expr, info) = parse(text)?.map_err(|e| syntax_problem(text, &e))?;
    let mut c = Checker {
        names,
        text,
        info,
        regexes: Vec::new(),
        shown: Vec::new(),
        scope: Vec::new(),
        in_loop: false,
        big_uses: 0,
    };
    let ty = c.type_of(&mut expr, 0)?;
    if !matches!(ty, Type::Bool | Type::Any) {
        let example = names.first().map_or_else(String::new, |n| match n.ty() {
            Type::Text => format!("{} == \"…\"", n.name),
            _ => format!("{} == …", n.name),
        });
        return Err(problem(
            format!("the condition gives {}, not true or false", ty.article()),
            Some(format!("compare it with something, such as `{example}`")),
        ));
    }
    Ok(Checked { expr, regexes: c.regexes, shown: c.shown })
}

// === impl Checker ===

impl Checker<'_> {
    fn type_of(&mut self, e: &mut IdedExpr, depth: usize) -> Result<Type, Problem> {
        if let Some((label, private)) = self.path_of(e)
            && self.shown.len() < MAX_SHOWN
            && !self.shown.iter().any(|s| s.0 == label)
        {
            self.shown.push((label, private, plain(e)));
        }
        self.type_inside(e, depth)
    }

    /// As `type_of`, for an expression whose value is printed as a part of a longer one, such as `json` in
    /// `json.status`.
    fn type_inside(&mut self, e: &mut IdedExpr, depth: usize) -> Result<Type, Problem> {
        let id = e.id;
        if depth > MAX_TREE_DEPTH {
            return Err(self.at(
                id,
                format!("the condition is nested more than {MAX_TREE_DEPTH} deep"),
                Some("split it into several conditions; all of them must hold".to_owned()),
            ));
        }
        match &mut e.expr {
            Expr::Literal(l) => self.literal(id, l),
            Expr::Ident(name) => {
                let name = name.clone();
                self.name(id, &name)
            }
            Expr::Select(s) => self.select(id, s, depth),
            Expr::Call(c) => self.call(id, c, depth),
            Expr::Comprehension(c) => self.comprehension(id, c, depth),
            Expr::List(l) => {
                if self.in_loop && l.elements.iter().any(|e| !matches!(e.expr, Expr::Literal(_))) {
                    return Err(self.at(
                        id,
                        "a list made within a loop may hold only constants".to_owned(),
                        None,
                    ));
                }
                for e in &mut l.elements {
                    self.type_of(e, depth + 1)?;
                }
                Ok(Type::List)
            }
            Expr::Map(_) | Expr::Struct(_) => {
                Err(self.at(id, "maps and structures cannot be written in a condition".to_owned(), None))
            }
            Expr::Unspecified => Err(self.at(id, "something is missing here".to_owned(), None)),
        }
    }

    fn literal(&self, id: u64, l: &LiteralValue) -> Result<Type, Problem> {
        Ok(match l {
            LiteralValue::Boolean(_) => Type::Bool,
            LiteralValue::Double(_) => Type::Float,
            LiteralValue::Int(_) => Type::Int,
            LiteralValue::Null => Type::Null,
            LiteralValue::String(_) => Type::Text,
            LiteralValue::UInt(_) => {
                return Err(self.at(id, "write the number without \"u\"".to_owned(), None));
            }
            LiteralValue::Bytes(_) => {
                return Err(self.at(id, "write the text without \"b\"".to_owned(), None));
            }
        })
    }

    fn name(&mut self, id: u64, name: &str) -> Result<Type, Problem> {
        if let Some((_, ty)) = self.scope.iter().find(|(n, _)| n == name) {
            return Ok(*ty);
        }
        let names = self.names;
        let Some(n) = names.iter().find(|n| n.name == name) else {
            let hint = match nearest(name, names.iter().map(|n| n.name)) {
                Some(n) => format!("did you mean `{n}`?"),
                None => {
                    let all: Vec<_> = names.iter().map(|n| n.name).collect();
                    format!("the names are {}", all.join(", "))
                }
            };
            return Err(self.at(id, format!("there is no `{name}` here"), Some(hint)));
        };
        if n.is_big() {
            if self.in_loop {
                return Err(self.at(
                    id,
                    format!(
                        "`{name}` cannot be used within a loop: it would be looked at again for every element"
                    ),
                    None,
                ));
            }
            self.big_uses += 1;
            if self.big_uses > MAX_BIG_USES {
                return Err(self.at(
                    id,
                    format!("texts, lists and JSON are used more than {MAX_BIG_USES} times"),
                    Some("split it into several conditions; all of them must hold".to_owned()),
                ));
            }
        }
        Ok(n.ty())
    }

    fn select(&mut self, id: u64, s: &mut SelectExpr, depth: usize) -> Result<Type, Problem> {
        let ty = self.type_inside(&mut s.operand, depth + 1)?;
        match ty {
            Type::Map | Type::Any if s.test => Ok(Type::Bool),
            Type::Map => Ok(Type::Text),
            Type::Any => Ok(Type::Any),
            _ => {
                let hint = match s.field.as_str() {
                    "length" | "len" | "size" => Some("write `.size()`".to_owned()),
                    _ => None,
                };
                Err(self.at(id, format!("{} has no field `{}`", ty.article(), s.field), hint))
            }
        }
    }

    fn call(&mut self, id: u64, c: &mut CallExpr, depth: usize) -> Result<Type, Problem> {
        if c.func_name == op::INDEX && c.args.len() == 2 {
            let base = self.type_inside(&mut c.args[0], depth + 1)?;
            let key = self.type_of(&mut c.args[1], depth + 1)?;
            return match (base, key) {
                (Type::Any, Type::Text | Type::Int | Type::Any) | (Type::List, Type::Int | Type::Any) => {
                    Ok(Type::Any)
                }
                (Type::Map, Type::Text | Type::Any) => Ok(Type::Text),
                _ => Err(self.at(id, format!("{} has no place for {}", base.article(), key.article()), None)),
            };
        }
        if let Some(name) = operator(&c.func_name) {
            let mut types = Vec::with_capacity(c.args.len());
            for a in &mut c.args {
                types.push(self.type_of(a, depth + 1)?);
            }
            return self.operator(id, name, c, &types);
        }
        self.function(id, c, depth)
    }

    fn operator(&self, id: u64, name: &str, c: &CallExpr, types: &[Type]) -> Result<Type, Problem> {
        use Type::{Any, Bool, Float, Int, List, Map, Null, Text};
        let misfit = |hint: Option<String>| {
            let of: Vec<_> = types.iter().map(|t| t.article()).collect();
            Err(self.at(id, format!("`{name}` does not fit {}", of.join(" and ")), hint))
        };
        let is = |t: Type, want: &[Type]| t == Any || want.contains(&t);
        match (c.func_name.as_str(), types) {
            (op::LOGICAL_AND | op::LOGICAL_OR | op::LOGICAL_NOT, t) => {
                if t.iter().all(|t| is(*t, &[Bool])) {
                    Ok(Bool)
                } else {
                    misfit(None)
                }
            }
            (op::NOT_STRICTLY_FALSE, _) => Ok(Bool),
            (op::EQUALS | op::NOT_EQUALS, [a, b]) => {
                let numbers = is(*a, &[Int, Float]) && is(*b, &[Int, Float]);
                if a == b || numbers || [*a, *b].iter().any(|t| matches!(t, Any | Null)) {
                    Ok(Bool)
                } else {
                    misfit(self.quotes_hint(c, types))
                }
            }
            (op::LESS | op::LESS_EQUALS | op::GREATER | op::GREATER_EQUALS, [a, b]) => {
                let numbers = is(*a, &[Int, Float]) && is(*b, &[Int, Float]);
                let texts = is(*a, &[Text]) && is(*b, &[Text]);
                if numbers || texts { Ok(Bool) } else { misfit(self.quotes_hint(c, types)) }
            }
            (op::ADD, [Text, Text | Any] | [Any, Text]) if !self.in_loop => Ok(Text),
            (op::ADD | op::SUBSTRACT | op::MULTIPLY | op::DIVIDE, [a, b])
                if is(*a, &[Int, Float]) && is(*b, &[Int, Float]) =>
            {
                match (a, b) {
                    (Any, t) | (t, Any) => Ok(*t),
                    (a, b) if a == b => Ok(*a),
                    _ => misfit(Some("write 2.0 rather than 2, or use int() or double()".to_owned())),
                }
            }
            (op::MODULO, [a, b]) if is(*a, &[Int]) && is(*b, &[Int]) => Ok(Int),
            (op::NEGATE, [a]) if is(*a, &[Int, Float]) => Ok(*a),
            (op::IN, [_, b]) if is(*b, &[List, Map]) => Ok(Bool),
            (op::IN, [Text, Text]) => misfit(Some("write `text.contains(\"part\")`".to_owned())),
            (op::CONDITIONAL, [a, b, c]) if is(*a, &[Bool]) => Ok(if b == c { *b } else { Any }),
            _ => misfit(None),
        }
    }

    /// `status == "200"` is never true; that is the commonest mistake of all.
    fn quotes_hint(&self, c: &CallExpr, types: &[Type]) -> Option<String> {
        let number = types.iter().any(|t| matches!(t, Type::Int | Type::Float));
        c.args.iter().find_map(|a| match &a.expr {
            Expr::Literal(LiteralValue::String(s)) if number && s.inner().parse::<f64>().is_ok() => {
                Some(format!("write {} without the quotes", s.inner()))
            }
            Expr::Literal(LiteralValue::Int(i)) if !number || types.contains(&Type::Text) => {
                Some(format!("write \"{}\" with quotes", i.inner()))
            }
            _ => None,
        })
    }

    fn function(&mut self, id: u64, c: &mut CallExpr, depth: usize) -> Result<Type, Problem> {
        let name = c.func_name.clone();
        let Some((_, on, further, gives)) = FUNCTIONS.iter().find(|f| f.0 == name) else {
            let hint = match name.as_str() {
                "map" => Some("use filter(), exists() or all()".to_owned()),
                _ => nearest(&name, FUNCTIONS.iter().map(|f| f.0).chain(MACROS.iter().copied()))
                    .map(|n| format!("did you mean `{n}`?")),
            };
            let hint = hint.or_else(|| {
                let all: Vec<_> = FUNCTIONS.iter().map(|f| f.0).chain(MACROS.iter().copied()).collect();
                Some(format!("the functions are {}", all.join(", ")))
            });
            return Err(self.at(id, format!("there is no function `{name}` here"), hint));
        };
        // `f(x, y)` and `x.f(y)` alike, as far as the language has both.
        let global = c.target.is_none();
        let usage = if GLOBAL.contains(&name.as_str()) && name != "size" {
            format!("write `{name}(…)`")
        } else if further.is_empty() {
            format!("write `….{name}()`")
        } else {
            format!("write `….{name}(\"…\")`")
        };
        let fits =
            if global { GLOBAL.contains(&name.as_str()) } else { name == "size" || !further.is_empty() };
        if !fits || c.args.len() + usize::from(!global) != 1 + further.len() {
            return Err(self.at(id, format!("`{name}` is not called like this"), Some(usage)));
        }
        let mut types = Vec::with_capacity(2);
        if let Some(t) = &mut c.target {
            types.push(self.type_of(t, depth + 1)?);
        }
        for a in &mut c.args {
            types.push(self.type_of(a, depth + 1)?);
        }
        let ok = types.iter().enumerate().all(|(i, t)| {
            *t == Type::Any || if i == 0 { on.contains(t) } else { further.get(i - 1) == Some(t) }
        });
        if !ok {
            let of: Vec<_> = types.iter().map(|t| t.article()).collect();
            return Err(self.at(id, format!("`{name}` does not fit {}", of.join(" and ")), Some(usage)));
        }
        if name == "matches" {
            self.compile_regex(id, c)?;
        }
        Ok(*gives)
    }

    /// `matches` compiles its pattern on every call; ours is compiled here, once, with a limit, and the call
    /// refers to it by number.
    fn compile_regex(&mut self, id: u64, c: &mut CallExpr) -> Result<(), Problem> {
        let Some(Expr::Literal(LiteralValue::String(pattern))) = c.args.first().map(|a| &a.expr) else {
            return Err(self.at(id, "the pattern of `matches` must be a text written here".to_owned(), None));
        };
        let regex = RegexBuilder::new(pattern.inner())
            .size_limit(MAX_REGEX_BYTES)
            .dfa_size_limit(4 * MAX_REGEX_BYTES)
            .build()
            .map_err(|e| {
                let why = match &e {
                    regex::Error::CompiledTooBig(_) => "it is too large when compiled".to_owned(),
                    e => e.to_string().lines().last().unwrap_or("it is not valid").trim().to_owned(),
                };
                self.at(id, format!("the pattern of `matches` cannot be used: {why}"), None)
            })?;
        let number = i64::try_from(self.regexes.len()).expect("a condition is at most a KiB long");
        self.regexes.push(regex);
        let target = c.target.take().expect("`matches` is called on a text, which was checked above");
        REGEX_FUNCTION.clone_into(&mut c.func_name);
        c.args[0].expr = Expr::Literal(LiteralValue::Int(number.into()));
        c.args.insert(0, *target);
        Ok(())
    }

    fn comprehension(&mut self, id: u64, c: &mut ComprehensionExpr, depth: usize) -> Result<Type, Problem> {
        // The macros' own nodes have no place in the text; the loop's source has.
        let place = if self.info.offset_for(id).is_some() { id } else { c.iter_range.id };
        if self.in_loop {
            return Err(self.at(
                place,
                "a loop within a loop is not allowed: its cost has no bound".to_owned(),
                Some("split it into several conditions; all of them must hold".to_owned()),
            ));
        }
        let over = self.type_of(&mut c.iter_range, depth + 1)?;
        if !matches!(over, Type::List | Type::Map | Type::Any) {
            return Err(self.at(place, format!("{} has no elements to look at", over.article()), None));
        }
        let gives = self.type_of(&mut c.accu_init, depth + 1)?;
        if gives == Type::List && !is_filter(c) {
            return Err(self.at(
                place,
                "`map` is not offered: what it makes can be of any size".to_owned(),
                Some("use filter(), exists() or all()".to_owned()),
            ));
        }
        self.in_loop = true;
        self.scope = vec![(c.iter_var.clone(), Type::Any), (c.accu_var.clone(), gives)];
        if gives == Type::List {
            // Only the predicate is the operator's; the rest is the macro's own `[x]`.
            if let Expr::Call(step) = &mut c.loop_step.expr {
                self.predicate(&mut step.args[0], depth)?;
            }
        } else {
            self.predicate(&mut c.loop_step, depth)?;
        }
        let gives = self.type_of(&mut c.result, depth + 1)?;
        self.in_loop = false;
        self.scope.clear();
        Ok(gives)
    }

    fn predicate(&mut self, e: &mut IdedExpr, depth: usize) -> Result<(), Problem> {
        self.type_of(e, depth + 1).map(drop)
    }

    /// `status`, `json.a.b`, `headers["x"]`: what is worth printing, and whether it is private.
    fn path_of(&self, e: &IdedExpr) -> Option<(String, bool)> {
        match &e.expr {
            Expr::Ident(name) => {
                if self.scope.iter().any(|(n, _)| n == name) {
                    return None;
                }
                let n = self.names.iter().find(|n| n.name == name)?;
                Some((n.name.to_owned(), n.private))
            }
            Expr::Select(s) => {
                let (base, private) = self.path_of(&s.operand)?;
                Some((format!("{base}.{}", s.field), private))
            }
            Expr::Call(c) if c.func_name == op::INDEX && c.args.len() == 2 => {
                let (base, private) = self.path_of(&c.args[0])?;
                match &c.args[1].expr {
                    Expr::Literal(LiteralValue::String(s)) => {
                        Some((format!("{base}[{:?}]", s.inner()), private))
                    }
                    Expr::Literal(LiteralValue::Int(i)) => Some((format!("{base}[{}]", i.inner()), private)),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn at(&self, id: u64, what: String, hint: Option<String>) -> Problem {
        let place = self.info.offset_for(id).map(|(start, _)| {
            let before = &self.text[..self.text.floor_char_boundary(start as usize)];
            let line = before.matches('\n').count();
            let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
            if line == 0 {
                format!("column {column}: ")
            } else {
                format!("line {}, column {column}: ", line + 1)
            }
        });
        problem(format!("{}{what}", place.unwrap_or_default()), hint)
    }
}

/// The same expression as a value: `has(json.a)` prints what `json.a` is.
fn plain(e: &IdedExpr) -> IdedExpr {
    let mut e = e.clone();
    if let Expr::Select(s) = &mut e.expr {
        s.test = false;
    }
    e
}

/// Whether a list-making loop only picks elements (`filter`): its step is `p ? found + [x] : found`.
fn is_filter(c: &ComprehensionExpr) -> bool {
    let Expr::Call(step) = &c.loop_step.expr else { return false };
    let [_, add, _] = step.args.as_slice() else { return false };
    let Expr::Call(add) = &add.expr else { return false };
    let Some(Expr::List(l)) = add.args.get(1).map(|a| &a.expr) else { return false };
    matches!(l.elements.as_slice(), [one] if one.expr == Expr::Ident(c.iter_var.clone()))
}
