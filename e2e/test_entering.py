"""Who may come in, where they come to, and what they are told otherwise."""

import asyncio
import http.client
import math
import time
import urllib.parse
import xmlrpc.client
from dataclasses import replace

import pytest
from hippolyzer.lib.base.datatypes import Vector3
from hippolyzer.lib.base.message.message import Block

from harness.grid import Grid
from harness.sessions import here, presences, until
from harness.viewer import ViewerClient
from harness.wire import log_in, login_request
from harness.world import BEYOND, CLOSED, EAST, FAR, FULL, ONE, Region, World

# While an old session hangs, its simulator is asked to end it for 3 s; a region that is frozen may take 10 s to say
# that it takes nobody.
OLD_SESSION_S = 3 + 2
FROZEN_REGION_S = 3 + 10 + 2

A_ONE = Region("A One", 1000, 1000)
A_FAR = Region("A Far", 1100, 1100)
B_ONE = Region("B One", 1000, 1001)
B_FAR = Region("B Far", 1200, 1200)


@pytest.fixture(scope="module")
def lasting(tmp_path_factory):
    options = ["--silence-timeout", 5]
    made = {"a": ([A_ONE, A_FAR], options), "b": ([B_ONE, B_FAR], options)}
    with Grid(tmp_path_factory.mktemp("entering"), made) as running:
        yield running


@pytest.fixture
def grid(lasting):
    """All processes run, whatever a test before has left."""
    lasting.start()
    return lasting


# Where


async def arrival(doors, account, start):
    """Where a login at this start ends: region, position, what the answer calls it, and what it says."""
    answer = await asyncio.to_thread(log_in, doors.uri, login_request(account, start=start), FROZEN_REGION_S)
    assert answer["login"] == "true", answer
    corner = int(answer["region_x"]), int(answer["region_y"])
    region = next(region for region in doors.regions if (region.x * 256, region.y * 256) == corner)
    return region, answer["start_location"], answer["message"]


async def test_home_is_where_it_was_set_by_message(world, kind):
    account = world.newcomer()
    async with world.enter(kind, account, at=EAST, position=(40, 50, 25)) as client:
        here_now = (await client.see()).position
        client.send("SetStartLocationRequest", client.ids(), Block(
            "StartLocationData", SimName="", LocationID=1, LocationPos=Vector3(*here_now),
            LocationLookAt=Vector3(0, 1, 0)))
        await client.catch_up()
        await client.teleport(FAR)
        mark = client.inbox.mark()
        client.request_home()
        await client.inbox.until(lambda: client.place is EAST, what="the way home", since=mark)
        await client.see(region=EAST)
    async with world.enter(kind, account, start="home") as client:
        assert client.place is EAST
        assert math.dist((await client.see()).position[:2], here_now[:2]) < 1
    assert (await arrival(world, account, "home"))[:2] == (EAST, "home")


async def test_home_is_where_it_was_set_by_capability(world):
    account = world.newcomer()
    async with world.viewer(account, at=FAR) as client:
        status, answer = await client.post("HomeLocation", {"HomeLocation": {
            "LocationId": 1, "LocationPos": {"X": 33.0, "Y": 44.0, "Z": 25.0},
            "LocationLookAt": {"X": 1.0, "Y": 0.0, "Z": 0.0}}})
        assert (status, answer["success"]) == (200, "true")
    async with world.viewer(account, start="home") as client:
        assert client.place is FAR
        assert math.dist((await client.see()).position[:2], (33, 44)) < 1


async def test_a_region_by_name_with_a_position(world):
    account = world.newcomer()
    for start in ("uri:Test East&70&80&30", "uri:test east&70&80&30", "uri:Test%20East&amp;70&amp;80&amp;30"):
        async with world.viewer(account, start=start) as client:
            assert client.place is EAST
            assert math.dist((await client.see()).position[:2], (70, 80)) < 1
    assert (await arrival(world, account, "uri:Far Away&1&1&1"))[:2] == (FAR, "url")


async def test_a_position_beyond_the_region_is_moved_into_it(world):
    async with world.viewer(world.newcomer(), start="uri:Test East&9000&-5&99999") as client:
        assert client.place is EAST
        x, y, _ = (await client.see()).position
        assert 0 <= x <= 256 and 0 <= y <= 256


@pytest.mark.parametrize("start, told", [
    ("uri:Atlantis&1&2&3", "Atlantis"),
    (CLOSED.start(), CLOSED.name),
])
async def test_where_nobody_is_let_in_another_takes_them_and_says_why(world, start, told):
    region, called, message = await arrival(world, world.newcomer(), start)
    assert region not in (CLOSED, BEYOND)
    assert called == "safe"
    assert told in message, message


async def test_a_full_region_sends_those_who_come_elsewhere_and_says_why(world):
    async with world.viewer(at=FULL) as inside:
        await inside.see()
        region, called, message = await arrival(world, world.newcomer(), FULL.start())
        assert region is not FULL
        assert called == "safe"
        assert FULL.name in message and "full" in message.lower(), message


async def test_a_region_that_is_down_sends_those_who_come_elsewhere_and_says_why(grid):
    account = await asyncio.to_thread(grid.newcomer)
    async with grid.viewer(account, at=B_FAR) as client:
        await client.see()
    process = grid.simulator_of(B_FAR)
    for end in (process.stop, lambda: grid.crash(process)):
        grid.start()
        async with grid.viewer(account, at=B_FAR) as client:
            await client.see()
        await asyncio.to_thread(end)
        region, called, message = await arrival(grid, account, "last")
        assert grid.simulator_of(region) is grid.simulators["a"]
        assert called == "safe"
        assert B_FAR.name in message or "not there any more" in message, message


# While an old session is in the way


async def test_an_old_session_that_hangs_is_ended_first_and_never_are_there_two(grid, timing):
    account = await asyncio.to_thread(grid.newcomer)
    old = ViewerClient(grid)
    await old.enter(account, B_FAR.start())
    await old.see()
    agent, process = old.agent_id, grid.simulator_of(B_FAR)
    process.freeze()
    try:
        begun = time.monotonic()
        new = ViewerClient(grid)
        await new.enter(account, A_FAR.start())
        took = time.monotonic() - begun
        timing("login while the simulator of the old session is frozen", took, OLD_SESSION_S)
        assert took < OLD_SESSION_S
        await new.see()
    finally:
        process.thaw()
    # The old viewer hears that it is over, once its simulator hears anything.
    assert str((await old.inbox.expect("KickUser", patience=25))["UserInfo"]["Reason"])
    await old.vanish()
    await new.assert_alive()

    def roots():
        found = [session for session in here(grid) if session["agent"] == str(agent)]
        return [session["region"] for session in found if session["standing"] != "child"] == [A_FAR.name]
    await until(roots, 10, lambda: here(grid))
    assert presences(grid, agent) == [str(new.session.id)]
    await new.log_out()
    await new.vanish()
    await until(lambda: not presences(grid, agent), 5, "a presence is left")


async def test_where_the_last_region_hangs_another_takes_them(grid, timing):
    account = await asyncio.to_thread(grid.newcomer)
    async with grid.viewer(account, at=B_FAR) as client:
        await client.see()
    process = grid.simulator_of(B_FAR)
    process.freeze()
    try:
        begun = time.monotonic()
        region, called, message = await arrival(grid, account, "last")
        timing("login at a region whose simulator is frozen", time.monotonic() - begun, FROZEN_REGION_S)
        assert region in (A_ONE, A_FAR) and called == "safe"
        assert B_FAR.name in message, message
    finally:
        process.thaw()


# Who


def log_in_from(address, uri, request):
    """An XML-RPC login by somebody with this address."""
    host = urllib.parse.urlsplit(uri)
    connection = http.client.HTTPConnection(host.hostname, host.port, timeout=30, source_address=(address, 0))
    try:
        body = xmlrpc.client.dumps((request,), "login_to_simulator")
        connection.request("POST", host.path or "/", body, {"Content-Type": "text/xml"})
        return xmlrpc.client.loads(connection.getresponse().read().decode())[0][0]
    finally:
        connection.close()


def test_wrong_passwords_are_limited_and_the_owner_is_not_locked_out(world):
    account = world.newcomer()
    assert log_in(world.uri, login_request(account))["login"] == "true"
    wrong = login_request(replace(account, password="guess"))
    reasons = [log_in_from("127.0.0.9", world.uri, wrong)["reason"] for _ in range(12)]
    assert reasons == ["key"] * 10 + ["presence"] * 2
    # That it is the right one is not told either.
    refused = log_in_from("127.0.0.9", world.uri, login_request(account))
    assert refused["login"] == "false" and "again in" in refused["message"]
    for _ in range(3):
        assert log_in(world.uri, login_request(account))["login"] == "true"
    # Nor does the owner's own typing shut them out.
    assert {log_in(world.uri, wrong)["reason"] for _ in range(15)} == {"key"}
    assert log_in(world.uri, login_request(account))["login"] == "true"


def test_one_address_cannot_try_all_names(world):
    stranger, known = world.newcomer(), world.newcomer()
    reasons = [log_in_from("127.0.0.10", world.uri, {**login_request(stranger), "last": f"Nobody{number}"})["reason"]
               for number in range(45)]
    assert reasons[:40] == ["key"] * 40
    assert set(reasons[-3:]) == {"presence"}
    # Others are not touched.
    assert log_in_from("127.0.0.11", world.uri, login_request(known))["login"] == "true"


def test_who_is_suspended_is_told_so_and_may_come_again(world):
    account = world.newcomer()
    world.command("user", "suspend", account.name)
    refused = log_in(world.uri, login_request(account))
    assert (refused["login"], refused["reason"]) == ("false", "presence")
    assert "suspended" in refused["message"]
    wrong = log_in(world.uri, login_request(replace(account, password="wrong")))
    assert wrong["reason"] == "key"  # whoever does not know the password does not learn it
    world.command("user", "restore", account.name)
    assert log_in(world.uri, login_request(account))["login"] == "true"


def test_a_closed_grid_says_so(tmp_path):
    with World(tmp_path, options=("--closed", "--closed-message", "Back at noon.")) as world:
        account = world.newcomer()
        refused = log_in(world.uri, login_request(account))
        assert (refused["login"], refused["reason"], refused["message"]) == ("false", "presence", "Back at noon.")
        assert not presences(world)


def test_terms_are_agreed_to_once(tmp_path):
    terms = tmp_path / "terms.txt"
    terms.write_text("Be kind.")
    with World(tmp_path / "world", options=("--terms", terms)) as world:
        account = world.newcomer()
        unread = login_request(account, agree_to_tos=0, read_critical=0)
        refused = log_in(world.uri, unread)
        assert (refused["login"], refused["reason"], refused["message"]) == ("false", "tos", "Be kind.")
        assert log_in(world.uri, login_request(account))["login"] == "true"
        assert log_in(world.uri, unread)["login"] == "true"
