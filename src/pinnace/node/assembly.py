"""The node put together: what works here is found out, its parts are made, then it serves until stopped.

Called by `process.py`, which first sees to it that the imports stay light.
"""

from __future__ import annotations

import asyncio
import gc
import hashlib
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

from pinnace.home import Home
from pinnace.node.environments import Environments
from pinnace.node.images import Images
from pinnace.node.launchers import Launcher
from pinnace.node.launchers.container import ContainerLauncher
from pinnace.node.launchers.process import ProcessLauncher
from pinnace.node.launchers.sandbox import SandboxLauncher
from pinnace.node.limits import Groups
from pinnace.node.network.cluster import Cluster
from pinnace.node.network.ways import examine as networks
from pinnace.node.orphans import Orphans
from pinnace.node.probe import Findings, examine
from pinnace.node.reaper import Reaper
from pinnace.node.roots import Etc, Roots
from pinnace.node.server import Server
from pinnace.node.services import Services
from pinnace.node.sessions import Sessions
from pinnace.node.warm.launcher import WarmLauncher
from pinnace.node.warm.pool import Pool

GRACE = 30.0


async def serve(home: Home, isolation: str) -> None:
    """Until TERM or INT; then the pods end first."""
    reaper = Reaper()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        reaper.loop.add_signal_handler(number, stop.set)
    with ThreadPoolExecutor(2, thread_name_prefix="node") as worker:
        services = await assemble(home, reaper, isolation, worker)
        for launcher in services.launchers.values():
            launcher.sweep()
        gc.freeze()
        gc.set_threshold(5000, 50, 50)  # a pod's own circles are few, and looking for them is dear
        server = Server(services, f"{int(time.time() * 1000):x}-{uuid4().hex[:8]}")
        sessions = Sessions(services, server.inside)
        sessions.listen(home.session_socket)
        listening = await server.listen(home.node_socket)
        say(services, isolation)
        await stop.wait()
        await server.stop(GRACE)
        listening.close()
        sessions.close()
        home.node_socket.unlink(missing_ok=True)
        home.session_socket.unlink(missing_ok=True)
        services.cluster.close()
        services.groups.close()


async def assemble(home: Home, reaper: Reaper, isolation: str, worker: ThreadPoolExecutor) -> Services:
    findings = await examine(reaper)
    ways = await networks(reaper, findings.sandbox, findings.choose(isolation))
    name = hashlib.blake2s(str(home.root).encode(), digest_size=5).hexdigest()
    orphans = Orphans(home, reaper.waiting)
    orphans.sweep()
    etc = Etc(home.pods / ".etc")
    roots = Roots(home.pods / ".roots", etc, worker)
    return Services(
        home=home,
        reaper=reaper,
        launchers=launchers(home, reaper, orphans, roots, findings, isolation),
        default=findings.choose(isolation),
        why=findings.why(isolation),
        environments=Environments(home, reaper, Images(home, reaper)),
        etc=etc,
        roots=roots,
        bare=Roots(home.pods / ".folders", None, worker),
        groups=Groups(name),
        worker=worker,
        cluster=Cluster(home, reaper, ways),
    )


def launchers(
    home: Home, reaper: Reaper, orphans: Orphans, roots: Roots, findings: Findings, isolation: str
) -> dict[str, Launcher]:
    found: dict[str, Launcher] = {}
    if findings.choose(isolation) == "process":
        found["process"] = ProcessLauncher(reaper, orphans)
    sandbox = findings.sandbox
    if sandbox.works:
        assert roots.etc is not None
        cold = SandboxLauncher(
            reaper, roots.etc, sandbox.program, overlay=sandbox.overlay, nested=sandbox.nested
        )
        found["sandbox"] = WarmLauncher(cold, Pool(reaper, cold, roots, home.pods / ".warm"))
    container = findings.container
    if container.works:
        label = hashlib.blake2s(str(home.root).encode(), digest_size=6).hexdigest()
        found["container"] = ContainerLauncher(reaper, container.program, label, home.pods / ".containers")
    return found


def say(services: Services, isolation: str) -> None:
    reason = "" if services.default != "none" else f": {services.why.get('sandbox', '')}"
    print(
        f"node: ready, isolation {services.default} (asked: {isolation}){reason}", file=sys.stderr, flush=True
    )
