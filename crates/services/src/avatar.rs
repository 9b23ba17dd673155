use crate::{LoginAppearance, Result, starter};
use async_trait::async_trait;
use model::{AgentId, AssetId, ItemId, Uuid};
use std::collections::BTreeMap;

/// An avatar as the service stores it: names and values (grid services fact sheet, section 8).
pub type AvatarData = BTreeMap<String, String>;

/// Wearable types that may have entries: 0 shape ... 16 universal.
const WEARABLE_TYPES: usize = 17;
/// Wearables of one type on top of each other.
const LAYERS: usize = 60;
/// Attachments in all.
const ATTACHMENTS: usize = 256;
/// Visual parameters at most; viewers know some 250.
const VISUAL_PARAMS: usize = 512;
/// Millimetres of an avatar whose height makes no sense.
const USUAL_HEIGHT_MM: u32 = 1771;
/// Tallest avatar that is believed.
const TALLEST_MM: f32 = 10_000.0;

/// What avatars look like.
#[async_trait]
pub trait AvatarService: Send + Sync {
    /// All entries of an avatar; `None` when there are none.
    async fn get(&self, agent: AgentId) -> Result<Option<AvatarData>>;

    /// Replaces all entries.
    async fn set(&self, agent: AgentId, data: &AvatarData) -> Result<()>;

    /// Sets some entries, and leaves the others.
    async fn set_entries(&self, agent: AgentId, entries: &AvatarData) -> Result<()>;

    /// Removes some entries.
    async fn remove_entries(&self, agent: AgentId, names: &[&str]) -> Result<()>;

    /// Removes all entries.
    async fn reset(&self, agent: AgentId) -> Result<()>;
}

impl LoginAppearance {
    /// Reads what the avatar service has. What makes no sense is left out; the texture entry, which the service does
    /// not keep, is the [default](starter::texture_entry), and so are the visual parameters if there are none.
    pub fn from_avatar(data: &AvatarData) -> Self {
        let text = |name| data.get(name).map(String::as_str).unwrap_or_default();
        let mut appearance = Self {
            serial: text("Serial").parse().unwrap_or(0),
            height_mm: parse_height_mm(text("AvatarHeight")),
            visual_params: parse_params(text("VisualParams")).unwrap_or_else(starter::visual_params),
            texture_entry: starter::texture_entry(),
            ..Self::default()
        };
        let mut worn = BTreeMap::new();
        for (name, value) in data {
            if let Some((place, what)) = parse_wearable(name, value) {
                worn.insert(place, what);
            } else if let Some(point) = name.strip_prefix("_ap_").and_then(|point| point.parse().ok()) {
                let items = value.split(',').filter_map(|item| Uuid::try_parse(item.trim()).ok());
                appearance.attachments.extend(items.map(|item| (point, ItemId(item))));
            }
        }
        appearance.attachments.truncate(ATTACHMENTS);
        for ((kind, _layer), what) in worn {
            if appearance.wearables.len() <= kind {
                appearance.wearables.resize(kind + 1, Vec::new());
            }
            appearance.wearables[kind].push(what);
        }
        appearance
    }

    /// The entries that the avatar service keeps of it.
    pub fn to_avatar(&self) -> AvatarData {
        let mut data = AvatarData::from([
            ("AvatarType".to_owned(), "1".to_owned()),
            ("Serial".to_owned(), self.serial.to_string()),
        ]);
        if self.height_mm > 0 {
            data.insert(
                "AvatarHeight".into(),
                format!("{}.{:03}", self.height_mm / 1000, self.height_mm % 1000),
            );
        }
        if !self.visual_params.is_empty() {
            data.insert("VisualParams".into(), join(self.visual_params.iter()));
        }
        for (kind, worn) in self.wearables.iter().enumerate() {
            for (layer, (item, asset)) in worn.iter().enumerate() {
                data.insert(format!("Wearable {kind}:{layer}"), format!("{item}:{asset}"));
            }
        }
        let mut points: BTreeMap<u8, Vec<ItemId>> = BTreeMap::new();
        for &(point, item) in &self.attachments {
            points.entry(point).or_default().push(item);
        }
        data.extend(points.iter().map(|(point, items)| (format!("_ap_{point}"), join(items.iter()))));
        data
    }
}

fn parse_wearable(name: &str, value: &str) -> Option<((usize, usize), (ItemId, AssetId))> {
    let (kind, layer) = name.strip_prefix("Wearable ")?.split_once(':')?;
    let (kind, layer): (usize, usize) = (kind.parse().ok()?, layer.parse().ok()?);
    let (item, asset) = value.split_once(':')?;
    let what = (ItemId(Uuid::try_parse(item).ok()?), AssetId(Uuid::try_parse(asset).ok()?));
    (kind < WEARABLE_TYPES && layer < LAYERS).then_some(((kind, layer), what))
}

/// Heights have been written with a decimal comma where the locale had one.
fn parse_height_mm(text: &str) -> u32 {
    if text.is_empty() {
        return 0;
    }
    match text.replace(',', ".").parse::<f32>().map(|metres| metres * 1000.0) {
        Ok(height) if height > 0.0 && height < TALLEST_MM => height as u32,
        _ => USUAL_HEIGHT_MM,
    }
}

fn parse_params(text: &str) -> Option<Vec<u8>> {
    let params = text.split(',').take(VISUAL_PARAMS);
    let params = params.map(|param| param.trim().parse().ok()).collect::<Option<Vec<u8>>>();
    params.filter(|params| !params.is_empty())
}

fn join<T: ToString>(values: impl Iterator<Item = T>) -> String {
    values.map(|value| value.to_string()).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }

    #[test]
    fn what_is_kept_comes_back() {
        let appearance = LoginAppearance {
            wearables: vec![
                vec![(ItemId(id(1)), AssetId(id(2)))],
                vec![],
                vec![(ItemId(id(3)), AssetId(id(4))), (ItemId(id(5)), AssetId(id(6)))],
            ],
            visual_params: vec![1, 2, 255],
            texture_entry: starter::texture_entry(),
            height_mm: 1903,
            serial: 7,
            attachments: vec![(2, ItemId(id(8))), (5, ItemId(id(7)))],
        };
        let data = appearance.to_avatar();
        assert_eq!(data["Wearable 2:1"], format!("{}:{}", id(5), id(6)));
        assert_eq!(data["AvatarHeight"], "1.903");
        assert_eq!(LoginAppearance::from_avatar(&data), appearance);
    }

    #[test]
    fn nonsense_is_left_out() {
        let garbage = [
            ("Serial", "-1"),
            ("AvatarHeight", "1,9"),
            ("VisualParams", "1,2,300"),
            ("Wearable 99999999:0", "a:b"),
            ("Wearable 0:0", "not an id"),
            ("Wearable 0", ""),
            ("_ap_999", "x"),
            ("_ap_1", "x,,"),
        ];
        let data = garbage.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let appearance = LoginAppearance::from_avatar(&data);
        assert_eq!((appearance.serial, appearance.height_mm), (0, 1900));
        assert_eq!(appearance.visual_params, starter::visual_params());
        assert!(appearance.wearables.is_empty() && appearance.attachments.is_empty());
    }
}
