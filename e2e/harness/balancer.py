"""What stands before several processes that are one grid: each connection goes to the next of them that answers."""

import itertools
import select
import socket
import socketserver
import threading

from .process import lasting_ports

PIECE = 1 << 16


class Balancer:
    """Knows nothing of what passes. Runs in threads of its own."""

    def __init__(self, ports):
        self.ports = ports
        self._turns = itertools.count()
        balancer = self

        class Connection(socketserver.BaseRequestHandler):
            def handle(self):
                if server := balancer.connect():
                    with server:
                        relay(self.request, server)

        socketserver.ThreadingTCPServer.allow_reuse_address = True
        socketserver.ThreadingTCPServer.daemon_threads = True
        self.port, = lasting_ports(1)
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", self.port), Connection)

    def open(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/"

    def connect(self):
        """A connection to whichever has the turn, or to the next that lives."""
        first = next(self._turns)
        for offset in range(len(self.ports)):
            try:
                return socket.create_connection(("127.0.0.1", self.ports[(first + offset) % len(self.ports)]), 2)
            except OSError:
                continue
        return None

    def close(self):
        self._server.shutdown()
        self._server.server_close()


def relay(one, other):
    """Until either end has nothing more to say."""
    ways = {one: other, other: one}
    try:
        while True:
            for end in select.select(ways, [], [])[0]:
                piece = end.recv(PIECE)
                if not piece:
                    return
                ways[end].sendall(piece)
    except OSError:
        pass
