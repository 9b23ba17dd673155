"""A proxy between processes that loses, delays, doubles and garbles those messages that it is told to.

Everything else passes unchanged, byte for byte: requests between our processes are signed. It runs in a thread of its
own, so that it outlives the event loop of one test. Messages have the names of the protocol:

`QueryAccess` `CreateAgent` `UpdateAgent` `ReleaseAgent` `CloseAgent`
                                      the simulation service; CreateAgent is that of a transfer
`CreateChild` `AgentPosition` `Hello` the same for neighbours
`WithdrawAgent` `EndSession` `CloseChild`
                                      what only our own processes say
`grid.get_region_by_position` `presence.report` ...
                                      the grid services: path and METHOD
`other`                               capabilities, keys ...
"""

import asyncio
import fnmatch
import gzip
import json
import re
import threading
import time
import urllib.parse
from concurrent.futures import Future

from .process import lasting_ports

MAX_HEAD = 1 << 16
GARBAGE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{\"x\": [[["


class Rule:
    """What is done to the messages of a name, of one agent or of all, so many times or always. In force within a `with`
    block, or until `end`."""

    def __init__(self, meddler, message, act, agent, times, seconds):
        self.meddler = meddler
        self.message, self.act, self.seconds = message, act, seconds
        self.agent = agent and str(agent)
        self.times = times
        self.hits = 0
        self._reached = Future()
        self._ended = asyncio.Event()  # only used in the meddler's loop
        meddler.rules.insert(0, self)

    def takes(self, name, agent):
        if not fnmatch.fnmatchcase(name, self.message) or (self.agent and self.agent != agent):
            return False
        if self.times is not None and self.hits >= self.times:
            return False
        self.hits += 1
        if not self._reached.done():
            self._reached.set_result(None)
        return True

    async def reached(self, patience=10):
        """Waits until a message has been taken."""
        async with asyncio.timeout(patience):
            await asyncio.wrap_future(self._reached)

    async def let_go(self):
        """Of those that are held."""
        await self._ended.wait()

    def end(self):
        """What is held goes on; what comes from now on is left alone."""
        if self in self.meddler.rules:
            self.meddler.rules.remove(self)
        self.meddler.loop.call_soon_threadsafe(self._ended.set)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


class Meddler:
    def __init__(self):
        self.rules = []
        self.seen = []  # names of all messages, in order
        self.noted = []  # the same with when, by the monotonic clock, and the names of their form's fields
        self.loop = asyncio.new_event_loop()
        self._stands = {}
        self._tasks = set()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        async def stop():
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self.loop.call_soon(self.loop.stop)
        asyncio.run_coroutine_threadsafe(stop(), self.loop)
        self._thread.join(10)

    def before(self, port):
        """The port at which to ask instead of this one."""
        if port not in self._stands:
            stand, = lasting_ports(1)
            asyncio.run_coroutine_threadsafe(self._open(stand, port), self.loop).result(10)
            self._stands[port] = stand
        return self._stands[port]

    # What can be done to messages

    def _rule(self, message, act, agent=None, times=None, seconds=None):
        return Rule(self, message, act, agent, times, seconds)

    def drop(self, message, **which):
        """It never arrives, and whoever sent it hears nothing."""
        return self._rule(message, self._drop, **which)

    def drop_answer(self, message, **which):
        """It arrives, and whoever sent it hears nothing."""
        return self._rule(message, self._drop_answer, **which)

    def cut(self, message, **which):
        """It never arrives, and the connection breaks."""
        return self._rule(message, self._cut, **which)

    def cut_answer(self, message, **which):
        """It arrives, and the connection breaks."""
        return self._rule(message, self._cut_answer, **which)

    def delay(self, message, seconds, **which):
        return self._rule(message, self._delay, seconds=seconds, **which)

    def delay_answer(self, message, seconds, **which):
        return self._rule(message, self._delay_answer, seconds=seconds, **which)

    def hold(self, message, **which):
        """It waits until the rule ends."""
        return self._rule(message, self._hold, **which)

    def hold_answer(self, message, **which):
        """Its answer waits until the rule ends."""
        return self._rule(message, self._hold_answer, **which)

    def double(self, message, **which):
        """It arrives twice; the first answer counts."""
        return self._rule(message, self._double, **which)

    def garble(self, message, **which):
        """It never arrives, and the answer makes no sense."""
        return self._rule(message, self._garble, **which)

    async def _drop(self, *_):
        await asyncio.Event().wait()

    async def _drop_answer(self, _rule, ask):
        await ask()
        await asyncio.Event().wait()

    async def _cut(self, *_):
        return None

    async def _cut_answer(self, _rule, ask):
        await ask()

    async def _delay(self, rule, ask):
        await asyncio.sleep(rule.seconds)
        return await ask()

    async def _delay_answer(self, rule, ask):
        answer = await ask()
        await asyncio.sleep(rule.seconds)
        return answer

    async def _hold(self, rule, ask):
        await rule.let_go()
        return await ask()

    async def _hold_answer(self, rule, ask):
        answer = await ask()
        await rule.let_go()
        return answer

    async def _double(self, _rule, ask):
        answer = await ask()
        await ask()
        return answer

    async def _garble(self, *_):
        return GARBAGE

    # Passing on

    async def _open(self, stand, port):
        def begin(reader, writer):
            task = asyncio.ensure_future(self._serve(reader, writer, port))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        await asyncio.start_server(begin, "127.0.0.1", stand, limit=MAX_HEAD)

    async def _serve(self, reader, writer, port):
        """One connection: its requests, one after the other."""
        caller = Caller(reader)
        try:
            while request := await read_request(caller):
                answer = await self._answered(caller, request, port)
                if answer is None:
                    return
                writer.write(answer)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            caller.close()
            writer.close()

    async def _answered(self, caller, request, port):
        """The answer; None if the connection is to break, or has been broken by the caller."""
        answering = asyncio.ensure_future(self._meddle(request, port))
        leaving = asyncio.ensure_future(caller.gone())
        try:
            await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
            # A message that waits here is on its way, whether or not its sender still wants to hear of it.
            if not answering.done() and not request.waits:
                return None
            return await answering
        finally:
            leaving.cancel()
            answering.cancel()

    async def _meddle(self, request, port):
        name, agent = request.name()
        self.seen.append(name)
        self.noted.append((time.monotonic(), name, [*request._form()] if "." in name else []))

        async def ask():
            return await pass_on(request, port)
        rule = next((rule for rule in self.rules if rule.takes(name, agent)), None)
        request.waits = rule is not None and rule.act in (self._hold, self._delay)
        try:
            return await (rule.act(rule, ask) if rule else ask())
        except (ConnectionError, asyncio.IncompleteReadError):
            return None


class Caller:
    """The reading half of a connection, of which one can know that it has ended before one reads on."""

    def __init__(self, reader):
        self._inner = reader
        self._ahead = asyncio.StreamReader(limit=MAX_HEAD)
        self._ended = asyncio.Event()
        self._task = asyncio.ensure_future(self._read_ahead())

    async def _read_ahead(self):
        try:
            while data := await self._inner.read(MAX_HEAD):
                self._ahead.feed_data(data)
        except ConnectionError:
            pass
        self._ahead.feed_eof()
        self._ended.set()

    @property
    def reader(self):
        return self._ahead

    async def gone(self):
        await self._ended.wait()

    def close(self):
        self._task.cancel()


class Request:
    def __init__(self, head, body):
        self.bytes = head + body
        self.method, self.path, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        self.packed = re.search(rb"(?im)^content-(type|encoding):.*gzip", head) is not None
        self.body = body
        self.waits = False

    def name(self):
        """The message, and the agent that it is about, if any."""
        path = self.path.split("?")[0]
        match self.method, [part for part in path.split("/") if part]:
            case "QUERYACCESS", ["agent", agent, _]:
                return "QueryAccess", agent
            case "POST", ["agent", agent]:
                return "CreateAgent" if self._is_transfer() else "CreateChild", agent
            case "PUT", ["agent", agent]:
                position = self._content().get("message_type") == "AgentPosition"
                return "AgentPosition" if position else "UpdateAgent", agent
            case "DELETE", ["agent", agent, _, "release", *_]:
                return "ReleaseAgent", agent
            case "DELETE", ["agent", agent, _]:
                return "CloseAgent", agent
            case "POST", ["sojourn", "agent", agent, _, what]:
                return {"withdraw": "WithdrawAgent", "end": "EndSession", "close": "CloseChild"}.get(what, what), agent
            case "POST", ["region", _]:
                return "Hello", None
            case "POST", [service] if "METHOD" in (form := self._form()):
                return f"{service}.{form['METHOD']}", form.get("UserID") or form.get("PRINCIPALID")
            case _:
                return "other", None

    def _is_transfer(self):
        content = self._content()
        extension = content.get("sojourn") or {}
        return extension.get("transfer") is not None or content.get("teleport_flags", "0") != "0"

    def _content(self):
        try:
            return json.loads(gzip.decompress(self.body) if self.packed else self.body)
        except (OSError, ValueError):
            return {}

    def _form(self):
        return dict(urllib.parse.parse_qsl(self.body.decode(errors="replace")))


async def read_request(caller):
    """The next one; None at the end of the connection."""
    try:
        head = await caller.reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    return Request(head, await read_body(caller.reader, head))


async def read_body(reader, head):
    """The body that belongs to a head, as it travels."""
    length = re.search(rb"(?im)^content-length:\s*(\d+)", head)
    if length:
        return await reader.readexactly(int(length[1]))
    if re.search(rb"(?im)^transfer-encoding:.*chunked", head):
        body = b""
        while True:
            line = await reader.readline()
            chunk = await reader.readexactly(int(line.split(b";")[0], 16) + 2)
            body += line + chunk
            if chunk == b"\r\n":
                return body
    return b""


async def pass_on(request, port):
    """Asks whom the request is meant for, on a connection of its own; gives the answer as it came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=MAX_HEAD)
    try:
        writer.write(request.bytes)
        head = await reader.readuntil(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
        bodiless = request.method == "HEAD" or status in (204, 304)
        return head + (b"" if bodiless else await read_body(reader, head))
    finally:
        writer.close()
