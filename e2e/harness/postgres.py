"""A PostgreSQL server of the tests' own: started, stopped and started anew; it ends with the tests."""

import subprocess
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / ".ci/postgres"
PATIENCE_S = 60


class NoPostgres(Exception):
    """There is none on this machine; the text says why."""


class Postgres:
    def __enter__(self):
        self.process = subprocess.Popen([SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True)
        self.url = self.process.stdout.readline().strip()
        if not self.url:
            raise NoPostgres(self.process.stderr.read().strip())
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(PATIENCE_S)

    def _ask(self, word):
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline().strip() == "done", f"PostgreSQL does not {word}"

    def restart(self):
        """At once, as after a crash: connections are lost, what was committed is not."""
        self._ask("restart")

    def stop(self):
        self._ask("stop")

    def start(self):
        self._ask("start")
