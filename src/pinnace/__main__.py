"""`python -m pinnace …`: the command line, and the four processes under names that one recognises in `ps`."""

from __future__ import annotations

import gc
import sys
from importlib import import_module
from types import ModuleType

PROCESSES = {
    "supervisor": "pinnace.cli.supervisor",
    "control": "pinnace.cli.control",
    "node": "pinnace.node.process",
    "gateway": "pinnace.gateway.process",
}


def main() -> int:
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name in PROCESSES:
        return int(brought(PROCESSES[name]).main(sys.argv[2:]) or 0)
    return int(brought("pinnace.cli.app").main(sys.argv[1:]))


def brought(name: str) -> ModuleType:
    """Imported without looking for garbage meanwhile, of which there is none: a tenth of the time."""
    gc.disable()
    try:
        return import_module(name)
    finally:
        gc.freeze()
        gc.enable()


if __name__ == "__main__":
    sys.exit(main())
