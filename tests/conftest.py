"""Fixtures that every floor shares."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
_APPLETS = ("sh", "echo", "cat", "sleep", "id", "true", "mkdir", "seq")


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


def _missing() -> str:
    for name in ("podman", "busybox"):
        if not shutil.which(name):
            return f"{name} is not installed"
    return "" if os.geteuid() == 0 else "podman without root needs subordinate ids, which a bare user has not"


@pytest.fixture(scope="session")
def image() -> Iterator[str]:
    """For podman, made from the machine's busybox; it is gone afterwards."""
    if _missing():
        if os.environ.get("CI") == "true" and os.geteuid() == 0:
            pytest.fail(_missing())
        pytest.skip(_missing())
    busybox = Path(shutil.which("busybox") or "").resolve().read_bytes()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        member = tarfile.TarInfo("bin/busybox")
        member.size, member.mode = len(busybox), 0o755
        tar.addfile(member, io.BytesIO(busybox))
        temporary = tarfile.TarInfo("tmp")
        temporary.type, temporary.mode = tarfile.DIRTYPE, 0o1777
        tar.addfile(temporary)
        for applet in _APPLETS:
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
    name = f"localhost/pinnace-test-{os.getpid()}:1"
    command = [
        "podman",
        "import",
        "--change",
        'ENTRYPOINT ["/bin/echo"]',
        "--change",
        'CMD ["from-image"]',
        "-",
        name,
    ]
    subprocess.run(command, input=packed.getvalue(), check=True, capture_output=True, timeout=60)
    yield name
    subprocess.run(["podman", "rmi", "--force", name], capture_output=True, timeout=60, check=False)
