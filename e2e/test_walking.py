"""Moving on foot and in the air, and over the border into the next region."""

import asyncio

import pytest
from hippolyzer.lib.base.templates import AgentControlFlags as Control

from harness.client import EAST as EASTWARD
from harness.client import NORTH as NORTHWARD
from harness.client import SOUTH as SOUTHWARD
from harness.client import WEST as WESTWARD
from harness.world import EAST, NORTH, ONE

# Where two regions meet, so close that a few steps lead across.
AT_THE_BORDER = (251, 128, 25)


@pytest.mark.parametrize("facing, step", [
    (EASTWARD, (1, 0)), (NORTHWARD, (0, 1)), (WESTWARD, (-1, 0)), (SOUTHWARD, (0, -1)),
], ids=["east", "north", "west", "south"])
async def test_it_walks_the_way_it_faces(world, facing, step):
    async with world.stock() as client:
        start = (await client.see()).position
        terse = client.body().terse_updates
        async with client.moving(facing):
            def ahead(body):
                return (body.position[0] - start[0]) * step[0] + (body.position[1] - start[1]) * step[1]
            walked = await client.see(where=lambda body: ahead(body) > 3, what="three metres")
        assert walked.terse_updates > terse
        aside = abs((walked.position[0] - start[0]) * step[1]) + abs((walked.position[1] - start[1]) * step[0])
        assert aside < 0.2


async def test_it_stops_when_it_is_told_to(world, kind):
    async with world.enter(kind) as client:
        start = (await client.see()).position
        async with client.moving():
            await client.see(where=lambda body: body.position[0] > start[0] + 2, what="two metres")
        # Standing still means that what is said last stays true; ten updates of everyone's place are time enough.
        mark = client.inbox.mark()
        await client.inbox.until(lambda: len(client.inbox.since(mark, "SimStats")) >= 2, what="statistics")
        stopped = client.body().position
        mark = client.inbox.mark()
        await client.inbox.until(lambda: len(client.inbox.since(mark, "SimStats")) >= 1, what="statistics")
        assert client.body().position == stopped


async def test_it_flies_up_and_falls_when_it_stops(world, kind):
    async with world.enter(kind) as client:
        ground = (await client.see()).position[2]
        async with client.moving(flags=Control.FLY | Control.UP_POS):
            await client.see(where=lambda body: body.position[2] > ground + 5, what="five metres up")
        async with client.moving(flags=Control(0)):
            await client.see(where=lambda body: abs(body.position[2] - ground) < 0.5, what="the ground")


async def test_it_never_sinks_into_the_ground(world):
    async with world.stock(position=(128, 128, 0)) as client:
        me = await client.see()
        async with client.moving(NORTHWARD):
            walked = await client.see(where=lambda body: body.position[1] > me.position[1] + 5, what="five metres")
        assert walked.position[2] > 0


async def test_it_crosses_the_border_and_keeps_walking(world, kind, timing):
    async with world.enter(kind, at=ONE, position=AT_THE_BORDER) as client:
        await client.see()
        await client.inbox.until(lambda: client.known(EAST), what="the neighbour")
        await client.inbox.expect("EstablishAgentCommunication")
        mark = client.inbox.mark()
        async with client.moving(EASTWARD):
            crossed = await client.inbox.expect("CrossedRegion", since=mark, patience=15)
            assert crossed["RegionData"]["RegionHandle"] == EAST.handle
            arrived = await client.inbox.expect(
                "AgentMovementComplete", since=mark, where=lambda m: m.sender == client.address_of(EAST))
            assert arrived["Data"]["RegionHandle"] == EAST.handle
            assert arrived["Data"]["Position"].X < 10
            await client.inbox.until(lambda: client.region is client.known(EAST), what="the move of the client")
            here = await client.see(region=EAST, what="own avatar in the neighbour")
            await client.see(region=EAST, where=lambda body: body.position[0] > here.position[0] + 3,
                             what="further steps in the neighbour")
            assert abs(client.body(region=EAST).position[1] - 128) < 1
        times = {m.name: t for t, m in client.inbox.messages[mark:] if m.name in ("CrossedRegion",)}
        done = next(t for t, m in client.inbox.messages[mark:] if m is arrived)
        timing(f"crossing, {kind.__name__}, to AgentMovementComplete", done - times["CrossedRegion"])
        await client.assert_alive()


async def test_it_crosses_back_again(world, kind):
    async with world.enter(kind, at=ONE, position=AT_THE_BORDER) as client:
        await client.see()
        await client.inbox.expect("EstablishAgentCommunication")
        for facing, there in ((EASTWARD, EAST), (WESTWARD, ONE), (EASTWARD, EAST)):
            mark = client.inbox.mark()
            async with client.moving(facing):
                await client.inbox.expect("AgentMovementComplete", since=mark, patience=15,
                                          where=lambda m: m.sender == client.address_of(there))
                await client.see(region=there, where=lambda body: 3 < body.position[0] < 253, what=there.name)
        await client.assert_alive()


async def test_who_stays_behind_sees_it_go_and_who_is_there_sees_it_come(world):
    async with world.viewer(at=ONE, position=(240, 120, 25)) as behind, \
            world.viewer(at=EAST, position=(20, 120, 25)) as ahead, \
            world.viewer(at=ONE, position=AT_THE_BORDER) as walker:
        await behind.see(walker.agent_id)
        await walker.inbox.until(lambda: walker.counts()["RegionHandshake"] >= 3, what="both neighbours")
        async with walker.moving(EASTWARD):
            await ahead.see(walker.agent_id, what="the walker, from ahead", patience=15)
            await behind.miss(walker.agent_id, region=ONE)
        # From then on it is seen over the border, by the child agent in the neighbour.
        await behind.see(walker.agent_id, region=EAST, what="the walker, over the border")


async def test_the_edge_of_the_world_holds(world):
    async with world.stock(at=ONE, position=(4, 128, 25)) as client:
        await client.see()
        async with client.moving(WESTWARD):
            await client.see(where=lambda body: body.position[0] < 2, what="the edge")
            mark = client.inbox.mark()
            await client.inbox.until(lambda: len(client.inbox.since(mark, "SimStats")) >= 2, what="statistics")
        assert client.place is ONE
        assert client.body().position[0] >= 0
        await client.assert_alive()


async def test_a_line_of_walkers_crosses_at_once(world):
    async def walk(row):
        async with world.viewer(at=ONE, position=(100 + 6 * row, 251, 25)) as client:
            await client.see()
            await client.inbox.until(lambda: client.counts()["RegionHandshake"] >= 3, what="both neighbours")
            async with client.moving(NORTHWARD):
                await client.see(region=NORTH, where=lambda body: 2 < body.position[1] < 200, what=NORTH.name,
                                 patience=20)
            await client.assert_alive()

    await asyncio.gather(*(walk(row) for row in range(6)))
