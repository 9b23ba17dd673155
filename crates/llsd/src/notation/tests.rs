use super::*;
use crate::limits::DEPTH_MAX;
use crate::{Date, ParseError, Value, array, examples, map};
use uuid::Uuid;

fn check(text: &str, expected: impl Into<Value>) {
    assert_eq!(parse(text), Ok(expected.into()), "{text}");
}

fn check_refused(text: &str, what: &'static str, position: usize) {
    assert_eq!(parse(text), Err(ParseError::new(position, what)), "{text}");
}

#[test]
fn what_is_written_is_read() {
    assert_eq!(
        parse(write(&Value::Array(examples::one_of_each()))),
        Ok(Value::Array(examples::one_of_each()))
    );
    arbtest::arbtest(|u| {
        let value = examples::arbitrary(u)?;
        assert_eq!(parse(write(&value)), Ok(value));
        // Here control characters are kept too.
        let text: String = u.arbitrary()?;
        assert_eq!(parse(write(&Value::from(&text))), Ok(text.into()));
        Ok(())
    });
}

#[test]
fn the_strings_of_the_login_response_come_out_as_every_client_reads_them() {
    assert_eq!(write(&Value::from([1.0, 0.0, 0.0])), "[r1, r0, r0]");
    let home = map! {
        "region_handle" => [256_000.0, 256_256.0],
        "position" => [128.5, 128.0, 30.0],
        "look_at" => [1.0, 0.0, 0.0],
    };
    assert_eq!(
        write(&home),
        "{'look_at':[r1, r0, r0], 'position':[r128.5, r128, r30], 'region_handle':[r256000, r256256]}"
    );
}

#[test]
fn each_type_is_written() {
    assert_eq!(
        write(&Value::Array(examples::one_of_each())),
        "[!, 1, i-5, r0.1, u00000000-0000-0000-0000-000000001234, \
         'tęxt & <more> \\'quoted\\' \"twice\" \\\\ \\n\\t end', b64\"AAH+/w==\", d\"2026-11-20T10:19:44.25Z\", \
         l\"http://grid.example/?a=b&c=d\", {'':{}, 'key':i1}, [i1, [], 'two']]"
    );
}

#[test]
fn other_spellings_are_read() {
    for text in ["1", "t", "T", "true", "TRUE", "True", "<? llsd/notation ?>\n1", " \n1\n\0"] {
        check(text, true);
    }
    for text in ["0", "f", "F", "false", "FALSE"] {
        check(text, false);
    }
    check("i+5", 5);
    check("i4294967295", -1);
    check("r-1e3", -1000.0);
    check("rinf", f64::INFINITY);
    check(
        "u01234567-89AB-cdef-0123-456789abcdef",
        Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef),
    );
    check("\"it's\"", "it's");
    check("'a\\x41\\a\\b\\f\\n\\r\\t\\v\\q\\\\\\''", "aA\u{7}\u{8}\u{c}\n\r\t\u{b}q\\'");
    check("'\\xc4\\x99'", "ę");
    check("s(3)\"\"\\x\"", "\"\\x");
    check("l'http://a/'", Value::Uri("http://a/".into()));
    check("d'1970-01-01T00:00:01Z'", Date::from_secs(1));
    check("b16\"01fF\"", vec![1, 255]);
    check("b64'AQI='", vec![1, 2]);
    check("b(3)\"\"'\"\"", vec![b'"', b'\'', b'"']);
    check("[ i1 , i2 , ]", array![1, 2]);
    check("{ 'a' : i1 , \"b\" : [ ] , s(1)'c' : ! , }", map! { "a" => 1, "b" => array![], "c" => () });
    check("{'a':i1,'a':i2}", map! { "a" => 2 });
}

#[test]
fn broken_documents_are_refused_where_they_break() {
    check_refused("", "truncated", 0);
    check_refused("x", "unknown type", 0);
    check_refused("trust", "unknown word", 0);
    check_refused("i", "not an integer", 0);
    check_refused("i1-", "not an integer", 0);
    check_refused("i99999999999", "not an integer", 0);
    check_refused("rx", "not a real", 0);
    check_refused("u123", "not an id", 0);
    check_refused("'abc", "text without end", 1);
    check_refused("'abc\\", "truncated", 5);
    check_refused("'\\xg0'", "not a hexadecimal digit", 3);
    check_refused("'\\xff'", "not UTF-8", 1);
    check_refused("lx", "no quoted text", 1);
    check_refused("d'now'", "not a date", 0);
    check_refused("b64'*'", "binary that cannot be decoded", 0);
    check_refused("b16'0'", "binary that cannot be decoded", 0);
    check_refused("b32'0'", "binary that cannot be decoded", 0);
    check_refused("s(5)'abc'", "count beyond the end", 1);
    check_refused("s(2)'abc'", "not a counted text", 1);
    check_refused("s(99999999999999999999)'abc'", "not a counted text", 1);
    check_refused("[i1 i2]", "no comma between elements", 4);
    check_refused("[i1", "no comma between elements", 3);
    check_refused("[,]", "unknown type", 1);
    check_refused("{'a'=i1}", "no colon behind the key", 4);
    check_refused("{'a':i1 'b':i2}", "no comma between entries", 8);
    check_refused("{a:i1}", "no quoted text", 1);
    check_refused("11", "more than one value", 1);
}

#[test]
fn the_depth_is_bounded() {
    let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    assert!(parse(nested(DEPTH_MAX)).is_ok());
    check_refused(&nested(DEPTH_MAX + 1), "nested too deep", DEPTH_MAX + 1);
}
