"""The names under `pinnace.dev/` by which Pods carry what rooms tell each other, written once.

Who may write which is told in `reserved`; what they hold, in the room that reads them.
"""

from __future__ import annotations

STAGING = "pinnace.dev/staging"
TRANSFERS = "pinnace.dev/transfers"
"""Artifacts of a step that lie elsewhere: their locations, with secrets by name."""
ARTIFACT = "pinnace.dev/artifact"
OUTPUTS = "pinnace.dev/outputs"
SOURCES = "pinnace.dev/sources"
ISOLATION = "pinnace.dev/isolation"
NETWORK = "pinnace.dev/network"
SOCKETS = "pinnace.dev/sockets"
SOCKET_PATHS = "pinnace.dev/socket-paths"
GANG = "pinnace.dev/gang"
GANG_SIZE = "pinnace.dev/gang-size"
PRIORITY = "pinnace.dev/priority"
"""A Workflow's own, on its Pods: their order among those of one PriorityClass."""
LOG_ALIASES = "pinnace.dev/log-aliases"
"""`other=container` pairs, comma-separated: names under which clients ask for the log of a container, because
on a cluster another one beside it writes it."""
PROGRESS = "workflows.argoproj.io/progress"
"""Upstream's: how far a step is, `n/m`, as it says itself."""
