//! `/grid`: the map of regions (grid services fact sheet, section 2).

use crate::text::FromText;
use crate::{Form, Malformed, Tree, Wording};
use model::{RegionHandle, RegionId, RegionSize, Uuid};
use services::{RegionFlags, RegionInfo};
use std::collections::BTreeMap;

/// How this service says whether it is done.
pub const WORDING: Wording = Wording::CAPITALIZED;

/// What the grid says when a region's entry makes no sense.
pub const ERROR_COMMUNICATING: &str = "Error communicating with grid service";

/// The newest version of the protocol that is spoken here; the oldest is 0.
const VERSION: i64 = 1;
/// Flags of a region that does not exist.
const UNKNOWN_REGION: i64 = -1;

/// What the service is asked. Coordinates are global metres.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Call {
    /// Enters a region.
    Register(Box<Entry>),
    /// Strikes a region out.
    Deregister(RegionId),
    /// Which regions touch this one?
    Neighbours(RegionId),
    /// Which region has this id?
    ById(RegionId),
    /// Which region covers this point?
    ByPosition {
        /// Metres east.
        x_m: u32,
        /// Metres north.
        y_m: u32,
    },
    /// Which region has this name?
    ByName(String),
    /// Which regions have this in their name?
    Search {
        /// The text.
        name: String,
        /// How many at most.
        limit: u32,
    },
    /// Which regions touch this rectangle?
    Range {
        /// West.
        min_x_m: u32,
        /// South.
        min_y_m: u32,
        /// East.
        max_x_m: u32,
        /// North.
        max_y_m: u32,
    },
    /// Where do logins go?
    DefaultRegions,
    /// Where do visitors of other grids go?
    DefaultHypergridRegions,
    /// Where do logins go if their place is down?
    FallbackRegions {
        /// Metres east of their place.
        x_m: u32,
        /// Metres north of it.
        y_m: u32,
    },
    /// Which regions are online?
    OnlineRegions {
        /// Metres east of where they are wanted.
        x_m: u32,
        /// Metres north of it.
        y_m: u32,
        /// How many at most.
        limit: u32,
    },
    /// Which regions stand for regions of other grids?
    Hyperlinks,
    /// What does the grid think of this region?
    Flags(RegionId),
    /// What does the grid tell viewers by way of simulators?
    ExtraFeatures,
}

impl Call {
    /// Reads a request. Scopes are not looked at: there is one.
    pub fn parse(form: &Form) -> Result<Self, Malformed> {
        let region = || form.get("REGIONID");
        let (x_m, y_m) = (|| metres(form, "X"), || metres(form, "Y"));
        Ok(match form.required("METHOD")? {
            "register" => {
                check_version(form)?;
                Self::Register(Box::new(Entry::from_form(form)?))
            }
            "deregister" => Self::Deregister(region()?),
            "get_neighbours" => Self::Neighbours(region()?),
            "get_region_by_uuid" => Self::ById(region()?),
            "get_region_by_position" => Self::ByPosition { x_m: x_m()?, y_m: y_m()? },
            "get_region_by_name" => Self::ByName(form.get("NAME")?),
            "get_regions_by_name" => Self::Search { name: form.get("NAME")?, limit: limit(form, "MAX")? },
            "get_region_range" => Self::Range {
                min_x_m: metres(form, "XMIN")?,
                min_y_m: metres(form, "YMIN")?,
                max_x_m: metres(form, "XMAX")?,
                max_y_m: metres(form, "YMAX")?,
            },
            "get_default_regions" => Self::DefaultRegions,
            "get_default_hypergrid_regions" => Self::DefaultHypergridRegions,
            "get_fallback_regions" => Self::FallbackRegions { x_m: x_m()?, y_m: y_m()? },
            "get_online_regions" => {
                Self::OnlineRegions { x_m: x_m()?, y_m: y_m()?, limit: limit(form, "MC")? }
            }
            "get_hyperlinks" => Self::Hyperlinks,
            "get_region_flags" => Self::Flags(region()?),
            "get_grid_extra_features" => Self::ExtraFeatures,
            other => return Err(Malformed::UnknownMethod(other.to_owned())),
        })
    }

    /// Writes a request.
    pub fn to_form(&self) -> Form {
        let all = || Form::new().with("SCOPEID", Uuid::nil());
        let about = |region: &RegionId| all().with("REGIONID", region);
        // Beyond, theirs read nothing.
        let int = |number: &u32| (*number).min(i32::MAX.cast_unsigned());
        let at = |x_m: &u32, y_m: &u32| all().with("X", int(x_m)).with("Y", int(y_m));
        let (form, method) = match self {
            Self::Register(entry) => {
                (entry.to_form().with("SCOPEID", Uuid::nil()).with_versions(), "register")
            }
            Self::Deregister(region) => (Form::new().with("REGIONID", region), "deregister"),
            Self::Neighbours(region) => (about(region), "get_neighbours"),
            Self::ById(region) => (about(region), "get_region_by_uuid"),
            Self::ByPosition { x_m, y_m } => (at(x_m, y_m), "get_region_by_position"),
            Self::ByName(name) => (all().with("NAME", name), "get_region_by_name"),
            Self::Search { name, limit } => {
                (all().with("NAME", name).with("MAX", int(limit)), "get_regions_by_name")
            }
            Self::Range { min_x_m, min_y_m, max_x_m, max_y_m } => (
                all()
                    .with("XMIN", int(min_x_m))
                    .with("XMAX", int(max_x_m))
                    .with("YMIN", int(min_y_m))
                    .with("YMAX", int(max_y_m)),
                "get_region_range",
            ),
            Self::DefaultRegions => (all(), "get_default_regions"),
            Self::DefaultHypergridRegions => (all(), "get_default_hypergrid_regions"),
            Self::FallbackRegions { x_m, y_m } => (at(x_m, y_m), "get_fallback_regions"),
            Self::OnlineRegions { x_m, y_m, limit } => {
                (at(x_m, y_m).with("MC", int(limit)), "get_online_regions")
            }
            Self::Hyperlinks => (all(), "get_hyperlinks"),
            Self::Flags(region) => (about(region), "get_region_flags"),
            Self::ExtraFeatures => (Form::new(), "get_grid_extra_features"),
        };
        form.with("METHOD", method)
    }
}

/// Simulators ask beyond the edges of the world, which is where it ends.
fn metres(form: &Form, name: &'static str) -> Result<u32, Malformed> {
    let metres: i64 = form.get(name)?;
    Ok(u32::try_from(metres.max(0)).unwrap_or(u32::MAX))
}

fn limit(form: &Form, name: &'static str) -> Result<u32, Malformed> {
    metres(form, name)
}

fn check_version(form: &Form) -> Result<(), Malformed> {
    let oldest: i64 = form.get_optional("VERSIONMIN")?.unwrap_or_default();
    let newest: i64 = form.get_optional("VERSIONMAX")?.unwrap_or_default();
    if oldest > VERSION || newest < 0 { Err(Malformed::odd("VERSIONMIN")) } else { Ok(()) }
}

/// A region as it travels.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Entry {
    /// The region.
    pub region: RegionInfo,
    /// What its simulator made up to know itself by; for a link to another grid, the handle of the region there.
    pub secret: String,
}

impl Entry {
    /// The entry of a region, without its secrets: what is told to others.
    pub fn public(region: RegionInfo) -> Self {
        Self { region: RegionInfo { token: String::new(), ..region }, secret: String::new() }
    }

    fn from_form(form: &Form) -> Result<Self, Malformed> {
        Self::read(|name| form.text(name), RegionFlags::empty())
    }

    /// Releases up to 0.7.6 do not tell the flags; regions that they tell of are online as far as anybody knows.
    fn from_tree(tree: &Tree) -> Result<Self, Malformed> {
        Self::read(|name| tree.text(name), RegionFlags::ONLINE)
    }

    fn read<'a>(
        text: impl Fn(&'static str) -> Option<&'a str>,
        flags: RegionFlags,
    ) -> Result<Self, Malformed> {
        let string = |name| text(name).unwrap_or_default().to_owned();
        let external_host = string("serverIP");
        let http_port = required(&text, "serverHttpPort")?;
        let server_uri = match text("serverURI").filter(|uri| !uri.is_empty()) {
            Some(uri) => uri.to_owned(),
            None => format!("http://{external_host}:{http_port}/"),
        };
        let flags = match optional::<i64>(&text, "flags")? {
            Some(bits) => RegionFlags::from_bits_retain(bits as u32),
            None => flags,
        };
        let region = RegionInfo {
            id: required(&text, "uuid")?,
            name: string("regionName"),
            handle: RegionHandle::from_metres(required(&text, "locX")?, required(&text, "locY")?),
            size: size(optional(&text, "sizeX")?, optional(&text, "sizeY")?),
            external_host,
            http_port,
            udp_port: required(&text, "serverPort")?,
            server_uri,
            owner: optional(&text, "owner_uuid")?.unwrap_or_default(),
            access: optional(&text, "access")?.unwrap_or_default(),
            flags,
            map_image: optional(&text, "regionMapTexture")?.unwrap_or_default(),
            parcel_image: optional(&text, "parcelMapTexture")?.unwrap_or_default(),
            token: string("Token"),
        };
        Ok(Self { region, secret: string("regionSecret") })
    }

    /// The fields in their order; the flags only where they are told.
    fn fields(&self, with_flags: bool) -> Vec<(&'static str, String)> {
        let region = &self.region;
        let mut fields = vec![
            ("uuid", region.id.to_string()),
            ("locX", region.handle.x_m().to_string()),
            ("locY", region.handle.y_m().to_string()),
            ("sizeX", region.size.x.to_string()),
            ("sizeY", region.size.y.to_string()),
            ("regionName", region.name.clone()),
        ];
        if with_flags {
            fields.push(("flags", region.flags.bits().cast_signed().to_string()));
        }
        fields.extend([
            ("serverIP", region.external_host.clone()),
            ("serverHttpPort", region.http_port.to_string()),
            ("serverURI", region.server_uri.clone()),
            ("serverPort", region.udp_port.to_string()),
            ("regionMapTexture", region.map_image.to_string()),
            ("parcelMapTexture", region.parcel_image.to_string()),
            ("access", region.access.to_string()),
            ("regionSecret", self.secret.clone()),
            ("owner_uuid", region.owner.to_string()),
            ("Token", region.token.clone()),
        ]);
        fields
    }

    fn to_form(&self) -> Form {
        self.fields(false).into_iter().fold(Form::new(), |form, (name, value)| form.with(name, value))
    }

    fn to_tree(&self) -> Tree {
        self.fields(true).into_iter().fold(Tree::new(), |tree, (name, value)| tree.with(name, value))
    }
}

fn optional<'a, T: FromText>(
    text: &impl Fn(&'static str) -> Option<&'a str>,
    name: &'static str,
) -> Result<Option<T>, Malformed> {
    match text(name) {
        None | Some("") => Ok(None),
        Some(text) => T::from_text(text).map(Some).ok_or(Malformed::odd(name)),
    }
}

fn required<'a, T: FromText>(
    text: &impl Fn(&'static str) -> Option<&'a str>,
    name: &'static str,
) -> Result<T, Malformed> {
    optional(text, name)?.ok_or(Malformed::missing(name))
}

/// Releases without regions of other sizes do not tell any.
fn size(x: Option<u32>, y: Option<u32>) -> RegionSize {
    match (x, y) {
        (Some(x), Some(y)) if x > 0 && y > 0 => RegionSize { x, y },
        _ => RegionSize::STANDARD,
    }
}

/// Answers everything that asks for one region.
pub fn write_one(entry: Option<&Entry>) -> Tree {
    entry.map_or_else(Tree::null, |entry| Tree::new().with_list("result", entry.to_tree()))
}

/// Reads what [`write_one`] wrote.
pub fn read_one(answer: &Tree) -> Result<Option<Entry>, Malformed> {
    answer.found()?.map(Entry::from_tree).transpose()
}

/// Answers everything that asks for several regions.
pub fn write_many<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Tree {
    Tree::numbered("region", entries.into_iter().map(Entry::to_tree))
}

/// Reads what [`write_many`] wrote.
pub fn read_many(answer: &Tree) -> Result<Vec<Entry>, Malformed> {
    answer.found_many()?.into_iter().map(Entry::from_tree).collect()
}

/// Answers [`Call::Flags`].
pub fn write_flags(flags: Option<RegionFlags>) -> Tree {
    Tree::new().with("result", flags.map_or(UNKNOWN_REGION, |flags| flags.bits().into()))
}

/// Reads what [`write_flags`] wrote.
pub fn read_flags(answer: &Tree) -> Result<Option<RegionFlags>, Malformed> {
    if let Err(failure @ Malformed::Failure(_)) = answer.found() {
        return Err(failure);
    }
    let flags: i64 = answer.get("result")?;
    let flags = u32::try_from(flags).ok();
    Ok(flags.map(RegionFlags::from_bits_retain))
}

/// Answers [`Call::ExtraFeatures`].
pub fn write_features(features: &BTreeMap<String, String>) -> Tree {
    features.iter().fold(Tree::new(), |tree, (name, value)| tree.with(name, value))
}

/// Reads what [`write_features`] wrote.
pub fn read_features(answer: &Tree) -> Result<BTreeMap<String, String>, Malformed> {
    if let Err(failure @ Malformed::Failure(_)) = answer.found() {
        return Err(failure);
    }
    let texts = answer.nodes().iter().filter_map(|(name, node)| Some((name, node.as_text()?)));
    let features = texts.filter(|(name, text)| *name != "result" || *text != "null");
    Ok(features.map(|(name, text)| (name.clone(), text.to_owned())).collect())
}
