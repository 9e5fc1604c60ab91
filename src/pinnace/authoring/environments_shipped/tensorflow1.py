"""`import tensorflow` as the programs of TensorFlow 1 mean it: TensorFlow 2's own `tensorflow.compat.v1`,
with version 2's behaviour switched off, as TensorFlow's migration guide has it.

Runs inside pods, never in the platform: it lies before the installed package on the path, takes its place,
and adds what moved out of it (`tensorflow.examples`). What version 1 does not have is version 2's.
"""

from __future__ import annotations

import importlib
import os
import sys
from types import ModuleType
from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))
GONE = "tf.contrib ended with TensorFlow 1; its parts live on as packages of their own, such as tf_slim"
TAKEN_OVER = ("__file__", "__loader__", "__package__", "__spec__", "__version__", "compat")


def installed() -> ModuleType:
    """The package behind this one, which must not find this one again."""
    kept = list(sys.path)
    sys.modules.pop("tensorflow", None)
    sys.path[:] = [place for place in kept if os.path.abspath(place or ".") != os.path.dirname(HERE)]
    try:
        return importlib.import_module("tensorflow")
    finally:
        sys.path[:] = kept


def take_its_place() -> None:
    package: Any = installed()
    first: Any = importlib.import_module("tensorflow.compat.v1")
    first.disable_v2_behavior()
    face: Any = ModuleType("tensorflow", package.__doc__)
    for name in TAKEN_OVER:
        setattr(face, name, getattr(package, name))
    face.__path__ = [*package.__path__, HERE]

    def look(name: str) -> Any:
        if name == "contrib":
            raise AttributeError(GONE)
        found = getattr(first, name, None)
        return getattr(package, name) if found is None else found

    face.__getattr__ = look
    face.__dir__ = lambda: sorted({*dir(first), *dir(package)})
    sys.modules["tensorflow"] = face


take_its_place()
