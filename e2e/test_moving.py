"""Moving in from an OpenSimulator: its SQLite files, an import that is killed half-way and run again, and its people who
log in with the passwords that they had."""

import hashlib
import sqlite3
import subprocess
import time
import uuid

from harness.process import BINARY
from harness.wire import log_in, login_request
from harness.world import Account, World

PEOPLE = 150
THINGS = 20  # of each of them; each shows an asset of its own
SALT = "0123456789abcdef0123456789abcdef"
ZERO = str(uuid.UUID(int=0))

# As the database fact sheet has them.
TABLES = {
    "userprofiles.db": "CREATE TABLE UserAccounts (PrincipalID CHAR(36) PRIMARY KEY, ScopeID CHAR(36), FirstName VARCHAR(64),"
                       " LastName VARCHAR(64), Email VARCHAR(64), ServiceURLs TEXT, Created INT, UserLevel INTEGER,"
                       " UserFlags INTEGER, UserTitle VARCHAR(64))",
    "auth.db": "CREATE TABLE auth (UUID CHAR(36) PRIMARY KEY, passwordHash CHAR(32), passwordSalt CHAR(32),"
               " webLoginKey VARCHAR(255), accountType VARCHAR(32))",
    "inventory.db": "CREATE TABLE inventoryfolders (folderName VARCHAR(64), type INTEGER, version INTEGER, folderID"
                    " VARCHAR(36) PRIMARY KEY, agentID VARCHAR(36), parentFolderID VARCHAR(36));"
                    "CREATE TABLE inventoryitems (inventoryID VARCHAR(36) PRIMARY KEY, avatarID VARCHAR(36), parentFolderID"
                    " VARCHAR(36), assetID VARCHAR(36), assetType INTEGER, invType INTEGER, inventoryName VARCHAR(64),"
                    " creatorID VARCHAR(128), inventoryCurrentPermissions INTEGER)",
    "Asset.db": "CREATE TABLE assets (UUID PRIMARY KEY, Name, Description, Type, CreatorID, Data)",
}


def some_id(kind, person, thing=0):
    return str(uuid.UUID(int=kind << 96 | person << 32 | thing))


def opensim(folder):
    """A grid of theirs. Person n is `Guest Number<n>`, and the password is the name."""
    folder.mkdir()
    for file, text in TABLES.items():
        connection = sqlite3.connect(folder / file)
        connection.executescript(text)
        for person in range(1, PEOPLE + 1):
            name, agent, root = f"Number{person}", some_id(1, person), some_id(2, person)
            hashed = hashlib.md5(f"Guest {name}".encode()).hexdigest()
            hashed = hashlib.md5(f"{hashed}:{SALT}".encode()).hexdigest()
            rows = {
                "userprofiles.db": [("UserAccounts", (agent, ZERO, "Guest", name, "", "", 1, 0, 0, ""))],
                "auth.db": [("auth", (agent, hashed, SALT, "", "UserAccount"))],
                "inventory.db": [("inventoryfolders", ("My Inventory", 8, 5, root, agent, ZERO))],
                "Asset.db": [],
            }[file]
            for thing in range(THINGS):
                item, asset = some_id(3, person, thing), some_id(4, person, thing)
                if file == "inventory.db":
                    rows.append(("inventoryitems", (item, agent, root, asset, 7, 7, f"Note {thing}", agent, -1)))
                if file == "Asset.db":
                    rows.append(("assets", (asset, f"Note {thing}", "", 7, agent, asset.encode() * 50)))
            for table, row in rows:
                connection.execute(f"INSERT INTO {table} VALUES ({','.join('?' * len(row))})", row)
        connection.commit()
        connection.close()
    return folder


def count(data, table):
    """Rows of a table of ours, while somebody else writes to it."""
    try:
        connection = sqlite3.connect(f"file:{data / 'grid.sqlite'}?mode=ro", uri=True)
        try:
            return connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]
        finally:
            connection.close()
    except sqlite3.OperationalError:
        return 0  # not there yet


def test_an_import_that_was_killed_goes_on_and_its_people_log_in(tmp_path):
    source, data = opensim(tmp_path / "theirs"), tmp_path / "data"
    command = [str(BINARY), "import", "opensim-db", f"sqlite:{source}", "--data", str(data)]

    for table, enough in (("inventory_items", PEOPLE), ("assets", PEOPLE)):
        importing = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        while importing.poll() is None and count(data, table) < enough:
            time.sleep(0.002)
        importing.kill()
        importing.communicate()
        assert importing.returncode != 0, "it was done before it could be killed"
        assert 0 < count(data, table) < PEOPLE * THINGS

    begun = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    print(f"the rest was brought in {time.monotonic() - begun:.1f} s\n{done.stdout}")
    assert count(data, "inventory_items") == count(data, "assets") == PEOPLE * THINGS

    # The last, and one of those before the first kill.
    guests = [Account("Guest", f"Number{number}", f"Guest Number{number}") for number in (1, PEOPLE)]
    with World(tmp_path) as world:
        for guest in guests:
            wrong = log_in(world.uri, login_request(Account(guest.first, guest.last, "wrong")))
            assert wrong["reason"] == "key"
            for _ in range(2):  # as it was kept there, then as it is kept here
                answer = log_in(world.uri, login_request(guest))
                assert answer["login"] == "true", answer
            folders = {folder["name"] for folder in answer["inventory-skeleton"]}
            assert {"My Inventory", "Trash", "Materials"} <= folders
        kept = sqlite3.connect(data / "grid.sqlite").execute("SELECT hash FROM passwords").fetchall()
    ours = [hash for (hash,) in kept if hash.startswith("$argon2id$")]
    # Theirs, and that of the account with which a world begins, if it did.
    assert len(kept) == PEOPLE and len(ours) == len(guests)
