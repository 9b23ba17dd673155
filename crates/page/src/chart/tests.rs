use super::*;
use model::{AgentId, RegionId, Uuid};
use observe::{Key, Note};
use std::sync::Arc;

const HARBOUR: RegionId = RegionId(Uuid::from_u128(1));
const LIGHTHOUSE: RegionId = RegionId(Uuid::from_u128(2));

/// A transfer of these notes: microseconds, who noted it (h or l), and "step from to message detail".
pub(crate) fn sequence(outcome: Option<&str>, notes: &[(u64, char, &str)]) -> Sequence {
    let notes: Vec<_> = (1..)
        .zip(notes)
        .map(|(n, &(after_us, by, text))| {
            let mut words = text.splitn(5, ' ').map(str::to_owned);
            let mut word = || words.next().unwrap_or_default();
            let (step, from, to, message, detail) = (word(), word(), word(), word(), word());
            let (region, region_id) =
                if by == 'h' { ("Harbour", HARBOUR) } else { ("Lighthouse", LIGHTHOUSE) };
            let at_us = 1_000_000 + after_us;
            Arc::new(Note { n, at_us, region: region.into(), region_id, step, from, to, message, detail })
        })
        .collect();
    Sequence {
        key: Key { region: HARBOUR, by_destination: false, number: 5 },
        agent: "Ada Lovelace".into(),
        agent_id: AgentId(Uuid::from_u128(7)),
        kind: "teleport".into(),
        version: "0.2".into(),
        source: "Harbour".into(),
        destination: "Lighthouse".into(),
        outcomes: outcome.map(str::to_owned).into_iter().collect(),
        begun_us: 1_000_000,
        took_us: notes.last().map_or(0, |note| note.at_us - 1_000_000),
        continued: false,
        notes,
    }
}

pub(crate) fn arrived() -> Sequence {
    sequence(
        Some("departed"),
        &[
            (0, 'h', "P1 viewer source TeleportLocationRequest"),
            (300, 'h', "P5 source destination QueryAccess"),
            (900, 'h', "P5 destination source answer yes, in SIMULATION/0.8"),
            (1000, 'h', "P8 source destination CreateAgent"),
            (1600, 'l', "P8 source destination CreateAgent Viewer 1"),
            (1800, 'h', "P8 destination source answer yes"),
            (1900, 'h', "T3 source destination UpdateAgent"),
            (6000, 'l', "T3A source destination UpdateAgent 0 attachments"),
            (6100, 'l', "T4 destination destination root"),
            (6600, 'h', "T3 destination source answer yes"),
            (15_000_000, 'h', "C1B source Plaza CloseAgent"),
            (15_000_100, 'h', "end source source verdict 15000 ms"),
        ],
    )
}

pub(crate) fn failed() -> Sequence {
    sequence(
        Some("timed_out"),
        &[
            (0, 'h', "P1 viewer source TeleportLocationRequest"),
            (300, 'h', "P5 source destination QueryAccess"),
            (900, 'h', "P5 destination source answer yes, in SIMULATION/0.8"),
            (1000, 'h', "P8 source destination CreateAgent"),
            (10_001_000, 'h', "P8 destination source answer TimedOut"),
            (10_001_100, 'h', "ask source viewer TeleportFailed The destination does not answer; <b>"),
            (10_001_200, 'h', "end source source verdict 10001 ms, at P8 (CreateAgent): TimedOut"),
        ],
    )
}

#[test]
fn what_was_sent_ends_where_it_was_received() {
    let sequence = arrived();
    let legs = Legs::of(&sequence.notes);
    assert_eq!(legs.arrivals, [(3, 4), (6, 7)].into());
    assert_eq!(legs.failed, None);
    let waits: Vec<_> = legs.waits.iter().map(|wait| (wait.from, wait.to, wait.failed)).collect();
    assert_eq!(waits, [(1, 2, false), (3, 5, false), (6, 9, false)]);
    assert!(legs.refusals.is_empty());
}

#[test]
fn the_leg_that_failed_is_found() {
    let sequence = failed();
    let legs = Legs::of(&sequence.notes);
    assert_eq!(legs.failed, Some(3));
    assert_eq!(legs.silences, [4].into());
    assert_eq!(legs.waits.last(), Some(&legs::Waiting { lane: 1, from: 3, to: 4, failed: true }));
    let html = Chart::new(&sequence).render().unwrap();
    assert!(html.contains("class=\"cross\"") && !html.contains("<b>"), "{html}");
    let refused = super::tests::sequence(
        Some("refused"),
        &[
            (0, 'h', "P5 source destination QueryAccess"),
            (900, 'h', "P5 destination source answer Refused(Refusal { reason: \"full\" })"),
            (950, 'h', "end source source verdict 1 ms, at P5 (AskAccess): Refused"),
        ],
    );
    assert_eq!(Legs::of(&refused.notes).failed, Some(1), "the answer that says no");
    // Whoever is never answered waits until the end.
    let silent = super::tests::sequence(
        Some("never_arrived"),
        &[
            (0, 'h', "T3 source destination UpdateAgent"),
            (10_000_000, 'h', "end source source verdict 10000 ms, at T3 (SendAgent): NeverArrived"),
        ],
    );
    let legs = Legs::of(&silent.notes);
    assert_eq!((legs.failed, legs.waits.len(), legs.waits[0].to), (Some(0), 1, 1));
}

#[test]
fn the_step_is_read_as_a_region_writes_it() {
    let step = |detail: &str| {
        let last = failed().notes.pop().unwrap();
        let note = Note { detail: detail.to_owned(), ..(*last).clone() };
        legs::failed_step(&note).map(str::to_owned)
    };
    assert_eq!(step("10002 ms, at P8 (CreateAgent): TimedOut").as_deref(), Some("P8"));
    assert_eq!(step("12 ms"), None);
}

#[test]
fn distances_are_to_scale_within_bounds() {
    let sequence = arrived();
    let (places, waits) = places(&sequence.notes);
    for pair in places.windows(2) {
        assert!((LEAST - 0.01..=MOST + 0.01).contains(&(pair[1] - pair[0])));
    }
    assert_eq!(waits.last(), Some(&(9, 14_993_400)));
    assert!((places[10] - places[9] - MOST).abs() < 0.01, "it is cut");
    // 4.1 ms is more than 0.6 ms.
    assert!(places[7] - places[6] > places[2] - places[1]);
    for few in [0, 1, 2] {
        let (places, _) = super::places(&sequence.notes[..few]);
        assert_eq!(places.len(), few);
    }
}

#[test]
fn how_a_transfer_stands() {
    for (outcomes, expected) in [
        (&[][..], "open"),
        (&["departed"], "arrived"),
        (&["timed_out"], "failed"),
        (&["departed", "never_arrived"], "failed"),
        (&["cancelled"], "ended"),
    ] {
        let outcomes = outcomes.iter().map(|&outcome| outcome.to_owned()).collect();
        assert_eq!(standing(&Sequence { outcomes, ..arrived() }), expected);
    }
}

#[test]
fn any_transfer_can_be_drawn() {
    for notes in [
        &[][..],
        &[(0, 'h', "")],
        &[
            (5, 'h', "P1 viewer source X"),
            (5, 'l', "P1 viewer source X"),
            (5, 'h', "end source source verdict"),
        ],
        &[(0, 'h', "P1 Plaza Annex answer answer"), (0, 'h', "P1 Annex Plaza answer no")],
    ] {
        let html = Chart::new(&sequence(None, notes)).render().unwrap();
        assert!(!html.contains("NaN") && !html.contains("inf"), "{html}");
    }
}

#[test]
fn the_strip_shows_the_transfer_and_not_its_clearing_up() {
    let mut late = arrived();
    late.notes.swap_remove(11);
    late.notes.insert(10, failed().notes[6].clone());
    late.notes[10] = Arc::new(Note { at_us: 1_007_000, ..(*late.notes[10]).clone() });
    let strip = strip(&late, &places(&late.notes).1);
    assert_eq!((span_us(&late), strip.later.as_str()), (8750, "until 15.0 s →"));
    assert_eq!(strip.ticks.len(), 11, "all but the last");
    let words: Vec<_> = strip.scale.iter().map(|(_, words)| words.as_str()).collect();
    assert_eq!(words, ["0", "2 ms", "4 ms", "6 ms", "8 ms"]);
    // Where the end comes last, there is nothing later.
    assert_eq!(span_us(&failed()), failed().took_us);
    assert_eq!(super::strip(&failed(), &[]).later, "");
}

#[test]
fn scales_are_round_and_in_one_unit() {
    for span in [1, 2, 9, 10, 33_000, 999_999, 15_027_700, u64::MAX / 4] {
        let step = round_step_us(span);
        let times = span / step;
        assert!((1..=7).contains(&times), "{span}: {times} of {step}");
        let first = step.to_string();
        assert!(["1", "2", "5"].contains(&first.trim_end_matches('0')), "{step}");
    }
    assert_eq!([in_unit_of(0, 9), in_unit_of(500, 3000)], ["0", "0.5 ms"]);
    assert_eq!(in_unit_of(2_500_000, 9_000_000), "2.5 s");
    assert_eq!([moment(24_240), moment(15_027_700)], ["+24.2", "+15.03 s"]);
}
