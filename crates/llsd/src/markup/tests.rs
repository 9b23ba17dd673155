use super::*;

/// The document as nested text: `name[attributes]{content}`.
fn shape(document: &str) -> Result<String, ParseError> {
    fn inside(reader: &mut Reader<'_>, out: &mut String) -> Result<(), ParseError> {
        loop {
            match reader.content()? {
                Content::Element(element) => {
                    out.push_str(element.name);
                    out.push('{');
                    inside(reader, out)?;
                    out.push('}');
                }
                Content::Text(text) => {
                    out.push_str(text.trim());
                    return Ok(());
                }
            }
        }
    }
    let mut reader = Reader::new(document.as_bytes())?;
    let mut out = String::new();
    inside(&mut reader, &mut out)?;
    reader.finish()?;
    Ok(out)
}

fn check(document: &str, expected: &str) {
    assert_eq!(shape(document).as_deref(), Ok(expected), "{document}");
}

fn check_refused(document: &str, what: &str, position: usize) {
    assert_eq!(shape(document), Err(ParseError::new(position, what.to_owned())), "{document}");
}

#[test]
fn well_formed_documents_are_read() {
    check("<a/>", "a{}");
    check("\u{feff}<?xml version='1.0'?>\n<!-- <b> -->\n<a>\n<b></b >\r\n</a>\n<!-- end -->", "a{b{}}");
    check("<a x='>' y=\"/>\"><n:b/></a>", "a{b{}}");
    check("<a>1 &lt;&#50;&#x33;&gt; &amp;&quot;&apos;</a>", "a{1 <23> &\"'}");
    check("<a>x<![CDATA[<&amp;]]>y<!-- no -->z</a>", "a{x<&amp;yz}");
    check("<a>one\r\ntwo\rthree</a>", "a{one\ntwo\nthree}");
    check("<ä>ö</ä>", "ä{ö}");
    check("<a>\u{1}b&#2;c\u{ffff}<![CDATA[d\u{0}e]]>&#13;f</a>", "a{bcde\rf}");
}

#[test]
fn broken_documents_are_refused_where_they_break() {
    check_refused("<a>", "element without end", 3);
    check_refused("<a></b>", "end of an element that is not open", 3);
    check_refused("</a>", "end of an element that is not open", 0);
    check_refused("<a/>x", "text outside of the root", 4);
    check_refused("<a>&nbsp;</a>", "unknown entity", 3);
    check_refused("<a>12&#0;</a>", "unknown entity", 5);
    check_refused("<a>&#xD800;</a>", "unknown entity", 3);
    check_refused("<a>&amp</a>", "unknown entity", 3);
    check_refused("<a b='></a>", "tag without end", 0);
    check_refused("<a", "tag without end", 0);
    check_refused("<a>< b></a>", "not a tag", 3);
    check_refused("<a><!-- </a>", "no -->", 7);
    check_refused("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "declarations are not read", 0);
    assert_eq!(Reader::new(b"<a>\xff</a>").err(), Some(ParseError::new(3, "not UTF-8")));
}

#[test]
fn the_depth_is_bounded() {
    let deep = |levels: usize| "<a>".repeat(levels) + &"</a>".repeat(levels);
    assert!(shape(&deep(OPEN_MAX)).is_ok());
    check_refused(&deep(OPEN_MAX + 1), "nested too deep", OPEN_MAX * 3);
}

#[test]
fn attributes_are_found() {
    let mut reader = Reader::new(b"<a  one = '1' two=\"2 '=' &amp;\" three='3'/>").unwrap();
    let element = reader.element().unwrap().unwrap();
    assert_eq!(element.attribute("one"), Some("1"));
    assert_eq!(element.attribute("two"), Some("2 '=' &amp;"));
    assert_eq!(element.attribute("three"), Some("3"));
    assert_eq!(element.attribute("four"), None);
}

#[test]
fn text_survives_escaping() {
    arbtest::arbtest(|u| {
        let text: String = u.arbitrary()?;
        let mut document = String::from("<a>");
        escape(&text, &mut document);
        document.push_str("</a>");
        let mut reader = Reader::new(document.as_bytes()).unwrap();
        reader.element().unwrap();
        let kept: String = text
            .chars()
            .filter(|c| {
                (*c >= ' ' || matches!(c, '\n' | '\t' | '\r')) && !matches!(c, '\u{fffe}' | '\u{ffff}')
            })
            .collect();
        assert_eq!(reader.text().unwrap(), kept);
        Ok(())
    });
}
