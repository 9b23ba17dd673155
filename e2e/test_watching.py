"""`sojourn transfers` shows who said what to whom, put together from what both simulators saw."""

import asyncio
import re
import subprocess
from contextlib import asynccontextmanager

import pytest

from harness.client import Refused
from harness.grid import Grid
from harness.process import BINARY
from harness.world import Region

A_ONE = Region("A One", 1000, 1000)
B_FAR = Region("B Far", 1200, 1200)
B_CLOSED = Region("B Closed", 1300, 1300, options={"access": "members"})

# Steps of the published pages that a hop between simulators, out of sight, must show, each before the next. Lines of
# one column stand for what one side does, one after the other.
ORDERS = {
    "0.1": [
        ["P1", "P3", "P5", "P6", "P8", "T2", "T4", "T5", "T6", "T7", "C1"],  # the source
        ["P8", "T2A", "T9", "T9A", "T9B"],                                   # the destination
        ["T2", "T2A"], ["T6", "T9"], ["T4", "T9A"], ["T9A", "C1"],           # between them
    ],
    "0.8": [
        ["P1", "P3", "P5", "P6", "P8", "T1", "T3"],
        ["P8", "T1A", "T2", "T4", "T4A", "T4B"],
        ["T1", "T1A"], ["T1", "T1C"], ["T3", "T3A"], ["T3A", "T4"], ["T4A", "C1"],
    ],
}

LINE = re.compile(r"^ +\+([\d.]+) ms  (\S+) +([|o<>-][|o<> -]*?)  +(\w.*)$")


class Shown:
    """A transfer as it was printed."""

    def __init__(self, head):
        self.head = head
        self.lines = []  # (milliseconds, step, lanes, words)

    def steps(self):
        return [step for _, step, _, _ in self.lines]

    def words(self):
        return " ".join(words for *_, words in self.lines)


def read(text):
    """The transfers in what was printed."""
    found = []
    for line in text.splitlines():
        if " -> " in line and not line.startswith(" "):
            found.append(Shown(line))
        elif match := LINE.match(line):
            ms, step, lanes, words = match.groups()
            found[-1].lines.append((float(ms), step, lanes, words))
    return found


@pytest.fixture(scope="module", params=ORDERS)
def spoken(request):
    return request.param


@pytest.fixture(scope="module")
def grid(tmp_path_factory, spoken):
    options = ["--simulation-protocol", f"{spoken}..{spoken}"]
    simulators = {"a": ([A_ONE], options), "b": ([B_FAR, B_CLOSED], options)}
    with Grid(tmp_path_factory.mktemp("watching"), simulators) as running:
        yield running


def command(grid, *options):
    urls = [word for simulator in grid.simulators.values() for word in ("--url", simulator.url)]
    return [str(BINARY), "transfers", *urls, *options]


def transfers(grid, *options):
    done = subprocess.run(command(grid, *options), capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr
    return done.stdout


async def test_a_hop_is_a_sequence(grid, spoken):
    async with grid.viewer(at=A_ONE) as client:
        await client.teleport(B_FAR)
        await client.assert_alive()
        await grid.settles(client)
        text = transfers(grid, "--agent", client.account.name)
        shown, = read(text)
        for word in (client.account.name, A_ONE.name, B_FAR.name, "teleport", spoken, "departed"):
            assert word in shown.head, text
        times = [ms for ms, *_ in shown.lines]
        assert times == sorted(times), text
        steps = shown.steps()
        for order in ORDERS[spoken]:
            at = [steps.index(step) if step in steps else step for step in order]
            assert all(isinstance(place, int) for place in at), f"{order}: {at}\n{text}"
            assert at == sorted(at), f"{order}: {at}\n{text}"
        for message in ("TeleportLocationRequest", "TeleportStart", "TeleportFinish", "UseCircuitCode",
                        "CompleteAgentMovement", "AgentMovementComplete"):
            assert message in shown.words(), f"{message}\n{text}"


async def test_a_hop_that_failed_has_its_reason(grid):
    async with grid.viewer(at=A_ONE) as client:
        with pytest.raises(Refused) as refused:
            await client.teleport(B_CLOSED)
        text = transfers(grid, "--agent", str(client.agent_id))
        shown, = read(text)
        assert "refused" in shown.head, text
        assert "TeleportFailed" in shown.words() and str(refused.value) in shown.words(), text
        assert "T4A" not in shown.steps() and "T9A" not in shown.steps(), text
        await client.assert_alive()


async def test_hops_are_followed_as_they_happen(grid, spoken):
    arrival = {"0.1": "T9A", "0.8": "T4A"}[spoken]
    async with grid.viewer(at=A_ONE) as client:
        await client.teleport(B_FAR)
        async with followed(grid, client.account.name) as output:
            # What was before comes first, and then they are followed.
            await output.shows(lambda shown: arrival in shown.steps())
            for there in (A_ONE, B_FAR):
                output.forget()
                here = client.place
                await client.teleport(there)
                way = f"{here.name} -> {there.name}"
                await output.shows(lambda shown: arrival in shown.steps() and way in shown.head)


class Output:
    """What a process prints, while it does."""

    def __init__(self, stream):
        self.stream = stream
        self.text = ""

    def forget(self):
        self.text = ""

    async def shows(self, condition, patience=10):
        """Waits until a transfer that fulfils the condition has been printed to its end."""
        try:
            async with asyncio.timeout(patience):
                while not any(map(condition, read(self.text))) or not self.text.endswith("\n\n"):
                    line = await self.stream.readline()
                    assert line, f"it has ended after\n{self.text}"
                    self.text += line.decode()
        except TimeoutError:
            raise AssertionError(f"not shown within {patience} s; what was:\n{self.text}") from None


@asynccontextmanager
async def followed(grid, agent):
    process = await asyncio.create_subprocess_exec(
        *command(grid, "--agent", agent, "--follow"), stdout=asyncio.subprocess.PIPE)
    try:
        yield Output(process.stdout)
    finally:
        process.kill()
        await process.wait()


def test_who_does_not_answer_is_named(tmp_path):
    done = subprocess.run([str(BINARY), "transfers", "--url", "http://127.0.0.1:9/"], capture_output=True, text=True,
                          timeout=20)
    assert done.returncode != 0
    assert "127.0.0.1:9" in done.stderr
    assert "panicked" not in done.stderr
