//! Requests without a proof of origin: taken as far as the grid vouches for them.

use super::{Denied, Gate, Way, web};
use model::{AgentId, RegionId, SessionId};
use services::RegionInfo;
use std::net::IpAddr;
use std::sync::Arc;
use transfer::{AgentData, CreateAgent, InstantMessage, KnownChild, PeerCall};

impl Gate {
    pub(super) async fn vouch(&self, way: Way, call: &PeerCall) -> Result<(), Denied> {
        if only_ours(call) {
            let words = format!("{} of this kind takes a proof of origin", call.name());
            return Err(Denied::new("needs_proof", words));
        }
        let caller = way.caller;
        match call {
            // Nothing is done, and nothing told that logging in would not tell.
            PeerCall::QueryAccess(_) => return Ok(()),
            // The region knows the secret, or does nothing.
            PeerCall::Release { .. } => return Ok(()),
            _ if way.relayed => {
                let words = "it came by way of a proxy or of a page in a browser, whose address says nothing";
                return Err(Denied::new("relayed", words));
            }
            _ => {}
        }
        match call {
            // Seen to above.
            PeerCall::QueryAccess(_)
            | PeerCall::Release { .. }
            | PeerCall::Withdraw { .. }
            | PeerCall::EndSession { .. } => Ok(()),
            PeerCall::CreateAgent(create) => self.vouch_for_agent(create, way).await,
            // The region knows the session, or does nothing; but sessions are seen by whoever sees packets pass.
            PeerCall::CloseChild { session, .. } => self.comes_from_a_simulator(*session, way).await,
            PeerCall::UpdateAgent(data) => self.stands_at(data.source, caller).await,
            PeerCall::ChildView(view) => {
                let region = self.registry.region_at(view.root).await?;
                self.calls_from(region, &format!("at {:?}", view.root), caller).await
            }
            PeerCall::Hello(hello) => self.stands_at(hello.id, caller).await,
            PeerCall::InstantMessage(message) => self.vouch_for_message(message, caller).await,
            PeerCall::FriendStatus { friend, to, online } => {
                match self.vouch_for_person(*friend, caller).await {
                    Err(_) if !online && self.has_gone(*friend, *to).await? => Ok(()),
                    word => word,
                }
            }
            PeerCall::FriendNews(news) => self.vouch_for_person(news.from, caller).await,
        }
    }

    async fn vouch_for_agent(&self, create: &CreateAgent, way: Way) -> Result<(), Denied> {
        // Whom we have already the grid has vouched for.
        let known = self.directory.knows(create.agent, create.session);
        if !known && !self.registry.is_session(create.agent, create.session).await? {
            let words = format!("the grid knows no such session of {}", create.agent);
            return Err(Denied::new("unknown_session", words));
        }
        match create.source {
            Some(source) => self.stands_at(source, way.caller).await,
            // Older releases name none, nor do logins.
            None => self.comes_from_a_simulator(create.session, way).await,
        }
    }

    /// Whoever knows a session may do something about its agent if it is the grid, or has the address of a simulator:
    /// one that has shown itself, the one where the agent is, or one with a region near the one that is called.
    async fn comes_from_a_simulator(&self, session: SessionId, way: Way) -> Result<(), Denied> {
        let caller = way.caller;
        if self.registry.is_known_host(caller) || self.is_grid(caller).await {
            return Ok(());
        }
        let there = self.registry.session(session).await?.map(|presence| presence.region);
        if let Some(there) = there.filter(|region| !region.is_null())
            && self.stands_at(there, caller).await.is_ok()
        {
            return Ok(());
        }
        if let Some(called) = way.to {
            for region in self.registry.around(called).await?.iter() {
                if self.registry.is_at(region, caller).await {
                    return Ok(());
                }
            }
        }
        let words = format!("{caller} is no address of a simulator, as far as the grid says");
        Err(Denied::new("not_vouched", words))
    }

    async fn vouch_for_message(&self, message: &InstantMessage, caller: IpAddr) -> Result<(), Denied> {
        let region = RegionId(message.region);
        if !region.is_null() && self.stands_at(region, caller).await.is_ok() {
            return Ok(());
        }
        self.vouch_for_person(message.from, caller).await
    }

    /// Word of somebody comes from where they are, from the grid, or, since they may just have gone, from a host that
    /// has regions.
    pub(super) async fn vouch_for_person(&self, person: AgentId, caller: IpAddr) -> Result<(), Denied> {
        if self.registry.is_known_host(caller) || self.is_grid(caller).await {
            return Ok(());
        }
        let presence = self.registry.presence(person).await?.filter(|presence| !presence.region.is_null());
        match presence {
            Some(presence) => self.stands_at(presence.region, caller).await,
            None => {
                let words = format!("word of {person}, who is not online, from {caller}");
                Err(Denied::new("not_vouched", words))
            }
        }
    }

    /// Other simulators tell the grid first that somebody has gone, and friends then, when the grid does not know any more
    /// where that was: so it is taken from anybody, if it is so and the two are friends.
    async fn has_gone(&self, person: AgentId, friend: AgentId) -> Result<bool, Denied> {
        if self.registry.presence(person).await?.is_some() {
            return Ok(false);
        }
        let theirs = self.registry.friends(friend).await?;
        Ok(theirs.iter().any(|entry| entry.friend == person && entry.has.is_some()))
    }

    pub(super) async fn is_grid(&self, caller: IpAddr) -> bool {
        let Some(grid) = &self.grid else { return false };
        for base in [&grid.private, &grid.login] {
            if self.registry.addresses.is_at(&web::host_of(base), caller).await {
                return true;
            }
        }
        false
    }

    async fn stands_at(&self, region: RegionId, caller: IpAddr) -> Result<(), Denied> {
        let known = self.registry.region(region).await?;
        self.calls_from(known, &region.to_string(), caller).await
    }

    async fn calls_from(
        &self,
        region: Option<Arc<RegionInfo>>,
        named: &str,
        caller: IpAddr,
    ) -> Result<(), Denied> {
        let Some(region) = region else {
            return Err(Denied::new("unknown_source", format!("the grid knows no region {named}")));
        };
        if self.registry.is_at(&region, caller).await {
            return Ok(());
        }
        let words = format!("{} is not at {caller}, says the grid", region.name);
        Err(Denied::new("not_vouched", words))
    }
}

/// Whether a call says what only processes of ours can mean.
fn only_ours(call: &PeerCall) -> bool {
    let claims = |children: &[KnownChild]| children.iter().any(|child| child.claim.is_some());
    match call {
        PeerCall::Withdraw { .. } | PeerCall::EndSession { .. } => true,
        PeerCall::CloseChild { claim, .. } => claim.is_some(),
        PeerCall::CreateAgent(create) => {
            let CreateAgent { claim, transfer, children, .. } = &**create;
            claim.is_some() || transfer.is_some() || claims(children)
        }
        PeerCall::UpdateAgent(data) => {
            let AgentData { transfer, children, .. } = &**data;
            transfer.is_some() || claims(children)
        }
        PeerCall::QueryAccess(_)
        | PeerCall::Release { .. }
        | PeerCall::ChildView(_)
        | PeerCall::Hello(_)
        | PeerCall::InstantMessage(_)
        | PeerCall::FriendStatus { .. }
        | PeerCall::FriendNews(_) => false,
    }
}
