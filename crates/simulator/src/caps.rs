//! Capabilities: what a viewer may ask over HTTP once it has an agent in a region.
//!
//! One small file for each subject. A capability is granted only if it really does what viewers take it for: the
//! mere presence of some (InventoryAPIv3, LibraryAPIv3, AgentProfile, UpdateAvatarAppearance, GroupAPIv1) makes
//! viewers rely on them, so a name that is not in [`Capability`] is never granted. Facts: the capabilities fact
//! sheet, section 6.

mod agent;
mod assets;
mod environment;
mod features;
mod home;
mod inventory;
pub(crate) mod mailbox;
mod map;
mod memory;
mod names;
mod objects;
mod pace;
mod query;
mod range;
mod temporary;
pub(crate) mod upload;

pub(crate) use memory::Memory;
pub(crate) use temporary::TemporaryAssets;

use crate::directory::CapsEntry;
use crate::http::routes::Shared;
use crate::http::{body, reply};
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use llsd::Value;
use services::ServiceError;
use std::time::Instant;

macro_rules! capabilities {
    ($($name:ident)*) => {
        /// The capabilities that are granted, under the names that viewers ask for.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub(crate) enum Capability { $($name),* }

        impl Capability {
            /// The capability of that name.
            pub(crate) fn by_name(name: &str) -> Option<Self> {
                match name { $(stringify!($name) => Some(Self::$name),)* _ => None }
            }

            /// Its name.
            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),* }
            }
        }

        #[cfg(test)]
        pub(crate) const ALL: &[Capability] = &[$(Capability::$name),*];
    };
}

capabilities! {
    AgentPreferences
    AvatarPickerSearch
    CreateInventoryCategory
    EnvironmentSettings
    EventQueueGet
    ExtEnvironment
    FetchInventory2
    FetchInventoryDescendents2
    FetchLib2
    FetchLibDescendents2
    GetDisplayNames
    GetMesh
    GetMesh2
    GetObjectCost
    GetObjectPhysicsData
    GetTexture
    HomeLocation
    MapLayer
    NewFileAgentInventory
    ProductInfoRequest
    ReadOfflineMsgs
    ResourceCostSelected
    SimulatorFeatures
    UpdateAgentInformation
    UpdateAgentLanguage
    UpdateGestureAgentInventory
    UpdateNotecardAgentInventory
    UpdateSettingsAgentInventory
    UploadBakedTexture
    ViewerAsset
}

/// A request to a capability of a known agent.
pub(crate) struct Asked<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) entry: CapsEntry,
    pub(crate) method: &'a Method,
    /// What follows the question mark.
    pub(crate) query: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a Bytes,
}

/// Why there is no answer; becomes a status.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("not understood")]
    Malformed,
    #[error("not here")]
    NotFound,
    #[error("too much at a time")]
    Busy,
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl Fault {
    fn response(self) -> Response<Body> {
        reply::status(match &self {
            Self::Malformed | Self::Service(ServiceError::Invalid(_)) => StatusCode::BAD_REQUEST,
            Self::Service(ServiceError::Refused(_)) => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            // Viewers try again after these.
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Service(error @ ServiceError::Unavailable(_)) => {
                tracing::warn!(%error, "a capability could not be served");
                StatusCode::SERVICE_UNAVAILABLE
            }
        })
    }
}

type Answer = Result<Response<Body>, Fault>;

impl Asked<'_> {
    /// The body as a map.
    fn map(&self) -> Result<Value, Fault> {
        match body::llsd(self.headers, self.body) {
            Some(value @ Value::Map(_)) => Ok(value),
            _ => Err(Fault::Malformed),
        }
    }

    /// Fails unless the method is this one.
    fn only(&self, method: Method) -> Result<(), Fault> {
        if self.method == method { Ok(()) } else { Err(Fault::NotFound) }
    }
}

/// Answers a request.
pub(crate) async fn answer(capability: Capability, asked: Asked<'_>) -> Response<Body> {
    use Capability as C;
    if !asked.shared.memory.paces.allow(asked.entry.session, capability, Instant::now()) {
        let mut wait = Fault::Busy.response();
        wait.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        return wait;
    }
    let answer = match capability {
        C::SimulatorFeatures => features::simulator_features(&asked),
        C::ProductInfoRequest => features::product_info(&asked),
        C::UpdateAgentInformation => agent::information(&asked),
        C::UpdateAgentLanguage => agent::language(&asked),
        C::AgentPreferences => agent::preferences(&asked),
        C::ReadOfflineMsgs => mailbox::read(&asked).await,
        C::HomeLocation => home::set(&asked).await,
        C::CreateInventoryCategory => inventory::create_category(&asked).await,
        C::FetchInventory2 | C::FetchLib2 => inventory::fetch_items(&asked, capability).await,
        C::FetchInventoryDescendents2 | C::FetchLibDescendents2 => {
            inventory::fetch_descendents(&asked, capability).await
        }
        C::GetDisplayNames => names::display_names(&asked).await,
        C::AvatarPickerSearch => names::search(&asked).await,
        C::ViewerAsset | C::GetTexture | C::GetMesh | C::GetMesh2 => assets::get(&asked).await,
        C::ExtEnvironment => environment::extended(&asked),
        C::EnvironmentSettings => environment::settings(&asked),
        C::UploadBakedTexture => upload::baked(&asked),
        C::NewFileAgentInventory => upload::new_file(&asked).await,
        C::UpdateNotecardAgentInventory
        | C::UpdateGestureAgentInventory
        | C::UpdateSettingsAgentInventory => upload::update(&asked, capability).await,
        C::GetObjectCost | C::GetObjectPhysicsData => objects::none(&asked),
        C::ResourceCostSelected => objects::selected(&asked),
        C::MapLayer => map::layer(&asked),
        // A poll waits for the region and is answered elsewhere; with another method it is nothing.
        C::EventQueueGet => Err(Fault::NotFound),
    };
    answer.unwrap_or_else(Fault::response)
}

/// Text from outside, cut to so many bytes and without control characters, which XML cannot carry.
fn clean(text: &str, max_bytes: usize) -> String {
    let mut clean: String = text.chars().filter(|c| !c.is_control()).take(max_bytes).collect();
    while clean.len() > max_bytes {
        clean.pop();
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_capabilities_and_back() {
        for &capability in ALL {
            assert_eq!(Capability::by_name(capability.name()), Some(capability));
        }
        for unwanted in [
            "InventoryAPIv3",
            "LibraryAPIv3",
            "AgentProfile",
            "UpdateAvatarAppearance",
            "GroupAPIv1",
            "Seed",
            "",
        ] {
            assert_eq!(Capability::by_name(unwanted), None);
        }
    }

    #[test]
    fn text_is_cut_at_a_character() {
        assert_eq!(clean("a\u{1}bcü", 4), "abc");
        assert_eq!(clean("ab\ncü", 5), "abcü");
    }
}
