"""The release binary as a process: started on free loopback ports, ended by its process id."""

import http.client
import os
import random
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

BINARY = Path(os.environ.get("SOJOURN_BINARY", Path(__file__).parents[2] / "target/release/sojourn"))

# A process that is not ready by then is not slow but broken.
PATIENCE_S = 20
# SIGTERM: agents told, logged out, saved, gone within this time.
FAREWELL_S = 10

# What a log must not contain after a test: a panic, or an event at level ERROR.
TROUBLE = re.compile(r"panicked at|\bERROR\b")

# Ports that somebody here means to keep.
TAKEN = set()

# The tests' own ports, below those that the system gives to whoever asks for any, and below those of `.ci/postgres`.
FIRST_PORT, LAST_PORT = 10_000, 20_000


def own_range():
    """The ports of this process: each of several that run tests side by side has a part of them all."""
    worker = int(re.sub(r"\D", "", os.environ.get("PYTEST_XDIST_WORKER", "gw0")))
    workers = max(int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1)), worker + 1)
    system, _ = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    size = (min(LAST_PORT, system) - FIRST_PORT) // workers
    return range(FIRST_PORT + worker * size, FIRST_PORT + (worker + 1) * size)


def lasting_ports(count):
    """Free ports that nobody else gets: a process can come back to them after its end."""
    return [port for _ in range(count) for port in lasting_row(1)]


def lasting_row(count):
    """So many consecutive ones."""
    own = own_range()
    for _ in range(1000):
        first = random.choice(own[:len(own) - count + 1])
        row = range(first, first + count)
        if TAKEN.isdisjoint(row) and all(map(is_free, row)):
            TAKEN.update(row)
            return row
    raise AssertionError(f"no {count} ports in a row are free from {own.start} to {own.stop - 1}")


def is_free(port):
    """Whether a port of the loopback address is free, for TCP and UDP alike."""
    try:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with socket.socket(socket.AF_INET, kind) as probe:
                probe.bind(("127.0.0.1", port))
        return True
    except OSError:
        return False


class Sojourn:
    """One `sojourn` process and what it has said so far. It can be started again after its end."""

    def __init__(self, arguments, folder, port):
        self.arguments = [str(BINARY), *map(str, arguments)]
        self.port = port  # where /healthz and /metrics are served
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.environment = {}  # besides the tests' own
        self.runs = 0
        self.output = folder / "output.txt"
        self.log = folder / "log.txt"
        self.process = None
        self.ready_s = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/"

    def start(self):
        self.begin()
        return self.await_readiness()

    def begin(self):
        """Starts the process and does not wait for it."""
        self.runs += 1
        if self.runs > 1:
            self.output = self.folder / f"output-{self.runs}.txt"
            self.log = self.folder / f"log-{self.runs}.txt"
        self.begun = time.monotonic()
        with open(self.output, "wb") as output, open(self.log, "wb") as log:
            self.process = subprocess.Popen(self.arguments, stdin=subprocess.DEVNULL, stdout=output, stderr=log,
                                            env=os.environ | self.environment)

    def await_readiness(self):
        while not self.ready_line():
            self._still_waiting("no line `ready URL`")
            time.sleep(0.005)
        self.ready_s = time.monotonic() - self.begun
        while self.get("/healthz")[0] != 200:
            self._still_waiting("/healthz does not answer 200")
            time.sleep(0.005)
        return self

    def _still_waiting(self, what):
        if self.process.poll() is not None:
            raise AssertionError(f"ended at once with {self.process.returncode}:\n{self.said()}")
        if time.monotonic() - self.begun > PATIENCE_S:
            self.process.kill()
            raise AssertionError(f"{what} after {PATIENCE_S} s:\n{self.said()}")

    def ready_line(self):
        """The URL of the line `ready URL`, once it has been printed."""
        found = re.search(r"^ready (\S+)$", self.output.read_text(errors="replace"), re.M)
        return found and found[1]

    def said(self):
        """Standard output and standard error of this run."""
        return self.output.read_text(errors="replace") + self.log.read_text(errors="replace")

    def get(self, path):
        """Status and body of a GET; status 0 when nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode(errors="replace")
        except OSError:
            return 0, ""
        finally:
            connection.close()

    def metrics(self):
        """All samples of /metrics: name with labels -> value."""
        status, text = self.get("/metrics")
        assert status == 200, f"/metrics answers {status}"
        samples = re.findall(r"^([a-zA-Z_:][^\s{]*(?:\{[^}]*\})?)\s+(\S+)", text, re.M)
        return {name: float(value) for name, value in samples}

    @property
    def lives(self):
        return self.process is not None and self.process.poll() is None

    def rss_kb(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1])

    def stop(self, by=signal.SIGTERM):
        """Asks the process to end; insists on status 0, in time, with a clean log."""
        self.process.send_signal(by)
        self.see_off(by)

    def see_off(self, by=signal.SIGTERM):
        """The second half of `stop`: the signal has been sent."""
        try:
            status = self.process.wait(FAREWELL_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"still there {FAREWELL_S} s after {by.name}:\n{self.said()[-4000:]}") from None
        assert status == 0, f"ended with {status}:\n{self.said()[-4000:]}"
        self.assert_no_trouble()

    def assert_no_trouble(self):
        trouble = [line for line in self.said().splitlines() if TROUBLE.search(line)]
        assert not trouble, "trouble in the log:\n" + "\n".join(trouble[:20])

    def kill(self):
        """For clean-up after a failure, and as machines fail: no questions asked."""
        if self.lives:
            self.process.kill()
            self.process.wait()

    def freeze(self):
        """From now on it hears nothing and says nothing, until it is thawed."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)
