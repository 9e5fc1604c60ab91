"""Results as people read them: lines while it runs, a page of `docs/`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import yaml

from scripts.conformance.corpus import Case
from scripts.conformance.runner import Result

Reasons = dict[str, str]
"""Document → why it does not conform."""


def reasons(file: Path) -> Reasons:
    """The file has the reason as key and its documents below: one reason mostly covers several."""
    grouped = yaml.safe_load(file.read_text()) or {}
    return {path: reason for reason, paths in grouped.items() for path in paths}


def line(result: Result, why: Reasons) -> str:
    if result.conforms:
        return f"{result.seconds:6.1f} s  ok      {result.case.path}"
    known = why.get(result.case.path)
    word, text = ("differs", known) if known else ("WRONG  ", "; ".join(result.wrong))
    return f"{result.seconds:6.1f} s  {word} {result.case.path}: {text}"


def surprises(results: Iterable[Result], why: Reasons) -> list[str]:
    """Regressions, and reasons that no longer hold."""
    found = []
    for result in results:
        path = result.case.path
        if not result.conforms and path not in why:
            found.append(f"{path}: {'; '.join(result.wrong)}")
        if result.conforms and path in why:
            found.append(f"{path} conforms now: take it off the list ({why[path]})")
    return sorted(found)


def summary(results: Sequence[Result]) -> str:
    good = sum(result.conforms for result in results)
    return f"{good} of {len(results)} documents end as upstream says"


def page(
    results: Sequence[Result], why: Reasons, unjudged: int, long: Sequence[Case], origin: str
) -> str:
    """`docs/conformance/argo.md`."""
    return PAGE.format(
        origin=origin,
        summary=summary(results),
        families="\n".join(families(results)),
        differing="\n".join(differing(results, why)),
        unjudged=unjudged,
        long="".join(f"\n- `{case.path}` sleeps {case.seconds:.0f} s by itself" for case in long),
    )


PAGE = """\
# Conformance

Upstream's own manifests, unmodified, submitted with kubectl to a real platform (real sandboxes, real
processes) and compared with what upstream says of them: phase, messages, nodes by name and type, inputs,
outputs, logs. A document that ends the same but of which the platform leaves a part out (and says so in the
workflow's `SpecWarning` condition) does not count.

`make conformance` runs them and writes this page. The same run is a test (`tests/conformance`): a document
that stops conforming fails it, and so does a reason below that no longer holds.

## Argo Workflows

{summary}. Source: {origin}.

{families}

### What does not conform, and why

{differing}

### Not run

{unjudged} files hold no run whose outcome is known: templates, config maps and claims that the others use,
documents that only upstream's own tests edit. Longer than a minute, so only with `make conformance
ARGS="--longest 1000"`:
{long}
"""


def families(results: Sequence[Result]) -> list[str]:
    counted: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        counted[result.case.family].append(result)
    rows = [
        f"| {family} | {sum(r.conforms for r in found)} of {len(found)} |"
        for family, found in sorted(counted.items())
    ]
    return ["| family | as upstream |", "| --- | --- |", *rows]


def differing(results: Sequence[Result], why: Reasons) -> list[str]:
    grouped: dict[str, list[str]] = defaultdict(list)
    for result in results:
        if not result.conforms:
            reason = why.get(result.case.path, "; ".join(result.wrong))
            grouped[reason].append(f"`{result.case.path}`")
    rows = [f"| {cell(reason)} | {', '.join(sorted(paths))} |" for reason, paths in sorted(grouped.items())]
    return ["| reason | documents |", "| --- | --- |", *rows]


def cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
