//! How long the fields of a request may be, and the list of all that is wrong with it.

use crate::problem::{FieldProblem, Problem};
use stillhere_model::Text;
use utoipa::IntoParams;

pub(crate) const MAX_TITLE_CHARS: usize = stillhere_tell::clean::TITLE_CHARS;
/// What is taken is shown whole on its own page.
pub(crate) const MAX_TEXT_CHARS: usize = stillhere_tell::clean::WHOLE_CHARS;
pub(crate) const MAX_NOTE_CHARS: usize = 2_000;
/// Services in one request.
pub(crate) const MAX_SERVICES: usize = 1_000;

/// For the description only; [`crate::extract::Keyed`] reads it.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "the description is made from the fields")]
pub(crate) struct OnceHeader {
    /// Up to 255 characters, such as a UUID. The same request under the same key is carried out once, and answered the same
    /// again, for 24 hours; another request under it is refused with 422.
    #[param(rename = "Idempotency-Key", required = false)]
    idempotency_key: Option<String>,
}

/// Collects what is wrong, so that a person can put all of it right at once.
#[derive(Default)]
pub(crate) struct Fields(Vec<FieldProblem>);

// === impl Fields ===

impl Fields {
    pub(crate) fn text(mut self, field: &str, text: &Text, max_chars: usize) -> Fields {
        if text.parts().all(|part| part.trim().is_empty()) {
            self.0.push(FieldProblem { field: field.to_owned(), problem: "must not be empty".to_owned() });
        }
        if text.parts().any(|part| part.chars().count() > max_chars) {
            let problem = format!("at most {max_chars} characters");
            self.0.push(FieldProblem { field: field.to_owned(), problem });
        }
        self
    }

    pub(crate) fn some_text(self, field: &str, text: Option<&Text>, max_chars: usize) -> Fields {
        match text {
            Some(text) => self.text(field, text, max_chars),
            None => self,
        }
    }

    pub(crate) fn at_most(mut self, field: &str, n: usize, max: usize) -> Fields {
        if n > max {
            self.0.push(FieldProblem { field: field.to_owned(), problem: format!("at most {max}") });
        }
        self
    }

    pub(crate) fn check(self) -> Result<(), Problem> {
        if self.0.is_empty() { Ok(()) } else { Err(Problem::invalid(self.0)) }
    }
}
