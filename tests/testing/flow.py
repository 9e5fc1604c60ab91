"""What docs/testing.md shows: the tests run the very text."""

from __future__ import annotations

import re

from tests.conftest import ROOT

DOCUMENT = ROOT / "docs" / "testing.md"


def block(language: str, first: str) -> str:
    for found in re.findall(rf"^```{language}\n(.*?)^```", DOCUMENT.read_text(), re.M | re.S):
        if first in found:
            return str(found)
    raise AssertionError(f"docs/testing.md has no {language} block with {first!r}")
