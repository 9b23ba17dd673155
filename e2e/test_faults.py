"""Messages get lost, late, doubled and garbled in the middle of a transfer: the user is told, lives on, and nothing
stays behind. A meddler stands between all processes; each client has its own fault, and all of them have it at once."""

import asyncio
import statistics
import time

import pytest

from harness.client import Refused
from harness.faults import (  # noqa: F401
    A_FAR, A_ONE, B_FAR, assert_well, between, crowd, lasting, meddler, newest, outcome, travel)

# Before a hop whose time is taken: what the client still does about its last arrival is no part of the way.
DWELL_S = 0.3


@pytest.fixture(scope="module", params=["0.1", "0.2", "0.8"])
def spoken(request):
    return request.param


@pytest.fixture(scope="module")
def grid(tmp_path_factory, meddler, spoken):
    with between(tmp_path_factory.mktemp("faults"), meddler, f"{spoken}..{spoken}") as running:
        yield running


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
