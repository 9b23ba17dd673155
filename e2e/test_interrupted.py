"""Processes die and users change their minds in the middle of a transfer: the user is told, lives on, and nothing stays
behind. All clients of a test have their fault at once."""

import asyncio
import time

import pytest

from harness.client import NORTH, Refused
from harness.faults import (  # noqa: F401
    A_FAR, A_ONE, B_FAR, B_ONE, B_OTHER, VERDICT_S, assert_well, between, crowd, lasting, meddler, newest, outcome)
from harness.viewer import Hesitant


@pytest.fixture
def usual(tmp_path, meddler):
    """A grid that waits as long as it does by itself."""
    with between(tmp_path, meddler, "0.1..0.8", waits=()) as running:
        yield running


# Processes

async def test_the_destination_dies_in_each_stage(newest, meddler, timing):
    grid, b = newest, newest.simulator_of(B_FAR)
    async with crowd(grid, 6) as clients:
        asking, creating, created, sent_off, arrived, later = clients
        rules = [meddler.hold("QueryAccess", agent=asking.agent_id),
                 meddler.hold("CreateAgent", agent=creating.agent_id),
                 meddler.hold_answer("CreateAgent", agent=created.agent_id)]
        sent_off.hesitates = True
        await arrived.teleport(B_FAR)
        marks = {client: client.inbox.mark() for client in clients}
        for client in (asking, creating, created, sent_off):
            client.request_teleport(B_FAR)
        await asyncio.gather(*(rule.reached() for rule in rules),
                             sent_off.inbox.expect("TeleportFinish", since=marks[sent_off]))
        grid.crash(b)
        for rule in rules:
            rule.end()
        sent_off.go()
        later.request_teleport(B_FAR)
        begun = time.monotonic()

        async def hear_and_live_on(client):
            reason = await outcome(client, marks[client])
            timing("verdict after the destination's death", time.monotonic() - begun)
            assert reason, "arrived at a dead simulator"
            await assert_well(client, elsewhere=(A_FAR, A_ONE))
        left = [client for client in clients if client is not arrived]
        await asyncio.gather(*map(hear_and_live_on, left))
        await grid.settles(*left)

        account = arrived.account
        await arrived.vanish()
        grid.start()
        async with grid.enter(Hesitant, account, at=B_FAR) as again:
            await again.assert_alive()
            await asyncio.gather(*map(assert_well, left))
            await grid.settles(again, *left)
    await grid.settles()


async def test_the_source_dies_in_each_stage(newest, meddler, timing):
    grid, a = newest, newest.simulator_of(A_ONE)
    async with crowd(grid, 6) as clients:
        asking, creating, created, sending, sent_off, arrived = clients
        rules = [meddler.hold("QueryAccess", agent=asking.agent_id),
                 meddler.hold("CreateAgent", agent=creating.agent_id),
                 meddler.hold_answer("CreateAgent", agent=created.agent_id),
                 meddler.drop("UpdateAgent", agent=sending.agent_id)]
        sending.hesitates = sent_off.hesitates = True
        await arrived.teleport(B_FAR)
        mark = {client: client.inbox.mark() for client in clients}
        for client in (asking, creating, created, sending, sent_off):
            client.request_teleport(B_FAR)
        await asyncio.gather(*(rule.reached() for rule in rules),
                             *(client.inbox.expect("TeleportFinish", since=mark[client])
                               for client in (sending, sent_off)))
        grid.crash(a)
        for rule in rules:
            rule.end()
        # Those who have been sent off arrive without further help; the others have nobody to tell them anything.
        begun = time.monotonic()

        async def arrive(client):
            client.go()
            assert await outcome(client, mark[client]) is None
            timing("arrival after the source's death", time.monotonic() - begun)
        await asyncio.gather(arrive(sending), arrive(sent_off))
        there = [sending, sent_off, arrived]
        await asyncio.gather(*(assert_well(client, elsewhere=(B_OTHER, B_FAR)) for client in there))
        lost = [asking, creating, created]
        accounts = [client.account for client in lost]
        for client in lost:
            await client.vanish()
        await grid.settles(*there)

        grid.start()
        await asyncio.gather(*map(assert_well, there))
        for account in accounts:
            async with grid.enter(Hesitant, account, at=A_ONE) as again:
                await assert_well(again)
    await grid.settles()


async def test_the_destination_falls_silent_and_wakes_up(newest, meddler, timing):
    """It hears everything, only much later: what was taken back in the meantime stays taken back."""
    grid, b = newest, newest.simulator_of(B_FAR)
    async with crowd(grid, 3) as clients:
        asking, creating, sent_off = clients
        sent_off.hesitates = True
        marks = {client: client.inbox.mark() for client in clients}
        with meddler.hold("CreateAgent", agent=creating.agent_id) as held:
            for client in (creating, sent_off):
                client.request_teleport(B_FAR)
            await asyncio.gather(held.reached(), sent_off.inbox.expect("TeleportFinish", since=marks[sent_off]))
            b.freeze()
        asking.request_teleport(B_FAR)
        sent_off.go()
        begun = time.monotonic()
        try:
            for client in clients:
                assert await outcome(client, marks[client])
                timing("verdict of a silent destination", time.monotonic() - begun)
            await asyncio.gather(*(assert_well(client, elsewhere=(A_FAR, A_ONE)) for client in (asking, creating)))
        finally:
            b.thaw()
        # The viewer has knocked over there, and may be let in now that it is heard: it is where it then believes to be.
        await grid.settles(*clients)
        await asyncio.gather(*map(assert_well, clients))
    await grid.settles()


async def test_the_grid_dies_and_comes_back(newest, timing):
    grid = newest
    async with crowd(grid, 1) as (client,):
        for there in (B_FAR, A_ONE):
            await client.teleport(there)
        grid.crash(grid.services)
        # Where it has been before it is let go to without the grid's help, or is told that the grid is away.
        for there in (B_FAR, B_OTHER, A_FAR):
            here, mark, begun = client.place, client.inbox.mark(), time.monotonic()
            client.request_teleport(there)
            reason = await outcome(client, mark)
            timing(f"verdict without a grid, {'refused' if reason else 'arrived'}", time.monotonic() - begun)
            assert client.place is (here if reason else there)
            await client.assert_alive()
        grid.start()
        await assert_well(client, elsewhere=(B_OTHER, A_FAR, B_FAR, A_ONE))
        async with grid.viewer(at=B_FAR) as other:
            await other.assert_alive()
            await grid.settles(client, other)
    await grid.settles()


async def test_a_border_with_nobody_behind_it_holds(newest):
    grid, b = newest, newest.simulator_of(B_ONE)
    async with grid.viewer(at=A_ONE, position=(128, 252, 25)) as client:
        await client.see()
        await client.inbox.expect("EstablishAgentCommunication")
        grid.crash(b)
        mark = client.inbox.mark()
        async with client.moving(NORTH):
            await client.inbox.expect("AlertMessage", since=mark, patience=VERDICT_S)
        assert client.place is A_ONE
        await client.assert_alive()
        mark = client.inbox.mark()
        grid.start()
        # It says hello when it is there again, and the way is open.
        await client.inbox.expect("EstablishAgentCommunication", since=mark)
        await client.teleport(A_ONE, (128, 252, 25))
        async with client.moving(NORTH):
            await client.inbox.expect("AgentMovementComplete", since=mark, patience=15,
                                      where=lambda m: m.sender == client.address_of(B_ONE))
            await client.inbox.until(lambda: client.place is B_ONE, what="the move of the client")
        await assert_well(client)
        await grid.settles(client)
    await grid.settles()


# Users

async def test_quick_returns(usual):
    """Back before the old connection was closed, or on and back: what was to be closed is wanted again."""
    grid = usual
    ways = [(B_FAR, A_ONE), (B_FAR, B_OTHER), (B_FAR, A_FAR), (A_FAR, B_FAR, A_ONE), (B_OTHER, B_FAR, A_ONE),
            (B_ONE, A_ONE), (B_ONE, B_FAR, A_ONE)]
    cases = [(way, dwell) for way in ways for dwell in (0, 1, 5)]

    async def go(client, way, dwell):
        try:
            for there in way:
                await client.teleport(there)
                await asyncio.sleep(dwell)  # the user looks around
            await client.assert_alive()
        except (AssertionError, Refused) as error:
            names = [region.name for region in way]
            raise AssertionError(f"{names}, {dwell} s in each: {error!r}") from error

    async with crowd(grid, len(cases)) as clients:
        await asyncio.gather(*(go(client, *case) for client, case in zip(clients, cases)))
        # When the last old connection has been closed, everybody is where he went and lives.
        await grid.settles(*clients)
        for client, (way, _) in zip(clients, cases):
            assert client.place is way[-1]
        await asyncio.gather(*(client.assert_alive() for client in clients))
    await grid.settles()


async def test_two_teleports_at_once(newest):
    grid = newest
    async with crowd(grid, 3) as clients:
        async def ask_twice(client, first, second):
            mark = client.inbox.mark()
            client.request_teleport(first)
            client.request_teleport(second)
            await outcome(client, mark)
        await asyncio.gather(ask_twice(clients[0], B_FAR, A_FAR), ask_twice(clients[1], A_FAR, B_FAR),
                             ask_twice(clients[2], B_FAR, B_FAR))
        await grid.settles(*clients)
        await asyncio.gather(*map(assert_well, clients))
    await grid.settles()


async def test_logout_and_loss_of_the_viewer_in_mid_transfer(newest, meddler):
    grid = newest
    stages = [("hold", "QueryAccess"), ("hold", "CreateAgent"), ("hold_answer", "CreateAgent"),
              ("hold", "UpdateAgent"), ("hold_answer", "UpdateAgent")]
    ends = [(stage, end) for stage in stages for end in ("log_out", "vanish")]

    async def end_in(client, stage, end):
        way, message = stage
        # The answer to UpdateAgent is the arrival, unless the viewer does not come.
        client.hesitates = message == "UpdateAgent"
        with getattr(meddler, way)(message, agent=client.agent_id) as rule:
            client.request_teleport(B_FAR)
            if stage == ("hold_answer", "UpdateAgent"):
                await client.inbox.expect("TeleportFinish")
            else:
                await rule.reached()
            await getattr(client, end)()
        if end == "log_out":
            await client.vanish()

    async with crowd(grid, len(ends)) as clients:
        await asyncio.gather(*(end_in(client, *end) for client, end in zip(clients, ends)))
        await grid.settles()
        # Nothing of it is in the way of the next session.
        for client in clients:
            async with grid.viewer(client.account, at=A_ONE) as again:
                await again.assert_alive()
    await grid.settles()
