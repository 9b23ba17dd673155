"""Rubbish on the UDP and HTTP ports: nobody inside feels it, nothing grows, and it is counted."""

import asyncio
import os
import random
import re
import socket

import pytest
from hippolyzer.lib.base.datatypes import UUID
from hippolyzer.lib.base.message.message import Block

from harness import wire
from harness.world import EAST, ONE

# Counters whose name says that something was not accepted.
COUNTED = re.compile(r"drop|malformed|refus|reject|invalid|unknown|garbage|bad|stray|unexpected|error", re.I)

PACE = 200  # datagrams between two breaths, so that the socket's own buffer does not swallow the evidence


def not_accepted(world):
    return sum(value for name, value in world.metrics().items() if COUNTED.search(name) and "created" not in name)


def thefts(world):
    name = "sojourn_circuits_moved_refused_total"
    return sum(value for sample, value in world.metrics().items() if sample.startswith(name))


async def flood(stranger, datagrams, region=ONE):
    for number, data in enumerate(datagrams):
        stranger.send(data, region)
        if number % PACE == PACE - 1:
            await asyncio.sleep(0.01)


def random_datagrams(count, seed):
    chance = random.Random(seed)
    return [chance.randbytes(chance.choice((0, 1, 5, 6, 7, 20, 100, 600, 1200))) for _ in range(count)]


def plausible_datagrams():
    """Messages as a client sends them, with ids that nobody has."""
    agent, session = UUID.random(), UUID.random()
    ids = Block("AgentData", AgentID=agent, SessionID=session)
    return [
        wire.use_circuit_code(12345, session, agent),
        wire.datagram("CompleteAgentMovement", Block("AgentData", AgentID=agent, SessionID=session, CircuitCode=12345)),
        wire.chat(agent, session, "boo"),
        wire.datagram("LogoutRequest", ids, reliable=True),
        wire.datagram("StartPingCheck", Block("PingID", PingID=1, OldestUnacked=0)),
        wire.datagram("PacketAck", *[Block("Packets", ID=n) for n in range(200)]),
        wire.datagram("KillObject", Block("ObjectData", ID=1)),
    ]


def truncated(datagrams):
    return [data[:length] for data in datagrams for length in range(len(data))]


def mangled(datagrams, count, seed):
    chance = random.Random(seed)
    for _ in range(count):
        data = bytearray(chance.choice(datagrams))
        for _ in range(chance.randint(1, 8)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        yield bytes(data)


async def test_strangers_are_not_heard_and_get_no_answer(world):
    async with world.stock() as inside:
        before = not_accepted(world)
        with wire.Stranger() as stranger:
            sent = random_datagrams(1000, 1) + plausible_datagrams() * 20 + truncated(plausible_datagrams())
            await flood(stranger, sent)
            assert stranger.hears_nothing()
        await inside.assert_alive()
        assert not_accepted(world) - before > len(sent) / 2


async def test_oversized_datagrams_do_no_harm(world):
    async with world.stock() as inside:
        before = not_accepted(world)
        with wire.Stranger() as stranger:
            await flood(stranger, [os.urandom(size) for size in (1500, 2000, 8192, 9000, 30000, 65507)] * 5)
            # A zero run for every two bytes: 255 times its size, if someone let it.
            await flood(stranger, [b"\x80\x00\x00\x00\x01\x00" + b"\x00\xff" * 30000] * 5)
        await inside.assert_alive()
        assert not_accepted(world) > before


async def test_rubbish_on_a_clients_own_circuit_does_not_end_it(world):
    async with world.stock() as inside, world.stock() as watcher:
        await watcher.see(inside.agent_id)
        before = not_accepted(world)
        transport, address = inside.session.transport.transport, inside.address_of(ONE)
        # The numbers are the client's next ones; unreliable, so that nothing has to be told apart from repeats.
        spoilt = [b"\x00" + data[1:] for data in mangled(plausible_datagrams(), 500, 2)]
        for number, data in enumerate(random_datagrams(500, 3) + spoilt):
            transport.sendto(data, address)
            if number % PACE == 0:
                await asyncio.sleep(0.01)
        await inside.assert_alive()
        await watcher.see(inside.agent_id)
        assert not_accepted(world) > before


async def test_foreign_ids_on_a_clients_own_circuit_are_not_obeyed(world):
    async with world.stock() as inside, world.stock() as other:
        await other.see(inside.agent_id)
        before = not_accepted(world)
        mark = other.inbox.mark()
        for agent, session in ((inside.agent_id, UUID.random()), (other.agent_id, other.session.id),
                               (other.agent_id, inside.session.id), (UUID.random(), UUID.random())):
            ids = Block("AgentData", AgentID=agent, SessionID=session)
            await inside.send("ChatFromViewer", ids, Block("ChatData", Message="forged", Type=1, Channel=0))
            await inside.send("LogoutRequest", ids)
        await inside.say("genuine")
        await other.hear("genuine", since=mark)
        assert "forged" not in other.heard(mark)
        await inside.assert_alive()
        await other.assert_alive()
        assert not_accepted(world) >= before + 4


async def test_messages_that_only_a_server_may_send_are_not_obeyed(world):
    async with world.stock() as inside, world.stock() as other:
        seen = await other.see(inside.agent_id)
        before = not_accepted(world)
        await inside.send("KillObject", Block("ObjectData", ID=seen.local_id))
        await inside.send("KickUser", Block("TargetBlock", TargetIP="0.0.0.0", TargetPort=0), Block(
            "UserInfo", AgentID=other.agent_id, SessionID=other.session.id, Reason="go away"))
        await inside.assert_alive()
        await other.assert_alive()
        assert other.body(inside.agent_id)
        assert not_accepted(world) > before


async def test_a_repeated_datagram_is_heard_once(world):
    async with world.stock() as inside, world.stock() as other:
        await other.see(inside.agent_id)
        packet = inside.region.circuit.packet_id_base
        inside.region.circuit.packet_id_base += 1
        data = wire.chat(inside.agent_id, inside.session.id, "only once", sequence=packet)
        for flags in (data[0], data[0], data[0] | 0x20, data[0] | 0x20):  # 0x20: sent again
            inside.session.transport.transport.sendto(bytes([flags]) + data[1:], inside.address_of(ONE))
        await inside.say("and then")
        await other.hear("and then")
        assert other.heard().count("only once") == 1


async def test_a_datagram_replayed_from_elsewhere_is_not_heard(world):
    async with world.stock() as inside, world.stock() as other:
        await other.see(inside.agent_id)
        with wire.Stranger() as stranger:
            for sequence in range(5000, 5010):
                stranger.send(wire.chat(inside.agent_id, inside.session.id, "replayed", sequence), ONE)
            assert stranger.hears_nothing()
        await inside.say("genuine")
        await other.hear("genuine")
        assert "replayed" not in other.heard()


async def test_who_knows_all_ids_cannot_take_a_circuit_to_another_address(world):
    async with world.stock() as inside, world.stock() as other:
        await other.see(inside.agent_id)
        code, session, agent = inside.session.circuit_code, inside.session.id, inside.agent_id
        before = thefts(world)
        with wire.Stranger("127.0.0.2") as thief:
            thief.send(wire.use_circuit_code(code, session, agent, 5000), ONE)
            thief.send(wire.datagram("CompleteAgentMovement", Block(
                "AgentData", AgentID=agent, SessionID=session, CircuitCode=code), sequence=5001), ONE)
            thief.send(wire.chat(agent, session, "stolen", 5002), ONE)
            assert thief.hears_nothing()
        await inside.say("genuine")
        await other.hear("genuine")
        assert "stolen" not in other.heard()
        await inside.assert_alive()
        assert thefts(world) == before + 2


async def test_a_guessed_circuit_code_opens_nothing(world):
    async with world.stock() as inside:
        with wire.Stranger() as stranger:
            for code in range(1, 300):
                stranger.send(wire.use_circuit_code(code, inside.session.id, inside.agent_id), ONE)
            for session in (UUID.random(), UUID.ZERO):
                stranger.send(wire.use_circuit_code(inside.session.circuit_code, session, inside.agent_id), ONE)
            assert stranger.hears_nothing()
        await inside.assert_alive()


HTTP_RUBBISH = {
    "bytes": b"\x00\x01\x02\x03" * 100,
    "no such method": b"FROBNICATE / HTTP/1.1\r\nHost: x\r\n\r\n",
    "half a request": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nshort",
    "an endless header": b"GET / HTTP/1.1\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
    "a thousand headers": b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(1000)) + b"\r\n",
    "a huge length": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n" + b"x" * 1000,
    "a negative length": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "a broken chunk": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "a path out of the tree": b"GET /../../../../etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "a long path": b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.mark.parametrize("rubbish", HTTP_RUBBISH.values(), ids=HTTP_RUBBISH)
async def test_rubbish_on_the_http_port(world, rubbish):
    async with world.stock() as inside:
        def send():
            with socket.create_connection(("127.0.0.1", world.server.port), timeout=5) as connection:
                connection.settimeout(0.5)
                try:
                    connection.sendall(rubbish)
                    return connection.recv(4096)
                except (TimeoutError, ConnectionError):
                    return b""

        answers = [await asyncio.to_thread(send) for _ in range(5)]
        assert all(not answer or answer.split(b" ")[1][:1] == b"4" for answer in answers), answers[0][:200]
        await inside.assert_alive()


async def test_a_huge_body_is_not_taken_in(world):
    async with world.stock() as inside:
        before = world.server.rss_kb()

        def send():
            with socket.create_connection(("127.0.0.1", world.server.port), timeout=5) as connection:
                connection.settimeout(5)
                try:
                    connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 500000000\r\n\r\n")
                    for _ in range(1000):
                        connection.sendall(b"x" * 100_000)
                except OSError:
                    pass

        await asyncio.to_thread(send)
        assert world.server.rss_kb() - before < 32 * 1024
        await inside.assert_alive()


async def test_an_xml_bomb_does_not_go_off(world):
    bomb = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a0 "ha">' + b"".join(
        b'<!ENTITY a%d "%s">' % (n, (b"&a%d;" % (n - 1)) * 10) for n in range(1, 12)) + b"]><llsd>&a11;</llsd>"
    async with world.stock() as inside:
        before = world.server.rss_kb()
        for url in (world.uri, inside.region.caps["Seed"], inside.region.caps["UpdateAgentLanguage"]):
            status, _, _ = await asyncio.to_thread(wire.http, url, bomb, "application/llsd+xml")
            assert status < 500
        assert world.server.rss_kb() - before < 16 * 1024
        await inside.assert_alive()


async def test_memory_does_not_grow_with_rubbish(world):
    async with world.stock() as inside:
        with wire.Stranger() as stranger:
            async def round_of_rubbish(seed):
                await flood(stranger, random_datagrams(5000, seed))
                await flood(stranger, mangled(plausible_datagrams(), 5000, seed), EAST)
                for _ in range(100):
                    await asyncio.to_thread(wire.http, world.uri, os.urandom(2000), "text/xml")

            await round_of_rubbish(10)  # whatever is allocated once is allocated now
            before = world.server.rss_kb()
            for seed in range(11, 15):
                await round_of_rubbish(seed)
            after = world.server.rss_kb()
        assert after - before < 4 * 1024, f"{before} kB before, {after} kB after"
        await inside.assert_alive()


async def test_logins_that_never_arrive_do_not_pile_up(world):
    """Sessions without a circuit cost little and leave room for others."""
    account = world.newcomer()
    for _ in range(3):
        await asyncio.to_thread(wire.log_in, world.uri, wire.login_request(account))
    before = world.server.rss_kb()
    for _ in range(30):
        answer = await asyncio.to_thread(wire.log_in, world.uri, wire.login_request(account))
        assert answer["login"] == "true"
    assert world.server.rss_kb() - before < 8 * 1024
    async with world.stock(account) as client:
        await client.assert_alive()
