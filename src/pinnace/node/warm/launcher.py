"""The sandbox launcher with a warm start: what `assembly.py` gives the node in place of the cold one alone.

A container is started warm if all of its command is a Python program of an environment whose zygote waits.
Everything else, and whatever fails before the program's first instruction, starts cold, with the same result.
Invariant: a program is started once. Only what the keeper has refused, or what it was not let go with before
the keeper's end, is started again.
"""

from __future__ import annotations

import os

import msgspec

from pinnace.node.launchers import Built, Ended, Handle, Launch
from pinnace.node.launchers.sandbox import SandboxLauncher, unsafe
from pinnace.node.rewriting import Rewriter
from pinnace.node.warm.guest import Guest
from pinnace.node.warm.pool import Kind, Pool
from pinnace.node.warm.program import Program, read

KNOWN_VARIABLES = frozenset(("PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"))
LOCALE = ("LANG", "LANGUAGE", "LC_")
COMPONENT = ("_KFP_RUNTIME", "true")
"""With it the SDK says to its own package that a component's executor imports it, and not its author."""
USUAL_LOCALE = frozenset(("C.UTF-8", "C.utf8"))


class WarmLauncher:
    name = "sandbox"
    private_root = True

    def __init__(self, cold: SandboxLauncher, pool: Pool) -> None:
        self.cold = cold
        self.pool = pool

    def start(self, launch: Launch, ended: Ended) -> Handle:
        program = self.program(launch)
        zygote = self.pool.find(kind_of(launch.built, program)) if program is not None else None
        if program is None or zygote is None:
            return self.cold.start(launch, ended)
        words = self.cold.argv(launch, [])
        guest = Guest(self.cold, launch, ended)
        zygote.take(guest, words[: len(words) - len(launch.argv) - 1], job(launch, program))
        return guest

    def program(self, launch: Launch) -> Program | None:
        """None: not for a zygote."""
        built = launch.built
        if not built.python or built.root or not launch.executor:
            return None
        if launch.tty or launch.entrance or launch.beside:
            return None
        program = read(launch.argv)
        if program is None or not usual(launch.env | program.said, built):
            return None
        if any(name in launch.env for name in program.shell_only):
            return None
        if program.folders and "TMPDIR" in launch.env:
            return None
        python = own(program.python, launch.env, built)
        if not python:
            return None
        program.python = python
        return program

    def rewriter(self, root: str, declared: list[str], elsewhere: dict[str, str]) -> Rewriter:
        return self.cold.rewriter(root, declared, elsewhere)

    def sweep(self) -> None:
        self.cold.sweep()


def own(name: str, env: dict[str, str], built: Built) -> str:
    """The path of the environment's own Python, if this name means it."""
    folder = os.path.dirname(built.python)
    if "/" not in name:
        first = env.get("PATH", "").partition(":")[0]
        name = f"{first}/{name}"
    return name if os.path.dirname(name) == folder and os.path.exists(name) else ""


def usual(env: dict[str, str], built: Built) -> bool:
    """Whether no variable would have made the interpreter itself start otherwise."""
    for name, value in env.items():
        if name.startswith("PYTHON"):
            if name not in KNOWN_VARIABLES and built.env.get(name) != value:
                return False
        elif unsafe(name) or (name.startswith(LOCALE) and value not in USUAL_LOCALE):
            return False
    return True


def kind_of(built: Built, program: Program) -> Kind:
    """What a component's program imports at its top is imported beforehand; so is what the rule says."""
    module = program.name if COMPONENT in program.said.items() and program.kind == "module" else ""
    said = tuple(sorted(program.said.items())) if module else ()
    return Kind(built, said, module)


def job(launch: Launch, program: Program) -> bytes:
    env = launch.env | program.said
    order = msgspec.structs.asdict(program) | {
        "env": env,
        "cwd": launch.cwd or "/",
        "unbuffered": program.unbuffered or bool(env.get("PYTHONUNBUFFERED")),
        "no_bytecode": program.no_bytecode or bool(env.get("PYTHONDONTWRITEBYTECODE")),
    }
    return msgspec.json.encode(order)
