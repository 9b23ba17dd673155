use super::*;
use crate::limits::{BYTES_MAX, DEPTH_MAX, VALUES_MAX};
use crate::{Date, Value, array, examples, map};
use uuid::Uuid;

fn check(body: &str, expected: impl Into<Value>) {
    assert_eq!(parse(format!("<llsd>{body}</llsd>")), Ok(expected.into()), "{body}");
}

fn check_refused(document: &str, what: &str) {
    assert_eq!(parse(document).map_err(|error| error.what), Err(what.to_owned().into()), "{document}");
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
        Ok(())
    });
}

#[test]
fn every_value_is_written_out() {
    let value = Value::Array(examples::one_of_each());
    assert_eq!(
        write(&value),
        "<llsd><array><undef /><boolean>true</boolean><integer>-5</integer><real>0.1</real>\
         <uuid>00000000-0000-0000-0000-000000001234</uuid>\
         <string>tęxt &amp; &lt;more&gt; 'quoted' \"twice\" \\ \n\t end</string>\
         <binary encoding=\"base64\">AAH+/w==</binary><date>2026-11-20T10:19:44.25Z</date>\
         <uri>http://grid.example/?a=b&amp;c=d</uri>\
         <map><key></key><map></map><key>key</key><integer>1</integer></map>\
         <array><integer>1</integer><array></array><string>two</string></array></array></llsd>"
    );
    let mut piece = String::from("<array>");
    write_value(&Value::from(0), &mut piece);
    write_value(&Value::from("a\u{0}b\u{1b}c"), &mut piece);
    assert_eq!(piece, "<array><integer>0</integer><string>abc</string>");
}

#[test]
fn short_forms_are_zero() {
    check("<undef/>", Value::Undefined);
    check("", Value::Undefined);
    check("<boolean/>", false);
    check("<integer/>", 0);
    check("<real/>", 0.0);
    check("<uuid/>", Uuid::nil());
    check("<string/>", "");
    check("<binary/>", Vec::<u8>::new());
    check("<date/>", Date::default());
    check("<uri/>", Value::Uri(String::new()));
    check("<map/>", map! {});
    check("<array/>", array![]);
}

#[test]
fn other_spellings_are_read() {
    check("<boolean>1</boolean>", true);
    check("<boolean> true </boolean>", true);
    check("<boolean>0</boolean>", false);
    check("<boolean>false</boolean>", false);
    check("<integer> 12\n</integer>", 12);
    check("<integer>1.5</integer>", 1);
    check("<integer>4294967295</integer>", -1);
    check("<integer>99999999999</integer>", i32::MAX);
    check("<integer>five</integer>", 0);
    check("<real>1</real>", 1.0);
    check("<real>Infinity</real>", f64::INFINITY);
    check("<uuid>nobody</uuid>", Uuid::nil());
    check("<date>2026-11-20T10:19:44Z</date>", Date::from_secs(1_795_169_984));
    check("<string> kept \n</string>", " kept \n");
    check("<string>a<![CDATA[<b>]]>&#x63;</string>", "a<b>c");
    check("<binary>AQ\n ID</binary>", vec![1, 2, 3]);
    check("<binary encoding='base64'>AQI</binary>", vec![1, 2]);
    check("<binary encoding=\"base16\">01 fF</binary>", vec![1, 255]);
    check("\n<map>\n <key>a</key>\n <integer>1</integer>\n</map>\n", map! { "a" => 1 });
}

#[test]
fn what_is_unknown_is_passed_over() {
    check("<array><blob><integer>1</integer></blob><integer>2</integer></array>", array![2]);
    check(
        "<map><key>a</key><blob/><integer>1</integer><key>b</key><key>c</key><integer>2</integer></map>",
        map! { "a" => 1, "c" => 2 },
    );
    check("<map><integer>1</integer></map>", map! {});
    check("<map><key>a</key><integer>1</integer><key>a</key><integer>2</integer></map>", map! { "a" => 2 });
    check("<blob/><integer>1</integer><integer>2</integer>", 1);
    check("<integer>1<b>2</b>3</integer>", 13);
}

#[test]
fn broken_documents_are_refused() {
    check_refused("", "no <llsd>");
    check_refused("<map/>", "no <llsd>");
    check_refused("<llsd><map></llsd>", "end of an element that is not open");
    check_refused("<llsd><undef/></llsd><llsd/>", "more than one root");
    check_refused("<llsd><binary>*</binary></llsd>", "binary that cannot be decoded");
    check_refused("<llsd><binary encoding='base85'>a</binary></llsd>", "binary that cannot be decoded");
    check_refused("<llsd><string>&undefined;</string></llsd>", "unknown entity");
    let error = parse("<llsd><array><integer>1</integer><binary>*</binary></array></llsd>").unwrap_err();
    assert_eq!(error.to_string(), "binary that cannot be decoded at byte 33");
}

#[test]
fn a_document_is_bounded() {
    let nested =
        |levels: usize| format!("<llsd>{}{}</llsd>", "<array>".repeat(levels), "</array>".repeat(levels));
    assert!(parse(nested(DEPTH_MAX)).is_ok());
    check_refused(&nested(DEPTH_MAX + 1), "nested too deep");
    let flat = format!("<llsd><array>{}</array></llsd>", "<a/>".repeat(VALUES_MAX));
    assert!(flat.len() < BYTES_MAX);
    check_refused(&flat, "too many values");
    check_refused(&" ".repeat(BYTES_MAX + 1), "document too long");
}
