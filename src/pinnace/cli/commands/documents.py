"""Documents: written for a cluster, checked, translated. `check`, `lint` and `convert` need no platform.
See `cli/app`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from pinnace.cli.options import Namespace, Where
from pinnace.home import Home


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


def convert(
    *files: Path,
    to: Literal[
        "", "python", "components", "argo", "graph", "orchestrator", "blueprint", "cdump", "dockerinfo"
    ] = "",
    output: Annotated[Literal["yaml", "json"], Parameter(name=["--output", "-o"])] = "yaml",
    proto: Annotated[tuple[Path, ...], Parameter(negative="")] = (),
    address: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    image: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    dockerinfo: Path | None = None,
    namespace: Namespace = "default",
) -> int:
    """Write Argo documents of past versions in today's form, or a document as another, to standard output.

    Parameters
    ----------
    files:
        Manifests, or folders of them; a pipeline's IR, component YAML or Python; a blueprint or CDUMP.
    to:
        `python`: a workflow as a program of Hera's, a pipeline as one of its SDK. `components`: what is in
        Python, component YAML or a pipeline of KFP, each as a document that its SDK loads. Of Acumos'
        documents `argo` is a Workflow, `graph` an InferenceGraph with its services, `orchestrator` all that
        answers for a deployed blueprint; `blueprint`, `cdump` and `dockerinfo` are Acumos' own.
    output:
        As YAML or as JSON.
    proto:
        A model's .proto file, named as its proto_uri or its container is; may be repeated.
    address:
        `CONTAINER=HOST:PORT`, where a container runs already; may be repeated.
    image:
        `CONTAINER=IMAGE`, what is to be run where the document names no image; may be repeated.
    dockerinfo:
        A `dockerinfo.json` with the addresses of containers; `--address` says otherwise.
    """
    if to:
        from pinnace.cli.converting import Composition
        from pinnace.cli.converting import convert as translate

        about = Composition(proto, address, image, dockerinfo)
        return translate(files, to, output, about, namespace)
    from pinnace.cli.lint import convert as command

    return command(files, output)
