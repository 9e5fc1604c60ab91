"""The example of docs/testing.md runs as it stands there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.testing.flow import block


def test_the_example_passes(tmp_path: Path) -> None:
    (tmp_path / "flow.yaml").write_text(block("yaml", "# flow.yaml"))
    (tmp_path / "test_flow.py").write_text(block("python", "# test_flow.py"))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_flow.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 passed" in done.stdout
