"""Agents move between processes: every kind of way, in every version of the protocol, ten times in a row."""

import asyncio

import pytest

from harness.client import EAST, NORTH, SOUTH, WEST, Refused, StockClient
from harness.grid import Grid
from harness.viewer import ViewerClient
from harness.world import Region

# What simulators A and B speak, and what they agree on.
SPOKEN = {
    "0.1": ("0.1..0.1", "0.1..0.1", "0.1"),
    "0.2": ("0.2..0.2", "0.2..0.2", "0.2"),
    "0.8": ("0.8..0.8", "0.8..0.8", "0.8"),
    "mixed": ("0.1..0.2", "0.1..0.8", "0.2"),
}
TIMES = 10
# For the way whose time matters most, in the newest version.
TIMES_MEASURED = 20
# The user looks around before he goes on.
DWELL_S = 0.3

GOAL_STOCK_S = 0.150
GOAL_VIEWER_S = 0.020
GOAL_CROSSING_S = 0.010

#     B One
#     A One    A Two          A Far          B Far          a square of nine, A and B taking turns
A_ONE = Region("A One", 1000, 1000)
A_TWO = Region("A Two", 1001, 1000)
A_FAR = Region("A Far", 1100, 1100)
B_ONE = Region("B One", 1000, 1001)
B_FAR = Region("B Far", 1200, 1200)
SQUARE = [[Region(f"Square {x}{y}", 2000 + x, 2000 + y) for x in range(3)] for y in range(3)]
FLAT = [region for row in SQUARE for region in row]

WAYS = {
    "within a region": A_ONE,
    "same simulator, out of sight": A_FAR,
    "same simulator, in sight": A_TWO,
    "different simulators, out of sight": B_FAR,
    "different simulators, in sight": B_ONE,
}


def two_simulators(folder, spoken_by_a, spoken_by_b):
    return Grid(folder, {
        "a": ([A_ONE, A_TWO, A_FAR, *FLAT[0::2]], ["--simulation-protocol", spoken_by_a]),
        "b": ([B_ONE, B_FAR, *FLAT[1::2]], ["--simulation-protocol", spoken_by_b]),
    })


@pytest.fixture(scope="module", params=SPOKEN)
def spoken(request):
    return request.param


@pytest.fixture(scope="module")
def grid(tmp_path_factory, spoken):
    spoken_by_a, spoken_by_b, _ = SPOKEN[spoken]
    with two_simulators(tmp_path_factory.mktemp("transfer"), spoken_by_a, spoken_by_b) as running:
        yield running


def versions_of(grid, agent_id):
    """In which versions this agent has been moved."""
    return {transfer["version"] for transfer in grid.transfers() if transfer["agent"] == str(agent_id)}


@pytest.mark.parametrize("way", WAYS)
async def test_there_and_back_ten_times(grid, spoken, way):
    there, agreed = WAYS[way], SPOKEN[spoken][2]
    async with grid.viewer(at=A_ONE) as client:
        await client.see()
        for _ in range(TIMES):
            for place in (there, A_ONE):
                await client.teleport(place)
                assert client.place is place
        await client.assert_alive()
        if there is not A_ONE:
            assert versions_of(grid, client.agent_id) == {agreed}


async def test_how_long_a_hop_takes(grid, spoken, timing):
    agreed = SPOKEN[spoken][2]
    async with grid.viewer(at=A_ONE) as viewer, grid.stock(at=A_ONE) as stock:
        for client, goal in ((viewer, GOAL_VIEWER_S), (stock, GOAL_STOCK_S)):
            await client.see()
            for _ in range(TIMES_MEASURED if spoken == "0.8" else 3):
                for place in (B_FAR, A_ONE):
                    # What it still does about its last arrival is no part of the way.
                    await asyncio.sleep(DWELL_S)
                    await client.catch_up()
                    timing(f"{agreed} out of sight, to the other simulator, {type(client).__name__}",
                           await client.teleport(place), goal)


async def test_stock_clients_go_there_and_back_ten_times_as_well(grid, spoken):
    """Also under 0.1: there a client that opens no circuit when it is asked to is sent off after a while all the same.
    """
    agreed = SPOKEN[spoken][2]

    async def go(there):
        async with grid.stock(at=A_ONE) as client:
            await client.see()
            for _ in range(TIMES):
                for place in (there, A_ONE):
                    await client.catch_up()
                    await client.teleport(place)
                    assert client.place is place
            await client.assert_alive()
            if there is not A_ONE:
                assert versions_of(grid, client.agent_id) == {agreed}

    await asyncio.gather(*map(go, WAYS.values()))


async def test_over_the_border_between_simulators_ten_times(grid, spoken, kind, timing):
    async with grid.enter(kind, at=A_ONE, position=(128, 252, 25)) as client:
        await client.see()
        await client.inbox.expect("EstablishAgentCommunication", where=is_about(client, B_ONE))
        for _ in range(TIMES):
            for facing, place in ((NORTH, B_ONE), (SOUTH, A_ONE)):
                took = await walk_over(client, facing, place)
                timing(f"{SPOKEN[spoken][2]} CrossedRegion to AgentMovementComplete, {kind.__name__}", took,
                       GOAL_CROSSING_S)
        await client.assert_alive()
        assert versions_of(grid, client.agent_id) == {SPOKEN[spoken][2]}


async def test_a_walk_through_a_square_of_nine_regions(grid):
    """East through the first row, west through the second, east through the third; each step is to the other
    simulator. Within a region it teleports to where the walk goes on."""
    rows = [SQUARE[0], SQUARE[1][::-1], SQUARE[2]]
    route = [region for row in rows for region in row]
    ends = {"east": (254, 128, 25), "west": (2, 128, 25), "north": (128, 254, 25)}
    async with grid.viewer(at=route[0]) as client:
        await client.see()
        for here, there in zip(route, route[1:]):
            facing, side = {(1, 0): (EAST, "east"), (-1, 0): (WEST, "west"), (0, 1): (NORTH, "north")}[
                there.x - here.x, there.y - here.y]
            await client.teleport(here, ends[side])
            await client.inbox.until(lambda: client.known(there) and client.known(there).caps.get("EventQueueGet"),
                                     what=f"{there.name}, seen from {here.name}")
            await walk_over(client, facing, there)
        await client.assert_alive()
        assert client.place is route[-1]


def is_about(client, region):
    return lambda m: m["EventData"]["sim-ip-and-port"] == "{}:{}".format(*client.address_of(region))


async def walk_over(client, facing, place):
    """Over the border in front of it; gives the seconds from CrossedRegion to AgentMovementComplete."""
    mark = client.inbox.mark()
    async with client.moving(facing):
        crossed = await client.inbox.expect("CrossedRegion", since=mark, patience=15)
        arrived = await client.inbox.expect("AgentMovementComplete", since=mark,
                                            where=lambda m: m.sender == client.address_of(place))
        await client.inbox.until(lambda: client.region and client.place is place, what="the move of the client")
        await client.see(region=place, what=f"own avatar in {place.name}")
    return client.inbox.when(arrived) - client.inbox.when(crossed)


async def test_who_has_no_version_in_common_is_refused_with_words(tmp_path):
    with two_simulators(tmp_path, "0.1..0.1", "0.2..0.2") as grid:
        async with grid.enter(ViewerClient, at=A_ONE) as viewer, grid.enter(StockClient, at=A_ONE) as stock:
            for client in (viewer, stock):
                await client.see()
                for there in (B_FAR, B_ONE):
                    with pytest.raises(Refused) as refused:
                        await client.teleport(there)
                    assert "0.1" in str(refused.value) and "0.2" in str(refused.value), str(refused.value)
                await client.assert_alive()
                await client.teleport(A_FAR)
                await client.assert_alive()
        await grid.settles()
