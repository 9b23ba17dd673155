//! Whatever is written is read as it was; whatever comes is read or refused.

use crate::accounts::Secret;
use crate::{Form, Tree, Uui, accounts, auth, avatar, friends, grid, grid_user, presence};
use arbtest::arbitrary::{Result, Unstructured};
use model::{AgentId, AssetId, RegionHandle, RegionId, RegionSize, SecureSessionId, SessionId, Uuid, Vec3};
use services::{
    Account, AccountChanges, AvatarData, FriendRights, GridUser, NewAccount, Place, RegionFlags, RegionInfo,
    ViewerPassword,
};
use std::collections::BTreeMap;

type Any<'a, 'b> = &'a mut Unstructured<'b>;

fn id(u: Any<'_, '_>) -> Result<Uuid> {
    Ok(Uuid::from_bytes(u.arbitrary()?))
}

/// Text that XML can carry.
fn text(u: Any<'_, '_>) -> Result<String> {
    let text: String = u.arbitrary()?;
    Ok(text.replace(|c: char| c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}'), ""))
}

fn map(u: Any<'_, '_>) -> Result<BTreeMap<String, String>> {
    let mut map = BTreeMap::new();
    for _ in 0..u.int_in_range(0..=3)? {
        map.insert(format!("Name {}", u.int_in_range(0..=99)?), text(u)?);
    }
    Ok(map)
}

fn uui(u: Any<'_, '_>) -> Result<Uui> {
    let home = u.choose(&["", "http://x/;A B", "http://x/;A B;secret"])?;
    Ok(Uui { id: AgentId(id(u)?), home: (*home).to_owned() })
}

fn vector(u: Any<'_, '_>) -> Result<Vec3> {
    let mut number = || Ok(f32::from(u.arbitrary::<i16>()?) / 7.0);
    Ok(Vec3::new(number()?, number()?, number()?))
}

fn place(u: Any<'_, '_>) -> Result<Place> {
    Ok(Place { region: RegionId(id(u)?), position: vector(u)?, look_at: vector(u)? })
}

fn rights(u: Any<'_, '_>) -> Result<FriendRights> {
    Ok(FriendRights::from_bits_truncate(u.arbitrary()?))
}

fn region(u: Any<'_, '_>) -> Result<grid::Entry> {
    let host = text(u)?;
    let region = RegionInfo {
        id: RegionId(id(u)?),
        name: text(u)?,
        handle: RegionHandle(u.arbitrary()?),
        size: RegionSize { x: u.int_in_range(1..=u32::MAX)?, y: 512 },
        server_uri: format!("http://{host}/"),
        external_host: host,
        http_port: u.arbitrary()?,
        udp_port: u.arbitrary()?,
        owner: AgentId(id(u)?),
        access: u.arbitrary()?,
        flags: RegionFlags::from_bits_retain(u.arbitrary()?),
        map_image: AssetId(id(u)?),
        parcel_image: AssetId(id(u)?),
        token: text(u)?,
    };
    Ok(grid::Entry { region, secret: text(u)? })
}

fn account(u: Any<'_, '_>) -> Result<Account> {
    let urls = map(u)?;
    Ok(Account {
        id: AgentId(id(u)?),
        first: text(u)?,
        last: text(u)?,
        email: text(u)?,
        created: u.arbitrary()?,
        level: u.arbitrary()?,
        flags: u.arbitrary()?,
        title: text(u)?,
        country: text(u)?,
        service_urls: urls.into_iter().map(|(name, url)| (name, url.replace([';', '*'], ""))).collect(),
    })
}

fn grid_call(u: Any<'_, '_>) -> Result<grid::Call> {
    use grid::Call;
    let mut int = || u.int_in_range(0..=i32::MAX as u32);
    let (x_m, y_m, limit) = (int()?, int()?, int()?);
    let region_id = RegionId(id(u)?);
    Ok(match u.int_in_range(0..=14)? {
        0 => {
            let mut entry = region(u)?;
            entry.region.flags = RegionFlags::empty();
            Call::Register(Box::new(entry))
        }
        1 => Call::Deregister(region_id),
        2 => Call::Neighbours(region_id),
        3 => Call::ById(region_id),
        4 => Call::ByPosition { x_m, y_m },
        5 => Call::ByName(text(u)?),
        6 => Call::Search { name: text(u)?, limit },
        7 => Call::Range { min_x_m: x_m, min_y_m: y_m, max_x_m: limit, max_y_m: 0 },
        8 => Call::DefaultRegions,
        9 => Call::DefaultHypergridRegions,
        10 => Call::FallbackRegions { x_m, y_m },
        11 => Call::OnlineRegions { x_m, y_m, limit },
        12 => Call::Hyperlinks,
        13 => Call::Flags(region_id),
        _ => Call::ExtraFeatures,
    })
}

fn presence_call(u: Any<'_, '_>) -> Result<presence::Call> {
    use presence::Call;
    let (session, region) = (SessionId(id(u)?), RegionId(id(u)?));
    Ok(match u.int_in_range(0..=5)? {
        0 => {
            let secure_session =
                if u.arbitrary()? { Some(SecureSessionId(Uuid::from_u128(7))) } else { None };
            Call::Login { agent: AgentId(id(u)?), session, secure_session }
        }
        1 => Call::Logout(session),
        2 => Call::LogoutRegion(region),
        3 => Call::Report { session, region, lease: u.arbitrary()? },
        4 => Call::BySession(session),
        _ => Call::ByAgents(vec![AgentId(id(u)?), AgentId(id(u)?)]),
    })
}

fn grid_user_call(u: Any<'_, '_>) -> Result<grid_user::Call> {
    use grid_user::Call;
    let user = uui(u)?;
    Ok(match u.int_in_range(0..=5)? {
        0 => Call::LoggedIn(user),
        1 => Call::LoggedOut(user, place(u)?),
        2 => Call::SetHome(user, place(u)?),
        3 => Call::SetPosition(user, place(u)?),
        4 => Call::Get(user),
        _ => Call::GetMany(vec![user, uui(u)?]),
    })
}

fn friends_call(u: Any<'_, '_>) -> Result<friends::Call> {
    use friends::Call;
    let (agent, friend) = (uui(u)?, uui(u)?);
    Ok(match u.int_in_range(0..=2)? {
        0 => Call::List(agent),
        1 => Call::Store { agent, friend, given: rights(u)? },
        _ => Call::Delete { agent, friend },
    })
}

fn accounts_call(u: Any<'_, '_>) -> Result<accounts::Call> {
    use accounts::Call;
    let account = account(u)?;
    Ok(match u.int_in_range(0..=6)? {
        0 => Call::ById(account.id),
        1 => Call::ByEmail(account.email),
        2 => Call::ByName { first: account.first, last: account.last },
        3 => Call::Search(account.first),
        4 => Call::ByIds(vec![account.id, AgentId(id(u)?)]),
        5 => Call::Set(Box::new(AccountChanges::all(&account))),
        _ => {
            let id = Some(account.id).filter(|id| !id.is_null());
            let new = NewAccount { id, first: account.first, last: account.last, email: account.email };
            Call::Create(Box::new(new), Secret(account.title))
        }
    })
}

fn auth_call(u: Any<'_, '_>) -> Result<auth::Call> {
    use auth::Call;
    let (agent, token) = (AgentId(id(u)?), id(u)?);
    let lifetime_min = u.int_in_range(0..=auth::LIFETIME_MIN)?;
    Ok(match u.int_in_range(0..=5)? {
        0 => {
            let password = ViewerPassword::from_digest(u.arbitrary()?);
            Call::Authenticate { agent, password, lifetime_min }
        }
        1 => Call::Verify { agent, token, lifetime_min },
        2 => Call::Release { agent, token },
        3 => Call::SetPassword { agent, password: Secret(text(u)?) },
        4 => Call::GetInfo(agent),
        _ => Call::SetInfo(agent),
    })
}

fn avatar_call(u: Any<'_, '_>) -> Result<avatar::Call> {
    use avatar::Call;
    let (agent, data) = (AgentId(id(u)?), map(u)?);
    Ok(match u.int_in_range(0..=4)? {
        0 => Call::Get(agent),
        1 => Call::Set(agent, data),
        2 => Call::Reset(agent),
        3 => Call::SetEntries(agent, data),
        _ => Call::RemoveEntries(agent, data.into_keys().collect()),
    })
}

#[test]
fn any_call_is_read_as_it_was_written() {
    fn travelled(form: &Form) -> Form {
        Form::parse(form.write().as_bytes()).unwrap()
    }
    arbtest::arbtest(|u| {
        let call = grid_call(u)?;
        assert_eq!(grid::Call::parse(&travelled(&call.to_form())), Ok(call));
        let call = presence_call(u)?;
        assert_eq!(presence::Call::parse(&travelled(&call.to_form())), Ok(call));
        let call = grid_user_call(u)?;
        assert_eq!(grid_user::Call::parse(&travelled(&call.to_form())), Ok(call));
        let call = friends_call(u)?;
        assert_eq!(friends::Call::parse(&travelled(&call.to_form())), Ok(call));
        let call = accounts_call(u)?;
        assert_eq!(accounts::Call::parse(&travelled(&call.to_form())), Ok(call));
        let call = auth_call(u)?;
        assert_eq!(auth::Call::parse(&travelled(&call.to_form())), Ok(call));
        let call = avatar_call(u)?;
        assert_eq!(avatar::Call::parse(&travelled(&call.to_form())), Ok(call));
        Ok(())
    });
}

fn travelled(tree: &Tree) -> Tree {
    Tree::parse(tree.write().as_bytes()).unwrap()
}

#[test]
fn any_answer_about_regions_is_read_as_it_was_written() {
    arbtest::arbtest(|u| {
        let entries = vec![region(u)?, region(u)?];
        assert_eq!(grid::read_many(&travelled(&grid::write_many(&entries))).as_ref(), Ok(&entries));
        assert_eq!(grid::read_many(&travelled(&grid::write_many(&[]))), Ok(vec![]));
        for entry in [entries.first(), None] {
            assert_eq!(grid::read_one(&travelled(&grid::write_one(entry))), Ok(entry.cloned()));
        }
        for flags in [None, Some(entries[0].region.flags)] {
            assert_eq!(grid::read_flags(&travelled(&grid::write_flags(flags))), Ok(flags));
        }
        let features = map(u)?;
        assert_eq!(grid::read_features(&travelled(&grid::write_features(&features))), Ok(features));
        Ok(())
    });
}

#[test]
fn any_answer_about_people_is_read_as_it_was_written() {
    arbtest::arbtest(|u| {
        let located = presence::Located { agent: AgentId(id(u)?), region: RegionId(id(u)?) };
        assert_eq!(presence::read_one(&travelled(&presence::write_one(Some(located)))), Ok(Some(located)));
        assert_eq!(presence::read_many(&travelled(&presence::write_many([located]))), Ok(vec![located]));

        let placed = |place: Place| (!place.region.is_null()).then_some(place);
        let user = GridUser {
            agent: AgentId(id(u)?),
            home: placed(place(u)?),
            last: placed(place(u)?),
            online: u.arbitrary()?,
            login: u.arbitrary::<u32>()?.into(),
            logout: 0,
        };
        assert_eq!(grid_user::read_one(&travelled(&grid_user::write_one(Some(&user)))), Ok(Some(user)));
        assert_eq!(grid_user::read_one(&travelled(&grid_user::write_one(None))), Ok(None));
        assert_eq!(grid_user::read_many(&travelled(&grid_user::write_many([&user]))), Ok(vec![user]));

        let has = if u.arbitrary()? { Some(rights(u)?) } else { None };
        let friend = friends::Entry { agent: uui(u)?, friend: uui(u)?, given: rights(u)?, has };
        let answer = travelled(&friends::write_many([friend.clone()]));
        assert_eq!(friends::read_many(&answer), Ok(vec![friend]));

        let account = account(u)?;
        let answer = travelled(&accounts::write_one(Some(&account)));
        assert_eq!(accounts::read_one(&answer), Ok(Some(account.clone())));
        assert_eq!(accounts::read_many(&travelled(&accounts::write_many([&account]))), Ok(vec![account]));

        let token = if u.arbitrary()? { Some(id(u)?) } else { None };
        assert_eq!(auth::read_token(&travelled(&auth::write_token(token))), Ok(token));

        let mut data: AvatarData = map(u)?;
        data.insert("AvatarType".into(), "1".into());
        let expected = (data.len() > 1).then(|| data.clone());
        assert_eq!(avatar::read_one(&travelled(&avatar::write_one(Some(&data)))), Ok(expected));
        assert_eq!(avatar::read_one(&travelled(&avatar::write_one(None))), Ok(None));
        Ok(())
    });
}

/// Words that get a reader further than chance would.
const WORDS: [&str; 24] = [
    "METHOD",
    "register",
    "getagents",
    "getaccount",
    "setposition",
    "storefriend",
    "authenticate",
    "setitems",
    "uuid",
    "UserID",
    "PRINCIPAL",
    "SessionID",
    "X",
    "Y",
    "Names[]",
    "uuids[]",
    "Position",
    "-1",
    "<1,2,3>",
    "null",
    "",
    "00000000-0000-4000-8000-000000000001",
    "99999999999999999999",
    "é",
];

#[test]
fn any_fields_are_a_call_or_none() {
    arbtest::arbtest(|u| {
        let mut body = String::new();
        for _ in 0..u.int_in_range(0..=8)? {
            body.push_str(&format!("{}={}&", u.choose(&WORDS)?, u.choose(&WORDS)?));
        }
        let form = Form::parse(body.as_bytes()).unwrap();
        let _ = grid::Call::parse(&form);
        let _ = presence::Call::parse(&form);
        let _ = grid_user::Call::parse(&form);
        let _ = friends::Call::parse(&form);
        let _ = accounts::Call::parse(&form);
        let _ = auth::Call::parse(&form);
        let _ = avatar::Call::parse(&form);
        Ok(())
    });
}

#[test]
fn any_elements_are_an_answer_or_none() {
    let names =
        ["result", "Result", "UserID", "uuid", "locX", "Friend", "MyFlags", "Login", "HomePosition", "Token"];
    arbtest::arbtest(|u| {
        let mut list = Tree::new();
        for _ in 0..u.int_in_range(0..=8)? {
            list = list.with(u.choose(&names)?, u.choose(&WORDS)?);
        }
        for answer in [list.clone(), Tree::new().with_list("result", list)] {
            let _ = (grid::read_one(&answer), grid::read_many(&answer), grid::read_flags(&answer));
            let _ = (grid::read_features(&answer), presence::read_one(&answer), presence::read_many(&answer));
            let _ =
                (grid_user::read_one(&answer), grid_user::read_many(&answer), friends::read_many(&answer));
            let _ = (accounts::read_one(&answer), accounts::read_many(&answer), auth::read_token(&answer));
            let _ = avatar::read_one(&answer);
        }
        Ok(())
    });
}
