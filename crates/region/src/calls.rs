//! Questions under way: what each was for, so that its answer finds its place.

use crate::interface::*;
use crate::neighbours::AskedChild;
use crate::region::{Context, Region};
use model::{AgentId, RegionHandle, Uuid};
use services::RegionInfo;
use std::sync::Arc;
use std::time::Duration;
use transfer::{PeerCall, PeerError, Step, TransferId};

/// How long a grid service may take to answer what is not part of a transfer.
pub(crate) const GRID_PATIENCE: Duration = Duration::from_secs(5);

/// How long a peer may take to answer what is not part of a transfer.
pub(crate) const PEER_PATIENCE: Duration = Duration::from_secs(5);

/// What a peer must hear in the end is said so often while no answer comes.
const TELL_TRIES: u32 = 5;

/// Questions under way at most; past it a question is not asked and counts as unanswered.
const MAX_CALLS: usize = 10_000;

/// What a question was for.
#[derive(Clone, Debug)]
pub(crate) enum Pending {
    /// A step of a departure.
    Step { agent: AgentId, transfer: TransferId, step: Step },
    /// Where a departure's agent is.
    Withdrawal { agent: AgentId, transfer: TransferId },
    /// The same, after the departure was over for lack of an answer.
    Doubt { agent: AgentId, transfer: TransferId, tries_left: u32 },
    /// Which regions an agent can see.
    Survey { agent: AgentId, visit: u64, tries_left: u32 },
    /// A child agent at a neighbour.
    Child { agent: AgentId, asked: AskedChild },
    /// Where home is, to go there.
    Home { agent: AgentId },
    /// A landmark's content, to go there.
    Landmark { agent: AgentId },
    /// The region that home or a landmark is in.
    Place { agent: AgentId, place: Place, flags: model::TeleportFlags },
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
    Told { region: Arc<RegionInfo>, call: PeerCall, tries_left: u32 },
    /// Nobody waits.
    Nothing,
}

impl Region {
    pub(crate) fn call_peer(
        &mut self,
        cx: &mut Context<'_>,
        region: Arc<RegionInfo>,
        call: PeerCall,
        timeout: Duration,
        pending: Pending,
    ) {
        let Some(id) = self.new_call(cx, pending) else { return };
        cx.effects.push(Effect::CallPeer { id, region, call, timeout });
    }

    /// Tells a peer that an agent or a session is over there: said again while no answer comes, or the viewer would
    /// keep the agent alive.
    pub(crate) fn tell_peer(&mut self, cx: &mut Context<'_>, region: Arc<RegionInfo>, call: PeerCall) {
        let pending =
            Pending::Told { region: region.clone(), call: call.clone(), tries_left: TELL_TRIES - 1 };
        self.call_peer(cx, region, call, PEER_PATIENCE, pending);
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
            Pending::Doubt { agent, transfer, tries_left } => {
                self.doubt_answered(cx, agent, transfer, tries_left, result);
            }
            Pending::Survey { agent, visit, tries_left } => {
                self.survey_answered(cx, agent, visit, tries_left, result);
            }
            Pending::Child { agent, asked } => self.child_answered(cx, agent, asked, result),
            Pending::Home { agent } => self.home_found(cx, agent, result),
            Pending::Landmark { agent } => self.landmark_found(cx, agent, result),
            Pending::Place { agent, place, flags } => self.place_found(cx, agent, place, flags, result),
            Pending::MapName { agent, name } => self.map_name_found(cx, agent, &name, result),
            Pending::MapBlocks { agent, flags } => self.map_blocks_found(cx, agent, flags, result),
            Pending::Names { agent } => self.names_found(cx, agent, result),
            Pending::Wearables { agent } => self.wearables_found(cx, agent, result),
            Pending::HandleOf { agent, region } => self.handle_found(cx, agent, region, result),
            Pending::Told { region, call, tries_left } => {
                if tries_left > 0 && result == Err(PeerError::TimedOut) {
                    let tries_left = tries_left - 1;
                    let pending = Pending::Told { region: region.clone(), call: call.clone(), tries_left };
                    self.call_peer(cx, region, call, PEER_PATIENCE, pending);
                }
            }
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
