//! K7: teleports to a place that has to be looked up first: home, a landmark, a region by its id.

use crate::agent::Request;
use crate::calls::Pending;
use crate::interface::*;
use crate::region::{Context, Region};
use model::{AgentId, AssetId, Moment, TeleportFlags};
use transfer::PeerError;

impl Region {
    /// K7: home, or a landmark.
    pub(crate) fn teleport_to_landmark(&mut self, cx: &mut Context<'_>, id: AgentId, landmark: AssetId) {
        if landmark.is_null() {
            self.call_grid(
                cx,
                GridCall::Home(id),
                self.config.patience.answer,
                Pending::Home { agent: id, asked: cx.now },
            );
        } else {
            self.call_grid(
                cx,
                GridCall::Asset(landmark),
                self.config.patience.answer,
                Pending::Landmark { agent: id, asked: cx.now },
            );
        }
    }

    pub(crate) fn home_found(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        asked: Moment,
        result: Result<Reply, PeerError>,
    ) {
        match result {
            Ok(Reply::Home(Some(place))) => {
                let flags = TeleportFlags::VIA_HOME | TeleportFlags::SET_LAST_TO_TARGET;
                self.teleport_to_place(cx, id, place, flags, asked);
            }
            Ok(Reply::Home(None)) => self.tell_failed(cx, id, "You have not set a home yet."),
            _ => self.tell_failed(cx, id, "Your home cannot be looked up now; please try again."),
        }
    }

    pub(crate) fn landmark_found(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        asked: Moment,
        result: Result<Reply, PeerError>,
    ) {
        let place = match &result {
            Ok(Reply::Asset(Some(bytes))) => crate::landmark::parse(bytes),
            _ => None,
        };
        match place {
            Some(place) => {
                let flags = TeleportFlags::VIA_LANDMARK | TeleportFlags::SET_LAST_TO_TARGET;
                self.teleport_to_place(cx, id, place, flags, asked);
            }
            None => self.tell_failed(cx, id, "nolandmark_tport"),
        }
    }

    pub(crate) fn teleport_to_place(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        place: Place,
        flags: TeleportFlags,
        asked: Moment,
    ) {
        let pending = Pending::Place { agent: id, place, flags, asked };
        self.call_grid(cx, GridCall::RegionById(place.region), self.config.patience.answer, pending);
    }

    pub(crate) fn place_found(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        (place, flags): (Place, TeleportFlags),
        asked: Moment,
        result: Result<Reply, PeerError>,
    ) {
        match result {
            Ok(Reply::Region(Some(region))) => {
                let (position, look_at) = (place.position, place.look_at);
                self.teleport(cx, id, Request { handle: region.handle, position, look_at, flags, asked });
            }
            Ok(Reply::Region(None)) => self.tell_failed(cx, id, "There is no such region any more."),
            _ => self.tell_failed(cx, id, "The grid's map does not answer; please try again."),
        }
    }
}
