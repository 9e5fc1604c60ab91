"""Process isolation: the container is a plain process of the user, in its own session and folder.

For macOS, for machines without user namespaces, and by choice. It keeps steps out of each other's way
(declared paths are rewritten), and keeps nobody out of anything.
"""

from __future__ import annotations

import os
import shutil
from functools import lru_cache
from pathlib import Path

from pinnace.node.launchers import Command, Ended, Exit, Handle, Launch, StartError, Terms, unstarted
from pinnace.node.orphans import Orphans
from pinnace.node.reaper import Reaper, exit_code, kill_session
from pinnace.node.rewriting import Rewriter
from pinnace.node.streams import on_terminal

ARCHIVE = ("tar", "cf", "-")
NO_ROOT = "/nonexistent"


class ProcessHandle:
    __slots__ = ("environment", "orphans", "pid")

    def __init__(self, orphans: Orphans) -> None:
        self.pid = 0
        self.orphans = orphans
        self.environment: dict[str, str] = {}

    def signal(self, number: int) -> None:
        kill_session(self.pid, number)

    def kill(self) -> None:
        kill_session(self.pid)

    def members(self) -> list[int]:
        return self.orphans.session(self.pid)

    def command(self, argv: list[str], launch: Launch, terms: Terms | None = None) -> Command:
        if rewriter := launch.rewriter:
            argv = archiving(argv, rewriter, launch.root) or [rewriter.text(word) for word in argv]
            if "/tmp" in rewriter.seen:  # noqa: S108 - a path inside
                os.makedirs(f"{launch.root}/tmp", exist_ok=True)  # noqa: S108
        find(argv[0], launch.env.get("PATH", ""), launch.cwd)
        env = self.orphans.marked(launch.env, launch.uid)
        return Command(argv, {"TERM": "xterm", **env} if terms and terms.terminal else env, launch.cwd)


class ProcessLauncher:
    name = "process"
    private_root = False

    def __init__(self, reaper: Reaper, orphans: Orphans) -> None:
        self.reaper = reaper
        self.orphans = orphans

    def start(self, launch: Launch, ended: Ended) -> Handle:
        if launch.built.root:
            raise StartError(
                "an image's own file system cannot be shown to a plain process: "
                "use the sandbox, or write a rule that maps the image to an environment"
            )
        program = find(launch.argv[0], launch.env.get("PATH", ""), launch.cwd)
        handle = ProcessHandle(self.orphans)

        def over(status: int) -> None:
            left = kill_session(handle.pid)
            alone = self.orphans.end(handle.pid, launch.uid) and not left
            ended(Exit(exit_code(status), alone=alone))

        argv, program = in_cgroups(launch, program)
        if launch.tty:
            argv = on_terminal(argv, program)
            program = argv[0]
        try:
            handle.pid = self.reaper.spawn(
                argv,
                self.orphans.marked(launch.env, launch.uid),
                over,
                program=program,
                cwd=launch.cwd,
                stdin=launch.stdin,
                stdout=launch.stdout,
                stderr=launch.stderr,
            )
        except OSError as error:
            why = (error.strerror or "").lower()
            raise StartError(unstarted(launch.argv[0], f"{why}: {error.filename}")) from None
        self.orphans.born(handle.pid)
        return handle

    def rewriter(self, root: str, declared: list[str], elsewhere: dict[str, str]) -> Rewriter:
        return Rewriter(root, declared, elsewhere)

    def sweep(self) -> None:
        self.orphans.sweep()


def archiving(argv: list[str], rewriter: Rewriter, root: str) -> list[str]:
    """`kubectl cp` from a container has `tar` write the path that was asked for, and expects the archive to
    name it so, and not where it lies here. Empty: it is another command."""
    if argv[: len(ARCHIVE)] != list(ARCHIVE):
        return []
    words = list(ARCHIVE)
    for path in argv[len(ARCHIVE) :]:
        if path.startswith("/"):
            moved = rewriter.path(path).startswith(root + "/")
            words += ["-C", root if moved else "/", path.strip("/") or "."]
        else:
            words.append(path)
    return words


def in_cgroups(launch: Launch, program: str) -> tuple[list[str], str]:
    """The argv that enters its control groups before the program's first instruction: no race."""
    if not launch.cgroups:
        return launch.argv, program
    enter = " ".join(f'&& echo 0 > "${{{n}}}/cgroup.procs"' for n in range(1, len(launch.cgroups) + 1))
    shift = f"shift {len(launch.cgroups)}"
    script = f':{" " + enter} && {shift} && exec "$@"'
    return ["sh", "-c", script, "sh", *launch.cgroups, program, *launch.argv[1:]], "/bin/sh"


def find(name: str, path: str, cwd: str) -> str:
    """The program's file, looked up as execvp does. StartError: there is none."""
    found = _which(name, path) if "/" not in name else os.path.join(cwd, name)
    if not found:
        raise StartError(unstarted(name))
    if "/" in name and not Path(found).exists():
        raise StartError(unstarted(name))
    return found


@lru_cache(1024)
def _which(name: str, path: str) -> str:
    found = shutil.which(name, path=path)
    if found is None:
        raise StartError(unstarted(name))
    return found
