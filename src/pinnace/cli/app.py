"""The command line: what each command takes. Every command's work is in the module beside it of its name.

Imports are lazy: `pinnace up` must be ready within a second, so a command pays only for what it uses.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from pinnace import __version__
from pinnace.cli.catalog.commands import catalog
from pinnace.cli.connection import Refused, Unreachable
from pinnace.cli.options import CARE, PLATFORM, WORK, Namespace, Where
from pinnace.cli.platform import DEFAULT_GATEWAY_PORT, DEFAULT_PORT, Failure
from pinnace.cli.workbench import notebook, tensorboard
from pinnace.cli.workflows.commands import workflow
from pinnace.home import Home

app = App(
    name="pinnace",
    help="Run your Kubeflow, Argo and KServe manifests on this machine. No cluster, no Docker.",
    version=__version__,
)


@app.command(group=PLATFORM)
def up(
    *,
    detach: Annotated[bool, Parameter(name=["--detach", "-d"], negative="")] = False,
    port: int = DEFAULT_PORT,
    gateway_port: int = DEFAULT_GATEWAY_PORT,
    isolation: Literal["auto", "container", "sandbox", "process"] = "auto",
    only: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    without: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    rbac: Literal["quickstart", "strict"] = "quickstart",
    home: Where = None,
) -> int:
    """Start the platform and stay with it until Ctrl-C.

    Parameters
    ----------
    detach:
        Return as soon as the platform is ready; `pinnace down` stops it.
    port:
        Port of the API and the console on this machine; 0 takes a free one.
    gateway_port:
        Port of the inference gateway; 0 takes a free one.
    isolation:
        How steps are kept apart; `auto` takes the strongest that works here.
    only:
        Start just these families of controllers and what they need: `--only kfp,workflow`.
    without:
        Leave this family's objects (workflow, serving, jobs) to a controller of your own.
    rbac:
        What a new namespace's default account may: `quickstart` as upstream's quick-starts, `strict` nothing.
    """
    from pinnace.cli.up import up as command

    return command(
        Home.at(home), detach=detach, port=port, gateway_port=gateway_port, isolation=isolation,
        only=only, without=without, rbac=rbac,
    )


@app.command(group=PLATFORM)
def down(*, home: Where = None) -> int:
    """Stop the platform of this home; every object and file stays."""
    from pinnace.cli.up import down as command

    return command(Home.at(home))


@app.command(group=PLATFORM)
def status(*, json: Annotated[bool, Parameter(negative="")] = False, home: Where = None) -> int:
    """Tell which processes run, where they listen, and how much memory they hold."""
    from pinnace.cli.up import status as command

    return command(Home.at(home), json)


@app.command(group=PLATFORM)
def doctor(*, home: Where = None) -> int:
    """Check what this machine offers (isolation, network, gateway) and say how to get what is missing."""
    from pinnace.cli.doctor import doctor as command

    return command(Home.at(home))


@app.command(group=PLATFORM)
def console(
    *, context: str | None = None, kubeconfig: Path | None = None, port: int = 0, home: Where = None
) -> int:
    """Print a one-time link that signs a browser in to the console.

    Parameters
    ----------
    context:
        Serve the console over this context of a kubeconfig, any cluster's, until Ctrl-C.
    kubeconfig:
        The file with the context, instead of those that kubectl reads.
    port:
        Port of the console over a context; 0 takes a free one.
    """
    if context is not None:
        from pinnace.cli.contexts.command import serve

        return serve(context, kubeconfig, port)
    from pinnace.cli.up import console as command

    return command(Home.at(home))


@app.command(group=PLATFORM)
def demo(
    *,
    once: Annotated[bool, Parameter(negative="")] = False,
    yes: Annotated[bool, Parameter(negative="")] = False,
    port: int = 0,
    home: Where = None,
) -> int:
    """Take handwritten digits from raw images to a model in service, and explain each act.

    Parameters
    ----------
    once:
        End by itself (implies --yes) instead of leaving everything up until Ctrl-C.
    yes:
        Answer the question before promotion with yes.
    port:
        Port of the demo's API; 0 takes a free one.
    """
    from pinnace.cli.demo import demo as command

    return command(once=once, yes=yes or once, port=port, home=home)


@app.command(group=WORK)
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


@app.command(group=WORK)
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


@app.command(group=WORK)
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


@app.command(group=WORK)
def export(
    what: str,
    *,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    build: Annotated[bool, Parameter(negative="")] = False,
    push: str = "",
    keep: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    store: str = "",
    endpoint: str = "",
    with_secrets: Annotated[bool, Parameter(negative="")] = False,
    namespace: Namespace = "default",
    home: Where = None,
) -> int:
    """Write what is here as a kustomize bundle that a cluster takes, with all that it refers to.

    Parameters
    ----------
    what:
        `NAME`, or `KIND/NAME`: run, pipeline, experiment, endpoint, job, or any kind as kubectl names it.
    output:
        The folder of the bundle; without it, one of the object's name here.
    build:
        Make an OCI image of every environment and of every source folder that is used, without an engine.
    push:
        `REGISTRY/PATH` to push the images to; the bundle then names them there, by digest.
    keep:
        A pattern of images that are left as they are (`alpine*`); may be repeated.
    store:
        `s3://BUCKET/PREFIX` (gs, az) to upload artifacts, models and claims' data to; references follow.
    endpoint:
        URL of that store, where it is not the cloud's own.
    with_secrets:
        Write the values of Secrets too, instead of names to fill in.
    """
    from pinnace.cli.export import Order
    from pinnace.cli.export import export as command

    order = Order(
        build=build, push=push, store=store, endpoint=endpoint, keep=keep, with_secrets=with_secrets
    )
    return command(Home.at(home), what, output, namespace, order)


@app.command(group=WORK)
def check(
    target: Path,
    *,
    context: str = "",
    profile: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    overlay: str = "dev",
    kubeconfig: Path | None = None,
) -> int:
    """Name what a cluster does not serve of a bundle or manifest, with path and fix.

    Parameters
    ----------
    target:
        A bundle of `pinnace export`, a kustomization, a folder of manifests, or a file.
    context:
        The cluster, by a context of your kubeconfig.
    profile:
        A cluster that is not at hand: kubeflow-1.8 to 1.11, kubeflow-26.03, argo-3.6, kserve-0.15, … may be
        repeated.
    overlay:
        Which of the bundle's overlays is checked.
    kubeconfig:
        Another file than $KUBECONFIG or ~/.kube/config.
    """
    from pinnace.cli.check import check as command

    return command(target, context, profile, overlay, kubeconfig)


@app.command(group=WORK)
def lint(
    *files: Path,
    output: Annotated[
        Literal["pretty", "simple", "json"], Parameter(name=["--output", "-o"])
    ] = "pretty",
    strict: bool = True,
    online: Annotated[bool, Parameter(negative="")] = False,
    home: Where = None,
) -> int:
    """Check Argo's documents without running them; no platform is needed.

    Parameters
    ----------
    files:
        Manifests, or folders of them (`/dev/stdin` too). Templates in one file may be referred
        to from the others.
    output:
        `simple` is a line for each problem, `json` for programs.
    strict:
        A field that a kind does not have is a problem.
    online:
        Look templates that no file defines up in the running platform.
    """
    from pinnace.cli.lint import lint as command

    return command(Home.at(home), files, output, strict=strict, online=online)


@app.command(group=WORK)
def convert(
    *files: Path,
    to: Literal["", "python", "argo", "graph", "orchestrator", "blueprint", "cdump", "dockerinfo"] = "",
    output: Annotated[Literal["yaml", "json"], Parameter(name=["--output", "-o"])] = "yaml",
    proto: Annotated[tuple[Path, ...], Parameter(negative="")] = (),
    address: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    namespace: Namespace = "default",
) -> int:
    """Write Argo documents of past versions in today's form, or a document as another, to standard output.

    Parameters
    ----------
    files:
        Manifests, or folders of them; a pipeline's IR; a blueprint or CDUMP of Acumos.
    to:
        `python`: a workflow as a program of Hera's, a pipeline as one of its SDK. Of Acumos' documents `argo`
        is a Workflow, `graph` an InferenceGraph with its services, `orchestrator` all that answers for a
        deployed blueprint; `blueprint`, `cdump` and `dockerinfo` are Acumos' own.
    output:
        As YAML or as JSON.
    proto:
        A model's .proto file, named as its proto_uri or its container is; may be repeated.
    address:
        `CONTAINER=HOST:PORT`, where a container runs already; may be repeated.
    """
    if to:
        from pinnace.cli.converting import convert as translate

        return translate(files, to, output, proto, address, namespace)
    from pinnace.cli.lint import convert as command

    return command(files, output)


@app.command(group=WORK)
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


@app.command(group=WORK)
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


@app.command(group=WORK)
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


app.command(workflow)
app.command(notebook)
app.command(tensorboard)
app.command(catalog)


def raw(words: list[str]) -> tuple[Path | None, list[str]]:
    """`--home` of ours may only stand first, so that every other word is kubectl's."""
    if len(words) > 1 and words[0] == "--home":
        return Path(words[1]), words[2:]
    return None, words


@app.command(group=WORK, help_flags=[], version_flags=[])
def kubectl(*words: Annotated[str, Parameter(allow_leading_hyphen=True)]) -> int:
    """Run the bundled kubectl against this platform."""
    from pinnace.cli.kubectl import kubectl as command

    home, rest = raw(list(words))
    return command(Home.at(home), rest)


@app.command(group=WORK)
def shell(*, home: Where = None) -> int:
    """Open a shell in which KUBECONFIG names this platform."""
    from pinnace.cli.kubectl import shell as command

    return command(Home.at(home))


@app.command(group=WORK)
def kubeconfig(
    *, merge: Annotated[bool, Parameter(negative="")] = False, home: Where = None
) -> int:
    """Print the kubeconfig, or add it to yours.

    Parameters
    ----------
    merge:
        Add a context `pinnace` to your own kubeconfig; your current context stays.
    """
    from pinnace.cli.kubectl import kubeconfig as command

    return command(Home.at(home), merge)


@app.command(group=CARE)
def reset(*, yes: Annotated[bool, Parameter(negative="")] = False, home: Where = None) -> int:
    """Forget every object, run, log and artifact of this home (environments stay)."""
    from pinnace.cli.care import reset as command

    return command(Home.at(home), yes)


@app.command(group=CARE)
def backup(target: Path, *, home: Where = None) -> int:
    """Write a backup (objects, volumes, artifacts) to one file; works while the platform runs."""
    from pinnace.cli.care import backup as command

    return command(Home.at(home), target)


@app.command(group=CARE)
def restore(source: Path, *, home: Where = None) -> int:
    """Bring a backup into an empty home."""
    from pinnace.cli.care import restore as command

    return command(Home.at(home), source)


@app.command(group=CARE)
def du(*, home: Where = None) -> int:
    """Tell what takes how much disk."""
    from pinnace.cli.care import du as command

    return command(Home.at(home))


@app.command(group=CARE)
def gc(*, home: Where = None) -> int:
    """Remove pod folders, artifacts and the data of deleted claims: what no object refers to."""
    from pinnace.cli.care import gc as command

    return command(Home.at(home))


def called(argv: Sequence[str]) -> int:
    """kubectl's words are its own, `--` and empty ones too: they are not parsed here."""
    if argv[:1] == ["kubectl"]:
        return kubectl(*argv[1:])
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
