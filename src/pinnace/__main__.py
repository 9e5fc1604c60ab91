"""`python -m pinnace …`: the command line, and the four processes under names that one recognises in `ps`."""

from __future__ import annotations

import sys
from importlib import import_module

PROCESSES = {
    "supervisor": "pinnace.cli.supervisor",
    "control": "pinnace.cli.control",
    "node": "pinnace.node.process",
    "gateway": "pinnace.gateway.process",
}


def main() -> int:
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name in PROCESSES:
        return int(import_module(PROCESSES[name]).main(sys.argv[2:]) or 0)
    from pinnace.cli.app import main as cli

    return cli(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
