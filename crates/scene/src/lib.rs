//! One region's world: who is in it, where they stand, how they move, what they hear, and the land under them.
//!
//! The scene is a value. It knows no packet, no socket and no clock: the region tells it the time with every call
//! that needs it, and hands in the list to which the scene adds its news ([`SceneEvent`]). News carries names, not
//! states; whoever sends an update reads the state ([`Presence`]) when it sends, so a slow viewer gets fewer
//! updates, never older ones. [`interest`] keeps for each viewer what it still has to hear, and in which order.
//!
//! Motion is kinematic and runs in fixed steps ([`STEP`]), so that the same inputs give the same walk on every
//! machine. Keys act at once: a first step is told before it is taken. Others carry a motion on by themselves, so
//! only what they would get wrong is news. Who does not move costs nothing: [`Scene::next_wakeup`] is `None` while
//! everybody rests, and an empty region never ticks.
//!
//! At the border an avatar is predicted one step ahead. The scene reports [`SceneEvent::BorderReached`] once an
//! approach and holds the avatar; the region answers with [`Scene::make_child`] (it went), [`Scene::relocate`], or
//! [`Scene::border_refused`] (it slides along the border like along a wall). What lies beyond is not the scene's
//! business.
//!
//! Absent on purpose: packets (except [`wire`], the two fixed layouts that are nothing but quantised states),
//! neighbours, sessions, permissions. Everything from outside is cleaned where it enters ([`Control`],
//! [`Placement`], [`Appearance`]); inside, every number is finite and every rotation a unit.

mod animation;
mod chat;
mod coarse;
mod control;
mod event;
pub mod interest;
mod local_ids;
mod motion;
mod parcel;
mod presence;
mod report;
mod scene;
mod terrain;
pub mod wire;

pub use animation::{AnimationSet, MAX_REQUESTED, Playing, builtin};
pub use chat::{ChatRanges, ChatType};
pub use coarse::CoarseLocation;
pub use control::{Camera, Control, ControlFlags, MAX_DRAW_DISTANCE_M, MIN_DRAW_DISTANCE_M};
pub use event::SceneEvent;
pub use motion::{
    CROUCH_SPEED, FLY_SPEED, FLY_VERTICAL_SPEED, GRAVITY, JUMP_SPEED, MAX_HEIGHT_M, RUN_SPEED, STEP, Stance,
    TERMINAL_SPEED, WALK_SPEED,
};
pub use parcel::{LandingType, Parcel, ParcelFlags, SQUARE_M};
pub use presence::{
    AVATAR_SIZE_LIMITS_M, Appearance, AppearanceError, AvatarName, MAX_TEXTURE_ENTRY, MAX_VISUAL_PARAMS,
    NewPresence, Placement, Presence,
};
pub use report::{KEEP_ALIVE, MIN_INTERVAL};
pub use scene::{
    BORDER_RETRY, COARSE_INTERVAL, INHERITED_CONTROL_LIMIT, MAX_PRESENCES, Scene, SceneConfig, SceneFull,
};
pub use terrain::{HEIGHT_LIMITS_M, PATCH, SHORE_HEIGHT_M, Terrain, TerrainKind, island_seed};
