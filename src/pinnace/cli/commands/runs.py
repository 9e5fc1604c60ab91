"""What is run, and what is told of it afterwards. See `cli/app`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from pinnace.cli.options import Namespace, Where
from pinnace.home import Home


def run(
    file: Path,
    *,
    parameter: Annotated[tuple[str, ...], Parameter(name=["--parameter", "-p"], negative="")] = (),
    watch: Annotated[bool, Parameter(name=["--watch", "-w"], negative="")] = False,
    junit: Path | None = None,
    namespace: Namespace = "default",
    home: Where = None,
) -> int:
    """Submit a Workflow and follow it as a live tree; the exit code is its outcome.

    Parameters
    ----------
    file:
        A manifest with a Workflow or WorkflowTemplate; `-` reads it from standard input.
    parameter:
        `name=value`, an argument of the workflow; may be repeated.
    watch:
        Run again whenever the file, or one that it names, is saved; what did not change is not done again.
    junit:
        Write a JUnit report of the run to this file.
    """
    from pinnace.cli.run import run as command

    return command(Home.at(home), file, parameter, namespace, watch=watch, junit=junit)


def debug(
    what: str,
    *command: Annotated[str, Parameter(allow_leading_hyphen=True)],
    shell: Annotated[bool, Parameter(negative="")] = True,
    pdb: Annotated[bool, Parameter(negative="")] = False,
    listen: int = 0,
    container: str = "",
    namespace: Namespace = "default",
    home: Where = None,
) -> int:
    """Enter the place of a step that ended: its isolation, its environment, its inputs.

    Parameters
    ----------
    what:
        `RUN/STEP`, the step by its name, display name or template; `RUN` alone means the step that failed.
    command:
        What to run there instead of a shell.
    shell:
        A shell (what it does by itself).
    pdb:
        Run the step's Python program again and stop in the debugger where it fails.
    listen:
        Run it under debugpy and wait for an IDE on this port.
    container:
        Another container than the step's main one.
    """
    from pinnace.cli.debug import debug as work

    return work(
        Home.at(home), what, namespace, pdb=pdb, listen=listen, container=container, command=command
    )


def prefetch(
    *target: Path,
    isolation: Literal["sandbox", "process", "container"] = "sandbox",
    home: Where = None,
) -> int:
    """Build the environments and pull the images that a document needs; nothing is run.

    Parameters
    ----------
    target:
        A manifest, a pipeline (YAML or Python) or a bundle's folder; several may be given.
    isolation:
        `container` pulls into the store of podman or docker; the others share environments.
    """
    from pinnace.cli.prefetch import prefetch as command

    return command(Home.at(home), target, isolation)


def rerun(
    run: str,
    *,
    timeout: float = 3600,
    namespace: Annotated[str, Parameter(name=["--namespace", "-n"])] = "",
    home: Where = None,
) -> int:
    """Run again what was recorded, and tell which outputs are equal, which differ, and why.

    Parameters
    ----------
    run:
        Name of a workflow, job or experiment (`workflow/digits`); it may have been deleted.
    timeout:
        Seconds to wait for its end (workflows are followed as long as they take).
    namespace:
        Where to look; everywhere if it is not given.
    """
    from pinnace.cli.rerun import rerun as command

    return command(Home.at(home), run, namespace, timeout=timeout)


def lineage(
    of: str,
    *,
    down: Annotated[bool, Parameter(negative="")] = False,
    full: Annotated[bool, Parameter(negative="")] = False,
    json: Annotated[bool, Parameter(negative="")] = False,
    namespace: Annotated[str, Parameter(name=["--namespace", "-n"])] = "",
    home: Where = None,
) -> int:
    """Walk from an endpoint, a model, a run or a digest to the data it goes back to.

    Parameters
    ----------
    of:
        A name (`digits`, `model/digits`, `digits:3`, `endpoint/digits`, `workflow/digits`) or a digest.
    down:
        The other way: to what depends on it.
    full:
        Whole digests, scripts and pods.
    json:
        The tree as JSON.
    namespace:
        Where to look; everywhere if it is not given.
    """
    from pinnace.cli.lineage import lineage as command

    return command(Home.at(home), of, namespace, down=down, json=json, full=full)


def models(
    name: str = "", *, json: Annotated[bool, Parameter(negative="")] = False, home: Where = None
) -> int:
    """List the registered models, or show every version of one.

    Parameters
    ----------
    name:
        The model to show.
    json:
        As JSON.
    """
    from pinnace.cli.lineage import models as command

    return command(Home.at(home), name, json=json)
