"""Runs in a Python of the SDK's, and imports nothing of ours: what the SDK makes, for others to compare with.

As a plugin of pytest (`-p pipeline_sdk`) it keeps every component and pipeline that the SDK's own tests
define. As a program it makes of texts (`{name: text}`, on its input) what is asked for: pipelines, `leaves`
of Python, or `classic` components of v1.
"""

from __future__ import annotations

import atexit
import importlib.util
import inspect
import json
import os
import re
import sys
import tempfile
from collections.abc import Callable
from types import ModuleType
from typing import Any

import yaml
from google.protobuf import json_format  # type: ignore[import-untyped]
from kfp import compiler, components  # type: ignore[import-not-found]
from kfp.compiler import pipeline_spec_builder  # type: ignore[import-not-found]
from kfp.dsl import component_factory, graph_component  # type: ignore[import-not-found]

Obj = dict[str, Any]
Make = Callable[..., Any]
KEPT: dict[str, list[Obj]] = {"pipelines": [], "components": []}


def pytest_configure(config: object) -> None:
    atexit.register(keep, os.environ["PIPELINE_SDK_KEPT"])
    kept = keeping_pipelines(pipeline_spec_builder.create_pipeline_spec)
    pipeline_spec_builder.create_pipeline_spec = graph_component.builder.create_pipeline_spec = kept
    for name in ("create_component_from_func", "create_container_component_from_func"):
        setattr(component_factory, name, keeping_components(getattr(component_factory, name)))


def keep(place: str) -> None:
    with open(place, "w") as file:
        json.dump(KEPT, file)


def keeping_pipelines(make: Make) -> Make:
    def kept(*args: Any, **given: Any) -> Any:
        spec, platform = make(*args, **given)
        KEPT["pipelines"].append({
            "spec": json_format.MessageToDict(spec), "platform": json_format.MessageToDict(platform),
            "test": os.environ.get("PYTEST_CURRENT_TEST", "").split("::")[-1].split(" ")[0],
        })
        return spec, platform

    return kept


def keeping_components(make: Make) -> Make:
    def kept(func: Any, *args: Any, **given: Any) -> Any:
        made = make(func, *args, **given)
        KEPT["components"].append({
            "file": inspect.getsourcefile(func), "line": func.__code__.co_firstlineno, "name": func.__name__,
            **leaf(made),
        })
        return made

    return kept


def leaf(component: Any) -> Obj:
    """Its ComponentSpec and executor; {} of what the SDK itself does not compile alone."""
    try:
        spec = json_format.MessageToDict(component.component_spec.to_pipeline_spec())
    except Exception:  # the tests define wrong ones, too
        return {}
    executors = spec["deploymentSpec"]["executors"]
    return {"component": next(iter(spec["components"].values())), "executor": next(iter(executors.values()))}


def module(name: str, text: str, folder: str) -> ModuleType:
    path = os.path.join(folder, f"{name}.py")
    with open(path, "w") as file:
        file.write(text)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    sys.modules[name] = made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def compiled(name: str, text: str, folder: str) -> Obj:
    """The documents of a program that ends in `Compiler().compile(…)`."""
    found = re.search(r"Compiler\(\)\.compile\((\w+)", text)
    assert found is not None
    place = os.path.join(folder, f"{name}.yaml")
    compiler.Compiler().compile(getattr(module(name, text, folder), found[1]), place)
    with open(place) as file:
        documents = [one for one in yaml.safe_load_all(file) if one]
    return {"spec": documents[0], "platform": documents[1] if len(documents) > 1 else {}}


def leaves(name: str, text: str, folder: str) -> Obj:
    """Of a module: its components, by the names of their functions."""
    made = module(name, text, folder)
    known = {getattr(one, "python_func", None) or getattr(one, "pipeline_func", None): one
             for one in vars(made).values() if hasattr(one, "component_spec")}
    return {function.__name__: leaf(one) for function, one in known.items() if function is not None}


def classic(name: str, text: str, folder: str) -> Obj:
    return leaf(components.load_component_from_text(text))


def main() -> None:
    make = {"leaves": leaves, "classic": classic}.get("".join(sys.argv[1:]), compiled)
    found: Obj = {}
    with tempfile.TemporaryDirectory() as folder:
        for at, (key, text) in enumerate(json.load(sys.stdin).items()):
            try:
                found[key] = make(f"program{at}", text, folder)
            except Exception as error:
                found[key] = {"error": f"{type(error).__name__}: {error}"}
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
