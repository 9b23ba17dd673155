"""Every capability between login and movement, asked as a viewer asks it."""

import asyncio

import pytest
from hippolyzer.lib.base import llsd
from hippolyzer.lib.base.datatypes import UUID
from hippolyzer.lib.base.message.message import Block

from harness.world import ONE

NEEDED = {
    "EventQueueGet", "UpdateAgentInformation", "CreateInventoryCategory", "SimulatorFeatures",
    "FetchInventoryDescendents2", "FetchInventory2", "FetchLibDescendents2", "FetchLib2", "ViewerAsset", "GetTexture",
    "GetMesh", "GetMesh2", "GetDisplayNames", "UpdateAgentLanguage", "AgentPreferences", "ExtEnvironment",
    "EnvironmentSettings", "UploadBakedTexture", "HomeLocation",
}
# Their mere presence makes viewers rely on them.
UNWANTED = {"InventoryAPIv3", "LibraryAPIv3", "AgentProfile", "UpdateAvatarAppearance", "GroupAPIv1"}


def folder_of(client, kind):
    """The system folder of this kind, out of the login's skeleton."""
    skeleton = client.session.login_data["inventory-skeleton"]
    return next(folder for folder in skeleton if int(folder["type_default"]) == kind)


async def descendents(client, folder_id, capability="FetchInventoryDescendents2", owner=None):
    status, answer = await client.post(capability, {"folders": [{
        "folder_id": UUID(str(folder_id)), "owner_id": UUID(str(owner or client.agent_id)), "sort_order": 1,
        "fetch_folders": True, "fetch_items": True}]})
    assert status == 200
    return answer


async def test_the_needed_ones_are_granted_and_the_unwanted_are_not(world):
    async with world.stock() as client:
        granted = set(client.region.caps)
        assert NEEDED <= granted, NEEDED - granted
        assert not UNWANTED & granted
        urls = list(client.region.caps.values())
        assert len(set(urls)) >= len(NEEDED) - 3  # one handler may serve all kinds of assets
        assert all(url.startswith("http://127.0.0.1:") for url in urls)


async def test_features(world):
    async with world.stock() as client:
        status, body, headers = await client.get("SimulatorFeatures")
        assert status == 200 and "llsd" in headers["Content-Type"]
        features = llsd.parse_xml(body)
        extras = features["OpenSimExtras"]
        assert (extras["whisper-range"], extras["say-range"], extras["shout-range"]) == (10, 20, 100)
        assert features["MaxAgentGroups"] > 0


async def test_maturity_is_echoed(world):
    async with world.stock() as client:
        for maturity in ("PG", "M", "A"):
            status, answer = await client.post("UpdateAgentInformation", {"access_prefs": {"max": maturity}})
            assert status == 200
            assert answer["access_prefs"]["max"] == maturity


async def test_language_and_preferences(world):
    async with world.stock() as client:
        status, _ = await client.post("UpdateAgentLanguage", {"language": "de", "language_is_public": True})
        assert status == 200
        status, answer = await client.post("AgentPreferences", {"hover_height": 0.25})
        assert status == 200
        assert answer["hover_height"] == 0.25
        assert {"default_object_perm_masks", "access_prefs"} <= answer.keys()


async def test_the_root_folder_holds_what_the_skeleton_says(world):
    async with world.stock() as client:
        root = folder_of(client, 8)
        answer = await descendents(client, root["folder_id"])
        folder = answer["folders"][0]
        below = {f["folder_id"] for f in client.session.login_data["inventory-skeleton"]
                 if f["parent_id"] == root["folder_id"]}
        told = {str(c.get("category_id") or c["folder_id"]) for c in folder["categories"]}
        assert told == below
        assert folder["descendents"] == len(folder["categories"]) + len(folder["items"])
        assert folder["version"] >= 1


async def test_the_avatar_wears_something(world):
    """The current outfit has links to body parts, so that nobody is a cloud."""
    async with world.stock() as client:
        parts = (await descendents(client, folder_of(client, 13)["folder_id"]))["folders"][0]["items"]
        worn = {item["inv_type"] for item in parts}
        assert worn == {18}  # wearables
        item = parts[0]
        status, answer = await client.post("FetchInventory2", {"agent_id": client.agent_id, "items": [
            {"item_id": item["item_id"], "owner_id": client.agent_id}]})
        assert status == 200
        fetched = answer["items"][0]
        assert (fetched["item_id"], fetched["asset_id"]) == (item["item_id"], item["asset_id"])
        assert fetched["permissions"]["owner_id"] == client.agent_id
        status, body, _ = await client.get("ViewerAsset", path=f"/?bodypart_id={item['asset_id']}")
        assert status == 200 and body.startswith(b"LLWearable version")


async def test_an_unknown_folder_is_named_as_bad(world):
    async with world.stock() as client:
        unknown = UUID("deadbeef-0000-4000-8000-000000000002")
        answer = await descendents(client, unknown)
        assert [str(bad["folder_id"]) for bad in answer["bad_folders"]] == [str(unknown)]
        assert not answer.get("folders")


async def test_nobody_reads_the_inventory_of_another(world):
    async with world.stock() as one, world.stock() as other:
        root = folder_of(one, 8)["folder_id"]
        answer = await descendents(other, root, owner=one.agent_id)
        assert not [folder for folder in answer.get("folders", []) if folder["categories"] or folder["items"]]


async def test_the_library_can_be_read(world):
    async with world.stock() as client:
        login = client.session.login_data
        assert login.get("inventory-lib-root"), "no library is offered"
        answer = await descendents(client, login["inventory-lib-root"][0]["folder_id"], "FetchLibDescendents2",
                                   login["inventory-lib-owner"][0]["agent_id"])
        assert answer["folders"]


async def test_a_folder_made_is_there_afterwards(world):
    account = world.newcomer()
    new = UUID.random()
    async with world.stock(account) as client:
        root = UUID(folder_of(client, 8)["folder_id"])
        status, made = await client.post("CreateInventoryCategory", {
            "folder_id": new, "parent_id": root, "type": -1, "name": "Odds & <Ends>"})
        assert status == 200
        assert made["folder_id"] and made["name"] == "Odds & <Ends>"
        folder = (await descendents(client, root))["folders"][0]
        assert made["folder_id"] in {UUID(str(c.get("category_id") or c["folder_id"])) for c in folder["categories"]}
    async with world.stock(account) as client:
        names = {folder["name"] for folder in client.session.login_data["inventory-skeleton"]}
        assert "Odds & <Ends>" in names


async def test_names_are_known(world):
    async with world.stock() as client, world.stock() as other:
        path = f"/?ids={client.agent_id}&ids={other.agent_id}&ids={UUID('deadbeef-0000-4000-8000-000000000003')}"
        status, body, _ = await client.get("GetDisplayNames", path=path)
        assert status == 200
        answer = llsd.parse_xml(body)
        names = {str(agent["id"]): (agent["legacy_first_name"], agent["legacy_last_name"])
                 for agent in answer["agents"]}
        assert names == {str(who.agent_id): (who.account.first, who.account.last) for who in (client, other)}


async def test_the_environment_is_the_default_one(world):
    async with world.stock() as client:
        status, body, _ = await client.get("ExtEnvironment")
        assert status == 200
        answer = llsd.parse_xml(body)
        assert answer["success"] in (True, 1)
        assert "environment" in answer
        status, body, _ = await client.get("EnvironmentSettings")
        assert status == 200
        assert isinstance(llsd.parse_xml(body), list)


@pytest.mark.parametrize("capability, path", [
    ("GetTexture", "/?texture_id={}"), ("GetMesh", "/?mesh_id={}"), ("GetMesh2", "/?mesh_id={}"),
    ("ViewerAsset", "/?texture_id={}"), ("ViewerAsset", "/?sound_id={}"),
])
async def test_an_unknown_asset_is_not_found(world, capability, path):
    async with world.stock() as client:
        status, _, _ = await client.get(capability, path=path.format("deadbeef-0000-4000-8000-000000000004"))
        assert status == 404


async def test_a_baked_texture_goes_up_and_comes_down_in_parts(world):
    picture = bytes(range(256)) * 40
    async with world.stock() as client:
        status, answer = await client.post("UploadBakedTexture", {})
        assert status == 200 and answer["state"] == "upload"
        session = client.hippo.http_session
        async with session.post(answer["uploader"], data=picture,
                                headers={"Content-Type": "application/octet-stream"}) as response:
            assert response.status == 200
            done = llsd.parse_xml(await response.read())
        assert done["state"] == "complete"
        path = f"/?texture_id={done['new_asset']}"
        status, body, _ = await client.get("GetTexture", path=path)
        assert (status, body) == (200, picture)
        for wanted, expected in (("bytes=0-599", picture[:600]), ("bytes=600-", picture[600:]),
                                 ("bytes=10000-99999", picture[10000:])):
            status, body, headers = await client.get("GetTexture", path=path, headers={"Range": wanted})
            assert (status, body) == (206, expected)
            assert headers["Content-Range"].endswith(f"/{len(picture)}")
        # The uploader is for one time only.
        async with session.post(answer["uploader"], data=picture) as response:
            assert response.status >= 400


async def test_the_event_queue_waits_and_repeats_what_was_not_acknowledged(world):
    """Driven by hand: the client's own poll is stopped first."""
    async with world.stock(at=ONE) as client:
        client.region._eq_task.cancel()

        async def poll(ack, done=False):
            async with client.region.caps_client.post("EventQueueGet", llsd={"ack": ack, "done": done}) as response:
                return response.status, await response.read_llsd() if response.status == 200 else None

        waiting = asyncio.create_task(poll(None))
        await asyncio.sleep(0.2)
        client.send("ParcelPropertiesRequest", client.ids(), _parcel_request(7))
        status, first = await waiting
        assert status == 200
        while not _about_parcel(first, 7):
            status, first = await poll(first["id"])
            assert status == 200
        # Not acknowledged: the same again, under the same number.
        status, again = await poll(first["id"] - 1)
        assert again["id"] == first["id"]
        assert _about_parcel(again, 7)
        client.send("ParcelPropertiesRequest", client.ids(), _parcel_request(8))
        status, second = await poll(first["id"])
        assert not _about_parcel(second, 7)
        while not _about_parcel(second, 8):
            status, second = await poll(second["id"])
        # Done is done.
        assert (await poll(second["id"], done=True))[0] == 200
        assert (await poll(None))[0] == 404


def _parcel_request(sequence):
    return Block("ParcelData", SequenceID=sequence, West=4.0, East=4.0, South=4.0, North=4.0, SnapSelection=0)


def _about_parcel(answer, sequence):
    return any(event["message"] == "ParcelProperties" and event["body"]["ParcelData"][0]["SequenceID"] == sequence
               for event in answer["events"])


async def test_a_capability_that_nobody_was_given_is_not_found(world):
    async with world.stock() as client:
        guessed = client.region.caps["SimulatorFeatures"][:-8] + "00000000"
        async with client.hippo.http_session.get(guessed) as response:
            assert response.status == 404


@pytest.mark.parametrize("body", [b"", b"<llsd>", b"<llsd><integer>1</integer></llsd>", b"\x00" * 100,
                                  b"<llsd>" + b"<array>" * 5000, b"<llsd><map><key>ack</key></map></llsd>"],
                         ids=["nothing", "half", "integer", "zeros", "deep", "key without value"])
async def test_a_broken_body_is_refused_without_harm(world, body):
    async with world.stock() as client:
        for name in sorted(NEEDED - {"EventQueueGet"}) + ["Seed"]:
            async with client.hippo.http_session.post(client.region.caps[name], data=body) as response:
                assert response.status < 500, name
        await client.assert_alive()
