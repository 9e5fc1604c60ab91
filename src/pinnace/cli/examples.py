"""The examples of every installation: the demo plays them, and `pinnace run examples/…` finds them."""

from __future__ import annotations

from pathlib import Path

from pinnace.cli.platform import Failure

NAME = "examples"


def examples() -> Path:
    """In the wheel they lie in the package, in a checkout beside `src`. Raises Failure if there are none."""
    package = Path(__file__).resolve().parents[1]
    for candidate in (package / NAME, package.parents[1] / NAME):
        if (candidate / "digits").is_dir():
            return candidate
    raise Failure("the examples are missing from this installation: reinstall pinnace")


def found(file: Path) -> Path:
    """The file itself, or ours of that name where the user has none: `examples/hello-world.yaml`."""
    if file.exists() or file.is_absolute() or file.parts[:1] != (NAME,):
        return file
    ours = examples().joinpath(*file.parts[1:])
    return ours if ours.is_file() else file
