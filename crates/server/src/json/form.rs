//! The form of a JSON document: RFC 8259, not too deep, and each name once in its object.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Checks a whole document without keeping any of it.
///
/// # Errors
/// What is wrong, and where.
pub(super) fn check(text: &str) -> Result<(), serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(text);
    Form::deserialize(&mut reader)?;
    reader.end()
}

/// Any value whose objects have each name once.
struct Form;

impl<'de> Deserialize<'de> for Form {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FormVisitor)
    }
}

struct FormVisitor;

impl<'de> Visitor<'de> for FormVisitor {
    type Value = Form;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_unit<E>(self) -> Result<Form, E> {
        Ok(Form)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Form, E> {
        Ok(Form)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Form, E> {
        Ok(Form)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Form, E> {
        Ok(Form)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Form, E> {
        Ok(Form)
    }

    fn visit_str<E>(self, _: &str) -> Result<Form, E> {
        Ok(Form)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Form, A::Error> {
        while items.next_element::<Form>()?.is_some() {}
        Ok(Form)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Form, A::Error> {
        let mut seen = HashSet::new();
        while let Some(Name(name)) = members.next_key()? {
            if !seen.insert(name.clone()) {
                let text =
                    format_args!("the name `{name:.60}` stands twice in one object").to_string();
                return Err(A::Error::custom(text));
            }
            members.next_value::<Form>()?;
        }
        Ok(Form)
    }
}

/// A name, borrowed from the document when nothing in it is escaped.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);
