"""Starting and stopping, on empty and on existing data."""

import re
import signal
import socket
import subprocess

from harness.process import BINARY, Sojourn, lasting_ports, lasting_row
from harness.viewer import ViewerClient
from harness.wire import hashed, log_in, login_request
from harness.world import ONE, Account, World


def first_account(said):
    """Name and password as a first start prints them."""
    found = re.search(r'account[^\n]*?"?([A-Z]\w+ [A-Z]\w+)"?[^\n]*\n?[^\n]*?password:?\s+"?(\S+?)"?\s*$', said,
                      re.M | re.I)
    return found and Account(*found[1].split(), found[2])


def test_is_ready_on_empty_data_and_again_on_the_same(tmp_path, timing):
    with World(tmp_path) as world:
        timing("start on empty data", world.server.ready_s)
        assert world.server.ready_line() == world.uri
        account = world.newcomer()
    with World(tmp_path) as again:
        timing("start on existing data", again.server.ready_s)
        assert again.server.ready_line() == again.uri
        assert log_in(again.uri, login_request(account))["login"] == "true"


def test_the_first_account_is_printed_once_and_works(tmp_path):
    with World(tmp_path) as world:
        account = first_account(world.server.said())
        assert account, f"no account in:\n{world.server.said()}"
        assert log_in(world.uri, login_request(account))["login"] == "true"
        assert world.server.said().count(account.password) == 1
    with World(tmp_path) as again:
        assert account.password not in again.server.said()
        assert log_in(again.uri, login_request(account))["login"] == "true"


def test_the_password_is_not_stored_as_typed(tmp_path):
    with World(tmp_path) as world:
        world.newcomer("correct horse battery")
    stored = b"".join(path.read_bytes() for path in world.data.rglob("*") if path.is_file())
    assert b"correct horse battery" not in stored
    assert hashed("correct horse battery")[3:].encode() not in stored


async def test_without_a_world_file_there_are_five_regions(tmp_path):
    port = lasting_row(6)[0]
    server = Sojourn(["--data", tmp_path / "data", "--port", port], tmp_path, port)
    try:
        server.start()
        world = World.__new__(World)
        world.server, world.data, world.regions = server, tmp_path / "data", ()
        account = Account("Tess", "Built-In")
        world.command("user", "add", account.name, "--password-stdin", stdin=account.password)
        client = ViewerClient(world)
        try:
            await client.enter(account, "last")
            # Three more around it, and one out of sight that only the map knows.
            await client.inbox.until(lambda: len(client.session.regions) == 4, what="three neighbours")
            await client.inbox.until(lambda: client.counts()["RegionHandshake"] >= 4, what="four handshakes")
        finally:
            await client.leave()
        server.stop()
    finally:
        server.kill()


def test_interrupt_ends_it_as_well(tmp_path):
    world = World(tmp_path, regions=(ONE,))
    try:
        world.server.start()
        world.server.stop(by=signal.SIGINT)
    finally:
        world.server.kill()


def test_a_start_that_waits_for_its_database_can_be_ended(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # connections come about and nothing answers
        public, private = lasting_ports(2)
        database = f"postgres://sojourn:x@127.0.0.1:{silent.getsockname()[1]}/sojourn"
        grid = Sojourn(["grid", "--data", tmp_path / "data", "--database", database, "--port", public,
                        "--private-port", private], tmp_path, private)
        try:
            grid.begin()
            silent.settimeout(20)
            connection, _ = silent.accept()
            with connection:
                grid.stop()
            assert not grid.ready_line()
        finally:
            grid.kill()


def test_a_simulator_that_waits_for_its_grid_can_be_ended(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        grid, port = f"http://127.0.0.1:{silent.getsockname()[1]}", lasting_row(6)[0]
        simulator = Sojourn(["simulator", "--grid", grid, "--data", tmp_path / "data", "--port", port], tmp_path, port)
        try:
            simulator.begin()
            silent.settimeout(20)
            connection, _ = silent.accept()
            with connection:
                simulator.stop()
        finally:
            simulator.kill()


def test_two_grids_do_not_share_a_file(tmp_path):
    ports = lasting_ports(4)
    grids = [Sojourn(["grid", "--data", tmp_path / "data", "--port", public, "--private-port", private],
                     tmp_path / str(public), private) for public, private in (ports[:2], ports[2:])]
    try:
        first, second = grids
        first.start()
        second.begin()
        assert second.process.wait(20) != 0
        assert "another grid runs on" in second.said()
        # Accounts are kept, and what is logged is changed, while it runs.
        command = [str(BINARY), "debug", "log", "debug", "--data", str(tmp_path / "data")]
        assert subprocess.run(command, capture_output=True, text=True, timeout=20).returncode == 0
        kick = [str(BINARY), "kick", "First Resident", "--data", str(tmp_path / "data")]
        done = subprocess.run(kick, capture_output=True, text=True, timeout=20)
        assert done.returncode != 0 and "no regions" in done.stderr, done.stderr
        first.stop()
        second.start()
        second.stop()
    finally:
        for grid in grids:
            grid.kill()


def test_commands_make_no_world(tmp_path):
    mistyped = tmp_path / "mistyped"
    for command in (("user", "list"), ("user", "password", "Ada Lovelace", "--password-stdin"),
                    ("simulator-key", "list"), ("operator", "password", "--password-stdin")):
        done = subprocess.run([str(BINARY), *command, "--data", str(mistyped)], input="secret", capture_output=True,
                              text=True, timeout=20)
        assert done.returncode != 0 and "no world at" in done.stderr, (command, done.stderr)
    assert not mistyped.exists()


def test_a_world_can_have_people_and_keys_before_it_starts(tmp_path):
    world = World(tmp_path)
    for command in (("user", "add", "Ada Lovelace", "--password-stdin"), ("simulator-key", "add", "a")):
        done = subprocess.run([str(BINARY), *command, "--data", str(world.data)], input="secret",
                              capture_output=True, text=True, timeout=20)
        assert done.returncode == 0, done.stderr
    with world:
        assert log_in(world.uri, login_request(Account("Ada", "Lovelace", "secret")))["login"] == "true"


def test_a_port_in_use_is_named_and_the_status_is_not_zero(tmp_path):
    with World(tmp_path / "first") as first:
        arguments = ["standalone", "--data", str(tmp_path / "second"), "--port", str(first.server.port)]
        second = subprocess.run([str(BINARY), *arguments, "--world", str(first.file)], capture_output=True, text=True,
                                timeout=20)
        assert second.returncode != 0
        assert str(first.server.port) in second.stdout + second.stderr
        assert "panicked" not in second.stdout + second.stderr


def test_a_broken_world_file_is_named_with_what_is_wrong(tmp_path):
    world = World(tmp_path)
    world.file.write_text('[[region]]\nname = "No Place"\n')
    done = subprocess.run(world.server.arguments, capture_output=True, text=True, timeout=20)
    assert done.returncode != 0
    assert "world.toml" in done.stdout + done.stderr
    assert "panicked" not in done.stdout + done.stderr


def test_help_names_every_command(tmp_path):
    done = subprocess.run([str(BINARY), "help"], capture_output=True, text=True, timeout=10)
    assert done.returncode == 0
    for command in ("standalone", "user", "debug"):
        assert re.search(rf"^\s+{command}\b", done.stdout, re.M), done.stdout
