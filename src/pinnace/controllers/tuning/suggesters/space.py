"""The search space as numbers between 0 and 1, an axis a parameter; values as Katib writes them.

Every suggester works on the unit cube, so that distribution, step and type mean the same to all of them.
A normal distribution has its mean in the middle of the range and a sixth of the range as sigma, as upstream's
hyperopt service has it, but nothing leaves [min, max]. Points of a step are counted in decimals:
0.1, 0.2, 0.3 and never 0.30000000000000004.
"""

from __future__ import annotations

import math
from decimal import Decimal
from statistics import NormalDist

import msgspec

from pinnace.kinds.katib import Parameter

_NORMAL = NormalDist()
_TAIL = _NORMAL.cdf(-3.0)
"""Of the normal distribution, below min = mean - 3 sigma."""
EDGE = 1e-12


class Axis(msgspec.Struct, frozen=True):
    """`points`: how many values there are; 0: a continuum. `choices`: those of a parameter with a list."""

    name: str
    low: float = 0.0
    high: float = 0.0
    points: int = 0
    choices: tuple[str, ...] = ()
    step: str = ""
    origin: str = ""
    distribution: str = "uniform"
    whole: bool = False
    ordered: bool = True
    """False: the choices have no order (categorical)."""

    def value(self, unit: float) -> str:
        """The text of a value, from a number in [0, 1]."""
        unit = min(max(unit, 0.0), 1.0)
        if self.choices:
            return self.choices[min(int(unit * self.points), self.points - 1)]
        place = self._place(unit)
        if self.points:
            span = Decimal(self.step) * (self.points - 1)
            share = (place - self.low) / float(span) if span else 0.0
            if self.distribution == "uniform":
                return self.point(min(int(unit * self.points), self.points - 1))
            return self.point(min(round(share * (self.points - 1)), self.points - 1))
        return repr(min(max(place, self.low), self.high))

    def point(self, index: int) -> str:
        if self.choices:
            return self.choices[index]
        return _written(Decimal(self.origin) + index * Decimal(self.step))

    def unit(self, text: str) -> float:
        """Where a value lies in [0, 1]: the middle of its share, for one of a few."""
        if self.points and (self.choices or self.distribution == "uniform"):
            return (self.index(text) + 0.5) / self.points
        try:
            value = min(max(float(text), self.low), self.high)
        except ValueError:
            return 0.5
        return self._unplaced(value)

    def nearest(self, value: float) -> str:
        """The text of the nearest value that may be."""
        value = min(max(value, self.low), self.high)
        return self.point(self.index(repr(value))) if self.points else repr(value)

    def index(self, text: str) -> int:
        """Of the nearest point; 0 for what is none."""
        if self.choices:
            return self.choices.index(text) if text in self.choices else 0
        try:
            share = (Decimal(text) - Decimal(self.origin)) / Decimal(self.step)
        except ArithmeticError:
            return 0
        return min(max(round(share), 0), self.points - 1)

    def _place(self, unit: float) -> float:
        """The quantile function of the distribution."""
        logarithmic = self.distribution in ("logUniform", "logNormal")
        low, high = (math.log(self.low), math.log(self.high)) if logarithmic else (self.low, self.high)
        if self.distribution in ("normal", "logNormal"):
            quantile = _NORMAL.inv_cdf(min(max(_TAIL + unit * (1 - 2 * _TAIL), EDGE), 1 - EDGE))
            found = (low + high) / 2 + quantile * (high - low) / 6
        else:
            found = low + unit * (high - low)
        return math.exp(found) if logarithmic else found

    def _unplaced(self, value: float) -> float:
        logarithmic = self.distribution in ("logUniform", "logNormal")
        low, high = (math.log(self.low), math.log(self.high)) if logarithmic else (self.low, self.high)
        if high <= low:
            return 0.5
        found = math.log(value) if logarithmic else value
        if self.distribution in ("normal", "logNormal"):
            quantile = (found - (low + high) / 2) * 6 / (high - low)
            return min(max((_NORMAL.cdf(quantile) - _TAIL) / (1 - 2 * _TAIL), 0.0), 1.0)
        return (found - low) / (high - low)


def axis(parameter: Parameter) -> Axis:
    space, kind = parameter.feasible_space, parameter.parameter_type
    if kind in ("categorical", "discrete"):
        choices = tuple(space.list)
        return Axis(parameter.name, points=len(choices), choices=choices, ordered=kind == "discrete")
    whole = kind == "int"
    step = space.step or ("1" if whole else "")
    low, high = Decimal(space.min), Decimal(space.max)
    points = int((high - low) / Decimal(step)) + 1 if step else 0
    if points:
        high = low + Decimal(step) * (points - 1)
    return Axis(
        parameter.name, low=float(low), high=float(high), points=points, step=step, origin=space.min,
        distribution=space.distribution or "uniform", whole=whole,
    )


def axes(parameters: tuple[Parameter, ...]) -> list[Axis]:
    return [axis(one) for one in parameters]


def assigned(found: list[Axis], units: list[float]) -> dict[str, str]:
    return {one.name: one.value(unit) for one, unit in zip(found, units, strict=True)}


def placed(found: list[Axis], assignments: dict[str, str]) -> list[float]:
    return [one.unit(assignments.get(one.name, "")) for one in found]


def _written(value: Decimal) -> str:
    return format(value.normalize(), "f") if value else "0"
