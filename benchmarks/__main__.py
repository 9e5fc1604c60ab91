"""Run every benchmark (or those named); a whole run writes its table to `benchmarks/results/` and the README.

Ratios come from one run on one machine, side by side and alternating; absolute figures are medians.
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
from importlib import import_module
from pathlib import Path

from benchmarks.figure import Figure, table

ALL = (
    "startup", "fanout", "sandbox", "chain", "passing", "large", "engine", "gateway", "trials", "jobs",
    "components", "testing", "editing", "console", "others",
)
RESULTS = Path(__file__).parent / "results"
README = Path(__file__).parent.parent / "README.md"
OPENING, CLOSING = "<!-- bench -->", "<!-- /bench -->"


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench ARGS=")
    parser.add_argument("names", nargs="*", default=list(ALL), help=f"which ones: {', '.join(ALL)}")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions, for a first look")
    options = parser.parse_args()
    figures: list[Figure] = []
    for name in options.names:
        print(f"— {name}", file=sys.stderr, flush=True)
        figures += import_module(f"benchmarks.{name}").measure(quick=options.quick)
    text = table(figures)
    print(text)
    if set(options.names) == set(ALL) and not options.quick:
        keep(text)
    return 0


def keep(text: str) -> None:
    RESULTS.mkdir(exist_ok=True)
    when = time.strftime("%Y-%m-%d")
    header = f"{when}, {platform.machine()}, Python {platform.python_version()}, {platform.system()}\n\n"
    (RESULTS / f"{when}.md").write_text(header + text + "\n")
    before, _, rest = README.read_text().partition(OPENING)
    _, _, after = rest.partition(CLOSING)
    README.write_text(f"{before}{OPENING}\n{text}\n{CLOSING}{after}")


if __name__ == "__main__":
    sys.exit(main())
