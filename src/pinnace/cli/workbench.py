"""The commands of `pinnace notebook` and `pinnace tensorboard`. Imports are lazy: see `cli/commands`."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from pinnace.cli.options import WORK, Namespace, Where
from pinnace.home import Home

notebook = App(name="notebook", help="Notebooks: real JupyterLabs behind the gateway.", group=WORK)
tensorboard = App(name="tensorboard", help="TensorBoards behind the gateway.", group=WORK)
Print = Annotated[bool, Parameter(name="--print", negative="")]


@notebook.command(name="open")
def open_notebook(
    name: str, *, print_: Print = False, namespace: Namespace = "default", home: Where = None
) -> int:
    """Print a link that opens a notebook once, within five minutes, and open it in the browser.

    Parameters
    ----------
    name:
        Name of the notebook.
    print_:
        Only print the link.
    """
    from pinnace.cli.opening import command

    return command(Home.at(home), "notebooks", name, namespace, print_only=print_)


@tensorboard.command(name="open")
def open_tensorboard(
    name: str, *, print_: Print = False, namespace: Namespace = "default", home: Where = None
) -> int:
    """Print a link that opens a TensorBoard once, within five minutes, and open it in the browser.

    Parameters
    ----------
    name:
        Name of the Tensorboard.
    print_:
        Only print the link.
    """
    from pinnace.cli.opening import command

    return command(Home.at(home), "tensorboards", name, namespace, print_only=print_)
