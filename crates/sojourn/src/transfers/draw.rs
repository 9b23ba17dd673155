//! A transfer as lines of text: who said what to whom, and when.

use observe::{Note, Sequence, plain, time_of_day};

/// Those who take part, in the order of their lanes; whoever else is a neighbour.
const LANES: [(&str, &str); 5] = [
    ("viewer", "viewer"),
    ("source", "source"),
    ("destination", "dest"),
    ("grid", "grid"),
    ("", "neighbours"),
];
/// Characters from one lane to the next.
const PITCH: usize = 9;
/// Characters before the first lane's line.
const MARGIN: usize = 3;
/// Characters of all lanes.
const WIDTH: usize = MARGIN + (LANES.len() - 1) * PITCH + 1;

/// The lines.
pub(super) fn draw(sequence: &Sequence) -> String {
    let mut text = head(sequence);
    for note in &sequence.notes {
        text.push_str(&line(note, sequence.begun_us));
    }
    text.push('\n');
    text
}

fn head(sequence: &Sequence) -> String {
    let Sequence { agent, kind, version, source, destination, outcomes, begun_us, took_us, .. } = sequence;
    let outcome = if outcomes.is_empty() { "open".to_owned() } else { outcomes.join(", ") };
    let [agent, source, destination, outcome] =
        [agent, source, destination, &outcome].map(|text| plain(text));
    let time = time_of_day(*begun_us);
    let continued = if sequence.continued { "   (continued)" } else { "" };
    let took = *took_us as f64 / 1000.0;
    let title = format!(
        "{time}  {kind} {version}  {agent}  {source} -> {destination}  {outcome}  {took:.1} ms{continued}\n"
    );
    let mut lanes = vec![b' '; WIDTH + PITCH];
    for (index, (_, label)) in LANES.iter().enumerate() {
        let start = (MARGIN + index * PITCH).saturating_sub(label.len() / 2);
        lanes[start..start + label.len()].copy_from_slice(label.as_bytes());
    }
    let lanes = String::from_utf8_lossy(&lanes);
    format!("{title}{:>20}{}\n", "", lanes.trim_end())
}

fn line(note: &Note, begun_us: u64) -> String {
    let ms = note.at_us.saturating_sub(begun_us) as f64 / 1000.0;
    let (from, to) = (lane(&note.from), lane(&note.to));
    let neighbours = [(from, &note.from, "from"), (to, &note.to, "to")];
    let neighbour = neighbours.iter().find(|(lane, ..)| *lane == LANES.len() - 1);
    let neighbour = neighbour.map(|(_, name, way)| format!("  {way} {}", plain(name))).unwrap_or_default();
    let detail = if note.detail.is_empty() { String::new() } else { format!("  {}", plain(&note.detail)) };
    let (step, message) = (plain(&note.step), plain(&note.message));
    let lanes = lanes(from, to);
    format!("{:>10} ms  {step:<5} {lanes}  {message}{neighbour}{detail}\n", format!("+{ms:.1}"))
}

fn lane(party: &str) -> usize {
    LANES.iter().position(|(name, _)| *name == party).unwrap_or(LANES.len() - 1)
}

/// The lanes with an arrow between two of them, or a dot on one.
fn lanes(from: usize, to: usize) -> String {
    let at = |lane: usize| MARGIN + lane * PITCH;
    let mut line = vec![b' '; WIDTH];
    for lane in 0..LANES.len() {
        line[at(lane)] = b'|';
    }
    let (low, high) = (at(from.min(to)), at(from.max(to)));
    for place in &mut line[low..high] {
        *place = b'-';
    }
    line[at(from)] = b'o';
    if from < to {
        line[at(to) - 1] = b'>';
    } else if to < from {
        line[at(to) + 1] = b'<';
        line[at(to)] = b'|';
    }
    line.into_iter().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{AgentId, RegionId, Uuid};
    use observe::Key;
    use std::sync::Arc;

    /// A note: microseconds, and "step from to message detail".
    fn note(at_us: u64, text: &str) -> Arc<Note> {
        let mut words = text.splitn(5, ' ').map(str::to_owned);
        let mut word = || words.next().unwrap_or_default();
        let (step, from, to, message, detail) = (word(), word(), word(), word(), word());
        let region_id = RegionId(Uuid::from_u128(1));
        Arc::new(Note { n: 1, at_us, region: "Harbour".into(), region_id, step, from, to, message, detail })
    }

    #[test]
    fn a_transfer_is_drawn_as_a_sequence() {
        let begun = 45_296_789_000;
        let sequence = Sequence {
            key: Key { region: RegionId(Uuid::from_u128(1)), by_destination: false, number: 5 },
            agent: "Ada Lovelace".into(),
            agent_id: AgentId(Uuid::from_u128(7)),
            kind: "teleport".into(),
            version: "0.2".into(),
            source: "Harbour".into(),
            destination: "Lighthouse".into(),
            outcomes: vec!["departed".into(), "arrived".into()],
            begun_us: begun,
            took_us: 15_000_000,
            continued: false,
            notes: vec![
                note(begun, "P1 viewer source TeleportLocationRequest"),
                note(begun + 300, "P3 source grid RegionAt"),
                note(begun + 700, "P4 grid source Region Lighthouse at 127.0.0.1"),
                note(begun + 900, "P5 source destination QueryAccess"),
                note(begun + 4000, "T4 destination destination Root"),
                note(begun + 4100, "T4A destination viewer AgentMovementComplete \x1b[2J"),
                note(begun + 15_000_000, "C1B source Plaza CloseAgent"),
            ],
        };
        let drawn = draw(&sequence);
        let expected = "\
12:34:56.789Z  teleport 0.2  Ada Lovelace  Harbour -> Lighthouse  departed, arrived  15000.0 ms
                    viewer   source    dest     grid  neighbours
      +0.0 ms  P1       o------->|        |        |        |  TeleportLocationRequest
      +0.3 ms  P3       |        o---------------->|        |  RegionAt
      +0.7 ms  P4       |        |<----------------o        |  Region  Lighthouse at 127.0.0.1
      +0.9 ms  P5       |        o------->|        |        |  QueryAccess
      +4.0 ms  T4       |        |        o        |        |  Root
      +4.1 ms  T4A      |<----------------o        |        |  AgentMovementComplete  �[2J
  +15000.0 ms  C1B      |        o------------------------->|  CloseAgent  to Plaza

";
        assert_eq!(drawn, expected, "\n{drawn}");
    }
}
