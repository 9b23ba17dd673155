use crate::GridStatistics;
use llsd::Value;
use llsd::markup::escape;

/// What a grid says about itself to viewers' grid managers (login fact sheet, section 6).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GridInfo {
    entries: Vec<(String, String)>,
}

impl GridInfo {
    /// The least that grid managers ask for. `login` ends with a slash by custom; `nick` is the key under which viewers
    /// keep the grid.
    pub fn new(login: &str, name: &str, nick: &str) -> Self {
        // Viewers switch what they have for grids like this one by this word.
        let info = Self { entries: Vec::new() }.with("platform", "OpenSim");
        info.with("login", login).with("gridname", name).with("gridnick", nick)
    }

    /// Adds an entry (`welcome`, `register`, `about`, `help`, `economy` ...), or replaces it. A key that could not be an
    /// XML element is left out.
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Self {
        let fits = |char: char| char.is_ascii_alphanumeric() || char == '_';
        if key.starts_with(|char: char| char.is_ascii_alphabetic()) && key.chars().all(fits) {
            self.entries.retain(|(known, _)| known != key);
            self.entries.push((key.to_owned(), value.to_owned()));
        }
        self
    }

    pub(super) fn to_xml(&self) -> String {
        element("gridinfo", self.entries.iter().map(|(key, value)| (key.as_str(), value.as_str())))
    }

    pub(super) fn to_json(&self) -> String {
        let entries = self.entries.iter().map(|(key, value)| (key.clone(), value.as_str().into()));
        serde_json::Value::Object(entries.collect()).to_string()
    }

    pub(super) fn to_value(&self) -> Value {
        Value::Map(self.entries.iter().map(|(key, value)| (key.clone(), value.into())).collect())
    }
}

pub(super) fn statistics_xml(counted: &GridStatistics) -> String {
    let entries = [
        ("residents", counted.residents.to_string()),
        ("active_users", counted.active_users.to_string()),
        ("online_users", counted.online_users.to_string()),
        ("region_count", counted.regions.to_string()),
    ];
    element("gridstats", entries.iter().map(|(key, value)| (*key, value.as_str())))
}

fn element<'a>(name: &str, entries: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut xml = format!("<{name}>");
    for (key, value) in entries {
        xml.extend(["<", key, ">"]);
        escape(value, &mut xml);
        xml.extend(["</", key, ">"]);
    }
    xml.extend(["</", name, ">"]);
    xml
}
