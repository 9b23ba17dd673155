"""Many viewers hop from region to region for minutes while the grid's processes are killed and its database restarts.

    cargo build --release && cargo build --release -p sojourn-viewer --example hoppers
    cd e2e && ../target/e2e-venv/bin/python endurance.py [--viewers 100] [--seconds 300] [--every 30]

Two `sojourn grid`s on one PostgreSQL behind nginx, and two `sojourn simulator`s with two regions each. Every 30 s one of
the grid's processes, by turns, is ended with kill -9 and started again five seconds later; half-way PostgreSQL restarts
as after a crash. Nothing may be lost by that: no session ends, no hop stays without a verdict, and when everybody has
logged out there is no presence, agent, circuit, capability or open transfer left. Prints what it saw as JSON; its status
is 0 if all is well. Takes the seconds given and at most three minutes more. Wants Debian's postgresql and nginx.
"""

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
os.environ.setdefault("SOJOURN_BINARY", str(ROOT / "target/release/sojourn"))

from harness.grid import SharedGrid  # noqa: E402
from harness.nginx import ADDRESS, Nginx  # noqa: E402
from harness.postgres import Postgres  # noqa: E402
from harness.sessions import NOTHING, QUIET_S, left  # noqa: E402
from harness.world import Region  # noqa: E402

HOPPERS = ROOT / "target/release/examples/hoppers"
PLACES = [Region("A One", 1000, 1000), Region("A Far", 1100, 1100), Region("B Two", 1001, 1000), Region("B Far", 1200, 1200)]
PASSWORD = "secret"
DOWN_S = 5
# What the hoppers may take beyond their time: logins that are tried again, the last hop, logging out.
LATE_S = 120


def parse():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--viewers", type=int, default=100)
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--every", type=int, default=30, help="seconds from one kill to the next")
    return parser.parse_args()


def make_accounts(grid, count):
    for number in range(1, count + 1):
        grid.command("user", "add", f"Hopper {number}", "--password-stdin", stdin=PASSWORD)


async def trouble(grid, postgres, arguments, done):
    """Ends one process of the grid after another, and the database once."""
    kills, begin = 0, time.monotonic()
    restarted = False
    while not done.is_set():
        try:
            await asyncio.wait_for(done.wait(), arguments.every - DOWN_S)
            break
        except TimeoutError:
            pass
        victim = grid.grids[kills % 2]
        await asyncio.to_thread(victim.kill)
        await asyncio.sleep(DOWN_S)
        await asyncio.to_thread(grid.start)
        kills += 1
        if not restarted and time.monotonic() - begin > arguments.seconds / 2:
            await asyncio.to_thread(postgres.restart)
            restarted = True
    return kills, restarted


async def hop(grid, arguments):
    places = ",".join(f"{place.x}:{place.y}" for place in PLACES)
    process = await asyncio.create_subprocess_exec(
        HOPPERS, grid.uri, places, "--viewers", str(arguments.viewers), "--seconds", str(arguments.seconds),
        stdout=subprocess.PIPE)
    try:
        said, _ = await asyncio.wait_for(process.communicate(), arguments.seconds + LATE_S)
    finally:
        if process.returncode is None:
            process.kill()
    return json.loads(said)


async def quiet(grid):
    """What is left when everybody has gone; it is waited for."""
    for _ in range(QUIET_S):
        found = await asyncio.to_thread(left, grid)
        if found == NOTHING:
            break
        await asyncio.sleep(1)
    return {what: count for what, count in found.items() if count}


async def endure(grid, postgres, arguments):
    done = asyncio.Event()
    troubled = asyncio.create_task(trouble(grid, postgres, arguments, done))
    try:
        seen = await hop(grid, arguments)
    finally:
        done.set()
        kills, restarted = await troubled
    return {**seen, "kills": kills, "database_restarts": int(restarted), "left": await quiet(grid)}


def complaints(seen, arguments):
    wanted = {"logged_in": arguments.viewers, "logged_out": arguments.viewers, "lost": 0, "without_verdict": 0,
              "unheard": 0, "database_restarts": 1, "left": {}}
    return [f"{what} is {seen[what]}, not {value}" for what, value in wanted.items() if seen[what] != value]


def main():
    arguments = parse()
    if not shutil.which("nginx") and not Path("/usr/sbin/nginx").exists():
        sys.exit("there is no nginx on this machine: on Debian, apt-get install nginx")
    with tempfile.TemporaryDirectory(prefix="sojourn-endurance-") as folder, Postgres() as postgres:
        made = {"a": (PLACES[:2], ()), "b": (PLACES[2:], ())}
        with SharedGrid(folder, made, postgres.url, ("--proxy", ADDRESS), Nginx) as grid:
            make_accounts(grid, arguments.viewers)
            seen = asyncio.run(endure(grid, postgres, arguments))
    print(json.dumps(seen, indent=1))
    wrong = complaints(seen, arguments)
    print("\n".join(wrong) if wrong else "all is well")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
