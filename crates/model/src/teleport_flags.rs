use bitflags::bitflags;

bitflags! {
    /// How and why an agent comes to a region. The low 18 bits are shown to viewers, the upper ones travel
    /// between simulators only (teleport fact sheet, section 1).
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
    pub struct TeleportFlags: u32 {
        /// The viewer makes the destination its home.
        const SET_HOME_TO_TARGET = 1 << 0;
        /// The destination becomes the last location.
        const SET_LAST_TO_TARGET = 1 << 1;
        /// By an accepted offer.
        const VIA_LURE = 1 << 2;
        /// By a landmark.
        const VIA_LANDMARK = 1 << 3;
        /// By coordinates: map, SLURL, double click.
        const VIA_LOCATION = 1 << 4;
        /// Home.
        const VIA_HOME = 1 << 5;
        /// Redirected to a telehub.
        const VIA_TELEHUB = 1 << 6;
        /// A login, not a teleport.
        const VIA_LOGIN = 1 << 7;
        /// A god's offer.
        const VIA_GODLIKE_LURE = 1 << 8;
        /// By a god.
        const GODLIKE = 1 << 9;
        /// To the help island.
        const NINE_ONE_ONE = 1 << 10;
        /// The viewer hides its cancel button.
        const DISABLE_CANCEL = 1 << 11;
        /// By region id (`TeleportRequest`).
        const VIA_REGION_ID = 1 << 12;
        /// The avatar arrives flying.
        const IS_FLYING = 1 << 13;
        /// The viewer offers to reset home.
        const SHOW_RESET_HOME = 1 << 14;
        /// Force redirection to the landing point.
        const FORCE_REDIRECT = 1 << 15;
        /// By global coordinates.
        const VIA_GLOBAL_COORDS = 1 << 16;
        /// The region does not change.
        const WITHIN_REGION = 1 << 17;
        /// Arrived by a lure (between simulators).
        const FINISHED_VIA_LURE = 1 << 26;
        /// Arrived from another simulator (between simulators).
        const FINISHED_VIA_NEW_SIM = 1 << 28;
        /// Arrived from the same simulator (between simulators).
        const FINISHED_VIA_SAME_SIM = 1 << 29;
        /// A login at the home grid of a visitor (between simulators).
        const VIA_HG_LOGIN = 1 << 30;
    }
}

impl TeleportFlags {
    /// The bits that viewers may see.
    pub const VIEWER: Self = Self::from_bits_truncate((1 << 18) - 1);
}
