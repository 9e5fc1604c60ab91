"""From an environment as it runs here to an image that runs the same elsewhere: which layers, which settings.

`pinnace export --build` makes one Builder a bundle. Layers are shared: one ground for all images, one
interpreter a Python, and above them what is the image's own. Blocks: call it in a process of its own.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import msgspec

from pinnace.data.images import host, python
from pinnace.data.images.config import ImageConfig
from pinnace.data.images.errors import ImageError
from pinnace.data.images.tree import Folder, Tree
from pinnace.data.images.writer import Layer, LayoutWriter, Written

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
FILES, LIBRARY = "/opt/bin", "/opt/lib"
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
NOISE = ("__pycache__", ".git", ".venv", ".mypy_cache", ".pytest_cache", ".ruff_cache", "node_modules")
"""Of a source folder: what its programs do not need."""


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """What goes into one image."""

    name: str
    venv: Path | None = None
    files: dict[str, str] = {}
    """Absolute path, or a name for the PATH → text."""
    library: Path | None = None
    """Packages that PYTHONPATH names."""
    folders: tuple[Path, ...] = ()
    """Folders of the host that come first in PATH, taken along to their own place."""
    sources: tuple[tuple[Path, str], ...] = ()
    """Source folders and where they are mounted."""
    start: ImageConfig = ImageConfig()
    programs: tuple[str, ...] = ()


class Result(msgspec.Struct, frozen=True):
    image: Written
    packages: list[str]
    missing: list[str]
    """Libraries that something in it names and this machine lacks too (drivers of GPUs, mostly)."""


class Builder:
    """Use as a context: scratch files are gone afterwards. Raises ImageError."""

    def __init__(self, layout: LayoutWriter, programs: Iterable[str] = ()) -> None:
        if not sys.platform.startswith("linux"):
            raise ImageError(
                "an image is built from this machine's own programs, and a cluster runs those of Linux "
                "alone: use `export --build` on Linux, or leave it out and build images by other means"
            )
        self.layout = layout
        self.ground = host.ground(programs)
        self._scratch = tempfile.TemporaryDirectory(prefix="pinnace-image-")
        self._number = 0
        self._bottom: Layer | None = None
        self._pythons: dict[str, tuple[Tree, Layer]] = {}

    def __enter__(self) -> Builder:
        return self

    def __exit__(self, *_: object) -> None:
        self._scratch.cleanup()

    def build(self, recipe: Recipe) -> Result:
        layers, own = [self.bottom()], Tree()
        below = self.ground
        if recipe.venv is not None:
            found = python.facts(recipe.venv / "bin" / "python")
            below, layer = self.interpreter(found)
            layers.append(layer)
            python.environment(own, recipe.venv, found, self.scratch())
        self.furnish(own, recipe)
        missing = host.add_libraries(own, below)
        if own.entries:
            layers.append(self.layout.layer(own, f"the environment {recipe.name}"))
        for source, place in recipe.sources:
            layers.append(self.layout.layer(source_tree(source, place), f"the source folder of {place}"))
        image = self.layout.image(recipe.name, layers, settings(recipe))
        return Result(image, python.packages(recipe.venv) if recipe.venv else [], missing)

    def bottom(self) -> Layer:
        if self._bottom is None:
            self._bottom = self.layout.layer(self.ground, "a shell, the usual tools and their libraries")
        return self._bottom

    def interpreter(self, found: python.Facts) -> tuple[Tree, Layer]:
        """The trees of ground and interpreter together, and the layer of the latter."""
        if found.program not in self._pythons:
            tree = Tree()
            python.interpreter(tree, found, self.scratch())
            host.add_libraries(tree, self.ground)
            layer = self.layout.layer(tree, f"Python {found.full}")
            both = Tree()
            both.entries = {**self.ground.entries, **tree.entries}
            self._pythons[found.program] = (both, layer)
        return self._pythons[found.program]

    def furnish(self, tree: Tree, recipe: Recipe) -> None:
        for path, text in recipe.files.items():
            tree.text(path if path.startswith("/") else f"{FILES}/{Path(path).name}", text, 0o755)
        if recipe.library is not None:
            tree.copy(recipe.library, LIBRARY, without=("__pycache__",))
        for folder in recipe.folders:
            tree.copy(folder, str(folder))
        for name in recipe.programs:
            if f"/{name}" not in tree.entries:
                host.add_program(tree, name)
        if recipe.start.workdir:
            tree.put(recipe.start.workdir, Folder())

    def scratch(self) -> Path:
        self._number += 1
        return Path(self._scratch.name) / str(self._number)


def source_tree(source: Path, place: str) -> Tree:
    tree = Tree()
    tree.copy(source, place, without=NOISE)
    return tree


def settings(recipe: Recipe) -> ImageConfig:
    first = [f"{python.VENV}/bin"] if recipe.venv else []
    if any(not path.startswith("/") for path in recipe.files):
        first.append(FILES)
    first += [str(folder) for folder in recipe.folders]
    env = {"PATH": ":".join((*first, PATH)), "LANG": "C.UTF-8"}
    if host.certificates():
        env["SSL_CERT_FILE"] = CERTIFICATES
    if recipe.venv:
        env["VIRTUAL_ENV"] = python.VENV
    if recipe.library:
        env["PYTHONPATH"] = LIBRARY
    env |= {name: value for name, value in recipe.start.env.items() if name != "PATH"}
    labels = {"org.opencontainers.image.title": recipe.name, **recipe.start.labels}
    return msgspec.structs.replace(recipe.start, env=env, labels=labels)
