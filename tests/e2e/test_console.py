"""The console in a real headless Chromium, signed in as a person is, looking at real runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from tests.e2e.browser import chromium, sign_in
from tests.e2e.platform import Platform, eventually

pytestmark = [pytest.mark.serial, pytest.mark.slow]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


class Watched:
    """A page and everything that it complained about."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", self.heard)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)


@pytest.fixture(scope="module")
def signed_in(browser: Browser, platform: Platform) -> Iterator[Watched]:
    page = sign_in(browser, platform)
    watched = Watched(page)
    yield watched
    page.context.close()


@pytest.fixture
def page(signed_in: Watched, platform: Platform, tmp_path: Path) -> Iterator[Page]:
    """The signed-in page on the list of workflows; a test that makes it complain fails."""
    signed_in.complaints.clear()
    signed_in.page.goto(f"{platform.api.plain_url}/console/default/workflows")
    yield signed_in.page
    signed_in.page.screenshot(path=str(tmp_path / "at-the-end.png"))
    assert signed_in.complaints == []


def workflow(name: str, templates: str, namespace: str = "default") -> str:
    return f"""
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  entrypoint: main
  templates:
{templates}
"""


DIAMOND = """
  - name: main
    dag:
      tasks:
      - {name: load, template: make}
      - {name: left, template: say, depends: load, arguments: {parameters: [{name: word, value: L}]}}
      - {name: right, template: say, depends: load, arguments: {parameters: [{name: word, value: R}]}}
      - {name: join, template: say, depends: left && right, arguments: {parameters: [{name: word, value: J}]}}
  - name: make
    container:
      image: busybox
      command: [sh, -c, 'echo loading; echo 41 > /tmp/n; mkdir /tmp/d; echo x > /tmp/d/x']
    outputs:
      parameters: [{name: count, valueFrom: {path: /tmp/n}}]
      artifacts: [{name: data, path: /tmp/d}]
  - name: say
    inputs: {parameters: [{name: word}]}
    container: {image: busybox, command: [sh, -c, 'echo said {{inputs.parameters.word}}; sleep 1']}
"""

ASKING = """
  - name: main
    steps:
    - - {name: approve, template: approve, arguments: {parameters: [{name: metrics, value: accuracy 97 %}]}}
    - - {name: after, template: say, arguments: {parameters: [{name: word, value: "{{steps.approve.outputs.parameters.stage}}"}]}}
  - name: approve
    inputs: {parameters: [{name: metrics}, {name: stage, default: "", enum: [canary, all]}]}
    outputs: {parameters: [{name: stage, valueFrom: {supplied: {}}}]}
    suspend: {}
  - name: say
    inputs: {parameters: [{name: word}]}
    container: {image: busybox, command: [echo], args: ["{{inputs.parameters.word}}"]}
"""  # noqa: E501


def box(page: Page, label: str) -> Any:
    return page.get_by_role("group", name=re.compile(rf"^{label}: ")).or_(
        page.locator(f".react-flow__node[aria-label^='{label}: ']")
    ).first


def test_a_link_signs_in_once(browser: Browser, platform: Platform) -> None:
    link = platform.command("console").stdout.strip()
    first = browser.new_context().new_page()
    first.goto(link)
    if first.get_by_role("button", name="Sign in to Pinnace").count():
        first.get_by_role("button", name="Sign in to Pinnace").click()
    expect(first.get_by_role("heading", name="Workflows", exact=True)).to_be_visible()
    assert "code=" not in first.url
    [cookie] = [c for c in first.context.cookies() if "pinnace" in c["name"].lower()]
    assert cookie["httpOnly"] and cookie["sameSite"] == "Strict" and not cookie["domain"].startswith(".")
    second = browser.new_context().new_page()
    second.goto(link)
    if second.get_by_role("button", name="Sign in to Pinnace").count():
        second.get_by_role("button", name="Sign in to Pinnace").click()
    expect(second.get_by_text("pinnace console")).to_be_visible()
    assert not second.context.cookies()
    first.context.close()
    second.context.close()


def test_without_a_session_the_console_says_how_to_sign_in(
    browser: Browser, platform: Platform, tmp_path: Path
) -> None:
    page = browser.new_context().new_page()
    page.goto(f"{platform.api.plain_url}/console/")
    expect(page.get_by_text("pinnace console").first).to_be_visible()
    page.screenshot(path=str(tmp_path / "not-signed-in.png"))
    page.context.close()


def test_an_empty_namespace_says_what_to_do(page: Page, platform: Platform, tmp_path: Path) -> None:
    platform.kubectl("create", "namespace", "quiet")
    page.get_by_label("Namespace").select_option("quiet")
    expect(page).to_have_url(re.compile("/console/quiet/workflows"))
    expect(page.get_by_text("pinnace run")).to_be_visible()
    page.screenshot(path=str(tmp_path / "empty.png"))
    page.get_by_role("link", name="Endpoints").click()
    expect(page.get_by_text("No model is in service yet")).to_be_visible()
    page.screenshot(path=str(tmp_path / "no-endpoints.png"))


def test_the_list_follows_a_run_live(page: Page, platform: Platform, tmp_path: Path) -> None:
    platform.kubectl("create", "-f", "-", text=workflow("live", DIAMOND))
    row = page.get_by_role("row", name=re.compile("live"))
    expect(row).to_contain_text("Running", timeout=10_000)
    page.screenshot(path=str(tmp_path / "list-running.png"))
    expect(row).to_contain_text("Succeeded", timeout=20_000)
    page.screenshot(path=str(tmp_path / "list.png"))
    platform.kubectl("delete", "workflow", "live")
    expect(row).to_have_count(0)


def test_the_graph_grows_boxes_and_edges_and_shows_logs(
    page: Page, platform: Platform, tmp_path: Path
) -> None:
    platform.kubectl("create", "-f", "-", text=workflow("graph", DIAMOND))
    page.get_by_role("link", name="graph", exact=True).click()
    expect(page.locator(".react-flow__node")).to_have_count(5, timeout=20_000)
    expect(page.locator(".react-flow__edge")).to_have_count(5)
    platform.kubectl("wait", "--for=condition=Completed", "workflow/graph", "--timeout=60s")
    expect(page.locator(".heading")).to_contain_text("Succeeded")
    page.screenshot(path=str(tmp_path / "graph.png"))
    box(page, "left").click()
    page.get_by_role("tab", name="Log").click()
    expect(page.locator(".log")).to_contain_text("said L")
    page.screenshot(path=str(tmp_path / "log.png"))
    box(page, "load").click()
    page.get_by_role("tab", name=re.compile("Output|In")).last.click()
    expect(page.locator(".panel")).to_contain_text("count")
    expect(page.locator(".panel")).to_contain_text("41")
    expect(page.locator(".panel")).to_contain_text("data")
    page.screenshot(path=str(tmp_path / "outputs.png"))


def test_a_failure_is_told_where_it_happened(page: Page, platform: Platform, tmp_path: Path) -> None:
    steps = """
  - {name: main, steps: [[{name: bad, template: bad}]]}
  - {name: bad, container: {image: busybox, command: [sh, -c, echo this went wrong; exit 3]}}
"""
    platform.run(workflow("broken", steps), check=False)
    page.get_by_role("link", name="broken", exact=True).click()
    box(page, "bad").click()
    expect(page.locator(".panel")).to_contain_text("exit code 3")
    page.screenshot(path=str(tmp_path / "failed.png"))


def test_a_suspended_step_is_approved_in_the_browser(
    page: Page, platform: Platform, tmp_path: Path
) -> None:
    platform.kubectl("create", "-f", "-", text=workflow("asking", ASKING))
    page.get_by_role("link", name="asking", exact=True).click()
    box(page, "approve").click()
    expect(page.get_by_text("metrics accuracy 97 %")).to_be_visible()
    page.screenshot(path=str(tmp_path / "approve.png"))
    page.get_by_role("combobox", name=re.compile("stage")).select_option("canary")
    page.get_by_role("button", name="Approve").click()
    expect(page.locator(".heading")).to_contain_text("Succeeded", timeout=20_000)
    selector = "workflows.argoproj.io/workflow=asking"
    assert platform.kubectl("logs", "-l", selector, "-c", "main") == "canary\n"
    page.screenshot(path=str(tmp_path / "approved.png"))


def test_an_unknown_workflow_and_an_unknown_page_say_so(page: Page, platform: Platform) -> None:
    """The 404 of the API is expected in the browser's log here, and nothing else."""
    page.goto(f"{platform.api.plain_url}/console/default/workflows/nobody")
    expect(page.get_by_text(re.compile("not found|no workflow", re.I)).first).to_be_visible()
    page.goto(f"{platform.api.plain_url}/console/default/nowhere")
    expect(page.get_by_text("There is no such page")).to_be_visible()


TRAIN = """
  - name: main
    script:
      image: pinnace/python-sklearn
      command: [python3]
      source: |
        import os, joblib
        from sklearn.linear_model import LogisticRegression
        os.makedirs("/tmp/model")
        joblib.dump(LogisticRegression().fit([[0.0], [1.0]], [0, 1]), "/tmp/model/model.joblib")
    outputs:
      artifacts: [{name: model, path: /tmp/model, archive: {none: {}}, s3: {key: models/tiny}}]
"""


def service(percent: str = "", note: str = "a") -> str:
    return f"""
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {{name: tiny}}
spec:
  predictor:
    {percent}
    model:
      modelFormat: {{name: sklearn}}
      storageUri: s3://artifacts/models/tiny
      env: [{{name: NOTE, value: {note}}}]
"""


def test_endpoints_show_a_canary_and_its_split(page: Page, platform: Platform, tmp_path: Path) -> None:
    platform.run(workflow("trains", TRAIN))
    platform.kubectl("apply", "-f", "-", text=service())
    platform.kubectl("wait", "--for=condition=Ready", "isvc/tiny", "--timeout=90s")
    platform.kubectl("apply", "-f", "-", text=service("canaryTrafficPercent: 10", "b"))

    def split() -> list[int]:
        status = platform.get("isvc", "tiny")["status"]
        traffic = status["components"]["predictor"].get("traffic", [])
        return sorted(t["percent"] for t in traffic if t.get("percent"))

    eventually(lambda: split() == [10, 90], "the canary")
    page.get_by_role("link", name="Endpoints").click()
    picture = page.get_by_role("img", name=re.compile("Traffic split"))
    expect(picture).to_have_attribute("aria-label", re.compile(r"00001 90 %.*00002 10 %"), timeout=10_000)
    expect(page.get_by_role("heading", name="tiny")).to_be_visible()
    expect(page.locator("article .mark")).to_contain_text("Ready")
    page.screenshot(path=str(tmp_path / "endpoints.png"))


def test_the_dark_page_is_dark(browser: Browser, platform: Platform, tmp_path: Path) -> None:
    platform.kubectl("create", "-f", "-", text=workflow("night", DIAMOND))
    platform.kubectl("wait", "--for=condition=Completed", "workflow/night", "--timeout=60s")
    page = sign_in(browser, platform, dark=True)
    page.get_by_role("link", name="night", exact=True).click()
    expect(page.locator(".react-flow__node")).to_have_count(5)
    ground = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    red, green, blue = (int(n) for n in re.findall(r"\d+", ground)[:3])
    assert red + green + blue < 150, ground
    page.screenshot(path=str(tmp_path / "dark.png"))
    page.context.close()


def test_everything_is_reached_by_the_keyboard(page: Page, platform: Platform) -> None:
    platform.run(workflow("keys", DIAMOND))
    expect(page.get_by_role("link", name="keys", exact=True)).to_be_visible()
    reached = []
    for _ in range(25):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement?.textContent?.trim().slice(0, 40) ?? ''"))
    assert reached[0] == "Skip to content"
    assert "Workflows" in reached and "Endpoints" in reached and "keys" in reached
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none"
    page.get_by_role("link", name="keys", exact=True).press("Enter")
    expect(page.locator(".react-flow__node")).to_have_count(5)
    box(page, "load").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".panel h2")).to_contain_text("load")


NAMELESS = """() => {
  const faults = [];
  const name = (e) => (e.getAttribute('aria-label') || e.getAttribute('title') || e.textContent || '').trim()
    || (e.labels && e.labels.length ? e.labels[0].textContent.trim() : '')
    || document.getElementById(e.getAttribute('aria-labelledby') || '-')?.textContent;
  for (const e of document.querySelectorAll('a, button, input, select, [role=tab], [role=img]'))
    if (!name(e) && e.checkVisibility()) faults.push(e.outerHTML.slice(0, 120));
  for (const e of document.querySelectorAll('img')) if (!e.hasAttribute('alt')) faults.push(e.outerHTML);
  const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);
  for (const id of new Set(ids)) if (ids.filter((i) => i === id).length > 1) faults.push('twice: #' + id);
  for (const one of ['h1', 'main'])
    if (document.querySelectorAll(one).length !== 1) faults.push('not exactly one ' + one);
  if (!document.documentElement.lang) faults.push('no lang');
  if (!document.title) faults.push('no title');
  for (const th of document.querySelectorAll('th')) if (!th.textContent.trim()) faults.push('empty th');
  return faults;
}"""


@pytest.mark.parametrize("path", ["workflows", "workflows/keys", "endpoints"])
def test_everything_has_a_role_and_a_name(page: Page, platform: Platform, path: str) -> None:
    if "not found" in platform.kubectl("get", "workflow", "keys", check=False):
        platform.run(workflow("keys", DIAMOND))
    page.goto(f"{platform.api.plain_url}/console/default/{path}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    if path.endswith("keys"):
        expect(page.locator(".react-flow__node")).to_have_count(5)
    assert page.evaluate(NAMELESS) == []


def test_a_wide_loop_shares_one_box(page: Page, platform: Platform, tmp_path: Path) -> None:
    fan = """
  - name: main
    steps: [[{name: many, template: one, withSequence: {count: "60"}}]]
  - {name: one, container: {image: busybox, command: ["true"]}}
"""
    platform.run(workflow("fan", fan))
    page.get_by_role("link", name="fan", exact=True).click()
    expect(page.locator(".react-flow__node")).to_have_count(2)
    expect(page.locator(".react-flow__node").last).to_contain_text("60 succeeded")
    box(page, "many").click()
    page.screenshot(path=str(tmp_path / "fan.png"))
