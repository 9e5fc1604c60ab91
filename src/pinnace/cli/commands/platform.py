"""The platform itself: started, stopped, looked at, shown. See `cli/app`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from pinnace.cli.options import Where
from pinnace.cli.platform import DEFAULT_GATEWAY_PORT, DEFAULT_PORT
from pinnace.home import Home


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


def down(*, home: Where = None) -> int:
    """Stop the platform of this home; every object and file stays."""
    from pinnace.cli.up import down as command

    return command(Home.at(home))


def status(*, json: Annotated[bool, Parameter(negative="")] = False, home: Where = None) -> int:
    """Tell which processes run, where they listen, and how much memory they hold."""
    from pinnace.cli.up import status as command

    return command(Home.at(home), json)


def doctor(*, home: Where = None) -> int:
    """Check what this machine offers (isolation, network, gateway) and say how to get what is missing."""
    from pinnace.cli.doctor import doctor as command

    return command(Home.at(home))


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
