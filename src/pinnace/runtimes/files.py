"""The one model file of a folder, by its endings."""

from __future__ import annotations

from pathlib import Path

from .model import CannotLoad, Missing


def only(folder: Path, *endings: str) -> Path:
    """Raises CannotLoad: there is none, or more than one."""
    if folder.is_file():
        return folder
    if not folder.is_dir():
        raise Missing(f"{folder}: there is no such folder; is the model's storageUri right?")
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    fitting = [path for path in files if path.suffix in endings]
    if len(fitting) == 1:
        return fitting[0]
    names = ", ".join(path.name for path in files[:10]) or "nothing"
    why = "more than one model file is detected" if fitting else f"expected one file ({' '.join(endings)})"
    raise (CannotLoad if files else Missing)(f"{folder}: {why}, found {names}")
