"""The zygote: a Python of an environment that waits in a sandbox without rights, and forks for each pod.

It runs in the environment's own interpreter (3.9 or later, standard library only), started by the keeper,
with its socket at descriptor 3. It imports what it is told to, once. For each order it forks a child that
enters the room which the keeper has made, gives up what rights the room's user namespace gave it, waits for
the word, and then is the program. Nothing of a pod comes back to the zygote.
"""

from __future__ import annotations

# ruff: noqa: E402
import sys

BARE = frozenset(sys.modules)
"""What an interpreter has imported at its start anyway."""

import ast
import atexit
import builtins
import ctypes
import gc
import importlib.machinery
import importlib.util
import io
import json
import os
import runpy
import signal
import socket
import time
import types
import weakref

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

    Job = dict[str, Any]

LINE = 3
MOST = 1 << 20
FDS = 16
DUMPABLE, SET_NAME, NO_NEW_PRIVS, CAPBSET_READ, CAPBSET_DROP, CAP_AMBIENT, CLEAR_ALL = (
    4,
    15,
    38,
    23,
    24,
    47,
    4,
)
CAPABILITIES_V3, MOST_CAPABILITIES = 0x20080522, 64
STANDARD = (
    "argparse", "base64", "collections.abc", "contextlib", "copy", "csv", "dataclasses", "datetime", "enum",
    "functools", "glob", "hashlib", "inspect", "itertools", "locale", "logging", "math", "pathlib", "pickle",
    "random", "re", "shutil", "string", "subprocess", "tempfile", "textwrap", "threading", "traceback",
    "typing", "urllib.parse", "uuid", "warnings", "zlib",
)  # fmt: skip
"""Of the standard library, what most programs import."""
libc = ctypes.CDLL(None, use_errno=True)


def wait() -> Job:
    """The job of this process, once it is a child in its room."""
    line = socket.socket(fileno=LINE)
    first = json.loads(line.recv(MOST))
    for name in (*STANDARD, *first["preload"]):
        quietly(importlib.import_module, name)
    if first["module"]:
        quietly(import_for, first["module"])
    early = frozenset(name.partition(".")[0] for name in sys.modules if name not in BARE)
    gc.collect()
    gc.freeze()
    line.send(b"up")
    while True:
        data, parts, _, _ = line.recvmsg(MOST, socket.CMSG_SPACE(FDS * 4), socket.MSG_CMSG_CLOEXEC)
        if not data:
            os._exit(0)
        rights = [
            int.from_bytes(content[at : at + 4], sys.byteorder)
            for _, _, content in parts
            for at in range(0, len(content) // 4 * 4, 4)
        ]
        child = os.fork()
        if child == 0:
            line.detach()
            return entered(json.loads(data), rights, early)
        for descriptor in rights:
            os.close(descriptor)
        os.waitpid(child, 0)


def quietly(call: Callable[..., object], *given: str) -> None:
    """What cannot be imported now, the program will say."""
    try:
        call(*given)
    except Exception:
        pass


def import_for(name: str) -> None:
    """What a module that is started with -m imports at its top, and nothing else of it."""
    spec = importlib.util.find_spec(name)
    loader: Any = spec.loader if spec else None
    for statement in ast.parse(loader.get_source(name)).body:
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            code = compile(ast.Module([statement], []), name, "exec")
            exec(code, {"__name__": name, "__package__": name.rpartition(".")[0]})  # noqa: S102


def entered(job: Job, rights: list[int], early: frozenset[str]) -> Job:
    streams, gate, spaces = rights[:3], socket.socket(fileno=rights[3]), rights[4:]
    try:
        for space in spaces:
            checked(libc.setns(space, 0))
        os.setsid()  # as below bubblewrap, the program leads no session
        if os.fork():
            os._exit(0)
        for number, descriptor in enumerate(streams):
            os.dup2(descriptor, number)
        if gate.fileno() != LINE:
            os.dup2(gate.fileno(), LINE)
            gate.detach()
            gate = socket.socket(fileno=LINE)
        os.closerange(LINE + 1, os.sysconf("SC_OPEN_MAX"))
        drop_rights()
        os.umask(0o022)
        os.chdir(job["cwd"])
        prepare(job, early)
    except BaseException as error:
        gate.send(f"{type(error).__name__}: {error}".encode()[:2000])
        os._exit(1)
    gate.send(b"ready")
    if gate.recv(16) != b"go":
        os._exit(1)
    gate.close()
    return job


def drop_rights() -> None:
    """A full set came with the room's user namespace; nothing can be gained again."""
    checked(libc.prctl(CAP_AMBIENT, CLEAR_ALL, 0, 0, 0))
    for capability in range(MOST_CAPABILITIES):
        if libc.prctl(CAPBSET_DROP, capability, 0, 0, 0) != 0:
            break
    header = (ctypes.c_uint32 * 2)(CAPABILITIES_V3, 0)
    data = (ctypes.c_uint32 * 6)()
    checked(libc.capset(header, data))
    checked(libc.prctl(NO_NEW_PRIVS, 1, 0, 0, 0))
    checked(libc.capget(header, data))
    left = [n for n in range(MOST_CAPABILITIES) if libc.prctl(CAPBSET_READ, n, 0, 0, 0) == 1]
    if any(data) or left or os.geteuid() == 0:
        raise PermissionError("rights are left that a pod does not have")
    checked(libc.prctl(DUMPABLE, 1, 0, 0, 0))


def checked(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def prepare(job: Job, early: frozenset[str]) -> None:
    """Whatever may fail, while the pod can still be started another way."""
    for path in job["folders"]:
        os.mkdir(path, 0o700)
    for path, text in job["files"]:
        with open(path, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            file.write(text)
    if job["kind"] == "file":
        with open(job["argv"][0], "rb") as file:
            job["source"] = file.read()
    elif job["kind"] == "command":
        job["source"] = job["text"]
    take_variables(job["env"])
    sys.executable = job["python"]
    sys.orig_argv = job["words"]
    sys.argv[:] = job["argv"]
    sys.path[0:1] = [start_of_path(job)]
    refuse_others(sys.path[0], early)
    for path, finder in list(sys.path_importer_cache.items()):
        if finder is None:
            del sys.path_importer_cache[path]
    libc.prctl(SET_NAME, os.path.basename(job["python"]).encode(), 0, 0, 0)
    if job["unbuffered"]:
        unbuffer()
    if job["no_bytecode"]:
        sys.dont_write_bytecode = True
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed()


def refuse_others(folder: str, early: frozenset[str]) -> None:
    """A module of the program's own goes before one that is imported here already: then it starts cold."""
    for name in os.listdir(folder or "."):
        if name.partition(".")[0] in early:
            raise ImportError(f"{name} stands for a module that is imported already")


def take_variables(env: dict[str, str]) -> None:
    locale = os.environ.get("LC_CTYPE")
    os.environ.clear()
    os.environ.update(env)
    if locale:  # the interpreter has put it there itself, as it does at every start
        os.environ.setdefault("LC_CTYPE", locale)
    time.tzset()


def start_of_path(job: Job) -> str:
    if job["kind"] == "command":
        return ""
    return os.getcwd() if job["kind"] == "module" else os.path.dirname(os.path.realpath(job["argv"][0]))


def unbuffer() -> None:
    for name in ("stdout", "stderr"):
        old = getattr(sys, name)
        raw = open(old.fileno(), "wb", buffering=0, closefd=False)  # noqa: SIM115 - for as long as it lives
        new: Any = io.TextIOWrapper(raw, old.encoding, old.errors, newline="\n", write_through=True)
        new.mode = "w"
        setattr(sys, name, new)
        setattr(sys, f"__{name}__", new)


def run(job: Job) -> int:
    """As the interpreter does it itself; the exit code, or minus a signal that it should die of."""
    module: Any = types.ModuleType("__main__")
    module.__builtins__ = builtins
    if sys.version_info < (3, 14):
        module.__annotations__ = {}
    sys.modules["__main__"] = module
    gc.enable()
    try:
        if job["kind"] == "module":
            module.__loader__ = None
            start: Any = runpy._run_module_as_main  # type: ignore[attr-defined]
            start(job["name"])
            return 0
        name = "<string>"
        if job["kind"] == "file":
            name = module.__file__ = job["argv"][0]
            module.__cached__ = None
            module.__loader__ = importlib.machinery.SourceFileLoader("__main__", name)
        else:
            module.__loader__ = importlib.machinery.BuiltinImporter
        execute(compile(job["source"], name, "exec", dont_inherit=True), module.__dict__, job["kind"])
    except SystemExit as error:
        return exit_code(error)
    except BaseException as error:
        return failed(error)
    return 0


def execute(code: types.CodeType, names: dict[str, Any], kind: str) -> None:
    try:
        exec(code, names)  # noqa: S102
    finally:
        if kind == "file":  # the interpreter does so before it speaks of an exception
            flushed()


def exit_code(error: SystemExit) -> int:
    if error.code is None or isinstance(error.code, int):
        return (error.code or 0) & 0xFF
    print(error.code, file=sys.stderr)
    return 1


def failed(error: BaseException) -> int:
    """What the interpreter says of a program that did not catch it; frames of ours left out."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_globals is globals():
        trace = trace.tb_next
    try:
        sys.excepthook(type(error), error.with_traceback(trace), trace)
    except SystemExit as over:
        return exit_code(over)
    return -signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1


def leave(code: int, early: frozenset[str]) -> NoReturn:
    """The interpreter's end, in its order, but for what the zygote has imported: that only shares memory."""
    quietly(threading()._shutdown)
    atexit._run_exitfuncs()
    lost = not flushed()
    gone = [weakref.ref(sys.modules.pop(name)) for name in reversed(list(sys.modules)) if name not in early]
    gc.collect()
    for module in (each() for each in gone):
        if module is not None:
            clear(module)
    lost = not flushed() or lost
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    ctypes.PyDLL(None).exit(120 if lost else code)
    os._exit(code)


def threading() -> Any:
    return sys.modules["threading"]


def flushed() -> bool:
    done = True
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None and not stream.closed:
                stream.flush()
        except Exception:
            done = stream is sys.stderr and done
    return done


def clear(module: Any) -> None:
    names = module.__dict__
    for private in (True, False):
        for name in list(names):
            if name.startswith("_") == private and name != "__builtins__":
                names[name] = None


if __name__ == "__main__":
    now = wait()
    imported = frozenset(sys.modules) - {"__main__"}
    leave(run(now), imported)
