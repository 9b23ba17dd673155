"""Holes that grids have been seen to have, tried on the running binary. What each test is about, and what is tried beside
the code, is in docs/operate/security.md."""

import asyncio
import base64
import contextlib
import http.client
import json
import re
import socket
import stat
import xmlrpc.client
from pathlib import Path

import pytest
from hippolyzer.lib.base.datatypes import UUID

from harness.grid import Grid
from harness.people import messages_from
from harness.process import Sojourn, lasting_ports
from harness.wire import log_in, login_request
from harness.world import ONE, Region

ROOT = Path(__file__).parents[1]

A_ONE = Region("A One", 1000, 1000)

# What a proxy on this machine adds to what a stranger asks.
BY_PROXY = {"X-Forwarded-For": "203.0.113.5"}
EVIL = "evil.example.com"
# What simulators ask of a grid; elsewhere these mean nothing.
SERVICES = ("/grid", "/presence", "/griduser", "/accounts", "/auth/plain", "/avatar", "/xinventory", "/assets",
            "/agentprefs", "/mutelist", "/removemap", "/get_assets_exist")


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    with Grid(tmp_path_factory.mktemp("doors"), {"a": ([A_ONE], [])}) as running:
        yield running


def ask(port, method, path, body=b"", **headers):
    """Status and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(connection):
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return response.status, response.read()


def region_id(world, name):
    """Regions that somebody is in."""
    here = json.loads(ask(world.server.port, "GET", "/sessions")[1])["sessions"]
    return next(session["region_id"] for session in here if session["region"] == name)


def instant_message(sender, to, text, dialog=0):
    """As simulators send them to each other."""
    members = {
        "from_agent_id": str(sender), "from_agent_session": str(UUID.ZERO), "to_agent_id": str(to),
        "im_session_id": str(UUID.random()), "timestamp": "0", "from_agent_name": "Somebody Else", "message": text,
        "dialog": base64.b64encode(bytes([dialog])).decode(), "from_group": "FALSE", "offline": "AA==",
        "parent_estate_id": "1", "position_x": "1", "position_y": "1", "position_z": "1",
        "region_id": str(UUID.ZERO), "region_handle": "0", "binary_bucket": "AA==",
    }
    return xmlrpc.client.dumps((members,), "grid_instant_message").encode()


def test_what_the_table_says_is_tested_is():
    text = (ROOT / "docs/operate/security.md").read_text()
    named = re.findall(r"`(?:[\w.]+::)+(\w+)`", text)
    assert len(named) > 40
    files = [*ROOT.glob("crates/*/src/**/*.rs"), *ROOT.glob("crates/*/tests/**/*.rs"), *ROOT.glob("e2e/test_*.py")]
    known = {name for path in files for name in re.findall(r"\b(?:fn|def) (\w+)\(", path.read_text())}
    assert set(named) - {"tests"} <= known


# Pages elsewhere


def test_a_page_elsewhere_does_not_read_ours_under_its_own_name(world, grid):
    """DNS rebinding: the page's name leads to this machine, and the browser takes us for the page's server."""
    for port in (world.server.port, grid.services.port):
        for path in ("/operate", "/operate/login"):
            assert ask(port, "GET", path, Host=EVIL)[0] == 403
            assert ask(port, "GET", path, Host=f"{EVIL}:{port}")[0] == 403
        assert ask(port, "GET", "/operate/login")[0] == 200
        assert ask(port, "GET", "/operate/login", Host=f"localhost:{port}")[0] == 200
    for path in ("/sessions", "/transfers"):
        assert ask(world.server.port, "GET", path, Host=EVIL)[0] == 403
        assert ask(world.server.port, "GET", path)[0] == 200


def test_a_page_elsewhere_asks_nothing_of_an_open_private_port(grid):
    """A form that a page sends needs nobody's leave."""
    form = b"METHOD=getregions&SCOPEID=00000000-0000-0000-0000-000000000000"
    kind = "application/x-www-form-urlencoded"
    for path in SERVICES:
        for sign in ({"Origin": f"http://{EVIL}"}, {"Sec_Fetch_Site": "cross-site"}):
            assert ask(grid.services.port, "POST", path, form, Content_Type=kind, **sign)[0] == 403, path
    assert ask(grid.services.port, "POST", "/grid", form, Content_Type=kind)[0] == 200


def test_commands_are_the_grids_and_the_owners(world):
    command = json.dumps({"command": "notice", "text": "forged"}).encode()
    for method in ("POST", "PUT", "GET"):
        assert ask(world.server.port, method, "/sojourn/command", command, Content_Type="application/json")[0] == 403
    control = world.data / "control.sock"
    assert stat.S_IMODE(control.stat().st_mode) & 0o077 == 0


def test_services_are_on_the_private_port_alone(world, grid):
    public = int(grid.uri.strip("/").rpartition(":")[2])
    simulator = grid.simulators["a"].port
    for port in (world.server.port, public, simulator):
        for path in SERVICES:
            for method in ("GET", "POST", "PUT", "DELETE"):
                status, _ = ask(port, method, path, b"METHOD=getaccount")
                assert status in (404, 405), f"{method} {path} on {port}: {status}"
        status, _ = ask(port, "POST", f"/object/{UUID.random()}/", b"{}", Content_Type="application/json")
        assert status == 404


# Words in somebody's name


async def test_forged_words_about_an_agent_do_nothing_to_it(world):
    """Whoever sees packets pass knows agent and session; whoever knows people knows agents."""
    async with world.stock(at=ONE) as inside:
        agent, session, port = inside.agent_id, inside.session.id, world.server.port
        region = await asyncio.to_thread(region_id, world, ONE.name)

        def tried():
            yield "DELETE", f"/agent/{agent}/{region}/release/", None, {}
            yield "DELETE", f"/agent/{agent}/{region}/release/{UUID.random()}/", None, {}
            yield "DELETE", f"/agent/{agent}/{region}/", None, {}
            yield "DELETE", f"/agent/{agent}/{region}/?auth={UUID.random()}", None, {}
            yield "DELETE", f"/agent/{agent}/{region}/?auth={session}", None, BY_PROXY
            ids = {"agent_uuid": str(agent), "session_uuid": str(session), "agent_id": str(agent),
                   "session_id": str(session), "session": str(session), "destination_uuid": str(region)}
            yield "POST", f"/sojourn/agent/{agent}/{region}/end", {**ids, "reason": "forged"}, {}
            yield "POST", f"/agent/{agent}/", {**ids, "circuit_code": "1", "start_pos": "<1, 1, 1>"}, BY_PROXY
            yield "PUT", f"/agent/{agent}/", {**ids, "message_type": "AgentData"}, {}
            yield "PUT", f"/agent/{agent}/", {**ids, "message_type": "AgentPosition", "position": "<1, 1, 1>",
                                              "region_handle": str(ONE.handle)}, BY_PROXY

        for method, path, body, headers in tried():
            told = json.dumps(body).encode() if body else b""
            kind = {"Content_Type": "application/json"} if body else {}
            status, said = await asyncio.to_thread(ask, port, method, path, told, **kind, **headers)
            # Releases name the address they are good for, closes the session: others are answered and not obeyed.
            assert status >= 400 or method == "DELETE", (method, path, status, said)
            assert inside.place is ONE
            await inside.assert_alive()
        # The grid is in that process, so that nobody else is.
        kick = instant_message(UUID("6571e388-6218-4574-87db-f9379718315e"), agent, "", 250)
        assert (await asyncio.to_thread(ask, port, "POST", "/", kick, Content_Type="text/xml"))[0] == 403
        await inside.assert_alive()


async def test_forged_words_of_a_person_are_not_heard(world):
    async with world.stock(at=ONE) as inside, world.stock(at=ONE) as other:
        port, mark = world.server.port, inside.inbox.mark()
        forged = instant_message(other.agent_id, inside.agent_id, "forged")
        status, _ = await asyncio.to_thread(ask, port, "POST", "/", forged, Content_Type="text/xml", **BY_PROXY)
        assert status == 403
        ids = f"FromID={other.agent_id}&ToID={inside.agent_id}"
        for deed in ("friendship_offered&Message=forged&FromName=x", "friendship_approved&FromName=x",
                     "grant_rights&UserFlags=0&Rights=7", "status&Online=True"):
            form = f"METHOD={deed}&{ids}".encode()
            headers = BY_PROXY if deed.startswith("status") else {}
            status, said = await asyncio.to_thread(ask, port, "POST", "/friends", form, **headers)
            assert status == 403, (deed, status, said)
        # What is said after that has been heard, and nothing before it.
        await inside.catch_up()
        assert not messages_from(inside, other.agent_id, mark)
        assert not inside.inbox.since(mark, "OnlineNotification", "OfflineNotification", "ChangeUserRights")


# Those who take all there is


async def test_slow_and_silent_connections_leave_room_for_others(world):
    with contextlib.ExitStack() as held:
        def connect(address):
            connection = socket.create_connection(("127.0.0.1", world.server.port), 10, (address, 0))
            connection.settimeout(2)
            return held.enter_context(connection)

        def besiege():
            for _ in range(400):
                connect("127.0.0.3").sendall(b"POST / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
            # Smaller and smaller ones, until there is no room for any.
            for size in (1 << power for power in range(24, 10, -1) for _ in range(6)):
                slow = connect("127.0.0.2")
                head = f"POST /agent/{UUID.random()}/ HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n"
                # All but the end of it, if it is taken in.
                with contextlib.suppress(OSError):
                    slow.sendall(head.encode() + b" " * (size - 1))

        await asyncio.to_thread(besiege)
        async with world.stock() as client:
            await client.assert_alive()


def test_guessed_passwords_are_counted(world):
    account = world.newcomer()
    wrong = {**login_request(account), "passwd": "$1$" + "0" * 32}
    answers = [log_in(world.uri, wrong) for _ in range(12)]
    assert all(answer["login"] == "false" for answer in answers)
    assert len({answer["message"] for answer in answers}) > 1, "it has been told to wait"
    # Nobody locks out the owner of an account who has been there from that address before.
    other = world.newcomer()
    assert log_in(world.uri, login_request(other))["login"] == "true"
    for _ in range(12):
        log_in(world.uri, {**login_request(other), "passwd": "$1$" + "0" * 32})
    assert log_in(world.uri, login_request(other))["login"] == "true"


# A grid that others reach


def test_a_grid_that_others_reach_demands_keys(tmp_path):
    """No grid starts open on an address that is not this machine's own."""
    public, private = lasting_ports(2)
    process = Sojourn(["grid", "--data", tmp_path / "data", "--bind", "0.0.0.0", "--host", "127.0.0.1", "--port", public,
                       "--private-port", private], tmp_path / "says", private)
    try:
        process.start()
        for path in SERVICES:
            assert ask(private, "POST", path, b"METHOD=getaccount")[0] == 401, path
        process.stop()
    finally:
        process.kill()
