//! The map: regions that are near each other are drawn together, to scale, each group in a picture of its own. Grids put
//! their continents far apart, and nobody wants to see the sea between them.

use crate::words::cut;
use askama::Template;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{Response, StatusCode, header};
use axum::response::IntoResponse as _;
use axum::routing::get;
use model::{GridCell, RegionId};
use services::{MapTileService, RegionInfo};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Regions with fewer empty cells than so many between them belong together.
const NEAR: u32 = 4;
/// Pixels of a cell: at most, and at least.
const CELL: (f64, f64) = (150.0, 44.0);
/// Pixels of a picture's width, if its cells are not the smallest already.
const WIDTH: f64 = 900.0;
/// Metres of a cell.
const CELL_M: f64 = 256.0;
/// Pictures at most; the smallest groups are left out.
const GROUPS: usize = 100;
/// Names listed below a region.
const NAMES: usize = 40;

/// A picture of nothing.
const NO_TILE: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 1 1\"/>";

/// Somebody on the map.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Standing {
    pub(crate) region: RegionId,
    pub(crate) name: String,
    pub(crate) leaving: bool,
    /// Region-local metres.
    pub(crate) position: Option<[f32; 3]>,
}

/// All of it.
#[derive(Template, Debug)]
#[template(path = "map.html")]
pub(crate) struct Map {
    groups: Vec<Group>,
    /// Where pictures of the ground are.
    tiles: Tiles,
}

/// Where pictures of the ground are served.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Tiles {
    /// To everybody.
    Public,
    /// On the operator's pages.
    Operator,
}

/// One picture.
#[derive(Clone, PartialEq, Debug)]
struct Group {
    width: f64,
    height: f64,
    /// Around it.
    margin: f64,
    /// Borders of cells, as an SVG path.
    cells: String,
    regions: Vec<Drawn>,
}

/// A region in it. Pixels.
#[derive(Clone, PartialEq, Debug)]
struct Drawn {
    name: String,
    label: String,
    /// Grid units.
    cell: (u32, u32),
    x: f64,
    y: f64,
    width: f64,
    height: f64,
    /// One of each cell: grid units, and where it is drawn.
    tiles: Vec<(u32, u32, f64, f64, f64)>,
    count: u64,
    dots: Vec<Dot>,
    /// Whoever stands there, as words.
    names: Vec<String>,
}

#[derive(Clone, PartialEq, Debug)]
struct Dot {
    x: f64,
    y: f64,
    name: String,
    leaving: bool,
}

impl Tiles {
    fn address(self, x: &u32, y: &u32) -> String {
        match self {
            Self::Public => format!("/tile/{x}/{y}"),
            Self::Operator => format!("/operate/tile/{x}/{y}"),
        }
    }
}

/// The pictures, below this path.
pub(crate) fn tiles<S: Clone + Send + Sync + 'static>(
    base: &str,
    tiles: Arc<dyn MapTileService>,
) -> Router<S> {
    Router::new().route(&format!("{base}/tile/{{x}}/{{y}}"), get(tile)).with_state(tiles)
}

/// What the ground of a cell looks like. Where nobody knows, one sees through it.
async fn tile(
    State(tiles): State<Arc<dyn MapTileService>>,
    Path((x, y)): Path<(u32, u32)>,
) -> Response<Body> {
    let kept = (header::CACHE_CONTROL, "private, max-age=60");
    match tiles.get(GridCell { x, y }).await {
        Ok(Some(jpeg)) => {
            ([(header::CONTENT_TYPE, "image/jpeg"), kept], Bytes::from_owner(jpeg)).into_response()
        }
        Ok(None) => ([(header::CONTENT_TYPE, "image/svg+xml"), kept], NO_TILE).into_response(),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

impl Map {
    /// How many stand in each region, and who, where that is known.
    pub(crate) fn new(
        regions: &[RegionInfo],
        people: &BTreeMap<RegionId, u64>,
        standing: &[Standing],
        tiles: Tiles,
    ) -> Self {
        let mut groups = grouped(regions);
        // The largest first.
        groups.sort_by_key(|group| std::cmp::Reverse(group.len()));
        groups.truncate(GROUPS);
        let groups = groups.iter().map(|group| draw(group, people, standing)).collect();
        Self { groups, tiles }
    }
}

/// A region's first cell, and how many it has each way.
fn cells(region: &RegionInfo) -> (u32, u32, u32, u32) {
    let cell: GridCell = region.handle.cell();
    let across = |metres: u32| metres.div_ceil(CELL_M as u32).max(1);
    (cell.x, cell.y, across(region.size.x), across(region.size.y))
}

/// Groups of regions that are near each other, each in the order of the regions.
fn grouped(regions: &[RegionInfo]) -> Vec<Vec<&RegionInfo>> {
    let mut from_west: Vec<_> = (0..regions.len()).collect();
    from_west.sort_by_key(|&n| cells(&regions[n]).0);
    // Each leads to another one of its group, and one of them to itself.
    let mut leads: Vec<_> = (0..regions.len()).collect();
    for (nth, &a) in from_west.iter().enumerate() {
        let (west, _, across, _) = cells(&regions[a]);
        let beside = from_west[nth + 1..].iter();
        // Whoever begins farther east is near none of these.
        for &b in beside.take_while(|&&b| cells(&regions[b]).0 - west < across.saturating_add(NEAR)) {
            if is_near(&regions[a], &regions[b]) {
                let (from, to) = (end(&mut leads, a), end(&mut leads, b));
                leads[from] = to;
            }
        }
    }
    let mut groups: BTreeMap<usize, Vec<&RegionInfo>> = BTreeMap::new();
    for (n, region) in regions.iter().enumerate() {
        groups.entry(end(&mut leads, n)).or_default().push(region);
    }
    groups.into_values().collect()
}

/// Where one gets from there; the next time by a shorter way.
fn end(leads: &mut [usize], mut at: usize) -> usize {
    while leads[at] != at {
        leads[at] = leads[leads[at]];
        at = leads[at];
    }
    at
}

fn is_near(a: &RegionInfo, b: &RegionInfo) -> bool {
    let ((ax, ay, aw, ah), (bx, by, bw, bh)) = (cells(a), cells(b));
    let gap = |a: u32, aw: u32, b: u32, bw: u32| b.saturating_sub(a + aw).max(a.saturating_sub(b + bw));
    gap(ax, aw, bx, bw) < NEAR && gap(ay, ah, by, bh) < NEAR
}

fn draw(group: &[&RegionInfo], people: &BTreeMap<RegionId, u64>, standing: &[Standing]) -> Group {
    let all: Vec<_> = group.iter().map(|region| cells(region)).collect();
    let west = all.iter().map(|(x, ..)| *x).min().unwrap_or_default();
    let south = all.iter().map(|(_, y, ..)| *y).min().unwrap_or_default();
    let east = all.iter().map(|(x, _, w, _)| x + w).max().unwrap_or(west + 1);
    let north = all.iter().map(|(_, y, _, h)| y + h).max().unwrap_or(south + 1);
    let size = (WIDTH / f64::from(east - west)).clamp(CELL.1, CELL.0);
    let regions = group.iter().zip(&all).map(|(region, &(x, y, w, h))| {
        let place = |cell_x: u32, cell_y: u32, high: u32| {
            (f64::from(cell_x - west) * size, f64::from(north - cell_y - high) * size)
        };
        let (left, top) = place(x, y, h);
        let here = || standing.iter().filter(|one| one.region == region.id);
        let dots = here().filter_map(|one| {
            let [east, north, _] = one.position?.map(f64::from);
            let within = |metres: f64, cells: u32| metres.clamp(0.0, f64::from(cells) * CELL_M);
            Some(Dot {
                x: left + within(east, w) / CELL_M * size,
                y: top + (f64::from(h) - within(north, h) / CELL_M) * size,
                name: one.name.clone(),
                leaving: one.leaving,
            })
        });
        let tiles = (0..w.min(16)).flat_map(|dx| (0..h.min(16)).map(move |dy| (x + dx, y + dy)));
        Drawn {
            name: region.name.clone(),
            label: cut(&region.name, (f64::from(w) * size / 8.0) as usize),
            cell: (x, y),
            x: left,
            y: top,
            width: f64::from(w) * size,
            height: f64::from(h) * size,
            tiles: tiles
                .map(|(x, y)| {
                    let (left, top) = place(x, y, 1);
                    (x, y, left, top, size)
                })
                .collect(),
            // Who is seen standing there says more than what the grid believes.
            count: people.get(&region.id).copied().unwrap_or_default().max(here().count() as u64),
            dots: dots.collect(),
            names: here().take(NAMES).map(|one| one.name.clone()).collect(),
        }
    });
    let (width, height) = (f64::from(east - west) * size, f64::from(north - south) * size);
    let margin = (size * 0.3).round();
    let across = |n: u32| format!("M{:.1} {:.1}V{:.1}", f64::from(n) * size, -margin, height + margin);
    let along = |n: u32| format!("M{:.1} {:.1}H{:.1}", -margin, f64::from(n) * size, width + margin);
    Group {
        width,
        height,
        margin,
        cells: (0..=east - west).map(across).chain((0..=north - south).map(along)).collect(),
        regions: regions.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{RegionSize, Uuid};

    fn region(n: u128, name: &str, x: u32, y: u32, size_m: u32) -> RegionInfo {
        RegionInfo {
            id: RegionId(Uuid::from_u128(n)),
            name: name.into(),
            handle: GridCell { x, y }.handle(),
            size: RegionSize { x: size_m, y: size_m },
            ..RegionInfo::default()
        }
    }

    #[test]
    fn near_regions_are_drawn_together_north_up() {
        let regions = [
            region(1, "One", 1000, 1000, 256),
            region(2, "Far", 1100, 1100, 256),
            region(3, "North", 1000, 1001, 256),
            region(4, "Big", 1003, 1000, 512),
        ];
        let standing = [Standing {
            region: regions[2].id,
            name: "Ada".into(),
            leaving: false,
            position: Some([64.0, 192.0, 20.0]),
        }];
        let map = Map::new(&regions, &[(regions[0].id, 3)].into(), &standing, Tiles::Public);
        let [all, far] = &map.groups[..] else { panic!("{map:?}") };
        assert_eq!((far.width, far.height, far.regions.len()), (150.0, 150.0, 1));
        let of = |name: &str| all.regions.iter().find(|region| region.name == name).unwrap();
        assert_eq!((all.width, all.height), (750.0, 300.0));
        let (one, north, big) = (of("One"), of("North"), of("Big"));
        assert_eq!((one.x, one.y, one.count), (0.0, 150.0, 3));
        assert_eq!((north.x, north.y, north.count), (0.0, 0.0, 1));
        assert_eq!((big.x, big.y, big.width, big.height), (450.0, 0.0, 300.0, 300.0));
        assert_eq!(big.tiles.len(), 4);
        assert_eq!((north.dots[0].x, north.dots[0].y), (37.5, 37.5));
    }

    #[test]
    fn groups_are_joined_by_what_lies_between_them() {
        let regions = [
            region(1, "West", 1000, 1000, 256),
            region(2, "East", 1008, 1000, 256),
            region(3, "Far", 1000, 1005, 256),
            region(4, "Between", 1004, 1003, 256),
            region(5, "Wide", 900, 900, 1024),
            region(6, "Near its end", 907, 900, 256),
            region(7, "Too far", 912, 900, 256),
        ];
        let names = |group: &Vec<&RegionInfo>| group.iter().map(|one| one.name.clone()).collect::<Vec<_>>();
        let mut groups: Vec<_> = grouped(&regions).iter().map(names).collect();
        groups.sort();
        let expected: [&[&str]; 3] =
            [&["Too far"], &["West", "East", "Far", "Between"], &["Wide", "Near its end"]];
        assert_eq!(groups, expected);
    }

    #[test]
    fn hostile_names_are_text() {
        let regions = [region(1, "<script>alert(1)</script>\"", 0, 0, 256)];
        let standing =
            [Standing { region: regions[0].id, name: "<b>".into(), leaving: false, position: None }];
        let html = Map::new(&regions, &BTreeMap::new(), &standing, Tiles::Operator).render().unwrap();
        assert!(!html.contains("<script") && !html.contains("<b>"), "{html}");
    }

    #[test]
    fn an_empty_grid_has_no_picture() {
        let map = Map::new(&[], &BTreeMap::new(), &[], Tiles::Public);
        assert!(map.groups.is_empty());
        assert!(map.render().unwrap().contains("no region"));
    }
}
