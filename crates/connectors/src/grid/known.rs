use model::RegionId;
use services::RegionInfo;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How long a region is taken to be as it was told.
const LIFE: Duration = Duration::from_secs(30);
/// Most regions that are known.
const REGIONS: usize = 1024;

/// What was told of regions a short while ago.
#[derive(Debug, Default)]
pub(super) struct Known {
    regions: HashMap<RegionId, (Instant, RegionInfo)>,
}

impl Known {
    /// The region that this is true of.
    pub(super) fn find(&self, now: Instant, is_it: impl Fn(&RegionInfo) -> bool) -> Option<RegionInfo> {
        let young = self.regions.values().filter(|(learnt, _)| is_young(now, *learnt));
        young.map(|(_, region)| region).find(|region| is_it(region)).cloned()
    }

    /// A region is so now. What stood where it stands, or was called as it is, is something else now.
    pub(super) fn learn(&mut self, now: Instant, region: &RegionInfo) {
        self.regions.retain(|_, (learnt, known)| {
            is_young(now, *learnt)
                && (known.id == region.id || (known.name != region.name && !overlap(known, region)))
        });
        if self.regions.len() >= REGIONS && !self.regions.contains_key(&region.id) {
            let oldest = self.regions.iter().min_by_key(|(_, (learnt, _))| *learnt).map(|(id, _)| *id);
            oldest.map(|id| self.regions.remove(&id));
        }
        self.regions.insert(region.id, (now, region.clone()));
    }

    /// What is known of this region is no longer so.
    pub(super) fn forget(&mut self, id: RegionId) {
        self.regions.remove(&id);
    }
}

fn is_young(now: Instant, learnt: Instant) -> bool {
    now.saturating_duration_since(learnt) < LIFE
}

fn overlap(one: &RegionInfo, other: &RegionInfo) -> bool {
    let meet = |a: u32, a_size: u32, b: u32, b_size: u32| {
        a < b.saturating_add(b_size) && b < a.saturating_add(a_size)
    };
    meet(one.handle.x_m(), one.size.x, other.handle.x_m(), other.size.x)
        && meet(one.handle.y_m(), one.size.y, other.handle.y_m(), other.size.y)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{GridCell, Uuid};

    fn region(n: u32, name: &str) -> RegionInfo {
        RegionInfo {
            id: RegionId(Uuid::from_u128(n.into())),
            name: name.into(),
            handle: GridCell { x: 1000 + n, y: 1000 }.handle(),
            ..RegionInfo::default()
        }
    }

    #[test]
    fn a_region_is_known_for_a_while() {
        let (mut known, now) = (Known::default(), Instant::now());
        let one = region(1, "One");
        known.learn(now, &one);
        let find = |known: &Known, at| known.find(at, |region| region.name == "One");
        assert_eq!(find(&known, now + LIFE - Duration::from_millis(1)), Some(one.clone()));
        assert_eq!(find(&known, now + LIFE), None);
        known.forget(one.id);
        assert_eq!(find(&known, now), None);
    }

    #[test]
    fn what_stands_in_its_place_replaces_it() {
        let now = Instant::now();
        let moved = RegionInfo { handle: region(7, "").handle, ..region(1, "One") };
        let in_its_place = RegionInfo { handle: region(1, "").handle, ..region(2, "Two") };
        let so_called = RegionInfo { name: "One".into(), ..region(3, "") };
        for other in [moved, in_its_place, so_called] {
            let mut known = Known::default();
            known.learn(now, &region(1, "One"));
            known.learn(now, &other);
            assert_eq!(known.find(now, |_| true), Some(other));
            assert_eq!(known.regions.len(), 1);
        }
    }

    #[test]
    fn few_are_known_and_the_oldest_goes() {
        let (mut known, now) = (Known::default(), Instant::now());
        for n in 0..=REGIONS as u32 {
            known.learn(now + Duration::from_millis(n.into()), &region(n, &n.to_string()));
        }
        assert_eq!(known.regions.len(), REGIONS);
        assert_eq!(known.find(now, |region| region.name == "0"), None);
        assert!(known.find(now, |region| region.name == "1").is_some());
        known.learn(now + LIFE * 2, &region(0, "0"));
        assert_eq!(known.regions.len(), 1);
    }
}
