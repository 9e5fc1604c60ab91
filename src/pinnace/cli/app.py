"""The command line: which commands there are. What each takes is in `cli/commands`, its work in the module of
`cli` that has its name.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

from cyclopts import App, Group

from pinnace import __version__
from pinnace.cli.catalog.commands import catalog
from pinnace.cli.commands import care, cluster, documents, platform, runs
from pinnace.cli.connection import Refused, Unreachable
from pinnace.cli.options import CARE, PLATFORM, WORK
from pinnace.cli.platform import Failure
from pinnace.cli.workbench import notebook, tensorboard
from pinnace.cli.workflows.commands import workflow

app = App(
    name="pinnace",
    help="Run your Kubeflow, Argo and KServe manifests on this machine. No cluster, no Docker.",
    version=__version__,
)

COMMANDS: tuple[tuple[Group, tuple[Callable[..., int], ...]], ...] = (
    (PLATFORM, (platform.up, platform.down, platform.status, platform.doctor, platform.console)),
    (PLATFORM, (platform.demo,)),
    (WORK, (runs.run, runs.debug, runs.prefetch, runs.rerun, runs.lineage, runs.models)),
    (WORK, (documents.export, documents.check, documents.lint, documents.convert)),
    (WORK, (cluster.kubectl, cluster.shell, cluster.kubeconfig)),
    (CARE, (care.reset, care.backup, care.restore, care.du, care.gc)),
)

KUBECTLS_OWN: dict[str, list[str]] = {"help_flags": [], "version_flags": []}
"""`pinnace kubectl --help` is kubectl's to answer."""

for heading, commands in COMMANDS:
    for command in commands:
        app.command(command, group=heading, **(KUBECTLS_OWN if command is cluster.kubectl else {}))
for group in (workflow, notebook, tensorboard, catalog):
    app.command(group)


def called(argv: Sequence[str]) -> int:
    """kubectl's words are its own, `--` and empty ones too: they are not parsed here."""
    if argv[:1] == ["kubectl"]:
        return cluster.kubectl(*argv[1:])
    return int(app(standard_input_named(argv), result_action="return_value") or 0)


def standard_input_named(argv: Sequence[str]) -> list[str]:
    """`run -`: a lone hyphen would be read as an option without a name."""
    if argv and argv[0] == "run":
        return ["/dev/stdin" if word == "-" else word for word in argv]
    return list(argv)


def main(argv: Sequence[str]) -> int:
    try:
        return called(argv)
    except Failure as failure:
        print(f"pinnace: {failure}", file=sys.stderr)
        return failure.code
    except (Unreachable, Refused) as problem:
        print(f"pinnace: {problem}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Whoever read our output has had enough (`| head`); nothing more can be said, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
