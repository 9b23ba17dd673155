//! What must hold for any bytes at all: no panic, bounded work, and what was read is written so that it is read the
//! same. The fuzz targets call these, and tests do with the inputs that the fuzzer found.

use crate::limits::BYTES_MAX;
use crate::{binary, json, notation, xml, xmlrpc};

/// [`mod@xml`].
pub fn xml(input: &[u8]) {
    if let Ok(value) = xml::parse(input) {
        settles(xml::write(&value), |text| xml::parse(text).map(|value| xml::write(&value)));
    }
}

/// [`mod@binary`].
pub fn binary(input: &[u8]) {
    if let Ok(value) = binary::parse(input) {
        settles(binary::write(&value), |bytes| binary::parse(bytes).map(|value| binary::write(&value)));
    }
}

/// [`mod@notation`].
pub fn notation(input: &[u8]) {
    if let Ok(value) = notation::parse(input) {
        settles(notation::write(&value), |text| notation::parse(text).map(|value| notation::write(&value)));
    }
}

/// [`mod@json`].
pub fn json(input: &[u8]) {
    if let Ok(value) = json::parse(input) {
        let written = json::write_with_defaults(&value);
        settles(written, |text| json::parse(text).map(|value| json::write_with_defaults(&value)));
    }
}

/// [`mod@xmlrpc`], calls and responses.
pub fn xmlrpc(input: &[u8]) {
    if let Ok(call) = xmlrpc::parse_call(input) {
        let written = xmlrpc::write_call(&call.method, &call.params);
        settles(written, |text| {
            xmlrpc::parse_call(text).map(|call| xmlrpc::write_call(&call.method, &call.params))
        });
    }
    if let Ok(value) = xmlrpc::parse_response(input) {
        let written = xmlrpc::write_response(&value);
        settles(written, |text| xmlrpc::parse_response(text).map(|value| xmlrpc::write_response(&value)));
    }
}

/// What was written must be read and written the same. Not values are compared but documents: not-a-number equals
/// nothing. What is written can be longer than what was read, and then too long.
fn settles<T: AsRef<[u8]> + PartialEq + std::fmt::Debug, E: std::fmt::Debug>(
    written: T,
    again: impl FnOnce(&T) -> Result<T, E>,
) {
    if written.as_ref().len() <= BYTES_MAX {
        let again = again(&written);
        assert!(again.as_ref().is_ok_and(|again| *again == written), "{written:?}\nbecame\n{again:?}");
    }
}
