"""The grid's pages in a real browser: the login page, sign-up, and what the operator sees of a world that is alive."""

import asyncio
import re
import sqlite3
from contextlib import AsyncExitStack

import pytest
from playwright.async_api import expect

from harness.browser import browser, log_in, operator_password, shoot
from harness.client import Refused
from harness.grid import Grid
from harness.viewer import ViewerClient
from harness.world import FAR, ONE, Account, Region

pytestmark = pytest.mark.browser

#     Old Town
#     Harbour   Lighthouse                  Far Island   Reef
HARBOUR = Region("Harbour", 1000, 1000)
LIGHTHOUSE = Region("Lighthouse", 1001, 1000)
OLD_TOWN = Region("Old Town", 1000, 1001)
FAR_ISLAND = Region("Far Island", 1100, 1100)
REEF = Region("Reef", 1101, 1100)
REGIONS = (HARBOUR, LIGHTHOUSE, OLD_TOWN, FAR_ISLAND, REEF)


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    simulators = {"a": ([HARBOUR, LIGHTHOUSE, OLD_TOWN], ()), "b": ([FAR_ISLAND, REEF], ())}
    options = ["--sign-up", "--grid-name", "Sojourn Isles"]
    with Grid(tmp_path_factory.mktemp("pages"), simulators, options=options) as running:
        yield running


# What everybody sees


async def test_the_login_page_says_how_the_grid_is(grid):
    async with browser() as chromium, grid.viewer(at=HARBOUR), chromium.page() as page:
        await page.goto(grid.uri + "?lang=en&version=7.1.9&channel=Firestorm&grid=isles")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Sojourn Isles")
        await expect(page.locator(".figures div", has_text="online now").locator("dd")).to_have_text("1")
        await expect(page.locator(".figures div", has_text="regions").locator("dd")).to_have_text("5")
        await expect(page.locator(".regions li", has_text="Harbour")).to_contain_text("1")
        await shoot(page, "login-page")
        await page.get_by_role("link", name="See the map").click()
        await expect(page.locator("[data-region='Harbour'] .count")).to_have_text("1")
        await expect(page.locator(".map")).to_have_count(2)
        await shoot(page, "public-map")


async def test_whoever_signs_up_can_log_in(grid):
    async with browser() as chromium, chromium.page() as page:
        await page.goto(grid.uri)
        await page.get_by_role("main").get_by_role("link", name="Sign up").click()
        await page.get_by_label("First name").fill("Grace")
        await page.get_by_label("Last name").fill("Hopper")
        await page.get_by_label("Password", exact=False).first.fill("nanoseconds")
        await page.get_by_label("Password once more").fill("microseconds")
        await page.get_by_role("button").click()
        await expect(page.get_by_role("alert")).to_contain_text("not the same")
        await expect(page.get_by_label("First name")).to_have_value("Grace")
        await page.get_by_label("Password", exact=False).first.fill("nanoseconds")
        await page.get_by_label("Password once more").fill("nanoseconds")
        await shoot(page, "sign-up")
        await page.get_by_role("button").click()
        await expect(page.get_by_role("status")).to_contain_text("Welcome, Grace Hopper")
        # A form that comes from elsewhere has no token.
        stranger = {"first": "Mal", "last": "Lory", "password": "nanoseconds", "again": "nanoseconds"}
        answer = await page.request.post(grid.uri + "signup", form=stranger)
        assert answer.status == 403
    async with grid.viewer(Account("Grace", "Hopper", "nanoseconds"), at=HARBOUR) as client:
        await client.assert_alive()


# Who may see more


async def test_only_the_operator_comes_in_and_not_for_ever(grid):
    async with browser() as chromium, chromium.page() as page:
        await log_in(page, grid.services, "not this one")
        await expect(page.get_by_role("alert")).to_contain_text("not the password")
        await page.goto(f"{grid.services.url}operate/transfers")
        assert page.url.endswith("/operate/login")
        await shoot(page, "operator-login")
        await log_in(page, grid.services)
        await expect(page.get_by_role("heading", level=1)).to_have_text("World")

        # The cookie alone moves nothing.
        notice = {"what": "notice", "text": "from elsewhere"}
        answer = await page.request.post(f"{grid.services.url}operate/switches", form=notice)
        assert answer.status == 403
        headers = (await page.request.get(f"{grid.services.url}operate")).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-frame-options"] == "DENY"

        database = sqlite3.connect(grid.data / "grid.sqlite", timeout=10)
        with database:
            database.execute("UPDATE operator_sessions SET ends = 0")
        database.close()
        # The page notices by itself: what it lived by has ended.
        await page.wait_for_url(re.compile("/operate/login$"))


async def test_without_scripts_everything_is_there_as_well(grid):
    async with browser() as chromium, grid.viewer(at=HARBOUR) as client:
        async with chromium.page(java_script_enabled=False) as page:
            await log_in(page, grid.services)
            await expect(page.locator("[data-region='Harbour'] .count")).to_have_text("1")
            await client.teleport(REEF)
            await page.get_by_role("link", name="Transfers").click()
            row = page.locator("tr", has_text=client.account.name)
            # The word of its end is on its way, and nothing here renews itself.
            while "arrived" not in await row.inner_text():
                await page.reload()
            await row.get_by_role("link").click()
            await expect(page.locator(".chart")).to_contain_text("AgentMovementComplete")
            # By the keyboard alone: the first stop leads past the bar.
            await page.keyboard.press("Tab")
            assert await page.evaluate("document.activeElement.className") == "skip"


# What the operator sees


async def test_a_teleport_appears_as_it_happens(grid):
    async with browser() as chromium, grid.viewer(at=HARBOUR) as client, chromium.page() as page:
        await log_in(page, grid.services)
        await expect(page.locator("[data-region='Harbour'] .dot")).to_have_count(1)
        await page.get_by_role("link", name="Transfers").click()
        await expect(page.locator("#pulse")).to_have_attribute("data-state", "live")
        await page.evaluate("window.stays = true")
        row = page.locator("tr", has_text=client.account.name)
        await expect(row).to_have_count(0)
        await client.teleport(FAR_ISLAND)
        await expect(row).to_contain_text("arrived")
        assert await page.evaluate("window.stays"), "the page was loaded anew"

        await row.get_by_role("link").click()
        chart = page.locator(".chart")
        for step in ("P1", "P5", "P8", "T3A", "T4A"):
            await expect(chart.locator(".step", has_text=re.compile(f"^{step}$")).first).to_be_visible()
        # Both ends' words are one picture: what the source sent is seen to arrive.
        await expect(chart.locator(".receipt").first).to_be_visible()
        await expect(page.locator(".trip")).to_contain_text("Harbour → Far Island")
        await shoot(page, "transfer")
        await page.get_by_role("link", name="Sessions").click()
        await expect(page.locator("tr.root", has_text=client.account.name)).to_contain_text("Far Island")

        await page.get_by_role("link", name="Metrics").click()
        await expect(page.locator(".plot", has_text="people")).to_be_visible()
        await shoot(page, "metrics")


async def test_switches_reach_every_simulator(grid):
    async with browser() as chromium, grid.viewer(at=REEF) as client, chromium.page() as page:
        await log_in(page, grid.services)
        await page.get_by_role("link", name="Switches").click()
        await page.get_by_label("Text").fill("Tea is ready.")
        mark = client.inbox.mark()
        await page.get_by_role("button", name="Show").click()
        await expect(page.locator(".done li.good")).to_have_count(2)
        await client.inbox.expect("AlertMessage", since=mark, where=lambda m: "Tea is ready." in m["AlertData"]["Message"])
        await page.get_by_label("Filter, in the form").fill("sojourn=nonsense=1")
        await page.get_by_role("button", name="Set").click()
        await expect(page.locator(".done li.bad")).to_have_count(3)
        await page.get_by_label("Filter, in the form").fill("debug,sqlx=warn,hyper=info,h2=info,reqwest=info")
        await page.get_by_role("button", name="Set").click()
        await expect(page.locator(".done li.good")).to_have_count(3)
        await expect(page.locator(".done li.good").first).to_contain_text("logs debug")


async def test_ten_people_and_a_transfer_that_fails(grid):
    accounts = await asyncio.gather(*(asyncio.to_thread(grid.newcomer) for _ in range(10)))
    async with browser() as chromium, chromium.page() as page, AsyncExitStack() as stack:
        clients = []
        for number, account in enumerate(accounts):
            place, position = REGIONS[number % 3], (30 + 20 * number, 225 - 19 * number, 25)
            visit = grid.enter(ViewerClient, account, at=place, position=position)
            clients.append(await stack.enter_async_context(visit))
        traveller = clients[0]
        await clients[1].teleport(FAR_ISLAND)
        await clients[1].teleport(HARBOUR)
        await log_in(page, grid.services)
        await expect(page.locator(".map .dot")).to_have_count(10)
        await shoot(page, "world")
        await page.get_by_role("link", name="Sessions").click()
        await expect(page.locator("tr.root")).to_have_count(10)
        await shoot(page, "sessions")

        grid.crash(grid.simulator_of(REEF))
        with pytest.raises(Refused):
            await traveller.teleport(REEF)
        await page.goto(f"{grid.services.url}operate/transfers?outcome=failed&agent={traveller.account.name}")
        row = page.locator("tr.failed")
        await expect(row).to_have_count(1)
        await page.goto(f"{grid.services.url}operate/transfers")
        await expect(page.locator("tr.failed")).to_have_count(1)
        await shoot(page, "transfers")
        await page.locator("tr.failed").get_by_role("link").click()
        await expect(page.get_by_role("alert")).to_contain_text("at P5 (AskAccess)")
        await expect(page.get_by_role("alert")).to_contain_text("The user was told")
        await expect(page.locator(".trip")).to_contain_text("Reef")
        await expect(page.locator(".line.failed .cross")).to_have_count(1)
        await shoot(page, "failed-transfer")
        await page.goto(f"{grid.services.url}operate")
        await expect(page.locator("p.bad")).to_contain_text("does not answer")
        await traveller.assert_alive()
    grid.start()


async def test_a_standalone_world_has_the_same_pages(world):
    async with browser() as chromium, world.viewer(at=ONE) as client, chromium.page() as page:
        await page.goto(world.uri)
        await expect(page.locator(".figures div", has_text="online now").locator("dd")).to_have_text("1")
        assert (await page.request.get(world.uri + "signup")).status == 404
        await log_in(page, world.server)
        await expect(page.locator("[data-region='Test One'] .dot")).to_have_count(1)
        await page.get_by_role("link", name="Transfers").click()
        await client.teleport(FAR)
        await expect(page.locator("tr", has_text=client.account.name)).to_contain_text("arrived")
        password = "another password"
        world.command("operator", "password", "--password-stdin", stdin=password)
        # Whoever was inside is out.
        await page.wait_for_url(re.compile("/operate/login$"))
        await log_in(page, world.server, operator_password(world.server))
        await expect(page.get_by_role("alert")).to_be_visible()
        await log_in(page, world.server, password)
        await expect(page.get_by_role("heading", level=1)).to_have_text("World")
