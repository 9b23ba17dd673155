"""The login call in its two forms, the grid's information, and the seed before the first datagram."""

import re
import time
import uuid
import xml.etree.ElementTree as xml
from dataclasses import replace

import pytest

from harness.wire import http, log_in, log_in_by_llsd, login_request, post_llsd
from harness.world import EAST, ONE

# Folders that the viewer waits for while it says "Loading inventory".
NEEDED_FOLDERS = {8: "root", 14: "trash", 23: "favorites", 2: "calling cards", 48: "my outfits", 46: "current outfit",
                  3: "landmarks", 56: "settings", 57: "materials", 50: "inbox"}


@pytest.fixture(params=[log_in, log_in_by_llsd], ids=["xml-rpc", "llsd"])
def by(request):
    return request.param


def test_a_login_is_answered_with_all_that_a_viewer_needs(world, by):
    account = world.newcomer()
    answer = by(world.uri, login_request(account, start=ONE.start()))
    assert answer["login"] in ("true", True), answer
    for key in ("agent_id", "session_id", "secure_session_id"):
        assert uuid.UUID(str(answer[key])).int, key
    assert 0 < int(answer["circuit_code"]) < 2 ** 31
    assert (answer["sim_ip"], int(answer["sim_port"])) == ("127.0.0.1", ONE.port)
    assert (int(answer["region_x"]), int(answer["region_y"])) == (ONE.x * 256, ONE.y * 256)
    assert answer["seed_capability"].startswith("http://127.0.0.1:")
    assert (answer["first_name"].strip('"'), answer["last_name"]) == (account.first, account.last)
    assert answer["start_location"] == "url"
    assert re.fullmatch(r"\[r-?[\d.]+,\s?r-?[\d.]+,\s?r-?[\d.]+\]", answer["look_at"]), answer["look_at"]
    assert abs(int(answer["seconds_since_epoch"]) - time.time()) < 60


def test_the_inventory_skeleton_has_the_folders_without_which_viewers_hang(world):
    answer = log_in(world.uri, login_request(world.newcomer()))
    root = answer["inventory-root"][0]["folder_id"]
    folders = answer["inventory-skeleton"]
    kinds = [int(folder["type_default"]) for folder in folders]
    for kind, name in NEEDED_FOLDERS.items():
        assert kinds.count(kind) == 1, f"{name}: {kinds}"
    assert all(uuid.UUID(folder["folder_id"]).int for folder in folders)
    below_root = {int(folder["type_default"]) for folder in folders if folder["parent_id"] == root}
    assert below_root >= NEEDED_FOLDERS.keys() - {8}


def test_a_wrong_password_gives_the_reason_key(world, by):
    account = replace(world.newcomer(), password="wrong")
    answer = by(world.uri, login_request(account))
    assert answer["login"] in ("false", False)
    assert answer["reason"] == "key"
    assert answer["message"]


def test_an_unknown_name_is_answered_like_a_wrong_password(world, by):
    known = by(world.uri, login_request(replace(world.newcomer(), password="wrong")))
    unknown = by(world.uri, {**login_request(world.newcomer()), "last": "Nobody"})
    assert unknown == known


def test_a_plain_password_is_accepted_too(world):
    account = world.newcomer()
    answer = log_in(world.uri, {**login_request(account), "passwd": account.password})
    assert answer["login"] == "true"


def test_an_unknown_start_region_falls_back_to_a_known_one(world):
    answer = log_in(world.uri, login_request(world.newcomer(), start="uri:Atlantis&128&128&25"))
    assert answer["login"] == "true"
    assert answer["start_location"] != "url"


def test_a_second_login_takes_over_from_the_first(world):
    account = world.newcomer()
    first = log_in(world.uri, login_request(account))
    second = log_in(world.uri, login_request(account))
    assert second["login"] == "true"
    assert second["session_id"] != first["session_id"]
    # The first session is over: its capabilities are gone.
    assert post_llsd(first["seed_capability"], ["EventQueueGet"])[0] == 404


def test_the_seed_answers_before_the_first_datagram(world):
    answer = log_in(world.uri, login_request(world.newcomer(), start=EAST.start()))
    wanted = ["EventQueueGet", "SimulatorFeatures", "NoSuchCapability"]
    status, granted = post_llsd(answer["seed_capability"], wanted)
    assert status == 200
    assert granted.keys() >= {"EventQueueGet", "SimulatorFeatures"}
    assert "NoSuchCapability" not in granted
    assert all(url.startswith("http://127.0.0.1:") for url in granted.values())


def test_the_grid_describes_itself(world):
    status, body, headers = http(world.uri + "get_grid_info")
    assert status == 200
    assert "xml" in headers["Content-Type"]
    info = {child.tag: child.text for child in xml.fromstring(body)}
    assert info["login"] == world.uri
    assert info["gridname"] and info["gridnick"]
    assert info["platform"] == "OpenSim"


@pytest.mark.parametrize("body, content_type", [
    (b"", "text/xml"),
    (b"<methodCall>", "text/xml"),
    (b"<?xml version='1.0'?><methodCall><methodName>no_such_method</methodName></methodCall>", "text/xml"),
    (b"<llsd><array/></llsd>", "application/llsd+xml"),
    (b"\xff\xfe\x00", "application/octet-stream"),
], ids=["nothing", "half a call", "unknown method", "no map", "bytes"])
def test_a_broken_login_call_is_refused_without_harm(world, body, content_type):
    status, _, _ = http(world.uri, body, content_type)
    assert 200 <= status < 500
    assert world.server.get("/healthz")[0] == 200
