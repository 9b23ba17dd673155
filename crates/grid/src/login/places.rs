use super::StartLocation;
use super::start::on_region;
use crate::provision::middle_of;
use model::{RegionHandle, TeleportFlags, Vec3};
use services::{GridUser, Place, RegionFlags, RegionInfo, Result, Services};

/// Where fallback regions are looked for when the wanted place is nowhere: the usual middle of grids.
const MIDDLE_M: u32 = 1000 * model::CELL_M;
/// What a response calls a start that is not where it was wanted.
const SAFE: &str = "safe";

/// A place that may take a login.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Candidate {
    pub(super) region: RegionInfo,
    pub(super) position: Vec3,
    pub(super) look_at: Vec3,
    pub(super) flags: TeleportFlags,
    /// `start_location` of the response.
    pub(super) answer: &'static str,
}

/// Where a login may go.
pub(super) struct Places {
    /// Best first.
    pub(super) candidates: Vec<Candidate>,
    /// Why the best is not the wanted one.
    pub(super) detour: Option<String>,
    home: Option<(Place, RegionHandle)>,
}

impl Places {
    /// Finds the wanted place, then fallback regions near to it, default regions, and any that is online; for a place
    /// that is nowhere, default regions come first.
    pub(super) async fn find(
        services: &Services,
        start: &StartLocation,
        user: Option<&GridUser>,
        most: usize,
    ) -> Result<Self> {
        let grid = &services.grid;
        let home = match user.and_then(|user| user.home) {
            Some(home) => grid.by_id(home.region).await?.map(|region| (home, region.handle)),
            None => None,
        };
        let mut places = Self { candidates: Vec::new(), detour: None, home };
        let near = places.add_wanted(services, start, user).await?;
        let (x, y) = near.map_or((MIDDLE_M, MIDDLE_M), |handle| (handle.x_m(), handle.y_m()));
        // Somebody who has not been anywhere yet is not surprised by where they come to.
        let nowhere_yet = places.candidates.is_empty() && places.detour.is_none();
        let answer = if nowhere_yet { start.answer() } else { SAFE };
        let (mut others, fallback) = (grid.default_regions().await?, grid.fallback_regions(x, y).await?);
        // Near a place that is there, but takes nobody, the nearest is the best; for one that is nowhere, it means nothing.
        let end = if near.is_some() { 0 } else { others.len() };
        others.splice(end..end, fallback);
        others.extend(grid.online_regions(x, y, most).await?);
        for region in others {
            let known = places.candidates.iter().any(|candidate| candidate.region.id == region.id);
            if known || places.candidates.len() >= most || region.flags.contains(RegionFlags::NO_DIRECT_LOGIN)
            {
                continue;
            }
            let Place { position, look_at, .. } = middle_of(&region);
            let flags = TeleportFlags::VIA_LOGIN | TeleportFlags::VIA_REGION_ID;
            places.candidates.push(Candidate { region, position, look_at, flags, answer });
        }
        Ok(places)
    }

    /// Home as a response tells it; without one, the place of this login.
    pub(super) fn home_or(&self, here: &Candidate) -> (Place, RegionHandle) {
        let here = || {
            let place = Place { region: here.region.id, position: here.position, look_at: here.look_at };
            (place, here.region.handle)
        };
        self.home.unwrap_or_else(here)
    }

    /// Adds the wanted place if it can be had, or else notes why not; where it is, if that is known.
    async fn add_wanted(
        &mut self,
        services: &Services,
        start: &StartLocation,
        user: Option<&GridUser>,
    ) -> Result<Option<RegionHandle>> {
        let via = match start {
            StartLocation::Last => TeleportFlags::empty(),
            StartLocation::Home => TeleportFlags::VIA_HOME,
            StartLocation::Region { .. } => TeleportFlags::VIA_REGION_ID,
        };
        let (region, position, look_at) = match start {
            StartLocation::Region { name, position } => {
                let Some(region) = services.grid.by_name(name).await? else {
                    self.detour = Some(format!("There is no region called {name}."));
                    return Ok(None);
                };
                if region.flags.contains(RegionFlags::NO_DIRECT_LOGIN) {
                    self.detour = Some(format!("Nobody may log in to {} directly.", region.name));
                    return Ok(Some(region.handle));
                }
                let middle = middle_of(&region);
                (region, position.unwrap_or(middle.position), middle.look_at)
            }
            StartLocation::Last | StartLocation::Home => {
                let stored = match start {
                    StartLocation::Home => user.and_then(|user| user.home),
                    _ => user.and_then(|user| user.last),
                };
                let Some(place) = stored else { return Ok(None) };
                let Some(region) = services.grid.by_id(place.region).await? else {
                    self.detour = Some("The region where you wanted to begin is not there any more.".into());
                    return Ok(None);
                };
                (region, place.position, place.look_at)
            }
        };
        let handle = region.handle;
        if region.flags.contains(RegionFlags::ONLINE) {
            self.candidates.push(Candidate {
                position: on_region(position, region.size),
                look_at: look_at.try_normalize().unwrap_or(Vec3::X),
                flags: TeleportFlags::VIA_LOGIN | via,
                answer: start.answer(),
                region,
            });
        } else {
            self.detour = Some(format!("{} is not online.", region.name));
        }
        Ok(Some(handle))
    }
}
