"""`pinnace run FILE.py` with a workflow that is written with Hera: what the file says, as manifests.

The file is imported by the user's own Python, the one that has Hera, in a process of its own; the platform
never imports either. What the file would create on a server is taken instead of being sent; where it creates
nothing, its module's workflows are meant. Caller: `cli/run`.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
from pathlib import Path
from typing import Any

from pinnace.cli.interpreters import interpreter
from pinnace.cli.platform import Failure

VARIABLE = "PINNACE_HERA_PYTHON"
COLLECT = """
import importlib.util, json, os, sys
path, wanted = sys.argv[1:3]
out = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
from hera.workflows import ClusterWorkflowTemplate, CronWorkflow, Workflow, WorkflowTemplate
made = []
def take(self, *args, **kwargs):
    made.append(self)
    return self.build()
async def take_later(self, *args, **kwargs):
    return take(self)
for kind in (Workflow, WorkflowTemplate, ClusterWorkflowTemplate, CronWorkflow):
    for verb in ("create", "update"):
        if hasattr(kind, verb):
            setattr(kind, verb, take)
            setattr(kind, "async_" + verb, take_later)
    kind.wait = lambda self, *args, **kwargs: self.build()
sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
name = os.path.splitext(os.path.basename(path))[0]
spec = importlib.util.spec_from_file_location(name, path)
module = importlib.util.module_from_spec(spec)
sys.modules[name] = module
spec.loader.exec_module(module)
own = {key: one for key, one in vars(module).items() if isinstance(one, Workflow)}
if wanted:
    found = [one for key, one in own.items() if wanted in (key, one.name, one.generate_name)]
else:
    found = made or list(own.values())
once = list({id(one): one for one in found}.values())
def told(model):
    dump = getattr(model, "model_dump_json", None) or model.json
    return json.loads(dump(exclude_none=True, by_alias=True))
with out:
    json.dump([told(one.build()) for one in once], out)
"""


def chosen(file: Path) -> tuple[Path, str]:
    """`FILE.py:NAME` takes one workflow of several."""
    text, _, name = str(file).rpartition(":")
    return (Path(text), name) if text.endswith(".py") else (file, "")


def speaks(file: Path) -> bool:
    """Whether a file is written with Hera. Raises Failure if it cannot be read."""
    try:
        tree = ast.parse(file.read_text(), str(file))
    except OSError as error:
        raise Failure(f"cannot read {file}: {error.strerror}") from error
    except (SyntaxError, ValueError) as error:
        raise Failure(f"{file} is no Python: {error}") from error
    for one in ast.walk(tree):
        names = [alias.name for alias in one.names] if isinstance(one, ast.Import) else []
        if isinstance(one, ast.ImportFrom) and one.module and not one.level:
            names.append(one.module)
        if any(name.split(".")[0] == "hera" for name in names):
            return True
    return False


def written(file: Path, name: str = "") -> list[dict[str, Any]]:
    """The manifests to run: one Workflow at most; `name`: only that. Raises Failure."""
    documents = said(file, name)
    runs = [one["metadata"] for one in documents if one.get("kind") == "Workflow"]
    if len(runs) > 1:
        names = ", ".join(one.get("name") or one.get("generateName", "?") for one in runs)
        raise Failure(f"{file} holds {len(runs)} Workflows ({names}): take one with {file}:NAME")
    return documents


def said(file: Path, name: str = "") -> list[dict[str, Any]]:
    """Every manifest that the file says. Raises Failure."""
    python = interpreter("hera", VARIABLE, "workflow")
    done = subprocess.run(
        [python, "-c", COLLECT, str(file), name], capture_output=True, text=True,
        check=False, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    if done.returncode != 0:
        words = done.stderr.strip().splitlines()
        raise Failure(f"{file} cannot be read as a workflow: {words[-1] if words else 'it ended silently'}")
    documents: list[dict[str, Any]] = json.loads(done.stdout or "[]")
    if not documents:
        raise Failure(f"{file} holds no Workflow" + (f" of the name {name!r}" if name else ""))
    return documents
