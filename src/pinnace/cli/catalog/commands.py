"""`pinnace catalog …`: what components there are, and putting back what is missing. Imports are lazy."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from pinnace.cli.options import WORK, Where
from pinnace.home import Home

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
def install(*names: str, force: Switch = False, home: Where = None) -> int:
    """Bring back what is missing in the running platform.

    Parameters
    ----------
    names:
        Only these; all if none is named.
    force:
        Write the shipped ones over those that were changed.
    """
    from difflib import get_close_matches

    from pinnace.cli.catalog.shipped import components
    from pinnace.cli.connection import Connection, Refused
    from pinnace.cli.platform import Failure

    known = {one["metadata"]["name"]: one for one in components()}
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, 1)
            meant = f" (did you mean {near[0]!r}?)" if near else ": `pinnace catalog list` shows them"
            raise Failure(f"no component is named {name!r}{meant}")
    connection = Connection.to(Home.at(home))
    there = {one["metadata"]["name"] for one in connection.json(PATH)["items"]}
    for name in names or known:
        if name in there and not force:
            continue
        try:
            connection.request("POST", PATH, known[name])
        except Refused as refusal:
            if refusal.code != 409:
                raise
            connection.request("PUT", f"{PATH}/{name}", known[name])
        print(f"{name}: written")
    return 0
