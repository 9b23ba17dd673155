//! Friendships: offered, accepted, declined, ended, and what friends let each other do.
//!
//! The grid keeps them; a region asks it first and tells the other side then, wherever that stands. An offer is kept by
//! the grid too, as half a friendship: who was not online finds it at the next login. Its number is its maker's id, as
//! published.

use crate::calls::{GRID_PATIENCE, Pending};
use crate::interface::*;
use crate::region::{Context, Region};
use crate::social::{SocialCall, SocialReply};
use crate::talk::DIALOG_OFFER;
use circuit::Delivery;
use lludp::messages as m;
use model::{AgentId, Moment};
use transfer::{FriendDeed, FriendNews, InstantMessage, PeerCall, PeerError, PeerReply, Refusal};

/// Kinds of instant messages about friendships, besides the offer.
const ACCEPTED: u8 = 39;
const DECLINED: u8 = 40;

/// The right to see when somebody is online.
const SEE_ONLINE: u32 = 1;

/// Friends whose rights one message changes, at most.
const RIGHTS_AT_ONCE: usize = 32;

impl Region {
    /// An offer, made with an instant message.
    pub(crate) fn offer_friendship(&mut self, cx: &mut Context<'_>, message: InstantMessage) {
        let call = SocialCall::Offer { from: message.from, to: message.to };
        self.ask_about_friends(cx, call, message.text);
    }

    /// AcceptFriendship.
    pub(crate) fn accept_friendship(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        said: &m::AcceptFriendship<'_>,
    ) {
        let friend = AgentId(said.transaction_block.transaction_id);
        self.ask_about_friends(cx, SocialCall::Accept { agent: id, friend }, String::new());
    }

    /// DeclineFriendship.
    pub(crate) fn decline_friendship(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        said: &m::DeclineFriendship,
    ) {
        let friend = AgentId(said.transaction_block.transaction_id);
        self.ask_about_friends(cx, SocialCall::Decline { agent: id, friend }, String::new());
    }

    /// TerminateFriendship.
    pub(crate) fn terminate_friendship(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        said: &m::TerminateFriendship,
    ) {
        let friend = AgentId(said.ex_block.other_id);
        self.ask_about_friends(cx, SocialCall::Terminate { agent: id, friend }, String::new());
    }

    /// GrantUserRights.
    pub(crate) fn grant_rights(&mut self, cx: &mut Context<'_>, id: AgentId, said: &m::GrantUserRights<'_>) {
        for block in said.rights.iter().take(RIGHTS_AT_ONCE) {
            let (friend, rights) = (AgentId(block.agent_related), block.related_rights.cast_unsigned());
            self.ask_about_friends(cx, SocialCall::Grant { agent: id, friend, rights }, String::new());
        }
    }

    fn ask_about_friends(&mut self, cx: &mut Context<'_>, call: SocialCall, words: String) {
        let Some((agent, other)) = sides(&call) else { return };
        let acts = self.agents.get(&agent).is_some_and(|agent| agent.acts());
        if !acts || other.is_null() || other == agent {
            return;
        }
        let pending = Pending::Friendship { call: Box::new(call.clone()), words };
        self.call_grid(cx, GridCall::Social(call), GRID_PATIENCE, pending);
    }

    /// The grid has entered it, or has not.
    pub(crate) fn friendship_answered(
        &mut self,
        cx: &mut Context<'_>,
        call: &SocialCall,
        words: String,
        result: Result<Reply, PeerError>,
    ) {
        let Some((agent, friend)) = sides(call) else { return };
        let name = self.agents.get(&agent).map(|agent| agent.name()).unwrap_or_default();
        let reply = match result {
            Ok(Reply::Social(reply)) => reply,
            Err(PeerError::Refused(Refusal { reason })) => return self.alert(cx, agent, &reason, None),
            _ => {
                let words = "Your friends cannot be looked up now; please try again.";
                return self.alert(cx, agent, words, None);
            }
        };
        let approved = || FriendDeed::Approved { name: name.clone(), status_follows: true };
        let deed = match (call, reply) {
            (SocialCall::Offer { .. }, SocialReply::Befriended { name }) => {
                self.say_of_friendship(cx, (friend, &name), agent, ACCEPTED, friend.to_string());
                approved()
            }
            (SocialCall::Offer { .. }, _) => FriendDeed::Offered { name, words },
            (SocialCall::Accept { .. }, _) => approved(),
            (SocialCall::Decline { .. }, _) => FriendDeed::Denied { name },
            (SocialCall::Terminate { .. }, _) => {
                self.send_terminated(cx, agent, friend);
                FriendDeed::Terminated
            }
            (SocialCall::Grant { .. }, SocialReply::Rights { before, now }) => {
                self.send_rights(cx, agent, agent, friend, now);
                FriendDeed::Rights { before, now }
            }
            // No question about a friendship, or no answer to it.
            _ => return,
        };
        self.post(cx, PeerCall::FriendNews(Box::new(FriendNews { from: agent, to: friend, deed })));
    }

    /// The other side has heard of it. Those who have just become friends see each other.
    pub(crate) fn friend_told(&mut self, cx: &mut Context<'_>, news: &FriendNews) {
        if !matches!(news.deed, FriendDeed::Approved { .. }) {
            return;
        }
        // Whoever has gone in between is not told.
        let _ = self.deliver_status(cx, news.to, news.from, true);
        if self.is_addressable(news.from) {
            self.post(cx, PeerCall::FriendStatus { friend: news.from, to: news.to, online: true });
        }
    }

    /// The other side is not online. An offer is found at its next login; its words are kept with it.
    pub(crate) fn friend_not_told(&mut self, cx: &mut Context<'_>, news: &FriendNews) {
        let FriendDeed::Offered { name, words } = &news.deed else { return };
        let message = self.of_friendship(cx.now, (news.from, name), news.to, DIALOG_OFFER, words.clone());
        let call = GridCall::Social(SocialCall::Keep(Box::new(message)));
        self.call_grid(cx, call, GRID_PATIENCE, Pending::Nothing);
    }

    /// Offers that were made while somebody was not online, and whose words are not known.
    pub(crate) fn deliver_offers(
        &mut self,
        cx: &mut Context<'_>,
        to: AgentId,
        offers: Vec<(AgentId, String)>,
    ) {
        for (from, name) in offers {
            self.say_of_friendship(cx, (from, &name), to, DIALOG_OFFER, "Will you be my friend?".into());
        }
    }

    /// News of a friendship for somebody who is here.
    pub(crate) fn deliver_news(
        &mut self,
        cx: &mut Context<'_>,
        news: &FriendNews,
    ) -> Result<PeerReply, Refusal> {
        let FriendNews { from, to, ref deed } = *news;
        if !self.is_addressable(to) {
            return Err(Refusal::new("They are not here."));
        }
        match deed {
            FriendDeed::Offered { name, .. } if name.is_empty() => {
                let pending = Pending::OfferedBy { news: Box::new(news.clone()) };
                self.call_grid(cx, GridCall::Names(vec![from]), GRID_PATIENCE, pending);
            }
            FriendDeed::Offered { name, words } => {
                self.say_of_friendship(cx, (from, name), to, DIALOG_OFFER, words.clone());
            }
            FriendDeed::Approved { name, status_follows } => {
                self.say_of_friendship(cx, (from, name), to, ACCEPTED, from.to_string());
                if !status_follows {
                    self.deliver_status(cx, from, to, true)?;
                }
            }
            FriendDeed::Denied { name } => {
                self.say_of_friendship(cx, (from, name), to, DECLINED, from.to_string());
            }
            FriendDeed::Terminated => self.send_terminated(cx, to, from),
            &FriendDeed::Rights { before, now } => {
                self.send_rights(cx, to, from, to, now);
                if (before ^ now) & SEE_ONLINE != 0 {
                    self.deliver_status(cx, from, to, now & SEE_ONLINE != 0)?;
                }
            }
        }
        Ok(PeerReply::Done)
    }

    /// The name of somebody whose offer came without it.
    pub(crate) fn offerer_named(
        &mut self,
        cx: &mut Context<'_>,
        news: &FriendNews,
        result: Result<Reply, PeerError>,
    ) {
        let FriendDeed::Offered { words, .. } = &news.deed else { return };
        let name = match &result {
            Ok(Reply::Names(names)) => names.first().map(|(_, first, last)| format!("{first} {last}")),
            _ => None,
        };
        let name = name.as_deref().unwrap_or("Somebody");
        self.say_of_friendship(cx, (news.from, name), news.to, DIALOG_OFFER, words.clone());
    }

    fn say_of_friendship(
        &mut self,
        cx: &mut Context<'_>,
        (from, name): (AgentId, &str),
        to: AgentId,
        dialog: u8,
        text: String,
    ) {
        let message = self.of_friendship(cx.now, (from, name), to, dialog, text);
        // Who has gone in between has nobody to tell.
        let _ = self.deliver_message(cx, &message);
    }

    fn of_friendship(
        &self,
        now: Moment,
        (from, name): (AgentId, &str),
        to: AgentId,
        dialog: u8,
        text: String,
    ) -> InstantMessage {
        InstantMessage {
            from,
            from_name: name.to_owned(),
            to,
            dialog,
            text,
            conversation: from.0,
            sent_s: self.unix_time(now),
            ..InstantMessage::default()
        }
    }

    fn send_terminated(&mut self, cx: &mut Context<'_>, to: AgentId, friend: AgentId) {
        let Some(agent) = self.agents.get(&to) else { return };
        let message = m::TerminateFriendship {
            agent_data: m::terminate_friendship::AgentData { agent_id: to.0, session_id: agent.session.0 },
            ex_block: m::terminate_friendship::ExBlock { other_id: friend.0 },
        };
        self.send(cx, to, &message, Delivery::CONTROL);
    }

    /// ChangeUserRights: what `by` lets `friend` do, said to one of the two.
    fn send_rights(&mut self, cx: &mut Context<'_>, to: AgentId, by: AgentId, friend: AgentId, rights: u32) {
        let block =
            [m::change_user_rights::Rights { agent_related: friend.0, related_rights: rights.cast_signed() }];
        let message = m::ChangeUserRights {
            agent_data: m::change_user_rights::AgentData { agent_id: by.0 },
            rights: (&block).into(),
        };
        self.send(cx, to, &message, Delivery::CONTROL);
    }
}

/// Who does something about a friendship, and with whom; `None` for what is about none.
pub(crate) fn sides(call: &SocialCall) -> Option<(AgentId, AgentId)> {
    match *call {
        SocialCall::Offer { from, to } => Some((from, to)),
        SocialCall::Accept { agent, friend }
        | SocialCall::Decline { agent, friend }
        | SocialCall::Terminate { agent, friend }
        | SocialCall::Grant { agent, friend, .. } => Some((agent, friend)),
        SocialCall::Keep(_) | SocialCall::Waiting(_) | SocialCall::Mutes { .. } => None,
    }
}
