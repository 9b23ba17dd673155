use llsd::Value;

use super::*;

type Effects = Vec<EventQueueEffect<u32>>;

fn at(ms: u64) -> Moment {
    Moment::from_millis(ms)
}

fn queue() -> EventQueue<u32> {
    EventQueue::new(EventQueueConfig::default(), at(0))
}

fn event(name: &'static str) -> Event {
    Event::new(name, llsd::map! {})
}

fn poll(queue: &mut EventQueue<u32>, ms: u64, waiter: u32, ack: Option<i32>) -> Effects {
    let mut effects = Effects::new();
    queue.handle_poll(at(ms), Poll { ack, done: false, waiter }, &mut effects);
    effects
}

fn flush(queue: &mut EventQueue<u32>, ms: u64) -> Effects {
    let mut effects = Effects::new();
    queue.flush(at(ms), &mut effects);
    effects
}

/// An answer in short: waiter, id, names of the events.
fn read(effects: &[EventQueueEffect<u32>]) -> Vec<(u32, i32, Vec<String>)> {
    let answer = |effect: &EventQueueEffect<u32>| {
        let EventQueueEffect::Answer { waiter, id, events, body, .. } = effect else {
            return (0, 404, Vec::new());
        };
        let document = llsd::xml::parse(body).unwrap();
        assert_eq!(document["id"], Value::Integer(*id));
        let Value::Array(listed) = &document["events"] else { panic!("no events in {body}") };
        assert_eq!(listed.len(), *events);
        let names = listed.iter().map(|event| event["message"].text().unwrap().to_owned());
        (*waiter, *id, names.collect())
    };
    effects.iter().map(answer).collect()
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

#[test]
fn an_event_enters_a_waiting_poll_at_once() {
    let mut queue = queue();
    assert_eq!(poll(&mut queue, 0, 1, None), []);
    assert_eq!(queue.next_wakeup(), Some(at(20_000)));
    queue.push(at(500), event("EnableSimulator"));
    queue.push(at(500), event("EstablishAgentCommunication"));
    assert_eq!(queue.next_wakeup(), Some(at(500)));
    let both = names(&["EnableSimulator", "EstablishAgentCommunication"]);
    assert_eq!(read(&flush(&mut queue, 500)), [(1, 1, both)]);
    assert_eq!(queue.next_wakeup(), None);
}

#[test]
fn events_wait_for_the_first_poll() {
    let mut queue = queue();
    queue.push(at(0), event("A"));
    assert_eq!(queue.next_wakeup(), None);
    assert_eq!(flush(&mut queue, 50_000), []);
    assert_eq!(read(&poll(&mut queue, 200_000, 1, None)), [(1, 1, names(&["A"]))]);
}

#[test]
fn nothing_to_say_is_said_after_the_term_with_an_id_that_counts() {
    let mut queue = queue();
    poll(&mut queue, 0, 1, None);
    assert_eq!(flush(&mut queue, 19_999), []);
    assert_eq!(read(&flush(&mut queue, 20_000)), [(1, 1, vec![])]);
    // The viewer acknowledges that; the first batch has another id.
    poll(&mut queue, 20_000, 2, Some(1));
    queue.push(at(20_001), event("A"));
    assert_eq!(read(&flush(&mut queue, 20_001)), [(2, 2, names(&["A"]))]);
    poll(&mut queue, 20_002, 3, Some(2));
    assert_eq!(read(&flush(&mut queue, 40_002)), [(3, 2, vec![])]);
    assert_eq!(queue.statistics().acknowledged, 1);
}

#[test]
fn a_lost_answer_is_repeated_until_it_is_acknowledged() {
    let mut queue = queue();
    poll(&mut queue, 0, 1, None);
    queue.push(at(1), event("TeleportFinish"));
    let first = flush(&mut queue, 1);
    queue.push(at(2), event("Later"));
    // The viewer tries again, three times, in all the ways it may.
    for (ms, waiter, ack) in [(3, 2, None), (25_000, 3, Some(0)), (50_000, 4, Some(77))] {
        let again = poll(&mut queue, ms, waiter, ack);
        let [EventQueueEffect::Answer { id, body, .. }] = &again[..] else { panic!("{again:?}") };
        let EventQueueEffect::Answer { id: first_id, body: first_body, .. } = &first[0] else { panic!() };
        assert_eq!((id, body), (first_id, first_body));
    }
    assert_eq!(read(&poll(&mut queue, 50_001, 5, Some(1))), [(5, 2, names(&["Later"]))]);
    assert_eq!(poll(&mut queue, 50_002, 6, Some(2)), []);
    let statistics = queue.statistics();
    assert_eq!((statistics.acknowledged, statistics.repeated, statistics.events), (2, 3, 0));
}

#[test]
fn what_is_too_old_is_not_repeated() {
    let mut queue = queue();
    queue.push(at(0), event("TeleportFinish"));
    // Waiting for the first poll makes nothing old.
    assert_eq!(read(&poll(&mut queue, 100_000, 1, None)), [(1, 1, names(&["TeleportFinish"]))]);
    assert_eq!(read(&poll(&mut queue, 160_000, 2, None)), [(2, 1, names(&["TeleportFinish"]))]);
    queue.push(at(160_000), event("B"));
    assert_eq!(read(&poll(&mut queue, 160_001, 3, None)), [(3, 2, names(&["B"]))]);
    assert_eq!(queue.statistics().expired, 1);
}

#[test]
fn a_newer_poll_replaces_the_waiting_one() {
    let mut queue = queue();
    poll(&mut queue, 0, 1, None);
    assert_eq!(read(&poll(&mut queue, 10, 2, None)), [(1, 1, vec![])]);
    queue.push(at(20), event("A"));
    assert_eq!(read(&flush(&mut queue, 20)), [(2, 2, names(&["A"]))]);
}

#[test]
fn a_broken_connection_loses_nothing() {
    let mut queue = queue();
    // While it waits: it is not answered.
    poll(&mut queue, 0, 1, None);
    queue.handle_waiter_gone(&1);
    assert_eq!(queue.next_wakeup(), None);
    queue.push(at(1), event("A"));
    assert_eq!(flush(&mut queue, 1), []);
    // Somebody else's breaking is nothing.
    assert_eq!(read(&poll(&mut queue, 2, 2, None)), [(2, 1, names(&["A"]))]);
    // After it was answered: the answer goes out again.
    queue.handle_waiter_gone(&2);
    assert_eq!(read(&poll(&mut queue, 3, 3, None)), [(3, 1, names(&["A"]))]);
    poll(&mut queue, 4, 4, Some(1));
    queue.handle_waiter_gone(&3);
    queue.push(at(5), event("B"));
    assert_eq!(read(&flush(&mut queue, 5)), [(4, 2, names(&["B"]))]);
}

#[test]
fn done_ends_the_queue() {
    let mut queue = queue();
    poll(&mut queue, 0, 1, None);
    let mut effects = Effects::new();
    queue.handle_poll(at(1), Poll { ack: None, done: true, waiter: 2 }, &mut effects);
    assert_eq!(read(&effects), [(1, 1, vec![]), (2, 1, vec![])]);
    assert!(queue.is_closed());
    queue.push(at(2), event("A"));
    assert_eq!(poll(&mut queue, 3, 3, Some(1)), [EventQueueEffect::Gone { waiter: 3 }]);
    assert_eq!((queue.statistics().events, queue.next_wakeup()), (0, None));
}

#[test]
fn a_viewer_that_never_polls_is_bounded_and_what_matters_is_kept() {
    let mut queue = queue();
    queue.push(at(0), event("TeleportFinish"));
    for n in 0..100_000 {
        queue.push(at(n), Event::new("Noise", "x".repeat(n as usize % 3000).into()));
        let statistics = queue.statistics();
        assert!(statistics.bytes <= 512 * 1024 && statistics.events <= 512);
    }
    queue.push(at(100_000), event("EnableSimulator"));
    let statistics = queue.statistics();
    assert_eq!(statistics.dropped, 100_002 - statistics.events as u64);
    let mut all = Vec::new();
    for waiter in 0..100 {
        let ack = (waiter > 0).then_some(waiter as i32);
        all.extend(read(&poll(&mut queue, 100_000, waiter, ack)).into_iter().flat_map(|(_, _, names)| names));
    }
    assert_eq!(all[0], "TeleportFinish");
    assert_eq!(all.last().unwrap(), "EnableSimulator");
    assert_eq!(all.len(), statistics.events);
}

#[test]
fn even_essential_events_are_bounded() {
    let mut queue = queue();
    for n in 0..2000 {
        queue.push(at(n), event("EnableSimulator"));
    }
    assert_eq!(queue.statistics().events, 512);
    // What does not matter does not displace what does.
    queue.push(at(3000), event("Noise"));
    assert_eq!((queue.statistics().events, queue.statistics().dropped), (512, 1489));
    queue.push(at(3001), Event::new("EnableSimulator", "x".repeat(600 * 1024).into()));
    assert_eq!((queue.statistics().events, queue.statistics().dropped), (512, 1490));
    // The newest stands, the oldest goes.
    queue.push(at(3002), event("TeleportFinish"));
    let mut last = String::new();
    for waiter in 0..9 {
        let ack = (waiter > 0).then_some(waiter as i32);
        let answers = read(&poll(&mut queue, 4000, waiter, ack));
        last = answers.into_iter().flat_map(|(_, _, names)| names).last().unwrap_or(last);
    }
    assert_eq!(last, "TeleportFinish");
}

#[test]
fn a_large_backlog_goes_in_several_answers_in_order() {
    let config = EventQueueConfig { batch_events: 3, batch_bytes: 4000, ..EventQueueConfig::default() };
    let mut queue = EventQueue::new(config, at(0));
    for size in [10, 10, 10, 10, 3000, 5000, 10] {
        queue.push(at(0), Event::new("E", "x".repeat(size).into()));
    }
    let mut counts = Vec::new();
    for waiter in 0..5 {
        let ack = (waiter > 0).then_some(waiter as i32);
        counts.extend(read(&poll(&mut queue, 1, waiter, ack)).into_iter().map(|(_, _, names)| names.len()));
    }
    assert_eq!(counts, [3, 2, 1, 1]);
}

/// Whatever answers and polls are lost, a viewer that goes by ids gets each event once and in order.
#[test]
fn over_a_bad_connection_each_event_comes_once_and_in_order() {
    arbtest::arbtest(|u| {
        let config = EventQueueConfig {
            batch_events: 4,
            repeat: Duration::from_secs(3600),
            ..EventQueueConfig::default()
        };
        let mut queue = EventQueue::new(config, at(0));
        let (mut ack, mut heard, mut pushed, mut waiter, mut ms) = (None, Vec::new(), 0u32, 0u32, 0u64);
        let mut effects = Effects::new();
        let mut deliver = |effects: &mut Effects, arrives: bool, newest: u32, ack: &mut Option<i32>| {
            for effect in effects.drain(..) {
                let EventQueueEffect::Answer { waiter, id, events, body, .. } = effect else {
                    panic!("gone")
                };
                // An answer to a poll that the viewer has given up is not read.
                if !arrives || waiter != newest {
                    continue;
                }
                assert!(id > 0);
                if events > 0 && *ack == Some(id) {
                    panic!("repeated though acknowledged");
                }
                *ack = Some(id);
                let document = llsd::xml::parse(body).unwrap();
                heard.extend(document["events"].as_array().iter().map(|event| event["body"].as_u32()));
            }
        };
        while !u.is_empty() && pushed < 60 {
            ms += u64::from(u.int_in_range(0..=15_000u32)?);
            match u.int_in_range(0..=4u8)? {
                0 | 1 => {
                    queue.push(at(ms), Event::new("E", pushed.into()));
                    pushed += 1;
                }
                2 => {
                    waiter += 1;
                    queue.handle_poll(at(ms), Poll { ack, done: false, waiter }, &mut effects);
                }
                3 => queue.handle_waiter_gone(&waiter),
                _ => {}
            }
            queue.flush(at(ms), &mut effects);
            let arrives = u.ratio(2, 3)?;
            deliver(&mut effects, arrives, waiter, &mut ack);
        }
        for _ in 0..40 {
            waiter += 1;
            queue.handle_poll(at(ms), Poll { ack, done: false, waiter }, &mut effects);
            deliver(&mut effects, true, waiter, &mut ack);
        }
        assert_eq!(heard, (0..pushed).collect::<Vec<_>>());
        assert_eq!(queue.statistics().events, 0);
        Ok(())
    });
}

#[test]
fn what_is_taken_back_is_not_said_again() {
    let mut queue = queue();
    queue.push(at(0), event("TeleportFinish"));
    queue.push(at(0), event("EnableSimulator"));
    let both = names(&["TeleportFinish", "EnableSimulator"]);
    assert_eq!(read(&poll(&mut queue, 0, 1, None)), [(1, 1, both)]);
    queue.push(at(10), event("TeleportFinish"));
    queue.take_back("TeleportFinish");
    // The answer was lost.
    assert_eq!(read(&poll(&mut queue, 20, 2, None)), [(2, 1, names(&["EnableSimulator"]))]);
    assert_eq!(poll(&mut queue, 30, 3, Some(1)), []);
    queue.push(at(40), event("TeleportFinish"));
    assert_eq!(read(&flush(&mut queue, 40)), [(3, 2, names(&["TeleportFinish"]))]);
    // A batch of which nothing is left is no batch.
    queue.take_back("TeleportFinish");
    assert_eq!(queue.statistics().bytes, 0);
    assert_eq!(poll(&mut queue, 50, 4, None), []);
    queue.push(at(60), event("TeleportFailed"));
    assert_eq!(read(&flush(&mut queue, 60)), [(4, 3, names(&["TeleportFailed"]))]);
}

#[test]
fn an_answer_says_how_long_its_events_have_waited() {
    let mut queue = queue();
    queue.push(at(10), event("One"));
    queue.push(at(20), event("Two"));
    let mut effects = poll(&mut queue, 50, 1, None);
    // The same again says nothing new.
    effects.extend(poll(&mut queue, 90, 2, None));
    let waited = effects.iter().map(|effect| match effect {
        EventQueueEffect::Answer { waited, .. } => *waited,
        EventQueueEffect::Gone { .. } => panic!("it is not gone"),
    });
    assert_eq!(waited.collect::<Vec<_>>(), [Some(Duration::from_millis(40)), None]);
}
