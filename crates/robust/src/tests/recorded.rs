//! Every kind of call that was recorded, from simulators and grids of three releases.

use crate::{Form, Malformed, Node, Tree, Wording};
use crate::{accounts, avatar, friends, grid, grid_user, presence};
use model::{AgentId, GridCell, RegionId, Uuid, Vec3};
use services::{FriendRights, Place, RegionFlags};

const RELEASES: [&str; 3] = [
    include_str!("../../golden/opensim-0.7.5.1.txt"),
    include_str!("../../golden/opensim-0.7.6.1.txt"),
    include_str!("../../golden/opensim-0.9.2.2.txt"),
];

struct Exchange {
    path: &'static str,
    method: &'static str,
    request: Form,
    answer: Tree,
}

fn exchanges(release: &'static str) -> impl Iterator<Item = Exchange> {
    release.split("=== ").skip(1).map(|block| {
        let (title, rest) = block.split_once('\n').unwrap();
        let (request, answer) = rest.split_once("\n---\n").unwrap();
        let mut words = title.split(' ');
        Exchange {
            path: words.next().unwrap(),
            method: words.next().unwrap(),
            request: Form::parse(request.as_bytes()).unwrap(),
            answer: Tree::parse(answer.as_bytes()).unwrap(),
        }
    })
}

/// Which of them this is about.
fn find(release: &'static str, path: &str, method: &str, found: bool) -> Exchange {
    let is_it = |exchange: &Exchange| {
        exchange.path == path && exchange.method == method && (exchange.answer != Tree::null()) == found
    };
    exchanges(release).find(is_it).unwrap_or_else(|| panic!("{path} {method}"))
}

/// The request as our side writes it: read, and written again.
fn written_again(exchange: &Exchange) -> Result<Form, Malformed> {
    let form = &exchange.request;
    Ok(match exchange.path {
        "/grid" => grid::Call::parse(form)?.to_form(),
        "/presence" => presence::Call::parse(form)?.to_form(),
        "/griduser" => grid_user::Call::parse(form)?.to_form(),
        "/friends" => friends::Call::parse(form)?.to_form(),
        "/accounts" => accounts::Call::parse(form)?.to_form(),
        "/avatar" => avatar::Call::parse(form)?.to_form(),
        path => panic!("{path}"),
    })
}

/// What differs on purpose: which versions are spoken, and that sizes are always told.
fn comparable(form: &Form) -> Vec<String> {
    let body = form.write();
    let ours = |field: &&str| {
        !["VERSIONMIN=", "VERSIONMAX=", "sizeX=256", "sizeY=256"].iter().any(|known| field.starts_with(known))
    };
    body.split('&').filter(ours).map(str::to_owned).collect()
}

#[test]
fn requests_are_written_as_simulators_wrote_them() {
    for release in RELEASES {
        for exchange in exchanges(release) {
            let (mut ours, mut theirs) =
                (comparable(&written_again(&exchange).unwrap()), comparable(&exchange.request));
            // The entries of an avatar have no order.
            if exchange.path == "/avatar" {
                ours.sort();
                theirs.sort();
            }
            assert_eq!(ours, theirs, "{} {}", exchange.path, exchange.method);
        }
    }
}

/// The answer as our side writes it: read, and written again.
fn answered_again(exchange: &Exchange) -> Result<Tree, Malformed> {
    let done = |wording: Wording| wording.read_done(&exchange.answer).map(|done| wording.done(done));
    let answer = &exchange.answer;
    Ok(match (exchange.path, exchange.method) {
        ("/grid", "register" | "deregister") => done(grid::WORDING)?,
        ("/grid", "get_neighbours" | "get_region_range") => grid::write_many(&grid::read_many(answer)?),
        ("/grid", "get_grid_extra_features") => grid::write_features(&grid::read_features(answer)?),
        ("/grid", _) => grid::write_one(grid::read_one(answer)?.as_ref()),
        ("/presence", "getagent") => presence::write_one(presence::read_one(answer)?),
        ("/presence", "getagents") => presence::write_many(presence::read_many(answer)?),
        ("/presence", _) => done(presence::WORDING)?,
        ("/griduser", _) => done(grid_user::WORDING)?,
        ("/friends", _) => friends::write_many(friends::read_many(answer)?),
        ("/accounts", _) => accounts::write_one(accounts::read_one(answer)?.as_ref()),
        ("/avatar", _) => done(avatar::WORDING)?,
        (path, method) => panic!("{path} {method}"),
    })
}

/// All elements with the path to them. Left out are those that older releases do not have, and the order of addresses.
fn elements(tree: &Tree, inside: &str, into: &mut Vec<String>) {
    for (name, node) in tree.nodes() {
        let path = format!("{inside}/{name}");
        match node {
            Node::List(list) => elements(list, &path, into),
            Node::Text(text) if name == "ServiceURLs" => {
                into.extend(text.split(';').map(|url| format!("{path}={url}")));
            }
            Node::Text(_) if ["sizeX", "sizeY", "flags", "UserCountry"].contains(&name.as_str()) => {}
            Node::Text(text) => into.push(format!("{path}={text}")),
        }
    }
}

#[test]
fn answers_are_written_as_grids_wrote_them() {
    for release in RELEASES {
        for exchange in exchanges(release) {
            let [mut ours, mut theirs] = [Vec::new(), Vec::new()];
            elements(&answered_again(&exchange).unwrap(), "", &mut ours);
            elements(&exchange.answer, "", &mut theirs);
            if ["/accounts", "/grid"].contains(&exchange.path) {
                ours.sort();
                theirs.sort();
            }
            assert_eq!(ours, theirs, "{} {}", exchange.path, exchange.method);
        }
    }
}

#[test]
fn answers_of_the_latest_release_are_written_to_the_byte() {
    let compact =
        RELEASES[2].split("\n---\n").skip(1).map(|rest| rest.split("\n=== ").next().unwrap().trim_end());
    let compact: Vec<_> = compact.collect();
    let mut checked = 0;
    for (exchange, document) in exchanges(RELEASES[2]).zip(compact) {
        let unordered =
            ["/accounts", "/avatar"].contains(&exchange.path) || exchange.method == "get_grid_extra_features";
        if !unordered && !document.contains('\n') {
            assert_eq!(answered_again(&exchange).unwrap().write(), document);
            checked += 1;
        }
    }
    assert!(checked > 9, "{checked}");
}

#[test]
fn a_region_is_read_whole() {
    let exchange = find(RELEASES[2], "/grid", "get_region_by_uuid", true);
    let entry = grid::read_one(&exchange.answer).unwrap().unwrap();
    let id = RegionId(Uuid::try_parse("b0000002-0000-4000-8000-000000000002").unwrap());
    assert_eq!(grid::Call::parse(&exchange.request), Ok(grid::Call::ById(id)));
    assert_eq!((entry.region.id, entry.region.name.as_str()), (id, "B Far"));
    assert_eq!(entry.region.handle, GridCell { x: 1200, y: 1200 }.handle());
    assert_eq!((entry.region.http_port, entry.region.udp_port, entry.region.access), (9020, 9022, 13));
    assert_eq!(entry.region.server_uri, "http://127.0.0.1:9020/");
    assert_eq!(entry.region.flags, RegionFlags::ONLINE);
    assert_eq!(entry.secret, "842b9142-b8fa-4f9b-bb64-8cadf4765e5d");
    let public = grid::Entry::public(entry.region);
    assert_eq!((public.secret.as_str(), public.region.token.as_str()), ("", ""));
    for release in RELEASES {
        let exchange = find(release, "/grid", "get_region_by_position", false);
        assert_eq!(grid::read_one(&exchange.answer), Ok(None));
        let exchange = find(release, "/grid", "get_neighbours", true);
        assert_eq!(grid::read_many(&exchange.answer).unwrap()[0].region.flags, RegionFlags::ONLINE);
    }
}

#[test]
fn people_are_read_whole() {
    let one = AgentId(Uuid::try_parse("00000000-0000-4000-8000-000000000001").unwrap());
    let two = AgentId(Uuid::try_parse("00000000-0000-4000-8000-000000000002").unwrap());
    let friends = friends::read_many(&find(RELEASES[0], "/friends", "getfriends", true).answer).unwrap();
    let online = FriendRights::SEE_ONLINE;
    assert_eq!(
        friends,
        [friends::Entry { agent: one.into(), friend: two.into(), given: online, has: Some(online) }]
    );
    let account = accounts::read_one(&find(RELEASES[1], "/accounts", "getaccount", true).answer).unwrap();
    let account = account.unwrap();
    assert_eq!((account.id, account.first.as_str(), account.created), (one, "Wire", 1_795_169_974));
    assert_eq!(account.service_urls["HomeURI"], "");
    let logged_out = find(RELEASES[0], "/griduser", "loggedout", true).request;
    let place = Place {
        region: RegionId(Uuid::try_parse("a0000000-0000-4000-8000-000000175101").unwrap()),
        position: Vec3::new(128.0, 128.0, 25.8455),
        look_at: Vec3::ZERO,
    };
    assert_eq!(grid_user::Call::parse(&logged_out), Ok(grid_user::Call::LoggedOut(one.into(), place)));
    let worn = find(RELEASES[0], "/avatar", "setavatar", true).request;
    let Ok(avatar::Call::Set(_, worn)) = avatar::Call::parse(&worn) else { panic!("not an avatar") };
    let asset = "66c41e39-38f9-f75a-024e-585989bfab73";
    assert_eq!(worn["Wearable 0:0"], format!("423bfde3-08a8-4f22-bca5-58b21be74268:{asset}"));
}
