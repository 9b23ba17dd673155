//! The grid's services, as small maps.

use crate::traffic::{Item, Way};
use crate::world::{Happening, Rehearsal, Report, Where};
use model::{AssetId, RegionHandle, Vec3};
use region::{CallId, GridCall, Place, Reply};
use services::RegionInfo;
use std::sync::Arc;
use transfer::PeerError;

impl Rehearsal {
    pub(crate) fn ask_grid(&mut self, from: Where, id: CallId, call: &GridCall) {
        let name = call.name();
        let question = Item { way: Way::Question, name, who: None, at: from, from: None };
        let reply = Item { way: Way::Reply, ..question };
        let (there, back) = (self.fate(self.faults.grid, &question), self.fate(self.faults.grid, &reply));
        let times = there.first().zip(back.first());
        let delay = times.map(|(there, back)| there + back).filter(|_| !self.grid_is_dead);
        self.note(|| {
            let lost = if delay.is_none() { " (lost)" } else { "" };
            format!("{} asks the grid: {name}{lost}", self.stages[from.0].plot.name)
        });
        let Some(delay) = delay else { return };
        let result = if there.refused || back.refused {
            Err(PeerError::Unreachable("connection refused".into()))
        } else if there.garbage || back.garbage {
            Err(PeerError::Garbage("<html>".into()))
        } else {
            self.look_up(call)
        };
        let run = self.stages[from.0].run;
        self.later(self.now + delay, Happening::Answer { to: from, run, id, result });
    }

    fn look_up(&mut self, call: &GridCall) -> Result<Reply, PeerError> {
        if let GridCall::Social(call) = call {
            return self.ask_society(call).map(Reply::Social);
        }
        let find = |wanted: &dyn Fn(&RegionInfo) -> bool| {
            self.stages.iter().map(|stage| &stage.info).find(|info| wanted(info)).cloned()
        };
        Ok(match call {
            GridCall::RegionAt(handle) => {
                let (x, y) = (f64::from(handle.x_m()), f64::from(handle.y_m()));
                Reply::Region(find(&|info| info.rect().contains_global(x, y)))
            }
            GridCall::RegionById(id) => Reply::Region(find(&|info| info.id == *id)),
            GridCall::RegionsByName { name, limit } => {
                let infos = self.stages.iter().map(|stage| stage.info.clone());
                Reply::Regions(
                    infos.filter(|info| info.name.starts_with(name.as_str())).take(*limit).collect(),
                )
            }
            GridCall::RegionsInRange { min, max } => {
                let inside = |info: &Arc<RegionInfo>| {
                    let (low, last) = (info.handle.cell(), far_cell(info));
                    low.x <= max.x && low.y <= max.y && last.x >= min.x && last.y >= min.y
                };
                Reply::Regions(self.stages.iter().map(|stage| stage.info.clone()).filter(inside).collect())
            }
            GridCall::Refuges { avoid, limit, .. } => {
                let infos = self.stages.iter().map(|stage| stage.info.clone());
                Reply::Regions(infos.filter(|info| !avoid.contains(&info.id)).take(*limit).collect())
            }
            GridCall::Level(_) => Reply::Level(Some(0)),
            GridCall::Home(agent) => Reply::Home(self.homes.get(agent).copied()),
            GridCall::Asset(asset) => Reply::Asset(self.assets.get(asset).cloned()),
            GridCall::Names(agents) => {
                let named = agents.iter().filter_map(|agent| {
                    let person = self.people.iter().find(|person| person.agent == *agent)?;
                    Some((*agent, person.name.clone(), "Rehearsal".to_string()))
                });
                Reply::Names(named.collect())
            }
            GridCall::Wearables(_) => Reply::Wearables(Vec::new()),
            GridCall::Presence(session) => Reply::Presence(self.presence_of(*session)),
            GridCall::WhereIs(agent) => {
                let sessions = self.people.iter().rev().filter(|person| person.agent == *agent);
                Reply::Presence(sessions.map(|person| self.presence_of(person.session)).next().flatten())
            }
            GridCall::CreateItem { item, data } => {
                self.assets.insert(item.asset, data.clone());
                Reply::Item(item.clone())
            }
            GridCall::Social(_) => Reply::Social(region::SocialReply::Done),
        })
    }

    /// The region where a session's root agent is, as the grid was told.
    fn presence_of(&self, session: model::SessionId) -> Option<model::RegionId> {
        match self.presence.get(&session)?.last()? {
            Report::Arrived(at) => Some(self.stages[at.0].info.id),
            Report::LoggedOut(_) => None,
        }
    }

    /// Makes a landmark of the middle of a region.
    pub fn landmark(&mut self, at: Where) -> AssetId {
        let asset = AssetId(self.random_id());
        let region = self.stages[at.0].info.id;
        let text = format!("Landmark version 2\nregion_id {region}\nlocal_pos 100 100 25\n");
        self.assets.insert(asset, text.into_bytes().into());
        asset
    }

    /// Sets a user's home to the middle of a region.
    pub fn set_home(&mut self, who: crate::Who, at: Where) {
        let place = Place {
            region: self.stages[at.0].info.id,
            position: Vec3::new(64.0, 64.0, 25.0),
            look_at: Vec3::X,
        };
        self.homes.insert(self.people[who.0].agent, place);
    }

    /// A region's handle.
    pub fn handle(&self, at: Where) -> RegionHandle {
        self.stages[at.0].info.handle
    }
}

/// The north-east cell of a region.
fn far_cell(info: &RegionInfo) -> model::GridCell {
    let low = info.handle.cell();
    model::GridCell { x: low.x + info.size.x / model::CELL_M - 1, y: low.y + info.size.y / model::CELL_M - 1 }
}
