"""A real browser: Debian's Chromium without a window, driven through Playwright. What it shows is kept as pictures."""

import re
import shutil
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import async_playwright

SHOTS = Path(__file__).parents[2] / "target/e2e-pages"
PATIENCE_MS = 20_000

# It is alone in its world: nothing is fetched, reported or kept.
SWITCHES = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync"]


def chromium():
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    assert path, "no chromium: on Debian, apt-get install chromium; or leave these tests out with -m 'not browser'"
    return path


class Browser:
    def __init__(self, browser):
        self._browser = browser

    @asynccontextmanager
    async def page(self, **options):
        """A page of its own, with its own cookies. Whatever its scripts complain of fails the test."""
        context = await self._browser.new_context(viewport={"width": 1280, "height": 860}, **options)
        context.set_default_timeout(PATIENCE_MS)
        page = await context.new_page()
        complaints = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        # A status that says no is an answer like any other; what the policy of the page forbids is not.
        page.on("console", lambda message: complaints.append(message.text)
                if message.type == "error" and "Failed to load resource" not in message.text else None)
        try:
            yield page
        finally:
            await context.close()
        assert not complaints, complaints


@asynccontextmanager
async def browser():
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=chromium(), args=SWITCHES)
        try:
            yield Browser(running)
        finally:
            await running.close()


async def shoot(page, name):
    """Keeps what the page looks like."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=SHOTS / f"{name}.png", full_page=True)


def operator_password(process):
    """As it was printed at the first start."""
    return re.search(r"^operator password: (\S+)", process.said(), re.M)[1]


async def log_in(page, process, password=None):
    """The operator's pages of a process."""
    await page.goto(f"{process.url}operate")
    await page.get_by_label("Password").fill(password or operator_password(process))
    await page.get_by_role("button", name="Log in").click()
