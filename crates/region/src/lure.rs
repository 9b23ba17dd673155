//! Teleports that others offer. The number of an offer holds the place, as published (fact sheet, 9.2): the region of the
//! one who accepts needs no memory of it, wherever both have gone since. It opens nothing that asking for the place
//! would not.

use crate::agent::Request;
use crate::region::{Context, Region};
use crate::talk::DIALOG_LURE;
use lludp::messages as m;
use lludp::text;
use model::{AgentId, Moment, RegionHandle, TeleportFlags, Uuid, Vec3};
use services::RegionInfo;
use transfer::{InstantMessage, PeerCall};

/// Persons who are offered a teleport at once, at most.
const TARGETS: usize = 32;

/// Bytes of what is said to it.
const WORDS_BYTES: usize = 254;

impl Region {
    /// StartLure.
    pub(crate) fn offer_teleport(&mut self, cx: &mut Context<'_>, id: AgentId, lure: &m::StartLure<'_>) {
        let Some(agent) = self.agents.get(&id).filter(|agent| agent.acts()) else { return };
        let from_name = agent.name();
        let Some(position) = self.scene.presence(id).map(|presence| presence.position()) else { return };
        let words = text::cut(&text::read(lure.info.message), WORDS_BYTES).to_owned();
        for block in lure.target_data.iter().take(TARGETS) {
            let to = AgentId(block.target_id);
            if to.is_null() || to == id {
                continue;
            }
            let place = (&*self.info.clone(), position);
            let message = InstantMessage {
                from: id,
                from_name: from_name.clone(),
                ..self.offer_of(cx.now, to, &words, place)
            };
            self.post(cx, PeerCall::InstantMessage(Box::new(message)));
        }
    }

    /// An offer of a place to somebody, in the name of this region.
    pub(crate) fn offer_of(
        &self,
        now: Moment,
        to: AgentId,
        words: &str,
        (region, position): (&RegionInfo, Vec3),
    ) -> InstantMessage {
        InstantMessage {
            from: AgentId(self.config.id.0),
            from_name: self.config.name.clone(),
            to,
            dialog: DIALOG_LURE,
            text: words.to_owned(),
            conversation: number_of(region.handle, position),
            position,
            region: region.id.0,
            estate: 1,
            sent_s: self.unix_time(now),
            bucket: shown_place(region, position).into_bytes(),
            ..InstantMessage::default()
        }
    }

    /// TeleportLureRequest: the offer is accepted.
    pub(crate) fn accept_teleport(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        info: &m::teleport_lure_request::Info,
    ) {
        let own = self.agents.get(&id).is_some_and(|agent| agent.session.0 == info.session_id);
        if !own || info.agent_id != id.0 {
            self.stats.forbidden += 1;
            return;
        }
        let Some((handle, position)) = place_of(info.lure_id) else {
            self.tell_failed(cx, id, "expired_tport");
            return;
        };
        let flags = TeleportFlags::VIA_LURE;
        self.teleport(cx, id, Request { handle, position, look_at: Vec3::X, flags, asked: cx.now });
    }
}

/// The place as viewers show it before they accept: the region's corner, the place in it, where to look, maturity.
fn shown_place(region: &RegionInfo, position: Vec3) -> String {
    let corner = region.handle;
    let [x, y, z] = position.to_array().map(|metres| metres as i32);
    let maturity = match region.access {
        services::access::ADULT.. => "A",
        services::access::MODERATE.. => "M",
        _ => "PG",
    };
    format!("{}|{}|{x}|{y}|{z}|1|0|0|{maturity}", corner.x_m(), corner.y_m())
}

/// The number of an offer of this place.
fn number_of(handle: RegionHandle, position: Vec3) -> Uuid {
    let [x, y, z] = position.to_array().map(|metres| (metres as u16).to_le_bytes());
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&handle.0.to_le_bytes());
    bytes[8..10].copy_from_slice(&x);
    bytes[10..12].copy_from_slice(&z);
    bytes[12..14].copy_from_slice(&y);
    Uuid::from_bytes(bytes)
}

/// The place that an offer with this number is of; `None` when it is of none.
fn place_of(number: Uuid) -> Option<(RegionHandle, Vec3)> {
    let [h0, h1, h2, h3, h4, h5, h6, h7, x0, x1, z0, z1, y0, y1, 0, 0] = number.into_bytes() else {
        return None;
    };
    let handle = RegionHandle(u64::from_le_bytes([h0, h1, h2, h3, h4, h5, h6, h7]));
    let metres = |low, high| f32::from(u16::from_le_bytes([low, high]));
    let position = Vec3::new(metres(x0, x1), metres(y0, y1), metres(z0, z1));
    (handle.0 != 0).then_some((handle, position))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_an_offer_is_the_published_one() {
        let handle = RegionHandle::from_metres(256_000, 256_256);
        let number = number_of(handle, Vec3::new(258.9, 3.0, 4000.0));
        assert_eq!(number.to_string(), "00e90300-00e8-0300-0201-a00f03000000");
        assert_eq!(place_of(number), Some((handle, Vec3::new(258.0, 3.0, 4000.0))));
    }

    #[test]
    fn other_numbers_are_of_no_place() {
        for number in [0, 1, 0xFFFF, 0x1234_5678_9ABC_4DEF_8123_4567_89AB_CDEF] {
            assert_eq!(place_of(Uuid::from_u128(number)), None, "{number:x}");
        }
        assert_eq!(place_of(number_of(RegionHandle(1), Vec3::NAN)), Some((RegionHandle(1), Vec3::ZERO)));
    }
}
