//! What a viewer hears next: what its circuit has due, then the newest news of others, then land.
//!
//! News are composed at the last moment from the newest state, so what a slow viewer missed costs nothing. Nothing of
//! them is repeated: where it matters that they are heard, the viewer acknowledges them, and what got lost is composed
//! anew. A repetition could tell an older state last.

use crate::looks;
use crate::region::Region;
use circuit::{Category, Circuit, Delivery, Encoded, Refused};
use lludp::layer::LayerKind;
use lludp::messages as m;
use model::{AgentId, LocalId, Moment, RegionHandle, Vec3};
use scene::Scene;
use scene::interest::{InterestList, Pending, PendingKind};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

/// Terse updates in one packet: 16 of 63 bytes stay below 1200.
const TERSE_IN_ONE: usize = 16;

/// Removals in one packet.
const KILLS_IN_ONE: usize = 64;

/// Bytes of land that may wait in a circuit; the rest is produced when these have gone.
const LAND_AHEAD_BYTES: usize = 4096;

/// Land patches produced at once; as many as fit share a packet.
const PATCHES_AT_ONCE: usize = 16;

/// More than as many patches ever need, and what their packets cost besides.
const LAND_ROOM_BYTES: usize = 16 * 1024;

/// After a budget has refused, it is tried again in this time.
const RETRY: Duration = Duration::from_millis(50);

/// Marks packets with news: the rest of the token is their number.
const NEWS: u64 = 1 << 63;

/// News on their way to one viewer whose loss is to be heard of. As many as the circuit's budget for what is not
/// acknowledged allows.
#[derive(Debug, Default)]
pub(crate) struct UnderWay {
    next: u64,
    packets: BTreeMap<u64, Vec<Pending>>,
}

impl UnderWay {
    /// Whether a token is that of news.
    pub(crate) fn is_of(token: u64) -> bool {
        token & NEWS != 0
    }

    /// The token of the next packet.
    fn token(&self) -> u64 {
        NEWS | self.next
    }

    /// That packet has left.
    fn sent(&mut self, what: Vec<Pending>) {
        self.packets.insert(self.token(), what);
        self.next = (self.next + 1) & !NEWS;
    }

    /// A packet has arrived or got lost: what was in it.
    pub(crate) fn end(&mut self, token: u64) -> Vec<Pending> {
        self.packets.remove(&token).unwrap_or_default()
    }
}

/// News of one kind that share a packet.
struct Batch {
    kind: PendingKind,
    of: [LocalId; KILLS_IN_ONE],
    count: usize,
}

impl Batch {
    /// The next ones for a viewer at `observer`, as many of one kind as fit.
    fn take(interest: &mut InterestList, observer: Vec3, scene: &Scene) -> Option<Self> {
        let Pending { local, kind } = interest.next(observer, |local| scene.candidate(local))?;
        let mut batch = Self { kind, of: [local; KILLS_IN_ONE], count: 1 };
        let room = match kind {
            PendingKind::Gone => KILLS_IN_ONE,
            PendingKind::Terse => TERSE_IN_ONE,
            PendingKind::Full | PendingKind::Looks | PendingKind::Animations => 1,
        };
        while batch.count < room {
            let Some(pending) = interest.next(observer, |local| scene.candidate(local)) else { break };
            if pending.kind != kind {
                // Its own packet comes next.
                interest.put_back(pending);
                break;
            }
            batch.of[batch.count] = pending.local;
            batch.count += 1;
        }
        Some(batch)
    }

    fn locals(&self) -> &[LocalId] {
        &self.of[..self.count]
    }

    fn pending(&self) -> impl Iterator<Item = Pending> + '_ {
        self.locals().iter().map(|&local| Pending { local, kind: self.kind })
    }

    /// Whether a loss would leave the viewer with a wrong picture for longer than a moment: what moves is told again
    /// in a quarter of a second at the latest.
    fn must_be_heard(&self, scene: &Scene) -> bool {
        let rests = |&local: &LocalId| {
            scene.presence_by_local(local).is_none_or(|presence| presence.velocity() == Vec3::ZERO)
        };
        self.kind != PendingKind::Terse || self.locals().iter().any(rests)
    }

    fn message(&self) -> &'static str {
        match self.kind {
            PendingKind::Gone => "KillObject",
            PendingKind::Full => "ObjectUpdate",
            PendingKind::Looks => "AvatarAppearance",
            PendingKind::Animations => "AvatarAnimation",
            PendingKind::Terse => "ImprovedTerseObjectUpdate",
        }
    }

    /// Writes the packet. `Ok(false)`: there is nothing to say after all.
    fn write(
        &self,
        now: Moment,
        circuit: &mut Circuit,
        (scene, looks): (&Scene, &mut BTreeMap<LocalId, Encoded>),
        delivery: Delivery,
        out: &mut Vec<u8>,
    ) -> Result<bool, Refused> {
        if self.kind == PendingKind::Gone {
            self.write_removals(now, circuit, delivery, out)?;
            return Ok(true);
        }
        let (here, first) = (scene.config().handle, self.of[0]);
        let Some(presence) = scene.presence_by_local(first) else { return Ok(false) };
        match self.kind {
            PendingKind::Full => looks::write_full(now, circuit, presence, (here, delivery), out)?,
            PendingKind::Animations => looks::write_animations(now, circuit, presence, delivery, out)?,
            PendingKind::Looks => {
                if let std::collections::btree_map::Entry::Vacant(place) = looks.entry(first) {
                    let Some(encoded) = looks::appearance(presence) else { return Ok(false) };
                    place.insert(encoded);
                }
                circuit.try_write_encoded(now, out, &looks[&first], delivery)?;
            }
            PendingKind::Terse | PendingKind::Gone => {
                self.write_terse(now, circuit, (scene, here, delivery), out)?;
            }
        }
        Ok(true)
    }

    fn write_removals(
        &self,
        now: Moment,
        circuit: &mut Circuit,
        delivery: Delivery,
        out: &mut Vec<u8>,
    ) -> Result<(), Refused> {
        let blocks = self.of.map(|local| m::kill_object::ObjectData { id: local.0 });
        let message = m::KillObject { object_data: (&blocks[..self.count]).into() };
        circuit.try_write(now, out, &message, delivery)
    }

    fn write_terse(
        &self,
        now: Moment,
        circuit: &mut Circuit,
        (scene, here, delivery): (&Scene, RegionHandle, Delivery),
        out: &mut Vec<u8>,
    ) -> Result<(), Refused> {
        let mut states = [[0_u8; 60]; TERSE_IN_ONE];
        let mut count = 0;
        for presence in self.locals().iter().filter_map(|&local| scene.presence_by_local(local)) {
            states[count] = scene::wire::avatar_terse(presence);
            count += 1;
        }
        let blocks = states
            .each_ref()
            .map(|state| m::improved_terse_object_update::ObjectData { data: state, texture_entry: &[] });
        let message = m::ImprovedTerseObjectUpdate {
            region_data: m::improved_terse_object_update::RegionData {
                region_handle: here.0,
                time_dilation: u16::MAX,
            },
            object_data: (&blocks[..count]).into(),
        };
        circuit.try_write(now, out, &message, delivery)
    }
}

impl Region {
    /// The next datagram for one agent.
    pub(crate) fn poll_agent(&mut self, now: Moment, id: AgentId, out: &mut Vec<u8>) -> Option<SocketAddr> {
        self.send_land(now, id);
        let agent = self.agents.get_mut(&id)?;
        let link = agent.link.as_mut()?;
        agent.retry_at = (!link.land.is_done() && link.land_from > now).then_some(link.land_from);
        if link.circuit.poll_datagram(now, out) {
            return Some(link.address);
        }
        if agent.interest.is_empty() {
            return None;
        }
        let ready_at = link.circuit.ready_at(Category::Task);
        if ready_at > now {
            agent.retry_at = Some(agent.retry_at.map_or(ready_at, |at| at.min(ready_at)));
            return None;
        }
        let observer = self.scene.presence(id).map_or(Vec3::ZERO, scene::Presence::position);
        while let Some(batch) = Batch::take(&mut agent.interest, observer, &self.scene) {
            let noted = batch.must_be_heard(&self.scene);
            let delivery = match noted {
                true => Delivery::noted(Category::Task, link.news.token()),
                false => Delivery::unreliable(Category::Task),
            };
            let known = (&self.scene, &mut self.looks);
            match batch.write(now, &mut link.circuit, known, delivery, out) {
                Ok(true) => {
                    if noted {
                        link.news.sent(batch.pending().collect());
                    }
                    let address = link.address;
                    self.trace_composed(id, batch.message());
                    return Some(address);
                }
                Ok(false) => {}
                // It can never be said: counted by the circuit, and left out.
                Err(Refused::TooLarge(_)) => {}
                // A budget is used up after all: said again when there is room.
                Err(_) => {
                    batch.pending().for_each(|pending| agent.interest.put_back(pending));
                    agent.retry_at = Some(now + RETRY);
                    return None;
                }
            }
        }
        None
    }

    /// Produces land for a viewer as far as its circuit takes it.
    fn send_land(&mut self, now: Moment, id: AgentId) {
        let Some(link) = self.agents.get_mut(&id).and_then(|agent| agent.link.as_mut()) else { return };
        if link.land.is_done() || link.land_from > now {
            return;
        }
        let delivery = Delivery::reliable(Category::Land);
        let (terrain, size) = (self.scene.terrain(), self.config.size);
        while !link.land.is_done()
            && link.circuit.queued_bytes(Category::Land) < LAND_AHEAD_BYTES
            && link.circuit.room(delivery) >= LAND_ROOM_BYTES
        {
            let patches = link.land.take(PATCHES_AT_ONCE);
            let kind = LayerKind::land(size).to_wire();
            let heights = |x, y| terrain.patch(u32::from(x), u32::from(y));
            self.land.encode(heights, &patches, size, |data| {
                let message = m::LayerData {
                    layer_id: m::layer_data::LayerID { r#type: kind },
                    layer_data: m::layer_data::LayerData { data },
                };
                // There is room: it has just been looked at.
                let _ = link.circuit.send(now, &message, delivery);
            });
        }
    }

    /// A packet with news has arrived, or got lost.
    pub(crate) fn news_ended(&mut self, id: AgentId, token: u64, lost: bool) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        let Some(link) = agent.link.as_mut() else { return };
        let what = link.news.end(token);
        if lost {
            what.into_iter().for_each(|pending| agent.interest.put_back(pending));
            self.touch(id);
        }
    }
}
