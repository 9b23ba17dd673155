//! The plays.

mod crossing;
mod drill;
mod history;
mod login;
mod moments;
mod operator;
mod random;
mod release;
mod restart;
mod rings;
mod single;
mod steps;
mod teleport;

use crate::runner::Scenario;

/// All of them.
pub const ALL: &[Scenario] = &[
    login::CLEAN,
    login::LOSSY,
    login::DISTURBED,
    login::AGAIN,
    login::NOBODY_COMES,
    login::VANISHES,
    teleport::ROUND_TRIP,
    teleport::CIRCLE_IN_SIGHT,
    teleport::CIRCLE_OUT_OF_SIGHT,
    teleport::LANDMARK_AND_HOME,
    teleport::WITHIN,
    teleport::TWO_AT_ONCE,
    teleport::LOSSY,
    steps::DESTINATION,
    steps::FULL,
    steps::GRID,
    steps::VIEWER_STAYS_AWAY,
    steps::OVERTAKING,
    steps::LOST_FINISH,
    steps::ARRIVED_AND_GONE,
    moments::CANCEL,
    moments::LOGOUT,
    moments::VANISH,
    moments::ISOLATED,
    moments::LOGIN_AGAIN,
    moments::PARTED,
    crossing::ON_FOOT,
    crossing::NO_CHILD,
    crossing::REFUSED,
    crossing::DISTURBED,
    restart::DESTINATION,
    restart::SOURCE,
    restart::NEIGHBOUR,
    restart::NEIGHBOUR_MEANWHILE,
    restart::GRID_MEANWHILE,
    release::LOST_RELEASE,
    release::TWICE,
    rings::RINGS,
    rings::RINGS_DISTURBED,
    rings::OPENING,
    history::LINE,
    history::ROUND,
    history::REUSED,
    history::NAMELESS,
    history::EARLY,
    history::CHAT,
    history::SUCCESS,
    history::QUEUES,
    history::ENDED,
    history::LARGE,
    history::ORDER,
    history::KILLS,
    history::GHOST,
    history::CONTROLS,
    history::SECOND_HOP,
    history::NO_COMMON_VERSION,
    history::SLOW_GRID,
    single::TELEPORT_IN_SIGHT,
    single::TELEPORT_OUT_OF_SIGHT,
    operator::SHUTDOWN,
    operator::RESTART_AS_PLANNED,
    operator::KICK,
    operator::BAD_VIEWERS,
    operator::HALF_DEAF,
    drill::DRILL,
    random::HOPPERS,
    random::WALKERS,
    random::QUITTERS,
    random::RESTARTS,
];
