"""What gods do: accounts of level 200 and above."""

import pytest
from hippolyzer.lib.base.datatypes import UUID
from hippolyzer.lib.base.message.message import Block

from harness.client import NULL
from harness.sessions import ended
from harness.world import EAST, FAR, ONE


@pytest.fixture
def god(world):
    account = world.newcomer()
    world.command("user", "level", account.name, "200")
    return account


def order(client, method, *parameters):
    """An estate message."""
    client.send("EstateOwnerMessage", client.ids(TransactionID=NULL), Block("MethodData", Method=method, Invoice=NULL),
                *(Block("ParamList", Parameter=str(parameter)) for parameter in parameters))


async def test_a_god_sends_somebody_home_who_is_not_one_does_not(world, god, kind):
    async with world.enter(kind, at=EAST) as guest:
        # Home is where one has come in first, or the default region.
        await guest.teleport(FAR)
        async with world.viewer(at=FAR) as other:
            mark = guest.inbox.mark()
            order(other, "teleporthomeuser", other.agent_id, guest.agent_id)
            await other.assert_alive()
            assert guest.place is FAR and not guest.inbox.since(mark, "TeleportStart")
        async with world.viewer(god, at=FAR) as mighty:
            order(mighty, "teleporthomeuser", mighty.agent_id, guest.agent_id)
            await guest.inbox.until(lambda: guest.place in (EAST, ONE), what="the way home", since=mark)
            await guest.assert_alive()


async def test_a_god_ends_a_session_with_words(world, god):
    async with world.viewer(god, at=ONE) as mighty:
        guest = world.viewer(at=ONE)
        async with guest as client:
            mark, session = client.inbox.mark(), client.session.id
            mighty.send("GodKickUser", Block("UserInfo", GodID=mighty.agent_id, GodSessionID=mighty.session.id,
                                             AgentID=client.agent_id, KickFlags=0, Reason="Enough."))
            told = await client.inbox.expect("KickUser", since=mark)
            assert str(told["UserInfo"]["Reason"]) == "Enough."
            await client.vanish()
        assert [end["reason"] for end in ended(world, session) if end["reason"]] == ["kick"]


async def test_a_god_is_told_so(world, god):
    async with world.viewer(god) as mighty:
        mighty.send("RequestGodlikePowers", mighty.ids(), Block("RequestBlock", Godlike=True, Token=UUID.random()))
        granted = await mighty.inbox.expect("GrantGodlikePowers")
        assert granted["GrantData"]["GodLevel"] == 200
