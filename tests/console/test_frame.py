"""The frame around every page: signing in, namespaces, pages that do not exist, keys, dark."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.console.conftest import Visit, Window, violations
from tests.console.runs import DIAMOND, box, workflow
from tests.e2e.platform import Platform

pytestmark = [pytest.mark.serial, pytest.mark.slow]


def test_a_link_signs_in_once(browser: Browser, platform: Platform) -> None:
    link = platform.command("console").stdout.strip()
    first = browser.new_context().new_page()
    follow(first, link)
    expect(first).to_have_url(re.compile("/console/default$"))
    expect(first.get_by_role("heading", level=1)).to_be_visible()
    assert "code=" not in first.url
    [cookie] = [c for c in first.context.cookies() if "pinnace" in c.get("name", "").lower()]
    assert cookie.get("httpOnly") and cookie.get("sameSite") == "Strict"
    assert not cookie.get("domain", ".").startswith(".")
    second = browser.new_context().new_page()
    follow(second, link)
    expect(second.get_by_text("pinnace console").first).to_be_visible()
    assert not second.context.cookies()
    first.context.close()
    second.context.close()


def follow(page: Page, link: str) -> None:
    page.goto(link)
    if page.get_by_role("button", name="Sign in to Pinnace").count():
        page.get_by_role("button", name="Sign in to Pinnace").click()


def test_without_a_session_the_console_says_how_to_sign_in(browser: Browser, platform: Platform) -> None:
    page = browser.new_context().new_page()
    page.goto(f"{platform.api.plain_url}/console/default/workflows")
    expect(page.get_by_text("pinnace console").first).to_be_visible()
    page.context.close()


def test_another_namespace_keeps_the_section(visit: Visit, platform: Platform) -> None:
    platform.kubectl("create", "namespace", "quiet")
    page = visit("default/workflows")
    page.get_by_label("Namespace").select_option("quiet")
    expect(page).to_have_url(re.compile("/console/quiet/workflows"))
    expect(page.get_by_text("pinnace run")).to_be_visible()


def test_an_unknown_workflow_and_an_unknown_page_say_so(windows: Callable[..., Window]) -> None:
    """The 404 of the API may be reported by the browser here, and nothing else."""
    window = windows("default/workflows/nobody")
    expect(window.page.get_by_text(re.compile("not found|no workflow", re.I)).first).to_be_visible()
    window.go("default/workflows/is/nowhere")
    expect(window.page.get_by_text("There is no such page")).to_be_visible()
    window.expected("404")


def test_everything_is_reached_by_the_keyboard(visit: Visit, platform: Platform, namespace: str) -> None:
    platform.run(workflow("keys", DIAMOND, namespace))
    page = visit(f"{namespace}/workflows")
    expect(page.get_by_role("link", name="keys", exact=True)).to_be_visible()
    reached: list[str] = []
    while "keys" not in reached and len(reached) < 80:
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement?.textContent?.trim().slice(0, 40) ?? ''"))
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none", reached
    assert reached[0] == "Skip to content"
    assert "Workflows" in reached and "Endpoints" in reached and "keys" in reached
    page.keyboard.press("Enter")
    expect(page.locator(".react-flow__node")).to_have_count(5)
    box(page, "load").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".panel h2")).to_contain_text("load")


def test_the_page_goes_on_when_the_server_is_back(
    windows: Callable[..., Window], platform: Platform, namespace: str
) -> None:
    """Killed as by the machine itself: a line says so, and neither it nor the watches need a reload."""
    window = windows(f"{namespace}/workflows?q=back")
    page = window.page
    expect(page.get_by_role("heading", name="Workflows")).to_be_visible()
    page.evaluate("window.sameAsBefore = true")
    gone = page.get_by_text("The server does not answer.")
    os.kill(platform.pids()["control"], signal.SIGKILL)
    expect(gone).to_be_visible()
    expect(gone).to_have_count(0, timeout=120_000)
    platform.run(workflow("back-again", DIAMOND, namespace))
    row = page.get_by_role("row", name=re.compile("back-again"))
    expect(row).to_contain_text("Succeeded", timeout=60_000)
    assert page.evaluate("window.sameAsBefore")
    for noise in ("ERR_CONNECTION", "WebSocket", "502", "503"):
        window.expected(noise)


def test_the_palette_finds_what_the_namespace_holds(visit: Visit, platform: Platform, namespace: str) -> None:
    platform.run(workflow("palette-run", DIAMOND, namespace))
    page = visit(namespace)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.keyboard.press("Control+k")
    found = page.get_by_role("dialog")
    expect(found.get_by_role("combobox")).to_be_focused()
    page.keyboard.type("palette ru")
    expect(found.get_by_role("option", name=re.compile("palette-run"))).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"/{namespace}/workflows/palette-run"))


def test_the_dark_page_is_dark(visit: Visit, tmp_path: Path) -> None:
    page = visit("default", dark=True)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    ground = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    red, green, blue = (int(n) for n in re.findall(r"\d+", ground)[:3])
    assert red + green + blue < 150, ground
