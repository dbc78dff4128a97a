"""Limits: bounds on sums over the coupons of many customers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from .arguments.relative_bounds import (
    check_columns,
    check_divided_bound,
    check_relative_to,
    check_share,
)

MODES = ("hard", "soft", "report")

QUOTED = (",", '"', "\n", "\r")
"""What a value of several must be quoted for."""


@dataclass(frozen=True)
class Limit:
    """Bounds on a sum over allocated coupons, or on a ratio of two sums.

    Parameters
    ----------
    name : str
        What results and messages call the limit. Default: ``"limit 1"``, ``"limit 2"``, and so on.
    sum : str, default "count"
        What is summed: ``"count"`` (coupons), ``"cost"``, ``"response"``, ``"value"``, or any numeric column of
        `candidates`, `offers` or `customers`.
    max : float, optional
        Largest sum.
    min : float, optional
        Least sum.
    where : mapping, optional
        Which offers the limit is about: conditions on columns of `offers` and on ``role``. A condition is a value, a
        list of values (any of them), or a range ``{"min": ..., "max": ...}`` (both ends in). Default: all offers.
    customers : mapping, optional
        Which customers it is about: conditions on columns of `customers`. Default: all customers.
    by : str or sequence of str, optional
        A column of `offers` or of `customers`, or ``"role"``: one limit for each of its distinct values. Of several
        columns, one limit for each combination of values. A column that both tables have is that of `offers`.
    table : table or path, optional
        With `by`, and instead of `max` and `min`: the bounds of each value, in columns named as `by` says, `min` and
        `max` (null: none). Values without a row have no bounds.
    ratio : tuple of (str, str), optional
        Instead of `sum`: two columns. The bounds hold for the sum of the first divided by the sum of the second, which
        must not be negative.
    share : bool
        The bounds are shares: of the same sum over all coupons, whoever got them. It must not be negative.
    relative_to : mapping, optional
        The bounds are multiples: of the same sum over other coupons. ``where`` and ``customers`` say over which, like
        those of the limit; ``by``, one or several of the limit's columns, that it is those of the same value. What is
        not said restricts nothing, so that ``{}`` is `share`.
    per_head : bool
        With `relative_to`: both sums count per head of the customers they are over, with and without candidates, as
        the table `customers` lists them.
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

    What each store has in stock, and what each brand's part in each store's coupons may be:

    >>> shops = [
    ...     couponry.Limit(
    ...         "stock",
    ...         by=("store", "offer"),
    ...         table={"store": ["north", "north"], "offer": [1, 2], "max": [40, 25]},
    ...     ),
    ...     couponry.Limit("brands", by=("store", "brand"), max=0.6, relative_to={"by": "store"}),
    ... ]

    Fresh products in at least a tenth of all coupons; and gold customers get, per head, at least 0.8 of what silver
    customers get:

    >>> fair = [
    ...     couponry.Limit("fresh", where={"category": "fresh"}, share=True, min=0.1),
    ...     couponry.Limit(
    ...         "gold",
    ...         customers={"segment": "gold"},
    ...         relative_to={"customers": {"segment": "silver"}},
    ...         per_head=True,
    ...         min=0.8,
    ...     ),
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
    by: str | Sequence[str] | None = None
    table: Table | None = None
    ratio: tuple[str, str] | None = None
    share: bool = False
    relative_to: Mapping[str, Any] | None = None
    per_head: bool = False
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

    @property
    def by_columns(self) -> tuple[str, ...]:
        """The columns whose values it has a group for each of; empty without `by`."""
        if self.by is None:
            return ()
        return (self.by,) if isinstance(self.by, str) else tuple(self.by)

    @property
    def vanishes_unmeant(self) -> bool:
        """Whether it cannot be meant to concern nothing: it would be lifted without a word."""
        return self.mode == "hard" and not self.may_be_empty

    @property
    def whole(self) -> Mapping[str, Any] | None:
        """What it is relative to, as `relative_to` has it; None unless bounds are shares or multiples."""
        return {} if self.share else self.relative_to

    @property
    def whole_by(self) -> tuple[str, ...]:
        """Columns of `by` that what it is relative to has the same value of."""
        by = (self.whole or {}).get("by", ())
        return (by,) if isinstance(by, str) else tuple(by)

    @property
    def is_divided(self) -> bool:
        """Whether its bounds are for one sum divided by another."""
        return self.ratio is not None or self.whole is not None

    @property
    def below(self) -> str | None:
        """The column whose sum the first one is divided by; None where it is not divided."""
        return self.columns()[-1] if self.is_divided else None

    @property
    def asked_of_customers(self) -> tuple[str, ...]:
        """Columns of customers that its conditions ask for."""
        return (*self.customers, *(self.whole or {}).get("customers", ()))

    @property
    def asked_of_offers(self) -> tuple[str, ...]:
        """Columns of offers that its conditions ask for, and `role`."""
        return (*self.where, *(self.whole or {}).get("where", ()))

    def sum_text(self) -> str:
        """Say what is summed, as the table of limits has it.

        Returns
        -------
        str
            Such as ``"count"``, ``"value / cost"``, ``"share of count"`` or ``"relative cost per head"``.
        """
        if self.whole is None:
            return " / ".join(self.columns())
        each = " per head" if self.per_head else ""
        return f"share of {self.sum}" if self.share else f"relative {self.sum}{each}"

    def check(self) -> None:
        """Refuse a limit that makes no sense, whatever the campaign.

        Raises
        ------
        InvalidInput
        """
        self._check_fields()
        self._check_whole()
        self._check_bounds()

    def _check_fields(self) -> None:
        """Refuse fields of the wrong type."""
        label = self.label
        if not is_text(self.sum):
            raise InvalidInput(
                f"{label}: sum: expected the name of a column, got {shown(self.sum)}"
            )
        if self.by is not None:
            check_columns(self.by, f"{label}: by")
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
        for key in ("may_be_empty", "share", "per_head"):
            check_flag(getattr(self, key), f"{label}: {key}")
        if not is_text(self.mode) or self.mode not in MODES:
            raise InvalidInput(
                f"{label}: mode: expected one of {', '.join(MODES)}, got {shown(self.mode)}"
                f"{did_you_mean(self.mode, MODES)}"
            )

    def _check_whole(self) -> None:
        """Refuse what a limit is relative to where it makes no sense."""
        label, whole = self.label, self.relative_to
        if self.per_head and whole is None:
            raise InvalidInput(f"{label}: per_head: expected relative_to, what it is compared with")
        if self.whole is not None and self.ratio is not None:
            raise InvalidInput(f"{label}: expected ratio, share or relative_to, got two of them")
        own = {"where": self.where, "customers": self.customers}
        if self.share and whole is not None:
            raise InvalidInput(f"{label}: expected share or relative_to, got both")
        if self.share:
            check_share(own, self.by_columns, label)
        if whole is not None:
            check_relative_to(whole, own, self.by_columns, label)

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
        if self.whole is not None:
            for key in ("min", "max"):
                check_divided_bound(getattr(self, key), self.share, f"{label}: {key}")
        if self.mode == "soft" and (self.penalty is None or self.penalty < 0):
            raise InvalidInput(
                f"{label}: penalty: a soft limit needs a number from 0 up, got {shown(self.penalty)}"
            )


def group_text(value: Any) -> str:
    """Name a group by its value; of several columns as a row of a CSV file, so that no two have one name.

    Parameters
    ----------
    value : object
        A tuple for several columns.

    Returns
    -------
    str

    Examples
    --------
    >>> group_text("north")
    'north'
    >>> group_text(("north", 7))
    'north, 7'
    >>> group_text(("north, old", 7))
    '"north, old", 7'
    """
    if not isinstance(value, tuple):
        return str(value)
    return ", ".join(map(_one_of_several, map(str, value)))


def _one_of_several(text: str) -> str:
    """One value among several."""
    if text.strip() == text and text and not any(sign in text for sign in QUOTED):
        return text
    return '"' + text.replace('"', '""') + '"'
