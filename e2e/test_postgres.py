"""One grid of two processes on PostgreSQL: either of them may end, and so may the database for a moment."""

import asyncio
import subprocess
import uuid

import pytest

from harness.grid import SharedGrid
from harness.postgres import NoPostgres, Postgres
from harness.process import BINARY, Sojourn, lasting_ports
from harness.sessions import QUIET_S, here, online, presences, until
from harness.viewer import ViewerClient
from harness.wire import http, log_in, login_request
from harness.world import Region

A_ONE = Region("A One", 1000, 1000)
A_FAR = Region("A Far", 1100, 1100)
B_FAR = Region("B Far", 1200, 1200)
HOPS = (A_FAR, B_FAR, A_ONE)
CLIENTS = 3


@pytest.fixture(scope="module")
def postgres():
    try:
        with Postgres() as running:
            yield running
    except NoPostgres as why:
        pytest.skip(f"NOT TESTED: {why}")


@pytest.fixture(scope="module")
def grid(tmp_path_factory, postgres):
    made = {"a": ([A_ONE, A_FAR], ()), "b": ([B_FAR], ())}
    with SharedGrid(tmp_path_factory.mktemp("postgres"), made, postgres.url) as running:
        yield running


async def come_in(grid, account=None):
    client = ViewerClient(grid)
    await client.enter(account or await asyncio.to_thread(grid.newcomer), A_ONE.start())
    await client.see()
    return client


async def test_it_is_one_grid_whichever_process_is_asked(grid):
    account = grid.newcomer()
    first = await asyncio.to_thread(log_in, grid.uris[0], login_request(account, A_ONE.start()))
    second = await asyncio.to_thread(log_in, grid.uris[1], login_request(account, A_ONE.start()))
    assert [first["login"], second["login"]] == ["true", "true"], (first, second)
    assert presences(grid, uuid.UUID(second["agent_id"])) == [str(uuid.UUID(second["session_id"]))]


async def test_two_logins_at_the_same_moment_leave_one_session(grid):
    account = grid.newcomer()
    both = await asyncio.gather(
        *(asyncio.to_thread(log_in, uri, login_request(account, A_ONE.start())) for uri in 2 * grid.uris))
    assert all(answer["login"] == "true" for answer in both), both
    living = presences(grid, uuid.UUID(both[0]["agent_id"]))
    assert len(living) == 1 and living[0] in [str(uuid.UUID(answer["session_id"])) for answer in both]


def test_wrong_passwords_are_counted_together(grid):
    account = grid.newcomer()
    wrong = {**login_request(account), "passwd": "$1$" + "0" * 32}
    reasons = [log_in(grid.uris[n % 2], wrong)["message"] for n in range(12)]
    assert len(set(reasons[:10])) == 1 and reasons[10] != reasons[0] and reasons[11] != reasons[0], reasons
    assert log_in(grid.uris[0], login_request(account))["login"] == "false", "not even the right one, for a while"


async def test_a_session_outlives_its_grids_processes(grid, postgres, timing):
    async def end_and_begin(process):
        await asyncio.to_thread(process.kill)
        await asyncio.sleep(1)
        await asyncio.to_thread(grid.start)

    async def trouble():
        for process in grid.grids:
            await end_and_begin(process)
        await asyncio.to_thread(postgres.restart)
        for process in grid.grids:
            await end_and_begin(process)

    async def hop(client, until_done):
        hops = 0
        while not until_done.done() or hops < len(HOPS):
            timing("hop while the grid's processes and its database are restarted",
                   await client.teleport(HOPS[hops % len(HOPS)]))
            hops += 1
        return hops

    clients = [await come_in(grid) for _ in range(CLIENTS)]
    sessions = {str(client.session.id) for client in clients}
    troubled = asyncio.create_task(trouble())
    hops = await asyncio.gather(*(hop(client, troubled) for client in clients))
    await troubled
    assert all(hops)
    for client in clients:
        await client.assert_alive()
        assert online(grid, client.agent_id)
    assert sessions <= set(presences(grid)), "a session was lost"
    for client in clients:
        await client.log_out()
        await client.vanish()

    def remain():
        return sessions & {*presences(grid), *(each["session"] for each in here(grid))}
    await until(lambda: not remain(), QUIET_S, lambda: f"{remain()} are left")


def test_the_private_side_demands_a_key(grid, tmp_path):
    form = b"METHOD=get_default_regions&SCOPEID=00000000-0000-0000-0000-000000000000"
    private = grid.private.url + "grid"
    status, answer, headers = http(private, form, "application/x-www-form-urlencoded")
    assert status == 401 and headers["WWW-Authenticate"].startswith("Basic"), (status, answer)
    key = grid.command("simulator-key", "add", "passing").stdout.splitlines()[-1]
    assert http(private, form, "application/x-www-form-urlencoded", key=key)[0] == 200
    assert http(private, form, "application/x-www-form-urlencoded", key=key[:-1])[0] == 401
    assert "passing" in grid.command("simulator-key", "list").stdout
    assert key not in grid.sql("SELECT * FROM simulator_keys")[0]
    again = grid.command("simulator-key", "add", "passing", check=False)
    assert again.returncode != 0 and "passing" in again.stderr
    grid.command("simulator-key", "remove", "passing")
    assert "passing" not in grid.command("simulator-key", "list").stdout
    assert grid.services.get("/healthz")[0] == 200, "that is nobody's secret"

    port, = lasting_ports(1)
    keyless = Sojourn(["simulator", "--grid", grid.private.url, "--login", grid.uri, "--port", port,
                       "--data", tmp_path / "keyless"], tmp_path / "says", port)
    keyless.begin()
    assert keyless.process.wait(20) != 0
    assert "SOJOURN_SIMULATOR_KEY" in keyless.said()


def test_it_is_open_to_whom_the_operator_opens_it_and_says_so(postgres, tmp_path):
    public, private = lasting_ports(2)
    process = Sojourn(["grid", "--data", tmp_path / "grid", "--database", postgres.url, "--port", public,
                       "--private-port", private, "--open-to", "127.0.0.0/8"], tmp_path / "says", private).start()
    try:
        assert "127.0.0.0/8" in process.said()
        form = b"METHOD=get_default_regions&SCOPEID=00000000-0000-0000-0000-000000000000"
        assert http(process.url + "grid", form, "application/x-www-form-urlencoded")[0] == 200
    finally:
        process.stop()


def test_a_grid_waits_for_its_database(postgres, tmp_path):
    postgres.stop()
    try:
        public, private = lasting_ports(2)
        grid = Sojourn(["grid", "--data", tmp_path / "grid", "--database", postgres.url, "--port", public,
                        "--private-port", private], tmp_path / "says", private)
        grid.begin()
        asyncio.run(until(lambda: "out of reach" in grid.said(), 20, "it does not say that it waits"))
        assert grid.lives
    finally:
        postgres.start()
    grid.await_readiness()
    grid.stop()


@pytest.mark.parametrize("place, word", [("{user}:secret@{host}/nowhere", "nowhere"), ("x:secret@[", "not a database")])
def test_a_database_that_is_none_is_named_but_not_its_password(postgres, tmp_path, place, word):
    host = postgres.url.partition("@")[2].partition("/")[0]
    url = "postgres://" + place.format(user="postgres", host=host)
    done = subprocess.run([BINARY, "grid", "--data", tmp_path, "--database", url], text=True, capture_output=True,
                          timeout=30, check=False)
    said = done.stdout + done.stderr
    assert done.returncode != 0 and word in said and "secret" not in said, said
