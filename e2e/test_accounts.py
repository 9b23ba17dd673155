"""Accounts by the command line, while the world runs."""

from dataclasses import replace

import pytest

from harness.wire import log_in, login_request
from harness.world import Account


def test_an_account_is_added_listed_changed_and_removed(world):
    account = world.newcomer()
    assert account.name in world.command("user", "list").stdout
    assert log_in(world.uri, login_request(account))["login"] == "true"

    changed = replace(account, password="another one")
    world.command("user", "password", account.name, "--password-stdin", stdin=changed.password)
    assert log_in(world.uri, login_request(account))["reason"] == "key"
    assert log_in(world.uri, login_request(changed))["login"] == "true"

    world.command("user", "remove", account.name)
    assert account.name not in world.command("user", "list").stdout
    assert log_in(world.uri, login_request(changed))["reason"] == "key"


def test_a_name_is_given_once_whatever_its_case(world):
    account = world.newcomer()
    for name in (account.name, account.name.upper()):
        done = world.command("user", "add", name, "--password-stdin", stdin="other", check=False)
        assert done.returncode != 0
        assert "panicked" not in done.stderr
    assert log_in(world.uri, login_request(account))["login"] == "true"


def test_a_name_is_known_in_any_case(world):
    account = world.newcomer()
    assert log_in(world.uri, login_request(replace(account, first=account.first.lower())))["login"] == "true"


@pytest.mark.parametrize("name", ["", "OnlyOne", "One Two Three", "Tab\tbed Name"])
def test_a_name_has_a_first_and_a_last_part(world, name):
    done = world.command("user", "add", name, "--password-stdin", stdin="secret", check=False)
    assert done.returncode != 0
    assert "panicked" not in done.stderr


def test_an_empty_password_is_refused(world):
    done = world.command("user", "add", "Empty Handed", "--password-stdin", stdin="", check=False)
    assert done.returncode != 0
    assert "Empty Handed" not in world.command("user", "list").stdout


def test_nobody_removes_who_is_not_there(world):
    for command in (("user", "remove", "No Body"), ("user", "password", "No Body", "--password-stdin")):
        done = world.command(*command, stdin="secret", check=False)
        assert done.returncode != 0
        assert "No Body" in done.stderr + done.stdout


def test_the_end_of_a_line_is_no_part_of_a_password(world):
    account = Account("Line", "Ending", "typed in")
    world.command("user", "add", account.name, "--password-stdin", stdin="typed in\n")
    assert log_in(world.uri, login_request(account))["login"] == "true"


async def test_who_is_removed_while_inside_is_not_left_behind_for_ever(world):
    account = world.newcomer()
    async with world.stock(account) as client:
        world.command("user", "remove", account.name)
        await client.assert_alive()  # the session is not cut
    assert log_in(world.uri, login_request(account))["reason"] == "key"
