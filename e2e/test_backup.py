"""A backup that is made while people are inside, and the world that comes back from it."""

import os
import subprocess
import uuid

import pytest

from harness.bucket import ENVIRONMENT, Bucket
from harness.grid import Grid
from harness.postgres import NoPostgres, Postgres
from harness.process import BINARY
from harness.services import Services
from harness.wire import log_in, login_request
from harness.world import ONE, World


async def test_a_world_comes_back_from_a_backup(tmp_path):
    with World(tmp_path / "first") as world:
        accounts = [world.newcomer(password=f"secret {number}") for number in range(3)]
        async with world.stock(accounts[0]) as client:
            said = world.command("backup", str(tmp_path / "backup")).stdout
            print(said)
            await client.assert_alive()
        late = world.newcomer()
        # Nothing is written over.
        assert world.command("backup", str(tmp_path / "backup"), check=False).returncode != 0
        taken = world.command("restore", str(tmp_path / "backup"), check=False)
        assert taken.returncode != 0 and "empty folder" in taken.stderr
        identity = (world.data / "identity").read_text()

    second = World(tmp_path / "second")
    second.command("restore", str(tmp_path / "backup"))
    assert (second.data / "identity").read_text() == identity
    with second as world:
        for account in accounts[1:]:
            assert log_in(world.uri, login_request(account))["login"] == "true"
        assert log_in(world.uri, login_request(late))["reason"] == "key", "that account was made afterwards"
        # Who was inside when it was made comes in as well.
        async with world.stock(accounts[0], at=ONE) as client:
            await client.assert_alive()


@pytest.fixture(scope="module")
def bucket(tmp_path_factory):
    with Bucket(tmp_path_factory.mktemp("bucket")) as running:
        yield running


def test_assets_of_a_bucket_go_along_if_they_are_asked_for_and_move_from_store_to_store(tmp_path, bucket):
    """A bucket, a folder, a bucket, the database: each the same, by way of a backup."""
    there = {}

    def grid(name, place):
        made = Grid(tmp_path / name, {}, options=("--assets", str(place)))
        made.services.environment = ENVIRONMENT
        return made

    def run(grid, *arguments, place, check=True):
        command = [str(BINARY), *arguments, "--data", str(grid.data), "--assets", str(place)]
        done = subprocess.run(command, text=True, capture_output=True, timeout=60, env=os.environ | ENVIRONMENT)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def assert_there(grid):
        services = Services(grid.services.port)
        assert all(services.asset(asset) == data for asset, data in there.items())

    first = grid("first", bucket.place("first"))
    with first:
        for n in range(60):
            asset, data = uuid.uuid4(), b"%d" % (n // 2) * (1 + 1000 * n)
            assert Services(first.services.port).put_asset(asset, data)
            there[asset] = data
        without, whole = str(tmp_path / "without"), str(tmp_path / "whole")
        said = run(first, "backup", without, place=bucket.place("first")).stdout
        assert "60 contents of assets are not in this backup" in said and "--with-assets" in said, said
        said = run(first, "backup", whole, "--with-assets", place=bucket.place("first")).stdout
        assert "60 contents of assets" in said and "not in" not in said, said

    places = [tmp_path / "folder", bucket.place("second"), "database:"]
    backup = whole
    for n, place in enumerate(places):
        next_one = grid(f"next-{n}", place)
        print(run(next_one, "restore", backup, place=place).stdout)
        with next_one:
            assert_there(next_one)
            backup = str(tmp_path / f"backup-{n}")
            run(next_one, "backup", backup, "--with-assets", place=place)
    # What has stayed in the bucket is found there, and what has not is missed.
    same = grid("same", bucket.place("first"))
    run(same, "restore", without, place=bucket.place("first"))
    with same:
        assert_there(same)
    done = run(grid("none", bucket.place("none")), "restore", without, place=bucket.place("none"), check=False)
    assert done.returncode != 0 and "neither in the backup nor in" in done.stderr, done.stderr


def test_assets_go_along_to_the_other_engine(tmp_path, bucket):
    """From SQLite and files to PostgreSQL, with assets in its database and in a bucket, and back."""
    first = Grid(tmp_path / "first", {})
    there = {}
    with first:
        for n in range(20):
            asset, data = uuid.uuid4(), b"%d" % n * 5000
            assert Services(first.services.port).put_asset(asset, data)
            there[asset] = data
        first.command("backup", str(tmp_path / "files"))
    try:
        with Postgres() as postgres:
            for n, place in enumerate(["database:", bucket.place("engine")]):
                url = postgres.url.rpartition("/")[0] + f"/engine{n}"
                subprocess.run(["psql", "-X", "-q", "-c", f"CREATE DATABASE engine{n}", postgres.url], check=True)
                options = ("--database", url, "--assets", place)
                moved = Grid(tmp_path / f"moved-{n}", {}, options=(*options, "--open-to", "127.0.0.1"))
                moved.services.environment = ENVIRONMENT
                for arguments in (("restore", str(tmp_path / "files")), ("backup", str(tmp_path / f"back-{n}"), "--with-assets")):
                    command = [str(BINARY), *arguments, "--data", str(moved.data), *options]
                    done = subprocess.run(command, text=True, capture_output=True, timeout=60,
                                          env=os.environ | ENVIRONMENT)
                    assert done.returncode == 0, done.stdout + done.stderr
                with moved:
                    services = Services(moved.services.port)
                    assert all(services.asset(asset) == data for asset, data in there.items())
                back = Grid(tmp_path / f"again-{n}", {})
                back.command("restore", str(tmp_path / f"back-{n}"))
                with back:
                    services = Services(back.services.port)
                    assert all(services.asset(asset) == data for asset, data in there.items())
    except NoPostgres as why:
        pytest.skip(f"NOT TESTED: {why}")
