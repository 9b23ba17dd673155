//! Questions under way: what each was for, so that its answer finds its place.

use crate::doubt::Doubt;
use crate::estate::Order;
use crate::interface::*;
use crate::neighbours::AskedChild;
use crate::region::{Context, Region};
use crate::social::SocialCall;
use model::{AgentId, RegionHandle, SessionId, Uuid};
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
pub(crate) const TELL_PAUSE: Duration = Duration::from_secs(2);

/// What waits to be said again, at most.
const MAX_TOLD_AGAIN: usize = 10_000;

/// Of [`MAX_CALLS`], places that only transfers may take: whatever else people ask for, it keeps nobody from moving.
pub(crate) const FOR_TRANSFERS: usize = 256;

/// Questions of one agent under way at most, beside its transfers: a viewer that asks faster than the grid answers
/// asks in vain.
pub(crate) const MAX_QUESTIONS: usize = 40;

/// A question for which there is no place counts as unanswered so much later; at once, whoever asks again would ask
/// for ever.
pub(crate) const UNASKED_PAUSE: Duration = Duration::from_millis(500);

/// Questions for which there was no place, at most; beyond, nobody hears of them.
const MAX_UNASKED: usize = 1000;

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
    /// Where home is, to go there by that wish.
    Home { agent: AgentId, wish: u64 },
    /// A landmark's content, to go there.
    Landmark { agent: AgentId, wish: u64 },
    /// The region that home or a landmark is in.
    Place { agent: AgentId, wish: u64, place: Place },
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

impl Pending {
    /// Whether an agent may be left standing without the answer.
    fn is_of_transfer(&self) -> bool {
        matches!(
            self,
            Self::Step { .. }
                | Self::Withdrawal { .. }
                | Self::Looking { .. }
                | Self::Stayed { .. }
                | Self::LookedHere { .. }
                | Self::Doubt { .. }
                | Self::Home { .. }
                | Self::Landmark { .. }
                | Self::Place { .. }
                | Self::Told(_)
                | Self::Refuges
        )
    }

    /// The agent whose viewer wants to know.
    fn asker(&self) -> Option<AgentId> {
        match self {
            &(Self::Home { agent, .. }
            | Self::Landmark { agent, .. }
            | Self::Place { agent, .. }
            | Self::MapName { agent, .. }
            | Self::MapBlocks { agent, .. }
            | Self::Names { agent }
            | Self::Wearables { agent }
            | Self::HandleOf { agent, .. }
            | Self::Mailbox { agent }
            | Self::Mutes { agent }
            | Self::NewItem { agent, .. }
            | Self::Order { agent, .. }) => Some(agent),
            Self::Addressee { call, .. } | Self::Posted { call, .. } => sender(call),
            Self::Friendship { call, .. } => crate::friendship::sides(call).map(|(agent, _)| agent),
            Self::Kept { message } => Some(message.from),
            _ => None,
        }
    }
}

/// Who says something to a person.
fn sender(call: &PeerCall) -> Option<AgentId> {
    match call {
        PeerCall::InstantMessage(message) => Some(message.from),
        PeerCall::FriendStatus { friend, .. } => Some(*friend),
        PeerCall::FriendNews(news) => Some(news.from),
        _ => None,
    }
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
        if self.is_overtaken(&told) {
            return;
        }
        if told.tries_left == 0 || self.told_again.len() >= MAX_TOLD_AGAIN || once {
            self.stats.dropped += 1;
            return;
        }
        self.told_again.push_back((cx.now + TELL_PAUSE, Told { tries_left: told.tries_left - 1, ..told }));
    }

    /// A close without a claim closes whatever it finds: it is not said again once the agent is on its way there, has
    /// gone there, or looks in there again.
    fn is_overtaken(&self, told: &Told) -> bool {
        let PeerCall::CloseChild { agent, session, claim: None } = told.call else { return false };
        let Some(agent) = self.agents.get(&agent).filter(|agent| agent.session == session) else {
            return false;
        };
        let is_it = |region: Option<&Arc<RegionInfo>>| region.is_some_and(|r| r.id == told.region.id);
        // A late viewer of a transfer in doubt may still be barred.
        let in_doubt = is_it(agent.doubt.as_ref().map(|doubt| &doubt.region));
        let goes = is_it(agent.leaving.as_ref().and_then(|leaving| leaving.destination.as_ref()));
        let gone = is_it(agent.farewell.as_ref().map(|farewell| &farewell.destination));
        !in_doubt && (goes || gone || agent.children.contains_key(&told.region.handle))
    }

    /// What was to be closed at a region to which the agent goes now: it may arrive, be forgotten here, and be closed
    /// there by what is said late.
    pub(crate) fn unsay_closes(&mut self, id: AgentId) {
        let said = std::mem::take(&mut self.told_again);
        self.told_again = said
            .into_iter()
            .filter(|(_, told)| told.call.agent() != Some(id) || !self.is_overtaken(told))
            .collect();
    }

    /// Says again what is due.
    pub(crate) fn run_told_again(&mut self, cx: &mut Context<'_>) {
        while self.told_again.front().is_some_and(|&(at, _)| at <= cx.now) {
            let Some((_, told)) = self.told_again.pop_front() else { break };
            if !self.is_overtaken(&told) {
                self.tell(cx, told);
            }
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

    /// A call's number. With too many under way there is none: the question counts as unanswered in a while. What one
    /// viewer asks beyond its share is forgotten.
    fn new_call(&mut self, cx: &mut Context<'_>, pending: Pending) -> Option<CallId> {
        let of_transfer = pending.is_of_transfer();
        let asker = pending.asker();
        if !of_transfer && asker.is_some_and(|agent| self.asks_too_much(agent)) {
            self.stats.dropped += 1;
            return None;
        }
        let places = if of_transfer { MAX_CALLS } else { MAX_CALLS - FOR_TRANSFERS };
        if self.calls.len() >= places {
            self.stats.dropped += 1;
            if self.unasked.len() < MAX_UNASKED {
                self.unasked.push_back((cx.now + UNASKED_PAUSE, pending));
            }
            return None;
        }
        self.next_call += 1;
        let id = CallId(self.next_call);
        if let Some(agent) = asker {
            *self.questions.entry(agent).or_default() += 1;
        }
        self.calls.insert(id, pending);
        Some(id)
    }

    /// Whether a viewer has as many questions under way as it may have.
    pub(crate) fn asks_too_much(&self, id: AgentId) -> bool {
        self.questions.get(&id).is_some_and(|&asked| asked >= MAX_QUESTIONS)
    }

    /// Gives up the questions for which there was no place.
    pub(crate) fn run_unasked(&mut self, cx: &mut Context<'_>) {
        while self.unasked.front().is_some_and(|&(at, _)| at <= cx.now) {
            let Some((_, pending)) = self.unasked.pop_front() else { break };
            self.resolve(cx, pending, Err(PeerError::TimedOut));
        }
    }

    pub(crate) fn handle_reply(
        &mut self,
        cx: &mut Context<'_>,
        id: CallId,
        result: Result<Reply, PeerError>,
    ) {
        let Some(pending) = self.calls.remove(&id) else { return };
        if let Some(agent) = pending.asker()
            && let Some(asked) = self.questions.get_mut(&agent)
        {
            *asked -= 1;
            if *asked == 0 {
                self.questions.remove(&agent);
            }
        }
        self.resolve(cx, pending, result);
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
            Pending::Home { agent, wish } => self.home_found(cx, agent, wish, result),
            Pending::Landmark { agent, wish } => self.landmark_found(cx, agent, wish, result),
            Pending::Place { agent, wish, place } => self.place_found(cx, agent, wish, place, result),
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

/// The cells, from the south-west one to the north-east one, that lie no farther than that from a region.
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
