//! Reading XML element by element, for LLSD, XML-RPC and the answers of grid services alike.
//!
//! These documents use little of XML: elements, a rare attribute, text, the five named entities. So the reader knows
//! no DTD, no namespaces (a prefix is dropped) and builds no tree: it hands out pieces of the document, borrowed where
//! they can be, and keeps only the names of the elements that are open. Work and memory are in proportion to the
//! document, whatever it holds; a tree reader compares every attribute of an element with every other.
//!
//! A caller is always inside some element (at first, inside the document) and asks for the [next
//! element](Reader::element) in it, for its [whole text](Reader::text), or for [whichever it has](Reader::content).
//! Having entered an element, it leaves it by asking until there is no more, by taking its text, or by
//! [`skip`](Reader::skip).

use crate::ParseError;
use crate::limits::BYTES_MAX;
use std::borrow::Cow;

/// How many elements may be open at once. XML-RPC needs three for each level of its values.
pub const OPEN_MAX: usize = 256;

/// A place in a document that is being read.
pub struct Reader<'a> {
    text: &'a str,
    at: usize,
    open: Vec<&'a str>,
    /// The innermost open element was `<name/>`: its end is not in the text.
    ends_itself: bool,
}

/// An element that was entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element<'a> {
    /// Its name, without prefix.
    pub name: &'a str,
    /// Bytes from the document's start to its tag.
    pub position: usize,
    attributes: &'a str,
}

/// What an element holds, by [`Reader::content`].
pub enum Content<'a> {
    /// An element, which is entered now; text before it is dropped.
    Element(Element<'a>),
    /// Text and no element; the element is left now.
    Text(Cow<'a, str>),
}

enum Piece<'a> {
    Open(Element<'a>),
    Close,
    Text(Cow<'a, str>),
    End,
}

impl<'a> Reader<'a> {
    /// At the start of a document of at most [`BYTES_MAX`] bytes of UTF-8.
    pub fn new(document: &'a [u8]) -> Result<Self, ParseError> {
        Self::with_limit(document, BYTES_MAX)
    }

    /// The same with another limit, for documents that carry whole files.
    pub fn with_limit(document: &'a [u8], bytes_max: usize) -> Result<Self, ParseError> {
        if document.len() > bytes_max {
            return Err(ParseError::new(bytes_max, "document too long"));
        }
        let text = core::str::from_utf8(document)
            .map_err(|error| ParseError::new(error.valid_up_to(), "not UTF-8"))?;
        let at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        Ok(Self { text, at, open: Vec::new(), ends_itself: false })
    }

    /// Enters the document's only element at top level, which must have this name.
    pub fn root(&mut self, name: &str) -> Result<Element<'a>, ParseError> {
        match self.element()? {
            Some(root) if root.name == name => Ok(root),
            _ => Err(self.error(format!("no <{name}>"))),
        }
    }

    /// Enters the next element inside this one; `None` leaves this one. Text between is dropped.
    pub fn element(&mut self) -> Result<Option<Element<'a>>, ParseError> {
        loop {
            match self.piece()? {
                Piece::Open(element) => return Ok(Some(element)),
                Piece::Close | Piece::End => return Ok(None),
                Piece::Text(_) => {}
            }
        }
    }

    /// The element's whole text, not that of elements in it; leaves it.
    pub fn text(&mut self) -> Result<Cow<'a, str>, ParseError> {
        let mut whole = Cow::Borrowed("");
        loop {
            match self.piece()? {
                Piece::Open(_) => self.skip()?,
                Piece::Close | Piece::End => return Ok(whole),
                Piece::Text(text) => append(&mut whole, text),
            }
        }
    }

    /// Enters the first element inside this one, or, if there is none, takes the text and leaves.
    pub fn content(&mut self) -> Result<Content<'a>, ParseError> {
        let mut whole = Cow::Borrowed("");
        loop {
            match self.piece()? {
                Piece::Open(element) => return Ok(Content::Element(element)),
                Piece::Close | Piece::End => return Ok(Content::Text(whole)),
                Piece::Text(text) => append(&mut whole, text),
            }
        }
    }

    /// Leaves the element, passing over the rest of it.
    pub fn skip(&mut self) -> Result<(), ParseError> {
        let outside = self.open.len().saturating_sub(1);
        while self.open.len() > outside {
            self.piece()?;
        }
        Ok(())
    }

    /// Refuses what may stand after the root: more than white space, comments and instructions.
    pub fn finish(&mut self) -> Result<(), ParseError> {
        match self.piece()? {
            Piece::End => Ok(()),
            _ => Err(self.error("more than one root")),
        }
    }

    /// Bytes read so far.
    pub fn position(&self) -> usize {
        self.at
    }

    fn error(&self, what: impl Into<Cow<'static, str>>) -> ParseError {
        ParseError::new(self.at, what)
    }

    fn piece(&mut self) -> Result<Piece<'a>, ParseError> {
        if self.ends_itself {
            self.ends_itself = false;
            self.open.pop();
            return Ok(Piece::Close);
        }
        loop {
            let rest = &self.text[self.at..];
            let Some(markup) = rest.strip_prefix('<') else {
                let end = rest.find('<').unwrap_or(rest.len());
                let text = &rest[..end];
                if self.open.is_empty() {
                    if !text.trim().is_empty() {
                        return Err(self.error("text outside of the root"));
                    }
                    self.at += end;
                    if end == rest.len() {
                        return Ok(Piece::End);
                    }
                    continue;
                }
                if end == rest.len() {
                    self.at += end;
                    return Err(self.error("element without end"));
                }
                let text = unescape(text, self.at)?;
                self.at += end;
                return Ok(Piece::Text(text));
            };
            match markup.as_bytes().first() {
                Some(b'/') => return self.close(&markup[1..]),
                Some(b'?') => self.pass("?>")?,
                Some(b'!') if markup.starts_with("!--") => {
                    self.at += "<!--".len();
                    self.pass("-->")?;
                }
                Some(b'!') if markup.starts_with("![CDATA[") && !self.open.is_empty() => {
                    self.at += "<![CDATA[".len();
                    let start = self.at;
                    self.pass("]]>")?;
                    return Ok(Piece::Text(allowed(&self.text[start..self.at - "]]>".len()])));
                }
                Some(b'!') => return Err(self.error("declarations are not read")),
                _ => return self.open(markup),
            }
        }
    }

    /// To behind the next such mark.
    fn pass(&mut self, mark: &str) -> Result<(), ParseError> {
        match self.text[self.at..].find(mark) {
            Some(length) => {
                self.at += length + mark.len();
                Ok(())
            }
            None => Err(self.error(format!("no {mark}"))),
        }
    }

    fn close(&mut self, markup: &'a str) -> Result<Piece<'a>, ParseError> {
        let Some(end) = markup.find('>') else { return Err(self.error("tag without end")) };
        let name = markup[..end].trim_end();
        match self.open.pop() {
            Some(open) if open == name => {
                self.at += "</>".len() + end;
                Ok(Piece::Close)
            }
            _ => Err(self.error("end of an element that is not open")),
        }
    }

    fn open(&mut self, markup: &'a str) -> Result<Piece<'a>, ParseError> {
        let Some(end) = tag_end(markup) else { return Err(self.error("tag without end")) };
        let (tag, ends_itself) = match markup[..end].strip_suffix('/') {
            Some(tag) => (tag, true),
            None => (&markup[..end], false),
        };
        let length = tag.find(|c: char| c.is_ascii_whitespace()).unwrap_or(tag.len());
        let (name, attributes) = tag.split_at(length);
        if name.is_empty() || name.contains(['<', '&', '"', '\'', '=']) {
            return Err(self.error("not a tag"));
        }
        if self.open.len() == OPEN_MAX {
            return Err(self.error("nested too deep"));
        }
        let position = self.at;
        self.at += "<>".len() + end;
        self.open.push(name);
        self.ends_itself = ends_itself;
        let name = name.rsplit_once(':').map_or(name, |(_, local)| local);
        Ok(Piece::Open(Element { name, position, attributes }))
    }
}

impl<'a> Element<'a> {
    /// The value of an attribute, without its quotes; entities in it are left as they are.
    pub fn attribute(&self, name: &str) -> Option<&'a str> {
        let mut rest = self.attributes;
        loop {
            let (key, after) = rest.split_once('=')?;
            let after = after.trim_start();
            let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''))?;
            let (value, after) = after[1..].split_once(quote)?;
            if key.trim() == name {
                return Some(value);
            }
            rest = after;
        }
    }
}

/// Where the tag ends, quotes respected.
fn tag_end(markup: &str) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in markup.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return Some(at),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            _ => {}
        }
    }
    None
}

fn append<'a>(whole: &mut Cow<'a, str>, text: Cow<'a, str>) {
    if whole.is_empty() {
        *whole = text;
    } else {
        whole.to_mut().push_str(&text);
    }
}

/// Whether XML can carry the character. Peers send others all the same (in names and descriptions): they are dropped,
/// when read and when written, since one of them costs a stricter reader the whole document.
fn is_allowed(character: char) -> bool {
    match character {
        '\t' | '\n' | '\r' => true,
        '\u{fffe}' | '\u{ffff}' => false,
        c => c >= ' ',
    }
}

/// Text as it stands, without what XML cannot carry.
fn allowed(text: &str) -> Cow<'_, str> {
    if text.contains(|c| !is_allowed(c)) {
        return Cow::Owned(text.chars().filter(|c| is_allowed(*c)).collect());
    }
    Cow::Borrowed(text)
}

/// Text with its entities resolved, its line ends as one newline, and without what XML cannot carry.
fn unescape(text: &str, position: usize) -> Result<Cow<'_, str>, ParseError> {
    let is_special = |c: char| matches!(c, '&' | '\r') || !is_allowed(c);
    let Some(first) = text.find(is_special) else { return Ok(Cow::Borrowed(text)) };
    let mut plain = String::with_capacity(text.len());
    plain.push_str(&text[..first]);
    let mut rest = &text[first..];
    while let Some(mark) = rest.chars().next() {
        let after = &rest[mark.len_utf8()..];
        rest = match mark {
            '\r' => {
                plain.push('\n');
                after.strip_prefix('\n').unwrap_or(after)
            }
            '&' => {
                let at = position + text.len() - rest.len();
                let (character, after) =
                    entity(after).ok_or_else(|| ParseError::new(at, "unknown entity"))?;
                plain.extend(Some(character).filter(|c| is_allowed(*c)));
                after
            }
            _ => after,
        };
        let end = rest.find(is_special).unwrap_or(rest.len());
        plain.push_str(&rest[..end]);
        rest = &rest[end..];
    }
    Ok(Cow::Owned(plain))
}

/// The character that is meant, and what follows; the ampersand is read already.
fn entity(text: &str) -> Option<(char, &str)> {
    // The longest is `&#1114111;`, but leading zeros are allowed.
    let length = text.bytes().take(16).position(|byte| byte == b';')?;
    let (name, after) = (&text[..length], &text[length + 1..]);
    let character = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = name.strip_prefix('#')?;
            let number = match number.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(number).filter(|c| *c != '\0')?
        }
    };
    Some((character, after))
}

/// Appends text as XML: its marks escaped, and without the characters that XML cannot carry.
pub fn escape(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| matches!(c, '&' | '<' | '>' | '\r') || !is_allowed(c)) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let Some(character) = rest.chars().next() else { return };
        rest = &rest[character.len_utf8()..];
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // As itself it would be read as a newline.
            '\r' => out.push_str("&#13;"),
            _ => {}
        }
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests;
