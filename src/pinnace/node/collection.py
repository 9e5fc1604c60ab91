"""Outputs, taken after the pod's last process is gone. Pure of processes: folders in, `Collected` out.

Nothing that a pod left is trusted: every path is opened beneath the pod's folder or the volume's, without
following a link, and only regular files are read.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from pinnace.data.beneath import Unsafe, open_beneath, read_beneath
from pinnace.data.blobs import Blobs, Stored
from pinnace.failpoint import passing
from pinnace.node.launchers import Bind
from pinnace.node.protocol import LOGS, Artifact, Collected, Output, Outputs
from pinnace.node.staging import covering, overlaps

PARAMETER_LIMIT = 8 * 1024 * 1024


class Place:
    """Where a container's paths lie: its root folder, its mounts, and the image below, if any."""

    def __init__(self, root: str, binds: list[Bind], image: str = "") -> None:
        self.root = root
        self.binds = binds
        self.image = image

    def locate(self, path: str) -> tuple[Path, str, bool]:
        """(trusted folder, path beneath it, whether the folder is the pod's alone)."""
        clean = os.path.normpath("/" + path.lstrip("/"))  # POSIX keeps a double slash
        mount = covering(self.binds, clean)
        if mount is None:
            return self.base(clean), clean.strip("/"), True
        source = Path(mount.source)
        rest = clean[len(mount.path.rstrip("/")) :].strip("/")
        return (source, rest or ".", False) if source.is_dir() else (source.parent, source.name, False)

    def base(self, path: str) -> Path:
        if self.image and not os.path.lexists(self.root + path):
            return Path(self.image)
        return Path(self.root)


def collect(
    blobs: Blobs, outputs: Outputs, place: Place, result: str | None, log: str = ""
) -> Collected:
    """Everything declared; the first that is missing or cannot be taken is named in `error`. `log`: the main
    container's, where it is to be kept."""
    collected = Collected(result=result)
    errors: list[str] = []
    for output in outputs.parameters:
        value = parameter(output, place, errors)
        if value is not None:
            collected.parameters[output.name] = value
    for number, output in enumerate(outputs.artifacts):
        again = any(overlaps(output.path, other.path) for other in outputs.artifacts[number + 1 :])
        taken = artifact(blobs, output, place, errors, again=again)
        if taken is not None:
            collected.artifacts[output.name] = Artifact(taken.digest, taken.size, taken.directory)
            passing("node.collecting")
    if log:
        kept = blobs.put_file(log) if os.path.exists(log) else blobs.put_bytes(b"")
        collected.artifacts[LOGS] = Artifact(kept.digest, kept.size)
    elsewhere(blobs, collected.parameters.get(outputs.told) or "", place, collected)
    collected.error = errors[0] if errors else ""
    return collected


def elsewhere(blobs: Blobs, said: str, place: Place, collected: Collected) -> None:
    """What lies where the program itself put it (`custom_path`); it may be missing, as upstream's may."""
    if '"custom_path"' not in said:
        return
    from pinnace.authoring.kfp.outcome import places

    for name, path in places(said).items():
        taken = artifact(blobs, Output(name=name, path=path, optional=True), place, [])
        if taken is not None:
            collected.artifacts[name] = Artifact(taken.digest, taken.size, taken.directory)


def parameter(output: Output, place: Place, errors: list[str]) -> str | None:
    """The file's text, one newline less."""
    base, path, _ = place.locate(output.path)
    try:
        text = read_beneath(base, path, PARAMETER_LIMIT).decode()
    except (FileNotFoundError, NotADirectoryError):
        if output.default is None and not output.optional:
            errors.append(f"output parameter {output.name!r}: the container left no file at {output.path}")
        return output.default
    except UnicodeDecodeError:
        errors.append(f"output parameter {output.name!r}: {output.path} is not UTF-8 text")
    except (OSError, Unsafe) as error:
        errors.append(f"output parameter {output.name!r}: {output.path}: {error}")
    else:
        return text.removesuffix("\n")
    return None


def artifact(
    blobs: Blobs, output: Output, place: Place, errors: list[str], *, again: bool = False
) -> Stored | None:
    """`again`: another output takes it too, or a part of it."""
    base, path, private = place.locate(output.path)
    try:
        return take(blobs, base, path, move=private and not again)
    except (FileNotFoundError, NotADirectoryError):
        if not output.optional:
            errors.append(f"output artifact {output.name!r}: the container left nothing at {output.path}")
    except (OSError, Unsafe) as error:
        errors.append(f"output artifact {output.name!r}: {output.path}: {error}")
    return None


def take(blobs: Blobs, base: Path, path: str, *, move: bool) -> Stored:
    descriptor = open_beneath(base, path)
    try:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            return blobs.put_tree(descriptor, move=move)
    finally:
        os.close(descriptor)
    return blobs.put_file(path, move=move, folder=base)
