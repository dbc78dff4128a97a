"""Exhaustive search: every allocation of a small campaign, summed and compared in whole numbers of any length.

A float64 is a whole number times a power of two. So every sum here is one of Python's integers, in int64 where all fit
and as objects where they do not, and nothing is ever rounded. First the choices that each customer's rules leave;
then all combinations of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from tests.fuzz.own_rules import OwnRules
from tests.fuzz.reading import Measure, Reading

from couponry import CustomerRule

SAFE = 1 << 62
"""Sums below it fit in int64."""

ROUNDING = Fraction(1, 1 << 50)
"""Of a sum in float64, for each number that is added up, as a share of what they come to without signs: eight times
what a sum can be off, for products and differences on the way."""

CLOSE = 2.0**-44
"""Relative error of what is compared in float64 first, where ratios make fractions of sums: generously."""


def choices_of(rules: OwnRules, size: int) -> list[int]:
    """The choices of one unit that keep its rules, as bits: in the order that the format page gives.

    Every `max`, conflict, sum and requirement; then as many mandatory offers as can be; then the least shortfall from
    minimums.
    """
    kept = [
        bits
        for bits in range(1 << size)
        if all((bits & members).bit_count() <= cap for members, cap in rules.most)
        and all(part.allows(bits) for part in rules.others)
    ]
    given = [(bits & rules.mandatory).bit_count() for bits in kept]
    most = max(given)
    kept = [bits for bits, count in zip(kept, given, strict=True) if count == most]
    short = [
        sum(max(0, least - (bits & members).bit_count()) for members, least in rules.least)
        for bits in kept
    ]
    fewest = min(short)
    return [bits for bits, missing in zip(kept, short, strict=True) if missing == fewest]


def size_of(choices: Sequence[Sequence[int]]) -> int:
    """How many allocations there are."""
    return math.prod(len(own) for own in choices)


def scale_of(numbers: Sequence[Fraction]) -> int:
    """The power of two that makes whole numbers of all of them."""
    return max((number.denominator for number in numbers), default=1)


Strictness = Literal["exact", "but for rounding", "defaults rounded"]
"""How a limit is read: in fractions; as sums in float64 may have it; in fractions, but held by more than rounding where
amounts follow from others: those are float64 numbers."""


class Allocations:
    """All combinations of the customers' choices, in a fixed order, and sums over each.

    Attributes
    ----------
    choices : list of list of int
        Of each customer, as bits over its own candidates.
    """

    def __init__(
        self,
        reading: Reading,
        rules: Sequence[CustomerRule] | None = None,
        mandatory: bool = True,
    ):
        self.reading = reading
        rules = reading.small.rules if rules is None else rules
        self.choices = [
            choices_of(reading.rules_of(i, rules, mandatory), len(own))
            for i, own in enumerate(reading.own)
        ]

    def __len__(self) -> int:
        return size_of(self.choices)

    def sums(self, weights: Sequence[Fraction]) -> tuple[NDArray[Any], int]:
        """The sum of weights over every allocation, as whole numbers, and the scale that they were multiplied by."""
        scale = scale_of(weights)
        whole = [weight.numerator * (scale // weight.denominator) for weight in weights]
        parts = []
        for own, choices in zip(self.reading.own, self.choices, strict=True):
            mine = [whole[n] for n in own]
            parts.append([sum(w for k, w in enumerate(mine) if bits >> k & 1) for bits in choices])
        return _over_all(parts), scale

    def worth(self) -> tuple[NDArray[Any], int]:
        """The sum of values over every allocation, less what messages cost, as `sums` has it."""
        reading = self.reading
        spent = [
            [reading.spent(i, bits) for bits in choices] for i, choices in enumerate(self.choices)
        ]
        worth, scale = self.sums(reading.value)
        cost_scale = scale_of([cost for own in spent for cost in own])
        if not any(cost for own in spent for cost in own):
            return worth, scale
        whole = [[int(cost * cost_scale) for cost in own] for own in spent]
        common = max(scale, cost_scale)
        cost = _over_all(whole).astype(object) * (common // cost_scale)
        return worth.astype(object) * (common // scale) - cost, common

    def at(self, index: int) -> list[int]:
        """The customers' choices in one allocation."""
        chosen = []
        for choices in reversed(self.choices):
            index, k = divmod(index, len(choices))
            chosen.append(choices[k])
        return chosen[::-1]

    def holds(
        self, measure: Measure, sides: str = "both", strictness: Strictness = "exact"
    ) -> NDArray[np.bool_]:
        """Whether a limit holds in every allocation.

        sides: "both", or the one of its bounds that is asked.
        """
        held = np.ones(len(self), bool)
        for side, bound in (("min", measure.min), ("max", measure.max)):
            if bound is None or sides not in ("both", side):
                continue
            asked = Fraction(bound)
            weights = measure.weight
            if measure.below is not None:
                weights = [a - asked * b for a, b in zip(weights, measure.below, strict=True)]
                asked = Fraction(0)
            total, scale = self.sums(weights)
            size = abs(Fraction(bound)) * sum(measure.below or [Fraction(1)]) + sum(measure.sizes)
            rounding, off = ROUNDING * (len(weights) + 4) * size, Fraction(0)
            if strictness == "but for rounding":
                off = rounding
            elif strictness == "defaults rounded" and measure.is_default:
                off = -rounding
            if side == "min":
                held &= np.asarray(total >= math.ceil((asked - off) * scale), bool)
            else:
                held &= np.asarray(total <= math.floor((asked + off) * scale), bool)
        return held

    def feasible(
        self, measures: Sequence[Measure], strictness: Strictness = "exact"
    ) -> NDArray[np.bool_]:
        """Where all hard limits hold."""
        held = np.ones(len(self), bool)
        for measure in measures:
            if measure.mode == "hard":
                held &= self.holds(measure, "both", strictness)
        return held

    def best(
        self, measures: Sequence[Measure], feasible: NDArray[np.bool_]
    ) -> tuple[Fraction, int] | None:
        """The largest worth of a feasible allocation, and which one has it; None where nothing is feasible."""
        at = np.flatnonzero(feasible)
        if len(at) == 0:
            return None
        soft = [m for m in measures if m.mode == "soft" and m.limit.penalty]
        worth, scale = self.worth()
        worth = worth[at].astype(object)
        for measure in soft:
            if measure.below is None:
                cost, cost_scale = self._penalties(measure, at)
                common = max(scale, cost_scale)
                worth = worth * (common // scale) - cost * (common // cost_scale)
                scale = common
        ratios = [m for m in soft if m.below is not None]
        if not ratios:
            k = int(np.argmax(worth))
            return Fraction(int(worth[k]), scale), int(at[k])
        return self._best_with_ratios(worth, scale, ratios, at)

    def _penalties(self, measure: Measure, at: NDArray[np.int64]) -> tuple[NDArray[Any], int]:
        """What a soft limit costs in some allocations, as whole numbers, and their scale."""
        total, scale = self.sums(measure.weight)
        bounds = [Fraction(b) for b in (measure.min, measure.max) if b is not None]
        penalty = Fraction(measure.limit.penalty or 0.0)
        finer = max(scale, scale_of(bounds))
        missed = total[at].astype(object) * (finer // scale)
        low = None if measure.min is None else int(Fraction(measure.min) * finer)
        high = None if measure.max is None else int(Fraction(measure.max) * finer)
        off = np.zeros(len(at), object)
        if low is not None:
            off = np.maximum(off, low - missed)
        if high is not None:
            off = np.maximum(off, missed - high)
        return off * penalty.numerator, finer * penalty.denominator

    def _best_with_ratios(
        self, worth: NDArray[Any], scale: int, ratios: list[Measure], at: NDArray[np.int64]
    ) -> tuple[Fraction, int]:
        """The same with soft ratios: compared in float64 first, and exactly where that does not tell."""
        value = np.array([float(Fraction(int(w), scale)) for w in worth])
        error = CLOSE * np.abs(value)
        parts = []
        for measure in ratios:
            above, above_scale = self.sums(measure.weight)
            below, below_scale = self.sums(measure.below or ())
            parts.append((measure, above[at], above_scale, below[at], below_scale))
            ratio = np.array(
                [
                    float(Fraction(int(a) * below_scale, int(b) * above_scale)) if b else math.nan
                    for a, b in zip(above[at], below[at], strict=True)
                ]
            )
            low = -math.inf if measure.min is None else measure.min
            high = math.inf if measure.max is None else measure.max
            off = np.nan_to_num(np.maximum(0.0, np.maximum(low - ratio, ratio - high)))
            size = np.nan_to_num(np.abs(ratio)) + max(
                abs(b) for b in (low, high) if math.isfinite(b)
            )
            penalty = float(measure.limit.penalty or 0.0)
            value = value - penalty * off
            error = error + CLOSE * penalty * size
        contenders = np.flatnonzero(value + error >= (value - error).max())
        seen: dict[tuple[int, ...], Fraction] = {}
        best: tuple[Fraction, int] | None = None
        for k in contenders.tolist():
            key = (int(worth[k]), *(int(x[k]) for part in parts for x in (part[1], part[3])))
            if key not in seen:
                exact = Fraction(key[0], scale)
                for n, (measure, _, above_scale, _, below_scale) in enumerate(parts):
                    a = Fraction(key[1 + 2 * n], above_scale)
                    b = Fraction(key[2 + 2 * n], below_scale)
                    exact -= Fraction(measure.limit.penalty or 0.0) * missed_by(measure, a, b)
                seen[key] = exact
            if best is None or seen[key] > best[0]:
                best = seen[key], int(at[k])
        assert best is not None
        return best


def _over_all(parts: Sequence[Sequence[int]]) -> NDArray[Any]:
    """A sum over every allocation, of what each unit's choices come to."""
    most = sum(max(map(abs, part)) for part in parts)
    kind: Any = np.int64 if most < SAFE else object
    total = np.zeros(1, kind)
    for part in parts:
        total = np.add.outer(total, np.array(part, kind)).ravel()
    return total


def missed_by(measure: Measure, above: Fraction, below: Fraction = Fraction(1)) -> Fraction:
    """How far a limit is outside its bounds; a ratio to nothing is within them."""
    if below == 0:
        return Fraction(0)
    got = above / below
    low = Fraction(0) if measure.min is None else Fraction(measure.min) - got
    high = Fraction(0) if measure.max is None else got - Fraction(measure.max)
    return max(Fraction(0), low, high)
