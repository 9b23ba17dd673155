"""What every client can do, and hippolyzer as it comes.

The clients are hippolyzer's own objects; what is here only listens to them, sends further messages through their
circuits, and puts what happens into words.
"""

import dataclasses
import asyncio
import contextlib
import math
import time
from collections import Counter

from hippolyzer.lib.base.datatypes import UUID, Quaternion, Vector3
from hippolyzer.lib.base.message.message import Block, Message
from hippolyzer.lib.base.templates import AgentControlFlags as Control
from hippolyzer.lib.base.templates import ChatType
from hippolyzer.lib.client.hippo_client import HippoClient

from .inbox import Inbox
from .sight import Sight

# Which way an avatar looks: turned about the vertical axis, 0 being east.
EAST, NORTH, WEST, SOUTH = (
    Quaternion(0, 0, math.sin(angle / 2), math.cos(angle / 2)) for angle in (0, math.pi / 2, math.pi, -math.pi / 2)
)
STAND = Control(0)
WALK = Control.AT_POS
NULL = UUID.ZERO


class Refused(Exception):
    """A teleport that ended in TeleportFailed; the text is the reason given."""


class Client:
    """Common to all kinds; they differ in how they enter and in how they follow the server's instructions."""

    def __init__(self, world):
        self.world = world
        self.hippo = HippoClient()
        self.inbox = None
        self.sight = None
        self.facing = EAST
        self.flags = STAND

    # Who and where

    @property
    def session(self):
        return self.hippo.session

    @property
    def agent_id(self):
        return self.session.agent_id

    @property
    def region(self):
        """The region that the agent is in, as the client believes."""
        return self.session.main_region

    @property
    def place(self):
        """The same as the world file has it."""
        return self.world.region_at(self.region.handle)

    def address_of(self, region):
        return ("127.0.0.1", region.port)

    def known(self, region):
        """The client's own object for that region, if it has been told of it."""
        return next((r for r in self.session.regions if r.circuit_addr == self.address_of(region)), None)

    def ids(self, **more):
        return Block("AgentData", AgentID=self.session.agent_id, SessionID=self.session.id, **more)

    # Entering and leaving

    async def _log_in(self, account, start):
        """The login call; afterwards all that arrives is kept."""
        self.account = account
        await self.hippo.login(account.name, account.password, login_uri=self.world.uri, start_location=start,
                               connect=False)
        self.inbox = Inbox(self.session)
        self.sight = Sight(self.session)

    async def leave(self):
        """As hippolyzer does it: one LogoutRequest, not waited for."""
        await self.hippo.aclose()

    async def vanish(self):
        """As a crash does it: not a word, and deaf from now on."""
        session = self.session
        if self.hippo._resend_task:
            self.hippo._resend_task.cancel()
        for region in session.regions:
            if region._eq_task:
                region._eq_task.cancel()
        session.transport.close()
        await self.hippo.http_session.close()
        self.hippo.session = self.hippo.http_session = None

    # Speaking and listening

    def send(self, name, *blocks, region=None):
        """Reliably, to the agent's region unless told otherwise; the answer can be awaited for the acknowledgement."""
        return (region or self.region).circuit.send_reliable(Message(name, *blocks))

    def say(self, text, kind=ChatType.NORMAL):
        return self.hippo.send_chat(text, chat_type=kind)

    async def catch_up(self):
        """Waits until it has done whatever there was to do: what it says now is answered after that."""
        mark = self.inbox.mark()
        text = f"caught up at {time.monotonic()}"
        await self.say(text)
        await self.hear(text, since=mark)

    def heard(self, since=0):
        """The texts of the chat that arrived since then, in order."""
        said = self.inbox.since(since, "ChatFromSimulator")
        return [str(m["ChatData"]["Message"]) for m in said if str(m["ChatData"]["Message"])]

    async def hear(self, text, since=0):
        def is_it(m):
            return str(m["ChatData"]["Message"]) == text
        return await self.inbox.expect("ChatFromSimulator", since=since, where=is_it)

    # Moving

    def look(self):
        """One AgentUpdate with what the agent does at the moment."""
        at = Vector3(1, 0, 0).rotated(self.facing)
        left = Vector3(0, 1, 0).rotated(self.facing)
        self.region.circuit.send(Message("AgentUpdate", self.ids(
            BodyRotation=self.facing, HeadRotation=self.facing, State=0, CameraCenter=Vector3(128, 128, 30),
            CameraAtAxis=at, CameraLeftAxis=left, CameraUpAxis=Vector3(0, 0, 1), Far=128.0,
            ControlFlags=int(self.flags), Flags=0)))

    @contextlib.asynccontextmanager
    async def moving(self, facing=EAST, flags=WALK):
        """Within the block the agent keeps moving; AgentUpdates go out at a viewer's pace, wherever it is by then."""
        async def keep_moving():
            while True:
                self.look()
                await asyncio.sleep(0.05)

        self.facing, self.flags = facing, flags
        task = asyncio.create_task(keep_moving())
        try:
            yield
        finally:
            self.flags = STAND
            task.cancel()
            self.look()

    def body(self, agent_id=None, region=None):
        """The avatar (one's own by default) as it is seen in a region (the agent's by default), or None."""
        address = self.address_of(region) if region else self.region.circuit_addr
        return self.sight.body(address, agent_id or self.agent_id)

    async def see(self, agent_id=None, region=None, where=None, patience=10, what="avatar"):
        """Waits until that avatar is seen, and seen so."""
        def seen():
            body = self.body(agent_id, region)
            return body if body and (where is None or where(body)) else None
        # As it is now: the one kept in sight moves on.
        return dataclasses.replace(await self.inbox.until(seen, patience, what))

    async def miss(self, agent_id, region=None, patience=10):
        """Waits until that avatar is seen no more."""
        await self.inbox.until(lambda: not self.body(agent_id, region), patience, f"KillObject of {agent_id}")

    # Travelling

    def request_teleport(self, region, position=(128, 128, 25)):
        handle = getattr(region, "handle", region)
        return self.send("TeleportLocationRequest", self.ids(), Block(
            "Info", RegionHandle=handle, Position=Vector3(*position), LookAt=Vector3(1, 0, 0)))

    def cancel_teleport(self, region=None):
        ids = Block("Info", AgentID=self.session.agent_id, SessionID=self.session.id)
        return self.send("TeleportCancel", ids, region=region)

    def request_home(self):
        return self.request_landmark(NULL)

    def request_landmark(self, asset_id):
        return self.send("TeleportLandmarkRequest", Block(
            "Info", AgentID=self.session.agent_id, SessionID=self.session.id, LandmarkID=asset_id))

    async def refusal(self, since):
        """The reason in the TeleportFailed that must come."""
        failed = await self.inbox.expect("TeleportFailed", since=since, patience=15)
        assert failed["Info"]["AgentID"] == self.agent_id
        return str(failed["Info"]["Reason"])

    async def teleport(self, region, position=(128, 128, 25)):
        """Goes there and gives the seconds that it took; raises Refused with the reason."""
        raise NotImplementedError

    async def find_on_map(self, name):
        """The map's answer to a name: a list of (name, x, y, access), the end mark included."""
        mark = self.inbox.mark()
        self.send("MapNameRequest", self.ids(Flags=2, EstateID=0, Godlike=False), Block("NameData", Name=name))
        found = []

        def complete():
            blocks = [b for m in self.inbox.since(mark, "MapBlockReply") for b in m["Data"]]
            found[:] = [(str(b["Name"]), b["X"], b["Y"], b["Access"]) for b in blocks]
            return any((x, y, access) == (0, 0, 255) for _, x, y, access in found)

        await self.inbox.until(complete, what=f"end of the search for {name!r}", since=mark)
        assert all(m["AgentData"]["Flags"] == 2 for m in self.inbox.since(mark, "MapBlockReply"))
        return found

    # Capabilities

    async def get(self, capability, path="", region=None, **options):
        async with (region or self.region).caps_client.get(capability, path=path, **options) as response:
            return response.status, await response.read(), response.headers

    async def post(self, capability, body, path="", region=None):
        """Status and parsed answer."""
        async with (region or self.region).caps_client.post(capability, path=path, llsd=body) as response:
            return response.status, await response.read_llsd() if response.status == 200 else None

    # Being well

    async def assert_alive(self):
        """It acts here: it can speak, and be seen to move."""
        await self.catch_up()
        here = (await self.see(what="own avatar")).position
        facing = EAST if here[0] < 200 else WEST
        async with self.moving(facing):
            await self.see(where=lambda body: math.dist(body.position[:2], here[:2]) > 0.5, what="own steps")

    def counts(self, since=0):
        return Counter(self.inbox.names(since))


class StockClient(Client):
    """hippolyzer, unmodified: its own reactions, its own order of messages."""

    async def enter(self, account, start="last"):
        await self._log_in(account, start)
        # The second half of HippoClient.login(connect=True); here so that nothing arrives before someone listens.
        async with asyncio.timeout(15):
            await self.session.regions[-1].connect(main_region=True)

    async def teleport(self, region, position=(128, 128, 25)):
        handle = getattr(region, "handle", region)
        mark, begun = self.inbox.mark(), time.perf_counter()
        try:
            await asyncio.wait_for(self.hippo.teleport(handle, Vector3(*position)), 45)
        except RuntimeError:
            raise Refused(await self.refusal(mark)) from None
        took = time.perf_counter() - begun
        await self.inbox.expect("TeleportLocal", "AgentMovementComplete", since=mark)
        return took
