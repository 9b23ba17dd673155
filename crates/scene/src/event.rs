use model::{AgentId, LocalId, Vec3};

/// News from the scene. Carries names, not states: whoever sends an update reads the state when it sends.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum SceneEvent {
    /// An avatar is here now; viewers need a full update, its appearance and its animations.
    Appeared(AgentId),
    /// An avatar changed in a way that needs a full update (its size).
    Changed(AgentId),
    /// An avatar moved; a terse update tells it.
    Moved(AgentId),
    /// An avatar is gone (KillObject). Its local id is not used again.
    Vanished {
        /// Whose avatar it was.
        agent: AgentId,
        /// The number it had.
        local_id: LocalId,
    },
    /// An avatar is about to leave over the border. It is held where it is until the region calls
    /// [`crate::Scene::make_child`], [`crate::Scene::remove`], [`crate::Scene::relocate`] or
    /// [`crate::Scene::border_refused`]. Comes once an approach.
    BorderReached {
        /// Who.
        agent: AgentId,
        /// Where it will be, region-local metres; usually outside.
        position: Vec3,
    },
    /// An avatar looks different (AvatarAppearance).
    AppearanceChanged(AgentId),
    /// An avatar plays different animations (AvatarAnimation).
    AnimationsChanged(AgentId),
    /// Somebody came, went or moved by map measures (CoarseLocationUpdate). At most once in
    /// [`crate::COARSE_INTERVAL`].
    CoarseLocationsChanged,
}
