//! Instant messages and friends' comings and goings, to and from root agents of this region.

use crate::calls::{GRID_PATIENCE, Pending};
use crate::interface::*;
use crate::region::{Context, Region};
use crate::social::{SocialCall, SocialReply};
use circuit::Delivery;
use lludp::messages as m;
use lludp::text;
use model::AgentId;
use transfer::{InstantMessage, PeerCall, PeerError, PeerReply, Refusal};

/// Bytes of a message's text; viewers send and show no more.
const TEXT_BYTES: usize = 1023;

/// Bytes of a message's texts and of what it carries, together: all else in ImprovedInstantMessage takes 130 of the 1400
/// that make a datagram.
const VARIABLE_BYTES: usize = 1270;

/// A grid's word to a simulator: this login is replaced by a newer one.
const DIALOG_KICK: u8 = 250;

/// What somebody typed.
const DIALOG_TEXT: u8 = 0;
/// An offer of a teleport, and the wish for one.
pub(crate) const DIALOG_LURE: u8 = 22;
const DIALOG_ASK_LURE: u8 = 26;
/// An offer of friendship.
pub(crate) const DIALOG_OFFER: u8 = 38;
/// What viewers may say themselves: what they type, inventory offered, accepted and declined, conferences, the answer of
/// who is busy, teleports accepted, declined and wished for, offers of friendship, typing. The rest is the simulator's
/// or a script's word.
const DIALOGS: [u8; 17] =
    [DIALOG_TEXT, 4, 5, 6, 13, 14, 15, 16, 17, 18, 20, 23, 24, DIALOG_ASK_LURE, DIALOG_OFFER, 41, 42];

/// Who says that word.
const GRID: AgentId = AgentId(uuid::uuid!("6571e388-6218-4574-87db-f9379718315e"));

impl Region {
    /// ImprovedInstantMessage from a viewer: to somebody here, or wherever the grid knows them to be.
    pub(crate) fn handle_instant_message(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        said: &m::ImprovedInstantMessage<'_>,
    ) {
        let Some(agent) = self.agents.get(&id).filter(|agent| agent.acts()) else { return };
        let block = &said.message_block;
        if !DIALOGS.contains(&block.dialog) {
            self.stats.forbidden += 1;
            return;
        }
        let position = self.scene.presence(id).map(|presence| presence.position()).unwrap_or_default();
        let message = InstantMessage {
            from: id,
            from_name: agent.name(),
            to: AgentId(block.to_agent_id),
            dialog: block.dialog,
            from_group: false,
            text: text::cut(&text::read(block.message), TEXT_BYTES).to_owned(),
            conversation: block.id,
            offline: block.offline,
            position,
            region: self.config.id.0,
            estate: 1,
            sent_s: 0,
            bucket: block.binary_bucket.to_vec(),
        };
        if !is_sayable(&message) {
            self.alert(cx, id, "Your message is too long to be delivered.", None);
            return;
        }
        match block.dialog {
            DIALOG_OFFER => self.offer_friendship(cx, message),
            _ => self.post(cx, PeerCall::InstantMessage(Box::new(message))),
        }
    }

    /// Nobody has it. What somebody typed is kept; typing notices and the like are not missed.
    pub(crate) fn not_delivered(&mut self, cx: &mut Context<'_>, message: &InstantMessage) {
        match message.dialog {
            DIALOG_TEXT => {
                let message = InstantMessage { sent_s: self.unix_time(cx.now), ..message.clone() };
                let pending = Pending::Kept { message: Box::new(message.clone()) };
                let call = GridCall::Social(SocialCall::Keep(Box::new(message)));
                self.call_grid(cx, call, GRID_PATIENCE, pending);
            }
            DIALOG_LURE | DIALOG_ASK_LURE => {
                self.answer_for(cx, message, "User not online - your message was not delivered.");
            }
            _ => {}
        }
    }

    pub(crate) fn message_kept(
        &mut self,
        cx: &mut Context<'_>,
        message: &InstantMessage,
        result: Result<Reply, PeerError>,
    ) {
        let words = match result {
            Ok(_) => "User not online - your message is kept and will be delivered at the next login.",
            Err(_) => "User not online - your message was not delivered.",
        };
        self.answer_for(cx, message, words);
    }

    /// Words of the system in the conversation that a message belongs to.
    fn answer_for(&mut self, cx: &mut Context<'_>, message: &InstantMessage, words: &str) {
        let answer = InstantMessage {
            from: message.to,
            from_name: "System".into(),
            to: message.from,
            text: words.to_owned(),
            conversation: message.conversation,
            sent_s: self.unix_time(cx.now),
            ..InstantMessage::default()
        };
        // Who has gone in between has nobody to tell.
        let _ = self.deliver_message(cx, &answer);
    }

    /// RetrieveInstantMessages: what was said while the user was not online.
    pub(crate) fn open_mailbox(&mut self, cx: &mut Context<'_>, id: AgentId) {
        if self.is_addressable(id) {
            let call = GridCall::Social(SocialCall::Waiting(id));
            self.call_grid(cx, call, GRID_PATIENCE, Pending::Mailbox { agent: id });
        }
    }

    /// What is read out is forgotten then. When one message cannot be said now, all of them stay, and those before it are
    /// said twice.
    pub(crate) fn mailbox_found(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        result: Result<Reply, PeerError>,
    ) {
        let Ok(Reply::Social(SocialReply::Waiting { messages, mark, offers })) = result else { return };
        // What no message can carry is said at no time.
        let mut sayable = messages.iter().filter(|message| is_sayable(message));
        let heard = sayable.all(|message| self.deliver_message(cx, message).is_ok());
        if heard && mark > 0 {
            cx.effects.push(Effect::TellGrid(GridNotice::MailHeard { agent: id, mark }));
        }
        self.deliver_offers(cx, id, offers);
    }

    /// An instant message to somebody who is here.
    pub(crate) fn deliver_message(
        &mut self,
        cx: &mut Context<'_>,
        message: &InstantMessage,
    ) -> Result<PeerReply, Refusal> {
        let here = self.agents.get(&message.to).filter(|agent| agent.is_root() && agent.closing.is_none());
        let Some(agent) = here else { return Err(Refusal::new("They are not here.")) };
        if message.dialog == DIALOG_KICK && message.from == GRID {
            let session = agent.session;
            self.end_session(cx, message.to, session, "You have logged in from somewhere else.");
            return Ok(PeerReply::Done);
        }
        let (name, words) = (text::Nul::new(&message.from_name), text::Nul::new(&message.text));
        let block = m::improved_instant_message::MessageBlock {
            from_group: message.from_group,
            to_agent_id: message.to.0,
            parent_estate_id: message.estate,
            region_id: message.region,
            position: message.position,
            offline: message.offline,
            dialog: message.dialog,
            id: message.conversation,
            timestamp: message.sent_s,
            from_agent_name: name.as_bytes(),
            message: words.as_bytes(),
            binary_bucket: &message.bucket,
        };
        let said = m::ImprovedInstantMessage {
            agent_data: m::improved_instant_message::AgentData {
                agent_id: message.from.0,
                session_id: model::Uuid::nil(),
            },
            message_block: block,
            estate_block: Some(m::improved_instant_message::EstateBlock { estate_id: message.estate }),
            meta_data: (&[]).into(),
        };
        match self.try_send(cx, message.to, &said, Delivery::CONTROL) {
            Ok(()) => Ok(PeerReply::Done),
            Err(refused) => Err(Refusal::new(format!("They cannot be told now: {refused}."))),
        }
    }

    /// OnlineNotification, OfflineNotification.
    pub(crate) fn deliver_status(
        &mut self,
        cx: &mut Context<'_>,
        friend: AgentId,
        to: AgentId,
        online: bool,
    ) -> Result<PeerReply, Refusal> {
        if !self.agents.get(&to).is_some_and(|agent| agent.acts()) {
            return Err(Refusal::new("They are not here."));
        }
        if online {
            let block = [m::online_notification::AgentBlock { agent_id: friend.0 }];
            let message = m::OnlineNotification { agent_block: (&block).into() };
            self.send(cx, to, &message, Delivery::CONTROL);
        } else {
            let block = [m::offline_notification::AgentBlock { agent_id: friend.0 }];
            let message = m::OfflineNotification { agent_block: (&block).into() };
            self.send(cx, to, &message, Delivery::CONTROL);
        }
        Ok(PeerReply::Done)
    }
}

/// Whether one datagram can carry it.
fn is_sayable(message: &InstantMessage) -> bool {
    message.from_name.len() + message.text.len() + message.bucket.len() <= VARIABLE_BYTES
}
