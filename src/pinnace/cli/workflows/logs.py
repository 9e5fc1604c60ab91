"""`pinnace workflow logs`: every line with the pod that said it, in a colour of its own in a terminal."""

from __future__ import annotations

import sys
from urllib.parse import quote, urlencode

from pinnace.cli.workflows.door import Door, seconds

COLOURS = (36, 32, 33, 35, 34, 31, 96, 92, 93, 95, 94)


def logs(
    door: Door, name: str, pod: str = "", *, follow: bool = False, container: str = "main", grep: str = "",
    tail: int | None = None, since: str = "", since_time: str = "", timestamps: bool = False,
    previous: bool = False, selector: str = "", color: bool | None = None,
) -> int:
    query = {
        "logOptions.container": container, "logOptions.follow": "true" if follow else "",
        "logOptions.previous": "true" if previous else "", "grep": grep, "selector": selector,
        "logOptions.tailLines": "" if tail is None else str(tail),
        "logOptions.sinceSeconds": str(max(1, round(seconds(since, "--since")))) if since else "",
        "logOptions.sinceTime": since_time, "logOptions.timestamps": "true" if timestamps else "",
        "podName": pod,
    }
    asked = urlencode({key: value for key, value in query.items() if value})
    path = f"/api/v1/workflows/{quote(door.namespace)}/{quote(name, safe='@')}/log?{asked}"
    coloured = sys.stdout.isatty() if color is None else color
    for line in door.stream(path):
        print(f"{named(line['podName'], coloured)}: {line['content']}", flush=follow)
    return 0


def named(pod: str, coloured: bool) -> str:
    if not coloured:
        return pod
    return f"\033[{COLOURS[sum(pod.encode()) % len(COLOURS)]}m{pod}\033[0m"


def follow_logs(door: Door, name: str) -> None:
    logs(door, name, follow=True)
