"""The node process: `python -m pinnace node --home H --isolation auto|container|sandbox|process`.

The supervisor starts it. A new life first ends what an older one has left, then listens and says Hello.
Invariant: it needs neither store nor api, and keeps no journal.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any

from pinnace.home import Home

ISOLATIONS = ("auto", "container", "sandbox", "process")


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="pinnace node")
    parser.add_argument("--home", required=True)
    parser.add_argument("--isolation", choices=ISOLATIONS, default="auto")
    options = parser.parse_args(argv)
    home = Home.at(options.home).prepare()
    os.umask(0o022)
    without_tls()
    import asyncio

    from pinnace.node.assembly import serve

    asyncio.run(serve(home, options.isolation))
    return 0


def without_tls() -> None:
    """The node speaks no TLS: asyncio without `ssl` is 5 MB less."""
    modules: dict[str, Any] = sys.modules
    modules.setdefault("ssl", None)
