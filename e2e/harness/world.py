"""A world: one `sojourn standalone` process, its regions, its accounts, and the doors for clients."""

import itertools
import subprocess
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from .client import StockClient
from .process import BINARY, Sojourn, lasting_ports
from .viewer import ViewerClient

PASSWORD = "secret"


@dataclass
class Region:
    name: str
    x: int  # grid units of 256 m
    y: int
    port: int = 0
    options: dict = field(default_factory=dict)  # further keys of the world file

    @property
    def handle(self):
        return (self.x * 256 << 32) | self.y * 256

    def start(self, position=(128, 128, 25)):
        """The `start` of a login at this place."""
        return "uri:{}&{}&{}&{}".format(self.name, *position)

    def toml(self):
        lines = [f'[[region]]\nname = "{self.name}"\nat = [{self.x}, {self.y}]\nport = {self.port}']
        lines += [f"{key} = {self._literal(value)}" for key, value in self.options.items()]
        return "\n".join(lines) + "\n"

    @staticmethod
    def _literal(value):
        return f'"{value}"' if isinstance(value, str) else str(value)


@dataclass(frozen=True)
class Account:
    first: str
    last: str
    password: str = PASSWORD

    @property
    def name(self):
        return f"{self.first} {self.last}"


# One, East and North touch each other; the others are out of sight of everything.
#
#     North
#     One    East            Far     Full (room for one)    Closed (members only)    Beyond (> 4096 regions away)
ONE = Region("Test One", 1000, 1000)
EAST = Region("Test East", 1001, 1000)
NORTH = Region("Test North", 1000, 1001)
FAR = Region("Far Away", 1100, 1100)
FULL = Region("Full House", 1200, 1000, options={"max_agents": 1})
CLOSED = Region("Closed Garden", 1200, 1200, options={"access": "members"})
BEYOND = Region("Beyond Reach", 6000, 1000)
NEIGHBOURS_OF_ONE = (EAST, NORTH)
REGIONS = (ONE, EAST, NORTH, FAR, FULL, CLOSED, BEYOND)


def write_world(path, regions):
    """The regions as a world file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(region.toml() for region in regions))


class Doors:
    """How clients come in, wherever the services run that let them in: `uri` is where they log in, `data` where
    accounts are kept."""

    def __init__(self, data, regions):
        self.data = data
        self.regions = regions
        self._names = itertools.count(1)

    def command(self, *arguments, stdin="", check=True, data=None):
        """Runs another `sojourn` command on the same data (or that of one process) and gives its output."""
        done = subprocess.run([str(BINARY), *arguments, "--data", str(data or self.data)], input=stdin, text=True,
                              capture_output=True, timeout=30)
        if check:
            assert done.returncode == 0, f"{arguments}: status {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def newcomer(self, password=PASSWORD):
        """A new account, by the command line, while the world runs."""
        account = Account("Tess", f"Number{next(self._names)}", password)
        self.command("user", "add", account.name, "--password-stdin", stdin=password)
        return account

    @asynccontextmanager
    async def enter(self, kind, account=None, at=ONE, position=(128, 128, 25), start=None):
        """A client of this kind, logged in; it logs out when the block ends."""
        client = kind(self)
        try:
            await client.enter(account or self.newcomer(), start or at.start(position))
            yield client
        except BaseException:
            # The test's own failure is the better story.
            with suppress(AssertionError):
                await client.leave()
            raise
        await client.leave()

    def stock(self, account=None, **where):
        return self.enter(StockClient, account, **where)

    def viewer(self, account=None, **where):
        return self.enter(ViewerClient, account, **where)

    def region_at(self, handle):
        return next((region for region in self.regions if region.handle == handle), None)


class World(Doors):
    """Starts on an empty folder unless told otherwise."""

    def __init__(self, folder, regions=REGIONS, options=()):
        self.folder = Path(folder)
        super().__init__(self.folder / "data", regions)
        port, *circuits = lasting_ports(1 + len(regions))
        for region, circuit in zip(regions, circuits):
            region.port = circuit
        self.file = self.folder / "world.toml"
        write_world(self.file, regions)
        arguments = ["standalone", "--data", self.data, "--port", port, "--world", self.file, *options]
        self.server = Sojourn(arguments, self.folder, port)

    def __enter__(self):
        try:
            self.server.start()
        except BaseException:
            self.server.kill()
            raise
        return self

    def __exit__(self, kind, _value, _trace):
        try:
            self.server.stop()
        except AssertionError:
            # The test's own failure is the better story.
            if kind is None:
                raise
        finally:
            self.server.kill()

    @property
    def uri(self):
        return self.server.url

    def metrics(self):
        """All samples of /metrics: name with labels -> value."""
        return self.server.metrics()
