"""Leaving: by asking, by falling silent, by the world's end; and coming back."""

import asyncio
import math
import signal

import pytest
from hippolyzer.lib.base.datatypes import UUID
from hippolyzer.lib.base.message.message import Block

from harness.client import StockClient
from harness.viewer import ViewerClient
from harness.wire import post_llsd
from harness.world import EAST, FAR, ONE, World


async def test_it_is_answered_at_once_and_the_others_see_it_go(world, timing):
    async with world.stock() as watcher:
        client = ViewerClient(world)
        await client.enter(world.newcomer(), ONE.start())
        await watcher.see(client.agent_id)
        gone = client.agent_id
        timing("LogoutRequest to LogoutReply", await client.log_out())
        await watcher.miss(gone)
        await client.vanish()


async def test_everything_of_the_session_ends_with_it(world):
    client = ViewerClient(world)
    await client.enter(world.newcomer(), ONE.start())
    await client.inbox.until(lambda: client.counts()["RegionHandshake"] >= 3, what="both neighbours")
    seeds = [region.caps["Seed"] for region in client.session.regions]
    assert len(seeds) == 3
    await client.log_out()
    for seed in seeds:
        for _ in range(40):
            status = (await asyncio.to_thread(post_llsd, seed, ["EventQueueGet"]))[0]
            if status == 404:
                break
            await asyncio.sleep(0.1)
        assert status == 404
    await client.vanish()


async def test_the_children_in_the_neighbours_go_too(world):
    async with world.stock(at=EAST) as neighbour:
        async with world.viewer(at=ONE) as client:
            await client.inbox.expect("RegionHandshake", where=lambda m: m.sender == client.address_of(EAST))
            counted = {name: value for name, value in world.metrics().items() if "child" in name}
        await neighbour.assert_alive()

        def back_to_nothing():
            now = world.metrics()
            return all(now.get(name, 0) <= value for name, value in counted.items())
        await neighbour.inbox.until(back_to_nothing, what="fewer child agents")


async def test_coming_back_at_once_works_at_the_first_try(world, kind, timing):
    account = world.newcomer()
    for _ in range(10):
        client = kind(world)
        begun = asyncio.get_running_loop().time()
        await client.enter(account)
        timing(f"login after logout, {kind.__name__}", asyncio.get_running_loop().time() - begun)
        await client.leave()


async def test_last_is_where_it_left(world, kind):
    account = world.newcomer()
    async with world.enter(kind, account, at=ONE) as client:
        await client.teleport(FAR, (77, 88, 25))
        left = (await client.see(region=FAR)).position
    async with world.enter(kind, account, start="last") as client:
        assert client.place is FAR
        back = (await client.see()).position
        assert math.dist(back[:2], left[:2]) < 1


async def test_last_is_where_it_walked_to(world):
    account = world.newcomer()
    async with world.viewer(account, at=ONE) as client:
        await client.see()
        async with client.moving():
            await client.see(where=lambda body: body.position[0] > 133, what="five metres")
        mark = client.inbox.mark()
        await client.inbox.until(lambda: client.inbox.since(mark, "SimStats"), what="statistics")
        left = client.body().position
    async with world.viewer(account, start="last") as client:
        assert math.dist((await client.see()).position[:2], left[:2]) < 1


async def test_a_new_login_ends_the_old_session_and_tells_it_why(world):
    account = world.newcomer()
    async with world.stock() as watcher:
        old = ViewerClient(world)
        await old.enter(account, ONE.start((100, 100, 25)))
        await watcher.see(old.agent_id)
        async with world.viewer(account, at=ONE, position=(150, 150, 25)) as new:
            kicked = await old.inbox.expect("KickUser")
            assert str(kicked["UserInfo"]["Reason"])
            await watcher.see(new.agent_id, where=lambda body: body.position[0] > 140, what="the new avatar")
            await new.assert_alive()
        await old.vanish()


async def test_a_logout_with_a_foreign_session_is_not_obeyed(world):
    async with world.stock() as client:
        mark = client.inbox.mark()
        client.send("LogoutRequest", Block("AgentData", AgentID=client.agent_id, SessionID=UUID.random()))
        await client.assert_alive()
        assert not client.inbox.since(mark, "LogoutReply")


@pytest.mark.slow
async def test_who_falls_silent_is_logged_out_by_the_circuits_timeout(world):
    account = world.newcomer()
    async with world.stock() as watcher:
        lost = ViewerClient(world)
        await lost.enter(account, ONE.start((130, 130, 25)))
        await watcher.see(lost.agent_id)
        gone = lost.agent_id
        await lost.vanish()
        await watcher.miss(gone, patience=90)
        async with world.viewer(account, at=ONE) as back:
            await back.assert_alive()


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
async def test_when_the_world_ends_everyone_is_told_and_saved(tmp_path, by):
    with World(tmp_path) as world:
        account = world.newcomer()
        client = ViewerClient(world)
        await client.enter(account, EAST.start((60, 61, 25)))
        await client.see()
        stopped = asyncio.create_task(asyncio.to_thread(world.server.stop, by))
        told = await client.inbox.expect("KickUser")
        assert str(told["UserInfo"]["Reason"])
        await stopped
        await client.vanish()
        world.server.start()
        async with world.enter(StockClient, account, start="last") as back:
            assert back.place is EAST
            assert math.dist((await back.see()).position[:2], (60, 61)) < 1
