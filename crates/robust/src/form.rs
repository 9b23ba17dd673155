use crate::Malformed;
use crate::text::{self, FromText};
use std::collections::HashMap;

/// Longest body, bytes.
const BYTES_MAX: usize = 1 << 20;
/// Most fields; each element of a list is one.
const FIELDS_MAX: usize = 16 * 1024;
/// Longest name, bytes.
const NAME_BYTES_MAX: usize = 256;

/// A request to a grid service: named values in their order, each name once.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Form {
    fields: Vec<(String, Value)>,
}

/// What a field says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    /// `name=text`, or `name` alone for an empty text.
    Text(String),
    /// `name[]=one&name[]=two`.
    List(Vec<String>),
}

impl Form {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// One with the field that selects the operation.
    pub fn method(method: &str) -> Self {
        Self::new().with("METHOD", method)
    }

    /// One that says which versions of the protocol are spoken, as most services want it. Releases up to 0.7.6 speak
    /// version 0, later ones version 1, and both refuse those they do not speak.
    pub fn versioned(method: &str) -> Self {
        Self::new().with_versions().with("METHOD", method)
    }

    /// Adds the versions that are spoken.
    #[must_use]
    pub(crate) fn with_versions(self) -> Self {
        self.with("VERSIONMIN", 0).with("VERSIONMAX", 1)
    }

    /// Adds a field.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.fields.push((name.to_owned(), Value::Text(value.to_string())));
        self
    }

    /// Adds a list.
    #[must_use]
    pub fn with_list<T: ToString>(mut self, name: &str, values: impl IntoIterator<Item = T>) -> Self {
        let values = values.into_iter().map(|value| value.to_string()).collect();
        self.fields.push((name.to_owned(), Value::List(values)));
        self
    }

    /// Reads a body. Of fields with the same name the first counts, of a value what stands before a second `=`; names
    /// are compared with regard to case.
    pub fn parse(body: &[u8]) -> Result<Self, Malformed> {
        if body.len() > BYTES_MAX {
            return Err(Malformed::TooMuch("bytes"));
        }
        let body = body.trim_ascii();
        if body.split(|byte| *byte == b'&').nth(FIELDS_MAX).is_some() {
            return Err(Malformed::TooMuch("fields"));
        }
        let mut form = Self::new();
        let mut places = HashMap::new();
        for field in body.split(|byte| *byte == b'&') {
            let mut parts = field.split(|byte| *byte == b'=');
            let name = text::url_decoded(parts.next().unwrap_or_default());
            let value = text::url_decoded(parts.next().unwrap_or_default());
            if name.len() > NAME_BYTES_MAX {
                return Err(Malformed::TooMuch("bytes in a name"));
            }
            let (name, is_list) = match name.strip_suffix("[]") {
                Some(name) => (name.to_owned(), true),
                None => (name, false),
            };
            if name.is_empty() {
                continue;
            }
            match places.get(&name).map(|place: &usize| &mut form.fields[*place].1) {
                Some(Value::List(values)) if is_list => values.push(value),
                Some(_) => {}
                None => {
                    places.insert(name.clone(), form.fields.len());
                    let value = if is_list { Value::List(vec![value]) } else { Value::Text(value) };
                    form.fields.push((name, value));
                }
            }
        }
        Ok(form)
    }

    /// The body. An empty text is its name alone; an empty list is nothing.
    pub fn write(&self) -> String {
        let mut body = String::new();
        for (name, value) in &self.fields {
            let (values, mark) = match value {
                Value::Text(text) => (std::slice::from_ref(text), ""),
                Value::List(values) => (&values[..], "[]"),
            };
            for value in values {
                if !body.is_empty() {
                    body.push('&');
                }
                text::url_encode(name, &mut body);
                body.push_str(mark);
                if !value.is_empty() {
                    body.push('=');
                    text::url_encode(value, &mut body);
                }
            }
        }
        body
    }

    /// All fields, in their order.
    pub fn fields(&self) -> &[(String, Value)] {
        &self.fields
    }

    /// The text of a field, if there is one of this name.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.fields.iter().find_map(|(known, value)| match value {
            Value::Text(text) if known == name => Some(text.as_str()),
            _ => None,
        })
    }

    /// The elements of a list; none if there is no list of this name.
    pub fn list(&self, name: &str) -> &[String] {
        let list = self.fields.iter().find_map(|(known, value)| match value {
            Value::List(values) if known == name => Some(values.as_slice()),
            _ => None,
        });
        list.unwrap_or_default()
    }

    /// The text of a field that must be there.
    pub fn required(&self, name: &'static str) -> Result<&str, Malformed> {
        self.text(name).ok_or(Malformed::missing(name))
    }

    /// A field that must be there and be of this type.
    pub fn get<T: FromText>(&self, name: &'static str) -> Result<T, Malformed> {
        T::from_text(self.required(name)?).ok_or(Malformed::odd(name))
    }

    /// A field that may be absent or empty, but if it is neither, must be of this type.
    pub fn get_optional<T: FromText>(&self, name: &'static str) -> Result<Option<T>, Malformed> {
        match self.text(name) {
            None | Some("") => Ok(None),
            Some(text) => T::from_text(text).map(Some).ok_or(Malformed::odd(name)),
        }
    }

    /// A list, all of whose elements must be of this type.
    pub fn get_list<T: FromText>(&self, name: &'static str) -> Result<Vec<T>, Malformed> {
        self.list(name).iter().map(|text| T::from_text(text).ok_or(Malformed::odd(name))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(body: &str) -> Form {
        Form::parse(body.as_bytes()).unwrap()
    }

    #[test]
    fn a_recorded_body_is_read_and_written_the_same() {
        for body in [
            "VERSIONMIN=0&VERSIONMAX=0&METHOD=getagents&uuids[]=00000000-0000-4000-8000-000000000002",
            "regionName=B+One&serverURI=http%3a%2f%2f127.0.0.1%3a17520%2f&Token&METHOD=register",
            "METHOD=setavatar&Wearable+0%3a0=423bfde3%3a66c41e39&VisualParams=33%2c61%2c85",
            "Position=%3c128%2c+128%2c+26.5%3e",
        ] {
            assert_eq!(parsed(body).write(), body);
        }
        let form = parsed("regionName=B+One&Token&ids[]=1&ids[]=&ids[]=3");
        assert_eq!(
            (form.text("regionName"), form.text("Token"), form.text("ids")),
            (Some("B One"), Some(""), None)
        );
        assert_eq!(form.list("ids"), ["1", "", "3"]);
        assert!(form.list("Token").is_empty());
    }

    #[test]
    fn what_is_said_twice_counts_once() {
        for (body, field) in [
            ("a=1&a=2", "1"),
            ("a=1&a[]=2", "1"),
            ("a=1=2", "1"),
            ("  a=1\r\n", "1"),
            ("=x&&a=1", "1"),
            ("A=2&a=1", "1"),
            ("a=%c3%bc+%zz%4", "ü %zz%4"),
            ("a=%ff", "\u{fffd}"),
        ] {
            assert_eq!(parsed(body).text("a"), Some(field), "{body}");
        }
        assert_eq!(parsed("a[]=1&a=2").list("a"), ["1"]);
    }

    #[test]
    fn typed_fields_say_what_is_wrong_with_them() {
        let form = parsed("n=7&id=x&empty&ids[]=1&ids[]=x");
        assert_eq!(form.get::<u32>("n"), Ok(7));
        assert_eq!(form.get::<u32>("m"), Err(Malformed::missing("m")));
        assert_eq!(form.get::<uuid::Uuid>("id"), Err(Malformed::odd("id")));
        assert_eq!(form.get_optional::<u32>("empty"), Ok(None));
        assert_eq!(form.get_optional::<u32>("id"), Err(Malformed::odd("id")));
        assert_eq!(form.get_list::<u32>("ids"), Err(Malformed::odd("ids")));
    }

    #[test]
    fn forms_are_bounded() {
        assert_eq!(Form::parse(&vec![b'a'; BYTES_MAX + 1]), Err(Malformed::TooMuch("bytes")));
        assert_eq!(Form::parse(&b"a&".repeat(FIELDS_MAX)), Err(Malformed::TooMuch("fields")));
        assert!(Form::parse("a[]&".repeat(FIELDS_MAX - 1).as_bytes()).is_ok());
        assert_eq!(Form::parse(&[b'a'; NAME_BYTES_MAX + 1]), Err(Malformed::TooMuch("bytes in a name")));
    }

    #[test]
    fn any_form_is_read_as_it_was_written() {
        arbtest::arbtest(|u| {
            let fields: Vec<(String, Vec<String>)> = u.arbitrary()?;
            let mut form = Form::new();
            for (name, values) in fields {
                let name: String = name.replace("[]", "").trim().chars().take(50).collect();
                if name.is_empty() || form.fields.iter().any(|(known, _)| *known == name) {
                    continue;
                }
                form = match &values[..] {
                    [value] => form.with(&name, value),
                    [] => form,
                    _ => form.with_list(&name, values),
                };
            }
            assert_eq!(Form::parse(form.write().as_bytes()), Ok(form));
            Ok(())
        });
    }

    #[test]
    fn any_bytes_are_a_form_or_none() {
        arbtest::arbtest(|u| {
            let bytes: Vec<u8> = u.arbitrary()?;
            if let Ok(form) = Form::parse(&bytes) {
                assert_eq!(Form::parse(form.write().as_bytes()), Ok(form));
            }
            Ok(())
        });
    }
}
