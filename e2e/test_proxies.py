"""Two grid processes on one database behind nginx: people are told apart by their own addresses, and limits are the
grid's."""

import asyncio
import re
import shutil
import urllib.parse
from http.client import HTTPConnection
from pathlib import Path

import pytest

from harness.grid import SharedGrid
from harness.nginx import ADDRESS, Nginx
from harness.postgres import NoPostgres, Postgres
from harness.sessions import until
from harness.wire import http, log_in, login_request
from harness.world import Account, Region

ONE = Region("A One", 1000, 1000)
OPERATOR = "192.0.2.7"
# What one address may do before it has to wait, see `BY_ADDRESS` in the code.
SIGN_UPS = 8
WRONG_PASSWORDS = 40
LIKE_AN_OPERATOR = ["/metrics", "/operate/login"]


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    if not shutil.which("nginx") and not Path("/usr/sbin/nginx").exists():
        pytest.skip("NOT TESTED: there is no nginx on this machine")
    options = ("--sign-up", "--proxy", ADDRESS, "--operator-from", OPERATOR)
    try:
        with Postgres() as postgres, SharedGrid(
                tmp_path_factory.mktemp("proxies"), {"a": ([ONE], ())}, postgres.url, options, Nginx) as running:
            yield running
    except NoPostgres as why:
        pytest.skip(f"NOT TESTED: {why}")


def as_from(address, **more):
    """Whom nginx is to take somebody for."""
    return {"X-Test-From": address, **more}


def sign_up(uri, name, headers):
    """The status of the answer to a form that is sent."""
    status, page, said = http(uri + "signup", more=headers)
    assert status == 200, page
    token = re.search(rb'name="token" value="([^"]+)"', page)[1].decode()
    cookie = said["Set-Cookie"].partition(";")[0]
    form = {"token": token, "first": name, "last": "Proxied", "email": "", "password": "long enough",
            "again": "long enough"}
    body = urllib.parse.urlencode(form).encode()
    return http(uri + "signup", body, "application/x-www-form-urlencoded", more={**headers, "Cookie": cookie})[0]


def wrong_password(uri, name, headers):
    request = {**login_request(Account("Nobody", name, "x")), "passwd": "$1$" + "0" * 32}
    return log_in(uri, request, headers=headers)["message"]


def test_sign_ups_are_counted_for_each_address_and_by_all_processes_together(grid):
    one, other = as_from("203.0.113.5"), as_from("203.0.113.6")
    made = [sign_up(grid.uri, f"One{n}", one) for n in range(SIGN_UPS)]
    assert made == [201] * SIGN_UPS
    assert sign_up(grid.uri, "OneMore", one) == 429
    for n, process in enumerate(grid.grids):
        served = sum(value for name, value in process.metrics().items() if 'route="signup"' in name)
        assert served, f"process {n} has served none of them"
    # A header of theirs does not make somebody else of them.
    assert sign_up(grid.uri, "OneMore", as_from("203.0.113.5", **{"X-Forwarded-For": "198.51.100.1"})) == 429
    assert sign_up(grid.uri, "OneMore", as_from("203.0.113.5", Forwarded="for=198.51.100.1")) == 429
    assert sign_up(grid.uri, "Other", other) == 201


def test_who_is_no_proxy_is_believed_nothing(grid):
    made = [sign_up(grid.uris[n % 2], f"Direct{n}", {"X-Forwarded-For": f"198.51.100.{n}"}) for n in range(SIGN_UPS + 1)]
    assert made == [201] * SIGN_UPS + [429]


def wrong_until_refused(uri, headers_of):
    """How many wrong passwords were taken until no more were; one is forgotten now and then, so perhaps some more."""
    usual = wrong_password(uri, "Number", as_from("203.0.113.99"))
    for n in range(3 * WRONG_PASSWORDS):
        if wrong_password(uri, f"Number{n}", headers_of(n)) != usual:
            return n
    raise AssertionError("nothing is too often")


def test_wrong_passwords_are_counted_for_each_address(grid):
    usual = wrong_password(grid.uri, "Other", as_from("203.0.113.8"))
    assert wrong_until_refused(grid.uri, lambda _: as_from("203.0.113.7")) >= WRONG_PASSWORDS
    assert wrong_password(grid.uri, "Other", as_from("203.0.113.8")) == usual
    # Of the newer kind, by network.
    assert wrong_until_refused(grid.uri, lambda n: as_from(f"2001:db8:5::{n + 1:x}")) >= WRONG_PASSWORDS
    assert wrong_password(grid.uri, "Six", as_from("2001:db8:6::1")) == usual


@pytest.mark.parametrize("path", LIKE_AN_OPERATOR)
def test_what_is_the_operators_opens_to_operators_alone(grid, path):
    direct, proxied = f"http://127.0.0.1:{grid.grids[0].port}", grid.private.url.rstrip("/")
    for uri, headers, status in [
            (direct, {}, 200),
            (proxied, as_from("203.0.113.5"), 403),
            (proxied, as_from("203.0.113.5", **{"X-Forwarded-For": "127.0.0.1"}), 403),
            (proxied, as_from("203.0.113.5", **{"X-Forwarded-For": OPERATOR}), 403),
            (proxied, as_from("203.0.113.5", **{"X-Real-IP": "127.0.0.1"}), 403),
            (direct, {"X-Forwarded-For": OPERATOR}, 403),
            (proxied, as_from(OPERATOR), 200),
            # Somebody on this machine who takes the way by nginx.
            (proxied, {}, 200),
    ]:
        assert http(uri + path, more=headers)[0] == status, (uri, headers)


def test_cookies_of_pages_that_came_by_https_stay_there(grid):
    for page, uri, headers in [("/operate/login", grid.private.url.rstrip("/"), as_from(OPERATOR)),
                               ("signup", grid.uri, as_from("203.0.113.9"))]:
        for proto, secure in [("https", True), ("http", False)]:
            _, _, said = http(uri + page, more={**headers, "X-Test-Proto": proto})
            assert ("; Secure" in said["Set-Cookie"]) == secure, (page, proto)
    _, _, said = http(grid.uris[0] + "signup", more={"X-Forwarded-Proto": "https"})
    assert "; Secure" not in said["Set-Cookie"], "who is no proxy is not believed"


async def test_simulators_are_told_the_persons_address(grid):
    account = await asyncio.to_thread(grid.newcomer)
    granted = await asyncio.to_thread(
        log_in, grid.uri, login_request(account, ONE.start()), headers=as_from("203.0.113.77"))
    assert granted["login"] == "true", granted
    # In the words of the published log of an arrival.
    simulator = grid.simulators["a"]
    await until(lambda: account.name in simulator.said() and "IP 203.0.113.77," in simulator.said(), 10,
                lambda: simulator.said()[-3000:])


def test_a_proxy_that_names_nobody_is_counted(grid):
    """nginx passes on what it has been told itself; here it is left out, as a setting that is missing would."""
    process = grid.grids[0]
    connection = HTTPConnection("127.0.0.1", process.port, timeout=10, source_address=(ADDRESS, 0))
    for headers, reason in [({}, "missing"), ({"X-Forwarded-For": "unknown"}, "unreadable")]:
        connection.request("GET", "/metrics", headers=headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 403
        assert process.metrics()[f'sojourn_http_forwarded_refused_total{{reason="{reason}"}}'] >= 1
    connection.close()
