"""A grid of processes: one `sojourn grid` or two, several `sojourn simulator`s, and the doors for clients."""

import asyncio
import json
import re
import subprocess
import uuid
from collections import Counter
from pathlib import Path

from .balancer import Balancer
from .process import Sojourn, lasting_ports
from .world import Doors, write_world

# A child agent is closed 15 s after its viewer has gone, an agent whose viewer never came after 30 s.
SETTLED_S = 45
PAUSE_S = 0.1


class Grid(Doors):
    """`simulators` has for each name its regions and further options. With a meddler all that the processes say to
    each other goes through it, and what viewers ask by HTTP as well."""

    def __init__(self, folder, simulators, meddler=None, options=()):
        self.folder = Path(folder)
        super().__init__(self.folder / "grid", [region for regions, _ in simulators.values() for region in regions])
        self.meddler = meddler
        public, private = lasting_ports(2)
        self.uri = f"http://127.0.0.1:{public}/"
        self.services = Sojourn(
            ["grid", "--data", self.data, "--port", public, "--private-port", private, *options],
            self.folder / "grid-says",
            private)
        self.private_url = self._url_for_others(private)
        self.simulators = {name: self._simulator(name, *made) for name, made in simulators.items()}
        self._runs = {region.name: name for name, (regions, _) in simulators.items() for region in regions}

    def _simulator(self, name, regions, options):
        port, *circuits = lasting_ports(1 + len(regions))
        for region, circuit in zip(regions, circuits):
            region.port = circuit
        world = self.folder / f"{name}.toml"
        write_world(world, regions)
        if self.meddler:
            options = (*options, "--url", self._url_for_others(port))
        return Sojourn(
            ["simulator", "--grid", self.private_url, "--login", self.uri, "--port", port, "--world", world,
             "--data", self.folder / name, *options], self.folder / f"{name}-says", port)

    def _url_for_others(self, port):
        return f"http://127.0.0.1:{self.meddler.before(port) if self.meddler else port}/"

    # Running

    @property
    def grids(self):
        """The processes that serve the grid."""
        return [self.services]

    @property
    def processes(self):
        return [*self.grids, *self.simulators.values()]

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self._kill_all()
            raise
        return self

    def start(self):
        """Whatever does not run."""
        missing = [process for process in self.processes if not process.lives]
        for process in missing:
            process.begin()
            if process in self.grids:
                process.await_readiness()
        for process in missing:
            process.await_readiness()

    def __exit__(self, kind, _value, _trace):
        try:
            if kind is None:
                simulators = [process for process in self.simulators.values() if process.lives]
                for process in simulators:
                    process.process.terminate()
                for process in simulators:
                    process.see_off()
                for process in self.grids:
                    if process.lives:
                        process.stop()
        finally:
            self._kill_all()

    def _kill_all(self):
        for process in self.processes:
            process.kill()

    def crash(self, process):
        """kill -9; up to then there was no trouble."""
        process.kill()
        process.assert_no_trouble()

    def simulator_of(self, region):
        """The process that runs a region."""
        return self.simulators[self._runs[region.name]]

    # Looking in

    def metrics(self):
        """Sums over all processes that run."""
        total = Counter()
        for process in self.processes:
            if process.lives:
                total.update(process.metrics())
        return total

    def standing(self):
        """Transfers that are open, root agents and child agents, by region where there are any."""
        found = {"open": {}, "root": {}, "child": {}}
        kinds = {"open_transfers": "open", "root_agents": "root", "child_agents": "child"}
        for sample, value in self.metrics().items():
            name, region = re.fullmatch(r'sojourn_(\w+)\{region="(.*)"\}', sample).groups() \
                if sample.startswith("sojourn_") and "{region=" in sample else (None, None)
            if name in kinds and value:
                found[kinds[name]][region] = int(value)
        return found

    async def settles(self, *clients, children=True, patience=SETTLED_S):
        """Waits until no transfer is open, and agents are where they should be and nowhere else: one root agent for
        each client, where the client believes it to be, and (if that matters) child agents around it."""
        for _ in range(round(patience / PAUSE_S)):
            found = await asyncio.to_thread(self.standing)
            places = [client.place for client in clients]
            expected = {"open": {}, "root": dict(Counter(place.name for place in places))}
            if children:
                expected["child"] = dict(Counter(beside.name for place in places for beside in self.beside(place)))
            if all(found[what] == wanted for what, wanted in expected.items()):
                return
            await asyncio.sleep(PAUSE_S)
        raise AssertionError(f"after {patience} s there are {found}, not {expected}")

    def beside(self, place):
        """The regions that touch this one, among those that run."""
        return [region for region in self.regions
                if region is not place and max(abs(region.x - place.x), abs(region.y - place.y)) == 1
                and self.simulator_of(region).lives]

    def transfers(self):
        """What all processes have noted: (source region or, if that does not number them, destination; number) ->
        the transfer with the notes of both ends, in the order of time."""
        found = {}
        for process in self.simulators.values():
            if not process.lives:
                continue
            status, text = process.get("/transfers")
            assert status == 200, f"/transfers answers {status}"
            for transfer in json.loads(text)["transfers"]:
                key = transfer["region"], transfer["number"]
                notes = found[key]["notes"] if key in found else []
                both = {**found.get(key, {}), **transfer}
                both["notes"] = sorted([*notes, *transfer["notes"]], key=lambda note: note["at_us"])
                found[key] = both
        return list(found.values())


class SharedGrid(Grid):
    """The same with two `sojourn grid`s on one PostgreSQL database: simulators and viewers reach them by way of
    balancers, so either may be gone."""

    def __init__(self, folder, simulators, database, options=(), balancer=Balancer):
        self.database = database
        self.private, self.public = balancer([]), balancer([])
        options = ("--database", database, "--url", self.public.url, *options)
        super().__init__(folder, simulators, options=options)
        key = self.command("simulator-key", "add", f"all-{uuid.uuid4()}").stdout.splitlines()[-1]
        for simulator in self.simulators.values():
            simulator.environment = {"SOJOURN_SIMULATOR_KEY": key}
        self.uris = [self.uri]
        public, private = lasting_ports(2)
        self.uris.append(f"http://127.0.0.1:{public}/")
        self.second = Sojourn(
            ["grid", "--data", self.folder / "second", "--port", public, "--private-port", private, *options],
            self.folder / "second-says", private)
        self.private.ports.append(private)
        self.public.ports += [int(uri.strip("/").rpartition(":")[2]) for uri in self.uris]
        self.uri = self.public.url

    def _url_for_others(self, port):
        self.private.ports.append(port)
        return self.private.url

    @property
    def grids(self):
        return [self.services, self.second]

    def command(self, *arguments, **more):
        return super().command(*arguments, "--database", self.database, **more)

    def sql(self, query, values=()):
        """What the database has, all of it as text."""
        for value in values:
            query = query.replace("?", f"'{uuid.UUID(bytes=value) if isinstance(value, bytes) else value}'", 1)
        done = subprocess.run(["psql", "-X", "-At", "-F", "\t", "-c", query, self.database], text=True,
                              capture_output=True, timeout=30, check=True)
        return [tuple(line.split("\t")) for line in done.stdout.splitlines()]

    def __enter__(self):
        self.private.open()
        self.public.open()
        return super().__enter__()

    def __exit__(self, *ending):
        try:
            super().__exit__(*ending)
        finally:
            self.private.close()
            self.public.close()
