//! Fields of recorded datagrams as another decoder printed them: the generic walk finds the same.

#![allow(clippy::unwrap_used, reason = "a test, though its helpers are not marked as one")]

mod support;

use lludp::header::open;
use lludp::template::split_number;
use lludp::walk::{Value, Visitor, walk};
use lludp::{BlockInfo, FieldInfo, Message, text};
use support::unhex;

/// Compares what it meets with printed text: `Block{Field=value, ...} Block{...}`. Printed text leaves out blocks
/// after the first of many, and may be cut at "...".
struct Printed<'t> {
    rest: &'t str,
    /// In an entry that is printed.
    inside: bool,
    is_cut: bool,
    compared: usize,
}

impl<'t> Printed<'t> {
    fn token(&mut self, token: &str) -> bool {
        self.rest.strip_prefix(token).map(|rest| self.rest = rest).is_some()
    }

    /// Up to the first of some characters.
    fn until(&mut self, ends: &[char]) -> &'t str {
        let at = self.rest.find(ends).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(at);
        self.rest = rest;
        taken
    }

    fn numbers(&mut self) -> Vec<f64> {
        let opened = ["Vector3(", "Vector4(", "Quaternion(", "<"].iter().any(|token| self.token(token));
        let inner = if opened { self.until(&[')', '>']) } else { self.until(&[',', '}']) };
        self.rest = self.rest.strip_prefix([')', '>']).unwrap_or(self.rest);
        self.is_cut |= inner.contains("...");
        if self.is_cut {
            Vec::new()
        } else {
            inner.split(", ").map(|number| number.parse().unwrap()).collect()
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        if bytes.is_empty() && (self.token("\"\"") || self.token("0x")) {
            return;
        }
        assert!(self.token("0x"), "{}", self.rest);
        let digits = self.rest.bytes().take_while(u8::is_ascii_hexdigit).count();
        let (shown, rest) = self.rest.split_at(digits);
        self.rest = rest;
        let shown = unhex(shown).unwrap();
        assert!(bytes.starts_with(&shown));
        if self.token("...(") {
            assert_eq!(self.until(&[' ']), bytes.len().to_string());
            self.until(&[',', '}']);
        } else {
            assert_eq!(bytes.len(), shown.len());
        }
    }

    fn text(&mut self, bytes: &[u8]) {
        if bytes.is_empty() && (self.token("\"\"") || self.token("0x") || self.token("''")) {
            return;
        }
        let _ = self.token("\"") || self.token("'");
        assert!(self.token(&text::read(bytes)), "{}", self.rest);
        let _ = self.token("\"") || self.token("'");
    }
}

impl Visitor for Printed<'_> {
    fn begin_entry(&mut self, block: &'static BlockInfo) {
        self.rest = self.rest.trim_start();
        if self.rest.starts_with("...") || self.rest.starts_with("(+") {
            return;
        }
        let is_named =
            self.token(&format!("{}[0]{{", block.name)) || self.token(&format!("{}{{", block.name));
        self.inside = !self.is_cut && is_named;
        assert!(self.inside || self.is_cut || self.rest.is_empty(), "{}: {}", block.name, self.rest);
    }

    fn field(&mut self, field: &'static FieldInfo, value: Value<'_>) {
        if !self.inside || self.is_cut {
            return;
        }
        if self.rest.starts_with("...") {
            self.is_cut = true;
            return;
        }
        let name = self.until(&['=', '.']);
        if !self.token("=") {
            self.is_cut = true;
            return;
        }
        assert_eq!(name, field.name);
        let expected: &[f64] = match value {
            Value::Bytes(bytes) => {
                self.bytes(bytes);
                &[]
            }
            Value::Text(bytes) => {
                self.text(bytes);
                &[]
            }
            Value::Uuid(id) => {
                let is_wrapped = self.token("UUID('");
                assert!(self.token(&id.to_string()), "{} {}", field.name, self.rest);
                assert!(!is_wrapped || self.token("')"));
                &[]
            }
            Value::U64(number) => {
                assert_eq!(self.until(&[',', '}']), number.to_string());
                &[]
            }
            Value::F32(float) => &[f64::from(float)],
            Value::Vec3(v) => &v.as_dvec3().to_array(),
            Value::Vec4(v) => &v.as_dvec4().to_array(),
            Value::Quat(q) => &[q.x, q.y, q.z].map(f64::from),
            Value::Bool(is_set) => &[f64::from(u8::from(is_set))],
            number => &[number.to_string().parse().unwrap()],
        };
        if !expected.is_empty() {
            let printed = self.numbers();
            assert!(self.is_cut || printed.starts_with(expected), "{}: {printed:?} {expected:?}", field.name);
        }
        self.compared += usize::from(!self.is_cut);
        let _ = self.token(", ");
    }

    fn end_entry(&mut self, _: &'static BlockInfo) {
        if std::mem::take(&mut self.inside) && !self.is_cut {
            assert!(self.token("}"), "{}", self.rest);
        }
    }

    fn end_block(&mut self, block: &'static BlockInfo) {
        self.rest = self.rest.trim_start();
        if self.is_cut {
            return;
        }
        if self.token("...") {
            self.until(&[' ']);
            assert!(self.token(&format!(" {} blocks", block.name)));
        } else if self.token("(+") {
            self.until(&[' ']);
            assert!(self.token(&format!(" more {})", block.name)));
        }
    }
}

#[test]
fn fields_are_those_that_another_decoder_found() {
    let mut compared = 0;
    let mut lines = include_str!("../golden/described.txt").lines().filter(|line| !line.starts_with('#'));
    while let Some(title) = lines.by_ref().find(|line| !line.is_empty()) {
        let datagram = unhex(lines.next().unwrap()).unwrap();
        let mut scratch = Vec::new();
        let body = open(&datagram, &mut scratch).unwrap().body;
        let message = Message::decode(body).unwrap();
        assert_eq!(title.rsplit(' ').next(), Some(message.name()));
        let mut printed = Printed { rest: lines.next().unwrap(), inside: false, is_cut: false, compared: 0 };
        walk(message.info(), split_number(body).unwrap().1, &mut printed).unwrap();
        assert!(printed.compared > 0, "{title}");
        compared += printed.compared;
    }
    assert_eq!(compared, 253);
}
