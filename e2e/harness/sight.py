"""What a client sees of the avatars around it, put together from the updates alone."""

from dataclasses import dataclass

from hippolyzer.lib.base.objects import normalize_object_update, normalize_terse_object_update
from hippolyzer.lib.base.templates import PCode


@dataclass
class Body:
    full_id: object
    local_id: int
    position: tuple
    rotation: object
    name: str
    terse_updates: int = 0


class Sight:
    """Keyed by the address that the update came from: local ids are a region's own."""

    def __init__(self, session):
        self.bodies = {}  # (address, local id) -> Body
        handler = session.message_handler
        handler.subscribe("ObjectUpdate", self._object)
        handler.subscribe("ImprovedTerseObjectUpdate", self._terse)
        handler.subscribe("KillObject", self._kill)
        handler.subscribe("DisableSimulator", lambda message: self.forget(message.sender))

    def _object(self, message):
        handle = message["RegionData"]["RegionHandle"]
        for block in message["ObjectData"]:
            if block["PCode"] != PCode.AVATAR:
                continue
            seen = normalize_object_update(block, handle)
            names = seen["NameValue"].to_dict()
            name = f"{names.get('FirstName')} {names.get('LastName')}"
            known = self.bodies.get((message.sender, seen["LocalID"]))
            # A region that was started anew numbers its objects anew.
            for key, body in list(self.bodies.items()):
                if key[0] == message.sender and body.full_id == seen["FullID"] and key[1] != seen["LocalID"]:
                    del self.bodies[key]
            tersely = known.terse_updates if known and known.full_id == seen["FullID"] else 0
            self.bodies[message.sender, seen["LocalID"]] = Body(
                seen["FullID"], seen["LocalID"], tuple(seen["Position"]), seen["Rotation"], name, tersely)

    def _terse(self, message):
        handle = message["RegionData"]["RegionHandle"]
        for block in message["ObjectData"]:
            seen = normalize_terse_object_update(block, handle)
            body = self.bodies.get((message.sender, seen["LocalID"]))
            if body:
                body.position, body.rotation = tuple(seen["Position"]), seen["Rotation"]
                body.terse_updates += 1

    def _kill(self, message):
        for block in message["ObjectData"]:
            self.bodies.pop((message.sender, block["ID"]), None)

    def forget(self, address):
        """All that was seen in one region."""
        for key in [key for key in self.bodies if key[0] == address]:
            del self.bodies[key]

    def body(self, address, full_id):
        """That avatar in the region at that address, if it is seen there."""
        return next((b for (a, _), b in self.bodies.items() if a == address and b.full_id == full_id), None)
