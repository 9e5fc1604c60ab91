"""A served platform: real store, kinds, objects, api and the namespace and garbage controllers."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvloop

from pinnace.api import tls
from pinnace.api.app import App
from pinnace.api.authentication import Authenticator
from pinnace.api.context import ApiContext
from pinnace.api.server import Server, serve
from pinnace.controllers.controller import Reconciler
from pinnace.controllers.core import roles
from pinnace.controllers.core.garbage import Garbage
from pinnace.controllers.core.namespaces import Namespaces, bootstrap
from pinnace.controllers.manager import Manager
from pinnace.home import Home
from pinnace.kinds.catalogue import Catalogue
from pinnace.objects.local import Local
from pinnace.objects.tokens import Tokens
from pinnace.store.sqlite import SqliteStore

SYSTEM_KUBECTL = "/usr/bin/kubectl"
WHEEL_KUBECTL = str(Path(sys.executable).parent / "kubectl")


class Stack:
    """One platform on its own thread and loop. `run` does something on that loop."""

    def __init__(self, root: Path) -> None:
        self.home = Home.at(root).prepare()
        self.authenticator = Authenticator(self.home)
        self.token = self.authenticator.token
        self.catalogue = Catalogue.builtin()
        self.ready = threading.Event()
        self.failure: BaseException | None = None
        self.thread = threading.Thread(target=self._main, daemon=True)
        self.thread.start()
        self.ready.wait(30)
        if self.failure:
            raise self.failure

    def _main(self) -> None:
        loop = uvloop.new_event_loop()
        self.loop = loop
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(self._live())
        except BaseException as problem:
            self.failure = problem
        finally:
            self.ready.set()
            loop.close()

    async def _live(self) -> None:
        self.stop = asyncio.Event()
        self.store = SqliteStore.open(self.home.database)
        self.local = Local.open(self.store, self.catalogue)
        self.local.start()
        self.authenticator.tokens = Tokens(self.home, self.store)
        self.context = ApiContext(
            home=self.home,
            client=self.local.as_,
            catalogue=self.catalogue,
            authenticator=self.authenticator,
            authoriser=self.local.house.authoriser,
        )
        self.app = App(self.context)
        self.server: Server = await serve(self.app, "127.0.0.1", 0, tls.context(self.home))
        self.port = self.server.port
        tls.write_kubeconfig(self.home, self.port, self.token)
        await bootstrap(self.local, self.port)
        await roles.bootstrap(self.local)
        controllers: list[Reconciler] = [
            Namespaces(self.local, self.catalogue.resources), Garbage(self.local, self.catalogue)
        ]
        manager = Manager(self.local, controllers)
        managing = asyncio.create_task(manager.run())
        self.ready.set()
        await self.stop.wait()
        await self.server.close()
        manager.stop()
        await asyncio.gather(managing, return_exceptions=True)
        self.app.metrics.stop()
        self.local.close()
        await self.store.close()

    def run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def close(self) -> None:
        if self.thread.is_alive():
            self.loop.call_soon_threadsafe(self.stop.set)
            self.thread.join(20)
        shutil.rmtree(self.home.run, ignore_errors=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def http(self, **options: Any) -> httpx.Client:
        """A client with the token, over plain HTTP."""
        headers = {"authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        return httpx.Client(base_url=self.url, headers=headers, timeout=20, trust_env=False, **options)

    def kubectl_environment(self, cache: Path) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if "proxy" not in key.lower()}
        return {**kept, "KUBECONFIG": str(self.home.kubeconfig), "HOME": str(cache), "NO_COLOR": "1"}

    def kubectl(
        self,
        *arguments: str,
        text: str | None = None,
        program: str = WHEEL_KUBECTL,
        timeout: float = 30,
        env: dict[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        environment = {**self.kubectl_environment(self.home.root), **(env or {})}
        return subprocess.run(
            [program, *arguments],
            input=text,
            capture_output=True,
            text=True,
            timeout=timeout,
            env=environment,
            check=False,
        )

    def ok(self, *arguments: str, text: str | None = None, **options: Any) -> str:
        done = self.kubectl(*arguments, text=text, **options)
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        return done.stdout


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    made = Stack(tmp_path_factory.mktemp("home"))
    yield made
    made.close()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Stack]:
    """A platform of the test's own."""
    made = Stack(tmp_path / "home")
    yield made
    made.close()


@pytest.fixture
def namespace(stack: Stack, request: pytest.FixtureRequest) -> str:
    """A namespace of the test's own on the shared platform."""
    name = "".join(letter if letter.isalnum() else "-" for letter in request.node.name.lower())[:50].strip(
        "-"
    )
    stack.ok("create", "namespace", name)
    return name


@pytest.fixture(params=["system", "wheel"])
def kubectl_program(request: pytest.FixtureRequest) -> str:
    program = SYSTEM_KUBECTL if request.param == "system" else WHEEL_KUBECTL
    if not Path(program).exists():
        pytest.skip(f"{program} is not on this machine")
    return program


Condition = Callable[[], Any]
