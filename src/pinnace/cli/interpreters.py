"""Which of the user's Pythons has the package that a file is written with."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from pinnace.cli.platform import Failure


def interpreter(package: str, variable: str, what: str) -> str:
    """The one that `variable` names, the active virtual environment's, PATH's, our own: the first that has
    the package. Raises Failure."""
    active = os.environ.get("VIRTUAL_ENV", "")
    wanted = [
        os.environ.get(variable, ""), f"{active}/bin/python" if active else "",
        shutil.which("python3") or "", shutil.which("python") or "", sys.executable,
    ]
    code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({package!r}) is None)"
    for one in dict.fromkeys(filter(None, wanted)):
        if subprocess.run([one, "-c", code], capture_output=True, check=False).returncode == 0:
            return one
    raise Failure(
        f"no Python here has {package}: activate the environment that your {what} is written in, "
        f"or name its Python in {variable} (`pip install {package}`)"
    )
