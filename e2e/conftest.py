"""How the tests are run: coroutines are awaited, a client that complains fails its test, times are printed."""

import asyncio
import inspect
import logging
import os
import statistics
from collections import defaultdict

import pytest

from harness.client import StockClient
from harness.viewer import ViewerClient
from harness.world import World

# No single test may hang the suite. Sizes that are run by hand take longer.
PATIENCE_S = int(os.environ.get("E2E_PATIENCE", 180))

# On the build machine everything is there that the tests need.
STRICT = "SOJOURN_STRICT" in os.environ

TIMINGS = defaultdict(list)
GOALS = {}

# What stock hippolyzer complains of although nothing is wrong.
TOLERATED = (
    "'RenderMaterials is not a full URL and not a Cap'",  # it asks every region for materials, granted or not
    # It has logged out while one of its tasks was still opening a circuit to a neighbour.
    "<Task pending name='Region Connect'",
    # It has logged out and closed its socket, and one of its tasks still wants to send.
    "AttributeError(\"'NoneType' object has no attribute 'call_exception_handler'\")",
)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}

    async def test():
        async with asyncio.timeout(PATIENCE_S):
            await pyfuncitem.obj(**arguments)

    asyncio.run(test())
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Where we are strict, what cannot be tested is an error."""
    report = yield
    if STRICT and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was left out: {call.excinfo.value}"
    return report


class Complaints(logging.Handler):
    """What the clients log as wrong: an exception in their handlers, a message that they refuse."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.texts = []

    def emit(self, record):
        text = record.getMessage()
        if record.exc_info and record.exc_info[1] is not None:
            text += f": {record.exc_info[1]!r}"
        grave = record.levelno >= logging.ERROR or "over UDP, when it should come over the event queue" in text
        if grave and not any(known in text for known in TOLERATED):
            self.texts.append(text)


@pytest.fixture(autouse=True)
def complaints(request):
    handler = Complaints()
    logging.getLogger().addHandler(handler)
    yield handler
    logging.getLogger().removeHandler(handler)
    if not request.node.get_closest_marker("expects_complaints"):
        assert not handler.texts, "the client complained:\n" + "\n".join(handler.texts[:10])


@pytest.fixture(scope="module")
def world(tmp_path_factory, request):
    """One world for all tests of a file; each brings its own accounts."""
    with World(tmp_path_factory.mktemp(request.module.__name__)) as running:
        yield running
        # Kept with the temporary folder; the end of a log says most when a test has failed.
        print(running.server.log)


@pytest.fixture(params=[StockClient, ViewerClient], ids=["stock", "viewer"])
def kind(request):
    """Both kinds of client, one after the other."""
    return request.param


@pytest.fixture
def timing():
    """Keeps a duration for the summary. Never asserted: a slow machine is no defect. A goal (seconds) is shown beside
    it."""
    def keep(what, seconds, goal=None):
        TIMINGS[what].append(seconds)
        if goal:
            GOALS[what] = goal
    return keep


def pytest_sessionfinish(session):
    """One of several worker processes hands its times to the one that prints."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["times"] = (dict(TIMINGS), GOALS)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    timings, goals = getattr(node, "workeroutput", {}).get("times", ({}, {}))
    GOALS.update(goals)
    for what, times in timings.items():
        TIMINGS[what].extend(times)


def pytest_terminal_summary(terminalreporter):
    if not TIMINGS:
        return
    terminalreporter.section("times seen by the clients")
    for what, times in sorted(TIMINGS.items()):
        median, worst = statistics.median(times), max(times)
        # With fewer than a hundred the worst says the same.
        late = statistics.quantiles(times, n=100)[98] if len(times) >= 100 else worst
        line = (f"{what:<60} {len(times):>4} times   median {median * 1000:8.1f} ms"
                f"   99 % within {late * 1000:8.1f} ms   worst {worst * 1000:8.1f} ms")
        if goal := GOALS.get(what):
            line += f"   median / goal of {goal * 1000:.0f} ms: {median / goal:.2f}"
        terminalreporter.write_line(line)
