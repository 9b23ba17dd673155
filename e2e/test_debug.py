"""The switches of a running process: packets, HTTP and event queues in its log, while they are wanted."""

import asyncio
import subprocess

import pytest

from harness.process import BINARY
from harness.world import EAST, ONE


class Log:
    """What the server has logged since the test began."""

    def __init__(self, world):
        self.world = world
        self.begin = len(world.server.said())

    def lines(self, *words):
        text = self.world.server.said()[self.begin:]
        return [line for line in text.splitlines() if all(word in line for word in words)]

    async def shows(self, *words):
        for _ in range(100):
            if found := self.lines(*words):
                return found[0]
            await asyncio.sleep(0.05)
        raise AssertionError(f"no line with {words}")


@pytest.fixture
def log(world):
    yield Log(world)
    for switch in ("packet", "http", "eq"):
        world.command("debug", switch, "0")


async def test_packets(world, log):
    async with world.viewer(at=ONE) as client:
        await client.inbox.expect("RegionHandshake", where=lambda m: m.sender == client.address_of(EAST))
        assert not log.lines("ChatFromViewer")
        world.command("debug", "packet", "1")
        await client.say("for the log")
        line = await log.shows("ChatFromViewer", client.account.name, ONE.name)
        assert " IN " in line or " in " in line
        await log.shows("ChatFromSimulator", client.account.name, ONE.name)
        # The child agents are told apart.
        await client.teleport(EAST)
        await log.shows("child", client.account.name)
        world.command("debug", "packet", "0")
        quiet = Log(world)
        await client.say("not for the log")
        await client.hear("not for the log")
        assert not quiet.lines("ChatFromViewer")


async def test_http(world, log):
    async with world.viewer(at=ONE) as client:
        world.command("debug", "http", "6")
        await client.post("UpdateAgentLanguage", {"language": "fr", "language_is_public": False})
        line = await log.shows("HTTP", "POST", "UpdateAgentLanguage")
        assert client.account.name in line or str(client.agent_id) in line or "127.0.0.1" in line
        await log.shows("HTTP", "took")
        world.command("debug", "http", "0")
        quiet = Log(world)
        await client.post("UpdateAgentLanguage", {"language": "fr", "language_is_public": False})
        assert not quiet.lines("UpdateAgentLanguage")


async def test_event_queues(world, log):
    async with world.viewer(at=ONE) as client:
        world.command("debug", "eq", "1")
        await client.teleport(EAST)
        await log.shows("TeleportFinish", client.account.name, ONE.name)
        await log.shows("POLLED", EAST.name)


def test_without_a_running_process_it_says_so(world, tmp_path):
    done = subprocess.run([str(BINARY), "debug", "packet", "1", "--data", str(tmp_path)], capture_output=True,
                          text=True, timeout=10)
    assert done.returncode != 0
    assert done.stderr
    assert "panicked" not in done.stderr


def test_an_unknown_switch_is_refused(world):
    assert world.command("debug", "everything", "1", check=False).returncode != 0
    assert world.command("debug", "packet", "loud", check=False).returncode != 0
