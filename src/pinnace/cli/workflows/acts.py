"""Retry, resubmit, resume, suspend, stop, terminate, set, delete, wait: a call each, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Iterable

from rich.console import Console

from pinnace.cli.platform import Failure
from pinnace.cli.run import EXIT
from pinnace.cli.tree import follow, moment
from pinnace.cli.workflows.door import ENDED, Document, Door, pairs, phase, seconds
from pinnace.cli.workflows.logs import follow_logs


def retry(
    door: Door, names: tuple[str, ...], *, restart_successful: bool, selector: str,
    parameters: tuple[str, ...], then: str,
) -> int:
    done = [
        door.act(name, "retry", restartSuccessful=restart_successful, nodeFieldSelector=selector,
                 parameters=pairs(parameters, "-p"))
        for name in names
    ]
    return _told(door, done, "goes on", then)


def resubmit(
    door: Door, names: tuple[str, ...], *, memoized: bool, parameters: tuple[str, ...], then: str
) -> int:
    made = [
        door.act(name, "resubmit", memoized=memoized, parameters=pairs(parameters, "-p")) for name in names
    ]
    for name, workflow in zip(names, made, strict=True):
        print(f"workflow {name} runs again as {workflow['metadata']['name']}")
    return _then(door, made, then)


def resume(door: Door, names: tuple[str, ...], *, selector: str, parameters: tuple[str, ...]) -> int:
    for name in names:
        if parameters:
            supply(door, name, selector, parameters)
        waiting = suspended(door.get(name), selector)
        found = door.act(name, "resume", nodeFieldSelector=selector)
        if not waiting and not parameters and not selector and phase(found) in ENDED:
            raise Failure(
                f"nothing in {name} waits for a resume (phase {phase(found)}): see `pinnace workflow list`"
            )
        print(f"workflow {name} resumed")
    return 0


def supply(door: Door, name: str, selector: str, parameters: tuple[str, ...]) -> None:
    """Values for the steps that wait: for the selected ones, else for all that wait."""
    values = dict(one.split("=", 1) for one in pairs(parameters, "-p"))
    chosen = [selector] if selector else [f"id={node['id']}" for node in suspended(door.get(name), "")]
    if not chosen:
        raise Failure(f"nothing in {name} waits for a value")
    for one in chosen:
        door.act(name, "set", nodeFieldSelector=one, outputParameters=values)


def suspended(workflow: Document, selector: str) -> list[Document]:
    nodes = ((workflow.get("status") or {}).get("nodes") or {}).values()
    waiting = [one for one in nodes if one.get("type") == "Suspend" and one.get("phase") == "Running"]
    return waiting if not selector else []


def set_nodes(
    door: Door, name: str, *, selector: str, state: str, message: str, parameters: tuple[str, ...]
) -> int:
    values = dict(one.split("=", 1) for one in pairs(parameters, "--output-parameter"))
    door.act(name, "set", nodeFieldSelector=selector, phase=state, message=message, outputParameters=values)
    print("workflow values set")
    return 0


def suspend(door: Door, names: tuple[str, ...]) -> int:
    return _each(door, names, "suspend", "suspended")


def stop(door: Door, names: tuple[str, ...], *, selector: str, message: str) -> int:
    for name in names:
        door.act(name, "stop", nodeFieldSelector=selector, message=message)
        print(f"workflow {name} is being stopped")
    return 0


def terminate(door: Door, names: tuple[str, ...]) -> int:
    return _each(door, names, "terminate", "is being terminated")


def _each(door: Door, names: tuple[str, ...], verb: str, words: str) -> int:
    for name in names:
        door.act(name, verb)
        print(f"workflow {name} {words}")
    return 0


def delete(
    door: Door, names: tuple[str, ...], *, every: bool, completed: bool, older: str, labels: str, force: bool
) -> int:
    chosen = [door.resolved(name) for name in names]
    if every or completed or older or labels:
        chosen += [one["metadata"]["name"] for one in _live(door, labels)
                   if _fits(one, completed=completed, older=older)]
    if not chosen and not (every or completed or older or labels):
        raise Failure(
            "name the workflows to delete, or say which: --all, --completed, --older 7d, -l KEY=VALUE"
        )
    for name in dict.fromkeys(chosen):
        door.delete(name, force=force)
        print(f"workflow {name} deleted")
    return 0


def _live(door: Door, labels: str) -> Iterable[Document]:
    fields = "items.metadata,items.status.phase,items.status.finishedAt"
    return door.list(listOptions__labelSelector=labels, fields=fields)


def _fits(workflow: Document, *, completed: bool, older: str) -> bool:
    finished = str((workflow.get("status") or {}).get("finishedAt") or "")
    if (completed or older) and phase(workflow) not in ENDED:
        return False
    return not older or (bool(finished) and time.time() - moment(finished) > seconds(older, "--older"))


def wait(door: Door, names: tuple[str, ...], *, quiet: bool = False) -> int:
    """0: all succeeded; 1 or 2 as `pinnace run`."""
    worst = 0
    for name in names:
        ended = door.follow_phase(door.resolved(name))
        message = (ended.get("status") or {}).get("message")
        if not quiet:
            print(f"{ended['metadata']['name']} {phase(ended)}" + (f": {message}" if message else ""))
        worst = max(worst, EXIT.get(phase(ended), 2))
    return worst


def watch(door: Door, name: str) -> int:
    picture = follow(door.connection, door.get(name, "-status.nodes"), Console())
    return EXIT.get(picture.phase, 2)


def _told(door: Door, done: list[Document], words: str, then: str) -> int:
    for workflow in done:
        print(f"workflow {workflow['metadata']['name']} {words}")
    return _then(door, done, then)


def _then(door: Door, done: list[Document], then: str) -> int:
    names = tuple(str(one["metadata"]["name"]) for one in done)
    if then == "wait":
        return wait(door, names)
    if then == "watch":
        return max((watch(door, name) for name in names), default=0)
    if then == "log":
        for name in names:
            follow_logs(door, name)
        return wait(door, names, quiet=True)
    return 0
