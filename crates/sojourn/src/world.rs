//! The world file: which regions there are.

use anyhow::{Context as _, Result, bail};
use model::{GridCell, RegionHandle, RegionId, RegionRect, RegionSize, Uuid};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::path::Path;

/// Bytes of a region's name.
const NAME: usize = 63;
/// Regions of one process.
const MAX_REGIONS: usize = 1000;
/// Metres of a region's edge.
const MAX_EDGE_M: u32 = 8192;
/// The last column and row that a handle can name whole.
const MAX_CELL: u32 = u32::MAX / model::CELL_M;
/// Root agents at most, unless the file says otherwise.
const MAX_AGENTS: usize = 100;
/// What a region may say is its most.
const MOST_AGENTS: usize = 10_000;

/// Who may come in.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug, Default)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Access {
    /// Everybody.
    #[default]
    Open,
    /// The owner and the members of the estate.
    Members,
}

/// What users are told to expect.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug, Default)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Maturity {
    /// Everybody may see it.
    #[default]
    #[serde(alias = "pg")]
    General,
    #[serde(alias = "mature")]
    Moderate,
    Adult,
}

/// The shape of the land.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug, Default)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Terrain {
    /// Hills, with a flat shore all around.
    #[default]
    Island,
    /// The height of the shore everywhere.
    Flat,
}

/// A region, checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct WorldRegion {
    pub(crate) id: RegionId,
    pub(crate) name: String,
    pub(crate) cell: GridCell,
    pub(crate) size: RegionSize,
    pub(crate) port: u16,
    pub(crate) max_agents: usize,
    pub(crate) access: Access,
    pub(crate) maturity: Maturity,
    pub(crate) terrain: Terrain,
    /// Names of accounts.
    pub(crate) owner: Option<String>,
    /// Names of accounts.
    pub(crate) members: Vec<String>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    region: Vec<Region>,
    #[serde(default)]
    estate: Vec<Estate>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct Region {
    name: String,
    at: [u32; 2],
    size: Option<[u32; 2]>,
    port: u16,
    uuid: Option<Uuid>,
    max_agents: Option<usize>,
    #[serde(default)]
    access: Access,
    estate: Option<String>,
    #[serde(default)]
    maturity: Maturity,
    #[serde(default)]
    terrain: Terrain,
}

/// Who owns regions, and who belongs to them.
#[derive(Deserialize, Clone, Debug)]
#[serde(deny_unknown_fields)]
struct Estate {
    name: String,
    owner: Option<String>,
    #[serde(default)]
    members: Vec<String>,
}

/// Reads a world file. `identity` is the data folder's own, so that worlds made from the same file are different
/// ones.
pub(crate) fn read(path: &Path, identity: Uuid) -> Result<Vec<WorldRegion>> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    parse(&text, identity).with_context(|| path.display().to_string())
}

/// The world without a file: four regions in a square, and one out of sight. Their ports follow the HTTP port.
pub(crate) fn built_in(http_port: u16, identity: Uuid) -> Result<Vec<WorldRegion>> {
    let places = [
        ("Sojourn Plaza", 1000, 1000),
        ("Sojourn East", 1001, 1000),
        ("Sojourn North", 1000, 1001),
        ("Sojourn Heights", 1001, 1001),
        ("Far Away", 1100, 1100),
    ];
    let regions = places.into_iter().zip(1..).map(|((name, x, y), n)| {
        let port = http_port.checked_add(n).with_context(|| {
            format!("the regions' ports follow the HTTP port, and none follow {http_port}; see --world")
        })?;
        Ok(Region {
            name: name.to_owned(),
            at: [x, y],
            size: None,
            port,
            uuid: None,
            max_agents: None,
            access: Access::Open,
            estate: None,
            maturity: Maturity::General,
            terrain: Terrain::Island,
        })
    });
    check(regions.collect::<Result<_>>()?, &[], identity)
}

fn parse(text: &str, identity: Uuid) -> Result<Vec<WorldRegion>> {
    let File { region, estate } = toml::from_str(text)?;
    check(region, &estate, identity)
}

fn check(regions: Vec<Region>, estates: &[Estate], identity: Uuid) -> Result<Vec<WorldRegion>> {
    if regions.is_empty() {
        bail!("there is no [[region]] in it");
    }
    if regions.len() > MAX_REGIONS {
        bail!("{} regions are too many for one process; {MAX_REGIONS} is the most", regions.len());
    }
    let mut estate_names = BTreeSet::new();
    if let Some(twice) = estates.iter().find(|estate| !estate_names.insert(&estate.name)) {
        bail!("the estate {:?} is described twice", twice.name);
    }
    let mut checked: Vec<WorldRegion> = Vec::with_capacity(regions.len());
    for region in regions {
        let name = region.name.clone();
        let region = one(region, estates, identity).with_context(|| format!("region {name:?}"))?;
        for other in &checked {
            apart(&region, other)?;
        }
        checked.push(region);
    }
    Ok(checked)
}

fn one(region: Region, estates: &[Estate], identity: Uuid) -> Result<WorldRegion> {
    let name = region.name.trim().to_owned();
    if name.is_empty() || name.len() > NAME {
        bail!("a name has between 1 and {NAME} bytes");
    }
    // These mean something in the places that users type.
    if name.chars().any(|c| c.is_control() || "&/:@|".contains(c)) {
        bail!("a name must not contain control characters or any of & / : @ |");
    }
    let [x, y] = region.at;
    let [size_x, size_y] = region.size.unwrap_or([model::CELL_M; 2]);
    let size = RegionSize { x: size_x, y: size_y };
    if !size.is_valid() || size_x > MAX_EDGE_M || size_y > MAX_EDGE_M {
        bail!("the size is {size_x} x {size_y} m; edges are multiples of 256 m up to {MAX_EDGE_M} m");
    }
    let (cells_x, cells_y) = (size_x / model::CELL_M, size_y / model::CELL_M);
    if x > MAX_CELL - cells_x || y > MAX_CELL - cells_y {
        bail!("({x}, {y}) is beyond the end of the world; columns and rows go to {MAX_CELL}");
    }
    if x == 0 && y == 0 {
        bail!("(0, 0) is no place: viewers take it for none");
    }
    if region.port == 0 {
        bail!("the port is 0; it must be one that viewers can be told");
    }
    let max_agents = region.max_agents.unwrap_or(MAX_AGENTS);
    if !(1..=MOST_AGENTS).contains(&max_agents) {
        bail!("max_agents is {max_agents}; it must be between 1 and {MOST_AGENTS}");
    }
    let id = region.uuid.unwrap_or_else(|| derived(identity, &name, region.at));
    if id.is_nil() {
        bail!("the uuid is null");
    }
    let estate = region.estate.as_ref().and_then(|name| estates.iter().find(|estate| estate.name == *name));
    if let Some(name) = &region.estate
        && estate.is_none()
        && !estates.is_empty()
    {
        bail!("there is no [[estate]] of the name {name:?}");
    }
    Ok(WorldRegion {
        id: RegionId(id),
        name,
        cell: GridCell { x, y },
        size,
        port: region.port,
        max_agents,
        access: region.access,
        maturity: region.maturity,
        terrain: region.terrain,
        owner: estate.and_then(|estate| estate.owner.clone()),
        members: estate.map(|estate| estate.members.clone()).unwrap_or_default(),
    })
}

/// Two regions that cannot both be.
fn apart(one: &WorldRegion, other: &WorldRegion) -> Result<()> {
    let (a, b) = (&one.name, &other.name);
    if a.to_lowercase() == b.to_lowercase() {
        bail!("two regions are called {a:?}");
    }
    if one.port == other.port {
        bail!("the regions {b:?} and {a:?} have the same port {}", one.port);
    }
    if one.id == other.id {
        bail!("the regions {b:?} and {a:?} have the same uuid {}", one.id);
    }
    let rect = |region: &WorldRegion| RegionRect { handle: region.cell.handle(), size: region.size };
    if overlap(rect(one), rect(other)) {
        bail!("the regions {b:?} and {a:?} overlap");
    }
    Ok(())
}

fn overlap(one: RegionRect, other: RegionRect) -> bool {
    let east = |rect: RegionRect| u64::from(rect.handle.x_m()) + u64::from(rect.size.x);
    let north = |rect: RegionRect| u64::from(rect.handle.y_m()) + u64::from(rect.size.y);
    let west = |rect: RegionRect| u64::from(rect.handle.x_m());
    let south = |rect: RegionRect| u64::from(rect.handle.y_m());
    west(one) < east(other)
        && west(other) < east(one)
        && south(one) < north(other)
        && south(other) < north(one)
}

/// A region's id where the file names none: the same at every start, for the same name and place.
fn derived(identity: Uuid, name: &str, at: [u32; 2]) -> Uuid {
    let handle: RegionHandle = GridCell { x: at[0], y: at[1] }.handle();
    let mut hash = Sha256::new();
    hash.update(identity.as_bytes());
    hash.update(handle.0.to_be_bytes());
    hash.update(name.as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.finalize()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDENTITY: Uuid = Uuid::from_u128(7);

    fn region(more: &str) -> String {
        format!("[[region]]\nname = \"One\"\nat = [1000, 1000]\nport = 9001\n{more}\n")
    }

    fn refused(text: &str, words: &[&str]) {
        let error = parse(text, IDENTITY).expect_err(text);
        let error = format!("{error:#}");
        for word in words {
            assert!(error.contains(word), "{word:?} in {error:?}");
        }
    }

    #[test]
    fn the_example_of_the_contract() {
        let text = r#"
            [[region]]
            name = "Test One"
            at = [1000, 1000]
            size = [256, 256]
            port = 9001

            [[region]]
            name = "Test Two"
            at = [1001, 1000]
            port = 9002
            uuid = "f0000000-0000-4000-8000-000000000001"
            max_agents = 1
            access = "members"
            estate = "The Estate"
            maturity = "moderate"
        "#;
        let world = parse(text, IDENTITY).unwrap();
        assert_eq!(world.len(), 2);
        assert_eq!(world[0].name, "Test One");
        assert_eq!((world[0].access, world[0].max_agents), (Access::Open, MAX_AGENTS));
        assert_eq!((world[1].access, world[1].max_agents), (Access::Members, 1));
        assert_eq!(world[1].id.to_string(), "f0000000-0000-4000-8000-000000000001");
        assert_eq!(world[1].maturity, Maturity::Moderate);
    }

    #[test]
    fn the_built_in_world_has_four_neighbours_and_one_far_away() {
        let world = built_in(9000, IDENTITY).unwrap();
        assert_eq!(
            world.iter().map(|region| region.port).collect::<Vec<_>>(),
            [9001, 9002, 9003, 9004, 9005]
        );
        let rect = |region: &WorldRegion| RegionRect { handle: region.cell.handle(), size: region.size };
        for region in &world[..4] {
            assert_eq!(rect(region).gap_m(rect(&world[0])), 0);
            assert!(rect(region).gap_m(rect(&world[4])) > 10_000);
        }
        assert!(built_in(65_533, IDENTITY).is_err());
    }

    #[test]
    fn ids_stay_the_same_and_are_this_worlds_own() {
        let id = |text: &str, identity| parse(text, identity).unwrap()[0].id;
        let here = id(&region(""), IDENTITY);
        assert_eq!(here, id(&region("max_agents = 5"), IDENTITY));
        assert_ne!(here, id(&region(""), Uuid::from_u128(8)));
        assert_ne!(here, id(&region("").replace("1000]", "1001]"), IDENTITY));
    }

    #[test]
    fn unknown_keys_are_refused_and_the_known_ones_named() {
        refused(&region("colour = 1"), &["colour", "max_agents", "maturity"]);
        refused("[[regions]]\nname = 'x'", &["regions", "region"]);
    }

    #[test]
    fn regions_that_cannot_both_be_are_refused() {
        let second = |name: &str, at: &str, port: u16| {
            format!("{}[[region]]\nname = {name:?}\nat = {at}\nport = {port}\n", region(""))
        };
        refused(&second("one", "[5, 5]", 9002), &["called", "one"]);
        refused(&second("Two", "[5, 5]", 9001), &["port", "9001", "One", "Two"]);
        refused(&second("Two", "[1000, 1000]", 9002), &["overlap", "One", "Two"]);
        refused(&format!("{}size = [512, 256]\n", second("Two", "[999, 1000]", 9002)), &["overlap"]);
        parse(&second("Two", "[999, 1000]", 9002), IDENTITY).unwrap();
    }

    #[test]
    fn what_no_region_can_be_is_refused() {
        for (more, words) in [
            ("size = [100, 256]", &["256"][..]),
            ("size = [0, 256]", &["256"]),
            ("size = [65536, 256]", &["8192"]),
            ("max_agents = 0", &["max_agents"]),
            ("access = 'nobody'", &["open", "members"]),
            ("uuid = '00000000-0000-0000-0000-000000000000'", &["uuid"]),
            ("uuid = 'x'", &["uuid"]),
            ("maturity = 'x'", &["general"]),
        ] {
            refused(&region(more), words);
        }
        refused("", &["[[region]]"]);
        refused(&region("").replace("One", "A & B"), &["&"]);
        refused(&region("").replace("One", ""), &["name"]);
        refused(&region("").replace("[1000, 1000]", "[0, 0]"), &["(0, 0)"]);
        refused(&region("").replace("[1000, 1000]", "[16777215, 5]"), &["end of the world"]);
        refused(&region("").replace("[1000, 1000]", "[-1, 5]"), &["at"]);
        refused(&region("").replace("9001", "0"), &["port"]);
    }

    #[test]
    fn estates_have_owners_and_members() {
        let estate = "[[estate]]\nname = 'E'\nowner = 'Ada Lovelace'\nmembers = ['Alan Turing']\n";
        let world = parse(&format!("{}{estate}", region("estate = 'E'")), IDENTITY).unwrap();
        assert_eq!(world[0].owner.as_deref(), Some("Ada Lovelace"));
        assert_eq!(world[0].members, ["Alan Turing"]);
        refused(&format!("{}{estate}", region("estate = 'F'")), &["estate", "F"]);
        refused(&format!("{}{estate}{estate}", region("")), &["twice"]);
    }
}
