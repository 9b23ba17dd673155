use crate::text::FromText;
use crate::{Malformed, xml_name};
use llsd::markup::{self, Reader};

/// Most elements of an answer.
const NODES_MAX: usize = 1 << 18;
/// Bytes and elements of one that may be long: 70,000 items in a folder.
pub const LONG_BYTES_MAX: usize = 64 << 20;
const LONG_NODES_MAX: usize = 2_000_000;
/// How many lists may stand in each other.
const DEPTH_MAX: usize = 16;

/// What an answer, or a list in one, holds: named nodes in their order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tree {
    nodes: Vec<(String, Node)>,
}

/// One element of an answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Node {
    /// Text.
    Text(String),
    /// Further elements: `type="List"`.
    List(Tree),
}

impl Node {
    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::List(_) => None,
        }
    }

    /// The list, if it is one.
    pub fn as_list(&self) -> Option<&Tree> {
        match self {
            Self::Text(_) => None,
            Self::List(tree) => Some(tree),
        }
    }
}

impl Tree {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// `<result>null</result>`: nothing was found.
    pub fn null() -> Self {
        Self::new().with("result", "null")
    }

    /// Lists with numbered names, `prefix0`, `prefix1` ...; the answer that nothing was found if there are none.
    pub fn numbered(prefix: &str, lists: impl IntoIterator<Item = Tree>) -> Self {
        let lists = lists.into_iter().enumerate();
        let nodes: Vec<_> =
            lists.map(|(number, list)| (format!("{prefix}{number}"), Node::List(list))).collect();
        if nodes.is_empty() { Self::null() } else { Self { nodes } }
    }

    /// Adds a text.
    #[must_use]
    pub fn with(mut self, name: &str, text: impl ToString) -> Self {
        self.nodes.push((name.to_owned(), Node::Text(text.to_string())));
        self
    }

    /// Adds a list.
    #[must_use]
    pub fn with_list(mut self, name: &str, list: Tree) -> Self {
        self.nodes.push((name.to_owned(), Node::List(list)));
        self
    }

    /// All nodes, in their order.
    pub fn nodes(&self) -> &[(String, Node)] {
        &self.nodes
    }

    /// The lists in it, in their order, whatever their names: readers of results only look at the values.
    pub fn lists(&self) -> impl Iterator<Item = &Tree> {
        self.nodes.iter().filter_map(|(_, node)| node.as_list())
    }

    /// The first node of this name.
    pub fn node(&self, name: &str) -> Option<&Node> {
        self.nodes.iter().find(|(known, _)| known == name).map(|(_, node)| node)
    }

    /// The text of this name.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.node(name)?.as_text()
    }

    /// The list of this name.
    pub fn list(&self, name: &str) -> Option<&Tree> {
        self.node(name)?.as_list()
    }

    /// A value that must be there and be of this type.
    pub fn get<T: FromText>(&self, name: &'static str) -> Result<T, Malformed> {
        let text = self.text(name).ok_or(Malformed::missing(name))?;
        T::from_text(text).ok_or(Malformed::odd(name))
    }

    /// A value that may be absent or empty, but if it is neither, must be of this type.
    pub fn get_optional<T: FromText>(&self, name: &'static str) -> Result<Option<T>, Malformed> {
        match self.text(name) {
            None | Some("") => Ok(None),
            Some(text) => T::from_text(text).map(Some).ok_or(Malformed::odd(name)),
        }
    }

    /// The list that answers a question for one thing; `None` if it was not found.
    ///
    /// # Errors
    /// [`Malformed::Failure`] if the service failed; [`Malformed::Missing`] if it says neither.
    pub fn found(&self) -> Result<Option<&Tree>, Malformed> {
        match self.node("result") {
            Some(Node::List(found)) => Ok(Some(found)),
            Some(Node::Text(text)) if text == "null" => Ok(None),
            _ => Err(self.without_result()),
        }
    }

    /// The lists that answer a question for several things.
    ///
    /// # Errors
    /// As for [`found`](Self::found).
    pub fn found_many(&self) -> Result<Vec<&Tree>, Malformed> {
        let lists: Vec<_> = self.lists().collect();
        if lists.is_empty() && self.text("result") != Some("null") {
            return Err(self.without_result());
        }
        Ok(lists)
    }

    fn without_result(&self) -> Malformed {
        let failed = |name| self.text(name).is_some_and(|text| text.eq_ignore_ascii_case("failure"));
        if failed("result") || failed("Result") {
            return Malformed::Failure(self.text("Message").unwrap_or_default().to_owned());
        }
        Malformed::missing("result")
    }

    /// Reads a document with the root `ServerResponse`, at most 8 MiB.
    pub fn parse(document: &[u8]) -> Result<Self, Malformed> {
        Self::parse_with(Reader::new(document), NODES_MAX)
    }

    /// The same, of at most [`LONG_BYTES_MAX`], for answers about large inventories.
    pub fn parse_long(document: &[u8]) -> Result<Self, Malformed> {
        Self::parse_with(Reader::with_limit(document, LONG_BYTES_MAX), LONG_NODES_MAX)
    }

    fn parse_with(reader: Result<Reader<'_>, llsd::ParseError>, nodes_max: usize) -> Result<Self, Malformed> {
        let not_xml = |error: llsd::ParseError| Malformed::Xml(error.to_string());
        let mut reader = reader.map_err(not_xml)?;
        reader.root("ServerResponse").map_err(not_xml)?;
        let mut left = nodes_max;
        let tree = Self::inside(&mut reader, DEPTH_MAX, &mut left)?;
        reader.finish().map_err(not_xml)?;
        Ok(tree)
    }

    fn inside(reader: &mut Reader<'_>, depth: usize, left: &mut usize) -> Result<Self, Malformed> {
        let not_xml = |error: llsd::ParseError| Malformed::Xml(error.to_string());
        let mut tree = Self::new();
        while let Some(element) = reader.element().map_err(not_xml)? {
            *left = left.checked_sub(1).ok_or(Malformed::TooMuch("elements"))?;
            let name = xml_name::decoded(element.name);
            let node = if element.attribute("type") == Some("List") {
                let depth = depth.checked_sub(1).ok_or(Malformed::TooMuch("lists in each other"))?;
                Node::List(Self::inside(reader, depth, left)?)
            } else {
                Node::Text(reader.text().map_err(not_xml)?.into_owned())
            };
            tree.nodes.push((name, node));
        }
        Ok(tree)
    }

    /// The document.
    pub fn write(&self) -> String {
        let mut document = String::from("<?xml version=\"1.0\"?><ServerResponse>");
        self.write_inside(&mut document);
        document.push_str("</ServerResponse>");
        document
    }

    fn write_inside(&self, out: &mut String) {
        for (name, node) in &self.nodes {
            // What has no name cannot be an element.
            if name.is_empty() {
                continue;
            }
            let name = xml_name::encoded(name);
            match node {
                Node::Text(text) => {
                    out.extend(["<", &name, ">"]);
                    markup::escape(text, out);
                }
                Node::List(tree) => {
                    out.extend(["<", &name, " type=\"List\">"]);
                    tree.write_inside(out);
                }
            }
            out.extend(["</", &name, ">"]);
        }
    }
}

impl FromIterator<(String, Node)> for Tree {
    fn from_iter<T: IntoIterator<Item = (String, Node)>>(nodes: T) -> Self {
        Self { nodes: nodes.into_iter().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorded_answer_is_read_and_written_the_same() {
        let document = "<?xml version=\"1.0\"?><ServerResponse><presence0 type=\"List\"><UserID>1</UserID>\
             <RegionID></RegionID></presence0></ServerResponse>";
        let presence = Tree::new().with("UserID", 1).with("RegionID", "");
        let tree = Tree::parse(document.as_bytes()).unwrap();
        assert_eq!(tree, Tree::numbered("presence", [presence]));
        assert_eq!(tree.write(), document);
    }

    #[test]
    fn indented_answers_mean_the_same() {
        let document =
            "<?xml version=\"1.0\"?>\n<ServerResponse>\n  <result>Success</result>\n</ServerResponse>";
        assert_eq!(Tree::parse(document.as_bytes()), Ok(Tree::new().with("result", "Success")));
        let document =
            "\u{feff}<?xml version =\"1.0\"?><ServerResponse><a type=\"List\" /><b/></ServerResponse>";
        let expected = Tree::new().with_list("a", Tree::new()).with("b", "");
        assert_eq!(Tree::parse(document.as_bytes()), Ok(expected));
        assert_eq!(Tree::parse(b"<ServerResponse />"), Ok(Tree::new()));
    }

    #[test]
    fn values_are_found_by_name_and_type() {
        let tree = Tree::new().with("n", -1).with("e", "").with_list("l", Tree::new());
        assert_eq!((tree.get::<i32>("n"), tree.get_optional::<i32>("e")), (Ok(-1), Ok(None)));
        assert_eq!(tree.get::<u32>("n"), Err(Malformed::odd("n")));
        assert_eq!(tree.get::<u32>("l"), Err(Malformed::missing("l")));
        assert_eq!(Tree::numbered("region", []), Tree::null());
    }

    #[test]
    fn nothing_found_is_not_a_failure() {
        assert_eq!((Tree::null().found(), Tree::null().found_many()), (Ok(None), Ok(vec![])));
        let one = Tree::new().with_list("result", Tree::new());
        assert_eq!((one.found(), one.found_many()), (Ok(Some(&Tree::new())), Ok(vec![&Tree::new()])));
        let failure = Tree::new().with("Result", "Failure").with("Message", "no");
        assert_eq!(failure.found(), Err(Malformed::Failure("no".into())));
        assert_eq!(failure.found_many(), Err(Malformed::Failure("no".into())));
        assert_eq!(Tree::new().found(), Err(Malformed::missing("result")));
    }

    #[test]
    fn answers_are_bounded() {
        let deep = |levels| {
            let mut tree = Tree::new();
            for _ in 0..levels {
                tree = Tree::new().with_list("a", tree);
            }
            Tree::parse(tree.write().as_bytes())
        };
        assert!(deep(DEPTH_MAX).is_ok());
        assert_eq!(deep(DEPTH_MAX + 1), Err(Malformed::TooMuch("lists in each other")));
        let many = format!("<ServerResponse>{}</ServerResponse>", "<a/>".repeat(NODES_MAX + 1));
        assert_eq!(Tree::parse(many.as_bytes()), Err(Malformed::TooMuch("elements")));
        for broken in ["", "<Other/>", "<ServerResponse>", "<ServerResponse/><x/>", "Not Found"] {
            assert!(matches!(Tree::parse(broken.as_bytes()), Err(Malformed::Xml(_))), "{broken}");
        }
    }

    fn any_tree(
        u: &mut arbtest::arbitrary::Unstructured<'_>,
        depth: usize,
    ) -> arbtest::arbitrary::Result<Tree> {
        let mut tree = Tree::new();
        for _ in 0..u.int_in_range(0..=4)? {
            let name: String = u.arbitrary()?;
            if name.is_empty() {
                continue;
            }
            tree = if depth > 0 && u.arbitrary()? {
                tree.with_list(&name, any_tree(u, depth - 1)?)
            } else {
                let text: String = u.arbitrary()?;
                tree.with(&name, text.replace(|c: char| c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}'), ""))
            };
        }
        Ok(tree)
    }

    #[test]
    fn any_answer_is_read_as_it_was_written() {
        arbtest::arbtest(|u| {
            let tree = any_tree(u, 3)?;
            assert_eq!(Tree::parse(tree.write().as_bytes()), Ok(tree));
            Ok(())
        });
    }

    #[test]
    fn any_bytes_are_an_answer_or_none() {
        arbtest::arbtest(|u| {
            let mut document = b"<ServerResponse>".to_vec();
            for _ in 0..u.int_in_range(0..=20)? {
                let pieces: [&[u8]; 8] =
                    [b"<a>", b"</a>", b"<b type=\"List\">", b"</b>", b"x", b"&lt;", b"<_x0020_/>", b"<"];
                document.extend_from_slice(u.choose(&pieces)?);
            }
            document.extend_from_slice(b"</ServerResponse>");
            if let Ok(tree) = Tree::parse(&document) {
                assert_eq!(Tree::parse(tree.write().as_bytes()), Ok(tree));
            }
            let bytes: Vec<u8> = u.arbitrary()?;
            let _ = Tree::parse(&bytes);
            Ok(())
        });
    }
}
