"""What people have to do with each other, wherever they stand: friends, messages, offers of teleports, landmarks."""

import asyncio
import math

import pytest
from hippolyzer.lib.base.datatypes import Vector3
from hippolyzer.lib.base.message.message import Block

from harness.client import NULL
from harness.grid import Grid
from harness.people import (ASK_LURE, FRIEND_ACCEPTED, FRIEND_DECLINED, FRIEND_OFFERED, LURE, LURE_DECLINED,
                            MODIFY, SEE_ON_MAP, SEE_ONLINE, TYPING, TYPING_ENDS, accept_teleport, befriend,
                            create_landmark, decline_friendship, grant_rights, hear_from, messages_from, mute,
                            mute_list, offer_friendship, offer_teleport, say_to, sees_come, sees_go, status_of,
                            terminate_friendship, unmute)
from harness.wire import log_in, login_request
from harness.world import Region

#     B One
#     A One       A Far       B Far
A_ONE = Region("A One", 1000, 1000)
A_FAR = Region("A Far", 1100, 1100)
B_ONE = Region("B One", 1000, 1001)
B_FAR = Region("B Far", 1200, 1200)


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    with Grid(tmp_path_factory.mktemp("social"), {"a": ([A_ONE, A_FAR], []), "b": ([B_ONE, B_FAR], [])}) as running:
        yield running


def buddies(grid, account):
    """The friends list as a login gives it: id -> (rights given, rights had)."""
    answer = log_in(grid.uri, login_request(account, options=["buddy-list"]))
    assert answer["login"] == "true", answer
    return {buddy["buddy_id"]: (int(buddy["buddy_rights_given"]), int(buddy["buddy_rights_has"]))
            for buddy in answer["buddy-list"]}


async def meet(grid, kind, other_at=B_FAR):
    """Two accounts that are friends, and not here any more."""
    accounts = [await asyncio.to_thread(grid.newcomer) for _ in range(2)]
    async with grid.enter(kind, accounts[0], at=A_ONE) as client, grid.viewer(accounts[1], at=other_at) as other:
        await befriend(client, other)
        return accounts, (client.agent_id, other.agent_id)


# Friends


async def test_a_friend_comes_teleports_about_and_goes(grid, kind):
    (ada, bob), (_, bob_id) = await meet(grid, kind)
    async with grid.enter(kind, ada, at=A_ONE) as client:
        await client.see()
        mark = client.inbox.mark()
        async with grid.enter(kind, bob, at=A_FAR) as friend:
            await friend.see()
            await sees_come(client, bob_id, mark)
            # Wherever it goes, it is online: and it can be spoken to.
            for there in (B_FAR, A_ONE, B_ONE, A_FAR):
                await friend.catch_up()
                await friend.teleport(there)
                await friend.see(region=there)
                said = friend.inbox.mark()
                say_to(client, bob_id, f"Welcome to {there.name}")
                await hear_from(friend, client.agent_id, said, text=f"Welcome to {there.name}")
            assert status_of(client, bob_id, mark)[0] == "OnlineNotification"
            assert "OfflineNotification" not in status_of(client, bob_id, mark)
        await sees_go(client, bob_id, mark)
        assert status_of(client, bob_id, mark)[-1] == "OfflineNotification"


async def test_who_comes_is_told_which_friends_are_there(grid, kind):
    (ada, bob), (ada_id, _) = await meet(grid, kind)
    async with grid.viewer(ada, at=A_ONE) as client:
        await client.see()
        async with grid.enter(kind, bob, at=B_FAR) as friend:
            await sees_come(friend, ada_id)


async def test_an_offer_is_declined(grid, kind):
    async with grid.enter(kind, at=A_ONE) as client, grid.viewer(at=B_FAR) as other:
        marks = client.inbox.mark(), other.inbox.mark()
        offer_friendship(client, other.agent_id, "Friends?")
        offer = await hear_from(other, client.agent_id, marks[1], FRIEND_OFFERED)
        assert str(offer["Message"]) == "Friends?"
        assert str(offer["FromAgentName"]) == client.account.name
        decline_friendship(other, offer["ID"])
        await hear_from(client, other.agent_id, marks[0], FRIEND_DECLINED)
        assert not status_of(client, other.agent_id, marks[0])
        account, other_account = client.account, other.account
    assert buddies(grid, account) == buddies(grid, other_account) == {}


async def test_two_who_offer_each_other_are_friends(grid):
    async with grid.viewer(at=A_ONE) as client, grid.viewer(at=B_FAR) as other:
        marks = client.inbox.mark(), other.inbox.mark()
        offer_friendship(client, other.agent_id)
        await hear_from(other, client.agent_id, marks[1], FRIEND_OFFERED)
        offer_friendship(other, client.agent_id)
        await hear_from(other, client.agent_id, marks[1], FRIEND_ACCEPTED)
        await sees_come(client, other.agent_id, marks[0])
        await sees_come(other, client.agent_id, marks[1])


async def test_friends_are_in_the_list_at_login_and_an_end_is_an_end_for_both(grid, kind):
    (ada, bob), (ada_id, bob_id) = await meet(grid, kind)
    assert buddies(grid, ada) == {str(bob_id): (SEE_ONLINE, SEE_ONLINE)}
    assert buddies(grid, bob) == {str(ada_id): (SEE_ONLINE, SEE_ONLINE)}
    async with grid.enter(kind, ada, at=A_ONE) as client, grid.viewer(bob, at=B_FAR) as other:
        mark = other.inbox.mark()
        terminate_friendship(client, bob_id)
        ended = await other.inbox.expect("TerminateFriendship", since=mark)
        assert ended["ExBlock"]["OtherID"] == ada_id
    assert buddies(grid, ada) == buddies(grid, bob) == {}


async def test_rights_are_given_and_taken(grid, kind):
    (ada, bob), (ada_id, bob_id) = await meet(grid, kind)
    async with grid.enter(kind, ada, at=A_ONE) as client, grid.viewer(bob, at=B_FAR) as other:
        await sees_come(other, ada_id)

        async def grant(rights):
            marks = client.inbox.mark(), other.inbox.mark()
            grant_rights(client, bob_id, rights)
            for who, mark in zip((client, other), marks):
                told = await who.inbox.expect("ChangeUserRights", since=mark)
                assert told["AgentData"]["AgentID"] == ada_id
                assert (told["Rights"][0]["AgentRelated"], int(told["Rights"][0]["RelatedRights"])) == (bob_id, rights)
            return marks[1]
        await grant(SEE_ONLINE | SEE_ON_MAP | MODIFY)
        # Not to be seen any more is, for the other, to be gone; and the other way.
        await sees_go(other, ada_id, await grant(MODIFY))
        await sees_come(other, ada_id, await grant(SEE_ONLINE))
        await grant(MODIFY)
    assert buddies(grid, bob)[str(ada_id)] == (SEE_ONLINE, MODIFY)
    # Who may not see it does not see it.
    async with grid.viewer(bob, at=B_FAR) as other, grid.enter(kind, ada, at=A_ONE) as client:
        await client.see()
        await sees_come(client, bob_id)
        await other.assert_alive()
        assert not status_of(other, ada_id)


# Messages


async def test_messages_and_typing_reach_another_simulator(grid, kind):
    async with grid.enter(kind, at=A_ONE) as client, grid.enter(kind, at=B_FAR) as other:
        await asyncio.gather(client.see(), other.see())
        for speaker, listener in ((client, other), (other, client)):
            mark = listener.inbox.mark()
            for dialog, text in ((TYPING, "typing"), (TYPING_ENDS, "typing"), (0, "Grüß dich, 世界!")):
                say_to(speaker, listener.agent_id, text, dialog)
                heard = await hear_from(listener, speaker.agent_id, mark, dialog)
                assert str(heard["Message"]) == text
                assert str(heard["FromAgentName"]) == speaker.account.name
                assert heard["ToAgentID"] == listener.agent_id


async def test_what_is_said_to_one_who_is_not_there_is_heard_once_at_the_next_login(grid, kind):
    account = await asyncio.to_thread(grid.newcomer)
    async with grid.viewer(account, at=B_ONE) as away:
        agent = away.agent_id
    words = [f"Number {number}" for number in range(5)]
    async with grid.enter(kind, at=A_ONE) as client:
        for text in words:
            mark = client.inbox.mark()
            say_to(client, agent, text)
            # Nobody misses that somebody was typing.
            say_to(client, agent, "typing", TYPING)
            assert "kept" in str((await hear_from(client, agent, mark))["Message"])
        speaker = client.agent_id
    async with grid.enter(kind, account, at=B_FAR) as back:
        back.send("RetrieveInstantMessages", back.ids())
        await hear_from(back, speaker, text=words[-1])
        assert messages_from(back, speaker) == words
        mark = back.inbox.mark()
        await back.assert_alive()
    async with grid.enter(kind, account, at=A_ONE) as again:
        again.send("RetrieveInstantMessages", again.ids())
        await again.assert_alive()
        assert not messages_from(again, speaker)


async def test_the_mute_list_is_kept(grid, kind):
    account, other = [await asyncio.to_thread(grid.newcomer) for _ in range(2)]
    async with grid.viewer(other, at=B_FAR) as loud:
        agent = loud.agent_id
    async with grid.enter(kind, account, at=A_ONE) as client:
        assert not await mute_list(client)
        mute(client, agent, other.name, kind=1, flags=0)
        mute(client, NULL, "Noisy Thing", kind=0, flags=0)

        async def muted():
            while "Noisy Thing" not in (listed := await mute_list(client) or ""):
                await asyncio.sleep(0.05)
            return listed
        listed = await asyncio.wait_for(muted(), 10)
    async with grid.enter(kind, account, at=B_FAR) as client:
        lines = (await mute_list(client)).splitlines()
        assert sorted(lines) == sorted(listed.splitlines())
        assert f"1 {agent} {other.name}|0" in lines
        unmute(client, NULL, "Noisy Thing")

        async def unmuted():
            while "Noisy Thing" in await mute_list(client):
                await asyncio.sleep(0.05)
        await asyncio.wait_for(unmuted(), 10)
        assert f"{agent}" in await mute_list(client)


# Teleports by people


async def offered(client, other, text="Come here"):
    """An offer made and heard: its message block."""
    mark = other.inbox.mark()
    offer_teleport(client, other.agent_id, text=text)
    heard = await hear_from(other, client.agent_id, mark, LURE)
    assert str(heard["Message"]) == text
    return heard


async def test_a_teleport_offered_is_accepted_across_simulators(grid, kind):
    async with grid.viewer(at=A_ONE, position=(60, 70, 25)) as client, grid.enter(kind, at=B_FAR) as other:
        there = (await client.see()).position
        await other.see()
        offer = await offered(client, other)
        mark = other.inbox.mark()
        accept_teleport(other, offer["ID"])
        await other.inbox.until(lambda: other.place is A_ONE, patience=45, what="the teleport", since=mark)
        arrived = await other.see(region=A_ONE, patience=15)
        assert math.dist(arrived.position[:2], there[:2]) < 3
        await client.see(other.agent_id)
        await other.assert_alive()


async def test_a_teleport_offered_is_declined(grid, kind):
    async with grid.viewer(at=A_ONE) as client, grid.enter(kind, at=B_FAR) as other:
        await asyncio.gather(client.see(), other.see())
        offer = await offered(client, other)
        mark = client.inbox.mark()
        say_to(other, client.agent_id, "No, thanks", LURE_DECLINED, offer["ID"])
        assert str((await hear_from(client, other.agent_id, mark, LURE_DECLINED))["Message"]) == "No, thanks"
        assert other.place is B_FAR
        await other.assert_alive()


async def test_a_teleport_is_asked_for(grid):
    async with grid.viewer(at=A_ONE) as client, grid.viewer(at=B_FAR) as other:
        await asyncio.gather(client.see(), other.see())
        mark = client.inbox.mark()
        say_to(other, client.agent_id, "May I come?", ASK_LURE)
        await hear_from(client, other.agent_id, mark, ASK_LURE)
        offer = await offered(client, other)
        accept_teleport(other, offer["ID"])
        await other.inbox.until(lambda: other.place is A_ONE, patience=15, what="the teleport")
        await client.see(other.agent_id)


async def test_an_offer_that_nobody_made_leads_nowhere(grid):
    async with grid.viewer(at=B_FAR) as client:
        await client.see()
        mark = client.inbox.mark()
        accept_teleport(client, client.agent_id)
        assert await client.refusal(mark)
        await client.assert_alive()


async def test_a_landmark_is_made_and_teleported_to(grid, kind):
    account = await asyncio.to_thread(grid.newcomer)
    folder = next(folder["folder_id"] for folder in (await asyncio.to_thread(
        log_in, grid.uri, login_request(account)))["inventory-skeleton"] if int(folder["type_default"]) == 3)
    async with grid.enter(kind, account, at=A_ONE, position=(90, 80, 25)) as client:
        there = (await client.see()).position
        made = await create_landmark(client, folder)
        assert str(made["Name"]) == "Here"
        await client.catch_up()
        await client.teleport(B_FAR)
        await client.see(region=B_FAR)
        mark = client.inbox.mark()
        client.request_landmark(made["AssetID"])
        await client.inbox.until(lambda: client.place is A_ONE, patience=45, what="the teleport", since=mark)
        assert math.dist((await client.see(region=A_ONE, patience=15)).position[:2], there[:2]) < 2
        await client.assert_alive()


async def test_home_is_teleported_to_across_simulators(grid, kind):
    async with grid.enter(kind, at=A_ONE, position=(40, 50, 25)) as client:
        there = (await client.see()).position
        client.send("SetStartLocationRequest", client.ids(), Block(
            "StartLocationData", SimName="", LocationID=1, LocationPos=Vector3(*there),
            LocationLookAt=Vector3(0, 1, 0)))
        await client.catch_up()
        await client.teleport(B_FAR)
        await client.see(region=B_FAR)
        mark = client.inbox.mark()
        client.request_home()
        await client.inbox.until(lambda: client.place is A_ONE, patience=45, what="the teleport", since=mark)
        assert math.dist((await client.see(region=A_ONE, patience=15)).position[:2], there[:2]) < 2
