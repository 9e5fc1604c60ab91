"""Which environment stands for an image: explicit rules, and never a guess at a name.

The node asks `Rules.match(image)`; the rules are the user's `environments.yaml` (first) and the shipped set.
Everything here is data to data: nothing is built, opened or downloaded (`node/environments.py` does that).
"""

from __future__ import annotations

import hashlib
import re
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from typing import Any

import msgspec

SHIPPED = "environments_shipped"
REGISTRIES = ("docker.io/", "index.docker.io/", "registry-1.docker.io/", "public.ecr.aws/docker/")
FROM_TAG = "tag"
LAYERED = "\n+"
"""Between an image's name and what is put on top of it; no image's name has it."""


class RuleError(ValueError):
    """A rule that cannot be read; the text names the rule and what was expected."""


class Environment(msgspec.Struct, frozen=True, omit_defaults=True):
    """What stands in for an image. Without `python` the programs are those of the host's PATH."""

    python: str = ""
    """A Python version (`3.11`), `*` for any, or empty: no Python is asked for."""
    requirements: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    env: dict[str, str] = {}
    workdir: str = ""
    files: dict[str, str] = {}
    """Absolute path inside, or a name that lands on PATH → text. `shipped:NAME` is a file of ours; `{{venv}}`
    in it becomes the folder of the environment's Python."""
    path: tuple[str, ...] = ()
    """Folders of the host put before PATH; they are visible read-only."""
    modules: dict[str, str] = {}
    """Python modules that are found before what is installed: their file below the path → text."""
    packages: tuple[str, ...] = ()
    """Packages of ours that the environment may import (`pinnace.runtimes`)."""
    layers: tuple[tuple[str, ...], ...] = ()
    """Groups of `pip install` arguments put on top, in order: what a pod says that it would install."""
    preload: tuple[str, ...] = ()
    """Modules that a warm start has imported already, without any variable of the pod's."""
    near: bool = False
    """The Python's version was read from an image's tag: where the machine lacks it, a newer one will do."""
    download_python: bool = False
    """Whether uv may fetch a Python that the machine lacks."""

    @property
    def digest(self) -> str:
        """Names what has to be built: two rules that need the same folder share it."""
        built: tuple[object, ...] = (
            self.python, self.requirements, sorted(self.files.items()), self.packages
        )
        if self.layers:
            built = (*built, self.layers)
        if self.modules:
            built = (*built, sorted(self.modules.items()))
        return hashlib.blake2s(msgspec.json.encode(built), digest_size=12).hexdigest()


class Source(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where the image itself may come from; exactly one is given."""

    pull: bool = False
    archive: str = ""
    layout: str = ""


class Rule(msgspec.Struct, frozen=True, omit_defaults=True):
    image: tuple[str, ...]
    environment: Environment | None = None
    source: Source | None = None

    def matches(self, image: str) -> bool:
        """`image` is canonical (name:tag); a pattern without a tag takes every tag."""
        name = image.rpartition(":")[0]
        return any(fnmatchcase(image if tagged(p) else name, canonical_name(p)) for p in self.image)


class Rules(msgspec.Struct, frozen=True):
    rules: tuple[Rule, ...]

    def match(self, image: str) -> Rule | None:
        """The first rule for this image, its environment's Python read from the tag where it says so."""
        image, _, layers = image.partition(LAYERED)
        name = canonical(image)
        for rule in self.rules:
            if rule.matches(name):
                return with_layers(with_tag(rule, name), layers)
        return None


def layered(image: str, groups: list[list[str]]) -> str:
    """An image with packages on top, as the node is asked for it."""
    return f"{image}{LAYERED}{msgspec.json.encode(groups).decode()}" if groups else image


def with_layers(rule: Rule, layers: str) -> Rule:
    """Without a Python there is nothing to put them on: the program's own `pip install` may then say so."""
    environment = rule.environment
    if not layers or environment is None or not environment.python:
        return rule
    groups = msgspec.json.decode(layers, type=tuple[tuple[str, ...], ...])
    return msgspec.structs.replace(rule, environment=msgspec.structs.replace(environment, layers=groups))


def canonical(image: str) -> str:
    """`docker.io/library/python` → `python:latest`; a digest is cut off.

    >>> canonical("docker.io/library/python@sha256:00")
    'python:latest'
    """
    name = canonical_name(image.partition("@")[0])
    return name if tagged(name) else f"{name}:latest"


def canonical_name(image: str) -> str:
    for registry in REGISTRIES:
        image = image.removeprefix(registry)
    return image.removeprefix("library/")


def tagged(image: str) -> bool:
    return ":" in image.rpartition("/")[2]


def with_tag(rule: Rule, image: str) -> Rule:
    environment = rule.environment
    if environment is None or environment.python != FROM_TAG:
        return rule
    found = re.match(r"v?(\d+(?:\.\d+)?)(?:[.\-]|$)", image.rpartition(":")[2])
    python = found.group(1) if found else "*"
    read = msgspec.structs.replace(environment, python=python, near=True)
    return msgspec.structs.replace(rule, environment=read)


def parse(text: str, origin: str = "environments.yaml") -> Rules:
    """Read a rules document: `environments:`, a list of rules. RuleError names the place."""
    import yaml

    try:
        document = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise RuleError(f"{origin}: not YAML: {error}") from None
    if not isinstance(document, dict) or not isinstance(document.get("environments", []), list):
        raise RuleError(f"{origin}: expected a mapping with the list `environments`")
    entries = document.get("environments", [])
    return Rules(tuple(parse_rule(e, f"{origin}: environments[{i}]") for i, e in enumerate(entries)))


def parse_rule(entry: Any, where: str) -> Rule:
    if not isinstance(entry, dict) or not entry.get("image"):
        raise RuleError(f"{where}: expected a mapping with `image` (a pattern or a list of them)")
    fields = dict(entry)
    image = fields.pop("image")
    patterns = tuple(image) if isinstance(image, list) else (image,)
    source = {k: fields.pop(k) for k in Source.__struct_fields__ if k in fields}
    check_names(fields, where)
    check_modules(fields.get("modules"), where)
    try:
        return Rule(
            image=msgspec.convert(patterns, tuple[str, ...]),
            source=msgspec.convert(source, Source) if source else None,
            environment=None if source and not fields else as_environment(fields),
        )
    except msgspec.ValidationError as error:
        raise RuleError(f"{where}: {error}") from None


def as_environment(fields: dict[str, Any]) -> Environment:
    if isinstance(fields.get("python"), float):
        fields["python"] = str(fields["python"])
    for field in ("files", "modules"):
        fields[field] = {k: file_text(v) for k, v in (fields.get(field) or {}).items()}
    if isinstance(fields.get("env"), dict):
        fields["env"] = {str(k): str(v) for k, v in fields["env"].items()}
    return msgspec.convert(fields, Environment)


def check_names(fields: dict[str, Any], where: str) -> None:
    from difflib import get_close_matches

    known = Environment.__struct_fields__ + Source.__struct_fields__
    for name in fields:
        if name not in known:
            near = get_close_matches(str(name), known, 1)
            hint = f" (did you mean {near[0]!r}?)" if near else f"; known are image, {', '.join(known)}"
            raise RuleError(f"{where}.{name}: no such field{hint}")


def check_modules(modules: Any, where: str) -> None:
    for path in modules if isinstance(modules, dict) else ():
        if not re.fullmatch(r"(\w+/)*\w+\.py", str(path)):
            raise RuleError(f"{where}.modules: expected paths such as `package/module.py`, not {path!r}")


def file_text(value: Any) -> str:
    if isinstance(value, str) and value.startswith("shipped:"):
        return shipped_file(value.removeprefix("shipped:"))
    return str(value)


@cache
def shipped_file(name: str) -> str:
    return (resources.files("pinnace.authoring") / SHIPPED / name).read_text()


@cache
def shipped() -> Rules:
    """The rules for the stock images that upstream's examples use."""
    return parse(shipped_file("rules.yaml"), "the shipped rules")


def combined(own: str, origin: str = "environments.yaml") -> Rules:
    """The user's rules, then the shipped ones."""
    return Rules(parse(own, origin).rules + shipped().rules)


def advice(image: str, rules_path: str) -> str:
    """What to tell someone whose image no rule names."""
    return (
        f"no rule says what stands for image {image!r} on this machine. Write one into {rules_path}:\n"
        f"environments:\n- image: {canonical_name(image)!r}\n  python: '3.11'\n  requirements: []\n"
        "or let it be fetched with `pull: true` instead of `python`"
    )
