"""What a suggester is asked and what it answers: data, the same for every algorithm.

A suggester is a module with `suggest(problem, count) -> Answer`. It is a pure function: whoever asks twice
with the same trials gets the same answer, in whatever process and after whatever crash. Chance comes from
`Problem.random(index)` alone.
"""

from __future__ import annotations

import random
import zlib
from typing import Protocol

import msgspec

from pinnace.kinds.katib import Parameter


class Past(msgspec.Struct, frozen=True):
    """A trial that was suggested before, in that order. `value`: of the objective, if it is known."""

    name: str
    assignments: dict[str, str]
    value: float | None = None
    done: bool = False
    """It will not say more, whether it succeeded or not."""
    labels: dict[str, str] = {}
    seconds: float = 0.0
    """That it took."""


class Problem(msgspec.Struct, frozen=True):
    algorithm: str
    parameters: tuple[Parameter, ...]
    maximize: bool = False
    settings: dict[str, str] = {}
    identity: str = ""
    """Of the experiment: where chance begins when no `random_state` is set."""
    max_trials: int | None = None
    trials: tuple[Past, ...] = ()

    def seed(self, index: int = 0) -> int:
        """Of the trial with this index, 32 bits."""
        root = self.settings.get("random_state") or self.identity
        return zlib.crc32(f"{root}/{self.algorithm}/{index}".encode())

    def random(self, index: int) -> random.Random:
        return random.Random(self.seed(index))  # noqa: S311 - a search, not a secret

    def loss(self, trial: Past) -> float | None:
        """The smaller, the better."""
        return None if trial.value is None else -trial.value if self.maximize else trial.value


class Proposal(msgspec.Struct, frozen=True):
    assignments: dict[str, str]
    labels: dict[str, str] = {}
    name: str = ""
    """Where the algorithm needs to know it beforehand; '' leaves it to the Suggestion."""


class Answer(msgspec.Struct, frozen=True):
    """Fewer proposals than asked mean: first some trial must end, or, with `over`, that there are no more."""

    proposals: list[Proposal] = []
    over: bool = False


class Suggester(Protocol):
    def suggest(self, problem: Problem, count: int) -> Answer: ...
