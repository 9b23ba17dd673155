//! A page of metrics as numbers.

/// Lines that are read; more than any of our processes writes.
const LINES: usize = 50_000;

/// One line: a name, its labels, a number.
#[derive(Clone, PartialEq, Debug)]
pub struct Sample {
    /// The name, with its ending: `sojourn_transfers_total`.
    pub name: String,
    /// The labels, as (name, value).
    pub labels: Vec<(String, String)>,
    /// The number.
    pub value: f64,
}

/// All of them, in their order.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Samples(pub Vec<Sample>);

impl Samples {
    /// Reads the text form that scrapers are given. What makes no sense is passed over.
    pub fn read(text: &str) -> Self {
        Self(text.lines().take(LINES).filter_map(line).collect())
    }

    /// The sum over all labels; `None` where there is no such name.
    pub fn sum(&self, name: &str) -> Option<f64> {
        self.sum_where(name, |_| true)
    }

    /// The sum of those samples whose labels please; `None` where there is none.
    pub fn sum_where(&self, name: &str, pleases: impl Fn(&Sample) -> bool) -> Option<f64> {
        let found = self.0.iter().filter(|sample| sample.name == name && pleases(sample));
        found.map(|sample| sample.value).reduce(|a, b| a + b)
    }
}

impl Sample {
    /// The value of a label.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(label, _)| label == name).map(|(_, value)| value.as_str())
    }
}

fn line(line: &str) -> Option<Sample> {
    if line.starts_with('#') {
        return None;
    }
    let name_end = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(name_end);
    let mut read = Vec::new();
    if let Some(inside) = rest.strip_prefix('{') {
        (read, rest) = labels(inside)?;
    }
    let value = rest.split_whitespace().next()?.parse().ok()?;
    Some(Sample { name: name.to_owned(), labels: read, value })
}

/// The labels up to their closing bracket, and what comes after it.
fn labels(mut rest: &str) -> Option<(Vec<(String, String)>, &str)> {
    let mut read = Vec::new();
    loop {
        rest = rest.trim_start_matches(',');
        if let Some(rest) = rest.strip_prefix('}') {
            return Some((read, rest));
        }
        let (name, after) = rest.split_once("=\"")?;
        let (value, after) = quoted(after)?;
        read.push((name.to_owned(), value));
        rest = after;
    }
}

/// A value up to its closing quote, and what comes after it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# HELP sojourn_root_agents Agents that stand in the region.
# TYPE sojourn_root_agents gauge
sojourn_root_agents{region=\"One\"} 3
sojourn_root_agents{region=\"Two, \\\"quoted\\\" }\",more=\"x\\\\\"} 4 1700000000
sojourn_http_connections 2.5
garbage
sojourn_root_agents{region=\"no end 1
sojourn_root_agents{region=\"no number\"} many
# EOF
";

    #[test]
    fn lines_are_names_labels_and_numbers() {
        let samples = Samples::read(TEXT);
        assert_eq!(samples.0.len(), 3);
        assert_eq!(samples.0[1].label("region"), Some("Two, \"quoted\" }"));
        assert_eq!(samples.0[1].label("more"), Some("x\\"));
        assert_eq!(samples.sum("sojourn_root_agents"), Some(7.0));
        assert_eq!(samples.sum("sojourn_http_connections"), Some(2.5));
        assert_eq!(samples.sum("sojourn_logins_total"), None);
        let one = samples.sum_where("sojourn_root_agents", |sample| sample.label("region") == Some("One"));
        assert_eq!(one, Some(3.0));
    }
}
