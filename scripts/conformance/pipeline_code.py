"""`python -m scripts.conformance.pipeline_code`: pipelines as Python and back, against the SDK itself.

Programs: every compiled pipeline of the corpus, and every one that the SDK's own tests define, is written as
Python, compiled by the SDK, and compared with what it was. Components: every function that these tests
decorate is read off its source, and compared with what the SDK made of it, to the letter.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from pinnace.authoring.kfp import code, ir
from pinnace.authoring.kfp.palette import decorators, functions
from pinnace.authoring.kfp.palette.commands import SDK
from pinnace.authoring.kfp.palette.module import Module
from pinnace.authoring.kfp.palette.piece import Unreadable

HERE = Path(__file__).resolve().parent
CORPUS = HERE.parents[2] / "shared" / "corpus" / "kfp"
PARTS = ("compiler", "dsl", "components")
"""Of the SDK's package: where its tests define pipelines."""
NEEDED = (f"kfp=={SDK}", f"kfp-kubernetes=={SDK}", "pytest", "absl-py")
Obj = dict[str, Any]


class Verdict(NamedTuple):
    name: str
    problem: str
    """'' where both are the same."""
    excused: bool = False
    """It is refused with a reason: nothing wrong was made."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="?", default="", help="a regular expression over the names")
    parser.add_argument("--python", type=Path, help=f"one with {' '.join(NEEDED)} (default: made anew)")
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pipeline-code-") as folder:
        python = options.python or environment(Path(folder) / "venv")
        known = kept(python, Path(folder))
        every = {**corpus(options.corpus), **defined(known["pipelines"])}
        packages = {name: one for name, one in every.items() if re.search(options.only, name)}
        wrong = told(round_trips(python, packages), "pipelines, as Python, compile to the same again")
        found = readings(known["components"], options.only)
        wrong += told(found, "components of Python are to the letter what the SDK makes of them")
    return 1 if wrong else 0


def told(verdicts: Iterator[Verdict], what: str) -> int:
    """How many are neither right nor excused."""
    every = list(verdicts)
    for one in every:
        if one.problem:
            print(f"{'--' if one.excused else 'NO'} {one.name}: {one.problem}")
    right = sum(not one.problem for one in every)
    print(f"{right} of {len(every)} {what}")
    return sum(bool(one.problem) and not one.excused for one in every)


# ---- what there is -----------------------------------------------------------------------------


def environment(folder: Path) -> Path:
    uv = Path(sys.executable).parent / "uv"
    python = folder / "bin/python"
    subprocess.run([str(uv), "venv", "-q", "--python", sys.executable, str(folder)], check=True)
    subprocess.run([str(uv), "pip", "install", "-q", "--python", str(python), *NEEDED], check=True)
    return python


def kept(python: Path, folder: Path) -> Obj:
    """What the SDK's own tests define: `{pipelines: […], components: […]}`."""
    place = folder / "kept.json"
    found = subprocess.run(
        [str(python), "-c", "import kfp; print(kfp.__path__[0])"], capture_output=True, text=True, check=True
    )
    shutil.copy(HERE / "pipeline_sdk.py", folder)  # alone: its neighbours have names of packages
    parts = [str(Path(found.stdout.strip()) / part) for part in PARTS]
    subprocess.run(
        [str(python), "-W", "ignore", "-m", "pytest", "-q", "-p", "pipeline_sdk", "-p", "no:cacheprovider",
         "--continue-on-collection-errors", "-o", "python_files=*_test.py", *parts],
        env={**os.environ, "PIPELINE_SDK_KEPT": str(place), "PYTHONPATH": str(folder)}, cwd=folder,
        check=False,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    made: Obj = json.loads(place.read_text())
    return made


def corpus(folder: Path) -> dict[str, ir.Package]:
    found = {}
    for file in sorted(folder.rglob("*.yaml")):
        with suppress(ir.IrError):
            package = ir.read(file.read_text())
            if not package.argo:
                found[file.name] = package
    return found


def defined(pipelines: list[Obj]) -> dict[str, ir.Package]:
    """Each once, however often a test defines it."""
    seen: set[str] = set()
    found = {}
    for at, one in enumerate(pipelines):
        text = json.dumps([one["spec"], one["platform"]], sort_keys=True)
        if text not in seen:
            seen.add(text)
            found[f"{one['test']}[{at}]"] = ir.Package(one["spec"], one["platform"], ir.view(one["spec"]))
    return found


def asked(python: Path, texts: dict[str, str], *how: str) -> Obj:
    """What the SDK makes of programs."""
    done = subprocess.run(
        [str(python), "-P", "-W", "ignore", str(HERE / "pipeline_sdk.py"), *how], input=json.dumps(texts),
        capture_output=True, text=True, timeout=900, check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    made: Obj = json.loads(done.stdout[done.stdout.index("{"):])
    return made


# ---- pipelines ---------------------------------------------------------------------------------


def round_trips(python: Path, packages: dict[str, ir.Package]) -> Iterator[Verdict]:
    texts, refused = {}, {}
    for name, package in packages.items():
        try:
            texts[name] = code.program(package)[0]
        except code.NoProgram as problem:
            refused[name] = str(problem)
    made = asked(python, texts)
    for name, package in packages.items():
        if name in refused:
            yield Verdict(name, refused[name], excused=True)
        elif "error" in made[name]:
            words = str(made[name]["error"])
            excused = any(one in words for one in REFUSED)
            yield Verdict(name, f"the SDK refuses it: {words[:160]}", excused)
        else:
            own = normal(package.spec, package.platform)
            other = normal(made[name]["spec"], made[name]["platform"])
            yield Verdict(name, next(differences(own, other), ""))


REFUSED = ("requires PipelineConfig(workspace=",)
"""What the SDK compiles, and then does not write: a test of its own that it is refused."""
INSTALL = re.compile(r"python3 -m pip install [^&]*'kfp==[^&]*(?:&& )?")


def normal(spec: Obj, platform: Obj) -> Obj:
    """What a pipeline is, but for names that mean nothing and what a version of the SDK writes of itself.

    Every task carries its component, every component its executor and what the platform says of that: so
    names in `components` and `executors` do not count. The installation of the SDK and the version of its
    schema do not count either; whole numbers are numbers.
    """
    executors = (spec.get("deploymentSpec") or {}).get("executors") or {}
    platforms = platform.get("platforms") or {}

    def component(one: Obj, depth: int = 0) -> Obj:
        made = {key: value for key, value in one.items() if key not in ("executorLabel", "dag")}
        label = one.get("executorLabel")
        if label:
            made["executor"] = executors.get(label)
            made["platforms"] = {
                key: value["deploymentSpec"]["executors"][label] for key, value in platforms.items()
                if label in ((value.get("deploymentSpec") or {}).get("executors") or {})
            }
        if "dag" in one and depth < 50:
            made["dag"] = {**one["dag"], "tasks": {
                key: task(value, depth) for key, value in (one["dag"].get("tasks") or {}).items()
            }}
        return made

    def task(one: Obj, depth: int) -> Obj:
        called = spec["components"][one["componentRef"]["name"]]
        return {**one, "componentRef": component(called, depth + 1)}

    whole = {
        **{key: value for key, value in spec.items()
           if key not in ("sdkVersion", "schemaVersion", "components", "deploymentSpec", "root")},
        "root": component(spec["root"]),
        "platforms": {key: {part: one for part, one in value.items() if part != "deploymentSpec"}
                      for key, value in platforms.items()},
    }
    found: Obj = plain(whole)
    return found


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, str) and ("pip install" in value or "import kfp" in value):
        words = " ".join(value.split())
        return " ".join(INSTALL.sub("", words).replace("PIP_DISABLE_PIP_VERSION_CHECK=1", "").split())
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def differences(one: Any, other: Any, place: str = "") -> Iterator[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted({*one, *other}):
            yield from differences(one.get(key), other.get(key), f"{place}/{key}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for at, (left, right) in enumerate(zip(one, other, strict=True)):
            yield from differences(left, right, f"{place}/{at}")
    elif one != other:
        yield f"{place}: {json.dumps(one)[:120]} became {json.dumps(other)[:120]}"


# ---- components --------------------------------------------------------------------------------


def readings(components: list[Obj], only: str) -> Iterator[Verdict]:
    modules: dict[str, tuple[Module, dict[int, decorators.Decoration]]] = {}
    made = {(one["file"], one["line"]): one for one in components if one.get("component")}
    for (file, line), one in made.items():
        name = f"{Path(file).name}:{line} {one['name']}"
        if re.search(only, name):
            yield read(*modules.setdefault(file, parsed(file)), name, line, one)


def parsed(file: str) -> tuple[Module, dict[int, decorators.Decoration]]:
    module = Module(Path(file).read_text())
    return module, {
        min([one.function.lineno, *(each.lineno for each in one.function.decorator_list)]): one
        for one in decorators.decorated(module, [])
    }


def read(
    module: Module, decorated: dict[int, decorators.Decoration], name: str, line: int, known: Obj
) -> Verdict:
    if line not in decorated:
        return Verdict(name, "it is decorated while another function runs", excused=True)
    try:
        found = functions.piece(module, decorated[line]).spec
    except Unreadable as problem:
        return Verdict(name, str(problem), excused=True)
    own = {"component": found.component, "executor": found.executor}
    return Verdict(name, next(differences(own, {key: known[key] for key in own}), ""))


if __name__ == "__main__":
    sys.exit(main())
