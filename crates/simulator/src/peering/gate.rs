//! Who may ask what: every request of another process passes here before a region hears of it.
//!
//! A process of ours proves which region sends ([`super::proof`]): the region is looked up at the grid, the key fetched
//! from the address at which the grid knows it. What comes without a proof, from other simulators and login services,
//! is taken as far as the grid vouches for it: the session must be known, and the region that a message says it comes
//! from must be registered at a host that has the caller's address. What only our own processes can mean (transfer
//! numbers, claims, the end of a session) is never taken without a proof. A proof is looked at before the body, and what is
//! large is read only for those who have one or a region.

mod vouched;

use super::keys::Keys;
use super::proof::{Proof, Signed, Source, unix_now_ms};
use super::registry::{Registry, Silent};
use super::seen::{Seen, Untimely};
use super::web;
use crate::directory::Directory;
use axum::http::HeaderMap;
use model::{AgentId, RegionId};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use transfer::PeerCall;

/// When a proof fails, the region may have moved since it was looked up: what the grid says now counts.
const MOVED: Duration = Duration::from_secs(1);

/// Why a request is turned away.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Denied {
    pub(crate) status: u16,
    /// One of few, for metrics.
    pub(crate) reason: &'static str,
    /// For the log.
    pub(crate) words: String,
}

impl Denied {
    fn new(reason: &'static str, words: impl Into<String>) -> Self {
        Self { status: 403, reason, words: words.into() }
    }
}

impl From<Silent> for Denied {
    /// The caller may be right; it can come again.
    fn from(silent: Silent) -> Self {
        Self { status: 503, reason: "grid_silent", words: silent.to_string() }
    }
}

/// A request as it came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Knock<'a> {
    pub(crate) method: &'a str,
    /// With the query.
    pub(crate) path: &'a str,
    pub(crate) headers: &'a HeaderMap,
    /// As sent.
    pub(crate) body: &'a [u8],
    pub(crate) caller: IpAddr,
}

/// Who sends a request, as far as its body need not be read for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sender {
    /// A process of ours has signed it.
    Proven(Source),
    /// Anybody.
    Unproven,
}

/// The gate of a process.
pub(crate) struct Gate {
    registry: Arc<Registry>,
    keys: Keys,
    directory: Arc<Directory>,
    /// Of the base URL under which our regions are registered.
    authority: String,
    /// Base URL of the grid's private side, if it is another process.
    grid: Option<Arc<str>>,
    seen: Mutex<Seen>,
}

impl Gate {
    pub(crate) fn new(
        client: reqwest::Client,
        registry: Arc<Registry>,
        directory: Arc<Directory>,
        http_base: &str,
        grid: Option<Arc<str>>,
    ) -> Self {
        let authority = web::authority_of(http_base);
        Self { registry, keys: Keys::new(client), directory, authority, grid, seen: Mutex::default() }
    }

    /// Who sends a request: its body is not looked into before.
    ///
    /// # Errors
    /// It has a proof, which is not good.
    pub(crate) async fn sender(&self, knock: &Knock<'_>) -> Result<Sender, Denied> {
        match Proof::read(knock.headers).map_err(|words| Denied::new("malformed", words))? {
            Some(proof) => self.check(knock, &proof).await.map(Sender::Proven),
            None => Ok(Sender::Unproven),
        }
    }

    /// Whether this sender may have a large body read: a process of ours, the grid, or a host with regions, one of which
    /// this agent is in.
    ///
    /// # Errors
    /// It may not.
    pub(crate) async fn may_send_much(
        &self,
        sender: Sender,
        agent: Option<AgentId>,
        caller: IpAddr,
    ) -> Result<(), Denied> {
        match (sender, agent) {
            (Sender::Proven(_), _) => Ok(()),
            (Sender::Unproven, Some(agent)) => self.vouch_for_person(agent, caller).await,
            (Sender::Unproven, None) => Err(Denied::new("not_vouched", "only agents are so large")),
        }
    }

    /// Whether a call may pass. What it says about the caller's region is put right where the grid knows better.
    ///
    /// # Errors
    /// It may not.
    pub(crate) async fn admit(
        &self,
        sender: Sender,
        caller: IpAddr,
        call: &mut PeerCall,
    ) -> Result<(), Denied> {
        match sender {
            Sender::Proven(source) => self.may_say(source, simulation::claimed_source(call), call).await?,
            Sender::Unproven => self.vouch(caller, call).await?,
        }
        if let PeerCall::Hello(hello) = call {
            self.put_right(hello).await?;
        }
        Ok(())
    }

    /// Whether the grid has signed a request.
    pub(crate) async fn is_of_grid(&self, knock: &Knock<'_>) -> bool {
        match Proof::read(knock.headers) {
            Ok(Some(proof)) if proof.source == Source::Grid => match self.check(knock, &proof).await {
                Ok(_) => true,
                Err(Denied { words, .. }) => {
                    tracing::warn!(from = %knock.caller, "what the grid is said to want is turned away: {words}");
                    false
                }
            },
            _ => false,
        }
    }

    /// Who has signed a request.
    async fn check(&self, knock: &Knock<'_>, proof: &Proof) -> Result<Source, Denied> {
        let untimely = |why| match why {
            Untimely::Stale => Denied::new("stale", "its proof of origin is of another time"),
            Untimely::Replayed => Denied::new("replayed", "its proof of origin was used before"),
        };
        let now = unix_now_ms();
        self.seen().timely(now, proof.time_ms).map_err(untimely)?;
        let signed =
            Signed { method: knock.method, authority: &self.authority, path: knock.path, body: knock.body };
        if !self.is_signed(proof, &signed).await? {
            let words = format!("its proof of origin is not of {}", proof.source);
            return Err(Denied::new("forged", words));
        }
        self.seen().take(now, proof.time_ms, proof.mark()).map_err(untimely)?;
        Ok(proof.source)
    }

    async fn is_signed(&self, proof: &Proof, signed: &Signed<'_>) -> Result<bool, Denied> {
        let base = self.base_of(proof.source, None).await?;
        if self.keys.of(&base).await.is_some_and(|key| proof.verify(&key, signed)) {
            return Ok(true);
        }
        let base = self.base_of(proof.source, Some(MOVED)).await?;
        let Some(key) = self.keys.anew(&base).await else {
            let words = format!("{} serves no key at {base}", proof.source);
            return Err(Denied::new("no_key", words));
        };
        Ok(proof.verify(&key, signed))
    }

    /// Where a source serves its key.
    async fn base_of(&self, source: Source, age: Option<Duration>) -> Result<String, Denied> {
        let region = match (source, age) {
            (Source::Grid, _) => {
                let base = self.grid.as_deref().map(str::to_owned);
                return base.ok_or_else(|| Denied::new("unknown_source", "the grid is this process"));
            }
            (Source::Region(id), None) => self.registry.region(id).await?,
            (Source::Region(id), Some(age)) => self.registry.region_no_older(id, age).await?,
        };
        let words = || format!("the grid knows no region {source}");
        region.map(|region| region.server_uri.clone()).ok_or_else(|| Denied::new("unknown_source", words()))
    }

    /// A source speaks for itself alone.
    async fn may_say(
        &self,
        source: Source,
        claimed: Option<RegionId>,
        call: &PeerCall,
    ) -> Result<(), Denied> {
        let (claimed, holder) = match call {
            PeerCall::CreateAgent(create) => (claimed, create.claim.map(|claim| claim.holder)),
            // Whoever takes an agent over closes what its predecessor claimed.
            PeerCall::CloseChild { .. } => (None, None),
            _ => (claimed, None),
        };
        let other = [claimed, holder].into_iter().flatten().find(|&named| Source::Region(named) != source);
        if let Some(other) = other {
            return Err(Denied::new("wrong_source", format!("{source} sends it in the name of {other}")));
        }
        if let (PeerCall::ChildView(view), Source::Region(id)) = (call, source)
            && self.registry.region(id).await?.is_none_or(|region| region.handle != view.root)
        {
            let words = format!("{source} sends a view from another region");
            return Err(Denied::new("wrong_source", words));
        }
        Ok(())
    }

    /// A region that says hello is what the grid says that it is.
    async fn put_right(&self, hello: &mut transfer::Hello) -> Result<(), Denied> {
        let known = self.registry.region_no_older(hello.id, MOVED).await?;
        let known = known.filter(|known| known.handle == hello.handle);
        let Some(known) = known else {
            let words = format!("the grid knows no region {} at {:?}", hello.id, hello.handle);
            return Err(Denied::new("unknown_source", words));
        };
        hello.name.clone_from(&known.name);
        hello.size = known.size;
        hello.host.clone_from(&known.external_host);
        hello.udp_port = known.udp_port;
        hello.http_port = known.http_port;
        hello.server_uri.clone_from(&known.server_uri);
        Ok(())
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
