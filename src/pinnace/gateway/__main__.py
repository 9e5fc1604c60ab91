"""`python -m pinnace.gateway --home H [--port N]`: the gateway process, shown by ps as `pinnace gateway
H`.
"""

from __future__ import annotations

import argparse
import asyncio
import sys

from pinnace.gateway.bootstrap import NoEnvoy
from pinnace.gateway.service import PortTaken, Service
from pinnace.home import Home


async def serve(home: Home, port: int) -> None:
    await Service(home, port).run()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m pinnace.gateway")
    parser.add_argument("--home", default=None)
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    try:
        asyncio.run(serve(Home.at(options.home).prepare(), options.port))
    except (NoEnvoy, PortTaken, PermissionError) as problem:
        print(f"pinnace gateway: {problem}", file=sys.stderr, flush=True)
        return 78
    return 0


if __name__ == "__main__":
    sys.exit(main())
