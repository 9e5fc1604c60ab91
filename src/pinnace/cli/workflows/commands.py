"""The commands of `pinnace workflow`, with upstream's names of options. Lazy imports: see `cli/commands`."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import App, Parameter

from pinnace.cli.options import WORK, Namespace, Where
from pinnace.home import Home

workflow = App(name="workflow", help="Act on workflows; `@latest` is the newest one's name.", group=WORK)

Flag = Parameter(negative="")
Switch = Annotated[bool, Flag]
Given = Annotated[tuple[str, ...], Parameter(name=["--parameter", "-p"], negative="")]
Selector = Annotated[str, Parameter(name="--node-field-selector")]
Labels = Annotated[str, Parameter(name=["--selector", "-l"])]
Output = Annotated[Literal["", "name", "wide", "json", "yaml"], Parameter(name=["--output", "-o"])]
Names = Annotated[tuple[str, ...], Parameter(negative="")]


def then(*, wait: bool, watch: bool, log: bool) -> str:
    return "wait" if wait else "watch" if watch else "log" if log else ""


@workflow.command(name="list")
def list_workflows(
    *,
    status: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    running: Switch = False,
    completed: Switch = False,
    selector: Labels = "",
    prefix: str = "",
    since: str = "",
    older: str = "",
    limit: int = 0,
    output: Output = "",
    all_namespaces: Annotated[bool, Parameter(name=["--all-namespaces", "-A"], negative="")] = False,
    namespace: Namespace = "default",
    home: Where = None,
) -> int:
    """List workflows, the archived ones too.

    Parameters
    ----------
    status:
        Only those of this phase; may be repeated.
    running:
        Only those that have not ended.
    completed:
        Only those that have ended.
    selector:
        Label selector.
    prefix:
        Only those whose names begin so.
    since:
        Only those made since: 10m, 24h, 7d.
    older:
        Only those that ended longer ago than this.
    limit:
        At most so many, the newest.
    output:
        name, wide (with parameters), json or yaml.
    all_namespaces:
        Of every namespace.
    """
    from pinnace.cli.workflows.door import Door
    from pinnace.cli.workflows.showing import listing

    return listing(
        Door(Home.at(home), "" if all_namespaces else namespace), status=status, running=running,
        completed=completed, labels=selector, prefix=prefix, since=since, older=older, limit=limit,
        output=output,
    )


@workflow.command
def get(
    name: str,
    *,
    output: Output = "",
    node_field_selector: Selector = "",
    namespace: Namespace = "default",
    home: Where = None,
) -> int:
    """Show one workflow: how it stands, and its steps as a tree.

    Parameters
    ----------
    output:
        name, json or yaml.
    node_field_selector:
        Only the nodes that match (`phase=Failed`, `displayName=train`).
    """
    from pinnace.cli.workflows.door import Door
    from pinnace.cli.workflows.showing import get as command

    return command(Door(Home.at(home), namespace), name, output=output, selector=node_field_selector)


@workflow.command
def logs(
    name: str,
    pod: str = "",
    *,
    follow: Annotated[bool, Parameter(name=["--follow", "-f"], negative="")] = False,
    container: Annotated[str, Parameter(name=["--container", "-c"])] = "main",
    grep: str = "",
    tail: int | None = None,
    since: str = "",
    since_time: str = "",
    timestamps: Switch = False,
    previous: Switch = False,
    selector: Labels = "",
    no_color: Switch = False,
    namespace: Namespace = "default",
    home: Where = None,
) -> int:
    """Print what the pods of a workflow said, in the order of time.

    Parameters
    ----------
    pod:
        Only this pod.
    follow:
        Go on until the workflow ends.
    container:
        Another container than the step's own.
    grep:
        Only lines that match this regular expression.
    tail:
        Only the last lines of each pod.
    since:
        Only what was said since: 5s, 10m, 2h.
    since_time:
        Only what was said after this moment (RFC 3339).
    timestamps:
        With the time of every line.
    previous:
        Of the life before a restart.
    selector:
        Only pods with these labels.
    no_color:
        Names of pods without colours.
    """
    from pinnace.cli.workflows.door import Door
    from pinnace.cli.workflows.logs import logs as command

    return command(
        Door(Home.at(home), namespace), name, pod, follow=follow, container=container, grep=grep, tail=tail,
        since=since, since_time=since_time, timestamps=timestamps, previous=previous, selector=selector,
        color=False if no_color else None,
    )


@workflow.command
def retry(
    *names: str,
    restart_successful: Switch = False,
    node_field_selector: Selector = "",
    parameter: Given = (),
    wait: Annotated[bool, Parameter(name=["--wait", "-w"], negative="")] = False,
    watch: Switch = False,
    log: Switch = False,
    namespace: Namespace = "default",
    home: Where = None,
) -> int:
    """Go on with failed workflows: what failed runs again, what succeeded stays.

    Parameters
    ----------
    restart_successful:
        Run the selected nodes again though they succeeded, with all that came after them.
    node_field_selector:
        Which nodes: `displayName=train`, `templateName=…`, `phase=…`, `inputs.parameters.x.value=…`.
    parameter:
        `name=value`, an argument of the workflow in place of the old one.
    wait:
        Wait for the end; the exit code is the outcome.
    watch:
        Show it as a live tree until the end.
    log:
        Print what its pods say until the end.
    """
    from pinnace.cli.workflows import acts
    from pinnace.cli.workflows.door import Door

    return acts.retry(
        Door(Home.at(home), namespace), names, restart_successful=restart_successful,
        selector=node_field_selector, parameters=parameter, then=then(wait=wait, watch=watch, log=log),
    )


@workflow.command
def resubmit(
    *names: str,
    memoized: Switch = False,
    parameter: Given = (),
    wait: Annotated[bool, Parameter(name=["--wait", "-w"], negative="")] = False,
    watch: Switch = False,
    log: Switch = False,
    namespace: Namespace = "default",
    home: Where = None,
) -> int:
    """Run workflows once more under new names; archived ones too.

    Parameters
    ----------
    memoized:
        Of failed ones: take over the steps that succeeded.
    parameter:
        `name=value`, an argument of the workflow in place of the old one.
    wait:
        Wait for the end; the exit code is the outcome.
    watch:
        Show it as a live tree until the end.
    log:
        Print what its pods say until the end.
    """
    from pinnace.cli.workflows import acts
    from pinnace.cli.workflows.door import Door

    return acts.resubmit(
        Door(Home.at(home), namespace), names, memoized=memoized, parameters=parameter,
        then=then(wait=wait, watch=watch, log=log),
    )


@workflow.command
def resume(
    *names: str,
    node: str = "",
    node_field_selector: Selector = "",
    parameter: Given = (),
    namespace: Namespace = "default",
    home: Where = None,
) -> int:
    """Say yes to suspended workflows.

    Parameters
    ----------
    node:
        Only the suspended step of this display name.
    node_field_selector:
        Only the suspended steps that match.
    parameter:
        `name=value`, an output that the step is waiting for.
    """
    from pinnace.cli.workflows import acts
    from pinnace.cli.workflows.door import Door

    chosen = node_field_selector or (f"displayName={node}" if node else "")
    return acts.resume(Door(Home.at(home), namespace), names, selector=chosen, parameters=parameter)


@workflow.command
def suspend(*names: str, namespace: Namespace = "default", home: Where = None) -> int:
    """Start no further steps until `resume`."""
    from pinnace.cli.workflows import acts
    from pinnace.cli.workflows.door import Door

    return acts.suspend(Door(Home.at(home), namespace), names)


@workflow.command
def stop(
    *names: str,
    node_field_selector: Selector = "",
    message: str = "",
    namespace: Namespace = "default",
    home: Where = None,
) -> int:
    """Stop workflows; their exit handlers still run.

    Parameters
    ----------
    node_field_selector:
        Only say no to the suspended steps that match; the workflow goes on from there.
    message:
        Why, for those steps.
    """
    from pinnace.cli.workflows import acts
    from pinnace.cli.workflows.door import Door

    return acts.stop(Door(Home.at(home), namespace), names, selector=node_field_selector, message=message)


@workflow.command
def terminate(*names: str, namespace: Namespace = "default", home: Where = None) -> int:
    """Stop workflows at once, without their exit handlers."""
    from pinnace.cli.workflows import acts
    from pinnace.cli.workflows.door import Door

    return acts.terminate(Door(Home.at(home), namespace), names)


@workflow.command(name="set")
def set_nodes(
    name: str,
    *,
    node_field_selector: Selector,
    phase: str = "",
    message: str = "",
    output_parameter: Annotated[
        tuple[str, ...], Parameter(name=["--output-parameter", "-p"], negative="")
    ] = (),
    namespace: Namespace = "default",
    home: Where = None,
) -> int:
    """Give suspended steps what they wait for, a message, or a phase.

    Parameters
    ----------
    node_field_selector:
        The suspended steps that are meant: `displayName=approve`.
    phase:
        Succeeded, Failed, Error or Skipped.
    message:
        A message for the step.
    output_parameter:
        `name=value`, an output that the step is waiting for.
    """
    from pinnace.cli.workflows import acts
    from pinnace.cli.workflows.door import Door

    return acts.set_nodes(
        Door(Home.at(home), namespace), name, selector=node_field_selector, state=phase, message=message,
        parameters=output_parameter,
    )


@workflow.command(alias="follow")
def watch(name: str, *, namespace: Namespace = "default", home: Where = None) -> int:
    """Show a workflow as a live tree until it ends; the exit code is its outcome."""
    from pinnace.cli.workflows import acts
    from pinnace.cli.workflows.door import Door

    return acts.watch(Door(Home.at(home), namespace), name)


@workflow.command
def wait(*names: str, namespace: Namespace = "default", home: Where = None) -> int:
    """Wait until workflows have ended; the exit code is 0 if all succeeded."""
    from pinnace.cli.workflows import acts
    from pinnace.cli.workflows.door import Door

    return acts.wait(Door(Home.at(home), namespace), names)


@workflow.command
def delete(
    *names: str,
    all: Switch = False,
    completed: Switch = False,
    older: str = "",
    selector: Labels = "",
    force: Switch = False,
    namespace: Namespace = "default",
    home: Where = None,
) -> int:
    """Delete workflows with their pods; what was archived stays in the archive.

    Parameters
    ----------
    all:
        Every workflow of the namespace.
    completed:
        Those that have ended.
    older:
        Those that ended longer ago than this: 30m, 24h, 7d.
    selector:
        Those with these labels.
    force:
        Without waiting for what their finalizers would do.
    """
    from pinnace.cli.workflows import acts
    from pinnace.cli.workflows.door import Door

    return acts.delete(
        Door(Home.at(home), namespace), names, every=all, completed=completed, older=older, labels=selector,
        force=force,
    )
