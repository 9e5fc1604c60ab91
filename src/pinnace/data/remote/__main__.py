"""`python -m pinnace.data.remote`."""

from __future__ import annotations

from pinnace.data.remote.linklocal import guard
from pinnace.data.remote.process import main

guard()
main()
