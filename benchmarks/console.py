"""The console in headless Chromium: frames while a running workflow is moved about, how soon a change is
seen, and what the first page costs.

A run of N nodes: suspended steps without a process, so that the machine's time belongs to the browser; the
last of them end one after the other while the graph is panned.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.figure import Figure
from benchmarks.home import running
from pinnace.cli.connection import Connection

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WORKFLOWS = "/apis/argoproj.io/v1alpha1/namespaces/default/workflows"
WIDTH = 50
"""Tasks of a layer: a DAG of its own, since upstream allows 200 tasks in one."""
SECONDS = 6.0
CHANGES = 12
LANDING_KB, INTERACTIVE, SEEN = 300.0, 1.0, 300.0
TARGETS = {500: 60, 5000: 30}
WITHIN = 120.0
"""Seconds after which what is waited for is taken never to come."""
ALMOST = 0.95
"""A screen of 60 Hz gives 59.9: a frame in twenty may be late."""

FRAMES = """(seconds) => new Promise((done) => {
  const at = [];
  const tick = (now) => {
    at.push(now);
    if (now - at[0] < seconds * 1000) requestAnimationFrame(tick);
    else done((at.length - 1) / ((now - at[0]) / 1000));
  };
  requestAnimationFrame(tick);
})"""
WATCH = """() => {
  const canvas = document.querySelector('.big-graph canvas');
  window.shown = 0;
  new MutationObserver(() => {
    const waits = Number(/waits:(\\d+)/.exec(canvas.dataset.states)?.[1] ?? 0);
    if (waits !== window.waited) { window.waited = waits; window.shown = Date.now(); }
  }).observe(canvas, { attributes: true });
}"""
NEXT = """([before, within]) => new Promise((done, fail) => {
  const began = Date.now();
  const look = () => {
    if (window.shown > before) done(window.shown);
    else if (Date.now() - began > within * 1000) fail(new Error(`not seen within ${within} seconds`));
    else setTimeout(look, 5);
  };
  look();
})"""
LANDED = """() => {
  const scripts = performance.getEntriesByType('resource').filter((r) => /\\.js(\\?|$)/.test(r.name));
  return scripts.reduce((sum, r) => sum + r.transferSize, 0);
}"""


def document(count: int) -> dict[str, Any]:
    """Layers of suspended tasks, one after the other; only those of the last one wait for somebody."""
    layers = count // (WIDTH + 1)
    chain = [
        {"name": f"layer-{i}", "template": "hold" if i == layers - 1 else "pass",
         **({"depends": f"layer-{i - 1}"} if i else {})}
        for i in range(layers)
    ]
    return {
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": f"nodes-{count}"},
        "spec": {"entrypoint": "main", "templates": [
            {"name": "main", "dag": {"tasks": chain}}, layer("pass", "soon"), layer("hold", "held"),
            {"name": "soon", "suspend": {"duration": "0"}}, {"name": "held", "suspend": {}},
        ]},
    }


def layer(name: str, of: str) -> dict[str, Any]:
    return {"name": name, "dag": {"tasks": [{"name": f"step-{i}", "template": of} for i in range(WIDTH)]}}


def until_waiting(connection: Connection, count: int) -> list[str]:
    """The ids of the last layer's nodes, once all of them stand and wait. TimeoutError: they never do."""
    deadline = time.monotonic() + WITHIN
    while time.monotonic() < deadline:
        body = json.loads(connection.request("GET", f"{WORKFLOWS}/nodes-{count}"))
        nodes = body.get("status", {}).get("nodes", {})
        held = [k for k, n in nodes.items() if n.get("templateName") == "held" and n["phase"] == "Running"]
        if len(held) == WIDTH:
            return held
        time.sleep(0.5)
    raise TimeoutError(f"nodes-{count}: {len(held)} of {WIDTH} nodes wait after {WITHIN:.0f} seconds")


def end(connection: Connection, count: int, node: str) -> None:
    change = {"status": {"nodes": {node: {"phase": "Succeeded", "finishedAt": "2026-01-01T00:00:00Z"}}}}
    connection.request("PATCH", f"{WORKFLOWS}/nodes-{count}", change, "application/merge-patch+json")


@contextmanager
def changing(connection: Connection, count: int, nodes: list[str]) -> Iterator[None]:
    """Some nodes end while the body runs: about three a second."""
    stop = threading.Event()

    def work() -> None:
        for node in nodes:
            if stop.wait(0.3):
                return
            end(connection, count, node)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def panned(page: Page) -> None:
    """A pointer that drags the graph to and fro, made in the page so that its pace is the page's."""
    page.evaluate("""() => {
      const canvas = document.querySelector('.big-graph canvas');
      const { left, top, width, height } = canvas.getBoundingClientRect();
      const send = (kind, x, y) => canvas.dispatchEvent(new PointerEvent(kind, {
        clientX: x, clientY: y, pointerId: 1, button: 0, bubbles: true }));
      canvas.setPointerCapture = () => {};
      let step = 0;
      send('pointerdown', left + width / 2, top + height / 2);
      const move = () => {
        step += 1;
        const x = left + width / 2 + 200 * Math.sin(step / 20);
        send('pointermove', x, top + height / 2 + 120 * Math.cos(step / 25));
        requestAnimationFrame(move);
      };
      requestAnimationFrame(move);
    }""")


def frames(page: Page, connection: Connection, count: int, nodes: list[str]) -> float:
    with changing(connection, count, nodes):
        panned(page)
        return float(page.evaluate(FRAMES, SECONDS))


def delays(page: Page, connection: Connection, count: int, nodes: list[str]) -> list[float]:
    """Milliseconds from the request that ends a node to the canvas that shows it: its commit and all between.
    (Of a big run the canvas is often faster than the answer to the request.)"""
    page.evaluate(WATCH)
    found = []
    for node in nodes:
        before = page.evaluate("window.shown")
        asked = time.time() * 1000
        end(connection, count, node)
        found.append(float(page.evaluate(NEXT, [before, WITHIN])) - asked)
    return found


def of_a_run(page: Page, base: str, connection: Connection, count: int) -> list[Figure]:
    connection.request("POST", WORKFLOWS, document(count))
    held = until_waiting(connection, count)
    page.goto(f"{base}/console/default/workflows/nodes-{count}?view=graph&node=nodes-{count}")
    page.locator(f".big-graph canvas[data-states*='waits:{WIDTH}']").wait_for(timeout=WITHIN * 1000)
    seen = delays(page, connection, count, held[:CHANGES])
    rate = frames(page, connection, count, held[CHANGES:])
    target = TARGETS.get(count, 30)
    return [
        Figure(f"console: frames/s while a running {count}-node workflow is panned and changes",
               f"≥ {target}", f"{rate:.1f}", rate >= target * ALMOST),
        Figure(f"console: a node's change seen, {count} nodes", f"≤ {SEEN:.0f} ms",
               f"{median(seen):.0f} ms (most {max(seen):.0f})", max(seen) <= SEEN),
    ]


def fresh(browser: Browser, signed_in: Page) -> Page:
    """A browser that never was here, but for its session."""
    return browser.new_context(storage_state=signed_in.context.storage_state()).new_page()


def landing(browser: Browser, signed_in: Page, base: str) -> list[Figure]:
    """The start page as a browser has it that never was here: bytes on the wire, time until it is of use."""
    times = []
    for _ in range(5):
        page = fresh(browser, signed_in)
        began = time.monotonic()
        page.goto(f"{base}/console/default", wait_until="commit")
        page.get_by_role("heading", level=1).wait_for()
        times.append(time.monotonic() - began)
        page.wait_for_load_state("networkidle")
        kilobytes = page.evaluate(LANDED) / 1000
        page.context.close()
    return [
        Figure("console: script of the first page on the wire", f"≤ {LANDING_KB:.0f} kB",
               f"{kilobytes:.0f} kB", kilobytes <= LANDING_KB),
        Figure("console: the first page is of use", f"≤ {INTERACTIVE:.0f} s",
               f"{median(times):.2f} s", median(times) <= INTERACTIVE),
    ]


def measure(*, quick: bool = False) -> list[Figure]:
    from tests.e2e.browser import chromium, sign_in
    from tests.e2e.platform import Platform

    with running("process") as home, chromium() as browser:
        connection = Connection.to(home)
        base = connection.plain_url
        page = sign_in(browser, Platform(home.root))
        found = landing(browser, page, base)
        for count in (500,) if quick else (500, 5000):
            found += of_a_run(page, base, connection, count)
        page.context.close()
    return found
