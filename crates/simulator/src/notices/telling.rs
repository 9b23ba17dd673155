//! One notice on its way to the grid. A logout has several addressees; each is told for itself, in the published
//! order, and one that is silent keeps nobody from hearing it.

use crate::directory::{Directory, Request};
use crate::friends::Friends;
use crate::grid_side::GridSide;
use crate::sessions::Sessions;
use model::{AgentId, RegionId, SessionId};
use region::{GridNotice, Place};
use services::ServiceError;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// How long the grid may take for one notice.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long one service may take to hear of a logout.
const STEP: Duration = Duration::from_secs(4);

/// Who has heard of a logout.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Farewell {
    begun: bool,
    user_told: bool,
    presence_told: bool,
}

/// Tells one notice, if need be several times.
pub(super) struct Telling {
    pub(super) grid: Arc<GridSide>,
    pub(super) directory: Arc<Directory>,
    pub(super) friends: Friends,
    pub(super) sessions: Arc<Sessions>,
    pub(super) farewell: Farewell,
}

impl Telling {
    /// Tells whoever has not heard it yet.
    ///
    /// # Errors
    /// Somebody has not heard it, for this reason.
    pub(super) async fn tell(&mut self, region: RegionId, notice: &GridNotice) -> services::Result<()> {
        match notice {
            GridNotice::CameOnline { agent } => {
                drop(self.friends.tell(region, *agent, true));
                Ok(())
            }
            GridNotice::LoggedOut { agent, session, place } => {
                self.tell_logout(region, *agent, *session, place).await
            }
            GridNotice::Arrived { agent, visit, .. } => {
                in_time(PATIENCE, self.grid.tell(region, notice)).await?;
                // A region that is overloaded learns it from the grid when it has to know.
                let _ = self.directory.send(region, Request::Reported { agent: *agent, visit: *visit });
                Ok(())
            }
            _ => in_time(PATIENCE, self.grid.tell(region, notice)).await,
        }
    }

    async fn tell_logout(
        &mut self,
        region: RegionId,
        agent: AgentId,
        session: SessionId,
        place: &Place,
    ) -> services::Result<()> {
        let again = std::mem::replace(&mut self.farewell.begun, true);
        if !again && in_time(STEP, self.grid.has_session(session)).await == Ok(false) {
            // Whoever ended it has told, and the user may have logged in anew: that must not be undone.
            self.sessions.step(agent, session, "R session was over already", "");
            return Ok(());
        }
        // The presence goes last: who finds it gone finds the last position as well.
        let mut failed = None;
        if !self.farewell.user_told {
            match in_time(STEP, self.grid.log_out_user(agent, place)).await {
                Err(error @ ServiceError::Unavailable(_)) => failed = Some(error),
                answer => {
                    self.farewell.user_told = true;
                    self.heard(agent, session, ["R->GU logged out", "R->GU refused"], &answer);
                }
            }
        }
        if !self.farewell.presence_told {
            match in_time(STEP, self.grid.end_presence(session)).await {
                Err(error @ ServiceError::Unavailable(_)) => failed = Some(error),
                answer => {
                    self.farewell.presence_told = true;
                    self.heard(agent, session, ["R->P logged out", "R->P refused"], &answer);
                    // Whose answer was lost may have ended it at the first try.
                    if answer.is_ok_and(|ended| ended || again) {
                        self.tell_friends(region, agent, session);
                    }
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Notes what a service answered that has heard of a logout: yes or no.
    fn heard<T>(
        &self,
        agent: AgentId,
        session: SessionId,
        [yes, no]: [&'static str; 2],
        answer: &services::Result<T>,
    ) {
        match answer {
            Ok(_) => self.sessions.step(agent, session, yes, ""),
            Err(error) => self.sessions.step(agent, session, no, &error.to_string()),
        }
    }

    fn tell_friends(&self, region: RegionId, agent: AgentId, session: SessionId) {
        let told = self.friends.tell(region, agent, false);
        let sessions = self.sessions.clone();
        tokio::spawn(async move {
            if let Ok(Some(told)) = told.await {
                sessions.step(agent, session, "R->RFr offline", &format!("{told} told"));
            }
        });
    }
}

async fn in_time<T>(
    patience: Duration,
    asked: impl Future<Output = services::Result<T>>,
) -> services::Result<T> {
    let late = |_| Err(ServiceError::Unavailable("no answer in time".to_owned()));
    timeout(patience, asked).await.unwrap_or_else(late)
}
