"""The platform as kubectl and other clients of a cluster see it. See `cli/app`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from pinnace.cli.options import Where
from pinnace.home import Home


def raw(words: list[str]) -> tuple[Path | None, list[str]]:
    """`--home` of ours may only stand first, so that every other word is kubectl's."""
    if len(words) > 1 and words[0] == "--home":
        return Path(words[1]), words[2:]
    return None, words


def kubectl(*words: Annotated[str, Parameter(allow_leading_hyphen=True)]) -> int:
    """Run the bundled kubectl against this platform."""
    from pinnace.cli.kubectl import kubectl as command

    home, rest = raw(list(words))
    return command(Home.at(home), rest)


def shell(*, home: Where = None) -> int:
    """Open a shell in which KUBECONFIG names this platform."""
    from pinnace.cli.kubectl import shell as command

    return command(Home.at(home))


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
