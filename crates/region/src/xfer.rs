//! Files for viewers by the Xfer protocol: the viewer is told a name, asks for it, and confirms each packet before it
//! gets the next. The first packet begins with the length of the whole.

use crate::region::{Context, Region};
use circuit::{Category, Delivery};
use lludp::messages as m;
use lludp::text;
use model::AgentId;
use std::collections::VecDeque;
use std::sync::Arc;

/// Bytes of a file in one packet; the length is not counted.
const PACKET_BYTES: usize = 1000;

/// In the number of the last packet.
const LAST: u32 = 0x8000_0000;

/// Files that one viewer may ask for, at most; the oldest go.
const OFFERED: usize = 4;

/// Files on their way to one viewer, at most; one that begins takes the place of the oldest, which may wait for a word
/// that never comes.
const UNDER_WAY: usize = 4;

/// What viewers are told of a file that is not there.
const FILE_NOT_FOUND: i32 = -43;

/// The files of one viewer.
#[derive(Debug, Default)]
pub(crate) struct Xfers {
    offered: VecDeque<(String, Arc<[u8]>)>,
    /// Oldest first.
    under_way: VecDeque<Xfer>,
}

/// A file on its way.
#[derive(Debug)]
struct Xfer {
    /// The viewer's number for it.
    id: u64,
    file: Arc<[u8]>,
    /// The packet that went out last.
    sent: u32,
}

/// A packet to send.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Packet {
    /// With [`LAST`] if it is the last.
    number: u32,
    data: Vec<u8>,
}

impl Xfers {
    /// From now on the viewer may ask for this file, once.
    pub(crate) fn offer(&mut self, name: String, file: Arc<[u8]>) {
        self.offered.retain(|(offered, _)| *offered != name);
        if self.offered.len() >= OFFERED {
            self.offered.pop_front();
        }
        self.offered.push_back((name, file));
    }

    /// The first packet of a file; `None` when there is no such file.
    fn begin(&mut self, id: u64, name: &str) -> Option<Packet> {
        let place = self.offered.iter().position(|(offered, _)| offered == name)?;
        let (_, file) = self.offered.remove(place)?;
        self.abort(id);
        if self.under_way.len() >= UNDER_WAY {
            self.under_way.pop_front();
        }
        let first = packet(&file, 0);
        self.under_way.push_back(Xfer { id, file, sent: 0 });
        Some(first)
    }

    /// The packet after the one that the viewer has; `None` when it has them all, or has confirmed what it was not sent.
    fn confirm(&mut self, id: u64, number: u32) -> Option<Packet> {
        let xfer = self.under_way.iter_mut().find(|xfer| xfer.id == id)?;
        if number & !LAST != xfer.sent {
            return None;
        }
        if xfer.sent as usize + 1 >= packets(&xfer.file) {
            self.abort(id);
            return None;
        }
        xfer.sent += 1;
        Some(packet(&xfer.file, xfer.sent))
    }

    fn abort(&mut self, id: u64) {
        self.under_way.retain(|xfer| xfer.id != id);
    }
}

/// How many packets make up a file. An empty one has one packet too.
fn packets(file: &[u8]) -> usize {
    file.len().div_ceil(PACKET_BYTES).max(1)
}

fn packet(file: &[u8], number: u32) -> Packet {
    let start = file.len().min(number as usize * PACKET_BYTES);
    let part = &file[start..file.len().min(start + PACKET_BYTES)];
    let mut data = Vec::with_capacity(part.len() + 4);
    if number == 0 {
        data.extend_from_slice(&u32::try_from(file.len()).unwrap_or(u32::MAX).to_le_bytes());
    }
    data.extend_from_slice(part);
    let last = if number as usize + 1 == packets(file) { LAST } else { 0 };
    Packet { number: number | last, data }
}

impl Region {
    /// RequestXfer.
    pub(crate) fn begin_xfer(&mut self, cx: &mut Context<'_>, id: AgentId, wanted: &m::request_xfer::XferID) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        match agent.xfers.begin(wanted.id, &text::read(wanted.filename)) {
            Some(packet) => self.send_xfer(cx, id, wanted.id, &packet),
            None => {
                let xfer_id = m::abort_xfer::XferID { id: wanted.id, result: FILE_NOT_FOUND };
                self.send(cx, id, &m::AbortXfer { xfer_id }, Delivery::CONTROL);
            }
        }
    }

    /// ConfirmXferPacket.
    pub(crate) fn continue_xfer(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        confirmed: &m::confirm_xfer_packet::XferID,
    ) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        if let Some(packet) = agent.xfers.confirm(confirmed.id, confirmed.packet) {
            self.send_xfer(cx, id, confirmed.id, &packet);
        }
    }

    /// AbortXfer.
    pub(crate) fn abort_xfer(&mut self, id: AgentId, xfer: u64) {
        if let Some(agent) = self.agents.get_mut(&id) {
            agent.xfers.abort(xfer);
        }
    }

    fn send_xfer(&mut self, cx: &mut Context<'_>, id: AgentId, xfer: u64, packet: &Packet) {
        let message = m::SendXferPacket {
            xfer_id: m::send_xfer_packet::XferID { id: xfer, packet: packet.number },
            data_packet: m::send_xfer_packet::DataPacket { data: &packet.data },
        };
        self.send(cx, id, &message, Delivery::reliable(Category::Asset));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a viewer puts together that asks for a file of this length.
    fn fetch(length: usize) -> (Vec<u8>, usize) {
        let file: Arc<[u8]> = (0..length).map(|n| n as u8).collect();
        let mut xfers = Xfers::default();
        xfers.offer("mutes".into(), file.clone());
        let mut packet = xfers.begin(7, "mutes").unwrap();
        assert_eq!(packet.data[..4], (length as u32).to_le_bytes());
        let (mut got, mut count) = (packet.data.split_off(4), 1);
        while packet.number & LAST == 0 {
            assert_eq!(packet.number, count as u32 - 1);
            packet = xfers.confirm(7, packet.number).unwrap();
            got.extend_from_slice(&packet.data);
            count += 1;
        }
        assert_eq!(xfers.confirm(7, packet.number), None);
        assert!(xfers.under_way.is_empty());
        assert_eq!(got, &*file);
        (got, count)
    }

    #[test]
    fn a_file_comes_whole_in_as_many_packets_as_it_takes() {
        for (length, packets) in [(0, 1), (1, 1), (1000, 1), (1001, 2), (2000, 2), (123_456, 124)] {
            assert_eq!(fetch(length).1, packets, "{length}");
        }
    }

    #[test]
    fn only_what_was_offered_is_sent_and_once() {
        let mut xfers = Xfers::default();
        let file: Arc<[u8]> = vec![1; 3000].into();
        assert_eq!(xfers.begin(1, "mutes"), None);
        for n in 0..=OFFERED {
            xfers.offer(n.to_string(), file.clone());
        }
        assert_eq!(xfers.begin(1, "0"), None, "too many were offered");
        for n in 1..=OFFERED {
            assert!(xfers.begin(n as u64, &n.to_string()).is_some());
        }
        assert_eq!(xfers.begin(1, "1"), None, "once");
        xfers.offer("more".into(), file);
        assert_eq!(xfers.confirm(2, 1), None, "not sent yet");
        assert_eq!(xfers.confirm(9, 0), None);
        assert_eq!(xfers.confirm(2, 0).unwrap().number, 1);
        assert_eq!(xfers.confirm(2, 0), None, "confirmed twice");
        xfers.abort(2);
        assert_eq!(xfers.confirm(2, 1), None);
        assert!(xfers.begin(9, "more").is_some());
    }

    #[test]
    fn what_is_never_confirmed_keeps_no_file_away() {
        let mut xfers = Xfers::default();
        for n in 0..=UNDER_WAY as u64 {
            xfers.offer("mutes".into(), vec![1; 3000].into());
            assert!(xfers.begin(n, "mutes").is_some(), "{n}");
        }
        assert_eq!(xfers.confirm(0, 0), None, "the oldest");
        assert!(xfers.confirm(1, 0).is_some());
    }
}
