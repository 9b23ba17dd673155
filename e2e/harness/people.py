"""What people say to each other and do with each other, in messages that the clients send as viewers do."""

from hippolyzer.lib.base.datatypes import UUID, Vector3
from hippolyzer.lib.base.message.message import Block

from .client import NULL

# Kinds of instant messages.
TEXT, LURE, LURE_ACCEPTED, LURE_DECLINED, ASK_LURE = 0, 22, 23, 24, 26
FRIEND_OFFERED, FRIEND_ACCEPTED, FRIEND_DECLINED = 38, 39, 40
TYPING, TYPING_ENDS = 41, 42
# Rights that friends have.
SEE_ONLINE, SEE_ON_MAP, MODIFY = 1, 2, 4


# Instant messages


def say_to(client, other_id, text, dialog=TEXT, conversation=None):
    """An instant message."""
    return client.send(
        "ImprovedInstantMessage", client.ids(),
        Block("MessageBlock", FromGroup=False, ToAgentID=other_id, ParentEstateID=0, RegionID=NULL,
              Position=Vector3(0, 0, 0), Offline=0, Dialog=dialog, ID=conversation or conversation_of(client, other_id),
              Timestamp=0, FromAgentName=client.account.name, Message=text, BinaryBucket=b"\0"),
        Block("EstateBlock", EstateID=0))


def conversation_of(client, other_id):
    """The number of the talk between two, as viewers make it."""
    return UUID(int=client.agent_id.int ^ other_id.int)


async def hear_from(client, other_id, since=0, dialog=TEXT, text=None, patience=10):
    """The instant message that must come from there: its message block."""
    def is_it(message):
        said = message["MessageBlock"][0]
        return (message["AgentData"]["AgentID"], said["Dialog"]) == (other_id, dialog) \
            and text in (None, str(said["Message"]))
    message = await client.inbox.expect("ImprovedInstantMessage", since=since, where=is_it, patience=patience)
    return message["MessageBlock"][0]


def messages_from(client, other_id, since=0):
    """The texts that have come from there."""
    said = client.inbox.since(since, "ImprovedInstantMessage")
    return [str(m["MessageBlock"]["Message"]) for m in said if m["AgentData"]["AgentID"] == other_id]


# Friends


def offer_friendship(client, other_id, text="Be my friend?"):
    return say_to(client, other_id, text, FRIEND_OFFERED, client.agent_id)


def accept_friendship(client, number):
    """`number`: of the offer."""
    return client.send("AcceptFriendship", client.ids(), Block("TransactionBlock", TransactionID=number),
                       Block("FolderData", FolderID=NULL))


def decline_friendship(client, number):
    return client.send("DeclineFriendship", client.ids(), Block("TransactionBlock", TransactionID=number))


def terminate_friendship(client, other_id):
    return client.send("TerminateFriendship", client.ids(), Block("ExBlock", OtherID=other_id))


def grant_rights(client, other_id, rights):
    return client.send("GrantUserRights", client.ids(), Block("Rights", AgentRelated=other_id, RelatedRights=rights))


async def befriend(client, other):
    """Both have it in the end, and each sees the other online."""
    marks = client.inbox.mark(), other.inbox.mark()
    offer_friendship(client, other.agent_id)
    offer = await hear_from(other, client.agent_id, marks[1], FRIEND_OFFERED)
    accept_friendship(other, offer["ID"])
    await hear_from(client, other.agent_id, marks[0], FRIEND_ACCEPTED)
    await sees_come(client, other.agent_id, marks[0])
    await sees_come(other, client.agent_id, marks[1])


async def sees_come(client, other_id, since=0, patience=10):
    """OnlineNotification."""
    await client.inbox.expect("OnlineNotification", since=since, where=about(other_id), patience=patience)


async def sees_go(client, other_id, since=0, patience=10):
    """OfflineNotification."""
    await client.inbox.expect("OfflineNotification", since=since, where=about(other_id), patience=patience)


def status_of(client, other_id, since=0):
    """What it has heard of somebody's comings and goings, in order."""
    told = client.inbox.since(since, "OnlineNotification", "OfflineNotification", where=about(other_id))
    return [message.name for message in told]


def about(other_id):
    return lambda message: any(block["AgentID"] == other_id for block in message["AgentBlock"])


# Teleports by people


def offer_teleport(client, *others, text="Come here"):
    return client.send("StartLure", client.ids(), Block("Info", LureType=0, Message=text),
                       *(Block("TargetData", TargetID=other) for other in others))


def accept_teleport(client, number):
    return client.send("TeleportLureRequest", Block(
        "Info", AgentID=client.agent_id, SessionID=client.session.id, LureID=number, TeleportFlags=1 << 2))


async def create_landmark(client, folder, name="Here", callback=7):
    """A landmark of where it stands; the item as the region tells it."""
    mark = client.inbox.mark()
    client.send("CreateInventoryItem", client.ids(), Block(
        "InventoryBlock", CallbackID=callback, FolderID=folder, TransactionID=NULL, NextOwnerMask=0x7FFFFFFF, Type=3,
        InvType=3, WearableType=0, Name=name, Description="of a test"))
    made = await client.inbox.expect("UpdateCreateInventoryItem", since=mark)
    return made["InventoryData"][0]


# Who is not heard


def mute(client, other_id, name, kind=1, flags=0):
    return client.send("UpdateMuteListEntry", client.ids(), Block(
        "MuteData", MuteID=other_id, MuteName=name, MuteType=kind, MuteFlags=flags))


def unmute(client, other_id, name):
    return client.send("RemoveMuteListEntry", client.ids(), Block("MuteData", MuteID=other_id, MuteName=name))


async def mute_list(client, crc=0):
    """The file of the mute list as text; None when the viewer is told that it has it."""
    mark = client.inbox.mark()
    client.send("MuteListRequest", client.ids(), Block("MuteData", MuteCRC=crc))
    told = await client.inbox.expect("MuteListUpdate", "UseCachedMuteList", "GenericMessage", since=mark)
    if told.name != "MuteListUpdate":
        return None if told.name == "UseCachedMuteList" else ""
    name = str(told["MuteData"]["Filename"])
    xfer = await client.region.xfer_manager.request(file_name=name)
    return bytes(xfer.reassemble_chunks()).decode()
