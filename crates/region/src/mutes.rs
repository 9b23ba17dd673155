//! The mute list: the viewer's file of it, kept by the grid, and its changes.

use crate::calls::{GRID_PATIENCE, Pending};
use crate::interface::*;
use crate::region::{Context, Region};
use crate::social::{SocialCall, SocialReply};
use circuit::Delivery;
use lludp::messages as m;
use lludp::text;
use model::{AgentId, Uuid};
use services::Mute;
use transfer::PeerError;

/// Bytes of a name.
const NAME_BYTES: usize = 255;

impl Region {
    /// MuteListRequest.
    pub(crate) fn send_mutes(&mut self, cx: &mut Context<'_>, id: AgentId, crc: u32) {
        let call = GridCall::Social(SocialCall::Mutes { agent: id, crc });
        self.call_grid(cx, call, GRID_PATIENCE, Pending::Mutes { agent: id });
    }

    /// A grid that does not answer leaves the viewer with the list that it has.
    pub(crate) fn mutes_found(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        result: Result<Reply, PeerError>,
    ) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        match result {
            // Viewers fetch no empty files.
            Ok(Reply::Social(SocialReply::Mutes(Some(file)))) if file.is_empty() => {
                let message = m::GenericMessage {
                    agent_data: m::generic_message::AgentData {
                        agent_id: id.0,
                        session_id: agent.session.0,
                        transaction_id: Uuid::nil(),
                    },
                    method_data: m::generic_message::MethodData {
                        method: b"emptymutelist\0",
                        invoice: Uuid::nil(),
                    },
                    param_list: (&[]).into(),
                };
                self.send(cx, id, &message, Delivery::CONTROL);
            }
            Ok(Reply::Social(SocialReply::Mutes(Some(file)))) => {
                let name = format!("mutes{id}");
                agent.xfers.offer(name.clone(), file);
                let name = text::Nul::new(&name);
                let mute_data = m::mute_list_update::MuteData { agent_id: id.0, filename: name.as_bytes() };
                self.send(cx, id, &m::MuteListUpdate { mute_data }, Delivery::CONTROL);
            }
            _ => {
                let agent_data = m::use_cached_mute_list::AgentData { agent_id: id.0 };
                self.send(cx, id, &m::UseCachedMuteList { agent_data }, Delivery::CONTROL);
            }
        }
    }

    /// UpdateMuteListEntry.
    pub(crate) fn mute(&mut self, cx: &mut Context<'_>, id: AgentId, entry: &m::UpdateMuteListEntry<'_>) {
        if !self.is_addressable(id) {
            return;
        }
        let data = &entry.mute_data;
        let mute = Mute {
            id: data.mute_id,
            name: name_of(data.mute_name),
            kind: data.mute_type,
            flags: data.mute_flags,
        };
        cx.effects.push(Effect::TellGrid(GridNotice::Mute { agent: id, mute }));
    }

    /// RemoveMuteListEntry.
    pub(crate) fn unmute(&mut self, cx: &mut Context<'_>, id: AgentId, entry: &m::RemoveMuteListEntry<'_>) {
        if !self.is_addressable(id) {
            return;
        }
        let (muted, name) = (entry.mute_data.mute_id, name_of(entry.mute_data.mute_name));
        cx.effects.push(Effect::TellGrid(GridNotice::Unmute { agent: id, id: muted, name }));
    }
}

fn name_of(field: &[u8]) -> String {
    // Grids keep none of these.
    text::cut(&text::read(field).replace(char::is_control, ""), NAME_BYTES).to_owned()
}
