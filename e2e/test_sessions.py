"""The published page on logging out, row by row: what must be gone, who must be told, and in which order."""

import asyncio
import math
import uuid

import pytest
from hippolyzer.lib.base.datatypes import UUID
from hippolyzer.lib.base.message.message import Block

from harness.client import NULL
from harness.grid import Grid
from harness.meddler import Meddler
from harness.people import (FRIEND_ACCEPTED, FRIEND_OFFERED, accept_friendship, befriend, hear_from, say_to, sees_come,
                            sees_go, status_of)
from harness.sessions import (assert_order, ended, here as here_now, is_quiet, left, online, presences, rows,
                              simulators, steps_of, until)
from harness.viewer import ViewerClient
from harness.wire import post_llsd
from harness.world import EAST, FAR, ONE, Region

SILENCE_S = 5
# Viewers quit so long after their LogoutRequest, answered or not.
VIEWERS_PATIENCE_S = 6
GOAL_REPLY_S = 0.050

#     B One
#     A One       A Far       B Far
A_ONE = Region("A One", 1000, 1000)
A_FAR = Region("A Far", 1100, 1100)
B_ONE = Region("B One", 1000, 1001)
B_FAR = Region("B Far", 1200, 1200)

# What a logout is made of, in the words of the page, and what has to come before what. The rest may come in any order.
ASKED = ("V->R LogoutRequest", "R->V LogoutReply", "session ends")
CLEANED = ("session ends", "R->others KillObject", "R presence removed")
TOLD = ("session ends", "R->GU logged out", "R->P logged out", "R->RFr offline")
NEIGHBOURS = ("session ends", "R->RCh CloseAgent", "R presence removed")


@pytest.fixture(scope="module")
def meddler():
    with Meddler() as running:
        yield running


@pytest.fixture(scope="module")
def grid(tmp_path_factory, meddler):
    options = ["--silence-timeout", SILENCE_S]
    made = {"a": ([A_ONE, A_FAR], options), "b": ([B_ONE, B_FAR], options)}
    with Grid(tmp_path_factory.mktemp("sessions"), made, meddler) as running:
        yield running


async def with_neighbour(client, region=B_ONE):
    """The client once it looks into a neighbour, too: its seed there."""
    def seen():
        known = client.known(region)
        return known and known.caps.get("EventQueueGet") and known.caps["Seed"]
    await client.see()
    return await client.inbox.until(seen, what=f"capabilities of {region.name}")


async def into(doors, account=None, at=A_ONE, kind=ViewerClient):
    """A client that the test itself sends away."""
    client = kind(doors)
    await client.enter(account or await asyncio.to_thread(doors.newcomer), at.start())
    await client.see()
    return client


async def depart(client):
    """A logout; gives agent and session, which the client forgets."""
    who = client.agent_id, client.session.id
    await client.log_out()
    await client.vanish()
    return who


async def no_presence(grid, agent):
    await until(lambda: not presences(grid, agent), 5, f"{agent} has a presence")


# The whole page, in the logs of both ends


async def watched_logout(doors, here, beside, away):
    """Somebody logs out, watched by a friend far away; gives what the logs of both ends say of it, by time."""
    async with doors.viewer(at=away) as friend, doors.viewer(at=here) as watcher:
        client = await into(doors, at=here)
        await with_neighbour(client, beside)
        await befriend(client, friend)
        await watcher.see(client.agent_id)
        agent, session = client.agent_id, client.session.id
        marks = client.inbox.mark(), friend.inbox.mark()
        await client.log_out()
        await client.inbox.expect("DisableSimulator", since=marks[0],
                                  where=lambda m: m.sender == client.address_of(beside))
        await watcher.miss(agent)
        await sees_go(friend, agent, marks[1])
        await client.vanish()
        await steps_of(doors, session)
        await until(lambda: str(agent) not in [one["agent"] for one in here_now(doors)], 10, "it is here still")
    lines = sorted(line for process in simulators(doors) for line in process.said().splitlines()
                   if "sojourn::life" in line and str(agent) in line)
    return [(line, "") for line in lines]


def assert_logged(lines, here, beside):
    """The seed's steps, in an order that it permits."""
    def line(part):
        found = [text for text, _ in lines if part in text]
        assert len(found) == 1, f"{part!r} is logged {len(found)} times: {found}"
        return found[0]
    asked, replied, ends = (line(f"[{here.name}] {step}") for step in ASKED)
    closes, killed, removed = (line(f"[{here.name}] {step}") for step in (
        f"R->RCh CloseAgent {beside.name}", "R->others KillObject", "R presence removed"))
    user, presence, friends = (line(step) for step in TOLD[1:])
    child = line(f"[{beside.name}] Removing child agent")
    gone = [text for text, _ in lines if "is gone from here" in text]
    assert any(f"[{here.name}]" in text for text in gone) and any(f"[{beside.name}]" in text for text in gone)
    for order in ((asked, replied, ends), (ends, closes, child), (ends, killed, removed),
                  (ends, user, presence, friends)):
        assert_order(lines, order)


async def test_the_logs_of_both_ends_show_every_step_on_a_grid(grid):
    assert_logged(await watched_logout(grid, A_ONE, B_ONE, B_FAR), A_ONE, B_ONE)


async def test_the_logs_show_every_step_in_one_process(world):
    assert_logged(await watched_logout(world, ONE, EAST, FAR), ONE, EAST)


# L-1 to L-4: the viewer, and what it had


async def test_who_asks_and_goes_without_waiting_is_logged_out_all_the_same(grid, kind):
    """L-1"""
    client = await into(grid, kind=kind)
    agent, session = client.agent_id, client.session.id
    client.send("LogoutRequest", client.ids())
    await asyncio.sleep(0)  # the datagram is out; the client is killed then
    await client.vanish()
    await no_presence(grid, agent)
    steps = await steps_of(grid, session, last="R->P logged out")
    assert_order(steps, ASKED, CLEANED)


async def test_the_reply_comes_at_once(grid, timing):
    """L-1: in less than 50 ms."""
    for _ in range(10):
        client = await into(grid)
        timing("LogoutRequest to LogoutReply, grid of two simulators", await client.log_out(), GOAL_REPLY_S)
        await client.vanish()


async def test_logging_in_during_the_logout_succeeds_at_the_first_try(grid, meddler, timing):
    """L-2: also when the services take their time to hear of it."""
    account = await asyncio.to_thread(grid.newcomer)
    for slow in (0, 0.2, 0.5):
        with meddler.delay("presence.logout", slow), meddler.delay("griduser.loggedout", slow):
            for _ in range(3):
                client = await into(grid, account)
                client.send("LogoutRequest", client.ids())
                await client.vanish()
                async with grid.viewer(account, at=B_FAR) as back:
                    timing(f"login during a logout whose services take {slow} s", back.login_s)
                    await back.see()


async def test_a_logout_in_anothers_name_is_not_obeyed(grid):
    """L-3"""
    async with grid.viewer(at=A_ONE) as client, grid.viewer(at=A_ONE) as other:
        await with_neighbour(client)
        mark = client.inbox.mark()
        wrong = [
            Block("AgentData", AgentID=client.agent_id, SessionID=UUID.random()),
            Block("AgentData", AgentID=client.agent_id, SessionID=NULL),
            Block("AgentData", AgentID=other.agent_id, SessionID=client.session.id),
        ]
        for ids in wrong:
            client.send("LogoutRequest", ids)
        # Nor is one that is said to a region that it only looks into.
        client.send("LogoutRequest", client.ids(), region=client.known(B_ONE))
        await asyncio.gather(client.assert_alive(), other.assert_alive())
        assert not client.inbox.since(mark, "LogoutReply", "KickUser")
        assert len(presences(grid, client.agent_id, other.agent_id)) == 2


async def test_circuits_capabilities_and_event_queues_end(grid):
    """L-4"""
    client = await into(grid)
    seeds = [await with_neighbour(client), client.region.caps["Seed"]]
    polls = [region.caps["EventQueueGet"] for region in client.session.regions]
    await depart(client)
    for url, body in [*((seed, ["EventQueueGet"]) for seed in seeds),
                      *((poll, {"ack": None, "done": False}) for poll in polls)]:
        await until(lambda: post_llsd(url, body)[0] == 404, 5, "a capability still answers")
    await is_quiet(grid)


# L-5, L-6, L-10: the services


async def test_the_grid_user_service_is_told_where_it_was(grid):
    """L-5"""
    account = await asyncio.to_thread(grid.newcomer)
    client = await into(grid, account)
    await client.teleport(B_FAR, (77, 88, 30))
    there = (await client.see(region=B_FAR)).position
    agent, session = await depart(client)
    assert_order(await steps_of(grid, session, last="R->P logged out"), ASKED, TOLD[:3])
    assert not online(grid, agent)
    query = "SELECT last_x, last_y, last_look_x, last_look_y, last_look_z FROM grid_users WHERE agent = ?"
    (x, y, *look_at), = rows(grid, query, uuid.UUID(str(agent)).bytes)
    assert math.dist((x, y), there[:2]) < 1
    assert math.isclose(math.hypot(*look_at), 1, abs_tol=0.01)
    async with grid.viewer(account, start="last") as back:
        assert back.place is B_FAR
        assert math.dist((await back.see()).position[:2], there[:2]) < 1


async def test_the_presence_service_is_told(grid):
    """L-6"""
    client = await into(grid)
    await until(lambda: presences(grid, client.agent_id) == [str(client.session.id)], 5, "it has no presence")
    agent, _ = await depart(client)
    await no_presence(grid, agent)


async def test_what_is_saved_is_saved_before_the_presence_ends(grid, meddler):
    """L-10: who logs in as soon as the presence is gone finds everything as it was left."""
    account = await asyncio.to_thread(grid.newcomer)
    client = await into(grid, account)
    await client.teleport(A_FAR, (50, 60, 30))
    with meddler.delay("griduser.loggedout", 1):
        agent, session = await depart(client)
        assert presences(grid, agent) == [str(session)]
        await no_presence(grid, agent)
        assert not online(grid, agent)
    async with grid.viewer(account, start="last") as back:
        assert back.place is A_FAR


# L-7, L-8, L-9: neighbours and friends


async def test_neighbours_close_their_child_agents_and_tell_the_viewer(grid):
    """L-7: the neighbour is another simulator's."""
    client = await into(grid)
    await with_neighbour(client)
    mark, agent = client.inbox.mark(), client.agent_id
    session = client.session.id
    await client.log_out()
    await client.inbox.expect("DisableSimulator", since=mark, where=lambda m: m.sender == client.address_of(B_ONE))
    await client.vanish()
    steps = await steps_of(grid, session, last="R->P logged out")
    assert_order(steps, ASKED, NEIGHBOURS)
    assert ("R->RCh CloseAgent", B_ONE.name) in steps
    await until(lambda: left(grid)["child_agents"] == 0, 10, "the neighbour keeps a child agent")


async def test_friends_are_told_once_in_whichever_region_they_are(grid):
    """L-8, L-9"""
    async with grid.viewer(at=A_ONE) as near, grid.viewer(at=B_FAR) as far, grid.viewer(at=B_FAR) as stranger:
        client = await into(grid)
        for friend in (near, far):
            await befriend(client, friend)
        marks = near.inbox.mark(), far.inbox.mark()
        agent, session = await depart(client)
        for friend, mark in zip((near, far), marks):
            await sees_go(friend, agent, mark)
        steps = await steps_of(grid, session)
        assert_order(steps, ASKED, CLEANED, TOLD)
        assert ("R->RFr offline", "2 told") in steps
        for friend, mark in zip((near, far), marks):
            await friend.assert_alive()
            assert status_of(friend, agent, mark) == ["OfflineNotification"]
        assert not status_of(stranger, agent)


# L-11, L-12: the scene


async def test_everybody_who_sees_it_sees_it_go(grid):
    """L-11: in the region, and from the neighbour of another simulator."""
    async with grid.viewer(at=A_ONE) as beside, grid.viewer(at=B_ONE) as next_door:
        client = await into(grid)
        await beside.see(client.agent_id)
        await next_door.see(client.agent_id, region=A_ONE)
        agent, _ = await depart(client)
        await beside.miss(agent)
        await next_door.miss(agent, region=A_ONE)


async def test_nothing_is_left_of_twenty_sessions(grid):
    """L-12; many more in test_endings.py."""
    accounts = [await asyncio.to_thread(grid.newcomer) for _ in range(20)]
    clients = await asyncio.gather(*(into(grid, account, at) for account, at in
                                     zip(accounts, [A_ONE, B_ONE, A_FAR, B_FAR] * 5)))
    assert left(grid)["root_agents"] == left(grid)["presences"] == 20
    await asyncio.gather(*map(depart, clients))
    await is_quiet(grid)


# L-13, L-14: who is silent, and what else there is


@pytest.mark.parametrize("silent, not_told", [
    ("griduser.*", "R->GU logged out"),
    ("presence.logout", "R->P logged out"),
    ("EndSession", None),
    ("friends.status", None),
])
async def test_one_that_is_silent_keeps_nobody_else_from_hearing(grid, meddler, timing, silent, not_told):
    """L-13"""
    async with grid.viewer(at=B_FAR) as friend, grid.viewer(at=A_ONE) as beside:
        account = await asyncio.to_thread(grid.newcomer)
        client = await into(grid, account)
        await with_neighbour(client)
        await befriend(client, friend)
        await beside.see(client.agent_id)
        agent, session, mark = client.agent_id, client.session.id, friend.inbox.mark()
        with meddler.drop(silent) as rule:
            timing(f"LogoutReply while {silent} is silent", await client.log_out(), GOAL_REPLY_S)
            await client.vanish()
            await beside.miss(agent)
            await rule.reached()
            others = {"R->GU logged out", "R->P logged out"} - {not_told}
            for step in others:
                await steps_of(grid, session, last=step)
            # Somebody else's logout goes its way.
            other = await into(grid)
            timing(f"another's LogoutReply while {silent} is silent", await other.log_out(), GOAL_REPLY_S)
            await other.vanish()
        # What could not be told is told later.
        if not_told:
            await steps_of(grid, session, last=not_told, patience=20)
        if silent != "friends.status":
            await sees_go(friend, agent, mark, patience=20)
        await until(lambda: not presences(grid, agent), 20, "the presence stays")
        async with grid.viewer(account, at=A_ONE) as back:
            await back.assert_alive()


async def test_what_is_said_to_one_who_has_gone_is_kept(grid):
    """L-14"""
    async with grid.viewer(at=B_FAR) as speaker:
        account = await asyncio.to_thread(grid.newcomer)
        client = await into(grid, account)
        agent, _ = await depart(client)
        mark = speaker.inbox.mark()
        say_to(speaker, agent, "Are you there?")
        answer = await hear_from(speaker, agent, mark)
        assert "kept" in str(answer["Message"])
        async with grid.viewer(account, at=A_ONE) as back:
            back.send("RetrieveInstantMessages", back.ids())
            kept = await hear_from(back, speaker.agent_id)
            assert str(kept["Message"]) == "Are you there?"
            assert kept["Offline"] == 1


async def test_a_request_for_friendship_that_was_made_meanwhile_is_found_at_the_next_login(grid):
    """L-14"""
    async with grid.viewer(at=B_FAR) as speaker:
        account = await asyncio.to_thread(grid.newcomer)
        client = await into(grid, account)
        agent, _ = await depart(client)
        say_to(speaker, agent, "Friends?", FRIEND_OFFERED, speaker.agent_id)
        async with grid.viewer(account, at=A_ONE) as back:
            mark = speaker.inbox.mark()

            async def offered():
                back.send("RetrieveInstantMessages", back.ids())
                return await hear_from(back, speaker.agent_id, dialog=FRIEND_OFFERED, patience=3)
            offer = await offered()
            assert str(offer["Message"]) == "Friends?"
            accept_friendship(back, offer["ID"])
            await hear_from(speaker, agent, mark, FRIEND_ACCEPTED)
            await sees_come(speaker, agent, mark)


# L-15: no word at all


async def test_a_crash_of_the_viewer_is_a_logout_without_a_request(grid, kind, timing):
    """L-15"""
    async with grid.viewer(at=B_FAR) as friend, grid.viewer(at=A_ONE) as beside:
        client = await into(grid, kind=kind)
        await befriend(client, friend)
        await beside.see(client.agent_id)
        agent, session, mark = client.agent_id, client.session.id, friend.inbox.mark()
        begun = asyncio.get_running_loop().time()
        await client.vanish()
        await beside.miss(agent, patience=SILENCE_S + 10)
        await sees_go(friend, agent, mark)
        timing(f"silence to OfflineNotification, timeout of {SILENCE_S} s",
               asyncio.get_running_loop().time() - begun)
        assert_order(await steps_of(grid, session), CLEANED, TOLD)
        assert [end["reason"] for end in ended(grid, session)] == ["timeout"]
        assert not presences(grid, agent) and not online(grid, agent)
