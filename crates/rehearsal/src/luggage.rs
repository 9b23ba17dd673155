//! Users who carry something: they come from a region outside, by the published protocol, since nothing here makes
//! attachments. What they brought must be with them wherever they are root, once and byte for byte.

use crate::people::Who;
use crate::script::Play;
use crate::world::{Rehearsal, Where};
use model::{AssetId, ItemId, RegionId, TeleportFlags, Uuid, Vec3};
use region::Carried;
use std::sync::Arc;
use std::time::Duration;
use transfer::{
    AgentData, Attachment, Baggage, ControlGrab, CreateAgent, GroupMembership, Outfit, PeerCall, Version,
};
use viewer::Config;

/// The region outside.
const OUTSIDE: RegionId = RegionId(Uuid::from_u128(0xC000_0000_0000_4000_8000_0000_0000_0001));

/// Wearable types that every version can name.
const WEARABLES: u128 = 15;

fn id(number: u128) -> Uuid {
    Uuid::from_u128(0xD000_0000_0000_4000_8000_0000_0000_0000 | number)
}

/// One of everything that an agent can carry.
fn everything() -> Carried {
    let attachment = |nth: u128, state: &str| {
        Arc::new(Attachment {
            object: format!("<SceneObjectGroup><!-- {nth} & \u{e9} --></SceneObjectGroup>\r\n").into(),
            extra: format!("<ExtraFromItemID>{}</ExtraFromItemID>", id(nth)).into(),
            script_state: state.into(),
            modified: nth.is_multiple_of(2),
        })
    };
    let baggage = Baggage {
        attachments: vec![attachment(1, ""), attachment(2, "<ScriptState>\n 42 \t</ScriptState>")],
        active_group: id(3),
        group_name: "Rehearsers".into(),
        group_title: Some("Prompter".into()),
        groups: vec![GroupMembership { group: id(3), powers: u64::MAX, accepts_notices: true }],
        grabs: vec![ControlGrab { object: id(4), item: ItemId(id(5)), ignored: 7, events: u32::MAX }],
        overrides: vec![("Walking".into(), AssetId(id(6)))],
        default_animation: Some((AssetId(id(7)), id(8), 3)),
        movement_animation: Some((AssetId(id(9)), id(10), 4)),
        motion_state: 5,
    };
    let worn = |nth: u128| vec![(ItemId(id(100 + nth)), AssetId(id(200 + nth)))];
    let outfit = Outfit {
        visual_params: (0..=250).collect(),
        wearables: (0..WEARABLES).map(worn).collect(),
        height_mm: 1834,
        serial: 12,
        attached: vec![(2, ItemId(id(11)), AssetId(id(12))), (0x85, ItemId(id(13)), AssetId(id(14)))],
        ..Outfit::default()
    };
    Carried {
        outfit: Arc::new(outfit),
        baggage: Arc::new(baggage),
        animations: vec![id(15), id(16)],
        flying: false,
        always_run: true,
    }
}

/// What of it every version can say, with or without tickets. Between those without, 0.1 and 0.2 have no place for group
/// names and overrides, the later ones none for memberships.
fn common(carried: &Carried) -> Carried {
    let mut baggage = Baggage::clone(&carried.baggage);
    baggage.groups.clear();
    baggage.overrides.clear();
    (baggage.group_name, baggage.group_title) = (String::new(), None);
    baggage.motion_state = 0;
    Carried { baggage: Arc::new(baggage), ..carried.clone() }
}

impl Rehearsal {
    /// A user comes from outside with everything that one can carry.
    ///
    /// # Errors
    /// The region does not take them.
    pub fn enter_laden(&mut self, name: &str, at: Where) -> Play<Who> {
        self.enter_laden_with(name, at, |_| {})
    }

    /// The same, with a viewer that is set up differently.
    ///
    /// # Errors
    /// The region does not take them.
    pub fn enter_laden_with(&mut self, name: &str, at: Where, change: impl FnOnce(&mut Config)) -> Play<Who> {
        let login = self.log_in_by(name, at, change, Rehearsal::arrive_laden);
        let Ok(who) = login else {
            self.require(false, || format!("{name} may not come: {login:?}"))?;
            return Ok(Who(0));
        };
        self.people[who.0].carries = Some(everything());
        self.wait_for_login(who, Duration::from_secs(10))?;
        self.with(who, |core, now| core.fly(now, true));
        self.run_for(Duration::from_secs(1))?;
        Ok(who)
    }

    /// CreateAgent and UpdateAgent as a peer without tickets says them, in the version of the region.
    fn arrive_laden(
        &mut self,
        at: Where,
        mut create: CreateAgent,
    ) -> Result<transfer::PeerReply, transfer::Refusal> {
        let everything = everything();
        let version = self.stages[at.0].plot.versions.high;
        (create.flags, create.version) = (TeleportFlags::VIA_LOCATION, version);
        let data = AgentData {
            agent: create.agent,
            session: create.session,
            transfer: None,
            source: OUTSIDE,
            version,
            position: Vec3::new(128.0, 128.0, 30.0),
            velocity: Vec3::ZERO,
            rotation: model::Quat::IDENTITY,
            look_at: Vec3::X,
            flying: true,
            always_run: everything.always_run,
            control_flags: 0,
            draw_distance_m: create.draw_distance_m,
            throttles: None,
            outfit: everything.outfit,
            animations: everything.animations.iter().map(|&one| (AssetId(one), Uuid::nil(), 1)).collect(),
            baggage: everything.baggage,
            children: Vec::new(),
            crossing: false,
            wait_for_root: version >= Version::V0_2,
            release: None,
        };
        let created = self.call_from_login(at, PeerCall::CreateAgent(Box::new(create)))?;
        self.tell_from_login(at, PeerCall::UpdateAgent(Box::new(data)));
        Ok(created)
    }

    /// What is wrong with what a user has with them.
    pub(crate) fn complaint_about_luggage(&self, who: Who, at: Where) -> Option<String> {
        let person = &self.people[who.0];
        // What a region had not yet passed on when it died has died with it.
        let brought = person.carries.as_ref().filter(|_| !self.orphans.contains(&person.session))?;
        let has = self.region(at)?.carried(person.agent)?;
        let flies = person.core.as_ref().is_some_and(|core| core.controls().contains(viewer::Controls::FLY));
        let brought = Carried { flying: flies, ..brought.clone() };
        let (brought, has) = match self.has_plain() {
            true => (common(&brought), common(&has)),
            false => (brought, has),
        };
        let (attached, had) = (&has.baggage.attachments, &brought.baggage.attachments);
        let what = [
            (attached == had, format!("attachments, {} instead of {}", attached.len(), had.len())),
            (brought.baggage == has.baggage, format!("baggage: {:?}", has.baggage)),
            (brought.outfit == has.outfit, format!("looks: {:?}", has.outfit)),
            (brought.animations == has.animations, format!("animations: {:?}", has.animations)),
            (brought.flying == has.flying, "flying".into()),
            (brought.always_run == has.always_run, "running".into()),
        ];
        let (_, lost) = what.into_iter().find(|(same, _)| !same)?;
        Some(format!("{} has lost or doubled {lost}", person.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_every_version_can_say_is_less_than_everything() {
        let everything = everything();
        let common = common(&everything);
        assert_ne!(common.baggage, everything.baggage);
        assert_eq!(common.baggage.attachments, everything.baggage.attachments);
    }
}
