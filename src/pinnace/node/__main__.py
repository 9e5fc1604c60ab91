"""`python -m pinnace.node --home H`."""

from __future__ import annotations

import sys

from pinnace.node.process import main

sys.exit(main(sys.argv[1:]))
