//! What is said to a person wherever they stand: here, or in the region that the grid knows of.

use crate::calls::{PEER_PATIENCE, Pending};
use crate::interface::*;
use crate::region::{Context, Region};
use model::AgentId;
use transfer::{PeerCall, PeerError, PeerReply, Refusal};

/// Somebody who has just moved on is looked for again.
const TRIES: u32 = 2;

impl Region {
    /// Says something to a person. What has no addressee is said to nobody.
    pub(crate) fn post(&mut self, cx: &mut Context<'_>, call: PeerCall) {
        let Some(to) = call.agent() else { return };
        match self.hear(cx, &call) {
            Ok(_) => self.posted(cx, &call),
            Err(_) => self.seek(cx, to, Box::new(call), TRIES - 1),
        }
    }

    /// What is said to a person who stands here.
    pub(crate) fn hear(&mut self, cx: &mut Context<'_>, call: &PeerCall) -> Result<PeerReply, Refusal> {
        match call {
            PeerCall::InstantMessage(message) => self.deliver_message(cx, message),
            PeerCall::FriendStatus { friend, to, online } => self.deliver_status(cx, *friend, *to, *online),
            PeerCall::FriendNews(news) => self.deliver_news(cx, news),
            _ => Err(Refusal::new("That is not said to a person.")),
        }
    }

    /// Whether somebody is here to be spoken to.
    pub(crate) fn is_addressable(&self, id: AgentId) -> bool {
        self.agents.get(&id).is_some_and(|agent| agent.is_root() && agent.closing.is_none())
    }

    fn seek(&mut self, cx: &mut Context<'_>, to: AgentId, call: Box<PeerCall>, tries_left: u32) {
        let pending = Pending::Addressee { call, tries_left };
        self.call_grid(cx, GridCall::WhereIs(to), PEER_PATIENCE, pending);
    }

    fn seek_again(&mut self, cx: &mut Context<'_>, call: Box<PeerCall>, tries_left: u32) {
        match call.agent() {
            Some(to) if tries_left > 0 => self.seek(cx, to, call, tries_left - 1),
            _ => self.not_posted(cx, &call),
        }
    }

    pub(crate) fn addressee_found(
        &mut self,
        cx: &mut Context<'_>,
        call: Box<PeerCall>,
        tries_left: u32,
        result: Result<Reply, PeerError>,
    ) {
        match result {
            Ok(Reply::Presence(Some(region))) if region != self.config.id => {
                let pending = Pending::Addressee { call, tries_left };
                self.call_grid(cx, GridCall::RegionById(region), PEER_PATIENCE, pending);
            }
            Ok(Reply::Region(Some(region))) => {
                let said = PeerCall::clone(&call);
                let pending = Pending::Posted { call, tries_left };
                self.call_peer(cx, region, said, false, PEER_PATIENCE, pending);
            }
            // Believed to be here: come in between, or on the way from or to somewhere.
            Ok(Reply::Presence(Some(_))) => match self.hear(cx, &call) {
                Ok(_) => self.posted(cx, &call),
                Err(_) => self.seek_again(cx, call, tries_left),
            },
            _ => self.not_posted(cx, &call),
        }
    }

    pub(crate) fn post_answered(
        &mut self,
        cx: &mut Context<'_>,
        call: Box<PeerCall>,
        tries_left: u32,
        result: Result<Reply, PeerError>,
    ) {
        match result {
            Ok(Reply::Peer(PeerReply::Done)) => self.posted(cx, &call),
            Err(PeerError::Refused(_)) => self.seek_again(cx, call, tries_left),
            _ => self.not_posted(cx, &call),
        }
    }

    /// The addressee has it.
    fn posted(&mut self, cx: &mut Context<'_>, call: &PeerCall) {
        if let PeerCall::FriendNews(news) = call {
            self.friend_told(cx, news);
        }
    }

    /// The addressee is nowhere.
    fn not_posted(&mut self, cx: &mut Context<'_>, call: &PeerCall) {
        match call {
            PeerCall::InstantMessage(message) => self.not_delivered(cx, message),
            PeerCall::FriendNews(news) => self.friend_not_told(cx, news),
            _ => {}
        }
    }
}
