"""Regions that restart, and simulators that end, as planned: warned, moved elsewhere, back again."""

import asyncio
import signal

import pytest
from hippolyzer.lib.base import llsd

from harness.grid import Grid
from harness.sessions import ended, is_quiet, presences, until
from harness.world import EAST, FAR, ONE, Region

LURE = 22
DRAIN_S = 2

A_ONE = Region("A One", 1000, 1000)
B_ONE = Region("B One", 1001, 1000)
B_FAR = Region("B Far", 1200, 1200)
C_ONE = Region("C One", 1300, 1300)


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    made = {"a": ([A_ONE], ()), "b": ([B_ONE, B_FAR], ["--drain", DRAIN_S])}
    with Grid(tmp_path_factory.mktemp("restart"), made) as running:
        yield running


def countdown(alert):
    """What a warning says, in the form that viewers read: its key, and the parameters."""
    for info in alert.blocks.get("AlertInfo", []):
        return str(info["Message"]), llsd.parse_xml(bytes(info["ExtraParams"]).rstrip(b"\0"))


async def arrives(client, anywhere_but, since):
    """It is taken somewhere else, without having asked for it."""
    await client.inbox.expect("TeleportStart", since=since)
    await client.inbox.until(lambda: client.place and client.place not in anywhere_but, since=since,
                             what="another region")
    await client.see()
    await client.assert_alive()


async def restarted(process, region):
    await until(lambda: "closed as planned" in process.said(), 10, f"{region.name} has not restarted")


async def test_a_region_restarts_and_everybody_is_elsewhere_meanwhile(world, kind, timing):
    async with world.enter(kind, at=FAR) as guest, world.viewer(at=ONE) as other:
        await guest.see()
        session, mark, others = guest.session.id, guest.inbox.mark(), other.inbox.mark()
        world.command("restart-region", "--region", FAR.name, "--in", "2s", "--message", "New paint.")
        warned = await guest.inbox.expect("AlertMessage", since=mark, where=countdown)
        assert countdown(warned) == ("RegionRestartSeconds", {"NAME": FAR.name, "SECONDS": 2})
        await guest.inbox.expect("AlertMessage", since=mark,
                                 where=lambda m: "New paint." in str(m["AlertData"]["Message"]))
        offer = await guest.inbox.expect("ImprovedInstantMessage", since=mark,
                                         where=lambda m: m["MessageBlock"]["Dialog"] == LURE)
        assert FAR.name in str(offer["MessageBlock"]["Message"])
        await arrives(guest, [FAR], mark)
        await restarted(world.server, FAR)
        # It is the same session, and the region takes it back; those next door have noticed nothing.
        timing("teleport into a region that has just restarted", await guest.teleport(FAR))
        await guest.assert_alive()
        assert guest.session.id == session and not ended(world, session)
        await other.assert_alive()
        assert not other.inbox.since(others, "AlertMessage", "TeleportStart", "KickUser")


async def test_neighbours_see_into_it_again(world):
    async with world.viewer(at=ONE) as client:
        await client.inbox.expect("RegionHandshake", where=lambda m: m.sender == client.address_of(EAST))
        mark = client.inbox.mark()
        world.command("restart-region", "--region", EAST.name, "--in", "0")
        await client.inbox.expect("RegionHandshake", since=mark,
                                  where=lambda m: m.sender == client.address_of(EAST))
        await client.teleport(EAST)
        await client.assert_alive()


async def test_it_stays_open_when_that_is_taken_back(world):
    async with world.viewer(at=FAR) as client:
        await client.see()
        mark = client.inbox.mark()
        world.command("restart-region", "--region", FAR.name, "--in", "1h")
        warned = await client.inbox.expect("AlertMessage", since=mark, where=countdown)
        assert countdown(warned) == ("RegionRestartMinutes", {"NAME": FAR.name, "MINUTES": 60})
        world.command("restart-region", "--region", FAR.name, "--cancel")
        await client.inbox.expect("AlertMessage", since=mark,
                                  where=lambda m: "cancelled" in str(m["AlertData"]["Message"]))
        await client.assert_alive()
        assert client.place is FAR


async def test_a_simulator_drains_into_another(grid, kind, timing):
    """SIGTERM: the process ends, and nobody's session does."""
    grid.start()
    process = grid.simulator_of(B_ONE)
    async with grid.enter(kind, at=B_ONE) as near, grid.enter(kind, at=B_FAR) as far:
        for client in (near, far):
            await client.see()
        sessions = {str(client.session.id) for client in (near, far)}
        marks = near.inbox.mark(), far.inbox.mark()
        process.process.send_signal(signal.SIGTERM)
        for client, mark in zip((near, far), marks):
            warned = await client.inbox.expect("AlertMessage", since=mark, where=countdown)
            assert countdown(warned)[0] == "RegionRestartSeconds"
        for client, mark in zip((near, far), marks):
            await arrives(client, [B_ONE, B_FAR], mark)
            assert client.place is A_ONE
        await asyncio.to_thread(process.see_off)
        assert set(presences(grid, near.agent_id, far.agent_id)) == sessions
        for client in (near, far):
            await client.assert_alive()
        grid.start()
        await near.teleport(B_FAR)
        await near.assert_alive()
    await is_quiet(grid)


async def test_a_second_signal_ends_the_draining(grid):
    grid.start()
    process = grid.simulator_of(B_ONE)
    async with grid.viewer(at=A_ONE) as client, grid.viewer(at=B_ONE) as guest:
        mark = guest.inbox.mark()
        process.process.send_signal(signal.SIGTERM)
        await until(lambda: "has to be elsewhere" in process.said(), 5, "it does not drain")
        await asyncio.to_thread(process.stop)
        await guest.inbox.expect("KickUser", since=mark)
        await guest.vanish()
        await client.assert_alive()
    grid.start()


async def test_draining_ends_as_soon_as_nobody_is_left(tmp_path):
    """It would have an hour."""
    with Grid(tmp_path, {"c": ([C_ONE], ["--drain", 3600])}) as alone:
        process = alone.simulator_of(C_ONE)
        await asyncio.to_thread(process.stop)
        alone.start()
        async with alone.viewer(at=C_ONE):
            process.process.send_signal(signal.SIGTERM)
            await until(lambda: "has to be elsewhere" in process.said(), 5, "it does not drain")
        await asyncio.to_thread(process.see_off)
