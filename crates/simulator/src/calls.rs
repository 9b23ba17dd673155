//! Performs what a region asks of its peers and of the grid, each call with its own end.
//!
//! Calls under way are tasks of a set that belongs to the region and ends with it; a call that panics is an
//! answer like another. Calls to peers are *begun* in the order of the region's effects, so a peer hears them in
//! that order; only their answers are awaited side by side.

use crate::directory::{Directory, Request};
use crate::grid_side::GridSide;
use crate::http::trace::HttpTrace;
use model::RegionId;
use region::{CallId, GridCall, Reply};
use services::RegionInfo;
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::task::{Id, JoinSet};
use transfer::{PeerCall, PeerError, PeerReply};

/// The answer to a call, awaited.
pub type PeerAnswer = Pin<Box<dyn Future<Output = Result<PeerReply, PeerError>> + Send>>;

/// How regions reach each other. The region names whom and what; where that region runs is this trait's business.
pub trait PeerTransport: Send + Sync {
    /// Begins a call from a region, or from the login service (the null region), to another. Within a process calls are
    /// delivered in the order in which they were begun, between processes they may overtake each other; awaiting the
    /// answers may happen in any order, and a dropped answer does not take the call back. `tickets`: the other region
    /// is known to understand transfer numbers and claims.
    fn begin(&self, from: RegionId, to: &Arc<RegionInfo>, call: PeerCall, tickets: bool) -> PeerAnswer;
}

/// Peers of this process: a call is a request in the peer's inbox.
#[derive(Debug)]
pub struct LocalPeers(pub Arc<Directory>);

impl PeerTransport for LocalPeers {
    fn begin(&self, _from: RegionId, to: &Arc<RegionInfo>, call: PeerCall, _tickets: bool) -> PeerAnswer {
        let (answer, answered) = oneshot::channel();
        let sent = self.0.send(to.id, Request::Peer { call: Box::new(call), answer, share: None });
        Box::pin(async move {
            sent?;
            match answered.await {
                Ok(Ok(reply)) => Ok(reply),
                Ok(Err(refusal)) => Err(PeerError::Refused(refusal)),
                Err(_) => Err(PeerError::Unreachable("the region has ended".into())),
            }
        })
    }
}

/// The calls of one region.
pub(crate) struct Calls {
    from: RegionId,
    peers: Arc<dyn PeerTransport>,
    grid: Arc<GridSide>,
    trace: Arc<HttpTrace>,
    under_way: JoinSet<Result<Reply, PeerError>>,
    /// Only looked up.
    ids: HashMap<Id, CallId>,
}

impl Calls {
    pub(crate) fn new(
        from: RegionId,
        peers: Arc<dyn PeerTransport>,
        grid: Arc<GridSide>,
        trace: Arc<HttpTrace>,
    ) -> Self {
        Self { from, peers, grid, trace, under_way: JoinSet::new(), ids: HashMap::new() }
    }

    /// Begins a call to a peer.
    ///
    /// # Errors
    /// Too many calls are under way.
    pub(crate) fn call_peer(
        &mut self,
        id: CallId,
        to: &Arc<RegionInfo>,
        call: PeerCall,
        tickets: bool,
        timeout: Duration,
    ) -> Result<(), PeerError> {
        self.has_room()?;
        let line = self.trace.call_out(|| format!("{} to {}", call.name(), to.name));
        let answer = self.peers.begin(self.from, to, call, tickets);
        self.start(id, timeout, line, async move { answer.await.map(Reply::Peer) });
        Ok(())
    }

    /// Begins a call to the grid.
    ///
    /// # Errors
    /// Too many calls are under way.
    pub(crate) fn call_grid(
        &mut self,
        id: CallId,
        call: GridCall,
        timeout: Duration,
    ) -> Result<(), PeerError> {
        self.has_room()?;
        let line = self.trace.call_out(|| format!("{} to grid", call.name()));
        let grid = self.grid.clone();
        self.start(id, timeout, line, async move { grid.call(call).await });
        Ok(())
    }

    /// The next answer; `None` when no call is under way.
    pub(crate) async fn next(&mut self) -> Option<(CallId, Result<Reply, PeerError>)> {
        loop {
            let (task, result) = match self.under_way.join_next_with_id().await? {
                Ok(done) => done,
                Err(error) => {
                    (error.id(), Err(PeerError::Unreachable("the call broke down; see the log".into())))
                }
            };
            if let Some(id) = self.ids.remove(&task) {
                return Some((id, result));
            }
        }
    }

    fn has_room(&self) -> Result<(), PeerError> {
        let room = self.under_way.len() < region::MAX_CALLS;
        room.then_some(()).ok_or_else(|| PeerError::Unreachable("too many calls are under way".into()))
    }

    fn start(
        &mut self,
        id: CallId,
        timeout: Duration,
        line: Option<u64>,
        call: impl Future<Output = Result<Reply, PeerError>> + Send + 'static,
    ) {
        let trace = line.map(|number| (number, self.trace.clone(), Instant::now()));
        let task = self.under_way.spawn(async move {
            let result = tokio::time::timeout(timeout, call).await.unwrap_or(Err(PeerError::TimedOut));
            if let Some((number, trace, begun)) = trace {
                trace.call_took(number, begun.elapsed(), result.as_ref().err());
            }
            result
        });
        self.ids.insert(task.id(), id);
    }
}
