"""Kubeflow Trainer's initializers: `python -m pinnace.runtimes.initializer dataset|model` brings what
STORAGE_URI names into the workspace that the steps of a TrainJob share.

Runs in place of upstream's images dataset-initializer and model-initializer, with their variables; hf and s3.
Source: kubeflow/trainer pkg/initializers.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pinnace.runtimes import storage

WORKSPACE = Path("/workspace")
REPOSITORIES = {"dataset": "datasets", "model": "models"}
ANSWERS = {
    "ACCESS_TOKEN": "HF_TOKEN", "ENDPOINT": "AWS_ENDPOINT_URL", "ACCESS_KEY_ID": "AWS_ACCESS_KEY_ID",
    "SECRET_ACCESS_KEY": "AWS_SECRET_ACCESS_KEY", "REGION": "AWS_DEFAULT_REGION",
    "IGNORE_PATTERNS": "STORAGE_IGNORE_PATTERNS",
}
"""Their variables → ours."""
MODEL_FILES = "*.json,*.safetensors,*.model,*.txt"
NOT_A_MODELS = "*.msgpack,*.h5,*.bin,.pt,.pth"


def initialize(kind: str, uri: str, folder: Path) -> list[Path]:
    """The files that came. CannotFetch: the text says why."""
    for theirs, ours in ANSWERS.items():
        if os.environ.get(theirs):
            os.environ.setdefault(ours, os.environ[theirs])
    if kind == "model":
        os.environ.setdefault("STORAGE_ALLOW_PATTERNS", MODEL_FILES)
        os.environ.setdefault("STORAGE_IGNORE_PATTERNS", NOT_A_MODELS)
    folder.mkdir(parents=True, exist_ok=True)
    scheme = uri.partition("://")[0]
    if scheme == "hf":
        storage.hub(uri, folder, REPOSITORIES[kind])
    elif scheme == "s3":
        storage.store(uri, folder)
    else:
        raise storage.CannotFetch(f"{uri}: cannot fetch {scheme or 'this'}; expected hf or s3")
    return sorted(path for path in folder.rglob("*") if path.is_file())


def main() -> None:
    kind, uri = "".join(sys.argv[1:2]), os.environ.get("STORAGE_URI", "")
    if kind not in REPOSITORIES or not uri:
        sys.exit("expected `dataset` or `model`, and what to fetch in STORAGE_URI")
    try:
        found = initialize(kind, uri, WORKSPACE / kind)
    except storage.CannotFetch as problem:
        sys.exit(f"{kind} was not fetched: {problem}")
    print(f"{uri}: {len(found)} files in {WORKSPACE / kind}", flush=True)


if __name__ == "__main__":
    main()
