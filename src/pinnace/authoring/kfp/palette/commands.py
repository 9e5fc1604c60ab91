"""The command line of a function's component, to the letter as the SDK writes it. Pure. Caller: `functions`.

The texts are the format: a cluster's executor starts with them. Source: kubeflow/pipelines
sdk/python/kfp/dsl/component_factory.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

SDK = "2.17.0"
"""The version whose text this is; steps install it."""
IMAGE = "python:3.11"
"""What a component runs in that names no image."""
ARGUMENTS = ("--executor_input", "{{$}}", "--function_to_execute")
TYPING = 'typing-extensions>=3.7.4,<5; python_version<"3.9"'
IMPORTS = "import kfp\nfrom kfp import dsl\nfrom kfp.dsl import *\nfrom typing import *"
_INSTALL = """
if ! [ -x "$(command -v pip)" ]; then
    python3 -m ensurepip || python3 -m ensurepip --user || apt-get install python3-pip
fi

PIP_DISABLE_PIP_VERSION_CHECK=1 {} && "$0" "$@"
"""
_VENV = """
export PIP_DISABLE_PIP_VERSION_CHECK=1
tmp=$(mktemp -d)
python3 -m venv "$tmp/venv" --system-site-packages
. "$tmp/venv/bin/activate"
"""
_START = (
    'program_path=$(mktemp -d)\n\nprintf "%s" "$0" > "$program_path/ephemeral_component.py"\n'
    "_KFP_RUNTIME=true python3 -m kfp.dsl.executor_main"
    f"{' ' * 25}--component_module_path{' ' * 25}\"$program_path/ephemeral_component.py\"{' ' * 25}\"$@\"\n"
)


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Arguments of `dsl.component` that say how it runs."""

    base_image: str | None = None
    target_image: str | None = None
    packages_to_install: list[str] | None = None
    pip_index_urls: list[str] | None = None
    pip_trusted_hosts: list[str] | None = None
    install_kfp_package: bool = True
    kfp_package_path: str | None = None
    use_venv: bool = False


def container(name: str, function: str, more: Sequence[str], settings: Settings) -> dict[str, Any]:
    """The executor's container: the function's source and those that it is sent along with."""
    arguments = [*ARGUMENTS, name]
    if settings.target_image:
        command = [*_installation(settings), "python3", "-m", "kfp.dsl.executor_main"]
        return {"image": settings.target_image, "command": command, "args": arguments}
    along = "".join(f"\n\n{one}" for one in more)
    source = f"\n{IMPORTS}{along}\n\n{function}\n"
    command = [*_installation(settings), "sh", "-ec", _START, source]
    return {"image": settings.base_image or IMAGE, "command": command, "args": arguments}


def _installation(settings: Settings) -> list[str]:
    packages = settings.packages_to_install or []
    own = settings.install_kfp_package and settings.target_image is None
    own = own and not any(one.startswith("kfp") for one in packages)
    if not own and not packages:
        return []
    parts = [_pip(packages, settings)] if packages else []
    if own:
        parts += [" && "] if packages else []
        parts += [_VENV] if settings.use_venv else []
        parts.append(_pip(_sdk(settings.kfp_package_path), settings))
    return ["sh", "-c", _INSTALL.format(" ".join(parts))]


def _sdk(path: str | None) -> list[str]:
    if path:
        return [path, "--no-deps"] if "@refs/pull/" in path else [path]
    return [f"kfp=={SDK}", "--no-deps", TYPING]


def _pip(packages: Sequence[str], settings: Settings) -> str:
    options = "".join(f"{one} " for one in _index(settings))
    listed = " ".join(repr(one) for one in packages)
    return f"python3 -m pip install --quiet --no-warn-script-location {options}{listed}"


def _index(settings: Settings) -> Iterator[str]:
    urls = settings.pip_index_urls or []
    for at, url in enumerate(urls):
        yield f"--{'extra-' if at else ''}index-url {url}"
    hosts = urls if settings.pip_trusted_hosts is None else settings.pip_trusted_hosts
    yield from (f"--trusted-host {host}" for host in hosts if urls)
