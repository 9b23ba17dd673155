//! Any call, as regions make them.

use arbtest::arbitrary::{Result, Unstructured};
use model::{
    AgentId, AssetId, CapsSecret, CircuitCode, ItemId, Quat, RegionHandle, RegionId, RegionSize,
    SecureSessionId, SessionId, TeleportFlags, Uuid, Vec3,
};
use std::sync::Arc;
use transfer::{
    AgentData, Attachment, Baggage, ChildView, Claim, Client, ControlGrab, CreateAgent, FriendDeed,
    FriendNews, GroupMembership, Hello, InstantMessage, KnownChild, Offer, Outfit, PeerCall, Playing,
    QueryAccess, Release, ReleaseWhen, TransferId, Version, VersionRange,
};

type U<'a, 'b> = &'a mut Unstructured<'b>;

/// A call of any kind.
pub(super) fn call(u: U) -> Result<PeerCall> {
    let (agent, session) = (AgentId(id(u)?), SessionId(id(u)?));
    Ok(match u.int_in_range(0..=11)? {
        0 => PeerCall::QueryAccess(query(u)?),
        1 => PeerCall::CreateAgent(Box::new(create(u)?)),
        2 => PeerCall::UpdateAgent(Box::new(data(u)?)),
        3 => {
            let path = format!("/agent/{agent}/{}/release/{}/", id(u)?, u.arbitrary::<u32>()?);
            PeerCall::Release { agent, url: path.into() }
        }
        4 => PeerCall::Withdraw {
            agent,
            session,
            source: RegionId(id(u)?),
            transfer: TransferId(u.arbitrary()?),
        },
        5 => PeerCall::CloseChild { agent, session, claim: maybe(u, claim)? },
        6 => PeerCall::EndSession { agent, session, reason: text(u, 200)? },
        7 => PeerCall::ChildView(view(u)?),
        8 => PeerCall::Hello(hello(u)?),
        9 => PeerCall::InstantMessage(Box::new(message(u)?)),
        10 => PeerCall::FriendStatus { friend: AgentId(id(u)?), to: AgentId(id(u)?), online: u.arbitrary()? },
        _ => PeerCall::FriendNews(Box::new(FriendNews {
            from: AgentId(id(u)?),
            to: AgentId(id(u)?),
            deed: deed(u)?,
        })),
    })
}

/// Never null: null means none almost everywhere.
pub(super) fn id(u: U) -> Result<Uuid> {
    Ok(Uuid::from_u128(u.int_in_range(1..=u128::MAX)?))
}

fn maybe<T>(u: U, make: impl FnOnce(U) -> Result<T>) -> Result<Option<T>> {
    if u.arbitrary()? { make(u).map(Some) } else { Ok(None) }
}

fn several<T>(u: U, make: impl Fn(U) -> Result<T>) -> Result<Vec<T>> {
    let count = u.int_in_range(0..=3)?;
    (0..count).map(|_| make(u)).collect()
}

fn text(u: U, max: usize) -> Result<String> {
    let text: &str = u.arbitrary()?;
    Ok(text[..text.floor_char_boundary(max)].to_owned())
}

/// Text that XML can carry.
fn words(u: U, max: usize) -> Result<String> {
    Ok(text(u, max)?.chars().map(|c| if (' '..='\u{d7ff}').contains(&c) { c } else { '?' }).collect())
}

fn number(u: U) -> Result<f32> {
    let number: f32 = u.arbitrary()?;
    Ok(if number.is_finite() { number } else { 0.0 })
}

fn vector(u: U) -> Result<Vec3> {
    Ok(Vec3::new(number(u)?, number(u)?, number(u)?))
}

fn version(u: U) -> Result<Version> {
    Ok(Version::new(u.int_in_range(1..=8)?))
}

fn claim(u: U) -> Result<Claim> {
    Ok(Claim { holder: RegionId(id(u)?), visit: u.arbitrary()? })
}

fn child(u: U) -> Result<KnownChild> {
    Ok(KnownChild { handle: RegionHandle(u.arbitrary()?), caps: CapsSecret(id(u)?), claim: maybe(u, claim)? })
}

fn flags(u: U) -> Result<TeleportFlags> {
    Ok(TeleportFlags::from_bits_retain(u.arbitrary()?))
}

fn transfer(u: U) -> Result<TransferId> {
    u.arbitrary().map(TransferId)
}

fn draw_distance(u: U) -> Result<f32> {
    Ok(f32::from(u.int_in_range(1..=4096_u16)?) / 4.0)
}

fn offer(u: U) -> Result<Offer> {
    let range = |u: U| Ok(VersionRange { low: version(u)?, high: version(u)? });
    Ok(match u.int_in_range(0..=2)? {
        0 => Offer::Silent,
        1 => Offer::Named(version(u)?),
        _ => Offer::Ranges { supported: range(u)?, accepted: range(u)? },
    })
}

fn query(u: U) -> Result<QueryAccess> {
    Ok(QueryAccess {
        agent: AgentId(id(u)?),
        session: SessionId(id(u)?),
        position: vector(u)?,
        via_teleport: u.arbitrary()?,
        flags: flags(u)?,
        offer: offer(u)?,
        tickets: u.arbitrary()?,
    })
}

pub(super) fn create(u: U) -> Result<CreateAgent> {
    Ok(CreateAgent {
        agent: AgentId(id(u)?),
        session: SessionId(id(u)?),
        secure_session: SecureSessionId(id(u)?),
        circuit_code: CircuitCode(u.arbitrary()?),
        first: text(u, 63)?,
        last: text(u, 63)?,
        caps: maybe(u, id)?.map(CapsSecret),
        flags: if u.arbitrary()? { flags(u)? } else { TeleportFlags::empty() },
        position: vector(u)?,
        look_at: vector(u)?,
        draw_distance_m: draw_distance(u)?,
        outfit: Arc::new(outfit(u)?),
        client: client(u)?,
        children: several(u, child)?,
        claim: maybe(u, claim)?,
        transfer: maybe(u, transfer)?,
        source: maybe(u, id)?.map(RegionId),
        version: version(u)?,
    })
}

fn client(u: U) -> Result<Client> {
    Ok(Client {
        viewer: text(u, 255)?,
        channel: text(u, 255)?,
        mac: text(u, 255)?,
        id0: text(u, 255)?,
        address: maybe(u, |u| {
            Ok(if u.arbitrary()? {
                u.arbitrary::<[u8; 4]>()?.into()
            } else {
                u.arbitrary::<[u8; 16]>()?.into()
            })
        })?,
    })
}

/// Wearables end with a type of which something is worn; legacy faces come before universal ones.
fn outfit(u: U) -> Result<Outfit> {
    let worn = |u: U| Ok((ItemId(id(u)?), AssetId(id(u)?)));
    let mut wearables: Vec<Vec<_>> =
        (0..u.int_in_range(0..=20)?).map(|_| several(u, worn)).collect::<Result<_>>()?;
    if let Some(last) = wearables.last_mut() {
        last.push(worn(u)?);
    }
    let mut baked = several(u, |u| Ok((u.int_in_range(0..=44)?, id(u)?, AssetId(id(u)?))))?;
    baked.sort_by_key(|(face, _, _)| *face >= 40);
    Ok(Outfit {
        texture_entry: u.arbitrary()?,
        visual_params: u.arbitrary()?,
        wearables,
        height_mm: u.int_in_range(0..=10_000)?,
        hover_mm: u.int_in_range(-5_000..=5_000)?,
        serial: u.arbitrary()?,
        attached: several(u, |u| Ok((u.arbitrary()?, ItemId(id(u)?), AssetId(id(u)?))))?,
        baked,
    })
}

fn playing(u: U) -> Result<Playing> {
    Ok((AssetId(id(u)?), Uuid::from_u128(u.arbitrary()?), u.arbitrary()?))
}

fn attachment(u: U) -> Result<Arc<Attachment>> {
    Ok(Arc::new(Attachment {
        object: u.arbitrary::<&str>()?.into(),
        extra: u.arbitrary::<&str>()?.into(),
        script_state: u.arbitrary::<&str>()?.into(),
        modified: u.arbitrary()?,
    }))
}

fn group(u: U) -> Result<GroupMembership> {
    Ok(GroupMembership { group: id(u)?, powers: u.arbitrary()?, accepts_notices: u.arbitrary()? })
}

fn grab(u: U) -> Result<ControlGrab> {
    Ok(ControlGrab { object: id(u)?, item: ItemId(id(u)?), ignored: u.arbitrary()?, events: u.arbitrary()? })
}

fn baggage(u: U) -> Result<Baggage> {
    Ok(Baggage {
        attachments: several(u, attachment)?,
        active_group: Uuid::from_u128(u.arbitrary()?),
        group_name: text(u, 63)?,
        group_title: maybe(u, |u| text(u, 63))?,
        groups: several(u, group)?,
        grabs: several(u, grab)?,
        overrides: several(u, |u| Ok((text(u, 63)?, AssetId(id(u)?))))?,
        default_animation: maybe(u, playing)?,
        movement_animation: maybe(u, playing)?,
        motion_state: u.arbitrary()?,
    })
}

fn release(u: U) -> Result<Release> {
    let when = if u.arbitrary()? { ReleaseWhen::Root } else { ReleaseWhen::Settled };
    Ok(Release { url: format!("http://127.0.0.1:9000/agent/{}/release/1/", id(u)?).into(), when })
}

pub(super) fn data(u: U) -> Result<AgentData> {
    let control_flags: u32 = u.arbitrary()?;
    Ok(AgentData {
        agent: AgentId(id(u)?),
        session: SessionId(id(u)?),
        transfer: maybe(u, transfer)?,
        source: RegionId(id(u)?),
        version: version(u)?,
        position: vector(u)?,
        velocity: vector(u)?,
        rotation: Quat::from_xyzw(number(u)?, number(u)?, number(u)?, number(u)?),
        look_at: vector(u)?,
        // The same thing twice, and once on the way.
        flying: control_flags & 0x2000 != 0,
        always_run: u.arbitrary()?,
        control_flags,
        draw_distance_m: draw_distance(u)?,
        throttles: u.arbitrary()?,
        outfit: Arc::new(outfit(u)?),
        animations: several(u, playing)?,
        baggage: Arc::new(baggage(u)?),
        children: several(u, child)?,
        crossing: u.arbitrary()?,
        wait_for_root: u.arbitrary()?,
        release: maybe(u, release)?,
    })
}

fn view(u: U) -> Result<ChildView> {
    Ok(ChildView {
        agent: AgentId(id(u)?),
        session: SessionId(id(u)?),
        root: RegionHandle(u.arbitrary()?),
        position: vector(u)?,
        camera: vector(u)?,
        velocity: vector(u)?,
        draw_distance_m: draw_distance(u)?,
        throttles: u.arbitrary()?,
    })
}

fn hello(u: U) -> Result<Hello> {
    let edge = |u: U| Ok(256 * u.int_in_range(1..=32_u32)?);
    let cell =
        model::GridCell { x: u.int_in_range(0..=(1 << 24) - 1)?, y: u.int_in_range(0..=(1 << 24) - 1)? };
    Ok(Hello {
        id: RegionId(id(u)?),
        name: text(u, 63)?,
        handle: cell.handle(),
        size: RegionSize { x: edge(u)?, y: edge(u)? },
        host: text(u, 255)?,
        udp_port: u.arbitrary()?,
        http_port: u.arbitrary()?,
        server_uri: text(u, 255)?,
    })
}

/// Its position is in whole metres.
fn deed(u: U) -> Result<FriendDeed> {
    Ok(match u.int_in_range(0..=4)? {
        0 => FriendDeed::Offered { name: text(u, 60)?, words: text(u, 900)? },
        1 => FriendDeed::Approved { name: text(u, 60)?, status_follows: u.arbitrary()? },
        2 => FriendDeed::Denied { name: text(u, 60)? },
        3 => FriendDeed::Terminated,
        _ => FriendDeed::Rights { before: u.int_in_range(0..=7)?, now: u.int_in_range(0..=7)? },
    })
}

fn message(u: U) -> Result<InstantMessage> {
    let metres = |u: U| Ok(f32::from(u.arbitrary::<i16>()?));
    Ok(InstantMessage {
        from: AgentId(id(u)?),
        from_name: words(u, 255)?,
        to: AgentId(id(u)?),
        dialog: u.arbitrary()?,
        from_group: u.arbitrary()?,
        text: words(u, 1000)?,
        conversation: Uuid::from_u128(u.arbitrary()?),
        offline: u.arbitrary()?,
        position: Vec3::new(metres(u)?, metres(u)?, metres(u)?),
        region: Uuid::from_u128(u.arbitrary()?),
        estate: u.arbitrary()?,
        sent_s: u.arbitrary()?,
        bucket: u.arbitrary()?,
    })
}
