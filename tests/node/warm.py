"""A sandbox node whose pods start warm: what a test says in the shell, a Python program says to a shell."""

from __future__ import annotations

import asyncio

import msgspec

from pinnace.home import Home
from pinnace.node.protocol import Container, PodReport, Run
from tests.node.conftest import Node, Wanted, final, pod

IMAGE = "python:3"
ASK = """
import os, sys
if "zygote" not in open("/proc/self/cmdline").read():
    sys.exit("this start was cold")
os.execvp("sh", ["sh", "-c", *sys.argv[1:]])
"""
WHO = "import sys; print(open('/proc/self/cmdline').read().split(chr(0))[1], flush=True)"
ZYGOTE = "/run/pinnace/zygote.py"


def said_by_python(spec: Container) -> Container:
    if spec.command[:2] != ["sh", "-c"]:
        return spec
    return msgspec.structs.replace(spec, image=IMAGE, command=["python3", "-c", ASK, *spec.command[2:]])


class WarmNode(Node):
    def __init__(self, home: Home, isolation: str = "sandbox") -> None:
        super().__init__(home, isolation)
        asyncio.run(self.warm_up())

    async def warm_up(self) -> None:
        async with asyncio.timeout(120):
            while not await self.warm():
                await asyncio.sleep(0.05)

    async def warm(self) -> bool:
        """Whether a program starts warm now."""
        run = pod(Container("main", IMAGE, ["python3", "-c", WHO]))
        await super().run(run, timeout=100)
        return self.log(run) == f"{ZYGOTE}\n"

    async def run(self, run: Run, until: Wanted = final, timeout: float = 30) -> PodReport:
        if run.main:
            run = msgspec.structs.replace(run, containers=[said_by_python(spec) for spec in run.containers])
        return await super().run(run, until, timeout)
