"""`python -m scripts.conformance`: run upstream's documents, print what came of each, write the page."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.conformance import report, runner
from scripts.conformance.cluster import Cluster
from scripts.conformance.corpus import LONGEST, Case, folder, load

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT.parent / "shared" / "corpus" / "argo"
TESTS = ROOT / "tests" / "conformance"
PAGE = ROOT / "docs" / "conformance" / "argo.md"


def main() -> int:
    options = arguments()
    cases = documents(options)
    chosen = [c for c in cases if c.outcome and re.search(options.only, c.path)]
    long = [c for c in chosen if c.seconds > options.longest]
    short = [c for c in chosen if c.seconds <= options.longest]
    why = report.reasons(TESTS / "argo.yaml")
    results = []
    began = time.monotonic()
    with platform(options.kubeconfig) as kubeconfig:
        for result in runner.run(Cluster(kubeconfig), short):
            print(report.line(result, why), flush=True)
            results.append(result)
    print(f"{report.summary(results)} ({time.monotonic() - began:.0f} s)")
    if not options.only and not options.folder:
        source = (options.corpus / "SOURCE").read_text().strip()
        unjudged = sum(not c.outcome for c in cases)
        PAGE.write_text(report.page(results, why, unjudged, long, source))
    found = report.surprises(results, why)
    print("\n".join(found))
    return 1 if found else 0


def documents(options: argparse.Namespace) -> list[Case]:
    if options.folder:
        return folder(options.folder, options.corpus)
    return load(options.corpus, TESTS / "fixtures.yaml")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="conformance", description=__doc__)
    parser.add_argument("only", nargs="?", default="", help="a regular expression over the documents' paths")
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    parser.add_argument("--folder", type=Path, help="documents of your own, each of which is to succeed")
    parser.add_argument("--kubeconfig", type=Path, help="a platform that runs (default: a fresh one)")
    parser.add_argument("--longest", type=float, default=LONGEST, help="run documents that sleep up to this")
    return parser.parse_args()


@contextmanager
def platform(given: Path | None) -> Iterator[Path]:
    """The kubeconfig of the platform that was named, or of one of our own in a temporary home."""
    if given is not None:
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="pinnace-conformance-") as folder:
        home = ["--home", folder]
        pinnace = [sys.executable, "-m", "pinnace"]
        subprocess.run([*pinnace, "up", "-d", *home, "--port", "0", "--gateway-port", "0"], check=True)
        try:
            yield Path(folder) / "kubeconfig"
        finally:
            subprocess.run([*pinnace, "down", *home], check=False)


if __name__ == "__main__":
    sys.exit(main())
