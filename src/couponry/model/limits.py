"""Limits: bounds on sums over the coupons of many customers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..data.where.filters import Where
from ..utils.checks import (
    check_flag,
    check_name,
    check_number,
    is_text,
    refuse_unknown_keys,
    shown,
)
from ..utils.errors import InvalidInput
from ..utils.suggestions import did_you_mean
from ..utils.table_types import Table

MODES = ("hard", "soft", "report")


@dataclass(frozen=True)
class Limit:
    """Bounds on a sum over allocated coupons, or on a ratio of two sums.

    Parameters
    ----------
    name : str
        What results and messages call the limit. Default: ``"limit 1"``, ``"limit 2"``, and so on.
    sum : str, default "count"
        What is summed: ``"count"`` (coupons), ``"cost"``, ``"response"``, ``"value"``, or any numeric column of
        `candidates` or `offers`.
    max : float, optional
        Largest sum.
    min : float, optional
        Least sum.
    where : mapping, optional
        Which offers the limit is about: conditions on columns of `offers` and on ``role``. A condition is a value, a
        list of values (any of them), or a range ``{"min": ..., "max": ...}`` (both ends in). Default: all offers.
    customers : mapping, optional
        Which customers it is about: conditions on columns of `customers`. Default: all customers.
    by : str, optional
        A column of `offers`, or ``"role"``: one limit for each of its distinct values.
    table : table or path, optional
        With `by`, and instead of `max` and `min`: the bounds of each value, in columns named as `by` says, `min` and
        `max` (null: none).
    ratio : tuple of (str, str), optional
        Instead of `sum`: two columns. The bounds hold for the sum of the first divided by the sum of the second, which
        must not be negative.
    mode : {"hard", "soft", "report"}
        A hard limit is kept. A soft one may be violated, at a penalty. One to report is measured and never enforced.
    penalty : float, optional
        Of a soft limit: objective lost per unit that the sum, or ratio, is outside its bounds.
    may_be_empty : bool
        Whether it is meant that the limit may concern nothing, because values of its conditions occur nowhere. Else a
        hard limit without anything that it could hold for is refused.

    Raises
    ------
    InvalidInput
        When a campaign is made with it, if the limit makes no sense.

    See Also
    --------
    CustomerRule : Bounds on the coupons of each customer alone.

    Examples
    --------
    A print run, a budget, what suppliers were promised, and what a brand wants for its money:

    >>> import couponry
    >>> limits = [
    ...     couponry.Limit("print run", max=120_000, where={"channel": "mail"}),
    ...     couponry.Limit("budget", sum="cost", max=25_000.0, customers={"segment": "gold"}),
    ...     couponry.Limit(
    ...         "commitments",
    ...         sum="response",
    ...         by="supplier",
    ...         table={"supplier": ["A", "B"], "min": [500.0, None], "max": [None, 900.0]},
    ...     ),
    ...     couponry.Limit("return", ratio=("value", "cost"), by="brand", min=2.0),
    ... ]

    A wish, which may be violated at half a unit of value for each coupon less:

    >>> wish = couponry.Limit("wish", min=2, where={"brand": "A"}, mode="soft", penalty=0.5)
    >>> offers = {"offer": [1, 2], "brand": ["A", "B"]}
    >>> candidates = {"customer": [7, 7, 8, 8], "offer": [1, 2, 1, 2], "value": [1.0, 1.2, 1.0, 9.0]}
    >>> one = couponry.CustomerRule("one", max=1)
    >>> result = couponry.Campaign(offers, candidates, rules=[one], limits=[wish]).solve()
    >>> result.allocation.to_arrow()["offer"].to_pylist()
    [1, 2]
    """

    name: str = ""
    sum: str = "count"
    max: float | None = None
    min: float | None = None
    where: Where = field(default_factory=dict)
    customers: Where = field(default_factory=dict)
    by: str | None = None
    table: Table | None = None
    ratio: tuple[str, str] | None = None
    mode: Literal["hard", "soft", "report"] = "hard"
    penalty: float | None = None
    may_be_empty: bool = False

    @property
    def label(self) -> str:
        """What messages call the limit."""
        return f"limit {self.name!r}"

    @classmethod
    def parse(cls, spec: Mapping[str, Any], number: int) -> Limit:
        """Make a limit of a table of campaign.toml.

        Parameters
        ----------
        spec : mapping
            The table; keys are the parameters of this class.
        number : int
            Which limit of the file it is, for its name where it has none.

        Returns
        -------
        Limit

        Raises
        ------
        InvalidInput
            Where a key is unknown, the name is no text, or both `sum` and `ratio` are there.
        """
        name = spec.get("name")
        label = f"limit {name!r}" if is_text(name) else f"limit {number}"
        refuse_unknown_keys(spec, cls.__dataclass_fields__, label)
        if "sum" in spec and "ratio" in spec:
            raise InvalidInput(f"{label}: expected sum or ratio, got both")
        if "name" in spec:
            check_name(spec["name"], label)
        return cls(**{"name": f"limit {number}", **spec})

    def columns(self) -> list[str]:
        """List the columns that the limit sums.

        Returns
        -------
        list of str
            One, or the two of a ratio.
        """
        return list(self.ratio) if self.ratio is not None else [self.sum]

    def check(self) -> None:
        """Refuse a limit that makes no sense, whatever the campaign.

        Raises
        ------
        InvalidInput
        """
        self._check_fields()
        self._check_bounds()

    def _check_fields(self) -> None:
        """Refuse fields of the wrong type."""
        label = self.label
        for key in ("sum", "by"):
            value = getattr(self, key)
            if not is_text(value) and (key == "sum" or value is not None):
                raise InvalidInput(
                    f"{label}: {key}: expected the name of a column, got {shown(value)}"
                )
        if self.ratio is not None:
            pair = isinstance(self.ratio, (list, tuple)) and len(self.ratio) == 2
            if pair and self.sum != "count":
                raise InvalidInput(f"{label}: expected sum or ratio, got both")
            if not pair or not all(isinstance(r, str) for r in self.ratio):
                raise InvalidInput(f"{label}: ratio: expected two columns, got {shown(self.ratio)}")
        for key in ("min", "max", "penalty"):
            check_number(getattr(self, key), f"{label}: {key}")
        for key in ("where", "customers"):
            if not isinstance(getattr(self, key), Mapping):
                raise InvalidInput(f"{label}: {key}: expected a table of conditions")
        check_flag(self.may_be_empty, f"{label}: may_be_empty")
        if not is_text(self.mode) or self.mode not in MODES:
            raise InvalidInput(
                f"{label}: mode: expected one of {', '.join(MODES)}, got {shown(self.mode)}"
                f"{did_you_mean(self.mode, MODES)}"
            )

    def _check_bounds(self) -> None:
        """Refuse bounds that contradict each other, or that are missing."""
        label = self.label
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
                f"{label}: penalty: a soft limit needs a number from 0 up, got {shown(self.penalty)}"
            )
