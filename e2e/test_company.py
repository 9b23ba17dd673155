"""Two and more clients: seeing each other come, move and go; hearing each other."""

import pytest
from hippolyzer.lib.base.templates import ChatType

from harness.client import StockClient
from harness.world import EAST, FAR, ONE


async def test_the_second_sees_the_first_come_walk_and_go(world, kind):
    async with world.stock(position=(120, 120, 25)) as watcher:
        async with world.enter(kind, position=(125, 125, 25)) as guest:
            seen = await watcher.see(guest.agent_id)
            assert seen.name == guest.account.name
            assert abs(seen.position[0] - 125) < 1
            async with guest.moving():
                walked = await watcher.see(
                    guest.agent_id, where=lambda body: body.position[0] > 128, what="the guest's steps")
            assert walked.terse_updates > 0
            gone = guest.agent_id
        await watcher.miss(gone)


async def test_the_newcomer_sees_who_is_there_already(world, kind):
    async with world.stock(position=(120, 120, 25)) as first:
        async with world.enter(kind, position=(125, 125, 25)) as second:
            seen = await second.see(first.agent_id)
            assert seen.name == first.account.name
            looks = await second.inbox.expect("AvatarAppearance", where=lambda m: m["Sender"]["ID"] == first.agent_id)
            assert len(looks["VisualParam"]) > 1


async def test_chat_carries_as_far_as_it_is_loud(world):
    """10 m for a whisper, 20 m for speech, 100 m for a shout."""
    async with world.stock(position=(50, 50, 25)) as speaker, \
            world.stock(position=(56, 50, 25)) as near, \
            world.stock(position=(66, 50, 25)) as middle, \
            world.stock(position=(110, 50, 25)) as far, \
            world.stock(position=(200, 50, 25)) as outside:
        listeners = {"near": near, "middle": middle, "far": far, "outside": outside}
        for listener in listeners.values():
            await listener.see()
        for kind, text in ((ChatType.WHISPER, "a whisper"), (ChatType.NORMAL, "a word"), (ChatType.SHOUT, "a shout")):
            await speaker.say(text, kind)
        await speaker.hear("a shout")
        # Everyone hears himself; what was said before that has been delivered by then, or never will be.
        for name, listener in listeners.items():
            await listener.say(f"{name} heard it")
            await listener.hear(f"{name} heard it")
        everything = ["a whisper", "a word", "a shout"]
        heard = {name: [text for text in listener.heard() if text in everything]
                 for name, listener in listeners.items()}
        assert heard == {"near": everything, "middle": everything[1:], "far": everything[2:], "outside": []}
        assert [text for text in speaker.heard() if text in everything] == everything


async def test_chat_says_who_speaks_and_from_where(world):
    async with world.stock(position=(50, 50, 25)) as speaker, world.stock(position=(52, 50, 25)) as listener:
        await listener.see(speaker.agent_id)
        await speaker.say("Grüße · 你好")
        said = (await listener.hear("Grüße · 你好"))["ChatData"]
        assert str(said["FromName"]) == speaker.account.name
        assert said["SourceID"] == speaker.agent_id
        assert (said["SourceType"], said["ChatType"], said["Audible"]) == (1, ChatType.NORMAL, 1)
        assert abs(said["Position"].X - 50) < 1


@pytest.mark.parametrize("channel", [1, -7, 2 ** 31 - 1])
async def test_other_channels_stay_unheard(world, channel):
    async with world.stock(position=(50, 50, 25)) as speaker, world.stock(position=(52, 50, 25)) as listener:
        await listener.see(speaker.agent_id)
        await speaker.hippo.send_chat("for machines", channel=channel)
        await speaker.say("for people")
        await listener.hear("for people")
        assert "for machines" not in listener.heard()


async def test_who_teleports_away_is_gone_and_who_comes_is_there(world, kind):
    async with world.stock(at=ONE) as left, world.stock(at=FAR) as right:
        async with world.enter(kind, at=ONE, position=(130, 130, 25)) as traveller:
            await left.see(traveller.agent_id)
            await traveller.teleport(FAR)
            await left.miss(traveller.agent_id)
            await right.see(traveller.agent_id)
            await traveller.teleport(ONE)
            await right.miss(traveller.agent_id)
            await left.see(traveller.agent_id)


async def test_who_looks_in_from_the_neighbour_is_not_in_the_list(world):
    async with world.viewer(at=EAST) as neighbour, world.stock(at=ONE) as client:
        await neighbour.inbox.expect("RegionHandshake", where=lambda m: m.sender == neighbour.address_of(ONE))
        mark = client.inbox.mark()
        places = await client.inbox.expect(
            "CoarseLocationUpdate", since=mark, where=lambda m: m.sender == client.address_of(ONE))
        agents = [block["AgentID"] for block in places["AgentData"]]
        assert client.agent_id in agents
        assert neighbour.agent_id not in agents


async def test_a_crowd_sees_itself(world):
    account = [world.newcomer() for _ in range(8)]
    clients = [StockClient(world) for _ in account]
    try:
        for row, (client, who) in enumerate(zip(clients, account)):
            await client.enter(who, ONE.start((100 + 3 * row, 100, 25)))
        for client in clients:
            for other in clients:
                await client.see(other.agent_id, what=f"{other.account.name} seen by {client.account.name}")
    finally:
        for client in clients:
            await client.leave()
