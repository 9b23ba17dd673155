use super::*;
use std::collections::BTreeMap;

const HERE: Vec3 = Vec3::ZERO;

fn local(n: u32) -> LocalId {
    LocalId(n)
}

/// Avatar n stands n metres away.
fn at_own_distance(local: LocalId) -> Option<Candidate> {
    Some(Candidate { position: Vec3::X * local.0 as f32, speed: 0.0 })
}

fn drain(list: &mut InterestList) -> Vec<(u32, PendingKind)> {
    core::iter::from_fn(|| list.next(HERE, at_own_distance)).map(|p| (p.local.0, p.kind)).collect()
}

use PendingKind::{Full, Gone, Terse};

#[test]
fn the_first_news_of_an_avatar_is_all_of_it() {
    let mut list = InterestList::new();
    list.mark_terse(local(5));
    assert_eq!(drain(&mut list), [(5, Full)]);
    list.mark_terse(local(5));
    list.mark_terse(local(5));
    assert_eq!(list.len(), 1);
    assert_eq!(drain(&mut list), [(5, Terse)]);
    list.mark_terse(local(5));
    list.mark_full(local(5));
    list.mark_terse(local(5));
    assert_eq!(drain(&mut list), [(5, Full)]);
    assert!(list.is_empty());
}

#[test]
fn nothing_follows_a_removal() {
    let mut list = InterestList::new();
    list.mark_full(local(5));
    drain(&mut list);
    list.mark_terse(local(5));
    list.mark_gone(local(5));
    list.mark_terse(local(5));
    assert_eq!(drain(&mut list), [(5, Gone)]);
    assert_eq!(drain(&mut list), []);
}

#[test]
fn who_went_before_being_seen_is_never_mentioned() {
    let mut list = InterestList::new();
    list.mark_gone(local(4));
    list.mark_full(local(5));
    list.mark_gone(local(5));
    list.mark_full(local(6));
    list.mark_full(local(7));
    assert_eq!(list.next(HERE, at_own_distance).map(|p| p.local), Some(local(6)));
    list.mark_gone(local(7)); // ranked already
    assert_eq!(drain(&mut list), []);
    list.mark_full(local(8));
    list.mark_gone(local(8));
    list.mark_full(local(8));
    assert_eq!(drain(&mut list), [(8, Full)]);
}

#[test]
fn who_comes_again_is_removed_first() {
    let mut list = InterestList::new();
    list.mark_full(local(5));
    drain(&mut list);
    list.mark_gone(local(5));
    list.mark_full(local(5));
    list.mark_terse(local(5));
    assert_eq!(drain(&mut list), [(5, Gone), (5, Full)]);
}

#[test]
fn removals_then_oneself_then_the_near() {
    let mut list = InterestList::new();
    list.mark_full(local(90));
    list.mark_full(local(91));
    drain(&mut list);
    list.set_own(Some(local(200)));
    for n in [200, 40, 10, 70, 5] {
        list.mark_full(local(n));
    }
    list.mark_gone(local(91));
    list.mark_gone(local(90));
    let order: Vec<u32> = drain(&mut list).into_iter().map(|(n, _)| n).collect();
    assert_eq!(order, [90, 91, 200, 5, 10, 40, 70]);
}

#[test]
fn the_fast_overtake_the_slow() {
    let mut list = InterestList::new();
    list.mark_full(local(1));
    list.mark_full(local(2));
    let lookup =
        |l: LocalId| Some(Candidate { position: Vec3::X * 50.0, speed: if l.0 == 2 { 16.0 } else { 0.0 } });
    assert_eq!(list.next(HERE, lookup).unwrap().local, local(2));
}

#[test]
fn the_far_do_not_starve() {
    let mut list = InterestList::new();
    let lookup = |l: LocalId| {
        let distance = if l.0 <= 20 { 1.0 } else { 1e6 };
        Some(Candidate { position: Vec3::X * distance, speed: 0.0 })
    };
    list.mark_full(local(1000));
    let mut handed_out = 0u64;
    loop {
        // Twenty near avatars never stop moving, and the viewer takes one update at a time.
        for n in 1..=20 {
            list.mark_terse(local(n));
        }
        handed_out += 1;
        if list.next(HERE, lookup).unwrap().local == local(1000) {
            break;
        }
        assert!(handed_out < MAX_DELAY + 40, "starved");
    }
    assert!(handed_out > 20, "the near come first");
}

#[test]
fn who_is_unknown_to_the_scene_is_left_out() {
    let mut list = InterestList::new();
    list.mark_full(local(1));
    list.mark_full(local(2));
    let only_two = |l: LocalId| if l.0 == 2 { at_own_distance(l) } else { None };
    assert_eq!(list.next(HERE, only_two).map(|p| p.local), Some(local(2)));
    assert_eq!(list.next(HERE, only_two), None);
    list.mark_terse(local(2));
    assert_eq!(list.next(HERE, |_| None), None);
    list.mark_gone(local(2));
    assert_eq!(list.next(HERE, |_| None), Some(Pending { local: local(2), kind: Gone }));
}

#[test]
fn what_could_not_be_sent_comes_again() {
    let mut list = InterestList::new();
    for n in [3, 9] {
        list.mark_full(local(n));
    }
    let first = list.next(HERE, at_own_distance).unwrap();
    list.put_back(first);
    list.mark_full(local(1));
    let order = drain(&mut list);
    assert_eq!(order.iter().filter(|(n, _)| *n == 3).count(), 1);
    assert_eq!(order.len(), 3);
    list.mark_gone(local(9));
    let gone = list.next(HERE, at_own_distance).unwrap();
    list.mark_full(local(9));
    list.put_back(gone);
    assert_eq!(drain(&mut list), [(9, Gone), (9, Full)]);
}

#[test]
fn the_list_is_bounded() {
    let mut list = InterestList::new();
    for n in 0..MAX_TRACKED as u32 {
        assert!(list.mark_full(local(n + 1)));
    }
    assert!(!list.mark_full(local(u32::MAX)));
    assert!(list.mark_terse(local(7)));
    list.clear();
    assert!(list.is_empty() && list.mark_full(local(u32::MAX)));
}

#[test]
fn steady_state_allocates_nothing() {
    let mut list = InterestList::new();
    let round = |list: &mut InterestList| {
        for n in 1..=1000 {
            list.mark_terse(local(n));
        }
        assert_eq!(core::iter::from_fn(|| list.next(HERE, at_own_distance)).count(), 1000);
    };
    round(&mut list);
    let room = |list: &InterestList| {
        (list.entries.capacity(), list.heap.capacity(), list.fresh.capacity(), list.by_local.capacity())
    };
    let before = room(&list);
    for _ in 0..10 {
        round(&mut list);
    }
    assert_eq!(room(&list), before);
}

/// Against a model that knows only what a viewer must see: whatever is marked in whatever order, an avatar begins with
/// a full update, nothing follows its removal, and in the end the viewer knows what the scene knows.
#[test]
fn any_marks_in_any_order() {
    arbtest::arbtest(|u| {
        let mut list = InterestList::new();
        if u.arbitrary()? {
            list.set_own(Some(local(2)));
        }
        // What the scene has: whether it is there, and since when its last change.
        let mut there: BTreeMap<u32, u32> = BTreeMap::new();
        let mut seen: BTreeMap<u32, u32> = BTreeMap::new();
        let mut time = 0;
        for _ in 0..u.int_in_range(0..=200)? {
            time += 1;
            let n = u.int_in_range(1..=6)?;
            match u.int_in_range(0..=4)? {
                0 => {
                    there.insert(n, time);
                    list.mark_full(local(n));
                }
                1 => {
                    if let Some(changed) = there.get_mut(&n) {
                        *changed = time;
                        list.mark_terse(local(n));
                    }
                }
                2 => {
                    there.remove(&n);
                    list.mark_gone(local(n));
                }
                _ => {
                    let next =
                        list.next(HERE, |l| there.contains_key(&l.0).then(|| at_own_distance(l)).flatten());
                    if let Some(pending) = next {
                        if u.ratio(1, 4)? {
                            list.put_back(pending);
                        } else {
                            see(&mut seen, pending, &there);
                        }
                    }
                }
            }
            check_places(&list);
        }
        while let Some(pending) =
            list.next(HERE, |l| there.contains_key(&l.0).then(|| at_own_distance(l)).flatten())
        {
            see(&mut seen, pending, &there);
        }
        assert!(list.is_empty());
        assert_eq!(seen, there, "the viewer knows what the scene knows");
        Ok(())
    });
}

fn see(seen: &mut BTreeMap<u32, u32>, pending: Pending, there: &BTreeMap<u32, u32>) {
    let n = pending.local.0;
    match pending.kind {
        Full => drop(seen.insert(n, there[&n])),
        Terse => {
            assert!(seen.contains_key(&n), "a terse update of somebody never seen");
            seen.insert(n, there[&n]);
        }
        // After an update was taken back, a removal too many may come.
        Gone => drop(seen.remove(&n)),
    }
}

fn check_places(list: &InterestList) {
    for (index, &(_, local, at)) in list.heap.iter().enumerate() {
        assert_eq!(list.entries[at].place, Place::Heap(index));
        assert_eq!(list.by_local.get(&local), Some(&at));
        assert!(index == 0 || list.heap[(index - 1) / 2] <= list.heap[index]);
    }
}
