"""Declared paths in a manifest's texts: what is moved, what is left, what is refused."""

from __future__ import annotations

import pytest

from pinnace.node.rewriting import Rewriter, Unwritable


@pytest.mark.parametrize(
    ("text", "moved"),
    [
        ("echo > /mnt/out/x", "echo > R/mnt/out/x"),
        ("mkdir -p /mnt/out && ls", "mkdir -p R/mnt/out && ls"),
        ("--model=/mnt/out/x", "--model=R/mnt/out/x"),
        ("file:///mnt/out/x", "file://R/mnt/out/x"),
        ("open('/tmp/a.txt','w')", "open('R/tmp/a.txt','w')"),
        ("/data/mnt/out/x", "/data/mnt/out/x"),
        ("/mnt/output", "/mnt/output"),
        ("/mnt/out.bak", "/mnt/out.bak"),
        ("$BASE/tmp/x ${BASE}/tmp/x $(pwd)/tmp/x", "$BASE/tmp/x ${BASE}/tmp/x $(pwd)/tmp/x"),
        ("ends with /tmp.", "ends with R/tmp."),
    ],
)
def test_a_path_counts_where_it_stands_by_itself(text: str, moved: str) -> None:
    assert Rewriter("R", ["/mnt/out/x", "/tmp"]).text(text) == moved


def test_a_path_that_is_not_mentioned_is_named() -> None:
    rewriter = Rewriter("R", ["/mnt/out", "/tmp"])
    rewriter.text("python train.py")
    with pytest.raises(Unwritable, match="/mnt/out"):
        rewriter.require("/mnt/out", "output 'o'")


@pytest.mark.parametrize("path", ["/", "/usr", "/usr/bin/tool", "/etc", "/proc/x", "/home"])
def test_a_folder_of_the_system_cannot_be_moved(path: str) -> None:
    with pytest.raises(Unwritable, match="system"):
        Rewriter("R", [path])


def test_a_path_with_a_place_of_its_own() -> None:
    rewriter = Rewriter("R", ["/tmp"], {"/run/model": "/short"})
    assert rewriter.text("--socket /run/model/s.sock") == "--socket /short/s.sock"
    assert rewriter.path("/run/model/s.sock") == "/short/s.sock"


def test_without_a_root_all_stays() -> None:
    assert Rewriter("", ["/tmp"]).text("/tmp/x") == "/tmp/x"
