//! The keys of a table in the order in which its type declares them.
//!
//! A JSON schema here has no order, but people read `[site]` better when the name comes first.

use serde::{
    Deserialize,
    de::{self, Visitor},
};
use std::fmt;

/// Does not deserialize: it only notes which fields are asked for.
pub(crate) struct Ask<'a>(pub(crate) &'a mut &'static [&'static str]);

/// The answer goes another way.
#[derive(Debug)]
pub(crate) struct Enough;

/// The fields of a struct.
pub(crate) fn of<'de, T: Deserialize<'de>>() -> &'static [&'static str] {
    let mut fields: &'static [&'static str] = &[];
    let _always_enough = T::deserialize(Ask(&mut fields));
    fields
}

// === impl Ask ===

impl<'de> de::Deserializer<'de> for Ask<'_> {
    type Error = Enough;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Enough> {
        Err(Enough)
    }
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Enough> {
        *self.0 = fields;
        Err(Enough)
    }
    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

// === impl Enough ===

impl fmt::Display for Enough {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("enough")
    }
}
impl std::error::Error for Enough {}
impl de::Error for Enough {
    fn custom<T: fmt::Display>(_: T) -> Enough {
        Enough
    }
}
