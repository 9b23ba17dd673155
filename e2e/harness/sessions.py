"""What processes and the grid's database know of sessions, and all the ways to end one."""

import asyncio
import json
import sqlite3
import uuid
from collections import Counter

from hippolyzer.lib.base.message.message import Message

# Told goodbye, a viewer's circuit lingers 2 s; a child agent whose region was left is closed 15 s later; sessions of a
# simulator that was killed end with their lease; what could not be told is told again for some 20 s.
QUIET_S = 90
PAUSE_S = 0.1
# From the death of a simulator until the grid shows its agents offline: the lease (25 s), a look every 2 s, and a
# second, as the clock is coarse.
LEASE_BOUND_S = 28

NOTHING = {"presences": 0, "here": 0, "circuits": 0, "capability_seeds": 0, "root_agents": 0, "child_agents": 0,
           "open_transfers": 0, "grid_notices_waiting": 0}
GAUGES = NOTHING.keys() - {"presences", "here"}


def simulators(doors):
    """The processes with regions that run."""
    all_of_them = doors.simulators.values() if hasattr(doors, "simulators") else [doors.server]
    return [process for process in all_of_them if process.lives]


def rows(doors, query, *values):
    """What the grid's database has."""
    if hasattr(doors, "sql"):
        return doors.sql(query, values)
    database = sqlite3.connect(f"file:{doors.data / 'grid.sqlite'}?mode=ro", uri=True, timeout=10)
    try:
        return database.execute(query, values).fetchall()
    finally:
        database.close()


def presences(doors, *agents):
    """The sessions that the grid knows; of these agents, if any are named."""
    found = rows(doors, "SELECT agent, session FROM presences")
    wanted = {str(agent) for agent in agents}
    both = [(text(agent), text(session)) for agent, session in found]
    return [session for agent, session in both if not wanted or agent in wanted]


def online(doors, agent):
    """What the grid user service says."""
    found = rows(doors, "SELECT online FROM grid_users WHERE agent = ?", uuid.UUID(str(agent)).bytes)
    return bool(found and found[0][0] not in (0, "f"))


def text(value):
    """An id as the database keeps it."""
    return str(uuid.UUID(bytes=value)) if isinstance(value, bytes) else str(value)


def view(process):
    """GET /sessions."""
    status, answer = process.get("/sessions")
    assert status == 200, f"/sessions answers {status}"
    return json.loads(answer)


def here(doors):
    """Everybody who is somewhere, root or child."""
    return [session for process in simulators(doors) for session in view(process)["sessions"]]


def ended(doors, session):
    """How that session ended, one entry for each region that has something to say about it."""
    return [end for process in simulators(doors) for end in view(process)["ended"] if end["session"] == str(session)]


def left(doors):
    """Counts of all that sessions have and must leave with their end."""
    found = Counter(NOTHING)
    found["presences"], found["here"] = len(presences(doors)), len(here(doors))
    for process in simulators(doors):
        for sample, value in process.metrics().items():
            name = sample.partition("{")[0].removeprefix("sojourn_")
            if name in GAUGES:
                found[name] += int(value)
    return dict(found)


async def is_quiet(doors, patience=QUIET_S):
    """Waits until nothing of any session is left anywhere."""
    await until(lambda: left(doors) == NOTHING, patience, lambda: f"{left(doors)} and {here(doors)[:3]} are left")


async def until(condition, patience, what):
    """Looks again and again, where nothing can be waited for; gives what the condition gave."""
    for _ in range(round(patience / PAUSE_S)):
        if found := await asyncio.to_thread(condition):
            return found
        await asyncio.sleep(PAUSE_S)
    raise AssertionError(f"after {patience} s: {what() if callable(what) else what}")


# Steps


async def steps_of(doors, session, last="R->RFr offline", patience=10):
    """The steps of a session's end in its root region, in their order, once the last has been taken: (step, detail)."""
    def complete():
        found = [end for end in ended(doors, session) if any(step["step"] == last for step in end["steps"])]
        return found and found[0]
    end = await until(complete, patience, lambda: f"{last!r} is not in {ended(doors, session)}")
    return [(step["step"], step["detail"]) for step in end["steps"]]


def assert_order(steps, *orders):
    """Each order is a tuple of steps that have to be there, each before the next."""
    names = [step for step, _ in steps]
    for order in orders:
        places = []
        for step in order:
            assert step in names, f"{step!r} is not in {names}"
            places.append(names.index(step))
        assert places == sorted(places), f"{order} is not the order of {names}"


# Ways to end


def kick(doors, client, reason="Enough."):
    """By the operator, where the agent is."""
    folder = doors.folder / doors._runs[client.place.name] if hasattr(doors, "simulators") else doors.data
    doors.command("kick", client.account.name, "--reason", reason, data=folder)


def close_circuit(client):
    """The viewer's last word to its region, without a logout."""
    client.region.circuit.send(Message("CloseCircuit"))
