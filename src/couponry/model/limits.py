"""Limits: bounds on sums over the coupons of many customers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..data.filters import Where
from ..utils.checks import check_name, check_number, refuse_unknown_keys
from ..utils.errors import InvalidInput

MODES = ("hard", "soft", "report")


@dataclass(frozen=True)
class Limit:
    """min <= sum of a column over coupons given <= max, over the offers of `where` and the customers of `customers`.

    sum: count, cost, response, value, or any numeric column of candidates or offers.
    ratio: two such columns; the bounds hold for sum of the first / sum of the second.
    by: one limit for each distinct value of this column of offers (or of `role`).
    table: with `by`, a table with the columns `by`, `min` and `max` (null: none); a path or anything Arrow.
    mode: hard; soft (missed at `penalty` of objective per unit); report (measured, never enforced).
    """

    name: str = ""
    sum: str = "count"
    max: float | None = None
    min: float | None = None
    where: Where = field(default_factory=dict)
    customers: Where = field(default_factory=dict)
    by: str | None = None
    table: Any = None
    ratio: tuple[str, str] | None = None
    mode: str = "hard"
    penalty: float | None = None

    @property
    def label(self) -> str:
        return f"limit {self.name!r}"

    @classmethod
    def parse(cls, spec: Mapping[str, Any], number: int) -> Limit:
        """From a table of campaign.toml; unknown keys are refused."""
        label = f"limit {spec.get('name', number)!r}"
        refuse_unknown_keys(spec, cls.__dataclass_fields__, label)
        if "sum" in spec and "ratio" in spec:
            raise InvalidInput(f"{label}: expected sum or ratio, got both")
        if "name" in spec:
            check_name(spec["name"], label)
        return cls(**{"name": f"limit {number}", **spec})

    def columns(self) -> list[str]:
        """The columns that the limit sums."""
        return list(self.ratio) if self.ratio is not None else [self.sum]

    def check(self) -> None:
        """Refuse what makes no sense in itself."""
        label = self.label
        for key in ("sum", "by"):
            value = getattr(self, key)
            if value is not None and (not isinstance(value, str) or not value):
                raise InvalidInput(f"{label}: {key}: expected the name of a column, got {value!r}")
        if self.ratio is not None:
            pair = isinstance(self.ratio, (list, tuple)) and len(self.ratio) == 2
            if not pair or not all(isinstance(r, str) for r in self.ratio):
                raise InvalidInput(f"{label}: ratio: expected two columns, got {self.ratio!r}")
        for key in ("min", "max", "penalty"):
            check_number(getattr(self, key), f"{label}: {key}")
        for key in ("where", "customers"):
            if not isinstance(getattr(self, key), Mapping):
                raise InvalidInput(f"{label}: {key}: expected a table of conditions")
        if self.mode not in MODES:
            raise InvalidInput(
                f"{label}: mode: expected one of {', '.join(MODES)}, got {self.mode!r}"
            )
        if self.table is not None and self.by is None:
            raise InvalidInput(f"{label}: table: expected by, the column that its bounds go with")
        if self.table is not None and (self.min is not None or self.max is not None):
            raise InvalidInput(f"{label}: expected its bounds in table or as min and max, got both")
        if self.table is None and self.min is None and self.max is None and self.mode != "report":
            raise InvalidInput(f"{label}: expected min or max, got neither")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise InvalidInput(f"{label}: min {self.min} is above max {self.max}")
        if self.mode == "soft" and (self.penalty is None or self.penalty < 0):
            raise InvalidInput(
                f"{label}: penalty: a soft limit needs a number from 0 up, got {self.penalty!r}"
            )
