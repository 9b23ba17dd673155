"""What the grid has acknowledged is there after it was killed, whatever it was doing at that moment."""

import os
import random
import threading
import time
import uuid

import pytest

from harness.grid import Grid
from harness.postgres import NoPostgres, Postgres
from harness.services import Services

KILLS = int(os.environ.get("SOJOURN_KILLS", 4))
WRITERS = 4


class Writer(threading.Thread):
    """Writes until it is told to stop or nobody answers any more; keeps what was acknowledged."""

    def __init__(self, grid, owner):
        super().__init__(daemon=True)
        self.grid, self.services, self.owner = grid, Services(grid.services.port), owner
        self.assets, self.items, self.friends, self.asked, self.position = {}, [], [], [], 0

    def run(self):
        try:
            folder = self.services.root_folder(self.owner)
            for n in range(1, 100_000):
                self.write(folder, n)
        except OSError:
            return

    def write(self, folder, n):
        asset, item, friend = uuid.uuid4(), uuid.uuid4(), str(uuid.uuid4())
        # Every third is the same, so that contents are shared.
        data = b"shared" if n % 3 == 0 else asset.bytes * random.randrange(1, 2000)
        if self.services.put_asset(asset, data):
            self.assets[asset] = data
        if self.services.add_item(self.owner, folder, item, asset):
            self.items.append(item)
        if self.services.befriend(self.owner, friend):
            self.friends.append(friend)
        self.asked.append(n % 250)
        if self.services.set_position(self.owner, n % 250):
            self.position = n % 250

    def assert_kept(self):
        for asset, data in self.assets.items():
            assert self.services.asset(asset) == data, f"asset {asset} of {len(data)} bytes"
        for item in self.items:
            assert self.services.has_item(self.owner, item), f"item {item}"
        missing = set(self.friends) - set(self.services.friends(self.owner))
        assert not missing, f"friendships {missing}"
        # One more may have been under way.
        assert self.services.position(self.owner) in (self.position, *self.asked[-1:]), "last position"


def options(place, request, tmp_path_factory):
    if place != "postgres":
        return ("--assets", "database:") if place == "database" else ()
    try:
        postgres = Postgres().__enter__()
        request.addfinalizer(lambda: postgres.__exit__(None, None, None))
    except NoPostgres as why:
        pytest.skip(f"NOT TESTED: {why}")
    return ("--database", postgres.url, "--assets", tmp_path_factory.mktemp("assets"), "--open-to", "127.0.0.1")


@pytest.mark.parametrize("place", ["files", "database", "postgres"])
def test_what_was_acknowledged_outlives_a_kill(place, request, tmp_path, tmp_path_factory, timing):
    more = options(place, request, tmp_path_factory)
    kept, accounts = [], []
    with Grid(tmp_path, {}, options=more) as grid:
        store = more[:2] if place == "postgres" else ()
        for kill in range(KILLS):
            name = f"Killed{kill} Resident"
            grid.command("user", "add", name, "--password-stdin", *store, stdin="secret")
            accounts.append(name)
            writers = [Writer(grid, str(uuid.uuid4())) for _ in range(WRITERS)]
            for writer in writers:
                writer.start()
            time.sleep(random.uniform(0.2, 1.0))
            grid.services.kill()
            for writer in writers:
                writer.join(20)
                assert not writer.is_alive()
            grid.start()
            timing("start after a kill", grid.services.ready_s)
            for writer in writers:
                writer.assert_kept()
            kept += writers
        for writer in kept:
            writer.assert_kept()
        written = {what: sum(len(getattr(writer, what)) for writer in kept) for what in ("assets", "items", "friends")}
        print(f"{place}: {KILLS} kills, acknowledged and there: {written}")
        assert all(written.values()), "nothing was written, so nothing was tried"
        listed = grid.command("user", "list", *store).stdout
        assert all(name in listed for name in accounts)
