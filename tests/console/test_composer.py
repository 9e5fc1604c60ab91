"""The composer with the mouse alone and with the keyboard alone, on components of this test's own."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.sync_api import Locator, Page, expect

from tests.console.conftest import Visit, Window, violations
from tests.e2e.platform import Platform, eventually

pytestmark = [pytest.mark.serial, pytest.mark.slow]


Obj = dict[str, Any]


def component(name: str, title: str, group: str, template: Obj, ports: Obj) -> Obj:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "WorkflowTemplate",
        "metadata": {
            "name": name,
            "annotations": {
                "workflows.argoproj.io/title": title,
                "pinnace.dev/group": group,
                "pinnace.dev/ports": json.dumps(ports),
            },
        },
        "spec": {"entrypoint": name, "templates": [{"name": name, **template}]},
    }


def shell(script: str, inputs: Obj | None = None, outputs: Obj | None = None) -> Obj:
    made: Obj = {"container": {"image": "busybox", "command": ["sh", "-c", script]}}
    return {**made, **({"inputs": inputs} if inputs else {}), **({"outputs": outputs} if outputs else {})}


def files(**paths: str) -> list[Obj]:
    return [{"name": name, "path": path} for name, path in paths.items()]


COMPONENTS = [
    component(
        "toy-numbers", "Toy numbers", "Data sources",
        shell(
            "seq {{inputs.parameters.rows}} > /tmp/table",
            {"parameters": [{"name": "rows", "default": "10", "description": "How many"}]},
            {"artifacts": files(table="/tmp/table")},
        ),
        {"inputs": {"rows": {"type": "integer", "minimum": 1}}, "outputs": {"table": {"type": "table"}}},
    ),
    component(
        "toy-split", "Toy split", "Transformers",
        shell(
            "head -n 3 /tmp/in > /tmp/a; tail -n +4 /tmp/in > /tmp/b",
            {"artifacts": files(table="/tmp/in")}, {"artifacts": files(train="/tmp/a", test="/tmp/b")},
        ),
        {
            "inputs": {"table": {"type": "table"}},
            "outputs": {"train": {"type": "table"}, "test": {"type": "table"}},
        },
    ),
    component(
        "toy-train", "Toy train", "Models",
        shell(
            "wc -l < /tmp/in > /tmp/m",
            {"artifacts": files(train="/tmp/in")}, {"artifacts": files(model="/tmp/m")},
        ),
        {"inputs": {"train": {"type": "table"}}, "outputs": {"model": {"type": "model/sklearn"}}},
    ),
    component(
        "toy-judge", "Toy judge", "Evaluation",
        shell(
            "echo judged $(wc -l < /tmp/t) rows with $(cat /tmp/m)",
            {"artifacts": files(model="/tmp/m", test="/tmp/t")},
        ),
        {"inputs": {"model": {"type": "model/sklearn"}, "test": {"type": "table"}}},
    ),
]

BY_HAND = """# how it was
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: by-hand-}   # kept
spec:
  entrypoint: main
  templates:
  - name: main
    dag:
      tasks:
      - {name: one, template: say}
      - {name: two, template: say, depends: one, withItems: [1, 2]}
      - {name: three, template: say, depends: two.Failed}
  - name: say
    container: {image: busybox, command: [echo, hello]}
"""


@pytest.fixture(scope="module", autouse=True)
def components(platform: Platform, namespace: str) -> None:
    text = yaml.safe_dump_all(COMPONENTS)
    platform.kubectl("apply", "-n", namespace, "-f", "-", text=text)


def node(page: Page, name: str) -> Locator:
    return page.locator(f'.react-flow__node[data-id="{name}"]')


def port(page: Page, name: str, side: str) -> Locator:
    step, _, which = name.partition(".")
    return node(page, step).locator(f'.react-flow__handle[data-handleid="{side}/{which}"]')


def edges(page: Page) -> Locator:
    return page.locator(".react-flow__edge")


def wire(page: Page, first: str, second: str) -> None:
    """Drags from an output to an input, as a hand does."""
    start, end = port(page, first, "o").bounding_box(), port(page, second, "i").bounding_box()
    assert start and end
    page.mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] / 2)
    page.mouse.down()
    page.mouse.move(end["x"] - 12, end["y"] - 12, steps=5)
    page.mouse.move(end["x"] + end["width"] / 2, end["y"] + end["height"] / 2, steps=3)
    page.mouse.up()


def fresh(visit: Visit, namespace: str) -> Page:
    page = visit(f"{namespace}/composer")
    page.get_by_role("button", name="New workflow").click()
    expect(page.locator(".react-flow__pane")).to_be_visible()
    return page


def document(page: Page) -> Any:
    """The draft, as this browser keeps it."""
    name = page.url.partition("?")[0].rpartition("/")[2]
    draft = page.evaluate(f"localStorage.getItem('pinnace.composer.draft/{name}')")
    return yaml.safe_load(json.loads(draft)["text"]) if draft else {}


def line(page: Page, ends: str) -> Locator:
    """An edge by its ends: `toy-split.train→toy-train.train`."""
    return page.locator(f'.react-flow__edge[data-id="{ends}"]')


def move_end(page: Page, first: str, second: str) -> None:
    """Drags the beginning of the line at one output to another output."""
    start, end = port(page, first, "o").bounding_box(), port(page, second, "o").bounding_box()
    assert start and end
    page.mouse.move(start["x"] + start["width"] / 2 + 16, start["y"] + start["height"] / 2)
    page.mouse.down()
    page.mouse.move(start["x"] + 60, start["y"] + 40, steps=5)
    page.mouse.move(end["x"] + end["width"] / 2, end["y"] + end["height"] / 2, steps=5)
    page.mouse.up()


def rearranged(page: Page) -> None:
    """A step out of a chain, whose neighbours join; into the line again; an end of a line moves; a row."""
    node(page, "toy-split").click()
    page.keyboard.press("Delete")
    page.get_by_text("Delete it and join toy-numbers to toy-train").click()
    expect(line(page, "toy-numbers.table→toy-train.train")).to_have_count(1)
    start = port(page, "toy-numbers.table", "o").bounding_box()
    end = port(page, "toy-train.train", "i").bounding_box()
    pane = page.locator(".react-flow__pane")
    around = pane.bounding_box()
    assert start and end and around
    middle: Any = {way: (start[way] + end[way] + 11) / 2 - around[way] for way in ("x", "y")}
    shelf = page.get_by_label("Components", exact=True).last
    shelf.get_by_role("button", name="Toy split").drag_to(pane, target_position=middle, force=True)
    expect(line(page, "toy-split.train→toy-train.train")).to_have_count(1)
    expect(line(page, "toy-numbers.table→toy-split.table")).to_have_count(1)
    move_end(page, "toy-split.train", "toy-split.test")
    expect(line(page, "toy-split.test→toy-train.train")).to_have_count(1)
    page.keyboard.press("Control+z")
    expect(line(page, "toy-split.train→toy-train.train")).to_have_count(1)
    page.keyboard.press("Control+a")
    page.get_by_role("button", name="Align the chosen steps").click()
    page.get_by_role("menuitem", name="Align left").click()
    steps = [node(page, name) for name in ("toy-numbers", "toy-split", "toy-train", "toy-judge")]
    eventually(lambda: len({box["x"] for each in steps if (box := each.bounding_box())}) == 1, "one left")
    page.keyboard.press("Control+z")


def test_a_pipeline_is_drawn_with_the_mouse_and_runs(
    visit: Visit, namespace: str, platform: Platform, tmp_path: Path
) -> None:
    page = fresh(visit, namespace)
    page.set_viewport_size({"width": 1600, "height": 900})
    canvas = page.locator(".react-flow__pane")
    shelf = page.get_by_label("Components", exact=True).last
    for number, title in enumerate(["Toy numbers", "Toy split", "Toy train", "Toy judge"]):
        where: Any = {"x": 220 + number % 2 * 380, "y": 120 + number // 2 * 260}
        shelf.get_by_role("button", name=title).drag_to(canvas, target_position=where)
        expect(page.locator(".react-flow__node")).to_have_count(number + 1)
    wire(page, "toy-numbers.table", "toy-split.table")
    expect(edges(page)).to_have_count(1)
    wire(page, "toy-numbers.table", "toy-judge.model")
    expect(page.get_by_text("Table does not fit: scikit-learn model is needed").first).to_be_visible()
    expect(edges(page)).to_have_count(1)
    wire(page, "toy-split.train", "toy-train.train")
    expect(edges(page)).to_have_count(2)
    rearranged(page)
    wire(page, "toy-train.model", "toy-judge.model")
    expect(edges(page)).to_have_count(3)
    wire(page, "toy-split.test", "toy-judge.test")
    expect(edges(page)).to_have_count(4)

    node(page, "toy-numbers").click()
    page.get_by_label("rows", exact=True).fill("5")
    page.get_by_label("rows", exact=True).press("Enter")
    eventually(lambda: '"value": "5"' in json.dumps(document(page)), "the parameter in the document")
    page.get_by_role("button", name="Undo: Set rows").click()
    expect(page.get_by_label("rows", exact=True)).to_have_value("")
    page.get_by_role("button", name="Redo: Set rows").click()
    expect(page.get_by_label("rows", exact=True)).to_have_value("5")
    page.get_by_role("tab", name="To mend").click()
    expect(page.get_by_text("Nothing to mend")).to_be_visible()
    page.get_by_role("tab", name="Properties").click()
    page.screenshot(path=str(tmp_path / "drawn.png"))
    assert violations(page) == []

    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_label("The run that is shown").get_by_text("Succeeded")).to_be_visible(timeout=60_000)
    node(page, "toy-judge").click()
    expect(page.locator(".log")).to_contain_text("judged 2 rows with 3")
    page.screenshot(path=str(tmp_path / "ran.png"))
    tasks = {task["name"]: task for task in document(page)["spec"]["templates"][0]["dag"]["tasks"]}
    assert tasks["toy-judge"]["depends"] in ("toy-train", "toy-train && toy-split")
    run = page.get_by_label("The run that is shown").get_by_role("link").inner_text()
    assert platform.get("workflow", run, "-n", namespace)["status"]["phase"] == "Succeeded"


def choose(page: Page, key: str, words: str) -> None:
    """What a key asks for, answered by typing; the drawing then has the keys again."""
    drawing = page.locator("[data-drawing]")
    expect(drawing).to_be_focused()
    page.keyboard.press(key)
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.type(words)
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(drawing).to_be_focused()


def test_a_document_is_built_run_and_approved_with_the_keyboard_alone(visit: Visit, namespace: str) -> None:
    page = visit(f"{namespace}/composer")
    page.get_by_role("button", name="New workflow").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing is drawn yet")).to_be_visible()
    said = page.locator("[data-drawing] > [role=status]")
    choose(page, "a", "Toy numbers")
    choose(page, "c", "Toy split")
    expect(line(page, "toy-numbers.table→toy-split.table")).to_have_count(1)
    choose(page, "a", "fresh/approval")
    expect(node(page, "approval")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(said).to_contain_text("toy-split, Toy split, after toy-numbers")
    choose(page, "c", "approval order only")
    expect(edges(page)).to_have_count(2)
    choose(page, "a", "Toy train")
    choose(page, "Shift+C", "toy-split train")
    expect(line(page, "toy-split.train→toy-train.train")).to_have_count(1)
    page.keyboard.press("Control+g")
    expect(said).to_contain_text("group")
    page.keyboard.press("o")
    expect(page.get_by_label("Opened templates")).to_contain_text("group")
    expect(node(page, "toy-train")).to_be_visible()
    page.keyboard.press("Escape")
    expect(node(page, "group")).to_be_visible()
    page.keyboard.press("Control+z")
    expect(node(page, "toy-train")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_text("connect what the chosen step needs")).to_be_visible()
    page.keyboard.press("Escape")

    page.get_by_role("button", name="List").press("Enter")
    steps = page.get_by_role("list", name=re.compile("Steps in the order")).get_by_role("listitem")
    expect(steps).to_have_count(4)
    expect(steps.filter(has_text="Toy split")).to_contain_text("gets table of toy-numbers")
    expect(steps.filter(has_text="approval")).to_contain_text("after toy-split")
    assert violations(page) == []
    steps.filter(has_text="approval").get_by_role("button").first.press("Enter")
    expect(said).to_contain_text("approval")
    page.keyboard.press("Control+Enter")
    shown = page.get_by_label("The run that is shown")
    shown.get_by_role("button", name=re.compile("^Approve ")).focus(timeout=60_000)
    page.keyboard.press("Enter")
    page.get_by_role("dialog").get_by_role("button", name="Approve", exact=True).press("Enter")
    expect(page.get_by_label("The run that is shown").get_by_text("Succeeded")).to_be_visible(timeout=60_000)


def test_a_file_written_by_hand_opens_laid_out_and_keeps_its_hand(
    visit: Visit, namespace: str, tmp_path: Path
) -> None:
    page = visit(f"{namespace}/composer")
    (tmp_path / "by-hand.yaml").write_text(BY_HAND)
    page.get_by_label("A file with YAML or JSON").set_input_files(tmp_path / "by-hand.yaml")
    expect(page.locator(".react-flow__node")).to_have_count(3)
    expect(edges(page)).to_have_count(2)
    boxes = [node(page, name).bounding_box() for name in ("one", "two", "three")]
    lefts = [box["x"] for box in boxes if box]
    assert lefts == sorted(lefts) and len(set(lefts)) == 3
    expect(page.get_by_text("if it fails")).to_be_visible()
    page.get_by_role("tab", name="YAML").click()
    editor = page.get_by_label("Document, YAML")
    expect(editor).to_contain_text("# kept")
    editor.press("Control+End")
    page.keyboard.type("  - : [")
    expect(page.get_by_text("The picture is the last one that could be read")).to_be_visible()
    expect(page.locator(".react-flow__node")).to_have_count(3)
    editor.press("Control+z")
    expect(page.get_by_text("The picture is the last one")).to_have_count(0)
    page.locator("[data-drawing]").focus()
    page.keyboard.press("Control+a")
    page.keyboard.press("Control+g")
    expect(node(page, "group")).to_be_visible()
    expect(editor).to_contain_text("metadata: {generateName: by-hand-}   # kept")
    page.reload()
    expect(node(page, "group")).to_be_visible()


def test_who_saves_second_is_told_first(
    windows: Callable[..., Window], namespace: str, platform: Platform
) -> None:
    window = windows(f"{namespace}/composer/WorkflowTemplate/toy-split")
    page = window.page
    expect(page.locator(".react-flow__node")).to_have_count(1)
    platform.kubectl("label", "workflowtemplate", "toy-split", "-n", namespace, "theirs=yes")
    page.get_by_role("button", name="Add a note").click()
    page.get_by_role("textbox", name="Note").fill("mine")
    page.get_by_role("textbox", name="Note").blur()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Somebody else has saved it meanwhile")).to_be_visible()
    window.expected("409")
    assert "mine" not in json.dumps(platform.get("workflowtemplate", "toy-split", "-n", namespace))
    page.get_by_role("button", name="Replace theirs with yours").click()
    expect(page.get_by_text("saved", exact=True)).to_be_visible()
    assert "mine" in json.dumps(platform.get("workflowtemplate", "toy-split", "-n", namespace))


def test_two_windows_are_told_of_each_other(
    windows: Callable[..., Window], namespace: str, platform: Platform
) -> None:
    path = f"{namespace}/composer/WorkflowTemplate/toy-numbers"
    first, second = windows(path).page, windows(path, dark=True).page
    for page in (first, second):
        expect(node(page, "toy-numbers")).to_be_visible()
    written(second, "theirs")
    second.get_by_role("button", name="Save").click()
    news = first.get_by_label("In other hands")
    expect(news).to_contain_text("You, in another window, saved a newer version")
    written(first, "mine")
    first.get_by_role("button", name="Merge with mine").click()
    expect(first.locator(".note")).to_have_count(2)
    expect(news).to_have_count(0)
    first.get_by_role("button", name="Save").click()
    expect(first.get_by_text("saved", exact=True)).to_be_visible()
    second.get_by_role("button", name="See the difference").click()
    expect(second.get_by_role("dialog", name="What differs")).to_contain_text("mine")
    second.keyboard.press("Escape")
    assert violations(second) == []
    second.get_by_role("button", name="Take theirs").click()
    expect(second.locator(".note")).to_have_count(2)
    # Windows of one browser share the draft.
    third = windows(path).page
    expect(third.locator(".note")).to_have_count(2)
    written(third, "shared")
    expect(first.locator(".note")).to_have_count(3)
    platform.kubectl("delete", "workflowtemplate", "toy-numbers", "-n", namespace)
    expect(second.get_by_label("In other hands")).to_contain_text("was deleted")
    second.get_by_role("button", name="Save it anew").click()
    expect(second.get_by_label("In other hands")).to_have_count(0)
    assert "theirs" in json.dumps(platform.get("workflowtemplate", "toy-numbers", "-n", namespace))


def written(page: Page, text: str) -> None:
    """A further note."""
    page.get_by_role("button", name="Add a note").click()
    note = page.locator(".note").last.get_by_role("textbox", name="Note")
    expect(note).to_have_value("")
    note.fill(text)
    note.blur()
