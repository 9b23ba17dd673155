"""The grid's private side as simulators ask it, by hand: what was answered `Success` here was acknowledged."""

import base64
import http.client
import re
import urllib.parse
import uuid

NULL = str(uuid.UUID(int=0))
FULL = 0x7FFFFFFF


class Services:
    """Of the grid process on this port. Nobody there: OSError."""

    def __init__(self, port, timeout=10):
        self.port, self.timeout = port, timeout

    def _ask(self, method, path, body=None, kind="application/x-www-form-urlencoded"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout)
        try:
            connection.request(method, path, body, {"Content-Type": kind})
            answer = connection.getresponse()
            return answer.status, answer.read()
        except http.client.HTTPException as error:
            raise OSError(str(error)) from error
        finally:
            connection.close()

    def form(self, path, **fields):
        status, answer = self._ask("POST", path, urllib.parse.urlencode(fields).encode())
        return answer.decode() if status == 200 else ""

    def put_asset(self, asset, data):
        """Whether it was taken."""
        document = (
            '<?xml version="1.0" encoding="utf-8"?><AssetBase '
            'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema">'
            f"<Data>{base64.b64encode(data).decode()}</Data><FullID><Guid>{asset}</Guid></FullID><ID>{asset}</ID>"
            "<Name>A thing</Name><Description></Description><Type>7</Type><Local>false</Local>"
            f"<Temporary>false</Temporary><CreatorID>{NULL}</CreatorID><Flags>Normal</Flags></AssetBase>")
        status, answer = self._ask("POST", "/assets/", document.encode(), "text/xml")
        return status == 200 and str(asset) in answer.decode()

    def asset(self, asset):
        """Its content, or None."""
        status, answer = self._ask("GET", f"/assets/{asset}/data")
        return answer if status == 200 else None

    def root_folder(self, owner):
        self.form("/xinventory", METHOD="CREATEUSERINVENTORY", PRINCIPAL=owner)
        return re.search(r"<ID>(.*?)</ID>", self.form("/xinventory", METHOD="GETROOTFOLDER", PRINCIPAL=owner))[1]

    def add_item(self, owner, folder, item, asset):
        return "True" in self.form(
            "/xinventory", METHOD="ADDITEM", AssetID=asset, AssetType=7, Name="A thing", Owner=owner, ID=item, InvType=7,
            Folder=folder, CreatorId=owner, CreatorData="", Description="", NextPermissions=FULL,
            CurrentPermissions=FULL, BasePermissions=FULL, EveryOnePermissions=0, GroupPermissions=0, GroupID=NULL,
            GroupOwned="False", SalePrice=0, SaleType=0, Flags=0, CreationDate=1)

    def has_item(self, owner, item):
        return str(item) in self.form("/xinventory", METHOD="GETITEM", ID=item, PRINCIPAL=owner)

    def befriend(self, one, other):
        return "Success" in self.form("/friends", METHOD="storefriend", PrincipalID=one, Friend=other, MyFlags=1)

    def friends(self, agent):
        return re.findall(r"<Friend>(.*?)</Friend>", self.form("/friends", METHOD="getfriends", PRINCIPALID=agent))

    def set_position(self, agent, x):
        return "Success" in self.form("/griduser", METHOD="setposition", UserID=agent, RegionID=uuid.UUID(int=1),
                                      Position=f"<{x}, 20, 30>", LookAt="<1, 0, 0>")

    def position(self, agent):
        found = re.search(r"<LastPosition>&lt;(\d+)", self.form("/griduser", METHOD="getgriduserinfo", UserID=agent))
        return found and int(found[1])
