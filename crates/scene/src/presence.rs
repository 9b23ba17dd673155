//! One agent's place in the scene, and what comes with it.

use crate::animation::AnimationSet;
use crate::control::{Camera, ControlFlags, clean_rotation, is_plausible};
use crate::motion::{Body, Stance};
use crate::report::Reported;
use glam::{Quat, Vec3};
use model::{AgentId, LocalId, Moment};
use std::sync::Arc;

/// What an avatar is called, as its ObjectUpdate says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AvatarName {
    /// First name.
    pub first: String,
    /// Last name.
    pub last: String,
    /// Title of the active group; may be empty.
    pub title: String,
}

/// Longest texture entry of an avatar that is kept, bytes: AvatarAppearance carries it beside all else, in a datagram
/// of 1400 bytes. Viewers' own are a few hundred.
pub const MAX_TEXTURE_ENTRY: usize = 1024;
/// Most visual parameters, one byte each: what one message can list.
pub const MAX_VISUAL_PARAMS: usize = 255;
/// Smallest and largest avatar, metres along any axis.
pub const AVATAR_SIZE_LIMITS_M: (f32, f32) = (0.1, 10.0);

/// How an avatar looks.
#[derive(Clone, PartialEq, Debug)]
pub struct Appearance {
    /// The packed texture entry as viewers exchange it; opaque here.
    pub texture_entry: Arc<[u8]>,
    /// Visual parameters, 0..=255 each.
    pub visual_params: Arc<[u8]>,
    /// Depth, width and height of the body, metres.
    pub size: Vec3,
    /// How far the user lifted the avatar off the ground, metres.
    pub hover_m: f32,
    /// Version of the current outfit folder that this shows; 0 when not known.
    pub cof_version: i32,
}

impl Default for Appearance {
    /// A body of the usual size without textures; viewers that see only this show a cloud.
    fn default() -> Self {
        Self {
            texture_entry: Arc::from([]),
            visual_params: Arc::from([]),
            size: Vec3::new(0.45, 0.6, 1.9),
            hover_m: 0.0,
            cof_version: 0,
        }
    }
}

/// The appearance is beyond what one message could carry.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AppearanceError {
    /// More than [`MAX_TEXTURE_ENTRY`] bytes.
    #[error("texture entry of {0} bytes")]
    TextureEntryTooLong(usize),
    /// More than [`MAX_VISUAL_PARAMS`].
    #[error("{0} visual parameters")]
    TooManyVisualParams(usize),
}

impl Appearance {
    /// Bounds everything that came from outside.
    pub(crate) fn checked(mut self) -> Result<Self, AppearanceError> {
        if self.texture_entry.len() > MAX_TEXTURE_ENTRY {
            return Err(AppearanceError::TextureEntryTooLong(self.texture_entry.len()));
        }
        if self.visual_params.len() > MAX_VISUAL_PARAMS {
            return Err(AppearanceError::TooManyVisualParams(self.visual_params.len()));
        }
        let (least, most) = AVATAR_SIZE_LIMITS_M;
        self.size = if self.size.is_finite() {
            self.size.clamp(Vec3::splat(least), Vec3::splat(most))
        } else {
            Self::default().size
        };
        self.hover_m = if self.hover_m.is_finite() { self.hover_m.clamp(-2.0, 2.0) } else { 0.0 };
        Ok(self)
    }
}

/// Where to put an avatar, and how it moves there. Fields may hold anything; the scene cleans them.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Placement {
    /// Centre of the body, region-local metres. Brought into the region and above its ground.
    pub position: Vec3,
    /// Metres a second.
    pub velocity: Vec3,
    /// Where the body faces.
    pub rotation: Quat,
    /// Whether it flies; otherwise it stands or falls.
    pub flying: bool,
    /// Keys that were held where it came from: they keep it walking over a border until its viewer speaks here,
    /// but not longer than [`crate::INHERITED_CONTROL_LIMIT`].
    pub controls: ControlFlags,
}

impl Default for Placement {
    fn default() -> Self {
        Self::facing(Vec3::new(128.0, 128.0, 0.0), Vec3::X)
    }
}

impl Placement {
    /// At rest at a position, looking in a direction (only its compass part matters).
    pub fn facing(position: Vec3, look_at: Vec3) -> Self {
        let rotation = if is_plausible(look_at) && look_at.truncate().length_squared() > 1e-6 {
            Quat::from_rotation_z(look_at.y.atan2(look_at.x))
        } else {
            Quat::IDENTITY
        };
        Self { position, velocity: Vec3::ZERO, rotation, flying: false, controls: ControlFlags::empty() }
    }

    pub(crate) fn cleaned_rotation(&self) -> Quat {
        clean_rotation(self.rotation).unwrap_or(Quat::IDENTITY)
    }
}

/// An agent that comes to the scene.
#[derive(Clone, Debug)]
pub struct NewPresence {
    /// Who.
    pub agent: AgentId,
    /// Called what.
    pub name: AvatarName,
    /// Looking how.
    pub appearance: Appearance,
    /// Seeing how far, metres.
    pub draw_distance_m: f32,
    /// Acting here (root), or only looking in from a neighbour (child).
    pub root: bool,
    /// Where, for a root.
    pub placement: Placement,
}

/// Whether an avatar may leave over the border.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Border {
    /// The next approach is told.
    Open,
    /// An approach was told and waits for its answer.
    Held,
    /// The last approach was refused; `pushing` while the avatar has not let go since.
    Refused { at: Moment, pushing: bool },
}

impl Border {
    /// Whether an approach now is news.
    pub(crate) fn may_try(self, now: Moment) -> bool {
        match self {
            Self::Open => true,
            Self::Held => false,
            Self::Refused { at, pushing } => !pushing && now.since(at) >= crate::BORDER_RETRY,
        }
    }
}

/// One agent in one scene.
#[derive(Clone, Debug)]
pub struct Presence {
    pub(crate) agent: AgentId,
    pub(crate) local_id: LocalId,
    pub(crate) name: AvatarName,
    pub(crate) appearance: Appearance,
    pub(crate) animations: AnimationSet,
    pub(crate) root: bool,
    pub(crate) body: Body,
    pub(crate) head_rotation: Quat,
    pub(crate) camera: Camera,
    pub(crate) draw_distance_m: f32,
    pub(crate) state: u8,
    pub(crate) flags: ControlFlags,
    pub(crate) inherited_until: Option<Moment>,
    pub(crate) always_run: bool,
    pub(crate) frozen: bool,
    pub(crate) border: Border,
    /// Where a child agent's avatar stands, when somebody said so.
    pub(crate) child_position: Option<Vec3>,
    pub(crate) reported: Reported,
    pub(crate) coarse: [u8; 3],
    pub(crate) awake: bool,
}

impl Presence {
    /// Whose.
    pub fn agent(&self) -> AgentId {
        self.agent
    }

    /// The avatar's number in this region. A child that becomes root again has a new one.
    pub fn local_id(&self) -> LocalId {
        self.local_id
    }

    /// What it is called.
    pub fn name(&self) -> &AvatarName {
        &self.name
    }

    /// How it looks.
    pub fn appearance(&self) -> &Appearance {
        &self.appearance
    }

    /// What it plays.
    pub fn animations(&self) -> &AnimationSet {
        &self.animations
    }

    /// Whether it acts here (root) or only looks in (child).
    pub fn is_root(&self) -> bool {
        self.root
    }

    /// Centre of the body, region-local metres. Of a child: where it was last known, or the region's corner.
    pub fn position(&self) -> Vec3 {
        if self.root { self.body.position } else { self.child_position.unwrap_or(Vec3::ZERO) }
    }

    /// A child's whereabouts, region-local metres (mostly outside), if its region told.
    pub fn child_position(&self) -> Option<Vec3> {
        self.child_position
    }

    /// Metres a second.
    pub fn velocity(&self) -> Vec3 {
        self.body.velocity
    }

    /// Metres a second squared: gravity in free fall, otherwise zero.
    pub fn acceleration(&self) -> Vec3 {
        self.body.acceleration()
    }

    /// Where the body faces; unit, w >= 0.
    pub fn rotation(&self) -> Quat {
        self.body.rotation
    }

    /// Direction in which the body faces.
    pub fn look_at(&self) -> Vec3 {
        self.body.rotation * Vec3::X
    }

    /// Where the head looks; unit, w >= 0.
    pub fn head_rotation(&self) -> Quat {
        self.head_rotation
    }

    /// How the body holds itself.
    pub fn stance(&self) -> Stance {
        self.body.stance
    }

    /// Whether it flies.
    pub fn is_flying(&self) -> bool {
        self.body.stance == Stance::Flying
    }

    /// The ground under the feet as (normal, distance from the region's corner along it); nothing in the air.
    pub fn foot_plane(&self) -> Option<(Vec3, f32)> {
        self.body.foot_plane(self.half_height())
    }

    /// The viewer's camera, region-local.
    pub fn camera(&self) -> &Camera {
        &self.camera
    }

    /// How far its viewer draws, metres.
    pub fn draw_distance_m(&self) -> f32 {
        self.draw_distance_m
    }

    /// Typing, editing: as the viewer said last.
    pub fn state(&self) -> u8 {
        self.state
    }

    /// Keys held, as the viewer said last.
    pub fn control_flags(&self) -> ControlFlags {
        self.flags
    }

    /// Whether it runs where others walk.
    pub fn always_run(&self) -> bool {
        self.always_run
    }

    /// Whether it is held still (in transfer).
    pub fn is_frozen(&self) -> bool {
        self.frozen
    }

    /// Whether it waits at the border for an answer.
    pub fn is_held_at_border(&self) -> bool {
        self.border == Border::Held
    }

    /// From the centre of the body to the ground it stands on, metres.
    pub(crate) fn half_height(&self) -> f32 {
        self.appearance.size.z * 0.5
    }
}
