"""What assets consist of: in files, in the database, in a bucket, and on the way from the one to the other."""

import hashlib
import uuid

import pytest

from harness.bucket import ENVIRONMENT, Bucket
from harness.grid import Grid
from harness.services import Services
from harness.sessions import until


@pytest.fixture(scope="module")
def bucket(tmp_path_factory):
    with Bucket(tmp_path_factory.mktemp("bucket")) as running:
        yield running


class Assets:
    """A grid whose assets are at this place, and what was put there."""

    def __init__(self, folder, *options):
        self.grid = Grid(folder, {}, options=options)
        self.grid.services.environment = ENVIRONMENT
        self.there = {}

    def move_to(self, place):
        self.grid.services.stop()
        arguments = self.grid.services.arguments
        arguments[arguments.index("--assets") + 1] = str(place)
        self.grid.services.start()

    def put(self, data):
        asset = uuid.uuid4()
        assert Services(self.grid.services.port).put_asset(asset, data)
        self.there[asset] = data

    def assert_there(self):
        for asset, data in self.there.items():
            assert Services(self.grid.services.port).asset(asset) == data


def name_of(data, prefix=""):
    name = hashlib.sha256(data).hexdigest()
    return f"{prefix}{name[:2]}/{name}"


def test_a_content_is_one_file_however_many_assets_have_it(tmp_path):
    assets = Assets(tmp_path)
    with assets.grid as grid:
        for data in (b"one", b"one", b"other", b"one"):
            assets.put(data)
        assets.assert_there()
        folder = grid.data / "assets"
        files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
        assert files == {name_of(b"one"), name_of(b"other")}
        assert (folder / name_of(b"one")).read_bytes() == b"one"


def test_a_bucket_keeps_them_as_well(tmp_path, bucket):
    assets = Assets(tmp_path, "--assets", bucket.place("a/grid"))
    with assets.grid as grid:
        for data in (b"one", b"", b"one", bytes(3_000_000)):
            assets.put(data)
        assets.assert_there()
        ours = [name for name in bucket.names() if name.startswith("a/grid/")]
        assert sorted(ours) == sorted(name_of(data, "a/grid/") for data in (b"one", b"", bytes(3_000_000)))
        grid.services.stop()
        grid.start()
        assets.assert_there()


async def test_what_was_in_the_database_moves_out_and_nothing_is_missing_meanwhile(tmp_path, bucket):
    assets = Assets(tmp_path, "--assets", "database:")
    with assets.grid:
        for n in range(300):
            assets.put(b"%d" % (n // 2))
        assets.move_to(bucket.place("moved"))
        assets.assert_there()

        def moved():
            return {name for name in bucket.names() if name.startswith("moved/")}
        expected = {name_of(data, "moved/") for data in assets.there.values()}
        await until(lambda: moved() == expected, 30, lambda: f"{len(moved())} of {len(expected)} are in the bucket")
        assets.assert_there()


def test_a_store_that_is_gone_is_no_missing_asset(tmp_path, bucket):
    assets = Assets(tmp_path, "--assets", bucket.place("gone"))
    with assets.grid as grid:
        assets.put(b"one")
        services = Services(grid.services.port, timeout=60)
        asset, = assets.there
        bucket.process.kill()
        bucket.process.wait()
        assert services.asset(asset) is None
        assert not services.put_asset(uuid.uuid4(), b"another")
        # It says so at level ERROR, which is no trouble here.
        grid.services.kill()
