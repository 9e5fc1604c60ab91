"""Fixtures that every floor shares."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """Upstream's documents beside the checkout; the tests that read them skip where they are not."""
    found = ROOT.parent / "shared"
    if not found.is_dir():
        message = f"upstream's documents are not at {found}: put `shared` beside the checkout"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return found


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
