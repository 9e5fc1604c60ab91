"""One platform and one headless Chromium for every test of the console, each file in a namespace of its own.

`visit` opens pages, signed in as a person is; a page that complains in the browser's log fails its test. The
fixtures end with this folder and not with the session: Playwright keeps a loop running while it lives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Response, expect

from tests.e2e.browser import chromium, sign_in
from tests.e2e.platform import Platform

AXE = Path(__file__).resolve().parents[2] / "console" / "node_modules" / "axe-core" / "axe.min.js"
VIEW: Any = {"width": 1280, "height": 800}
PATIENCE = 20_000
"""Milliseconds: generous, the machine of CI is slow."""


@pytest.fixture(scope="package")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    instance = Platform(tmp_path_factory.mktemp("console-home"))
    try:
        yield instance.up()
    finally:
        instance.down()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE)
    with chromium() as found:
        yield found


@pytest.fixture(scope="package")
def session(browser: Browser, platform: Platform) -> Any:
    """The cookie of one sign-in, for as many windows as a test likes."""
    page = sign_in(browser, platform)
    state = page.context.storage_state()
    page.context.close()
    return state


@pytest.fixture(scope="module")
def namespace(platform: Platform, request: pytest.FixtureRequest) -> str:
    """Of this file alone: `tests/console/test_volumes.py` has `volumes`."""
    name: str = request.module.__name__.rpartition("test_")[2].replace("_", "-")
    platform.kubectl("create", "namespace", name)
    return name


class Window:
    """A page, what it complained about, and the way to other pages of the console."""

    def __init__(self, page: Page, base: str) -> None:
        self.page = page
        self.base = base
        self.complaints: list[str] = []
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.text} {message.location.get('url', '')}")

    def go(self, path: str) -> Response | None:
        return self.page.goto(f"{self.base}/console/{path.lstrip('/')}")

    def expected(self, text: str) -> None:
        """Forget complaints that hold `text`: what a test provokes, a browser reports."""
        self.complaints = [said for said in self.complaints if text not in said]


Visit = Callable[..., Page]


@pytest.fixture
def windows(
    browser: Browser, platform: Platform, session: Any, tmp_path: Path
) -> Iterator[Callable[..., Window]]:
    """`windows(path, dark=False)`: another signed-in window."""
    opened: list[Window] = []
    contexts: dict[bool, BrowserContext] = {}

    def opens(path: str = "", dark: bool = False) -> Window:
        if dark not in contexts:
            scheme: Any = "dark" if dark else "light"
            contexts[dark] = browser.new_context(viewport=VIEW, color_scheme=scheme, storage_state=session)
        window = Window(contexts[dark].new_page(), platform.api.plain_url)
        opened.append(window)
        window.go(path)
        return window

    yield opens
    complaints = [said for window in opened for said in window.complaints]
    for number, window in enumerate(opened):
        window.page.screenshot(path=str(tmp_path / f"at-the-end-{number}.png"))
    for context in contexts.values():
        context.close()
    assert complaints == []


@pytest.fixture
def visit(windows: Callable[..., Window]) -> Visit:
    """`visit("default/workflows", dark=False)`: the page at that path."""

    def opens(path: str = "", dark: bool = False) -> Page:
        return windows(path, dark).page

    return opens


def violations(page: Page, within: str = "document") -> list[str]:
    """What axe-core finds on the page as it stands, one line each; [] is what a page must have."""
    page.evaluate(AXE.read_text())
    found = page.evaluate(f"axe.run({within}).then((r) => r.violations)")
    return [
        f"{one['id']} ({one['impact']}): {node['target']} {node['html'][:140]} {node['failureSummary'][:200]}"
        for one in found for node in one["nodes"]
    ]
