use super::*;
use crate::limits::DEPTH_MAX;
use crate::{Date, ParseError, Value, array, examples, map};
use uuid::Uuid;

fn check(body: &str, expected: impl Into<Value>) {
    let document = format!(
        "<?xml version='1.0'?><methodResponse><params><param>{body}</param></params></methodResponse>"
    );
    assert_eq!(parse_response(document), Ok(expected.into()), "{body}");
}

fn check_refused(document: &str, what: &str) {
    match parse_response(document) {
        Err(ResponseError::Malformed(error)) => assert_eq!(error.what, what, "{document}"),
        other => panic!("{document}: {other:?}"),
    }
}

#[test]
fn each_type_is_read() {
    check("<value><int>-5</int></value>", -5);
    check("<value>\n <i4> 5 </i4>\n</value>", 5);
    check("<value><i8>5</i8></value>", 5);
    check("<value><i8>1099511628032256</i8></value>", "1099511628032256");
    check("<value><boolean>1</boolean></value>", true);
    check("<value><boolean>false</boolean></value>", false);
    check("<value><string>a &amp; b</string></value>", "a & b");
    check("<value><string/></value>", "");
    check("<value> as it is </value>", " as it is ");
    check("<value/>", "");
    check("<value><double>-1.5</double></value>", -1.5);
    check(
        "<value><dateTime.iso8601>20261120T10:19:44</dateTime.iso8601></value>",
        Date::from_secs(1_795_169_984),
    );
    check("<value><base64>\nAQI=\n</base64></value>", vec![1, 2]);
    check("<value><nil/></value>", Value::Undefined);
    check("<value><ex:nil/></value>", Value::Undefined);
    check("<value><array><data/></array></value>", array![]);
    check(
        "<value><array><data><value>a</value><value><int>1</int></value></data></array></value>",
        array!["a", 1],
    );
    check("<value><struct/></value>", map! {});
    check(
        "<value><struct><member><name>a</name><value>b</value></member>\n\
         <member><value><int>1</int></value><name>c</name></member><member/></struct></value>",
        map! { "a" => "b", "c" => 1 },
    );
}

#[test]
fn a_call_is_read() {
    let call = parse_call(
        "<?xml version=\"1.0\"?><methodCall>\n<methodName> get_region </methodName>\n\
         <params><param><value><int>1</int></value></param><param><value>two</value></param></params></methodCall>",
    );
    assert_eq!(call, Ok(Call { method: "get_region".into(), params: vec![1.into(), "two".into()] }));
    let call = parse_call("<methodCall><methodName>list</methodName></methodCall>");
    assert_eq!(call, Ok(Call { method: "list".into(), params: vec![] }));
}

#[test]
fn what_is_written_is_read() {
    // What has no type of its own comes back as what it converts to.
    fn expected(value: Value) -> Value {
        match value {
            Value::Undefined => "".into(),
            Value::Uuid(id) => id.to_string().into(),
            Value::Uri(text) => text.into(),
            Value::Date(date) => Date::from_secs(date.secs()).into(),
            Value::Real(real) if !real.is_finite() => 0.0.into(),
            Value::Array(array) => array.into_iter().map(expected).collect(),
            Value::Map(map) => {
                Value::Map(map.into_iter().map(|(key, value)| (key, expected(value))).collect())
            }
            value => value,
        }
    }
    arbtest::arbtest(|u| {
        let value = examples::arbitrary(u)?;
        assert_eq!(parse_response(write_response(&value)), Ok(expected(value.clone())));
        let call = parse_call(write_call("a <method>", std::slice::from_ref(&value))).unwrap();
        assert_eq!(call, Call { method: "a <method>".into(), params: vec![expected(value)] });
        Ok(())
    });
}

#[test]
fn each_type_is_written() {
    let document = write_response(&map! {
        "agent_id" => Uuid::from_u128(1),
        "binary" => *b"ab",
        "date" => Date::from_secs(1_795_169_984),
        "list" => array![map! {}],
        "login" => "true",
        "nothing" => (),
        "ok" => true,
        "port" => 9000,
        "x" => 256_000.0,
    });
    assert_eq!(
        document,
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><methodResponse><params><param><value><struct>\
         <member><name>agent_id</name><value><string>00000000-0000-0000-0000-000000000001</string></value></member>\
         <member><name>binary</name><value><base64>YWI=</base64></value></member>\
         <member><name>date</name><value><dateTime.iso8601>20261120T10:19:44</dateTime.iso8601></value></member>\
         <member><name>list</name><value><array><data><value><struct></struct></value></data></array></value></member>\
         <member><name>login</name><value><string>true</string></value></member>\
         <member><name>nothing</name><value><string></string></value></member>\
         <member><name>ok</name><value><boolean>1</boolean></value></member>\
         <member><name>port</name><value><int>9000</int></value></member>\
         <member><name>x</name><value><double>256000</double></value></member>\
         </struct></value></param></params></methodResponse>"
    );
}

#[test]
fn a_fault_is_told_from_a_value() {
    let fault = ResponseError::Fault { code: -32601, text: "no such <method>".into() };
    assert_eq!(parse_response(write_fault(-32601, "no such <method>")), Err(fault.clone()));
    assert_eq!(fault.to_string(), "fault -32601: no such <method>");
}

#[test]
fn broken_documents_are_refused() {
    let response =
        |body: &str| format!("<methodResponse><params><param>{body}</param></params></methodResponse>");
    check_refused("<html/>", "no <methodResponse>");
    check_refused("<methodResponse/>", "a response without value");
    check_refused(&response(""), "a response without value");
    check_refused(&response("<value><int>five</int></value>"), "a value that is not of its type");
    check_refused(&response("<value><int/></value>"), "a value that is not of its type");
    check_refused(&response("<value><boolean>yes</boolean></value>"), "a value that is not of its type");
    check_refused(&response("<value><double>1,5</double></value>"), "a value that is not of its type");
    check_refused(&response("<value><base64>*</base64></value>"), "a value that is not of its type");
    check_refused(
        &response("<value><dateTime.iso8601>now</dateTime.iso8601></value>"),
        "a value that is not of its type",
    );
    check_refused(&response("<value><uuid>1</uuid></value>"), "a value of unknown type");
    assert_eq!(parse_call("<methodCall/>"), Err(ParseError::new(13, "a call without method")));
    assert!(parse_call(write_response(&Value::Undefined)).is_err());
}

#[test]
fn a_document_is_bounded() {
    let nested = |levels: usize| {
        let document = "<value><array><data>".repeat(levels) + &"</data></array></value>".repeat(levels);
        format!(
            "<methodCall><methodName>a</methodName><params><param>{document}</param></params></methodCall>"
        )
    };
    assert!(parse_call(nested(DEPTH_MAX)).is_ok());
    assert_eq!(parse_call(nested(DEPTH_MAX + 1)).map_err(|error| error.what), Err("nested too deep".into()));
    let structs =
        "<value><struct><member>".repeat(DEPTH_MAX) + &"</member></struct></value>".repeat(DEPTH_MAX);
    let document = format!(
        "<methodCall><methodName>a</methodName><params><param>{structs}</param></params></methodCall>"
    );
    assert!(parse_call(document).is_ok());
}
