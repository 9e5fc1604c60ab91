"""`python -m pinnace.gateway --home H [--port N]`: the gateway process by itself (`pinnace gateway` is
the same).
"""

from __future__ import annotations

import sys

from pinnace.gateway.process import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
