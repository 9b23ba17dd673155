"""Processes die and messages get lost in the middle of a transfer: the user is told, lives on, and nothing stays
behind. A meddler stands between all processes; each client has its own fault, and all of them have it at once."""

import asyncio
import statistics
import time
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from harness.client import NORTH, Refused
from harness.grid import Grid
from harness.meddler import Meddler
from harness.viewer import Hesitant
from harness.world import Region

# Whoever is silent, the user hears by then how it ended; and a little for a busy machine.
VERDICT_S = 10 + 1
# A viewer that is silent for so long is logged out; longer than a simulator is frozen here.
SILENCE_S = 15

# Before a hop whose time is taken: what the client still does about its last arrival is no part of the way.
DWELL_S = 0.3

#     B One
#     A One                   A Far          B Far          B Other
A_ONE = Region("A One", 1000, 1000)
A_FAR = Region("A Far", 1100, 1100)
B_ONE = Region("B One", 1000, 1001)
B_FAR = Region("B Far", 1200, 1200)
B_OTHER = Region("B Other", 1300, 1300)


@pytest.fixture(scope="module")
def meddler():
    with Meddler() as running:
        yield running


def between(folder, meddler, spoken):
    options = ["--simulation-protocol", spoken, "--silence-timeout", SILENCE_S]
    return Grid(folder, {"a": ([A_ONE, A_FAR], options), "b": ([B_ONE, B_FAR, B_OTHER], options)}, meddler)


@pytest.fixture(scope="module")
def lasting(tmp_path_factory, meddler):
    with between(tmp_path_factory.mktemp("faults"), meddler, "0.1..0.8") as running:
        yield running


@pytest.fixture
def newest(lasting):
    """All processes run, whatever a test before has left."""
    lasting.start()
    return lasting


@pytest.fixture(scope="module", params=["0.1", "0.2", "0.8"])
def spoken(request):
    return request.param


@pytest.fixture(scope="module")
def grid(tmp_path_factory, meddler, spoken):
    with between(tmp_path_factory.mktemp("faults"), meddler, f"{spoken}..{spoken}") as running:
        yield running


@asynccontextmanager
async def crowd(grid, count, at=A_ONE):
    """So many viewers in one place, seen and settled."""
    accounts = await asyncio.gather(*(asyncio.to_thread(grid.newcomer) for _ in range(count)))
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(grid.enter(Hesitant, account, at=at)) for account in accounts]
        await asyncio.gather(*(client.see() for client in clients))
        yield clients


async def outcome(client, since):
    """None for an arrival, else the reason why there was none."""
    try:
        await client.verdict(since, VERDICT_S)
    except Refused as refused:
        assert str(refused), "a reason without words"
        return str(refused)


async def travel(client, there):
    """Goes there; if it is told that its things have not arrived yet, it does as it is told and tries again."""
    give_up = time.monotonic() + 20
    while True:
        try:
            return await client.teleport(there)
        except Refused as refused:
            if "please try again in a moment" not in str(refused) or time.monotonic() > give_up:
                raise
            await asyncio.sleep(0.5)


async def assert_well(client, elsewhere=(A_FAR, B_FAR, A_ONE)):
    """It can move, and go elsewhere: also where it could not go before."""
    await client.assert_alive()
    for there in elsewhere:
        await travel(client, there)
        assert client.place is there
    await client.assert_alive()


# Messages

# What is done to which message, how often, and whether the hop is to succeed all the same (None: either way).
MEDDLED = [
    ("garble", "QueryAccess", 1, False),
    ("cut", "QueryAccess", 1, None),
    ("drop", "QueryAccess", 1, False),
    ("drop", "CreateAgent", 1, False),
    ("garble", "CreateAgent", 1, False),
    ("double", "CreateAgent", None, True),
    ("drop_answer", "CreateAgent", 1, False),
    ("cut_answer", "CreateAgent", 1, None),
    (("delay_answer", 1), "CreateAgent", 1, True),
    (("delay_answer", 6), "CreateAgent", 1, False),
    ("drop", "UpdateAgent", 1, None),
    ("drop", "UpdateAgent", None, None),
    ("cut", "UpdateAgent", 1, None),
    (("delay", 2), "UpdateAgent", 1, True),
    (("delay", 12), "UpdateAgent", 1, None),
    ("double", "UpdateAgent", None, True),
    ("drop_answer", "UpdateAgent", 1, None),
    ("drop_answer", "UpdateAgent", None, None),
    ("cut_answer", "UpdateAgent", 1, None),
    ("drop", "ReleaseAgent", 1, True),
    ("drop", "ReleaseAgent", None, True),
]


async def test_messages_are_lost_late_doubled_and_garbled(grid, spoken, meddler, timing):
    never_said = {"ReleaseAgent"} if spoken == "0.2" else set()
    cases = [case for case in MEDDLED if case[1] not in never_said]

    async def suffer(client, act, message, times, succeeds):
        act, *seconds = act if isinstance(act, tuple) else (act,)
        what = f"{act} {seconds[0] if seconds else ''} {message} {times or 'always'}"
        with getattr(meddler, act)(message, *seconds, agent=client.agent_id, times=times) as rule:
            mark, begun = client.inbox.mark(), time.monotonic()
            client.request_teleport(B_FAR)
            try:
                reason = await outcome(client, mark)
                timing(f"{spoken} verdict: {what}", time.monotonic() - begun)
                assert succeeds is None or (reason is None) == succeeds, reason
                assert client.place is (A_ONE if reason else B_FAR)
                await client.assert_alive()
                if message == "ReleaseAgent":
                    await rule.reached()
            except AssertionError as error:
                raise AssertionError(f"{what}: {error}") from error
            assert rule.hits, f"{what}: never said"
        try:
            await assert_well(client)
        except (AssertionError, Refused) as error:
            raise AssertionError(f"after {what}: {error!r}") from error

    async with crowd(grid, len(cases)) as clients:
        await asyncio.gather(*(suffer(client, *case) for client, case in zip(clients, cases)))
        await grid.settles(*clients)
    await grid.settles()


async def test_stock_clients_are_told_and_live_on(newest, meddler, timing):
    grid = newest
    async with grid.stock(at=A_ONE) as client:
        await client.see()
        for act, message, reached in (("garble", "QueryAccess", False), ("cut", "UpdateAgent", True),
                                      ("drop", "CreateAgent", False), ("drop", "ReleaseAgent", True)):
            here, begun = client.place, time.monotonic()
            there = B_FAR if here is not B_FAR else A_FAR
            with getattr(meddler, act)(message, agent=client.agent_id, times=1) as rule:
                try:
                    await client.teleport(there)
                    assert reached, f"{act} {message}: arrived"
                except Refused as refused:
                    assert not reached, f"{act} {message}: {refused}"
                timing(f"verdict for stock clients: {act} {message}", time.monotonic() - begun)
                await rule.reached()
            assert client.place is (there if reached else here)
            await client.assert_alive()
            await travel(client, A_ONE)
        await client.assert_alive()
        await grid.settles(client)
    await grid.settles()


async def test_a_cancel_at_any_moment_leaves_it_in_one_place(grid, spoken, meddler):
    def heard(name):
        async def moment(client, mark):
            await client.inbox.expect(name, since=mark)
        return moment

    async def at_once(client, mark):
        pass

    moments = {
        "at once": at_once,
        "TeleportStart": heard("TeleportStart"),
        "TeleportProgress": heard("TeleportProgress"),
        "TeleportFinish, before it goes": heard("TeleportFinish"),
        "TeleportFinish, while it goes": heard("TeleportFinish"),
        "arrived": heard("AgentMovementComplete"),
        **{f"{way} {message}": getattr(meddler, way) for way, message in (
            ("hold", "QueryAccess"), ("hold_answer", "QueryAccess"),
            ("hold", "CreateAgent"), ("hold_answer", "CreateAgent"),
            ("hold", "UpdateAgent"), ("hold_answer", "UpdateAgent"))},
    }

    async def cancel(client, name, moment):
        left = client.region
        mark = client.inbox.mark()
        client.hesitates = name == "TeleportFinish, before it goes"
        if name.startswith("hold"):
            with moment(name.split()[1], agent=client.agent_id, times=1) as rule:
                client.request_teleport(B_FAR)
                await rule.reached()
                await client.cancel_teleport(left)
        else:
            client.request_teleport(B_FAR)
            await moment(client, mark)
            await client.cancel_teleport(left)
        client.go()

    async with crowd(grid, len(moments)) as clients:
        await asyncio.gather(*(cancel(client, *moment) for client, moment in zip(clients, moments.items())))
        await grid.settles(*clients)
        where = {name: client.place.name for client, name in zip(clients, moments)}
        early = {"hold QueryAccess", "hold_answer QueryAccess", "hold CreateAgent", "hold_answer CreateAgent"}
        assert {where[name] for name in early} == {A_ONE.name}, where
        late = {"TeleportFinish, before it goes", "TeleportFinish, while it goes", "arrived"}
        assert {where[name] for name in late} == {B_FAR.name}, where
        for client, name in zip(clients, moments):
            assert not client.inbox.since(0, "TeleportFailed"), f"{name}: TeleportFailed"
        await asyncio.gather(*(assert_well(client) for client in clients))
    await grid.settles()


# Processes

async def test_the_destination_dies_in_each_stage(newest, meddler, timing):
    grid, b = newest, newest.simulator_of(B_FAR)
    async with crowd(grid, 6) as clients:
        asking, creating, created, sent_off, arrived, later = clients
        rules = [meddler.hold("QueryAccess", agent=asking.agent_id),
                 meddler.hold("CreateAgent", agent=creating.agent_id),
                 meddler.hold_answer("CreateAgent", agent=created.agent_id)]
        sent_off.hesitates = True
        await arrived.teleport(B_FAR)
        marks = {client: client.inbox.mark() for client in clients}
        for client in (asking, creating, created, sent_off):
            client.request_teleport(B_FAR)
        await asyncio.gather(*(rule.reached() for rule in rules),
                             sent_off.inbox.expect("TeleportFinish", since=marks[sent_off]))
        grid.crash(b)
        for rule in rules:
            rule.end()
        sent_off.go()
        later.request_teleport(B_FAR)
        begun = time.monotonic()

        async def hear_and_live_on(client):
            reason = await outcome(client, marks[client])
            timing("verdict after the destination's death", time.monotonic() - begun)
            assert reason, "arrived at a dead simulator"
            await assert_well(client, elsewhere=(A_FAR, A_ONE))
        left = [client for client in clients if client is not arrived]
        await asyncio.gather(*map(hear_and_live_on, left))
        await grid.settles(*left)

        account = arrived.account
        await arrived.vanish()
        grid.start()
        async with grid.enter(Hesitant, account, at=B_FAR) as again:
            await again.assert_alive()
            await asyncio.gather(*map(assert_well, left))
            await grid.settles(again, *left)
    await grid.settles()


async def test_the_source_dies_in_each_stage(newest, meddler, timing):
    grid, a = newest, newest.simulator_of(A_ONE)
    async with crowd(grid, 6) as clients:
        asking, creating, created, sending, sent_off, arrived = clients
        rules = [meddler.hold("QueryAccess", agent=asking.agent_id),
                 meddler.hold("CreateAgent", agent=creating.agent_id),
                 meddler.hold_answer("CreateAgent", agent=created.agent_id),
                 meddler.drop("UpdateAgent", agent=sending.agent_id)]
        sending.hesitates = sent_off.hesitates = True
        await arrived.teleport(B_FAR)
        mark = {client: client.inbox.mark() for client in clients}
        for client in (asking, creating, created, sending, sent_off):
            client.request_teleport(B_FAR)
        await asyncio.gather(*(rule.reached() for rule in rules),
                             *(client.inbox.expect("TeleportFinish", since=mark[client])
                               for client in (sending, sent_off)))
        grid.crash(a)
        for rule in rules:
            rule.end()
        # Those who have been sent off arrive without further help; the others have nobody to tell them anything.
        begun = time.monotonic()

        async def arrive(client):
            client.go()
            assert await outcome(client, mark[client]) is None
            timing("arrival after the source's death", time.monotonic() - begun)
        await asyncio.gather(arrive(sending), arrive(sent_off))
        there = [sending, sent_off, arrived]
        await asyncio.gather(*(assert_well(client, elsewhere=(B_OTHER, B_FAR)) for client in there))
        lost = [asking, creating, created]
        accounts = [client.account for client in lost]
        for client in lost:
            await client.vanish()
        await grid.settles(*there)

        grid.start()
        await asyncio.gather(*map(assert_well, there))
        for account in accounts:
            async with grid.enter(Hesitant, account, at=A_ONE) as again:
                await assert_well(again)
    await grid.settles()


async def test_the_destination_falls_silent_and_wakes_up(newest, meddler, timing):
    """It hears everything, only much later: what was taken back in the meantime stays taken back."""
    grid, b = newest, newest.simulator_of(B_FAR)
    async with crowd(grid, 3) as clients:
        asking, creating, sent_off = clients
        sent_off.hesitates = True
        marks = {client: client.inbox.mark() for client in clients}
        with meddler.hold("CreateAgent", agent=creating.agent_id) as held:
            for client in (creating, sent_off):
                client.request_teleport(B_FAR)
            await asyncio.gather(held.reached(), sent_off.inbox.expect("TeleportFinish", since=marks[sent_off]))
            b.freeze()
        asking.request_teleport(B_FAR)
        sent_off.go()
        begun = time.monotonic()
        try:
            for client in clients:
                assert await outcome(client, marks[client])
                timing("verdict of a silent destination", time.monotonic() - begun)
            await asyncio.gather(*(assert_well(client, elsewhere=(A_FAR, A_ONE)) for client in (asking, creating)))
        finally:
            b.thaw()
        # The viewer has knocked over there, and may be let in now that it is heard: it is where it then believes to be.
        await grid.settles(*clients)
        await asyncio.gather(*map(assert_well, clients))
    await grid.settles()


async def test_the_grid_dies_and_comes_back(newest, timing):
    grid = newest
    async with crowd(grid, 1) as (client,):
        for there in (B_FAR, A_ONE):
            await client.teleport(there)
        grid.crash(grid.services)
        # Where it has been before it is let go to without the grid's help, or is told that the grid is away.
        for there in (B_FAR, B_OTHER, A_FAR):
            here, mark, begun = client.place, client.inbox.mark(), time.monotonic()
            client.request_teleport(there)
            reason = await outcome(client, mark)
            timing(f"verdict without a grid, {'refused' if reason else 'arrived'}", time.monotonic() - begun)
            assert client.place is (here if reason else there)
            await client.assert_alive()
        grid.start()
        await assert_well(client, elsewhere=(B_OTHER, A_FAR, B_FAR, A_ONE))
        async with grid.viewer(at=B_FAR) as other:
            await other.assert_alive()
            await grid.settles(client, other)
    await grid.settles()


async def test_a_border_with_nobody_behind_it_holds(newest):
    grid, b = newest, newest.simulator_of(B_ONE)
    async with grid.viewer(at=A_ONE, position=(128, 252, 25)) as client:
        await client.see()
        await client.inbox.expect("EstablishAgentCommunication")
        grid.crash(b)
        mark = client.inbox.mark()
        async with client.moving(NORTH):
            await client.inbox.expect("AlertMessage", since=mark, patience=VERDICT_S)
        assert client.place is A_ONE
        await client.assert_alive()
        mark = client.inbox.mark()
        grid.start()
        # It says hello when it is there again, and the way is open.
        await client.inbox.expect("EstablishAgentCommunication", since=mark)
        await client.teleport(A_ONE, (128, 252, 25))
        async with client.moving(NORTH):
            await client.inbox.expect("AgentMovementComplete", since=mark, patience=15,
                                      where=lambda m: m.sender == client.address_of(B_ONE))
            await client.inbox.until(lambda: client.place is B_ONE, what="the move of the client")
        await assert_well(client)
        await grid.settles(client)
    await grid.settles()


# Users

async def test_quick_returns(newest):
    """Back before the old connection was closed, or on and back: what was to be closed is wanted again."""
    grid = newest
    ways = [(B_FAR, A_ONE), (B_FAR, B_OTHER), (B_FAR, A_FAR), (A_FAR, B_FAR, A_ONE), (B_OTHER, B_FAR, A_ONE),
            (B_ONE, A_ONE), (B_ONE, B_FAR, A_ONE)]
    cases = [(way, dwell) for way in ways for dwell in (0, 1, 5)]

    async def go(client, way, dwell):
        try:
            for there in way:
                await client.teleport(there)
                await asyncio.sleep(dwell)  # the user looks around
            await client.assert_alive()
        except (AssertionError, Refused) as error:
            names = [region.name for region in way]
            raise AssertionError(f"{names}, {dwell} s in each: {error!r}") from error

    async with crowd(grid, len(cases)) as clients:
        await asyncio.gather(*(go(client, *case) for client, case in zip(clients, cases)))
        # When the last old connection has been closed, everybody is where he went and lives.
        await grid.settles(*clients)
        for client, (way, _) in zip(clients, cases):
            assert client.place is way[-1]
        await asyncio.gather(*(client.assert_alive() for client in clients))
    await grid.settles()


async def test_two_teleports_at_once(newest):
    grid = newest
    async with crowd(grid, 3) as clients:
        async def ask_twice(client, first, second):
            mark = client.inbox.mark()
            client.request_teleport(first)
            client.request_teleport(second)
            await outcome(client, mark)
        await asyncio.gather(ask_twice(clients[0], B_FAR, A_FAR), ask_twice(clients[1], A_FAR, B_FAR),
                             ask_twice(clients[2], B_FAR, B_FAR))
        await grid.settles(*clients)
        await asyncio.gather(*map(assert_well, clients))
    await grid.settles()


async def test_logout_and_loss_of_the_viewer_in_mid_transfer(newest, meddler):
    grid = newest
    stages = [("hold", "QueryAccess"), ("hold", "CreateAgent"), ("hold_answer", "CreateAgent"),
              ("hold", "UpdateAgent"), ("hold_answer", "UpdateAgent")]
    ends = [(stage, end) for stage in stages for end in ("log_out", "vanish")]

    async def end_in(client, stage, end):
        way, message = stage
        # The answer to UpdateAgent is the arrival, unless the viewer does not come.
        client.hesitates = message == "UpdateAgent"
        with getattr(meddler, way)(message, agent=client.agent_id) as rule:
            client.request_teleport(B_FAR)
            if stage == ("hold_answer", "UpdateAgent"):
                await client.inbox.expect("TeleportFinish")
            else:
                await rule.reached()
            await getattr(client, end)()
        if end == "log_out":
            await client.vanish()

    async with crowd(grid, len(ends)) as clients:
        await asyncio.gather(*(end_in(client, *end) for client, end in zip(clients, ends)))
        await grid.settles()
        # Nothing of it is in the way of the next session.
        for client in clients:
            async with grid.viewer(client.account, at=A_ONE) as again:
                await again.assert_alive()
    await grid.settles()


async def test_a_slow_grid_makes_no_hop_slower(newest, meddler, timing):
    grid = newest
    medians = {}
    async with crowd(grid, 1) as (client,):
        async def hop(name):
            times = []
            for _ in range(10):
                for there in (B_FAR, A_FAR):
                    await asyncio.sleep(DWELL_S)
                    await client.catch_up()
                    times.append(await client.teleport(there))
                    timing(f"hop, {name}", times[-1])
            medians[name] = statistics.median(times)
        await hop("grid as it is")
        rules = [meddler.delay(calls, 0.5) for calls in ("presence.*", "griduser.*", "friends.*")]
        try:
            await hop("500 ms more for presence, grid user and friends")
            await rules[0].reached()
        finally:
            for rule in rules:
                rule.end()
        await client.assert_alive()
    print("medians:", medians)
    await grid.settles()
