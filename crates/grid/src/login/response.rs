use llsd::{Value, array, map};
use model::{AgentId, CircuitCode, RegionHandle, SecureSessionId, SessionId, Vec3};
use services::{Friend, InventoryFolder, InventoryItem, Place, Prepared, RegionInfo, library};

/// Reasons that viewers know (login fact sheet, section 5).
pub(super) mod reason {
    /// Name and password do not fit; the viewer forgets the password it had saved.
    pub(crate) const KEY: &str = "key";
    /// Not now, or not this person.
    pub(crate) const PRESENCE: &str = "presence";
    /// The terms have to be agreed to first; the viewer shows them and comes again.
    pub(crate) const TERMS: &str = "tos";
}

/// Textures of sun, clouds and moon.
const GLOBAL_TEXTURES: [(&str, &str); 3] = [
    ("sun_texture_id", "cce0f112-878f-4586-a2e2-a8f104bba271"),
    ("cloud_texture_id", "dc4b9f0b-d008-45c6-96a4-01dd947ac621"),
    ("moon_texture_id", "ec4b9f0b-d008-45c6-96a4-01dd947ac621"),
];

const CLASSIFIED_CATEGORIES: [&str; 9] = [
    "Shopping",
    "Land Rental",
    "Property Rental",
    "Special Attraction",
    "New Products",
    "Employment",
    "Wanted",
    "Service",
    "Personal",
];

/// Groups that somebody may be in.
const MAX_AGENT_GROUPS: i32 = 42;

/// A login that was refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoginFailure {
    /// What the viewer makes of it: `key`, `presence` ...
    pub reason: &'static str,
    /// What it shows.
    pub message: String,
}

impl LoginFailure {
    /// The same for both, so that nobody learns which names there are.
    pub(super) fn wrong_name_or_password() -> Self {
        let message = "There is no account with this name and password. \
                       Please check both, and that the viewer is set to this grid.";
        Self { reason: reason::KEY, message: message.into() }
    }

    /// Whoever it is has guessed too often. Not of the kind that makes viewers forget the password.
    pub(super) fn too_many_tries(wait_s: u64) -> Self {
        let wait = match wait_s {
            0..=90 => format!("{wait_s} seconds"),
            _ => format!("{} minutes", wait_s.div_ceil(60)),
        };
        Self::presence(format!("There were too many wrong passwords. Please try again in {wait}."))
    }

    /// By those who run the grid.
    pub(super) fn suspended() -> Self {
        Self::presence("This account is suspended. Please ask those who run the grid.")
    }

    /// Shows these terms.
    pub(super) fn terms(terms: &str) -> Self {
        Self { reason: reason::TERMS, message: terms.to_owned() }
    }

    /// What came was no login.
    pub(crate) fn unreadable() -> Self {
        Self { reason: reason::KEY, message: "That login could not be read.".into() }
    }

    /// Nobody's fault who logs in.
    pub(super) fn broken() -> Self {
        Self::presence("The grid cannot log you in at the moment. Please try again in a little while.")
    }

    pub(super) fn presence(message: impl Into<String>) -> Self {
        Self { reason: reason::PRESENCE, message: message.into() }
    }

    fn to_value(&self) -> Value {
        map! { "login" => "false", "reason" => self.reason, "message" => &self.message }
    }
}

/// A login that succeeded: all that a viewer is told.
#[derive(Clone, PartialEq, Debug)]
pub struct LoginSuccess {
    /// Who.
    pub agent: AgentId,
    /// First name.
    pub first: String,
    /// Last name.
    pub last: String,
    /// The login.
    pub session: SessionId,
    /// Its second secret.
    pub secure_session: SecureSessionId,
    /// The number of its circuits.
    pub circuit_code: CircuitCode,
    /// How to reach the region.
    pub prepared: Prepared,
    /// The region.
    pub region: RegionInfo,
    /// Where the agent looks.
    pub look_at: Vec3,
    /// `last`, `home`, `url`, or `safe` when that was not possible.
    pub start_location: &'static str,
    /// Home, and where its region is.
    pub home: (Place, RegionHandle),
    /// All folders, root first.
    pub skeleton: Vec<InventoryFolder>,
    /// Gestures that are active.
    pub gestures: Vec<InventoryItem>,
    /// Friends.
    pub friends: Vec<Friend>,
    /// Shown while the viewer starts.
    pub message: String,
    /// Base URL of map tiles, with a slash.
    pub map_url: String,
    /// What time it is, seconds since 1970.
    pub now_s: u64,
}

/// The answer to a login.
#[derive(Clone, PartialEq, Debug)]
pub enum LoginResponse {
    /// Welcome.
    Success(Box<LoginSuccess>),
    /// No.
    Failure(LoginFailure),
}

impl LoginResponse {
    /// As viewers read it, in XML-RPC and in LLSD.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Success(success) => success.to_value(),
            Self::Failure(failure) => failure.to_value(),
        }
    }
}

impl LoginSuccess {
    fn to_value(&self) -> Value {
        let no_id = model::Uuid::nil();
        let root = self.skeleton.first().map_or(no_id, |root| root.id.0);
        let (region, size) = (self.region.handle, self.region.size);
        map! {
            "login" => "true",
            "agent_id" => self.agent.0,
            "session_id" => self.session.0,
            "secure_session_id" => self.secure_session.0,
            "real_id" => no_id,
            "circuit_code" => self.circuit_code.0,
            "first_name" => &self.first,
            "last_name" => &self.last,
            "sim_ip" => self.prepared.sim_ip.to_string(),
            "sim_port" => self.prepared.sim_port,
            "http_port" => 0,
            "seed_capability" => &self.prepared.seed_capability,
            "region_x" => region.x_m(),
            "region_y" => region.y_m(),
            "region_size_x" => size.x,
            "region_size_y" => size.y,
            "look_at" => reals(self.look_at, ","),
            "home" => home_text(self.home),
            "start_location" => self.start_location,
            "agent_access" => "M",
            "agent_access_max" => "A",
            "agent_region_access" => "A",
            "message" => &self.message,
            "seconds_since_epoch" => i32::try_from(self.now_s).unwrap_or(i32::MAX),
            "max-agent-groups" => MAX_AGENT_GROUPS,
            "map-server-url" => &self.map_url,
            "inventory-root" => array![map! { "folder_id" => root }],
            "inventory-skeleton" => skeleton(&self.skeleton),
            "inventory-lib-root" => array![map! { "folder_id" => library::ROOT.0 }],
            "inventory-lib-owner" => array![map! { "agent_id" => library::OWNER.0 }],
            "inventory-skel-lib" => skeleton(library::folders()),
            "gestures" => self.gestures.iter().map(gesture).collect::<Value>(),
            "buddy-list" => self.friends.iter().filter_map(buddy).collect::<Value>(),
            // Never the first time: viewers would ask for a gender and copy an outfit from their maker's library.
            "login-flags" => array![map! {
                "stipend_since_login" => "N", "ever_logged_in" => "Y", "gendered" => "Y", "daylight_savings" => "N",
            }],
            "initial-outfit" => array![map! { "folder_name" => "Clothing", "gender" => "female" }],
            "global-textures" => array![GLOBAL_TEXTURES.into_iter().collect::<Pairs>().0],
            "ui-config" => array![map! { "allow_first_life" => "Y" }],
            "event_categories" => array![],
            "event_notifications" => array![],
            "classified_categories" => classified_categories(),
        }
    }
}

/// A map of texts.
struct Pairs(Value);

impl<'a> FromIterator<(&'a str, &'a str)> for Pairs {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(pairs: I) -> Self {
        Self(Value::Map(pairs.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect()))
    }
}

fn skeleton(folders: &[InventoryFolder]) -> Value {
    let folder = |folder: &InventoryFolder| {
        map! {
            "name" => &folder.name,
            "folder_id" => folder.id.0,
            "parent_id" => folder.parent.0,
            "version" => folder.version,
            "type_default" => folder.kind,
        }
    };
    folders.iter().map(folder).collect()
}

fn gesture(item: &InventoryItem) -> Value {
    map! { "item_id" => item.id.0, "asset_id" => item.asset.0 }
}

/// A friend who has not accepted is none yet.
fn buddy(friend: &Friend) -> Option<Value> {
    Some(map! {
        "buddy_id" => friend.friend.0,
        "buddy_rights_given" => friend.given.bits(),
        "buddy_rights_has" => friend.has?.bits(),
    })
}

fn classified_categories() -> Value {
    let category = |(id, name): (i32, &str)| map! { "category_id" => id, "category_name" => name };
    (1..).zip(CLASSIFIED_CATEGORIES).map(category).collect()
}

/// `[r1,r0.5,r0]`: LLSD notation as text, without exponents.
fn reals(vector: Vec3, separator: &str) -> String {
    let Vec3 { x, y, z } = if vector.is_finite() { vector } else { Vec3::X };
    format!("[r{x}{separator}r{y}{separator}r{z}]")
}

/// One client splits the handle at comma and blank (login fact sheet, 4.2).
fn home_text((home, handle): (Place, RegionHandle)) -> String {
    format!(
        "{{'region_handle':[r{}, r{}], 'position':{}, 'look_at':{}}}",
        handle.x_m(),
        handle.y_m(),
        reals(home.position, ", "),
        reals(home.look_at, ", "),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::RegionId;

    #[test]
    fn places_are_written_as_viewers_and_bots_read_them() {
        assert_eq!(reals(Vec3::new(1.0, -0.5, 0.0), ","), "[r1,r-0.5,r0]");
        assert_eq!(reals(Vec3::new(1e-9, 1e10, 0.1), ","), "[r0.000000001,r10000000000,r0.1]");
        assert_eq!(reals(Vec3::NAN, ","), "[r1,r0,r0]");
        let home = Place {
            region: RegionId::NULL,
            position: Vec3::new(128.5, 128.0, 30.0),
            look_at: Vec3::new(1.0, 0.0, 0.0),
        };
        assert_eq!(
            home_text((home, RegionHandle::from_metres(256_000, 256_256))),
            "{'region_handle':[r256000, r256256], 'position':[r128.5, r128, r30], 'look_at':[r1, r0, r0]}"
        );
    }
}
