"""hippolyzer's library, driven in the order in which the Second Life viewer sends its messages.

It asks the seed before the first datagram, opens a circuit to every neighbour that it is told of, polls the event queue
of each region that grants one, answers TeleportFinish with UseCircuitCode and CompleteAgentMovement at once, and
CrossedRegion with CompleteAgentMovement alone.
"""

import asyncio
import socket
import time

import aiohttp
from hippolyzer.lib.base.message.message import Block, Message
from hippolyzer.lib.base.network.transport import Direction, SocketUDPTransport
from hippolyzer.lib.base.templates import RegionHandshakeReplyFlags as Reply
from hippolyzer.lib.base.templates import ThrottleData
from hippolyzer.lib.client.hippo_client import HippoClient, HippoClientProtocol

from .client import Client, Refused

# Its own reactions to these are taken from hippolyzer and replaced by the viewer's.
TAKEN_OVER = ("TeleportFinish", "CrossedRegion", "EstablishAgentCommunication")

# Bits per second, as a viewer set to some 2 Mbit/s asks for them.
THROTTLES = ThrottleData(resend=204800.0, land=163840.0, wind=32768.0, cloud=32768.0, task=655360.0, texture=655360.0,
                         asset=262144.0)


class Mailbox:
    """A socket that is emptied whenever something has come, as viewers do it. asyncio takes one datagram a turn: a busy
    client would hear by HTTP what is to come long before it hears by UDP what has been."""

    def __init__(self, protocol):
        self.protocol = protocol
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind(("0.0.0.0", 0))
        asyncio.get_running_loop().add_reader(self.socket, self._read)

    def _read(self):
        while True:
            try:
                data, sender = self.socket.recvfrom(1 << 16)
            except BlockingIOError:
                return
            self.protocol.datagram_received(data, sender)

    def sendto(self, data, address):
        if self.socket.fileno() < 0:
            return  # closed, and one of the client's tasks still wants to send
        try:
            self.socket.sendto(data, address)
        except OSError:
            pass  # lost, as datagrams may be; also what its tasks still say after the end

    def close(self):
        asyncio.get_running_loop().remove_reader(self.socket)
        self.socket.close()


def hopeful(acknowledged):
    """It may never be acknowledged: regions die. What counts is where the agent is then."""
    acknowledged.add_done_callback(lambda future: future.cancelled() or future.exception())
    return acknowledged


class ViewerClient(Client):
    def __init__(self, world):
        super().__init__(world)
        self.hippo._create_transport = self._open_mailbox
        self._tasks = set()
        self._polled = {}  # region's address -> seed URL whose event queue is polled
        self._left = False
        self.login_s = None

    async def _open_mailbox(self):
        protocol = HippoClientProtocol(self.session)
        return SocketUDPTransport(Mailbox(protocol)), protocol

    def _task(self, coroutine):
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # Entering and leaving

    async def enter(self, account, start="last"):
        begun = time.perf_counter()
        await self._log_in(account, start)
        handler = self.session.message_handler
        for name in TAKEN_OVER:
            handler.handlers[name].unsubscribe(self.session._handle_register_region_message)
        handler.subscribe("EnableSimulator", self._enable_simulator)
        handler.subscribe("EstablishAgentCommunication", self._establish_agent_communication)
        handler.subscribe("TeleportFinish", self._teleport_finish)
        handler.subscribe("CrossedRegion", self._crossed_region)
        handler.subscribe("RegionHandshake", self._region_handshake)
        handler.subscribe("AgentMovementComplete", self._agent_movement_complete)
        # The viewer forgets that region, and asks anew should it come there again.
        handler.subscribe("DisableSimulator", lambda message: self._polled.pop(message.sender, None))

        region = self.session.regions[-1]
        await self._grant(region)
        await self._use_circuit_code(region)
        self._complete_agent_movement(region)
        await self.inbox.expect("AgentMovementComplete", patience=15)
        self.login_s = time.perf_counter() - begun
        self._task(self._update_every_second())

    async def leave(self):
        """LogoutRequest, and the reply is waited for as viewers do; then the line goes dead."""
        if self.session and self.region and self.session.transport:
            try:
                await self.log_out()
            finally:
                await self.vanish()
        elif self.hippo.http_session:
            await self.hippo.aclose()

    async def log_out(self):
        """Gives the seconds until LogoutReply."""
        mark, begun = self.inbox.mark(), time.perf_counter()
        self._left = True
        self.send("LogoutRequest", self.ids())
        reply = await self.inbox.expect("LogoutReply", since=mark, patience=6)
        assert reply["AgentData"]["AgentID"] == self.agent_id
        return time.perf_counter() - begun

    async def vanish(self):
        for task in list(self._tasks):
            task.cancel()
        if self.session:
            await super().vanish()

    async def _update_every_second(self):
        while True:
            if self.region:
                self.look()
            await asyncio.sleep(1)

    # Circuits

    def _use_circuit_code(self, region):
        self.session.open_circuit(region.circuit_addr)
        region.circuit.is_alive = True
        return hopeful(region.circuit.send_reliable(Message("UseCircuitCode", Block(
            "CircuitCode", Code=self.session.circuit_code, SessionID=self.session.id, ID=self.session.agent_id))))

    def _complete_agent_movement(self, region):
        return hopeful(region.circuit.send_reliable(Message(
            "CompleteAgentMovement", self.ids(CircuitCode=self.session.circuit_code))))

    # Reactions, in the order of an agent's life

    def _enable_simulator(self, message):
        info = message["SimulatorInfo"][0]
        region = self.session.register_region((str(info["IP"]), info["Port"]), handle=info["Handle"])
        if not (region.circuit and region.circuit.is_alive):
            self._use_circuit_code(region)

    def _establish_agent_communication(self, message):
        told = message["EventData"]
        host, port = told["sim-ip-and-port"].split(":")
        address = (host, int(port))
        if not any(region.circuit_addr == address for region in self.session.regions):
            return  # the viewer drops it, too
        self._seed(self.session.register_region(address, seed_url=told["seed-capability"]))

    def _region_handshake(self, message):
        region = self.session.region_by_circuit_addr(message.sender)
        region.name = str(message["RegionInfo"][0]["SimName"])
        region.circuit.send_reliable(Message("RegionHandshakeReply", self.ids(), Block(
            "RegionInfo", Flags=Reply.VOCACHE_CULLING_ENABLED | Reply.VOCACHE_IS_EMPTY)))
        self._throttle(region)

    def _throttle(self, region):
        region.circuit.send_reliable(Message(
            "AgentThrottle", self.ids(CircuitCode=self.session.circuit_code),
            Block("Throttle", GenCounter=0, Throttles_=THROTTLES)))

    def _agent_movement_complete(self, message):
        region = self.session.region_by_circuit_addr(message.sender)
        self.session.main_region = region
        self._throttle(region)
        region.circuit.send_reliable(Message(
            "AgentHeightWidth", self.ids(CircuitCode=self.session.circuit_code),
            Block("HeightWidthBlock", GenCounter=0, Height=1080, Width=1920)))
        self.look()

    def _teleport_finish(self, message):
        info = message["Info"][0]
        if info["AgentID"] != self.agent_id:
            return
        region = self._destination(info)
        self._use_circuit_code(region)
        self._complete_agent_movement(region)
        self._seed(region)

    def _crossed_region(self, message):
        ids = message["AgentData"][0]
        if (ids["AgentID"], ids["SessionID"]) != (self.agent_id, self.session.id):
            return
        region = self._destination(message["RegionData"][0])
        # Without a circuit the viewer's message would go nowhere; so does this one.
        if region.circuit and region.circuit.is_alive:
            self._complete_agent_movement(region)
        self._seed(region)

    def _destination(self, block):
        return self.session.register_region(
            (str(block["SimIP"]), block["SimPort"]), handle=block["RegionHandle"], seed_url=block["SeedCapability"])

    # Capabilities

    def _seed(self, region):
        self._task(self._grant(region))

    async def _grant(self, region):
        """Asks the seed; a seed not seen before also starts a poll, and silences the one of the old seed."""
        url = region.caps["Seed"]
        try:
            async with region.caps_client.post("Seed", llsd=sorted(HippoClient.SUPPORTED_CAPS)) as response:
                response.raise_for_status()
                granted = await response.read_llsd()
        except aiohttp.ClientError:
            # It crossed with the end of the session, which ends the capabilities of all regions? Then the word of that
            # is here or on its way. Of a region where the agent is not, nothing is needed.
            if not self._left and self.region in (None, region):
                await self.inbox.expect("KickUser", patience=3)
            return
        if self._polled.get(region.circuit_addr) == url:
            region.update_caps(granted)
            return
        self._polled[region.circuit_addr] = url
        if region._eq_task:
            region._eq_task.cancel()
        region.caps.clear()
        region.caps["Seed"] = url
        region.update_caps(granted)
        region._eq_task = self._task(self._poll(region, region.caps["EventQueueGet"]))

    async def _poll(self, region, url):
        ack = None
        while True:
            try:
                async with region.caps_client.post(url, llsd={"ack": ack, "done": False}) as response:
                    if response.status == 404:
                        self._polled.pop(region.circuit_addr, None)
                        return
                    if response.status != 200:
                        await asyncio.sleep(0.1)
                        continue
                    answer = await response.read_llsd()
            except aiohttp.ClientError:
                await asyncio.sleep(0.1)
                continue
            ack = answer["id"]
            for event in answer["events"]:
                self._dispatch(region, event)

    def _dispatch(self, region, event):
        templated = region._llsd_serializer.can_handle(event["message"])
        message = region._llsd_serializer.deserialize(event) if templated else Message.from_eq_event(event)
        message.sender, message.direction = region.circuit_addr, Direction.IN
        self.session.message_handler.handle(message)
        region.message_handler.handle(message)

    # Travelling

    async def teleport(self, region, position=(128, 128, 25)):
        mark, begun = self.inbox.mark(), time.monotonic()
        self.request_teleport(region, position)
        return self.inbox.when(await self.verdict(mark)) - begun

    async def verdict(self, since, patience=15):
        """Waits for the message that ends the teleport asked for since then; raises Refused with the reason."""
        left = self.region.circuit_addr
        # Who was sent off in vain is welcomed again where it was; that it failed comes by the event queue.
        verdict = await self.inbox.expect(
            "TeleportLocal", "TeleportFailed", "AgentMovementComplete", since=since, patience=patience,
            where=lambda m: m.name != "AgentMovementComplete" or m.sender != left)
        if verdict.name == "TeleportFailed":
            raise Refused(await self.refusal(since))
        return verdict


class Hesitant(ViewerClient):
    """A viewer that can be kept from going where TeleportFinish sends it."""

    def __init__(self, world):
        super().__init__(world)
        self.hesitates = False
        self._sent_off = []

    def _teleport_finish(self, message):
        if self.hesitates:
            self._sent_off.append(message)
        else:
            super()._teleport_finish(message)

    def go(self):
        """It hesitates no longer."""
        self.hesitates = False
        for message in self._sent_off:
            super()._teleport_finish(message)
        self._sent_off.clear()
