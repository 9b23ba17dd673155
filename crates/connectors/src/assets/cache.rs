use model::AssetId;
use services::Asset;
use std::collections::{BTreeMap, HashMap};

/// What an entry weighs beside its content: names, tables.
const OVERHEAD_BYTES: usize = 512;
/// Of the whole, the largest part that one asset may take.
const LARGEST_PART: usize = 4;

/// Assets in memory, up to a number of bytes; those that were asked for longest ago go first.
#[derive(Debug)]
pub(super) struct Cache {
    budget: usize,
    used: usize,
    /// Counts askings; an entry's place in the order.
    turn: u64,
    assets: HashMap<AssetId, (u64, Asset)>,
    order: BTreeMap<u64, AssetId>,
}

fn weight(asset: &Asset) -> usize {
    let names = asset.metadata.name.len() + asset.metadata.description.len();
    asset.data.len() + names + OVERHEAD_BYTES
}

impl Cache {
    pub(super) fn new(budget: usize) -> Self {
        Self { budget, used: 0, turn: 0, assets: HashMap::new(), order: BTreeMap::new() }
    }

    pub(super) fn get(&mut self, id: AssetId) -> Option<Asset> {
        let (turn, asset) = self.assets.get_mut(&id)?;
        self.turn += 1;
        self.order.remove(turn);
        self.order.insert(self.turn, id);
        *turn = self.turn;
        Some(asset.clone())
    }

    /// Keeps an asset, if it is not too large.
    pub(super) fn put(&mut self, id: AssetId, asset: &Asset) {
        self.remove(id);
        let weight = weight(asset);
        if weight > self.budget / LARGEST_PART {
            return;
        }
        while self.used + weight > self.budget {
            let Some((_, oldest)) = self.order.first_key_value() else { return };
            let oldest = *oldest;
            self.remove(oldest);
        }
        self.turn += 1;
        self.used += weight;
        self.order.insert(self.turn, id);
        self.assets.insert(id, (self.turn, asset.clone()));
    }

    pub(super) fn remove(&mut self, id: AssetId) {
        if let Some((turn, asset)) = self.assets.remove(&id) {
            self.order.remove(&turn);
            self.used -= weight(&asset);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Uuid;
    use services::AssetMetadata;

    fn id(n: u128) -> AssetId {
        AssetId(Uuid::from_u128(n))
    }

    fn asset(n: u128, bytes: usize) -> Asset {
        let metadata = AssetMetadata { id: id(n), ..AssetMetadata::default() };
        Asset { metadata, data: vec![n as u8; bytes - OVERHEAD_BYTES].into() }
    }

    fn held(cache: &Cache) -> Vec<AssetId> {
        let mut ids: Vec<_> = cache.assets.keys().copied().collect();
        ids.sort();
        ids
    }

    #[test]
    fn what_was_asked_for_longest_ago_goes_first() {
        let mut cache = Cache::new(4000);
        for n in 1..=4 {
            cache.put(id(n), &asset(n, 1000));
        }
        assert_eq!(cache.get(id(1)), Some(asset(1, 1000)));
        cache.put(id(5), &asset(5, 1000));
        assert_eq!(held(&cache), [1, 3, 4, 5].map(id));
        assert_eq!(cache.get(id(2)), None);
        cache.put(id(3), &asset(3, 600));
        assert_eq!((held(&cache), cache.used), ([1, 3, 4, 5].map(id).to_vec(), 3600));
    }

    #[test]
    fn what_is_too_large_is_not_kept() {
        let mut cache = Cache::new(4000);
        cache.put(id(1), &asset(1, 1001));
        assert!(held(&cache).is_empty());
        cache.put(id(1), &asset(1, 1000));
        cache.put(id(1), &asset(1, 1001));
        assert!(held(&cache).is_empty(), "not even as it was before");
        Cache::new(0).put(id(1), &asset(1, 600));
    }

    #[test]
    fn the_budget_holds_whatever_happens() {
        arbtest::arbtest(|u| {
            let mut cache = Cache::new(8000);
            for _ in 0..u.int_in_range(0..=60)? {
                let n = u.int_in_range(1..=12)?;
                match u.int_in_range(0..=3)? {
                    0 => cache.remove(id(n)),
                    1 => drop(cache.get(id(n))),
                    _ => cache.put(id(n), &asset(n, u.int_in_range(600..=2400)?)),
                }
                let sum: usize = cache.assets.values().map(|(_, asset)| weight(asset)).sum();
                assert!(cache.used == sum && sum <= 8000);
                assert_eq!(cache.order.len(), cache.assets.len());
                for (turn, id) in &cache.order {
                    assert_eq!(cache.assets[id].0, *turn);
                }
            }
            Ok(())
        });
    }
}
