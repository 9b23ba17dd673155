use crate::convert::{parse_base64, parse_uuid};
use crate::header::without_header;
use crate::limits::Budget;
use crate::number::parse_real;
use crate::{Date, Map, ParseError, Value};

/// Reads a document, with or without its header line. White space may stand between its parts, and zeros may follow.
///
/// # Errors
/// Truncated, an unknown type, a number, id or date that is none, text that is not UTF-8, or over the
/// [limits](crate::limits).
pub fn parse(document: impl AsRef<[u8]>) -> Result<Value, ParseError> {
    let document = document.as_ref();
    let budget = Budget::for_document(document.len())?;
    let at = without_header(document, "llsd/notation");
    let mut reader = Reader { document, at, budget };
    let value = reader.value()?;
    if document[reader.at..].iter().any(|byte| !byte.is_ascii_whitespace() && *byte != 0) {
        return Err(reader.error("more than one value"));
    }
    Ok(value)
}

struct Reader<'a> {
    document: &'a [u8],
    at: usize,
    budget: Budget,
}

impl<'a> Reader<'a> {
    fn error(&self, what: &'static str) -> ParseError {
        ParseError::new(self.at, what)
    }

    fn peek(&self) -> Option<u8> {
        self.document.get(self.at).copied()
    }

    fn next(&mut self) -> Result<u8, ParseError> {
        let byte = self.peek().ok_or_else(|| self.error("truncated"))?;
        self.at += 1;
        Ok(byte)
    }

    fn pass_space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// As far as the bytes are of a kind; they are ASCII.
    fn run(&mut self, of_kind: impl Fn(u8) -> bool) -> &'a str {
        let rest = &self.document[self.at..];
        let length = rest.iter().position(|byte| !of_kind(*byte)).unwrap_or(rest.len());
        self.at += length;
        core::str::from_utf8(&rest[..length]).unwrap_or_default()
    }

    fn value(&mut self) -> Result<Value, ParseError> {
        self.pass_space();
        self.budget.value(self.at)?;
        let at = self.at;
        Ok(match self.next()? {
            b'!' => Value::Undefined,
            b'1' => Value::Boolean(true),
            b'0' => Value::Boolean(false),
            b't' | b'T' => self.truth(at, "true", true)?,
            b'f' | b'F' => self.truth(at, "false", false)?,
            b'i' => {
                let digits = self.run(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-'));
                let number = digits.parse().or_else(|_| digits.parse().map(u32::cast_signed));
                Value::Integer(number.map_err(|_| ParseError::new(at, "not an integer"))?)
            }
            b'r' => {
                let digits = self
                    .run(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.' | b'#'));
                Value::Real(parse_real(digits).ok_or_else(|| ParseError::new(at, "not a real"))?)
            }
            b'u' => {
                let digits = self.run(|byte| byte.is_ascii_hexdigit() || byte == b'-');
                Value::Uuid(parse_uuid(digits).ok_or_else(|| ParseError::new(at, "not an id"))?)
            }
            quote @ (b'\'' | b'"') => Value::String(self.quoted(quote)?),
            b's' => Value::String(self.counted_text()?),
            b'l' => Value::Uri(self.text()?),
            b'd' => {
                let text = self.text()?;
                Value::Date(Date::parse(&text).ok_or_else(|| ParseError::new(at, "not a date"))?)
            }
            b'b' => Value::Binary(self.binary(at)?),
            b'[' => self.array()?,
            b'{' => self.map()?,
            _ => return Err(ParseError::new(at, "unknown type")),
        })
    }

    /// The rest of `t`, `true`, `TRUE` and their like.
    fn truth(&mut self, at: usize, word: &str, value: bool) -> Result<Value, ParseError> {
        let rest = self.run(|byte| byte.is_ascii_alphabetic());
        if rest.is_empty() || rest.eq_ignore_ascii_case(&word[1..]) {
            Ok(Value::Boolean(value))
        } else {
            Err(ParseError::new(at, "unknown word"))
        }
    }

    fn array(&mut self) -> Result<Value, ParseError> {
        self.budget.enter(self.at)?;
        let mut array = Vec::new();
        loop {
            self.pass_space();
            match self.peek() {
                Some(b']') => break,
                Some(b',') if !array.is_empty() => self.at += 1,
                _ if array.is_empty() => {}
                _ => return Err(self.error("no comma between elements")),
            }
            self.pass_space();
            // A comma may stand before the end.
            if self.peek() == Some(b']') {
                break;
            }
            array.push(self.value()?);
        }
        self.at += 1;
        self.budget.leave();
        Ok(Value::Array(array))
    }

    fn map(&mut self) -> Result<Value, ParseError> {
        self.budget.enter(self.at)?;
        let mut map = Map::new();
        loop {
            self.pass_space();
            match self.peek() {
                Some(b'}') => break,
                Some(b',') if !map.is_empty() => self.at += 1,
                _ if map.is_empty() => {}
                _ => return Err(self.error("no comma between entries")),
            }
            self.pass_space();
            if self.peek() == Some(b'}') {
                break;
            }
            let key = match self.peek() {
                Some(b's') => {
                    self.at += 1;
                    self.counted_text()?
                }
                _ => self.text()?,
            };
            self.pass_space();
            if self.next()? != b':' {
                return Err(ParseError::new(self.at - 1, "no colon behind the key"));
            }
            map.insert(key, self.value()?);
        }
        self.at += 1;
        self.budget.leave();
        Ok(Value::Map(map))
    }

    /// A quoted text.
    fn text(&mut self) -> Result<String, ParseError> {
        match self.peek() {
            Some(quote @ (b'\'' | b'"')) => {
                self.at += 1;
                self.quoted(quote)
            }
            _ => Err(self.error("no quoted text")),
        }
    }

    /// The text up to its closing quote; the opening one is read.
    fn quoted(&mut self, quote: u8) -> Result<String, ParseError> {
        let at = self.at;
        let mut bytes = Vec::new();
        loop {
            let rest = &self.document[self.at..];
            let plain = rest.iter().position(|byte| *byte == quote || *byte == b'\\');
            let plain = plain.ok_or_else(|| ParseError::new(at, "text without end"))?;
            bytes.extend_from_slice(&rest[..plain]);
            self.at += plain + 1;
            if rest[plain] == quote {
                return String::from_utf8(bytes).map_err(|_| ParseError::new(at, "not UTF-8"));
            }
            bytes.push(match self.next()? {
                b'a' => 0x07,
                b'b' => 0x08,
                b'f' => 0x0c,
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'v' => 0x0b,
                b'x' => self.hex_digit()? << 4 | self.hex_digit()?,
                other => other,
            });
        }
    }

    fn hex_digit(&mut self) -> Result<u8, ParseError> {
        let byte = self.next()?;
        match char::from(byte).to_digit(16) {
            Some(digit) => Ok(digit as u8),
            None => Err(ParseError::new(self.at - 1, "not a hexadecimal digit")),
        }
    }

    /// `(5)"bytes"`: nothing in it is escaped.
    fn counted(&mut self) -> Result<&'a [u8], ParseError> {
        let at = self.at;
        let wrong = || ParseError::new(at, "not a counted text");
        let inside = self.document[at..].strip_prefix(b"(").ok_or_else(wrong)?;
        self.at += 1;
        let digits = self.run(|byte| byte.is_ascii_digit());
        let count: usize = digits.parse().map_err(|_| wrong())?;
        let rest = inside[digits.len()..].strip_prefix(b")").ok_or_else(wrong)?;
        let (quote, rest) = rest.split_first().ok_or_else(wrong)?;
        let bytes = rest.get(..count).ok_or_else(|| ParseError::new(at, "count beyond the end"))?;
        if !matches!(quote, b'\'' | b'"') || rest.get(count) != Some(quote) {
            return Err(wrong());
        }
        self.at += 1 + 1 + count + 1;
        Ok(bytes)
    }

    fn counted_text(&mut self) -> Result<String, ParseError> {
        let at = self.at;
        let bytes = self.counted()?;
        let text = core::str::from_utf8(bytes).map_err(|_| ParseError::new(at, "not UTF-8"))?;
        Ok(text.to_owned())
    }

    /// `(5)"bytes"`, `16"00ff"` or `64"AP8="`; the letter is read.
    fn binary(&mut self, at: usize) -> Result<Vec<u8>, ParseError> {
        let wrong = || ParseError::new(at, "binary that cannot be decoded");
        let base = self.run(|byte| byte.is_ascii_digit());
        match base {
            "" => Ok(self.counted()?.to_vec()),
            "64" => parse_base64(&self.text()?).ok_or_else(wrong),
            "16" => crate::convert::parse_base16(&self.text()?).ok_or_else(wrong),
            _ => Err(wrong()),
        }
    }
}
