"""The control process: store, objects, API and controllers on one event loop. `cli/supervisor` starts it.

It is the only place where the floors meet. Killed at any moment it loses nothing: everything it answered is
on disk, and what it had begun is found again by its controllers.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import os
import resource
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import uvloop

from pinnace import __version__
from pinnace.api import tls
from pinnace.api.app import app
from pinnace.api.authentication import Authenticator
from pinnace.api.context import ApiContext
from pinnace.api.server import Server, serve, serve_at
from pinnace.cli import records
from pinnace.cli.families import UnknownFamily, chosen, core
from pinnace.cli.families.waking import Waking
from pinnace.cli.given import Platform
from pinnace.cli.routes import routes
from pinnace.cli.supervisor import UNUSABLE
from pinnace.controllers.manager import Manager
from pinnace.home import Home
from pinnace.kinds.catalogue import Catalogue
from pinnace.objects.client import Identity
from pinnace.objects.local import Local
from pinnace.store.schema import NewerHome
from pinnace.store.sqlite import SqliteStore

SWITCH_INTERVAL = 0.0005
COLLECTING = (20_000, 20, 100)
"""Thousands of small documents live for milliseconds: the default looks for cycles in them all the time."""
FILES = 65_536
log = logging.getLogger("pinnace.control")


def main(argv: Sequence[str]) -> int:
    options = parse(argv)
    logging.basicConfig(
        level=os.environ.get("PINNACE_LOG", "INFO"), stream=sys.stderr,
        format="%(asctime)s %(levelname).1s %(name)s: %(message)s",
    )
    # The store's writer thread hands results back often; the default of 5 ms would be its latency.
    sys.setswitchinterval(SWITCH_INTERVAL)
    allow_files()
    home = Home.at(options.home)
    try:
        uvloop.run(run(home, options.port, frozenset(options.without), strict=options.rbac == "strict"))
    except (NewerHome, PortTaken, UnknownFamily) as problem:
        log.error("%s", problem)
        return UNUSABLE
    return 0


def allow_files() -> None:
    """Every watch and every session inside a pod holds descriptors: as many as the machine lets us have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="pinnace control")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--without", action="append", default=[])
    parser.add_argument("--rbac", choices=("quickstart", "strict"), default="quickstart")
    return parser.parse_args(argv)


class PortTaken(Exception):
    """Another program has the port; the text says what to do."""


def ticketed(store: SqliteStore, token: str, bearer: str) -> Identity | None:
    """Which pod shows a ticket."""
    from pinnace.objects import tickets  # asked for by pods that log something

    text = bearer.partition(" ")[2].strip()
    return tickets.check(store, token, text) if tickets.looks_like_one(text) else None


async def run(home: Home, port: int, without: frozenset[str], *, strict: bool = False) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    store = SqliteStore.open(home.prepare().database)
    try:
        await live(home, store, port, without, stop, strict=strict)
    finally:
        await store.close()


async def live(
    home: Home, store: SqliteStore, port: int, without: frozenset[str], stop: asyncio.Event,
    *, strict: bool = False,
) -> None:
    families = chosen(without)
    catalogue = Catalogue.builtin()
    client = Local.open(store, catalogue)
    client.start()
    platform = Platform(home, store, catalogue, client, strict=strict)
    await platform.bootstrap(port)
    manager = Manager(client, core.reconcilers(platform))
    authenticator = Authenticator(home, tokens=platform.tokens)
    context = ApiContext(
        home, client.as_, catalogue, authenticator, client.house.authoriser,
        hosts=(*tls.NAMES, tls.INSIDE, *records.HOSTS), metrics=[lambda: manager.metrics.text().splitlines()],
        ticket=partial(ticketed, store), routes=routes(platform), checks={"node": platform.node_problem},
    )
    application = app(context)
    server = await listen(application, home, port)
    inside = serve_at(application, home.api_socket, server.tls)
    platform.pods.reached_at("127.0.0.1", server.port)
    for service in records.services(home):
        platform.pods.publish(service)
    managing = asyncio.create_task(manager.run())
    Waking(platform, manager, families).start()
    announce(home, server.port, authenticator.token)
    # What start-up left behind lives as long as the process: the collector need not walk it again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTING)
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((stopping, managing), return_when=asyncio.FIRST_COMPLETED)
        if managing.done():
            managing.result()
    finally:
        await asyncio.gather(server.close(), inside.close())
        client.close()
        manager.stop()
        await asyncio.gather(managing, return_exceptions=True)
        await platform.close()


async def listen(application: object, home: Home, port: int) -> Server:
    """On the wanted port, or with 0 on the one that this home had last if it is still free.

    Raises PortTaken."""
    secure = tls.context(home)
    wanted = port or last_port(home)
    try:
        return await serve(application, "127.0.0.1", wanted, secure)
    except OSError as error:
        if port:
            raise PortTaken(
                f"port {port} is taken by another program: "
                "choose one with `pinnace up --port N` (0: a free one)"
            ) from error
    return await serve(application, "127.0.0.1", 0, secure)


def last_port(home: Home) -> int:
    try:
        return int(json.loads((home.root / "control.json").read_text())["port"])
    except (OSError, ValueError, KeyError):
        return 0


def announce(home: Home, port: int, token: str) -> None:
    """Tell the command line where we listen; only then does `up` look for `/readyz`."""
    tls.write_kubeconfig(home, port, token)
    fresh = home.root / "control.json.new"
    fresh.write_text(json.dumps({"port": port, "pid": os.getpid(), "version": __version__}))
    fresh.replace(home.root / "control.json")
    log.info("listening on 127.0.0.1:%d, home %s", port, home.root)
