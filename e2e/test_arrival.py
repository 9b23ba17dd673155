"""What a client is told once it has come: the ground, itself, the parcel, the neighbours."""

import math

from harness import terrain
from harness.client import StockClient
from harness.world import EAST, FAR, NEIGHBOURS_OF_ONE, NORTH, ONE

from hippolyzer.lib.base.datatypes import Vector2


async def test_a_client_arrives_where_it_asked_to(world, kind, timing):
    async with world.enter(kind, at=ONE, position=(100, 90, 25)) as client:
        handshake = await client.inbox.expect("RegionHandshake")
        assert str(handshake["RegionInfo"]["SimName"]) == ONE.name
        arrived = await client.inbox.expect("AgentMovementComplete")
        assert arrived["AgentData"]["AgentID"] == client.agent_id
        assert arrived["Data"]["RegionHandle"] == ONE.handle
        position = tuple(arrived["Data"]["Position"])
        assert math.dist(position[:2], (100, 90)) < 1
        if kind is not StockClient:
            timing("login, viewer's order, to AgentMovementComplete", client.login_s)


async def test_it_sees_its_own_avatar(world, kind):
    async with world.enter(kind, at=ONE, position=(60, 70, 25)) as client:
        me = await client.see()
        assert me.name == client.account.name
        assert math.dist(me.position[:2], (60, 70)) < 1
        # On the ground, not in it and not in the sky.
        assert 0 < me.position[2] < 60


async def test_it_gets_every_patch_of_ground_once_at_least(world, kind):
    async with world.enter(kind) as client:
        wanted = {(x, y) for x in range(16) for y in range(16)}

        def ground():
            land = client.inbox.since(0, "LayerData", where=lambda m: m.sender == client.address_of(ONE))
            return {patch for m in land for patch in terrain.patches(m["LayerData"]["Data"])}

        await client.inbox.until(lambda: ground() >= wanted, what="the ground")
        assert ground() == wanted


async def test_it_is_told_of_the_parcel_by_event_queue(world, kind):
    async with world.enter(kind) as client:
        told = await client.inbox.expect("ParcelProperties")
        parcel = told["ParcelData"]
        assert parcel["Name"]
        assert parcel["Area"] == 256 * 256
        # One bit for every square of 4 m, all of them set.
        assert bytes(parcel["Bitmap"]) == b"\xff" * 512


async def test_hippolyzer_downloads_all_parcels_by_itself(world):
    async with world.stock() as client:
        parcels = client.region.parcel_manager
        await client.inbox.until(parcels.parcels_downloaded.is_set, what="the parcels")
        assert len(parcels.parcels) == 1
        here = await parcels.get_parcel_at(Vector2(10, 10))
        assert here is parcels.parcels[0]


async def test_it_is_told_where_everyone_is(world, kind):
    async with world.enter(kind, position=(33, 44, 25)) as client:
        def is_here(m):
            places = [(block["X"], block["Y"]) for block in m["Location"]]
            agents = [block["AgentID"] for block in m["AgentData"]]
            # Viewers crash when the two lists differ in length.
            assert len(places) == len(agents)
            you = m["Index"]["You"]
            return client.agent_id in agents and places[agents.index(client.agent_id)] == (33, 44) \
                and agents[you] == client.agent_id
        await client.inbox.expect("CoarseLocationUpdate", where=is_here)


async def test_it_is_told_of_health_statistics_and_looks(world, kind):
    async with world.enter(kind) as client:
        statistics = await client.inbox.expect("SimStats")
        assert {stat["StatID"] for stat in statistics["Stat"]} >= {0, 1, 13}
        looks = await client.inbox.expect(
            "AvatarAppearance", where=lambda m: m["Sender"]["ID"] == client.agent_id)
        assert len(looks["VisualParam"]) > 1
        assert len(looks["ObjectData"]["TextureEntry"]) > 0
        animation = await client.inbox.expect("AvatarAnimation", where=lambda m: m["Sender"]["ID"] == client.agent_id)
        assert len(animation["AnimationList"]) > 0


async def test_the_neighbours_are_announced(world, kind):
    async with world.enter(kind, at=ONE) as client:
        for neighbour in NEIGHBOURS_OF_ONE:
            address = f"127.0.0.1:{neighbour.port}"
            enabled = await client.inbox.expect(
                "EnableSimulator", where=lambda m: m["SimulatorInfo"]["Handle"] == neighbour.handle)
            assert (str(enabled["SimulatorInfo"]["IP"]), enabled["SimulatorInfo"]["Port"]) == (
                "127.0.0.1", neighbour.port)
            established = await client.inbox.expect(
                "EstablishAgentCommunication", where=lambda m: m["EventData"]["sim-ip-and-port"] == address)
            assert str(established["EventData"]["agent-id"]) == str(client.agent_id)
        names = client.inbox.names()
        assert names.index("EnableSimulator") < names.index("EstablishAgentCommunication")
        assert not client.known(FAR)


async def test_a_stock_client_can_open_circuits_to_the_neighbours(world):
    async with world.stock(at=ONE) as client:
        for neighbour in NEIGHBOURS_OF_ONE:
            region = await client.inbox.until(lambda: client.known(neighbour), what=neighbour.name)
            region.handle = neighbour.handle  # it leaves EnableSimulator, which names the handle, unread
            await region.connect(main_region=False)
            assert region.name == neighbour.name
            assert "EventQueueGet" in region.caps
        assert client.place is ONE
        await client.assert_alive()


async def test_a_child_agent_sees_who_is_in_the_neighbour(world):
    async with world.viewer(at=EAST, position=(10, 128, 25)) as neighbour:
        async with world.viewer(at=ONE) as client:
            for region in NEIGHBOURS_OF_ONE:
                await client.inbox.expect("RegionHandshake", where=lambda m: m.sender == client.address_of(region))
            await client.see(neighbour.agent_id, region=EAST, what="avatar in the neighbour")
            # It looks in, it is not there.
            assert not client.inbox.since(
                0, "AgentMovementComplete", where=lambda m: m.sender != client.address_of(ONE))
            assert not neighbour.body(client.agent_id)


async def test_a_client_that_never_asks_for_children_lives_well(world):
    async with world.stock(at=NORTH) as client:
        await client.assert_alive()


async def test_a_client_that_opens_its_circuit_anew_is_greeted_anew(world):
    """As hippolyzer does when it comes back to a region it still has a circuit to: its numbering starts again at 0."""
    async with world.stock() as client:
        mark = client.inbox.mark()
        await client.region.connect(main_region=True)
        await client.inbox.expect("RegionHandshake", since=mark)
        await client.inbox.expect("AgentMovementComplete", since=mark)
        await client.assert_alive()
