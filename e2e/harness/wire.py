"""Login and LLUDP by hand, for what no client would do."""

import base64
import hashlib
import socket
import urllib.error
import urllib.request
import xmlrpc.client

import llsd
from hippolyzer.lib.base.message.message import Block, Message
from hippolyzer.lib.base.message.msgtypes import PacketFlags
from hippolyzer.lib.base.message.udpserializer import UDPMessageSerializer


def http(url, body=None, content_type=None, timeout=10, method=None, key=None, more=None):
    """Status, body and headers, whatever the status. `key` is a simulator's, `more` are headers."""
    headers = {**(more or {}), **({"Content-Type": content_type} if content_type else {})}
    if key:
        headers["Authorization"] = "Basic " + base64.b64encode(f"any:{key}".encode()).decode()
    request = urllib.request.Request(url, data=body, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            return response.status, response.read(), response.headers
    except urllib.error.HTTPError as answer:
        return answer.code, answer.read(), answer.headers


def hashed(password):
    return "$1$" + hashlib.md5(password.encode()).hexdigest()


def login_request(account, start="last", **more):
    return {"first": account.first, "last": account.last, "passwd": hashed(account.password), "start": start,
            "channel": "end to end", "version": "1", "platform": "lnx", "mac": "0" * 32, "id0": "0" * 32,
            "agree_to_tos": 1, "read_critical": 1, "options": ["inventory-root", "inventory-skeleton"], **more}


def log_in(uri, request, patience=10, headers=None):
    """The answer to an XML-RPC login, whether granted or not."""
    body = xmlrpc.client.dumps((request,), "login_to_simulator").encode()
    status, answer, _ = http(uri, body, "text/xml", patience, more=headers)
    assert status == 200, f"login answers {status}: {answer[:300]!r}"
    return xmlrpc.client.loads(answer.decode())[0][0]


def log_in_by_llsd(uri, request):
    status, answer, headers = http(uri, llsd.format_xml(request), "application/llsd+xml")
    assert status == 200, f"login answers {status}: {answer[:300]!r}"
    assert "llsd" in headers["Content-Type"], headers["Content-Type"]
    return llsd.parse_xml(answer)


def post_llsd(url, body):
    """Status and parsed answer."""
    status, answer, _ = http(url, llsd.format_xml(body), "application/llsd+xml")
    return status, llsd.parse_xml(answer) if status == 200 else None


def datagram(name, *blocks, sequence=1, reliable=False):
    message = Message(name, *blocks, packet_id=sequence, flags=PacketFlags.RELIABLE if reliable else 0)
    return bytes(UDPMessageSerializer().serialize(message))


def use_circuit_code(code, session_id, agent_id, sequence=1):
    return datagram("UseCircuitCode", Block("CircuitCode", Code=code, SessionID=session_id, ID=agent_id),
                    sequence=sequence, reliable=True)


def chat(agent_id, session_id, text, sequence=1):
    return datagram("ChatFromViewer", Block("AgentData", AgentID=agent_id, SessionID=session_id),
                    Block("ChatData", Message=text, Type=1, Channel=0), sequence=sequence, reliable=True)


class Stranger:
    """A UDP socket that the server has never heard of."""

    def __init__(self, address="127.0.0.1"):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 0))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data, region):
        self.socket.sendto(data, ("127.0.0.1", region.port))

    def hears_nothing(self, within_s=0.3):
        self.socket.settimeout(within_s)
        try:
            return not self.socket.recv(2048)
        except TimeoutError:
            return True
