"""An S3-compatible server of somebody else's making (moto), with one bucket, on loopback; in the clear or over TLS."""

import datetime
import ipaddress
import re
import ssl
import subprocess
import sys
import time
import urllib.request

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from .process import lasting_ports

PATIENCE_S = 30
NAME = "world"
# The server looks at no signature, but a client wants to make one.
ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "tester", "AWS_SECRET_ACCESS_KEY": "none", "AWS_REGION": "us-east-1"}


class Authority:
    """Makes certificates; who believes `file` believes them."""

    def __init__(self, folder, name="The tests' own authority"):
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = self._certificate(self.name, self.key).add_extension(x509.BasicConstraints(True, 0), critical=True)
        self.file = self._write("authority.pem", made.sign(self.key, hashes.SHA256()))

    def certificate(self, address="127.0.0.1"):
        """The files of a certificate for this address and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, address)])
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        made = self._certificate(subject, key).add_extension(names, critical=False)
        made = made.add_extension(x509.BasicConstraints(False, None), critical=True)
        secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                   serialization.NoEncryption())
        (self.folder / "key.pem").write_bytes(secret)
        return self._write("certificate.pem", made.sign(self.key, hashes.SHA256())), self.folder / "key.pem"

    def _certificate(self, subject, key):
        now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
        made = x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(key.public_key())
        return made.serial_number(x509.random_serial_number()).not_valid_before(now - day).not_valid_after(now + day)

    def _write(self, name, certificate):
        path = self.folder / name
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return path


class Bucket:
    """With an authority, over TLS."""

    def __init__(self, folder, authority=None):
        self.port, = lasting_ports(1)
        self.log = folder / "bucket.txt"
        self.tls = ssl.create_default_context(cafile=authority.file) if authority else None
        certificate, key = authority.certificate() if authority else (None, None)
        self.options = ["-c", str(certificate), "-k", str(key)] if authority else []

    @property
    def url(self):
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def place(self, prefix):
        """What `--assets` takes."""
        return f"s3://{NAME}/{prefix}?endpoint={self.url}&region=us-east-1"

    def __enter__(self):
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port),
                                             *self.options], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        begun = time.monotonic()
        while not self._make():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() - begun < PATIENCE_S, "the bucket is not there in time"
            time.sleep(0.05)
        return self

    def _make(self):
        try:
            self._open(urllib.request.Request(f"{self.url}/{NAME}", method="PUT")).close()
            return True
        except OSError:
            return False

    def _open(self, request):
        return urllib.request.urlopen(request, timeout=10, context=self.tls)

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def names(self):
        """Of all objects."""
        with self._open(f"{self.url}/{NAME}?list-type=2") as answer:
            return re.findall(r"<Key>(.*?)</Key>", answer.read().decode())
