"""Write docs/cli.md from the commands themselves; a test fails when it is not up to date."""

from __future__ import annotations

from pathlib import Path

from pinnace.cli.app import app

TARGET = Path(__file__).resolve().parent.parent / "docs" / "cli.md"


def reference() -> str:
    return str(app.generate_docs(output_format="markdown")).rstrip() + "\n"


if __name__ == "__main__":
    TARGET.write_text(reference())
