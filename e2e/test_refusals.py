"""Teleports that fail: the reason is told by event queue, and the agent lives on where it is."""

import asyncio

import pytest
from hippolyzer.lib.base.datatypes import UUID
from hippolyzer.lib.base.message.message import Block

from harness.client import Refused
from harness.world import BEYOND, CLOSED, EAST, FAR, FULL, ONE


async def lives_on(client, where=ONE):
    """It is where it was, acts, and the next teleport works."""
    assert client.place is where
    await client.assert_alive()
    await client.teleport(FAR if where is not FAR else ONE)
    await client.assert_alive()


@pytest.mark.parametrize("nowhere", [
    (1777 * 256 << 32) | 1777 * 256,  # no region there
    0,
    2 ** 64 - 1,
    (1000 * 256 + 3 << 32) | 900 * 256 + 5,  # not even a corner
], ids=["nothing there", "zero", "all ones", "not a corner"])
async def test_where_there_is_no_region(world, kind, nowhere):
    async with world.enter(kind, at=ONE) as client:
        await client.see()
        mark = client.inbox.mark()
        with pytest.raises(Refused) as refused:
            await client.teleport(nowhere)
        assert str(refused.value)
        assert not client.inbox.since(mark, "TeleportFinish", "TeleportLocal")
        await lives_on(client)


async def test_a_region_too_far_away(world, kind):
    async with world.enter(kind, at=ONE) as client:
        await client.see()
        with pytest.raises(Refused):
            await client.teleport(BEYOND)
        await lives_on(client)


async def test_a_region_that_is_full(world, kind):
    async with world.stock(at=FULL) as first:
        await first.see()
        async with world.enter(kind, at=ONE) as second:
            await second.see()
            with pytest.raises(Refused) as refused:
                await second.teleport(FULL)
            assert str(refused.value)
            assert not first.body(second.agent_id)
            await lives_on(second)
        await first.assert_alive()


async def test_a_region_has_room_again_once_someone_has_left(world):
    async with world.viewer(at=FULL) as first, world.stock(at=ONE) as second:
        with pytest.raises(Refused):
            await second.teleport(FULL)
        await first.teleport(FAR)
        await second.teleport(FULL)
        await second.assert_alive()


async def test_a_region_for_members_only(world, kind):
    async with world.enter(kind, at=ONE) as client:
        await client.see()
        with pytest.raises(Refused) as refused:
            await client.teleport(CLOSED)
        assert str(refused.value)
        await lives_on(client)


async def test_a_second_request_while_the_first_is_on_its_way(world):
    async with world.viewer(at=ONE) as client:
        await client.see()
        mark = client.inbox.mark()
        client.request_teleport(FAR)
        client.request_teleport(EAST)
        assert await client.refusal(mark)
        # The first is carried out all the same.
        arrived = await client.inbox.expect("AgentMovementComplete", since=mark, patience=15)
        assert arrived["Data"]["RegionHandle"] == FAR.handle
        await lives_on(client, where=FAR)


async def test_the_same_request_twice_is_one(world):
    async with world.viewer(at=ONE) as client:
        await client.see()
        mark = client.inbox.mark()
        client.request_teleport(FAR)
        client.request_teleport(FAR)
        await client.inbox.expect("AgentMovementComplete", since=mark, patience=15)
        await lives_on(client, where=FAR)


async def test_an_unknown_landmark(world, kind):
    async with world.enter(kind, at=ONE) as client:
        await client.see()
        mark = client.inbox.mark()
        client.request_landmark(UUID("deadbeef-0000-4000-8000-000000000001"))
        assert await client.refusal(mark)
        await lives_on(client)


async def test_refusals_one_after_the_other(world, kind):
    async with world.enter(kind, at=ONE) as client:
        await client.see()
        for there in (CLOSED, BEYOND, 0, CLOSED):
            with pytest.raises(Refused):
                await client.teleport(there)
        await lives_on(client)


async def test_cancelled_early_it_stays_or_goes_but_lives(world):
    async with world.viewer(at=ONE) as client:
        await client.see()
        for _ in range(5):
            mark = client.inbox.mark()
            client.request_teleport(FAR)
            client.send("TeleportCancel", Block("Info", AgentID=client.agent_id, SessionID=client.session.id))
            # Either is right; what counts is that client and world agree on it.
            await asyncio.sleep(0.5)
            where = FAR if client.inbox.since(mark, "AgentMovementComplete") else ONE
            assert client.place is where
            await client.assert_alive()
            if where is FAR:
                await client.teleport(ONE)
