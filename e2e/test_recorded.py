"""Every recorded login and logout has its counterpart: what OpenSimulator said to whom, and in which order, beside what
we say in the same scene. `golden/` has the recordings in excerpt; `golden/exceptions.txt` says where we differ on
purpose, and no other difference is allowed."""

import asyncio
import fnmatch
from pathlib import Path

import pytest

from harness.grid import Grid
from harness.meddler import Meddler
from harness.people import befriend, sees_come, sees_go
from harness.sessions import is_quiet, presences, steps_of, until
from harness.viewer import ViewerClient
from harness.world import Region

GOLDEN = Path(__file__).parent / "golden"

# What comes all the time, and is not in the recordings' excerpts.
ALWAYS = {"AgentAnimation", "AgentUpdate", "CoarseLocationUpdate", "CompletePingCheck", "HealthMessage",
          "ImprovedTerseObjectUpdate", "LayerData", "PacketAck", "SimStats", "SimulatorViewerTimeMessage",
          "StartPingCheck"}

#     A One | A Two | B One        A Far        B Far        B Quiet
A_ONE = Region("A One", 1000, 1000)
A_TWO = Region("A Two", 1001, 1000)
B_ONE = Region("B One", 1002, 1000)
A_FAR = Region("A Far", 1100, 1100)
B_FAR = Region("B Far", 1200, 1200)
B_QUIET = Region("B Quiet", 1400, 1400)

# Where the user is, the neighbour, and where the friend is.
SCENES = {
    "0.7.5.1-login": (A_ONE, A_TWO, B_QUIET),
    "0.7.6.1-login": (A_ONE, A_TWO, B_QUIET),
    "0.9.2.2-login": (A_ONE, A_TWO, B_FAR),
    "0.7.5.1-logout": (A_ONE, A_TWO, B_QUIET),
    "0.7.6.1-logout": (A_ONE, A_TWO, B_QUIET),
    "0.9.2.2-logout": (B_ONE, A_TWO, B_FAR),
    "0.9.2.2-logout-friend-on-other-sim": (A_FAR, None, B_FAR),
    "0.7.5.1-logout-friend-simulator-down": (A_ONE, A_TWO, B_QUIET),
    "0.7.6.1-logout-friend-simulator-down": (A_ONE, A_TWO, B_QUIET),
}


def recordings():
    return sorted(path.stem for path in GOLDEN.glob("*-log*.txt"))


def recorded(name):
    """[(step, names of fields)] in their order."""
    lines = (GOLDEN / f"{name}.txt").read_text().splitlines()
    return [(step, fields.split()) for step, _, fields in (line.partition(":") for line in lines)]


def exceptions(name):
    """[(difference, or a pattern of several, whether none of them may be there)] of this scene."""
    found = []
    for line in (GOLDEN / "exceptions.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            scenes, difference, reason = (part.strip() for part in line.split("|"))
            assert reason
            if any(fnmatch.fnmatchcase(name, scene) for scene in scenes.split()):
                found.append((difference.removeprefix("maybe "), difference.startswith("maybe ")))
    return found


# What we say


class Watch:
    """All that is said from now on."""

    def __init__(self, meddler):
        self.meddler = meddler
        self.from_note = len(meddler.noted)
        self.said = []

    def hear(self, client, mark, roles, listener):
        for at, message in client.inbox.messages[mark:]:
            role = next((role for role, region in roles.items()
                         if region and message.sender == client.address_of(region)), None)
            # Events have no sender; they come by the queue of the region that they are about, or of the user's.
            role = role or ("here" if listener == "viewer" else "friend's region")
            if message.name not in ALWAYS:
                self.said.append((at, f"{role} -> {listener} {message.name}", []))

    def steps(self):
        """[(step, names of fields)], each at its first time, in order."""
        for at, name, form in self.meddler.noted[self.from_note:]:
            fields = sorted({field.removesuffix("[]").rstrip("0123456789_") + "[]" * field.endswith("[]")
                             for field in form if not field.startswith("VERSION")})
            if name in ("QueryAccess", "CreateAgent"):
                self.said.append((at, f"grid -> simulator {name}", []))
            elif name == "friends.status":
                self.said.append((at, f"simulator -> simulator {name}", fields))
            elif "." in name:
                self.said.append((at, f"simulator -> grid {name}", fields))
            elif name != "other":
                self.said.append((at, f"simulator -> simulator {name}", []))
        found = {}
        for _, step, fields in sorted(self.said, key=lambda said: said[0]):
            found.setdefault(step, fields)
        return list(found.items())


def differences(theirs, ours):
    """In words, each in one of the forms that exceptions have."""
    found = set()
    mine, their_order = dict(ours), [step for step, _ in theirs]
    order = [step for step, _ in ours]
    for step, fields in theirs:
        if step not in mine:
            found.add(f"not said: {step}")
            continue
        found |= {f"no field: {step}: {field}" for field in set(fields) - set(mine[step])}
        found |= {f"field: {step}: {field}" for field in set(mine[step]) - set(fields)}
    found |= {f"said: {step}" for step in order if step not in their_order}
    common = [step for step in their_order if step in mine]
    for index, first in enumerate(common):
        found |= {f"order: {later} before {first}" for later in common[index + 1:]
                  if order.index(later) < order.index(first)}
    return found


# The scenes


@pytest.fixture(scope="module")
def meddler():
    with Meddler() as running:
        yield running


@pytest.fixture(scope="module")
def lasting(tmp_path_factory, meddler):
    made = {"a": ([A_ONE, A_TWO, A_FAR], ()), "b": ([B_ONE, B_FAR, B_QUIET], ())}
    with Grid(tmp_path_factory.mktemp("recorded"), made, meddler) as running:
        yield running


@pytest.fixture
def grid(lasting):
    lasting.start()
    return lasting


async def befriended(grid, friend, account, at):
    """The account has been here before, as in the recordings, and the two are friends."""
    async with grid.viewer(account, at=at) as client:
        await befriend(friend, client)
        agent, mark = client.agent_id, friend.inbox.mark()
    await sees_go(friend, agent, mark)
    await until(lambda: not presences(grid, agent), 10, "it has not gone")
    return agent


def is_open(client, beside):
    known = beside and client.known(beside)
    return not beside or (known and known.caps.get("EventQueueGet"))


async def played(grid, meddler, name):
    """What we say in this scene."""
    here, beside, away = SCENES[name]
    roles = {"here": here, "beside": beside, "friend's region": away}
    account = await asyncio.to_thread(grid.newcomer)
    async with grid.viewer(at=away) as friend:
        agent = await befriended(grid, friend, account, here)
        client = ViewerClient(grid)
        watch, marks = Watch(meddler), (0, friend.inbox.mark())
        await client.enter(account, here.start())
        await sees_come(friend, agent, marks[1])
        await client.see()
        await client.inbox.until(lambda: is_open(client, beside), what="the neighbour")
        await client.inbox.expect("OnlineNotification")
        await client.inbox.expect("ParcelProperties")
        if "login" in name:
            watch.said.append((0, "viewer -> grid login_to_simulator", []))
        else:
            down = "down" in name
            if down:
                grid.crash(grid.simulator_of(away))
            watch, marks = Watch(meddler), (client.inbox.mark(), friend.inbox.mark())
            session = client.session.id
            await client.log_out()
            watch.said.append((0, "viewer -> here LogoutRequest", []))
            if beside:
                await client.inbox.expect("DisableSimulator", since=marks[0],
                                          where=lambda m: m.sender == client.address_of(beside))
            if down:
                await steps_of(grid, session, last="R->P logged out")
                await until(lambda: "presence.getagents" in [name for _, name, _ in
                                                             meddler.noted[watch.from_note:]],
                            10, "nobody has asked for friends")
            else:
                await sees_go(friend, agent, marks[1])
        watch.hear(client, marks[0], roles, "viewer")
        watch.hear(friend, marks[1], {"friend's region": away}, "friend")
        steps = watch.steps()
        if "login" in name:
            await client.log_out()
        await client.vanish()
        if "down" in name:
            await friend.vanish()
        return steps


@pytest.mark.expects_complaints  # of what was not acknowledged when it left
@pytest.mark.parametrize("name", recordings())
async def test_the_recording_has_its_counterpart(grid, meddler, name):
    ours = await played(grid, meddler, name)
    found, allowed = differences(recorded(name), ours), exceptions(name)
    wrong = [one for one in sorted(found) if not any(fnmatch.fnmatchcase(one, pattern) for pattern, _ in allowed)]
    assert not wrong, "\n".join([*wrong, "ours:", *map(str, ours)])
    needless = [pattern for pattern, maybe in allowed if not maybe and not fnmatch.filter(found, pattern)]
    assert not needless, needless
    grid.start()
    await is_quiet(grid)


def test_every_recording_is_played():
    assert set(recordings()) == set(SCENES)
