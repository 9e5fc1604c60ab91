"""Workflows in tests: the real engine, no platform, no process, no waiting.

    from pinnace.testing import fails, outputs, run

    def test_a_failed_training_is_tried_again() -> None:
        outcome = run("flow.yaml", {"prepare": outputs(result="42"), "train": [fails(), outputs()]})
        assert outcome.phase == "Succeeded"
        assert outcome.step("train", 1).parameters == {"rows": "42"}

`run` submits the workflow to an in-memory control plane; each step is answered by its replacement instead of
a process, and time jumps to the next timer whenever nothing else is left to do. Imported by users' tests and
by `pinnace.pytest_plugin`; nothing in the platform imports it.
"""

from __future__ import annotations

from pinnace.testing.outcome import Node, Nodes, Outcome, Values
from pinnace.testing.replacements import Fails, Outputs, Replacement, UnknownStep, fails, outputs
from pinnace.testing.running import NotReplaced, Refused, run
from pinnace.testing.step import Step

__all__ = [
    "Fails",
    "Node",
    "Nodes",
    "NotReplaced",
    "Outcome",
    "Outputs",
    "Refused",
    "Replacement",
    "Step",
    "UnknownStep",
    "Values",
    "fails",
    "outputs",
    "run",
]
