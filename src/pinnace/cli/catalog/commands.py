"""`pinnace catalog …`: what components there are, and putting back what is missing. Imports are lazy."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from pinnace.cli.options import WORK, Where
from pinnace.home import Home
from pinnace.kinds.resource import Obj

catalog = App(name="catalog", help="The components that pipelines are drawn of.", group=WORK)
Switch = Annotated[bool, Parameter(negative="")]
PATH = "/apis/argoproj.io/v1alpha1/clusterworkflowtemplates"


@catalog.command(name="list")
def list_components(*, json: Switch = False) -> int:
    """List the components that are shipped, by their groups.

    Parameters
    ----------
    json:
        As JSON.
    """
    import msgspec

    from pinnace.authoring import ports
    from pinnace.cli.catalog.shipped import components, entry

    found = [entry(one) for one in components()]
    if json:
        print(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
        return 0
    for group in ports.rule().groups:
        print(group)
        for one in found:
            if one.group == group:
                print(f"  {one.name:<28} {one.description}")
    return 0


@catalog.command
def install(
    *names: str, force: Switch = False, context: str = "", kubeconfig: Path | None = None, home: Where = None
) -> int:
    """Bring back what is missing in the running platform, or bring it all to another cluster.

    Parameters
    ----------
    names:
        Only these; all if none is named.
    force:
        Write the shipped ones over those that were changed.
    context:
        The cluster of this context of a kubeconfig, instead of the platform.
    kubeconfig:
        The file with the context, instead of those that kubectl reads.
    """
    from pinnace.cli.catalog.shipped import components

    known = {one["metadata"]["name"]: one for one in components()}
    for name in names:
        if name not in known:
            raise _unknown(name, known)
    wanted = [known[name] for name in names or known]
    if context:
        from pinnace.cli.catalog.cluster import bring

        return bring(wanted, force, context, kubeconfig)
    return _bring(wanted, force, home)


def _unknown(name: str, known: Iterable[str]) -> Exception:
    from difflib import get_close_matches

    from pinnace.cli.platform import Failure

    near = get_close_matches(name, known, 1)
    meant = f" (did you mean {near[0]!r}?)" if near else ": `pinnace catalog list` shows them"
    return Failure(f"no component is named {name!r}{meant}")


def _bring(wanted: list[Obj], force: bool, home: Where) -> int:
    from pinnace.cli.connection import Connection, Refused

    connection = Connection.to(Home.at(home))
    there = {one["metadata"]["name"] for one in connection.json(PATH)["items"]}
    for one in wanted:
        name = one["metadata"]["name"]
        if name in there and not force:
            continue
        try:
            connection.request("POST", PATH, one)
        except Refused as refusal:
            if refusal.code != 409:
                raise
            connection.request("PUT", f"{PATH}/{name}", one)
        print(f"{name}: written")
    return 0
