"""What tests of failing transfers share: two simulators with a meddler between all processes, and viewers who are told
how it ended and live on."""

import asyncio
import time
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from .client import Refused
from .grid import Grid
from .meddler import Meddler
from .viewer import Hesitant
from .world import Region

# Whoever is silent, the user hears by then how it ended; and a little for a busy machine.
VERDICT_S = 10 + 1
# A viewer that is silent for so long is logged out; longer than a simulator is frozen here.
SILENCE_S = 15

# What is left over is closed sooner than it is by itself (15 s, 30 s), and still not before a verdict.
SOON = ["--transfer-grace", 5, "--transfer-unclaimed", 16]

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


def between(folder, meddler, spoken, waits=SOON):
    options = ["--simulation-protocol", spoken, "--silence-timeout", SILENCE_S, *waits]
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
