"""Runs a Python program as `python` would; stops where it fails, or waits for an IDE.

`pinnace debug` puts this file into a step's place and runs it there with the step's own interpreter (3.6 and
newer): `rehearsal.py pdb|PORT program.py …`, or `-m module …`, or `-c code …`. It imports nothing of ours.
"""

# ruff: noqa: UP006, UP035, UP045, S102 - an older interpreter reads this, and running a program is its purpose
import linecache
import os
import pdb
import runpy
import sys
import traceback
from types import TracebackType
from typing import List, Optional

SKIPPED = (__file__, runpy.__file__, "<frozen runpy>")


def run(words: List[str]) -> None:
    """As the interpreter does it, `sys.argv` and `sys.path[0]` included."""
    if words[0] == "-m":
        sys.argv, sys.path[0] = words[1:], os.getcwd()
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    elif words[0] == "-c":
        sys.argv, sys.path[0] = ["-c", *words[2:]], ""
        name = "<step>"
        linecache.cache[name] = (len(words[1]), None, words[1].splitlines(True), name)
        exec(compile(words[1], name, "exec"), {"__name__": "__main__", "__builtins__": __builtins__})
    else:
        sys.argv, sys.path[0] = words, os.path.dirname(os.path.abspath(words[0]))
        runpy.run_path(words[0], run_name="__main__")


def post_mortem(words: List[str]) -> int:
    try:
        run(words)
    except SystemExit as leaving:
        if leaving.code in (None, 0):
            print("the program ended without an error")
            return 0
        print(f"the program ended with exit code {leaving.code}")
        trace = leaving.__traceback__
    except BaseException as error:
        trace = error.__traceback__
        traceback.print_exception(type(error), error, own(trace))
    else:
        print("the program ended without an error")
        return 0
    pdb.post_mortem(own(trace))
    return 1


def own(trace: Optional[TracebackType]) -> Optional[TracebackType]:
    """From the program's first frame on."""
    first = trace
    while first is not None and first.tb_frame.f_code.co_filename in SKIPPED:
        first = first.tb_next
    return first or trace


def listen(port: int, words: List[str]) -> int:
    import debugpy  # type: ignore[import-not-found]

    debugpy.listen(("127.0.0.1", port))
    where = os.getcwd() if words[0].startswith("-") else os.path.dirname(os.path.abspath(words[0]))
    print(f"listening {port} {where}", flush=True)
    debugpy.wait_for_client()
    run(words)
    return 0


if __name__ == "__main__":
    how, program = sys.argv[1], sys.argv[2:]
    sys.exit(post_mortem(program) if how == "pdb" else listen(int(how), program))
