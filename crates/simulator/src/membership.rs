//! Our regions on the grid's map: entered at the start, renewed while we run, struck out at the end.
//!
//! A grid that is another process may come up later than we do, be away for a while, or come back without its table:
//! registering is tried again, and repeated when the grid has been out of reach.

use crate::directory::Directory;
use crate::grid_side::GridSide;
use crate::simulator::StartError;
use region::OperatorCommand;
use services::{RegionInfo, ServiceError};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How long the grid may be out of reach when we start.
const START: Duration = Duration::from_secs(60);
/// How long it may take for one answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between renewals.
const RENEWAL: Duration = Duration::from_secs(300);
/// Between renewals at least, however often the grid turns out to be away.
const LEAST: Duration = Duration::from_secs(10);
/// Between tries: the first, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));
/// How long it may take to be told of all regions' end.
const FAREWELL: Duration = Duration::from_secs(1);

/// The regions of a process, as the grid is to know them.
#[derive(Clone)]
pub(crate) struct Membership {
    pub(crate) grid: Arc<GridSide>,
    pub(crate) directory: Arc<Directory>,
    /// In the order of the world file.
    pub(crate) regions: Vec<Arc<RegionInfo>>,
    /// The grid is in this process and has no other simulator.
    pub(crate) alone: bool,
}

impl Membership {
    /// Enters all regions, and has them say hello to those beside them.
    ///
    /// # Errors
    /// The grid does not take one, or stays out of reach.
    pub(crate) async fn join(&self) -> Result<(), StartError> {
        if self.alone {
            self.strike_out_others().await?;
        }
        let deadline = Instant::now() + START;
        self.enter_all(Some(deadline)).await?;
        for region in &self.regions {
            // Whoever stood there when an earlier process ended does not stand there any more.
            let cleared = self.grid.services.presence.logout_region(region.id);
            let error = match tokio::time::timeout(PATIENCE, cleared).await {
                Ok(Ok(_)) => continue,
                Ok(Err(error)) => error.to_string(),
                Err(_) => "no answer in time".to_owned(),
            };
            tracing::warn!(region = region.name, error, "old sessions were not cleared up");
        }
        self.directory.command(&OperatorCommand::Announce);
        Ok(())
    }

    /// The same, unless a wish to stop comes first: then none of them is entered, as after a failure. Whether they are.
    ///
    /// # Errors
    /// The grid does not take one, or stays out of reach.
    pub(crate) async fn join_unless(&self, stop: impl Future) -> Result<bool, StartError> {
        let entered = tokio::select! {
            biased;
            entered = self.join() => entered.map(|()| true),
            _ = stop => Ok(false),
        };
        if !matches!(entered, Ok(true)) {
            // Some may have been entered before.
            self.leave().await;
        }
        entered
    }

    /// Renews the entries now and then, and when the grid has been out of reach. Never ends.
    pub(crate) async fn keep(&self) {
        if self.alone {
            return std::future::pending().await;
        }
        loop {
            tokio::select! {
                () = self.grid.away() => {}
                () = tokio::time::sleep(RENEWAL) => {}
            }
            if let Err(error) = self.enter_all(None).await {
                tracing::error!(%error, "the grid does not renew its entry");
            }
            // What failed until now has had its answer.
            self.grid.is_back().await;
            tokio::time::sleep(LEAST).await;
        }
    }

    /// Strikes all regions out, side by side.
    pub(crate) async fn leave(&self) {
        let mut under_way = JoinSet::new();
        for region in self.regions.iter().cloned() {
            let grid = self.grid.clone();
            under_way.spawn(async move {
                if let Err(error) = grid.services.grid.deregister(region.id).await {
                    tracing::warn!(region = region.name, %error, "the region stays on the grid's map");
                }
            });
        }
        let left = async { while under_way.join_next().await.is_some() {} };
        if tokio::time::timeout(FAREWELL, left).await.is_err() {
            let regions = under_way.len();
            tracing::warn!(regions, "the grid does not answer; its map keeps some of our regions");
        }
    }

    async fn strike_out_others(&self) -> Result<(), StartError> {
        let grid = &self.grid.services.grid;
        let ours: BTreeSet<_> = self.regions.iter().map(|region| region.id).collect();
        let known = grid.online_regions(0, 0, usize::MAX).await.unwrap_or_default();
        for stale in known.iter().filter(|region| !ours.contains(&region.id)) {
            grid.deregister(stale.id).await.map_err(|error| failed(stale, error))?;
        }
        Ok(())
    }

    /// Enters all regions; tries again while the grid is out of reach, until the deadline.
    async fn enter_all(&self, deadline: Option<Instant>) -> Result<(), StartError> {
        // An empty grid takes the first that comes for the one to arrive in: the first of the file. The others go side
        // by side.
        let Some((first, others)) = self.regions.split_first() else { return Ok(()) };
        self.enter(first, deadline).await?;
        let mut under_way = JoinSet::new();
        for region in others {
            let (this, region) = (self.clone(), region.clone());
            under_way.spawn(async move { this.enter(&region, deadline).await });
        }
        let mut entered = Ok(());
        while let Some(one) = under_way.join_next().await {
            let one = one.unwrap_or_else(|error| {
                let error = ServiceError::Unavailable(error.to_string());
                Err(StartError::Register { region: "(unknown)".into(), error })
            });
            entered = entered.and(one);
        }
        entered
    }

    async fn enter(&self, region: &RegionInfo, deadline: Option<Instant>) -> Result<(), StartError> {
        let (mut pause, longest) = PAUSES;
        loop {
            let entered = tokio::time::timeout(PATIENCE, self.grid.services.grid.register(region)).await;
            let why = match entered {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(ServiceError::Unavailable(why))) => why,
                Ok(Err(error)) => return Err(failed(region, error)),
                Err(_) => "no answer in time".to_owned(),
            };
            if deadline.is_some_and(|deadline| Instant::now() + pause > deadline) {
                return Err(failed(region, ServiceError::Unavailable(why)));
            }
            tracing::info!(region = region.name, why, "the grid is out of reach; trying again");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(longest);
        }
    }
}

fn failed(region: &RegionInfo, error: ServiceError) -> StartError {
    StartError::Register { region: region.name.clone(), error }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Fake;
    use crate::tests::region;
    use std::sync::atomic::Ordering;

    fn membership(grid: &Arc<Fake>) -> Membership {
        Membership {
            grid: Arc::new(GridSide::new(grid.services(), Arc::default(), Arc::default())),
            directory: Arc::default(),
            regions: vec![Arc::new(region(1).info())],
            alone: false,
        }
    }

    fn of_three(grid: &Arc<Fake>) -> Membership {
        let regions = (1..=3).map(|n| Arc::new(region(n).info())).collect();
        Membership { regions, ..membership(grid) }
    }

    fn struck_out(grid: &Fake) -> usize {
        grid.told.lock().unwrap().iter().filter(|told| told.starts_with("deregister")).count()
    }

    fn registered(grid: &Fake) -> usize {
        grid.told.lock().unwrap().iter().filter(|told| told.starts_with("register")).count()
    }

    #[tokio::test(start_paused = true)]
    async fn a_grid_that_comes_up_late_is_waited_for_but_not_for_ever() {
        let grid = Arc::new(Fake::default());
        *grid.failures.lock().unwrap() = 5;
        membership(&grid).join().await.unwrap();
        assert_eq!((registered(&grid), *grid.failures.lock().unwrap()), (1, 0));
        *grid.failures.lock().unwrap() = 1000;
        let error = membership(&grid).join().await.unwrap_err().to_string();
        assert!(error.contains("Region 1") && error.contains("unavailable"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn regions_are_entered_anew_now_and_then_and_when_the_grid_was_away() {
        let grid = Arc::new(Fake::default());
        let membership = membership(&grid);
        let kept = tokio::time::timeout(RENEWAL * 3 + LEAST * 3, membership.keep());
        assert!(kept.await.is_err(), "it never ends");
        assert_eq!(registered(&grid), 3);
        // Other services are not where regions are entered.
        *grid.failures.lock().unwrap() = 1;
        let agent = model::AgentId::NULL;
        let place = region::Place {
            region: model::RegionId::NULL,
            position: model::Vec3::ZERO,
            look_at: model::Vec3::X,
        };
        let notice = region::GridNotice::SetHome { agent, place };
        assert!(membership.grid.tell(model::RegionId::NULL, &notice).await.is_err());
        assert!(tokio::time::timeout(RENEWAL / 2, membership.keep()).await.is_err());
        assert_eq!(registered(&grid), 3);
        ask_in_vain(&grid, &membership).await;
        assert!(tokio::time::timeout(RENEWAL / 2, membership.keep()).await.is_err());
        assert_eq!(registered(&grid), 4);
    }

    #[tokio::test]
    async fn whoever_is_stopped_while_entering_leaves_nothing_on_the_map() {
        let grid = Arc::new(Fake::default());
        // The first is entered at once; the others take their turns.
        let entered = of_three(&grid).join_unless(std::future::ready(())).await.unwrap();
        assert!(!entered && registered(&grid) >= 1);
        assert_eq!(struck_out(&grid), 3);
        assert!(of_three(&grid).join_unless(std::future::pending::<()>()).await.unwrap());
        assert_eq!(struck_out(&grid), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_grid_that_is_silent_about_one_region_hears_of_the_others_end() {
        let grid = Arc::new(Fake::default());
        *grid.keeps.lock().unwrap() = Some(region(1).id);
        of_three(&grid).leave().await;
        assert_eq!(struck_out(&grid), 2);
    }

    /// The grid's map is asked for a region while it is away.
    async fn ask_in_vain(grid: &Fake, membership: &Membership) {
        grid.map_away.store(true, Ordering::Relaxed);
        let call = region::GridCall::RegionById(model::RegionId::NULL);
        assert!(membership.grid.call(call).await.is_err());
        grid.map_away.store(false, Ordering::Relaxed);
    }

    #[tokio::test(start_paused = true)]
    async fn a_grid_that_fails_over_and_over_is_not_flooded_with_renewals() {
        let grid = Arc::new(Fake::default());
        let membership = membership(&grid);
        let failing = async {
            for _ in 0..300 {
                ask_in_vain(&grid, &membership).await;
                tokio::time::sleep(LEAST / 100).await;
            }
        };
        tokio::select! {
            () = membership.keep() => unreachable!("it never ends"),
            () = failing => {}
        }
        assert!((1..=4).contains(&registered(&grid)), "{} in three intervals", registered(&grid));
    }
}
