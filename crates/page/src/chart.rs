//! A transfer as a sequence chart: lanes for who takes part, an arrow for each thing said, time from top to bottom.
//!
//! Most of a transfer is over in milliseconds, and then somebody waits for seconds; so distances are to scale, but no
//! smaller than a line of text and no larger than a hand: waits are shaded and say how long they are, long ones are cut.
//! The strip on top has it to scale, without a long clearing up. What both ends have noted, the sender when it sent and
//! the receiver when it received, is one arrow, as slanted as it was slow. While a side waits for an answer its lane is
//! thick.

mod legs;

use crate::words::{cut, ms};
use askama::Template;
use legs::Legs;
use observe::{Note, Sequence};
use std::sync::Arc;

/// The lanes, in their order; whoever else is a neighbour.
const LANES: [&str; 5] = ["viewer", "source", "destination", "grid", "neighbours"];
/// Pixels: where the first lane is, from one to the next, where words begin, the whole width.
const FIRST: f64 = 176.0;
const PITCH: f64 = 104.0;
const WORDS: f64 = FIRST + PITCH * 4.0 + 56.0;
const WIDTH: f64 = 1120.0;
/// Where the first line is, and what is left below the last.
const TOP: f64 = 116.0;
const BOTTOM: f64 = 28.0;
/// Pixels between two lines: at least, at most, and on the average.
const LEAST: f64 = 23.0;
const MOST: f64 = 84.0;
const AVERAGE: f64 = 33.0;
/// What is at least so far apart is a wait.
const WAIT: f64 = 44.0;
/// The strip: from where to where, and how high it stands.
const STRIP: (f64, f64, f64) = (FIRST - 40.0, WIDTH - 44.0, 26.0);
/// Characters of a line's words.
const LETTERS: usize = 66;

/// Whether that is how a transfer failed: not what its user wished, and not what everybody wished.
pub(crate) fn is_failure(outcome: &str) -> bool {
    !matches!(outcome, "departed" | "arrived" | "cancelled" | "viewer_gone" | "dropped")
}

/// How a transfer stands, in one of four words that the style sheet knows.
pub(crate) fn standing(sequence: &Sequence) -> &'static str {
    let outcomes = &sequence.outcomes;
    if outcomes.iter().any(|outcome| is_failure(outcome)) {
        "failed"
    } else if outcomes.iter().any(|outcome| outcome == "departed" || outcome == "arrived") {
        "arrived"
    } else if outcomes.is_empty() {
        "open"
    } else {
        "ended"
    }
}

/// The chart.
#[derive(Template, Debug)]
#[template(path = "chart.html")]
pub(crate) struct Chart {
    height: f64,
    words: f64,
    lanes: Vec<Lane>,
    waits: Vec<Wait>,
    bars: Vec<Bar>,
    lines: Vec<Line>,
    strip: Strip,
    title: String,
}

#[derive(Debug)]
struct Lane {
    x: f64,
    name: &'static str,
    /// The region's name.
    who: String,
}

/// A stretch of time in which nothing is said.
#[derive(Debug)]
struct Wait {
    cut: bool,
    y: f64,
    height: f64,
    words: String,
}

/// Somebody waits for an answer.
#[derive(Debug)]
struct Bar {
    x: f64,
    y: f64,
    height: f64,
    failed: bool,
}

/// One note.
#[derive(Debug)]
struct Line {
    y: f64,
    at: String,
    step: String,
    phase: &'static str,
    mark: Mark,
    failed: bool,
    /// What the arrow of another line ends in.
    receipt: bool,
    message: String,
    detail: String,
    whole: String,
}

/// What is drawn of it on the lanes.
#[derive(Debug)]
enum Mark {
    Arrow {
        from: f64,
        to: f64,
        end_y: f64,
        head: String,
    },
    /// It came to nothing.
    Lost {
        from: f64,
        to: f64,
    },
    Dot {
        x: f64,
    },
    Nothing,
}

/// The transfer to scale.
#[derive(Debug)]
struct Strip {
    from: f64,
    width: f64,
    y: f64,
    ticks: Vec<(f64, &'static str)>,
    waits: Vec<(f64, f64)>,
    scale: Vec<(f64, String)>,
    /// How long it goes on beyond the strip; empty if it does not.
    later: String,
}

impl Chart {
    pub(crate) fn new(sequence: &Sequence) -> Self {
        let notes = &sequence.notes;
        let legs = Legs::of(notes);
        let (places, waits) = places(notes);
        let lines: Vec<_> = notes
            .iter()
            .enumerate()
            .map(|(index, note)| line(note, index, &places, &legs, sequence.begun_us))
            .collect();
        let bars = legs.waits.iter().map(|wait| Bar {
            x: x(wait.lane) - 4.0,
            y: places[wait.from],
            height: (places[wait.to] - places[wait.from]).max(2.0),
            failed: wait.failed,
        });
        let drawn = waits.iter().map(|&(index, us)| Wait {
            cut: places[index + 1] - places[index] >= MOST,
            y: places[index] + 9.0,
            height: places[index + 1] - places[index] - 20.0,
            words: ms(us),
        });
        Self {
            height: places.last().copied().unwrap_or(TOP) + BOTTOM,
            words: WORDS,
            lanes: lanes(sequence),
            waits: drawn.collect(),
            bars: bars.collect(),
            lines,
            strip: strip(sequence, &waits),
            title: format!(
                "{} of {} from {} to {}",
                sequence.kind, sequence.agent, sequence.source, sequence.destination
            ),
        }
    }
}

fn x(lane: usize) -> f64 {
    FIRST + PITCH * lane as f64
}

fn lane(party: &str) -> usize {
    LANES.iter().position(|name| *name == party).unwrap_or(LANES.len() - 1)
}

fn lanes(sequence: &Sequence) -> Vec<Lane> {
    let who = |index| match index {
        1 => cut(&sequence.source, 15),
        2 => cut(&sequence.destination, 15),
        _ => String::new(),
    };
    LANES.iter().enumerate().map(|(index, name)| Lane { x: x(index), name, who: who(index) }).collect()
}

/// What a step belongs to, as the published page divides them.
fn phase(step: &str) -> &'static str {
    match step.chars().next() {
        Some('P') => "prepare",
        Some('T') => "transfer",
        Some('C') => "clear",
        _ => "other",
    }
}

/// Where each note stands, and the waits: after which note, and how long.
fn places(notes: &[Arc<Note>]) -> (Vec<f64>, Vec<(usize, u64)>) {
    let gaps: Vec<u64> = notes.windows(2).map(|pair| pair[1].at_us.saturating_sub(pair[0].at_us)).collect();
    let scale = scale(&gaps);
    let mut y = TOP;
    let mut places = Vec::with_capacity(notes.len());
    let mut waits = Vec::new();
    if !notes.is_empty() {
        places.push(y);
    }
    for (index, &gap) in gaps.iter().enumerate() {
        let apart = (gap as f64 * scale).clamp(LEAST, MOST);
        if apart >= WAIT {
            waits.push((index, gap));
        }
        y += apart;
        places.push(y);
    }
    (places, waits)
}

/// Pixels for a microsecond, so that lines are as far apart on the average as they should be.
fn scale(gaps: &[u64]) -> f64 {
    let height = |scale: f64| gaps.iter().map(|&gap| (gap as f64 * scale).clamp(LEAST, MOST)).sum::<f64>();
    let wanted = AVERAGE * gaps.len() as f64;
    let (mut low, mut high) = (1e-9_f64, 1e3_f64);
    for _ in 0..60 {
        let middle = (low * high).sqrt();
        if height(middle) < wanted { low = middle } else { high = middle }
    }
    low
}

fn line(note: &Note, index: usize, places: &[f64], legs: &Legs, begun_us: u64) -> Line {
    let y = places[index];
    let (from, to) = (x(lane(&note.from)), x(lane(&note.to)));
    let silence = legs.silences.contains(&index);
    let failed = legs.failed == Some(index) || legs.refusals.contains(&index) || silence;
    let receipt = legs.receipts.contains(&index);
    let mark = match legs.arrivals.get(&index) {
        _ if receipt => Mark::Nothing,
        _ if from == to => Mark::Dot { x: from },
        // It is the one who asked that noted it.
        _ if silence => Mark::Dot { x: to },
        _ if legs.failed == Some(index) && legs.unanswered.contains(&index) => Mark::Lost { from, to },
        arrival => {
            let end_y = arrival.map_or(y, |&at| places[at]);
            Mark::Arrow { from, to, end_y, head: head(from, to, y, end_y) }
        }
    };
    let neighbour = [&note.from, &note.to].into_iter().find(|party| lane(party) == LANES.len() - 1);
    let mut words = note.detail.clone();
    if let Some(name) = neighbour {
        words = if words.is_empty() { name.clone() } else { format!("{name}: {words}") };
    }
    let message = if note.step == "end" { "end".to_owned() } else { note.message.clone() };
    let room = LETTERS.saturating_sub(message.chars().count() + 2);
    Line {
        y,
        at: moment(note.at_us.saturating_sub(begun_us)),
        step: if note.step == "end" { String::new() } else { note.step.clone() },
        phase: phase(&note.step),
        mark,
        failed,
        receipt,
        detail: cut(&words, room),
        whole: format!(
            "{} noted by {}: {} → {} {} {}",
            note.step, note.region, note.from, note.to, message, words
        ),
        message,
    }
}

/// The head of an arrow, as the points of a triangle.
fn head(from: f64, to: f64, y: f64, end_y: f64) -> String {
    let (dx, dy) = (to - from, end_y - y);
    let length = dx.hypot(dy).max(1.0);
    let (ux, uy) = (dx / length, dy / length);
    let point = |back: f64, aside: f64| {
        format!("{:.1},{:.1}", to - ux * back - uy * aside, end_y - uy * back + ux * aside)
    };
    format!("{} {} {}", point(1.0, 0.0), point(9.0, 4.0), point(9.0, -4.0))
}

fn strip(sequence: &Sequence, waits: &[(usize, u64)]) -> Strip {
    let (from, to, y) = STRIP;
    let width = to - from;
    let span_us = span_us(sequence);
    let after = |us: u64| us.saturating_sub(sequence.begun_us);
    let at = |after_us: u64| from + width * (after_us as f64 / span_us as f64).min(1.0);
    let shown = sequence.notes.iter().filter(|note| after(note.at_us) <= span_us);
    let ticks = shown.map(|note| (at(after(note.at_us)), phase(&note.step)));
    let waits = waits.iter().filter_map(|&(index, _)| {
        let pair = sequence.notes.get(index..index + 2)?;
        let (from, to) = (at(after(pair[0].at_us)), at(after(pair[1].at_us)));
        (to > from).then_some((from, to - from))
    });
    let step_us = round_step_us(span_us);
    let scale = (0..=span_us / step_us).map(|nth| (at(nth * step_us), in_unit_of(nth * step_us, span_us)));
    let beyond = sequence.took_us > span_us;
    Strip {
        from,
        width,
        y,
        ticks: ticks.collect(),
        waits: waits.collect(),
        scale: scale.collect(),
        later: if beyond { format!("until {} →", ms(sequence.took_us)) } else { String::new() },
    }
}

/// What the strip shows: all of it, or where most of that is the clearing up, what was before.
fn span_us(sequence: &Sequence) -> u64 {
    let after = |note: &Arc<Note>| note.at_us.saturating_sub(sequence.begun_us);
    let ended = sequence.notes.iter().filter(|note| note.step == "end").map(after).max();
    let span = ended.map(|ended| ended + ended / 4).filter(|span| *span * 3 < sequence.took_us);
    span.unwrap_or(sequence.took_us).max(1)
}

/// A round number of microseconds, of which there are three to seven in a span.
fn round_step_us(span_us: u64) -> u64 {
    let least = span_us.div_ceil(7);
    let power = 10_u64.saturating_pow(least.ilog10());
    let step = [1, 2, 5].into_iter().map(|by| power.saturating_mul(by)).find(|step| *step >= least);
    step.unwrap_or(power.saturating_mul(10))
}

/// A time on a scale; all on one scale have one unit.
fn in_unit_of(us: u64, span_us: u64) -> String {
    let (unit_us, unit) = if span_us < 2_000_000 { (1000.0, "ms") } else { (1_000_000.0, "s") };
    if us == 0 { "0".to_owned() } else { format!("{} {unit}", us as f64 / unit_us) }
}

/// How long after the begin.
fn moment(us: u64) -> String {
    match us {
        0..10_000_000 => format!("+{:.1}", us as f64 / 1e3),
        _ => format!("+{:.2} s", us as f64 / 1e6),
    }
}

#[cfg(test)]
pub(crate) mod tests;
