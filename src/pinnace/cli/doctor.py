"""`pinnace doctor`: what this machine offers, tried and not guessed, and how to get what is missing."""

from __future__ import annotations

import asyncio
import platform as machine
import shutil
import sys
from typing import NamedTuple

from pinnace.cli import platform
from pinnace.cli.kubectl import binary
from pinnace.cli.platform import Failure
from pinnace.gateway.bootstrap import NoEnvoy, program
from pinnace.home import Home
from pinnace.node.probe import Finding, findings

LEAST_FREE = 2e9


class Check(NamedTuple):
    """`needed`: without it the platform cannot do its work here."""

    name: str
    good: bool
    text: str
    remedy: str = ""
    needed: bool = False


def doctor(home: Home) -> int:
    """Prints every check; 1 if something that is needed is missing."""
    checks = examine(home)
    for check in checks:
        mark = "✔" if check.good else ("✖" if check.needed else "○")
        print(f"{mark} {check.name:<22} {check.text}")
        if check.remedy:
            print("\n".join(f"    {line}" for line in check.remedy.splitlines()))
    bad = [c.name for c in checks if c.needed and not c.good]
    print(f"\nmissing: {', '.join(bad)}" if bad else "\nthis machine can run the platform")
    return 1 if bad else 0


def examine(home: Home) -> list[Check]:
    found = asyncio.run(findings())
    chosen = found.choose("auto")
    return [
        system(),
        isolation("sandbox", found.sandbox, chosen),
        isolation("container", found.container, chosen),
        isolation("process", found.process, chosen),
        automatic(chosen),
        Check("network", True, "pods that listen get one of their own if it can be had, others the host's"),
        gateway(),
        kubectl(),
        environments(),
        disk(home),
        running(home),
    ]


def system() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    text = f"{machine.system()} {machine.release()} {machine.machine()}, Python {version}"
    if "microsoft" in machine.release().lower():
        text += " (WSL2: as Linux)"
    return Check("system", sys.platform in ("linux", "darwin"), text, needed=True)


def isolation(name: str, finding: Finding, chosen: str) -> Check:
    if finding.works:
        text = finding.program or "always works; declared paths are rewritten, nothing is hidden"
        return Check(name, True, text + ("   ← the default here" if name == chosen else ""))
    return Check(name, False, finding.why, finding.remedy)


def automatic(chosen: str) -> Check:
    if chosen != "none":
        return Check("isolation auto", True, f"steps run as: {chosen}", needed=True)
    remedy = "or choose one knowingly: pinnace up --isolation process"
    return Check("isolation auto", False, "none works", remedy, needed=True)


def gateway() -> Check:
    try:
        return Check("gateway (Envoy)", True, str(program()), needed=True)
    except NoEnvoy as problem:
        return Check("gateway (Envoy)", False, "no Envoy", str(problem), needed=True)


def kubectl() -> Check:
    try:
        return Check("kubectl", True, binary())
    except Failure as problem:
        return Check("kubectl", False, "none", str(problem))


def environments() -> Check:
    found = shutil.which("uv") or shutil.which("uv", path=str(sys.executable).rpartition("/")[0])
    remedy = "" if found else "it builds the Python environments of images: pip install uv"
    return Check("environments (uv)", bool(found), found or "no uv", remedy, needed=True)


def disk(home: Home) -> Check:
    existing = next(path for path in (home.root, *home.root.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    remedy = "" if free > LEAST_FREE else "free some space, or choose another --home"
    return Check("disk", free > LEAST_FREE, f"{free / 1e9:.0f} GB free for {home.root}", remedy)


def running(home: Home) -> Check:
    up = platform.running(home)
    return Check("platform", up, "running (pinnace status)" if up else "not running (pinnace up)")
