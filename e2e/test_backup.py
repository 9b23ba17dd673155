"""A backup that is made while people are inside, and the world that comes back from it."""

from harness.wire import log_in, login_request
from harness.world import ONE, World


async def test_a_world_comes_back_from_a_backup(tmp_path):
    with World(tmp_path / "first") as world:
        accounts = [world.newcomer(password=f"secret {number}") for number in range(3)]
        async with world.stock(accounts[0]) as client:
            said = world.command("backup", str(tmp_path / "backup")).stdout
            print(said)
            await client.assert_alive()
        late = world.newcomer()
        # Nothing is written over.
        assert world.command("backup", str(tmp_path / "backup"), check=False).returncode != 0
        taken = world.command("restore", str(tmp_path / "backup"), check=False)
        assert taken.returncode != 0 and "empty folder" in taken.stderr
        identity = (world.data / "identity").read_text()

    second = World(tmp_path / "second")
    second.command("restore", str(tmp_path / "backup"))
    assert (second.data / "identity").read_text() == identity
    with second as world:
        for account in accounts[1:]:
            assert log_in(world.uri, login_request(account))["login"] == "true"
        assert log_in(world.uri, login_request(late))["reason"] == "key", "that account was made afterwards"
        # Who was inside when it was made comes in as well.
        async with world.stock(accounts[0], at=ONE) as client:
            await client.assert_alive()
