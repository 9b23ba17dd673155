//! Questions under way: what each was for, so that its answer finds its place.

use crate::doubt::Doubt;
use crate::estate::Order;
use crate::interface::*;
use crate::neighbours::AskedChild;
use crate::region::{Context, Region};
use crate::social::SocialCall;
use model::{AgentId, Moment, RegionHandle, SessionId, Uuid};
use services::RegionInfo;
use std::sync::Arc;
use std::time::Duration;
use transfer::{FriendNews, InstantMessage, KnownChild, Mutant, PeerCall, PeerError, Step, TransferId};

/// How long a grid service may take to answer what is not part of a transfer.
pub(crate) const GRID_PATIENCE: Duration = Duration::from_secs(5);

/// How long a peer may take to answer what is not part of a transfer.
pub(crate) const PEER_PATIENCE: Duration = Duration::from_secs(5);

/// How long a peer may take to say that it has heard something.
const TELL_PATIENCE: Duration = Duration::from_secs(3);

/// What a peer must hear in the end is said so often while no answer comes.
const TELL_TRIES: u32 = 8;

/// Time between two tries.
const TELL_PAUSE: Duration = Duration::from_secs(2);

/// What waits to be said again, at most.
const MAX_TOLD_AGAIN: usize = 10_000;

/// Questions under way at most; past it a question is not asked and counts as unanswered.
const MAX_CALLS: usize = 10_000;

/// What a question was for.
#[derive(Clone, Debug)]
pub(crate) enum Pending {
    /// A step of a departure.
    Step { agent: AgentId, transfer: TransferId, step: Step },
    /// Where a departure's agent is.
    Withdrawal { agent: AgentId, transfer: TransferId },
    /// Whether the agent has arrived whose destination says nothing.
    Looking { agent: AgentId, transfer: TransferId },
    /// Whether an agent that stayed was reported elsewhere meanwhile.
    Stayed { agent: AgentId, visit: u64, doubt: Box<Doubt>, tries_left: u32 },
    /// Whether the grid knows that an agent is here that is about to leave.
    LookedHere { agent: AgentId, transfer: TransferId },
    /// Where a departure's agent is, after the departure was over for lack of an answer.
    Doubt { agent: AgentId, transfer: TransferId },
    /// Which regions an agent can see.
    Survey { agent: AgentId, visit: u64, tries_left: u32 },
    /// A child agent at a neighbour.
    Child { agent: AgentId, asked: AskedChild },
    /// Where home is, to go there.
    Home { agent: AgentId, asked: Moment },
    /// A landmark's content, to go there.
    Landmark { agent: AgentId, asked: Moment },
    /// The region that home or a landmark is in.
    Place { agent: AgentId, place: Place, flags: model::TeleportFlags, asked: Moment },
    /// MapNameRequest.
    MapName { agent: AgentId, name: String },
    /// MapBlockRequest.
    MapBlocks { agent: AgentId, flags: u32 },
    /// UUIDNameRequest.
    Names { agent: AgentId },
    /// AgentWearablesRequest.
    Wearables { agent: AgentId },
    /// RegionHandleRequest.
    HandleOf { agent: AgentId, region: Uuid },
    /// Something that the peer must hear in the end.
    Told(Told),
    /// Which region an agent's old child agent is in, to close it.
    OldChild { agent: AgentId, session: SessionId, child: KnownChild, tries_left: u32 },
    /// In which region the root agent of a child agent is, and where that region is.
    Root { agent: AgentId, session: SessionId },
    /// Which regions are beside this one, to say hello.
    Announce,
    /// Where somebody is, to say something to them; then in which region that is.
    Addressee { call: Box<PeerCall>, tries_left: u32 },
    /// Whether it was heard there.
    Posted { call: Box<PeerCall>, tries_left: u32 },
    /// Something about a friendship, and what was said to it.
    Friendship { call: Box<SocialCall>, words: String },
    /// The name of somebody who offers friendship.
    OfferedBy { news: Box<FriendNews> },
    /// Whether a message was kept.
    Kept { message: Box<InstantMessage> },
    /// What was said to somebody who was not online.
    Mailbox { agent: AgentId },
    /// A mute list.
    Mutes { agent: AgentId },
    /// A new item, and the number by which the viewer knows its wish.
    NewItem { agent: AgentId, callback: u32 },
    /// Where people can go when this region closes.
    Refuges,
    /// Whether somebody may order that.
    Order { agent: AgentId, order: Order },
    /// Nobody waits.
    Nothing,
}

/// Something that a peer must hear in the end.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    region: Arc<RegionInfo>,
    call: PeerCall,
    tickets: bool,
    tries_left: u32,
}

impl Region {
    pub(crate) fn call_peer(
        &mut self,
        cx: &mut Context<'_>,
        region: Arc<RegionInfo>,
        call: PeerCall,
        tickets: bool,
        timeout: Duration,
        pending: Pending,
    ) {
        let Some(id) = self.new_call(cx, pending) else { return };
        cx.effects.push(Effect::CallPeer { id, region, call, tickets, timeout });
    }

    /// Tells a peer that an agent or a session is over there: said again while no answer comes, or the viewer would
    /// keep the agent alive.
    pub(crate) fn tell_peer(
        &mut self,
        cx: &mut Context<'_>,
        region: Arc<RegionInfo>,
        call: PeerCall,
        tickets: bool,
    ) {
        self.tell(cx, Told { region, call, tickets, tries_left: TELL_TRIES - 1 });
    }

    fn tell(&mut self, cx: &mut Context<'_>, told: Told) {
        let Told { region, call, tickets, .. } = told.clone();
        self.call_peer(cx, region, call, tickets, TELL_PATIENCE, Pending::Told(told));
    }

    /// Nobody has answered: said again after a pause, as a peer that is being restarted hears nothing for a while.
    fn tell_again(&mut self, cx: &mut Context<'_>, told: Told) {
        let once =
            matches!(told.call, PeerCall::Release { .. }) && self.config.patience.is(Mutant::ReleaseOnce);
        if told.tries_left == 0 || self.told_again.len() >= MAX_TOLD_AGAIN || once {
            self.stats.dropped += 1;
            return;
        }
        self.told_again.push_back((cx.now + TELL_PAUSE, Told { tries_left: told.tries_left - 1, ..told }));
    }

    /// Says again what is due.
    pub(crate) fn run_told_again(&mut self, cx: &mut Context<'_>) {
        while self.told_again.front().is_some_and(|&(at, _)| at <= cx.now) {
            let Some((_, told)) = self.told_again.pop_front() else { break };
            self.tell(cx, told);
        }
    }

    pub(crate) fn call_grid(
        &mut self,
        cx: &mut Context<'_>,
        call: GridCall,
        timeout: Duration,
        pending: Pending,
    ) {
        let Some(id) = self.new_call(cx, pending) else { return };
        cx.effects.push(Effect::CallGrid { id, call, timeout });
    }

    /// A call's number. With too many under way there is none: the question counts as unanswered at once.
    fn new_call(&mut self, cx: &mut Context<'_>, pending: Pending) -> Option<CallId> {
        if self.calls.len() >= MAX_CALLS {
            self.stats.dropped += 1;
            self.resolve(cx, pending, Err(PeerError::TimedOut));
            return None;
        }
        self.next_call += 1;
        let id = CallId(self.next_call);
        self.calls.insert(id, pending);
        Some(id)
    }

    pub(crate) fn handle_reply(
        &mut self,
        cx: &mut Context<'_>,
        id: CallId,
        result: Result<Reply, PeerError>,
    ) {
        if let Some(pending) = self.calls.remove(&id) {
            self.resolve(cx, pending, result);
        }
    }

    fn resolve(&mut self, cx: &mut Context<'_>, pending: Pending, result: Result<Reply, PeerError>) {
        match pending {
            Pending::Step { agent, transfer, step } => {
                self.departure_answered(cx, agent, transfer, step, result);
            }
            Pending::Withdrawal { agent, transfer } => self.withdrawal_answered(cx, agent, transfer, result),
            Pending::Looking { agent, transfer } => self.looked(cx, agent, transfer, result),
            Pending::Stayed { agent, visit, doubt, tries_left } => {
                self.stay_confirmed(cx, agent, visit, (doubt, tries_left), result);
            }
            Pending::LookedHere { agent, transfer } => self.looked_here(cx, agent, transfer, result),
            Pending::Doubt { agent, transfer } => self.doubt_answered(cx, agent, transfer, result),
            Pending::Survey { agent, visit, tries_left } => {
                self.survey_answered(cx, agent, visit, tries_left, result);
            }
            Pending::Child { agent, asked } => self.child_answered(cx, agent, asked, result),
            Pending::Home { agent, asked } => self.home_found(cx, agent, asked, result),
            Pending::Landmark { agent, asked } => self.landmark_found(cx, agent, asked, result),
            Pending::Place { agent, place, flags, asked } => {
                self.place_found(cx, agent, (place, flags), asked, result);
            }
            Pending::MapName { agent, name } => self.map_name_found(cx, agent, &name, result),
            Pending::MapBlocks { agent, flags } => self.map_blocks_found(cx, agent, flags, result),
            Pending::Names { agent } => self.names_found(cx, agent, result),
            Pending::Wearables { agent } => self.wearables_found(cx, agent, result),
            Pending::HandleOf { agent, region } => self.handle_found(cx, agent, region, result),
            Pending::Told(told) => {
                if matches!(result, Err(PeerError::TimedOut | PeerError::Unreachable(_))) {
                    self.tell_again(cx, told);
                }
            }
            Pending::OldChild { agent, session, child, tries_left } => {
                self.old_child_found(cx, agent, session, (child, tries_left), result);
            }
            Pending::Root { agent, session } => self.root_found(cx, agent, session, result),
            Pending::Announce => self.neighbours_found(cx, result),
            Pending::Addressee { call, tries_left } => self.addressee_found(cx, call, tries_left, result),
            Pending::Posted { call, tries_left } => self.post_answered(cx, call, tries_left, result),
            Pending::Friendship { call, words } => self.friendship_answered(cx, &call, words, result),
            Pending::OfferedBy { news } => self.offerer_named(cx, &news, result),
            Pending::Kept { message } => self.message_kept(cx, &message, result),
            Pending::Mailbox { agent } => self.mailbox_found(cx, agent, result),
            Pending::Mutes { agent } => self.mutes_found(cx, agent, result),
            Pending::NewItem { agent, callback } => self.item_created(cx, agent, callback, result),
            Pending::Refuges => self.refuges_found(cx, result),
            Pending::Order { agent, order } => self.level_found(cx, agent, order, result),
            Pending::Nothing => {}
        }
    }
}

/// Grid handles of the eight cells around and the region itself are nothing special: this only says which regions
/// an agent at a position may see, as a range of cells.
pub(crate) fn cells_in_view(
    handle: RegionHandle,
    size: model::RegionSize,
    view_m: u32,
) -> (model::GridCell, model::GridCell) {
    let low = |corner: u32| corner.saturating_sub(view_m) / model::CELL_M;
    let high =
        |corner: u32, length: u32| corner.saturating_add(length).saturating_add(view_m - 1) / model::CELL_M;
    (
        model::GridCell { x: low(handle.x_m()), y: low(handle.y_m()) },
        model::GridCell { x: high(handle.x_m(), size.x), y: high(handle.y_m(), size.y) },
    )
}
