"""`pinnace run pipeline.py` and `pinnace run pipeline.yaml`: compile with the user's own kfp, submit, follow.

The user's file is imported by the user's Python in a process of its own; the platform never imports kfp.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from pinnace.cli.connection import Connection
from pinnace.cli.interpreters import interpreter
from pinnace.cli.platform import Failure
from pinnace.cli.tree import workflow_path

NAMESPACE = "kubeflow"
WITHIN = 10.0
COMPILE = """
import importlib.util, os, sys
path, out, wanted = sys.argv[1:4]
sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
from kfp import compiler
from kfp.dsl import base_component, graph_component
spec = importlib.util.spec_from_file_location("pipeline_file", path)
module = importlib.util.module_from_spec(spec)
sys.modules["pipeline_file"] = module
spec.loader.exec_module(module)
def own(kind):
    return {name: one for name, one in vars(module).items() if isinstance(one, kind) and name[0] != "_"}
found = own(graph_component.GraphComponent) or own(base_component.BaseComponent)
if wanted:
    found = {name: one for name, one in found.items() if wanted in (name, one.name)}
if not found:
    sys.exit("no function decorated with @dsl.pipeline" + (f" is called {wanted!r}" if wanted else ""))
last = list(found)[-1]
compiler.Compiler().compile(found[last], out)
"""


def is_pipeline(documents: list[dict[str, Any]]) -> bool:
    """A compiled pipeline: it has no kind, but says what it is."""
    return bool(documents) and "pipelineInfo" in documents[0]


def compiled(file: Path, name: str = "") -> list[dict[str, Any]]:
    """The documents of a pipeline file, by the first Python that has kfp. Raises Failure."""
    import yaml

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "pipeline.yaml"
        done = subprocess.run(
            [python(), "-c", COMPILE, str(file), str(out), name], capture_output=True, text=True, check=False
        )
        if done.returncode != 0 or not out.exists():
            said = done.stderr.strip().splitlines()
            raise Failure(f"{file} does not compile: {said[-1] if said else 'it wrote nothing'}")
        return [one for one in yaml.safe_load_all(out.read_text()) if one]


def python() -> str:
    return interpreter("kfp", "PINNACE_KFP_PYTHON", "pipeline")


def submit(
    connection: Connection, documents: list[dict[str, Any]], parameters: tuple[str, ...], namespace: str
) -> dict[str, Any]:
    """Returns the Workflow that runs it."""
    spec = documents[0]
    whole = spec if len(documents) == 1 else {"pipeline_spec": spec, "platform_spec": documents[1]}
    name = spec["pipelineInfo"].get("displayName") or spec["pipelineInfo"].get("name", "pipeline")
    body = {
        "display_name": f"{name} {time.strftime('%Y-%m-%d %H-%M-%S')}", "pipeline_spec": whole,
        "runtime_config": {"parameters": arguments(spec, parameters)},
    }
    where = namespace if namespace != "default" else NAMESPACE
    answer = json.loads(connection.request("POST", f"/apis/v2beta1/runs?namespace={where}", body))
    path = f"{workflow_path(where)}?labelSelector=pipeline%2Frunid%3D{answer['run_id']}"
    found = connection.json(path)["items"]
    if not found:
        raise Failure(f"run {answer['run_id']} was accepted, but its Workflow is gone")
    workflow: dict[str, Any] = found[0]
    return workflow


def arguments(spec: dict[str, Any], parameters: tuple[str, ...]) -> dict[str, Any]:
    """`-p name=value`: a text where the pipeline wants one, else JSON."""
    declared = ((spec.get("root") or {}).get("inputDefinitions") or {}).get("parameters") or {}
    made: dict[str, Any] = {}
    for parameter in parameters:
        name, equals, value = parameter.partition("=")
        if not equals:
            raise Failure(f"-p {parameter}: expected name=value")
        if (declared.get(name) or {}).get("parameterType") == "STRING":
            made[name] = value
            continue
        try:
            made[name] = json.loads(value)
        except ValueError:
            made[name] = value
    return made
