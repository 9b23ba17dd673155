"""An S3-compatible server of somebody else's making (moto), with one bucket, on loopback."""

import re
import subprocess
import sys
import time
import urllib.request

from .process import lasting_ports

PATIENCE_S = 30
NAME = "world"
# The server looks at no signature, but a client wants to make one.
ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "tester", "AWS_SECRET_ACCESS_KEY": "none", "AWS_REGION": "us-east-1"}


class Bucket:
    def __init__(self, folder):
        self.port, = lasting_ports(1)
        self.log = folder / "bucket.txt"

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def place(self, prefix):
        """What `--assets` takes."""
        return f"s3://{NAME}/{prefix}?endpoint={self.url}&region=us-east-1"

    def __enter__(self):
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        begun = time.monotonic()
        while not self._make():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() - begun < PATIENCE_S, "the bucket is not there in time"
            time.sleep(0.05)
        return self

    def _make(self):
        try:
            urllib.request.urlopen(urllib.request.Request(f"{self.url}/{NAME}", method="PUT"), timeout=5).close()
            return True
        except OSError:
            return False

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def names(self):
        """Of all objects."""
        with urllib.request.urlopen(f"{self.url}/{NAME}?list-type=2", timeout=10) as answer:
            return re.findall(r"<Key>(.*?)</Key>", answer.read().decode())
