"""Teleports that succeed: within the region, to the neighbour, out of sight, home; and finding the way by name."""

import math

import pytest
from hippolyzer.lib.base.message.message import Block

from harness.client import StockClient
from harness.world import EAST, FAR, NEIGHBOURS_OF_ONE, NORTH, ONE


async def test_within_the_region_it_is_moved_without_ado(world, kind):
    async with world.enter(kind, at=ONE) as client:
        await client.see()
        mark = client.inbox.mark()
        await client.teleport(ONE, (200, 60, 25))
        moved = await client.inbox.expect("TeleportLocal", since=mark)
        assert moved["Info"]["AgentID"] == client.agent_id
        assert math.dist(tuple(moved["Info"]["Position"])[:2], (200, 60)) < 1
        await client.see(where=lambda body: math.dist(body.position[:2], (200, 60)) < 1, what="the new place")
        # No progress screen, no new circuit.
        assert not client.inbox.since(mark, "TeleportStart", "TeleportFinish", "AgentMovementComplete")
        await client.assert_alive()


@pytest.mark.parametrize("there", [EAST, FAR], ids=["in sight", "out of sight"])
async def test_to_another_region(world, kind, there):
    async with world.enter(kind, at=ONE) as client:
        await client.see()
        mark = client.inbox.mark()
        await client.teleport(there, (70, 80, 25))
        assert client.place is there
        names = client.inbox.names(mark)
        # One by UDP, one by the event queue: which is read first is the client's affair.
        assert {"TeleportStart", "TeleportFinish"} <= set(names)
        if kind is not StockClient:
            assert names.index("TeleportFinish") < names.index("AgentMovementComplete")
        finish = (await client.inbox.expect("TeleportFinish", since=mark))["Info"]
        assert finish["AgentID"] == client.agent_id
        assert finish["RegionHandle"] == there.handle
        assert (str(finish["SimIP"]), finish["SimPort"]) == ("127.0.0.1", there.port)
        assert finish["LocationID"] and finish["TeleportFlags"]
        arrived = (await client.inbox.expect("AgentMovementComplete", since=mark))["Data"]
        assert arrived["RegionHandle"] == there.handle
        assert math.dist(tuple(arrived["Position"])[:2], (70, 80)) < 1
        await client.see(region=there)
        await client.assert_alive()


async def test_progress_is_told_in_words_that_viewers_know(world):
    known = {"sending_dest", "redirecting", "relaying", "sending_home", "sending_landmark", "completing",
             "completed_from", "resolving", "contacting", "arriving", "requesting", "pending"}
    async with world.viewer(at=ONE) as client:
        mark = client.inbox.mark()
        await client.teleport(FAR)
        told = {str(m["Info"]["Message"]) for m in client.inbox.since(mark, "TeleportProgress")}
        assert told and told <= known


async def test_far_and_back_ten_times_in_a_row(world, kind, timing):
    async with world.enter(kind, at=ONE) as client:
        await client.see()
        for _ in range(10):
            for there in (FAR, ONE):
                timing(f"far teleport, {kind.__name__}", await client.teleport(there))
                assert client.place is there
        await client.assert_alive()


async def test_to_the_neighbour_and_back_ten_times_in_a_row(world, kind, timing):
    async with world.enter(kind, at=ONE) as client:
        await client.see()
        for _ in range(10):
            for there in (EAST, ONE):
                timing(f"neighbour teleport, {kind.__name__}", await client.teleport(there))
                assert client.place is there
        await client.assert_alive()


@pytest.mark.parametrize("round_trip", [
    (EAST, FAR, ONE), (FAR, EAST, ONE), (EAST, NORTH, ONE), (FAR, ONE, FAR), (FAR, NORTH, EAST),
], ids=lambda way: " ".join(region.name.split()[-1] for region in way))
async def test_any_way_around_leaves_it_alive(world, kind, round_trip):
    """Coming back before the source has let go must not close what the agent came back to."""
    async with world.enter(kind, at=ONE) as client:
        await client.see()
        for there in round_trip + round_trip:
            await client.teleport(there)
            assert client.place is there
        await client.assert_alive()


async def test_the_neighbours_of_the_destination_are_announced(world):
    async with world.viewer(at=FAR) as client:
        assert not client.known(EAST)
        await client.teleport(ONE)
        for neighbour in NEIGHBOURS_OF_ONE:
            await client.inbox.expect("RegionHandshake", where=lambda m: m.sender == client.address_of(neighbour))


async def test_the_source_out_of_sight_lets_go_in_the_end(world):
    """The old circuit and those of the source's neighbours are closed, but not before viewers can bear it: since
    SIMULATION/0.7 that is when they have arrived and have had the new region's handshake."""
    async with world.viewer(at=ONE) as client:
        await client.inbox.until(lambda: client.counts()["RegionHandshake"] >= 3, what="both neighbours")
        mark = client.inbox.mark()
        await client.teleport(FAR)

        def closed():
            return {m.sender[1] for m in client.inbox.since(mark, "DisableSimulator", "CloseCircuit")}
        await client.inbox.until(
            lambda: closed() >= {region.port for region in (ONE, *NEIGHBOURS_OF_ONE)}, 40, "DisableSimulator")
        def first(name, region):
            found = client.inbox.since(mark, name, where=lambda m: m.sender == client.address_of(region))
            return client.inbox.when(found[0])
        farewell = first("DisableSimulator", ONE)
        assert farewell > first("AgentMovementComplete", FAR)
        assert farewell > first("RegionHandshake", FAR)
        assert FAR.port not in closed()
        await client.assert_alive()


async def test_a_wild_position_is_brought_to_where_one_can_stand(world):
    async with world.stock(at=ONE) as client:
        for position in ((-50, 300, -10), (1e9, 1e9, 1e9), (float("nan"),) * 3, (128, 128, float("inf"))):
            await client.teleport(FAR, position)
            at = (await client.see(region=FAR)).position
            assert all(math.isfinite(value) for value in at)
            assert 0 <= at[0] <= 256 and 0 <= at[1] <= 256
            await client.teleport(ONE)
        await client.assert_alive()


async def test_home_is_where_it_was_set(world, kind):
    async with world.enter(kind, at=EAST, position=(40, 50, 25)) as client:
        await client.see()
        status, answer = await client.post("HomeLocation", {"HomeLocation": {
            "LocationId": 1, "LocationPos": {"X": 40.0, "Y": 50.0, "Z": 25.0},
            "LocationLookAt": {"X": 1.0, "Y": 0.0, "Z": 0.0}}})
        assert status == 200
        assert str(answer["success"]).lower() == "true"
        await client.teleport(FAR)
        mark = client.inbox.mark()
        client.request_home()
        arrived = (await client.inbox.expect("AgentMovementComplete", since=mark, patience=15))["Data"]
        assert arrived["RegionHandle"] == EAST.handle
        assert math.dist(tuple(arrived["Position"])[:2], (40, 50)) < 2
        await client.inbox.until(lambda: client.place is EAST, what="the move of the client")
        await client.assert_alive()


async def test_home_is_also_a_place_to_log_in_at(world):
    account = world.newcomer()
    async with world.stock(account, at=NORTH, position=(90, 95, 25)) as client:
        await client.see()
        await client.post("HomeLocation", {"HomeLocation": {
            "LocationId": 1, "LocationPos": {"X": 90.0, "Y": 95.0, "Z": 25.0},
            "LocationLookAt": {"X": 1.0, "Y": 0.0, "Z": 0.0}}})
    async with world.stock(account, start="home") as client:
        assert client.place is NORTH
        me = await client.see()
        assert math.dist(me.position[:2], (90, 95)) < 2


async def test_the_map_finds_regions_by_any_part_of_the_name(world, kind):
    async with world.enter(kind) as client:
        found = {(name, x, y) for name, x, y, _ in await client.find_on_map("test")}
        assert found >= {(region.name, region.x, region.y) for region in (ONE, EAST, NORTH)}
        exact = await client.find_on_map("far away")
        assert (FAR.name, FAR.x, FAR.y) in {(name, x, y) for name, x, y, _ in exact}
        assert exact[0][3] in (13, 21, 42)


async def test_the_map_says_when_nothing_is_found(world):
    async with world.stock() as client:
        assert await client.find_on_map("atlantis") == [("atlantis", 0, 0, 255)]


async def test_the_map_shows_what_lies_in_a_rectangle(world):
    async with world.stock() as client:
        mark = client.inbox.mark()
        client.send("MapBlockRequest", client.ids(Flags=2, EstateID=0, Godlike=False),
                    Block("PositionData", MinX=999, MaxX=1002, MinY=999, MaxY=1002))

        def shown():
            blocks = [b for m in client.inbox.since(mark, "MapBlockReply") for b in m["Data"]]
            return {(str(b["Name"]), b["X"], b["Y"]) for b in blocks}
        await client.inbox.until(lambda: len(shown()) >= 3, what="the blocks")
        assert shown() == {(region.name, region.x, region.y) for region in (ONE, EAST, NORTH)}


async def test_a_place_found_on_the_map_can_be_gone_to(world, kind):
    async with world.enter(kind) as client:
        name, x, y, _ = (await client.find_on_map("far"))[0]
        await client.teleport((x * 256 << 32) | y * 256)
        assert client.place is FAR and client.place.name == name
