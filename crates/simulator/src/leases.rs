//! The sessions of our regions, vouched for: the grid ends what is not renewed.
//!
//! Each region is asked who is in it; one that does not answer vouches for nobody. Root agents are renewed. What the
//! grid does not know any more ends here as well, child agents too. Of whom it believes that they are elsewhere, and who
//! are root agents here, it is told anew: what a region said that they have left may have reached it last.

use crate::directory::{Directory, Request};
use crate::grid_side::GridSide;
use model::{AgentId, RegionId, SessionId};
use region::{OperatorCommand, Standing};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// Between renewals. A lease outlasts two that are lost.
pub(crate) const RENEWAL: Duration = Duration::from_secs(10);
/// How long regions may take to say who is there.
const ROLL_CALL: Duration = Duration::from_secs(1);
/// How long the grid may take.
const PATIENCE: Duration = Duration::from_secs(8);

/// What keeps the sessions of a process alive.
pub(crate) struct Leases {
    pub(crate) grid: Arc<GridSide>,
    pub(crate) directory: Arc<Directory>,
}

impl Leases {
    /// Renews them again and again. Never ends.
    pub(crate) async fn keep(&self) {
        let mut due = interval(RENEWAL);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            due.tick().await;
            self.renew().await;
        }
    }

    pub(crate) async fn renew(&self) {
        let mut held = Vec::new();
        let mut whose: Vec<(SessionId, RegionId, AgentId)> = Vec::new();
        for (region, views) in self.directory.sessions_in(ROLL_CALL).await {
            for view in views {
                let stands = match view.standing {
                    Standing::Root | Standing::Leaving => region.id,
                    // It lives as long as its session, and renews nothing.
                    Standing::Child => RegionId::NULL,
                    Standing::Arriving | Standing::Closing => continue,
                };
                held.push((view.session, stands));
                whose.push((view.session, region.id, view.agent));
            }
        }
        if held.is_empty() {
            return;
        }
        let renewed = match timeout(PATIENCE, self.grid.services.presence.renew(&held)).await {
            Ok(Ok(renewed)) => renewed,
            Ok(Err(error)) => return tracing::warn!(%error, "sessions were not renewed"),
            Err(_) => return tracing::warn!("sessions were not renewed: no answer in time"),
        };
        let unknown: BTreeSet<SessionId> = renewed.unknown.into_iter().collect();
        for (session, region, agent) in whose {
            if unknown.contains(&session) {
                tracing::info!(%agent, %session, "the grid does not know this session any more");
                // Should its inbox be full, the next renewal asks again.
                let _ = self
                    .directory
                    .send(region, Request::Operator(OperatorCommand::Disown { agent, session }));
            }
        }
        if !renewed.elsewhere.is_empty() {
            self.hold_anew(&renewed.elsewhere.into_iter().collect()).await;
        }
    }

    /// Looks once more who is here: somebody may have gone since.
    async fn hold_anew(&self, elsewhere: &BTreeSet<SessionId>) {
        let mut here = Vec::new();
        for (region, views) in self.directory.sessions_in(ROLL_CALL).await {
            let root = views.into_iter().filter(|view| view.standing == Standing::Root);
            here.extend(root.filter(|view| elsewhere.contains(&view.session)).map(|view| (view, region.id)));
        }
        let told = async {
            for (view, region) in here {
                let (agent, session) = (view.agent, view.session);
                tracing::info!(%agent, %session, %region, "the grid believed this session elsewhere");
                if let Err(error) = self.grid.services.presence.hold(session, region).await {
                    return tracing::warn!(%error, "the grid was not told where a session is");
                }
            }
        };
        // The next renewal asks again.
        let _ = timeout(PATIENCE, told).await;
    }
}
