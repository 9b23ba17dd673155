"""Every way in which a session can end, and that the next one begins at once.

Sizes by environment, few unless told: SOJOURN_RELOGINS (1,000 in a row), SOJOURN_TWINS (1,000); and E2E_PATIENCE,
seconds that one test may take. Many viewers that come and go in all these ways at once are in
`crates/sojourn/tests/churn`.
"""

import asyncio
import os
import signal
import statistics
import time
from contextlib import AsyncExitStack

import pytest

from harness.client import StockClient
from harness.grid import Grid
from harness.people import befriend, sees_come, sees_go, status_of
from harness.sessions import LEASE_BOUND_S, close_circuit, ended, here, is_quiet, kick, online, presences, until
from harness.viewer import ViewerClient
from harness.world import Region

SILENCE_S = 5
RELOGINS = int(os.environ.get("SOJOURN_RELOGINS", 15))
TWINS = int(os.environ.get("SOJOURN_TWINS", 5))
# For a login, whatever came before.
GOAL_LOGIN_S = 1.0

#     B One
#     A One       A Far       B Far
A_ONE = Region("A One", 1000, 1000)
A_FAR = Region("A Far", 1100, 1100)
B_ONE = Region("B One", 1000, 1001)
B_FAR = Region("B Far", 1200, 1200)


@pytest.fixture(scope="module")
def lasting(tmp_path_factory):
    options = ["--silence-timeout", SILENCE_S]
    made = {"a": ([A_ONE, A_FAR], options), "b": ([B_ONE, B_FAR], options)}
    with Grid(tmp_path_factory.mktemp("endings"), made) as running:
        yield running


@pytest.fixture
def grid(lasting):
    """All processes run, whatever a test before has left."""
    lasting.start()
    return lasting


async def into(grid, account=None, at=B_FAR, kind=ViewerClient):
    """A client that the test itself sends away."""
    client = kind(grid)
    await client.enter(account or await asyncio.to_thread(grid.newcomer), at.start())
    await client.see()
    return client


# Ways to end. Each leaves the client without a session; a newer one is given to the stack if there is one.


async def log_out(grid, client):
    await client.log_out()
    await client.vanish()


async def log_out_and_crash(_grid, client):
    client.send("LogoutRequest", client.ids())
    await client.vanish()


async def crash(_grid, client):
    await client.vanish()


async def close(_grid, client):
    close_circuit(client)
    await client.vanish()


async def be_kicked(grid, client):
    mark = client.inbox.mark()
    await asyncio.to_thread(kick, grid, client, "Enough.")
    told = await client.inbox.expect("KickUser", since=mark)
    assert str(told["UserInfo"]["Reason"]) == "Enough."
    await client.vanish()


async def log_in_elsewhere(grid, client):
    """The newer session ends with a logout."""
    mark = client.inbox.mark()
    newer = await into(grid, client.account, A_FAR)
    told = await client.inbox.expect("KickUser", since=mark)
    assert str(told["UserInfo"]["Reason"])
    await client.vanish()
    await log_out(grid, newer)


WAYS = {
    "logout": (log_out, "logout"),
    "logout, and the viewer does not wait": (log_out_and_crash, "logout"),
    "the viewer crashes": (crash, "timeout"),
    "the viewer closes its circuit": (close, "timeout"),
    "kick": (be_kicked, "kick"),
    "a newer login": (log_in_elsewhere, "newer_login"),
}


@pytest.mark.parametrize("way", WAYS)
async def test_however_it_ends_it_ends_once_and_wholly(grid, way):
    end, reason = WAYS[way]
    client = await into(grid, at=B_ONE)
    agent, session, account = client.agent_id, client.session.id, client.account
    async with grid.viewer(at=A_ONE) as friend:
        await befriend(friend, client)
        mark = friend.inbox.mark()
        await end(grid, client)
        await sees_go(friend, agent, mark, patience=SILENCE_S + 10)
        await until(lambda: ended(grid, session), 5, "nothing is known of its end")
        reasons = [end["reason"] for end in ended(grid, session) if end["reason"]]
        assert reasons == [reason]
        await until(lambda: not presences(grid, agent), 5, "a presence is left")
        await friend.assert_alive()
        if reason != "newer_login":
            assert status_of(friend, agent, mark) == ["OfflineNotification"]
        async with grid.viewer(account, at=A_FAR) as back:
            await back.see()
    await is_quiet(grid)


async def test_when_a_simulator_ends_all_who_are_there_are_told_and_may_come_elsewhere(grid):
    process = grid.simulator_of(B_ONE)
    async with grid.viewer(at=A_ONE) as friend:
        clients = [await into(grid, at=at) for at in (B_ONE, B_FAR, B_ONE)]
        await befriend(friend, clients[0])
        agents, mark = [client.agent_id for client in clients], friend.inbox.mark()
        stopped = asyncio.create_task(asyncio.to_thread(process.stop, signal.SIGTERM))
        for client in clients:
            assert str((await client.inbox.expect("KickUser"))["UserInfo"]["Reason"])
        await stopped
        await sees_go(friend, agents[0], mark)
        assert not presences(grid, *agents)
        for client in clients:
            await client.vanish()
            async with grid.viewer(client.account, start="last") as back:
                assert back.place in (A_ONE, A_FAR)
                await back.see()
        grid.start()
        async with grid.viewer(clients[1].account, at=B_FAR) as back:
            await back.assert_alive()
    await is_quiet(grid)


async def test_a_simulator_is_killed_with_twenty_sessions(grid, timing):
    process = grid.simulator_of(B_ONE)
    async with grid.viewer(at=A_ONE) as friend:
        accounts = [await asyncio.to_thread(grid.newcomer) for _ in range(20)]
        clients = [await into(grid, account, at) for account, at in zip(accounts, [B_ONE, B_FAR] * 10)]
        for client in clients:
            await befriend(friend, client)
        agents, mark = [client.agent_id for client in clients], friend.inbox.mark()
        assert len(presences(grid, *agents)) == 20
        grid.crash(process)
        begun = time.monotonic()
        for client in clients:
            await client.vanish()

        # Ten do not wait for anything.
        at_once, later = clients[:10], clients[10:]
        times = []
        async with AsyncExitStack() as stack:
            for client in at_once:
                login = time.monotonic()
                back = await stack.enter_async_context(grid.viewer(client.account, at=A_FAR))
                times.append(time.monotonic() - login)
                timing("login after the simulator was killed", times[-1], GOAL_LOGIN_S)
                assert back.place is A_FAR
                await sees_come(friend, client.agent_id if client.session else back.agent_id, mark)
            gone = agents[10:]
            await until(lambda: not presences(grid, *gone), LEASE_BOUND_S + 2, "the grid still shows them")
            timing("kill -9 of a simulator to the grid showing its agents offline", time.monotonic() - begun,
                   LEASE_BOUND_S)
            for agent in gone:
                await sees_go(friend, agent, mark)
                assert not online(grid, agent)
            timing("kill -9 of a simulator to the last OfflineNotification", time.monotonic() - begun, LEASE_BOUND_S)
            for client in later:
                login = time.monotonic()
                back = await stack.enter_async_context(grid.viewer(client.account, at=A_ONE))
                timing("login after the simulator was killed", time.monotonic() - login, GOAL_LOGIN_S)
                await back.see()
            for agent in gone:
                assert status_of(friend, agent, mark)[0] == "OfflineNotification"
    grid.start()
    await is_quiet(grid)


async def test_a_simulator_that_stood_still_logs_nobody_out(grid):
    """Longer than the silence after which viewers count as gone: they were not silent, it was deaf."""
    process = grid.simulator_of(B_ONE)
    async with grid.viewer(at=B_ONE) as one, grid.viewer(at=B_ONE) as other, grid.viewer(at=B_FAR) as far:
        for client in (one, other, far):
            await client.see()
        process.freeze()
        try:
            await asyncio.sleep(SILENCE_S + 1.5)
        finally:
            process.thaw()
        for client in (one, other, far):
            await client.assert_alive()
            assert not client.inbox.since(0, "KickUser")
            assert presences(grid, client.agent_id) == [str(client.session.id)]
    await is_quiet(grid)


# Again and again, without a pause


async def in_a_row(grid, timing, what, end, times):
    account = await asyncio.to_thread(grid.newcomer)
    took = []
    for _ in range(times):
        client = ViewerClient(grid)
        begun = time.monotonic()
        await client.enter(account, A_ONE.start())
        took.append(time.monotonic() - begun)
        timing(f"login after {what}, no pause", took[-1], GOAL_LOGIN_S)
        await end(grid, client)
    # Whether it gets slower with time.
    half = max(1, times // 2)
    first, last = (statistics.median(part) * 1000 for part in (took[:half], took[-half:]))
    print(f"login after {what}, {times} in a row: median {statistics.median(took) * 1000:.0f} ms,"
          f" worst {max(took) * 1000:.0f} ms; the first half {first:.0f} ms, the second {last:.0f} ms")
    await is_quiet(grid)
    return took


@pytest.mark.expects_complaints  # of what was not acknowledged when it left
async def test_logging_out_and_in_without_a_pause(grid, timing):
    await in_a_row(grid, timing, "a logout", log_out, RELOGINS)


@pytest.mark.expects_complaints  # of what was not acknowledged when it left
async def test_crashing_and_logging_in_without_a_pause(grid, timing):
    await in_a_row(grid, timing, "a crash of the viewer", crash, RELOGINS)


async def test_stock_clients_log_out_and_in_without_a_pause(grid, timing):
    account = await asyncio.to_thread(grid.newcomer)
    for _ in range(max(1, RELOGINS // 3)):
        client = StockClient(grid)
        begun = time.monotonic()
        await client.enter(account, A_ONE.start())
        timing("login after a logout, stock, no pause", time.monotonic() - begun)
        await client.leave()
    await is_quiet(grid)


async def twins(grid, account, timing):
    """Two logins at the same moment: both are answered, the one that is answered last wins, and the other is told."""
    clients = [ViewerClient(grid), ViewerClient(grid)]
    answered = []

    async def log_in(client, region):
        begun = time.monotonic()
        handshake = client._log_in

        async def noted(*arguments):
            await handshake(*arguments)
            answered.append(client)
            timing("two logins at once: the answer", time.monotonic() - begun, GOAL_LOGIN_S)
        client._log_in = noted
        await client.enter(account, region.start())
    entering = {client: asyncio.create_task(log_in(client, at)) for client, at in zip(clients, (A_ONE, B_FAR))}
    # The call succeeds for both. The one that is ended may hear so before it has arrived, and then waits in vain.
    while len(answered) < 2:
        done, _ = await asyncio.wait(entering.values(), return_when=asyncio.FIRST_COMPLETED, timeout=0.01)
        assert not any(task.exception() for task in done if len(answered) < 2)
    first, last = answered
    await entering[last]
    agent = last.agent_id

    def one_root():
        roots = [session for session in here(grid) if session["agent"] == str(agent)
                 and session["standing"] in ("root", "arriving", "leaving")]
        return len(roots) == 1 and roots[0]["standing"] == "root" and roots[0]["session"]
    session = await until(one_root, 10, lambda: f"{here(grid)}")
    assert session == str(last.session.id)
    await until(lambda: presences(grid, agent) == [session], 5, "the grid has another session, or none")
    timing("two logins at once: the one that stays is in", last.login_s, GOAL_LOGIN_S)
    await last.see()
    # Where the other had arrived, it was told why; else its circuit was never opened.
    if first.inbox.since(0, "AgentMovementComplete"):
        await first.inbox.expect("KickUser")
    entering[first].cancel()
    await asyncio.wait([entering[first]])
    await last.log_out()
    for client in clients:
        await client.vanish()
    return last.login_s


async def test_two_logins_at_the_same_moment_leave_one_root_agent(grid, timing):
    account = await asyncio.to_thread(grid.newcomer)
    took = [await twins(grid, account, timing) for _ in range(TWINS)]
    print(f"two logins at once, {TWINS} times: median {statistics.median(took) * 1000:.0f} ms,"
          f" worst {max(took) * 1000:.0f} ms")
    await is_quiet(grid)
