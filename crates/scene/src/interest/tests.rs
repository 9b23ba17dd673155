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

use PendingKind::{Animations, Full, Gone, Looks, Terse};

#[test]
fn the_first_news_of_an_avatar_is_all_of_it() {
    let mut list = InterestList::new();
    list.mark_terse(local(5));
    assert_eq!(drain(&mut list), [(5, Full), (5, Looks), (5, Animations)]);
    list.mark_looks(local(6));
    assert_eq!(drain(&mut list), [(6, Full), (6, Looks), (6, Animations)]);
    list.mark_terse(local(5));
    list.mark_terse(local(5));
    assert_eq!(list.len(), 1);
    assert_eq!(drain(&mut list), [(5, Terse)]);
    list.mark_animations(local(5));
    list.mark_terse(local(5));
    list.mark_looks(local(5));
    assert_eq!(drain(&mut list), [(5, Looks), (5, Animations), (5, Terse)]);
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
    assert_eq!(drain(&mut list), [(6, Looks), (6, Animations)]);
    list.mark_full(local(8));
    list.mark_gone(local(8));
    list.mark_full(local(8));
    assert_eq!(drain(&mut list), [(8, Full), (8, Looks), (8, Animations)]);
}

#[test]
fn who_comes_again_is_removed_first() {
    let mut list = InterestList::new();
    list.mark_full(local(5));
    drain(&mut list);
    list.mark_gone(local(5));
    list.mark_full(local(5));
    list.mark_terse(local(5));
    assert_eq!(drain(&mut list), [(5, Gone), (5, Full), (5, Looks), (5, Animations)]);
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
    let order = drain(&mut list);
    let of = |wanted| order.iter().filter(move |(_, kind)| *kind == wanted).map(|(n, _)| *n);
    assert!(of(Gone).chain(of(Full)).eq([90, 91, 200, 5, 10, 40, 70]));
    assert!(of(Looks).eq([200, 5, 10, 40, 70]));
    assert_eq!(order[2..5], [(200, Full), (200, Looks), (200, Animations)]);
}

#[test]
fn the_near_are_dressed_before_the_far_have_bodies() {
    let mut list = InterestList::new();
    for n in [1, 2, 241, 240] {
        list.mark_full(local(n));
    }
    let order = drain(&mut list);
    let at = |wanted| order.iter().position(|&found| found == wanted).unwrap();
    assert!(at((2, Animations)) < at((240, Full)), "{order:?}");
    assert!(at((241, Full)) < at((240, Looks)), "{order:?}");
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
    for kind in [Full, Looks, Animations] {
        assert_eq!(list.next(HERE, only_two), Some(Pending { local: local(2), kind }));
    }
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
    assert_eq!(order.iter().filter(|&&found| found == (3, Full)).count(), 1);
    assert_eq!(order.len(), 9);
    list.mark_gone(local(9));
    let gone = list.next(HERE, at_own_distance).unwrap();
    list.mark_full(local(9));
    list.put_back(gone);
    assert_eq!(drain(&mut list), [(9, Gone), (9, Full), (9, Looks), (9, Animations)]);
}

#[test]
fn what_got_lost_comes_again_unless_it_has_gone() {
    let mut list = InterestList::new();
    let lost = |kind| Pending { local: local(9), kind };
    list.mark_full(local(9));
    drain(&mut list);
    list.put_back(lost(Looks));
    list.mark_terse(local(9));
    list.put_back(lost(Full));
    assert_eq!(drain(&mut list), [(9, Full), (9, Looks)]);
    list.mark_gone(local(9));
    list.put_back(lost(Terse));
    assert_eq!(drain(&mut list), [(9, Gone)]);
    list.put_back(lost(Gone));
    assert_eq!(drain(&mut list), [(9, Gone)]);
    list.put_back(lost(Animations));
    assert_eq!(list.next(HERE, |_| None), None);
    assert!(list.is_empty());
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
        core::iter::from_fn(|| list.next(HERE, at_own_distance)).count()
    };
    assert_eq!(round(&mut list), 3000);
    let room = |list: &InterestList| {
        (list.entries.capacity(), list.heap.capacity(), list.fresh.capacity(), list.by_local.capacity())
    };
    let before = room(&list);
    for _ in 0..10 {
        assert_eq!(round(&mut list), 1000);
    }
    assert_eq!(room(&list), before);
}

/// What a viewer knows of an avatar: since when its place, its looks and its animations have been as they are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Known {
    place: u32,
    looks: u32,
    animations: u32,
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
        let mut there: BTreeMap<u32, Known> = BTreeMap::new();
        let mut seen: BTreeMap<u32, Known> = BTreeMap::new();
        let mut time = 0;
        for _ in 0..u.int_in_range(0..=200)? {
            time += 1;
            let n = u.int_in_range(1..=6)?;
            match u.int_in_range(0..=6)? {
                0 => {
                    there.entry(n).or_insert(Known { looks: time, animations: time, place: 0 }).place = time;
                    list.mark_full(local(n));
                }
                1 => {
                    if let Some(changed) = there.get_mut(&n) {
                        match u.int_in_range(0..=2)? {
                            0 => {
                                changed.place = time;
                                list.mark_terse(local(n));
                            }
                            1 => {
                                changed.looks = time;
                                list.mark_looks(local(n));
                            }
                            _ => {
                                changed.animations = time;
                                list.mark_animations(local(n));
                            }
                        }
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

fn see(seen: &mut BTreeMap<u32, Known>, pending: Pending, there: &BTreeMap<u32, Known>) {
    let n = pending.local.0;
    let mut heard = |of: PendingKind| {
        let known = seen.get_mut(&n).unwrap_or_else(|| panic!("{of:?} of somebody never seen"));
        match of {
            Looks => known.looks = there[&n].looks,
            Animations => known.animations = there[&n].animations,
            _ => known.place = there[&n].place,
        }
    };
    match pending.kind {
        Full => seen.entry(n).or_default().place = there[&n].place,
        Looks | Animations | Terse => heard(pending.kind),
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
