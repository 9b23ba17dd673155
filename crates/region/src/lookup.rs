//! K7: teleports to a place that has to be looked up first: home, a landmark, a region by its id.
//!
//! There is no transfer yet meanwhile, only a wish: it can be cancelled, and its viewer is told that it begins when that
//! takes long.

use crate::agent::{Request, Wish};
use crate::calls::Pending;
use crate::interface::*;
use crate::region::{Context, Region};
use model::{AgentId, AssetId, TeleportFlags};
use transfer::PeerError;

impl Region {
    /// K7: home, or a landmark.
    pub(crate) fn teleport_to_landmark(&mut self, cx: &mut Context<'_>, id: AgentId, landmark: AssetId) {
        let home = landmark.is_null();
        let way = if home { TeleportFlags::VIA_HOME } else { TeleportFlags::VIA_LANDMARK };
        let Some(wish) = self.begin_wish(cx, id, way | TeleportFlags::SET_LAST_TO_TARGET) else { return };
        let (call, pending) = match home {
            true => (GridCall::Home(id), Pending::Home { agent: id, wish }),
            false => (GridCall::Asset(landmark), Pending::Landmark { agent: id, wish }),
        };
        self.call_grid(cx, call, self.config.patience.answer, pending);
    }

    /// TeleportRequest: a region by its id.
    pub(crate) fn teleport_to_place(&mut self, cx: &mut Context<'_>, id: AgentId, place: Place) {
        if let Some(wish) = self.begin_wish(cx, id, TeleportFlags::VIA_REGION_ID) {
            self.look_up_region(cx, id, wish, place);
        }
    }

    /// The number of a new wish; `None` when the agent may have none.
    fn begin_wish(&mut self, cx: &mut Context<'_>, id: AgentId, flags: TeleportFlags) -> Option<u64> {
        if self.asks_too_much(id) {
            self.tell_failed(cx, id, "You ask for too much at once; please try again.");
            return None;
        }
        self.drop_wish(id);
        if !self.is_addressable(id) {
            self.tell_failed(cx, id, crate::going::NOT_HERE);
            return None;
        }
        self.next_transfer += 1;
        let number = self.next_transfer;
        let agent = self.agents.get_mut(&id)?;
        agent.wish = Some(Wish { number, flags, asked: cx.now, started: false });
        self.touch(id);
        Some(number)
    }

    /// The viewer does not wish it any more, or wishes something else.
    pub(crate) fn drop_wish(&mut self, id: AgentId) {
        let wish = self.agents.get_mut(&id).and_then(|agent| agent.wish.take());
        if wish.is_some_and(|wish| wish.started) {
            self.take_back_start(id);
        }
    }

    /// TeleportStart for a look-up that takes long.
    pub(crate) fn wake_wish(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let patience = self.config.patience;
        let Some(agent) = self.agents.get_mut(&id).filter(|agent| agent.leaving.is_none()) else { return };
        let Some(wish) = &mut agent.wish else { return };
        if wish.start_due(&patience).is_some_and(|at| at <= cx.now) {
            wish.started = true;
            let flags = wish.flags;
            self.send_teleport_start(cx, id, flags);
        }
    }

    fn wishes(&self, id: AgentId, number: u64) -> bool {
        let wish = self.agents.get(&id).and_then(|agent| agent.wish);
        wish.is_some_and(|wish| wish.number == number)
    }

    fn wish_failed(&mut self, cx: &mut Context<'_>, id: AgentId, words: &str) {
        self.drop_wish(id);
        self.tell_failed(cx, id, words);
    }

    pub(crate) fn home_found(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        wish: u64,
        result: Result<Reply, PeerError>,
    ) {
        if !self.wishes(id, wish) {
            return;
        }
        match result {
            Ok(Reply::Home(Some(place))) => self.look_up_region(cx, id, wish, place),
            Ok(Reply::Home(None)) => self.wish_failed(cx, id, "You have not set a home yet."),
            _ => self.wish_failed(cx, id, "Your home cannot be looked up now; please try again."),
        }
    }

    pub(crate) fn landmark_found(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        wish: u64,
        result: Result<Reply, PeerError>,
    ) {
        if !self.wishes(id, wish) {
            return;
        }
        let place = match &result {
            Ok(Reply::Asset(Some(bytes))) => crate::landmark::parse(bytes),
            _ => None,
        };
        match place {
            Some(place) => self.look_up_region(cx, id, wish, place),
            None => self.wish_failed(cx, id, "nolandmark_tport"),
        }
    }

    fn look_up_region(&mut self, cx: &mut Context<'_>, id: AgentId, wish: u64, place: Place) {
        let pending = Pending::Place { agent: id, wish, place };
        self.call_grid(cx, GridCall::RegionById(place.region), self.config.patience.answer, pending);
    }

    pub(crate) fn place_found(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        wish: u64,
        place: Place,
        result: Result<Reply, PeerError>,
    ) {
        if !self.wishes(id, wish) {
            return;
        }
        match result {
            Ok(Reply::Region(Some(region))) => {
                let wish = self.agents.get_mut(&id).and_then(|agent| agent.wish.take());
                let Some(Wish { flags, asked, started, .. }) = wish else { return };
                let (position, look_at) = (place.position, place.look_at);
                self.teleport(cx, id, Request { handle: region.handle, position, look_at, flags, asked });
                if started {
                    self.start_was_said(id, asked);
                }
            }
            Ok(Reply::Region(None)) => self.wish_failed(cx, id, "There is no such region any more."),
            _ => self.wish_failed(cx, id, "The grid's map does not answer; please try again."),
        }
    }

    /// What was said of the beginning holds for the transfer that follows from the wish; without one it is over.
    fn start_was_said(&mut self, id: AgentId, asked: model::Moment) {
        let leaving = self.agents.get_mut(&id).and_then(|agent| agent.leaving.as_mut());
        match leaving.filter(|leaving| leaving.request.asked == asked) {
            Some(leaving) => leaving.started = true,
            None => self.take_back_start(id),
        }
    }
}
