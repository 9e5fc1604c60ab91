"""Environments on disk: what a rule names, built once by uv in a process of its own, and kept by digest.

`ready` answers at once for what is already there; `build` is for the rest, and many askers share one build.
Nothing is downloaded but what a rule lists, and no Python unless the rule says `download_python: true`.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from pinnace.authoring.environments import (
    LAYERED,
    Environment,
    Rule,
    RuleError,
    Rules,
    advice,
    canonical,
    combined,
)
from pinnace.home import Home
from pinnace.node import indexes
from pinnace.node.images import ImageError, Images
from pinnace.node.interpreters import newer, search_path
from pinnace.node.launchers import Bind, Built
from pinnace.node.reaper import Reaper

LOOK = 1.0
READY = "ready.json"
STAMP = ".stamp"
LOCK = "lock.digest"
VENV = "{{venv}}"
"""In a rule's file: where the environment's Python and programs are."""


class Absent(Exception):
    """No environment or image can be had now; `reason` as the kubelet words it."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Made(msgspec.Struct):
    """What READY says: the interpreter's own folder, to be shown too."""

    base: str = ""


class Environments:
    def __init__(self, home: Home, reaper: Reaper, images: Images) -> None:
        self.home = home
        self.reaper = reaper
        self.images = images
        self.stamp = -1
        self.rules = Rules(())
        self.problem = ""
        self.known: dict[tuple[str, str], Built] = {}
        self.building: dict[str, asyncio.Future[Built]] = {}
        self.looked = 0.0

    def ready(self, image: str, isolation: str) -> Built | None:
        """What is at hand; None if it has to be built or cannot be."""
        self.refresh()
        found = self.known.get((image, isolation))
        if found is None and isolation == "container":
            found = Built(digest="", image=image.partition(LAYERED)[0])
        if found is None:
            rule = self.rules.match(image)
            if rule is not None and rule.environment is not None and not needs_building(rule.environment):
                found = self.plain(rule.environment)
        if found is not None:
            self.known[image, isolation] = found
        return found

    async def build(self, image: str, isolation: str) -> Built:
        """Absent: there is no rule, or it could not be followed."""
        rule, name = self.rules.match(image), image.partition(LAYERED)[0]
        if rule is None or self.problem:
            why = self.problem or advice(name, str(self.home.environment_rules))
            raise Absent("ErrImageNeverPull", why)
        if rule.environment is None:
            built = await self.shared(f"image {canonical(name)}", lambda: self.fetch(rule, name))
        else:
            environment = rule.environment
            built = await self.shared(environment.digest, lambda: self.make(environment))
        self.known[image, isolation] = built
        return built

    async def shared(self, key: str, work: Callable[[], Awaitable[Built]]) -> Built:
        """One build for all who ask meanwhile; it goes on if one of them leaves."""
        if key not in self.building:
            future = self.building[key] = asyncio.ensure_future(work())
            future.add_done_callback(lambda _: self.building.pop(key, None))
        return await asyncio.shield(self.building[key])

    async def fetch(self, rule: Rule, image: str) -> Built:
        try:
            return await self.images.fetch(rule, image)
        except ImageError as error:
            raise Absent(error.reason, str(error)) from None

    async def make(self, environment: Environment) -> Built:
        folder = self.home.environments / environment.digest
        if not (folder / READY).exists():
            if folder.exists():
                shutil.rmtree(folder)
            await self.fill(folder, environment)
        return self.made(environment)

    async def fill(self, folder: Path, environment: Environment) -> None:
        lay_out(folder, environment)
        base = ""
        if environment.python:
            python = await self.find_python(folder, environment)
            base = await self.interpreter_home(folder, python)
            await self.uv(folder, "venv", "--quiet", "--python", python, str(folder / "venv"))
            if environment.requirements:
                await self.install(folder, environment.requirements)
            for group in environment.layers:
                await self.install(folder, group)
            await self.lock(folder)
        (folder / READY).write_bytes(msgspec.json.encode(Made(base)))

    async def lock(self, folder: Path) -> None:
        """What is installed, exactly, kept in `data/` under its digest: lineage tells environments apart."""
        from pinnace.data.blobs import Blobs

        python = str(folder / "venv/bin/python")
        version = await self.output(folder, [python, "-I", "-c", "import sys; print(sys.version.split()[0])"])
        found = await self.uv(folder, "pip", "freeze", "--quiet", "--python", python)
        text = f"python=={version.strip()}\n{found}"
        stored = await asyncio.to_thread(Blobs(self.home.data).put_bytes, text.encode())
        (folder / LOCK).write_text(stored.digest)

    async def install(self, folder: Path, words: tuple[str, ...]) -> None:
        interpreter = str(folder / "venv/bin/python")
        links = [word for place in find_links() for word in ("--find-links", place)]
        options = ["--quiet", "--link-mode=copy", "--compile-bytecode", "--python", interpreter, *links]
        options += indexes.options(os.environ)
        own = [word for word in words if word.startswith("-")]
        wanted = ["--", *(word for word in words if word not in own)]
        preferred = folder / "preferred.txt"
        if found := laid_down():
            preferred.write_text("\n".join(found) + "\n")
            try:
                await self.uv(folder, "pip", "install", *options, "-c", str(preferred), *own, *wanted)
                return
            except Absent:
                pass  # another version is asked for, or another Python: what can be had will do
        await self.uv(folder, "pip", "install", *options, *own, *wanted)

    async def find_python(self, folder: Path, environment: Environment) -> str:
        """The interpreter's path. Absent: the machine has none of that version."""
        wanted = environment.python
        if wanted == "*" and sys.version_info >= (3, 11):
            return os.path.realpath(sys.executable)  # noqa: ASYNC240 - a link or two
        options = [] if environment.download_python else ["--no-python-downloads"]
        request = ">=3.9" if wanted == "*" else wanted
        try:
            found = await self.uv(folder, "python", "find", "--system", *options, request)
        except Absent as error:
            if environment.near and (instead := await self.newer_python(folder, wanted)):
                return instead
            raise Absent(
                "ErrImagePull",
                f"no Python {wanted} on this machine: install it, say `uv python install {wanted}`, "
                f"or write a rule with `download_python: true` ({error})",
            ) from None
        return found.strip().splitlines()[-1]

    async def newer_python(self, folder: Path, wanted: str) -> str | None:
        options = ("--only-installed", "--offline", "--output-format", "json")
        said = await self.uv(folder, "python", "list", "--quiet", *options)
        return newer(said[said.find("[") :], wanted)

    async def interpreter_home(self, folder: Path, python: str) -> str:
        code = "import sys; print(sys.base_prefix)"
        return (await self.output(folder, [python, "-I", "-c", code])).strip()

    async def uv(self, folder: Path, *words: str) -> str:
        return await self.output(folder, [find_uv(), *words])

    async def output(self, folder: Path, argv: list[str]) -> str:
        """Run to the end; what it said. Absent: it failed, with its last words."""
        path = folder / "build.log"
        environ = build_environment(self.home)
        with path.open("ab") as log:
            before = log.tell()
            code = await self.reaper.run(argv, environ, cwd=str(folder), output=log.fileno())
        said = path.read_bytes()[before:].decode(errors="replace")
        if code != 0:
            words = " ".join(argv[:4])
            raise Absent("ErrImagePull", f"{words} … ended with {code}: {said.strip()[-600:]} ({path})")
        return said

    def plain(self, environment: Environment) -> Built:
        """Programs of the host, and perhaps a few files of ours: nothing to wait for."""
        folder = self.home.environments / environment.digest
        if environment.files and not (folder / READY).exists():
            folder.mkdir(parents=True, exist_ok=True, mode=0o755)
            write_files(folder, environment)
            (folder / READY).write_bytes(msgspec.json.encode(Made()))
        return self.made(environment)

    def made(self, environment: Environment) -> Built:
        folder = self.home.environments / environment.digest
        binds, path = [Bind(p, p) for p in environment.path], list(environment.path)
        env = dict(environment.env)
        if folder.exists():
            binds.append(Bind(str(folder), str(folder)))
            binds += [Bind(str(folder / "files" / str(n)), p) for n, p in absolute(environment)]
            path.insert(0, str(folder / "bin"))
        if environment.python:
            base = msgspec.json.decode((folder / READY).read_bytes(), type=Made).base
            if not base.startswith("/usr"):
                binds.insert(0, Bind(base, base))
            path.insert(0, str(folder / "venv/bin"))
            env["VIRTUAL_ENV"] = str(folder / "venv")
        if environment.packages:
            copy_packages(folder, environment)
        if environment.packages or environment.modules:
            env["PYTHONPATH"] = str(folder / "lib")
        return Built(
            digest=environment.digest,
            binds=tuple(binds),
            path=tuple(path),
            env=env,
            layered=bool(environment.layers),
            entrypoint=environment.entrypoint,
            cmd=environment.cmd,
            workdir=environment.workdir,
            identity=identity(environment, folder),
            python=str(folder / "venv/bin/python") if environment.python else "",
            preload=environment.preload,
        )

    def refresh(self) -> None:
        """Read the rules again if their file has changed."""
        now = self.reaper.loop.time()
        if self.stamp != -1 and now - self.looked < LOOK:
            return
        self.looked = now
        path = self.home.environment_rules
        try:
            stamp = path.stat().st_mtime_ns
        except OSError:
            stamp = 0
        if stamp == self.stamp:
            return
        self.stamp, self.problem = stamp, ""
        self.known.clear()
        try:
            self.rules = combined(path.read_text() if stamp else "", str(path))
        except (OSError, RuleError) as error:
            self.rules, self.problem = combined(""), str(error)

    async def changed(self) -> None:
        """Until the rules are others than now."""
        stamp = self.stamp
        while self.stamp == stamp:
            await asyncio.sleep(LOOK)
            self.refresh()


def identity(environment: Environment, folder: Path) -> str:
    """`environment:<what was asked for>@<digest of what was installed>`; programs of the host are not
    locked."""
    if not environment.python:
        return f"host:{environment.digest}"
    try:
        lock = (folder / LOCK).read_text()
    except OSError:
        lock = "unlocked"
    return f"environment:{environment.digest}@{lock}"


def needs_building(environment: Environment) -> bool:
    return bool(
        environment.python or environment.requirements or environment.packages or environment.modules
    )


def lay_out(folder: Path, environment: Environment) -> None:
    folder.mkdir(parents=True, mode=0o755)
    write_files(folder, environment)
    write_modules(folder, environment)
    copy_packages(folder, environment)


def absolute(environment: Environment) -> list[tuple[int, str]]:
    """Files with a place of their own inside: (number, path)."""
    return [(n, path) for n, path in enumerate(environment.files) if path.startswith("/")]


def write_files(folder: Path, environment: Environment) -> None:
    for name in ("files", "bin"):
        (folder / name).mkdir(exist_ok=True, mode=0o755)
    for number, (path, text) in enumerate(environment.files.items()):
        target = folder / "files" / str(number) if path.startswith("/") else folder / "bin" / Path(path).name
        target.write_text(text.replace(VENV, str(folder / "venv")))
        target.chmod(0o755)


def write_modules(folder: Path, environment: Environment) -> None:
    for path, text in environment.modules.items():
        target = folder / "lib" / path
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        target.write_text(text)


def copy_packages(folder: Path, environment: Environment) -> None:
    """Our own packages that the environment may import, and nothing else of the platform; anew where those
    of a newer platform differ."""
    import pinnace

    source = Path(pinnace.__file__).parent
    for package in environment.packages:
        parts = package.split(".")
        origin, target = source.joinpath(*parts[1:]), folder / "lib" / Path(*parts)
        stamp = stamped(origin)
        if (target / STAMP).is_file() and (target / STAMP).read_text() == stamp:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if len(parts) > 1:
            (folder / "lib" / parts[0] / "__init__.py").touch()
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(origin, target, ignore=shutil.ignore_patterns("__pycache__"))
        (target / STAMP).write_text(stamp)


def stamped(folder: Path) -> str:
    """Tells two versions of a package's files apart."""
    files = sorted((path.name, path.stat()) for path in folder.glob("*.py"))
    return " ".join(f"{name}:{found.st_size}:{found.st_mtime_ns}" for name, found in files)


def find_uv() -> str:
    beside = Path(sys.executable).parent / "uv"
    found = str(beside) if beside.exists() else shutil.which("uv")
    if not found:
        raise Absent("ErrImagePull", "uv is not installed: `pip install uv` into the environment of Pinnace")
    return found


def find_links() -> list[str]:
    """pip's own settings, which uv does not read."""
    text = os.environ.get("PIP_FIND_LINKS", "") if not os.environ.get("UV_FIND_LINKS") else ""
    return [place for place in text.split() if "://" in place or Path(place).is_dir()]


def laid_down() -> list[str]:
    """Builds of somebody's own in the folders to find wheels in (`torch==2.13.0+cpu`): whoever laid them
    there means them, though a registry may have a newer one with gigabytes of CUDA."""
    text = " ".join(os.environ.get(name, "") for name in ("PIP_FIND_LINKS", "UV_FIND_LINKS"))
    found: dict[str, list[str]] = {}
    for place in text.replace(",", " ").split():
        for wheel in Path(place).glob("*.whl") if "://" not in place else ():
            name, version = wheel.name.split("-")[:2]
            if "+" in version:
                found.setdefault(name, []).append(f"{name}=={version}")
    return sorted(versions[0] for versions in found.values() if len(versions) == 1)


def build_environment(home: Home) -> dict[str, str]:
    env = indexes.translated(os.environ)
    if not env.get("HOME"):
        env["HOME"] = str(home.root)
    env.pop("VIRTUAL_ENV", None)
    env["PATH"] = search_path(env.get("PATH") or os.defpath, env["HOME"])
    return env
