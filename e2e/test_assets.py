"""What assets consist of: in files, in the database, in a bucket, and on the way from the one to the other."""

import hashlib
import socket
import threading
import uuid

import pytest

from harness.bucket import ENVIRONMENT, Authority, Bucket
from harness.grid import Grid
from harness.services import Services
from harness.sessions import until


@pytest.fixture(scope="module")
def bucket(tmp_path_factory):
    with Bucket(tmp_path_factory.mktemp("bucket")) as running:
        yield running


class Assets:
    """A grid whose assets are at this place, and what was put there."""

    def __init__(self, folder, *options, **environment):
        self.grid = Grid(folder, {}, options=options)
        self.grid.services.environment = ENVIRONMENT | environment
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


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    authority = Authority(tmp_path_factory.mktemp("authority"))
    with Bucket(authority.folder, authority) as running:
        running.authority = authority
        yield running


def test_a_bucket_over_tls_whose_authority_is_believed(tmp_path, secure):
    assets = Assets(tmp_path, "--assets", secure.place("secure"), SSL_CERT_FILE=str(secure.authority.file))
    with assets.grid as grid:
        for data in (b"one", bytes(1_000_000)):
            assets.put(data)
        assets.assert_there()
        assert len([name for name in secure.names() if name.startswith("secure/")]) == 2
        grid.services.stop()
        grid.start()
        assets.assert_there()


@pytest.mark.parametrize("believed", ["others", "nobody"])
def test_a_bucket_over_tls_whose_authority_is_not_believed(tmp_path, secure, believed):
    others = Authority(tmp_path, "Somebody else")
    believes = others.file if believed == "others" else tmp_path / "nothing.pem"
    assets = Assets(tmp_path, "--assets", secure.place(believed), SSL_CERT_FILE=str(believes))
    with assets.grid as grid:
        assert not Services(grid.services.port, timeout=60).put_asset(uuid.uuid4(), b"one")
        assert not [name for name in secure.names() if name.startswith(believed)]
        # It says so at level ERROR, which is no trouble here.
        grid.services.kill()


def test_what_is_meant_for_tls_never_goes_in_the_clear(tmp_path):
    """Where no certificate can be believed, nothing is said at all."""
    heard, listener = [], socket.create_server(("127.0.0.1", 0))

    def listen():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                heard.append(connection.recv(100))
    threading.Thread(target=listen, daemon=True).start()
    place = f"s3://world/clear?endpoint=https://127.0.0.1:{listener.getsockname()[1]}&region=us-east-1"
    assets = Assets(tmp_path, "--assets", place, SSL_CERT_FILE=str(tmp_path / "nothing.pem"))
    with assets.grid as grid:
        assert not Services(grid.services.port, timeout=60).put_asset(uuid.uuid4(), b"one")
        grid.services.kill()
    listener.close()
    assert not any(b"HTTP" in said for said in heard), heard
