//! The terms by which a viewer lives: patience, rates, limits.

use std::time::Duration;

use crate::misbehave::Misbehaviour;
use crate::teleport::Terms;

/// How a viewer behaves. The default is what the Linden viewer of 2025 does (teleport, login and lludp fact sheets),
/// with a naked avatar.
#[derive(Clone, Debug)]
pub struct Config {
    /// Worn attachments: each makes the patience with a teleport 3 s longer.
    pub attachments: u32,
    /// How long the progress screen stays after an arrival; the user cannot ask for another teleport before.
    pub arrival_delay: Duration,
    /// One turn of the viewer's main loop.
    pub frame: Duration,
    /// At login the viewer fetches its capabilities before it sends the first packet. `false`: both at once.
    pub seed_first: bool,
    /// Until the first UseCircuitCode must have been acknowledged.
    pub circuit_patience: Duration,
    /// Until the login's AgentMovementComplete must have come.
    pub arrival_patience: Duration,
    /// From LogoutRequest until the viewer quits without a LogoutReply.
    pub logout_patience: Duration,
    /// A seed capability is asked so often before the viewer resigns ...
    pub seed_tries: u32,
    /// ... each time for so long ...
    pub seed_patience: Duration,
    /// ... and with so much time between.
    pub seed_pause: Duration,
    /// A region that the agent has left is told that its event queue is polled no more, as node-metaverse does; with a
    /// seed that it knows the viewer does not begin again.
    pub ends_polls: bool,
    /// A poll of the event queue is ended by the viewer after so long.
    pub poll_patience: Duration,
    /// Least time between AgentUpdates while the controls, or the heading, change or move the body.
    pub update_interval_moving: Duration,
    /// Time between AgentUpdates otherwise. Zero: none but when something changes.
    pub update_interval_idle: Duration,
    /// How far the viewer wants to see, metres.
    pub draw_distance_m: f32,
    /// Throttles as AgentThrottle tells them, bits per second: resend, land, wind, cloud, task, texture, asset.
    pub throttles: [f32; 7],
    /// Ping, acknowledgements, resends, dead circuits.
    pub circuit: circuit::Config,
    /// Whether avatars' movements are reported as events; they are followed in any case.
    pub report_movement: bool,
    /// Whether each AgentUpdate sent is reported as an event.
    pub report_updates: bool,
    /// Events that may wait for [`crate::Core::poll_event`]; beyond it the oldest are forgotten.
    pub waiting_events: usize,
    /// Seed of [`Misbehaviour::garbage_per_second`].
    pub seed: u64,
    /// What it does wrong.
    pub misbehave: Misbehaviour,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            attachments: 0,
            arrival_delay: Duration::from_secs(2),
            frame: Duration::from_millis(20),
            seed_first: true,
            circuit_patience: Duration::from_secs(20),
            arrival_patience: Duration::from_secs(240),
            logout_patience: Duration::from_secs(6),
            seed_tries: 5,
            seed_patience: Duration::from_secs(30),
            seed_pause: Duration::from_secs(1),
            ends_polls: false,
            poll_patience: Duration::from_secs(30),
            update_interval_moving: Duration::from_millis(100),
            update_interval_idle: Duration::from_secs(1),
            draw_distance_m: 128.0,
            throttles: [150_000.0, 170_000.0, 33_000.0, 33_000.0, 680_000.0, 680_000.0, 270_000.0],
            circuit: circuit::Config {
                ack_delay: Duration::from_millis(100),
                silence: Duration::from_secs(100),
                rto_min: Duration::from_secs(1),
                rto_max: Duration::from_secs(10),
                resends: 3,
                unacked_bytes: 512_000,
                throttles: circuit::Throttles::all(2_500_000),
                ..circuit::Config::default()
            },
            report_movement: true,
            report_updates: false,
            waiting_events: 4096,
            seed: 0,
            misbehave: Misbehaviour::default(),
        }
    }
}

impl Config {
    /// The terms of teleports that follow from it.
    pub fn teleport_terms(&self) -> Terms {
        Terms {
            patience: Duration::from_secs(15 + 3 * u64::from(self.attachments)),
            arrival_delay: self.arrival_delay,
            local_delay: Duration::from_secs(1),
            frame: self.frame,
        }
    }
}
