from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.platform import Platform


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """One platform a test module, in the sandbox (the default isolation)."""
    root: Path = tmp_path_factory.mktemp("home")
    instance = Platform(root)
    try:
        yield instance.up()
    finally:
        instance.down()
