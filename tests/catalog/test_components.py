"""Every shipped component runs for real, and its numbers are what it says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pinnace.authoring import ports
from pinnace.cli.catalog.shipped import untouched
from tests.catalog.drawing import KNOWN, Drawing, expected, results, within
from tests.e2e.platform import Platform, eventually

pytestmark = pytest.mark.timeout(900)
FOREIGN = ("xgboost", "lightgbm", "torch", "pytorch")
HEAVY = {"data-mnist-5k"} | {name for name in KNOWN if name.split("-")[1] in FOREIGN}
LIGHT = sorted(name for name in KNOWN if name.startswith("train-") and name not in HEAVY)
TABLE = "id,colour,size,target\n1,red,2,yes\n2,blue,,no\n3,red,4,yes\n4,green,1,no\n"


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    instance = Platform(tmp_path_factory.mktemp("catalog"))
    try:
        instance.up()
        eventually(lambda: len(instance.get("cwft")["items"]) == len(KNOWN), "the catalogue")
        yield instance
    finally:
        instance.down()


def run(platform: Platform, drawing: Drawing, name: str, timeout: float = 600) -> dict[str, dict[str, str]]:
    platform.command("run", "-", text=json.dumps(drawing.workflow(name)), timeout=timeout)
    return results(platform.get("wf", name))


def pairs(trainer: str) -> list[tuple[str, str, list[float]]]:
    """Dataset, metric and range that a trainer promises."""
    held = expected(trainer)
    return [(data, metric, limits) for data in held for metric, limits in held[data].items()]


def trained(
    drawing: Drawing, trainers: list[str], *, most: int = 9
) -> dict[str, tuple[str, list[float]]]:
    """Draws data, split, training and evaluation of each promise; the evaluating task → what is promised.
    `most`: of so many promises of a trainer."""
    promised = {}
    for trainer in trainers:
        for data, metric, limits in pairs(trainer)[:most]:
            source, split = data.removeprefix("data-"), f"split-{data.removeprefix('data-')}"
            if source not in {task["name"] for task in drawing.tasks}:
                drawing.put(source, data)
                drawing.put(split, "transform-split", {"table": f"{source}.table"})
            end = f"{trainer.removeprefix('train-')}-{source}"
            takes = {one["name"] for one in KNOWN[trainer]["spec"]["templates"][0]["inputs"]["parameters"]}
            task = {"task": "regression" if metric == "r2" else "classification"} if "task" in takes else {}
            drawing.put(f"{end}-train", trainer, {"train": f"{split}.train"}, **task)
            judge = "evaluate-regression" if metric == "r2" else "evaluate-classification"
            made = ports.of(KNOWN[trainer], trainer).outputs[0].types[0].removeprefix("model/")
            wires = {"test": f"{split}.test", "model": f"{end}-train.model"}
            if made != "sklearn":
                said = {"table": wires["test"], "model": wires["model"]}
                drawing.put(f"{end}-say", f"predict-{made}", said)
                wires = {"test": f"{end}-say.predictions"}
            drawing.put(f"{end}-judge", judge, wires)
            promised[f"{end}-judge"] = (metric, limits)
    return promised


def sources(drawing: Drawing) -> dict[str, dict[str, list[float]]]:
    return {
        task["name"]: expected(task["templateRef"]["name"])
        for task in drawing.tasks if task["templateRef"]["name"].startswith("data-")
    }


def kept(found: dict[str, dict[str, str]], drawing: Drawing, promised: dict[str, Any]) -> list[str]:
    """The promises that are not kept."""
    wrong = [
        f"{task}: {metric} {found[task].get(metric)} is not within {limits}"
        for task, (metric, limits) in promised.items() if not within(found[task].get(metric, "nan"), limits)
    ]
    for task, held in sources(drawing).items():
        wrong += [
            f"{task}: {name} {found[task].get(name)} is not within {limits}"
            for name, limits in held.items() if not within(found[task].get(name, "nan"), limits)
        ]
    return wrong


def light() -> tuple[Drawing, dict[str, Any]]:
    drawing = Drawing()
    promised = trained(drawing, LIGHT, most=1)
    drawing.put("iris", "data-iris")
    drawing.put("scaled", "transform-scale", {"train": "iris.table"}, method="min-max")
    given = {"model": "logistic-regression-digits-train.model", "table": "split-digits.test"}
    drawing.put("said", "predict-sklearn", given)
    drawing.put("judged", "evaluate-classification", {"test": "said.predictions"})
    drawing.put("csv", "data-csv", key="tables/colours.csv")
    drawing.put("encoded", "transform-encode", {"table": "csv.table"})
    drawing.put("joined", "transform-join", {"left": "csv.table", "right": "encoded.table"}, on="id")
    return drawing, promised


def heavy() -> tuple[Drawing, dict[str, Any]]:
    drawing = Drawing()
    promised = trained(drawing, sorted(n for n in KNOWN if n.startswith("train-")))
    drawing.put("mnist", "data-mnist-5k")
    return drawing, promised


def serving() -> Drawing:
    drawing = Drawing()
    drawing.put("data", "data-wine")
    drawing.put("train", "train-random-forest", {"train": "data.table"}, trees=10)
    drawing.put("judge", "evaluate-classification", {"model": "train.model", "test": "data.table"})
    kept = {"model": "train.model", "metrics": "judge.metrics"}
    drawing.put("register", "serve-register", kept, name="wine")
    drawing.put("approve", "serve-approve", {"metrics": "judge.accuracy"})
    drawing.put("deploy", "serve-deploy", {"registered": "register.registered"}, endpoint="wine")
    drawing.tasks[-1]["depends"] = "register && approve"
    return drawing


def test_these_runs_use_every_component() -> None:
    assert light()[0].used() | heavy()[0].used() | serving().used() == set(KNOWN)


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_a_component_is_one_template_that_says_what_it_is(name: str) -> None:
    notes, spec = KNOWN[name]["metadata"]["annotations"], KNOWN[name]["spec"]
    assert [one["name"] for one in spec["templates"]] == [name] == [spec["entrypoint"]]
    assert notes["pinnace.dev/group"] in ports.rule().groups
    assert notes["workflows.argoproj.io/description"].endswith(".")
    found, said = ports.of(KNOWN[name], name), json.loads(notes[ports.ANNOTATION])
    for side in ("inputs", "outputs"):
        every = {port.name: port for port in getattr(found, side)}
        assert set(said.get(side, {})) <= set(every), f"{side} that the template does not have"
        assert all(each in ports.rule().types for port in every.values() for each in port.types)
        asked = [port for port in every.values() if side == "inputs" and port.kind == ports.PARAMETER]
        assert all(port.description for port in asked)
        assert ports.ANY not in {each for port in every.values() for each in port.types} or name == "data-csv"


@pytest.mark.slow
def test_the_scikit_learn_components_keep_their_promises(platform: Platform, tmp_path: Path) -> None:
    kept_as = {"s3": {"key": "tables/colours.csv"}, "archive": {"none": {}}}
    store = {
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "store"},
        "spec": {"entrypoint": "main", "templates": [{
            "name": "main",
            "inputs": {"artifacts": [{"name": "in", "path": "/tmp/in.csv", "raw": {"data": TABLE}}]},
            "container": {"image": "alpine", "command": ["cp", "/tmp/in.csv", "/tmp/out.csv"]},
            "outputs": {"artifacts": [{"name": "out", "path": "/tmp/out.csv", **kept_as}]},
        }]},
    }
    platform.command("run", "-", text=json.dumps(store))
    drawing, promised = light()
    found = run(platform, drawing, "light")
    assert kept(found, drawing, promised) == []
    assert (found["csv"]["rows"], found["csv"]["columns"]) == ("4", "4")
    assert found["judged"] == found["logistic-regression-digits-judge"]


@pytest.mark.slow
def test_a_model_is_registered_approved_and_deployed(platform: Platform) -> None:
    platform.kubectl("create", "-f", "-", text=json.dumps(serving().workflow("wine-run")))

    def waits() -> bool:
        nodes = (platform.get("wf", "wine-run").get("status") or {}).get("nodes") or {}
        return any(one["displayName"] == "approve" and one["phase"] == "Running" for one in nodes.values())

    eventually(waits, "the approval", within=300)
    platform.command("workflow", "resume", "wine-run")

    def ended() -> bool:
        phase = (platform.get("wf", "wine-run").get("status") or {}).get("phase")
        return phase in ("Succeeded", "Failed", "Error")

    eventually(ended, "the end", within=300)
    found = results(platform.get("wf", "wine-run"))
    assert json.loads(found["register"]["registered"])["framework"] == "sklearn"
    assert found["deploy"]["url"].startswith("http://wine.")
    assert "wine" in platform.command("models", "wine").stdout


def test_what_stands_there_is_what_was_shipped_until_somebody_edits_it(platform: Platform) -> None:
    assert all(untouched(one) for one in platform.get("cwft")["items"])
    title = "workflows.argoproj.io/title"
    platform.kubectl("annotate", "cwft", "data-iris", f"{title}=Mine", "--overwrite")
    assert not untouched(platform.get("cwft", "data-iris"))
    platform.kubectl("delete", "cwft", "data-wine")
    platform.command("catalog", "install")
    assert platform.get("cwft", "data-iris")["metadata"]["annotations"][title] == "Mine"
    assert untouched(platform.get("cwft", "data-wine"))
    platform.command("catalog", "install", "data-iris", "--force")
    assert untouched(platform.get("cwft", "data-iris"))


@pytest.mark.heavy
@pytest.mark.timeout(1200)
def test_every_promise_is_kept_with_other_frameworks_too(platform: Platform) -> None:
    drawing, promised = heavy()
    assert kept(run(platform, drawing, "heavy", timeout=1100), drawing, promised) == []
