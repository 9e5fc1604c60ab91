"""Two runs of the same thing: which outputs are equal, which differ, and why.

The reasons, in the order in which they explain: another parameter, another code, another environment,
another input; what remains is a step that does not do the same twice. Pure but for reading records.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from pinnace.data.blobs import Blobs, Missing
from pinnace.objects.lineage.book import CACHED, Book, Run
from pinnace.objects.lineage.execution import Execution

RANDOM = re.compile(r"-?[a-z0-9]{5}$")
"""What makes the name of a pod unlike any other."""
BROUGHT_BACK = re.compile(r"-was-[0-9a-f]{8}$")
PLACE = '"uri":'
"""In a parameter that names a pipeline's artifacts by their places in this run; their digests are inputs."""
METADATA = "/output_metadata.json"
"""What a pipeline's component leaves beside its artifacts: their places in this run, which never repeat."""
SAID, EXECUTED = "result", "executor-output"
"""What a script says, and what a pipeline's component says of its outputs: names of this run's places."""
LOCK = re.compile(r"[0-9a-f]{64}")


def compared(book: Book, blobs: Blobs, old: Run, new: Run) -> dict[str, Any]:
    """`{old, new, steps: [{step, equal, differ, why, missing}], equal}`. Steps are known by their names."""
    before, after = _steps(book, old), _steps(book, new)
    steps = [
        _step(blobs, name, before.get(name), after.get(name)) for name in dict.fromkeys([*before, *after])
    ]
    equal = all(not one["differ"] and not one.get("missing") for one in steps)
    outputs = sum(len(one["equal"]) + len(one["differ"]) for one in steps)
    return {"old": old.title, "new": new.title, "steps": steps, "equal": equal, "outputs": outputs}


def _steps(book: Book, run: Run) -> dict[str, Execution]:
    """By the path of the step, which is the same in every run of the same thing."""
    nodes = book.nodes(run) if run.obj.get("kind") == "Workflow" else {}
    found: dict[str, Execution] = {}
    for one in book.of_run(run):
        name = nodes[one.node].name if one.node in nodes else one.name
        start = str(run.obj["metadata"]["name"])
        label = name.removeprefix(start).strip(".-") or "main"
        if not nodes:
            label = RANDOM.sub("", label) or "pod"
        claims = tuple(claim.removeprefix(f"{start}-") for claim in one.claims)
        one = msgspec.structs.replace(one, claims=claims)
        found[label if label not in found else f"{label} #{len(found) + 1}"] = one
    return found


def _step(blobs: Blobs, name: str, old: Execution | None, new: Execution | None) -> dict[str, Any]:
    if old is None or new is None:
        where = "only in the new run" if old is None else "not in the new run"
        return {"step": name, "equal": [], "differ": [], "missing": where, "why": []}
    left, right = _outputs(old), _outputs(new)
    if CACHED in (old.phase, new.phase) and not (left and right):
        return {"step": name, "equal": [], "differ": [], "why": [], "changed": ["answered from memory"]}
    outputs = dict.fromkeys([*left, *right])
    equal = [one for one in outputs if left.get(one) == right.get(one)]
    others = [one for one in outputs if one not in equal]
    differ = [{"output": one, "old": left.get(one, ""), "new": right.get(one, "")} for one in others]
    changed = _changes(blobs, old, new)
    claims = [*dict.fromkeys([*old.claims, *new.claims])]
    why = changed or [_unexplained(claims)]
    made: dict[str, Any] = {"step": name, "equal": equal, "differ": differ, "why": why if differ else []}
    if claims:
        made["claims"] = claims
    if old.phase != new.phase and CACHED not in (old.phase, new.phase):
        made["missing"] = f"it ended {old.phase} then and {new.phase} now"
    if changed and not differ:
        made["changed"] = changed
    return made


def _unexplained(claims: list[str]) -> str:
    if claims:
        return f"what lay on the claim {', '.join(claims)} may be another: its content has no digest"
    return "it does not do the same twice: parameters, code, environment and inputs are equal"


def _outputs(done: Execution) -> dict[str, str]:
    """What a script merely says counts where it leaves nothing else."""
    found = {f"artifact {name}": digest for name, digest in done.outputs.items()}
    if any(name.endswith(METADATA) for name in done.parts):
        found = {f"artifact {name}": one for name, one in done.parts.items() if not name.endswith(METADATA)}
    found |= {f"value {name}": text for name, text in done.results.items() if name not in (SAID, EXECUTED)}
    return found or {f"value {name}": text for name, text in done.results.items()}


def _changes(blobs: Blobs, old: Execution, new: Execution) -> list[str]:
    found = []
    for name in dict.fromkeys([*old.parameters, *new.parameters]):
        was, now = old.parameters.get(name), new.parameters.get(name)
        if was != now and PLACE not in str(was):
            found.append(f"parameter {name}: {_short(was)} then, {_short(now)} now")
    if old.code != new.code:
        found.append(f"code: {old.code[:12]} then, {new.code[:12]} now")
    before, after = _sources(old), _sources(new)
    for name in dict.fromkeys([*before, *after]):
        if before.get(name) != after.get(name):
            found.append(f"code: the content of {name} is another")
    if old.environment != new.environment:
        found.append(f"environment: {_environments(blobs, old.environment, new.environment)}")
    for name in dict.fromkeys([*old.inputs, *new.inputs]):
        was, now = old.inputs.get(name, ""), new.inputs.get(name, "")
        if was != now:
            found.append(f"input {name}: {was[:12] or 'none'} then, {now[:12] or 'none'} now")
    return found


def _sources(done: Execution) -> dict[str, str]:
    """A ConfigMap that was brought back has a name of its own (`authoring/repeating`)."""
    return {BROUGHT_BACK.sub("", name): digest for name, digest in done.sources.items()}


def _short(value: str | None) -> str:
    return "none" if value is None else repr(value if len(value) < 60 else f"{value[:57]}…")


def _environments(blobs: Blobs, old: str, new: str) -> str:
    """The packages that differ, where both locks are known."""
    before, after = _lock(blobs, old), _lock(blobs, new)
    if not before or not after:
        return f"{old or 'not known'} then, {new or 'not known'} now"
    names = sorted(name for name in before | after if before.get(name) != after.get(name))
    told = [f"{name} {before.get(name, 'absent')} → {after.get(name, 'absent')}" for name in names]
    return ", ".join(told[:10]) + (f" and {len(told) - 10} more" if len(told) > 10 else "")


def _lock(blobs: Blobs, environment: str) -> dict[str, str]:
    """Package → version, of a lock that lies in `data/`."""
    found = LOCK.search(environment)
    if found is None:
        return {}
    try:
        with blobs.open(found[0]) as file:
            lines = file.read().decode(errors="replace").splitlines()
    except (Missing, ValueError):
        return {}
    pairs = (re.split(r"==| @ ", line.strip(), maxsplit=1) for line in lines if line.strip())
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}
