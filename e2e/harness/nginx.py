"""nginx before several processes that are one grid, as an operator would set it up.

It has an address of its own, and takes its clients for whom they say in `X-Test-From`, as if they came from there."""

import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

from .process import lasting_ports

ADDRESS = "127.0.0.2"

SETTINGS = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/errors warn;
events {{ worker_connections 2048; }}
http {{
    access_log off; client_max_body_size 64m;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    set_real_ip_from 127.0.0.0/8; real_ip_header X-Test-From;
    upstream grid {{ {servers} keepalive 16; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://grid; proxy_http_version 1.1; proxy_set_header Connection "";
            proxy_bind {address}; proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $http_x_test_proto;
            proxy_connect_timeout 1s; proxy_read_timeout 60s;
            proxy_next_upstream error timeout; proxy_next_upstream_tries 2;
        }}
    }}
}}
"""


class Nginx:
    """Has the same doors as a `Balancer`; begins when it is opened."""

    def __init__(self, ports):
        self.ports = ports
        self.port, = lasting_ports(1)
        self.process = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/"

    def open(self):
        self.folder = Path(tempfile.mkdtemp(prefix="sojourn-nginx-"))
        servers = " ".join(f"server 127.0.0.1:{port} max_fails=1 fail_timeout=1s;" for port in self.ports)
        settings = self.folder / "nginx.conf"
        settings.write_text(SETTINGS.format(folder=self.folder, servers=servers, port=self.port, address=ADDRESS))
        program = shutil.which("nginx") or "/usr/sbin/nginx"
        self.process = subprocess.Popen([program, "-c", settings, "-p", self.folder, "-e", self.folder / "errors"])
        # Asked by a connection: trying to bind the port would take it from nginx for a moment.
        while not self.answers():
            assert self.process.poll() is None, f"nginx has ended: {(self.folder / 'errors').read_text()}"

    def answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return True
        except OSError:
            return False

    def close(self):
        if self.process:
            self.process.terminate()
            self.process.wait(10)
            shutil.rmtree(self.folder)
