"""How candidates are made of transactions: quotas by role, kinds, windows; the [candidates] of campaign.toml."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any, NoReturn

from ..data.roles import ROLES
from ..utils.checks import (
    LARGEST_NUMBER,
    as_float,
    is_number,
    is_text,
    is_whole,
    refuse_unknown_keys,
    shown,
)
from ..utils.errors import InvalidInput

MOST_OFFERS = 65_535
"""Offers a customer and role, at most: as many as an offer's number has in 16 bits."""

FAMILY = "family"
"""What the column of families is called, unless `Targeting.family` says otherwise."""

MOST_WEEKS = 5_200
"""Weeks of a window, at most: a hundred years."""


@dataclass(frozen=True)
class Targeting:
    """Which offers a customer is a candidate for, and how their response is estimated.

    Attributes
    ----------
    reward : int
        Offers a customer, at most, that are for something the customer buys.
    activation : int
        Offers a customer, at most, that are for something of a kind the customer buys, but not for what is bought.
    innovation : int
        Offers a customer, at most, that are for anything else.
    kind : str, optional
        Column of the table products that says of what kind they are; without one there are no activations.
    family : str, optional
        Column of the table offers that says which are variants of one another, such as "product" where products have
        coupons at several discounts: each role gets so many families, and all offers of each. Default: the column
        `family`, where there is one.
    window : int
        Weeks in which a response is looked for. The model is fitted on the last `window` weeks of the transactions.
    half_life : float
        Weeks after which a purchase counts half.
    until : int or date, optional
        Last period that counts: purchases after it are left out. Default: the last whole one, which a week or day
        with far fewer transactions than usual is not taken to be.
    timezone : str, optional
        The shop's, such as "Europe/Berlin": timestamps with a zone are days there. Default: days in UTC.
    null_customers : {"refuse", "skip"}
        Whether transactions without a customer, such as those of guests, are left out and counted.
    columns : mapping of str to str
        Names of the columns of the transactions where they are others, such as ``{"customer": "household_id"}``.
    response : mapping of str to float, optional
        Coefficients of a `couponry.affinity.ResponseModel`, by name. Without them the response is the probability to
        buy within a window anyway, which says who likes a product and not what the coupon adds.
    incremental : bool or float
        Whether candidates have a value, too: what a coupon brings beyond what would have been bought anyway. A share
        above 0 and up to 1.0 is that of the redeemed coupons that bring a purchase which would not have been made, as
        a group without coupons has shown. With True, `value` is the least that the probabilities to buy without the
        coupon and to redeem it allow, and `value_most` the most.

    Examples
    --------
    >>> Targeting(reward=2, activation=0, innovation=1, kind="category").quota
    {'reward': 2, 'activation': 0, 'innovation': 1}
    """

    reward: int = 8
    activation: int = 12
    innovation: int = 12
    kind: str | None = None
    window: int = 4
    half_life: float = 16.0
    columns: Mapping[str, str] = field(default_factory=dict)
    response: Mapping[str, float] | None = None
    incremental: bool | float = False
    until: int | date | None = None
    timezone: str | None = None
    null_customers: str = "refuse"
    family: str | None = None

    @classmethod
    def parse(cls, spec: Any) -> Targeting:
        """Read the table [candidates] of campaign.toml.

        Parameters
        ----------
        spec : mapping
            Keys as the attributes.

        Returns
        -------
        Targeting
            As it stands in the file.

        Raises
        ------
        InvalidInput
            If a key is unknown or a value makes no sense.
        """
        if not isinstance(spec, Mapping):
            raise InvalidInput(f"campaign.toml: candidates: expected a table, got {shown(spec)}")
        refuse_unknown_keys(spec, cls.__dataclass_fields__, "campaign.toml: [candidates]")
        found = cls(**spec)
        found.check()
        return found

    @property
    def incremental_share(self) -> float | None:
        """Share of the redeemed coupons that bring a new purchase; None where it is not known."""
        return float(self.incremental) if isinstance(self.incremental, float) else None

    def family_among(self, columns: Sequence[str]) -> str | None:
        """Say which column of the offers tells their families.

        Parameters
        ----------
        columns : sequence of str
            Those that there are.

        Returns
        -------
        str or None
            None: each offer is one by itself.
        """
        if self.family is None and FAMILY in columns:
            return FAMILY
        return self.family

    @property
    def quota(self) -> dict[str, int]:
        """Offers a customer at most, by role."""
        return {role: getattr(self, role) for role in ROLES}

    def check(self) -> None:
        """Refuse what makes no sense in itself.

        Raises
        ------
        InvalidInput
            With the attribute, what was expected and what came.
        """
        self._check_quotas_and_times()
        self._check_columns()
        self._check_response()

    def _check_quotas_and_times(self) -> None:
        quotas = ((role, 0, MOST_OFFERS) for role in ROLES)
        for key, least, most in (*quotas, ("window", 1, MOST_WEEKS)):
            value = getattr(self, key)
            if not is_whole(value) or not least <= value <= most:
                _refuse(key, f"a whole number from {least} up to {most:,}", value)
        if sum(self.quota.values()) == 0:
            raise InvalidInput(
                "candidates: expected at least one offer a customer, got quotas of 0"
            )
        if self.until is not None and not (is_whole(self.until) or isinstance(self.until, date)):
            _refuse("until", "a day, a week or a date", self.until)
        if self.timezone is not None and not is_text(self.timezone):
            _refuse("timezone", "the name of a time zone", self.timezone)
        if not is_number(self.half_life) or not 0 < as_float(self.half_life) < math.inf:
            _refuse("half_life", "weeks above 0", self.half_life)

    def _check_columns(self) -> None:
        if self.kind is not None and not is_text(self.kind):
            _refuse("kind", "a column of products", self.kind)
        if self.family is not None and not is_text(self.family):
            _refuse("family", "a column of offers", self.family)
        if not isinstance(self.columns, Mapping) or not all(
            isinstance(name, str) for name in self.columns.values()
        ):
            _refuse("columns", "names of columns", self.columns)

    def _check_response(self) -> None:
        response = self.response
        if response is not None and (
            not isinstance(response, Mapping)
            or not all(
                is_number(one) and abs(as_float(one)) <= LARGEST_NUMBER for one in response.values()
            )
        ):
            _refuse("response", "coefficients", response)
        share = self.incremental_share
        if not isinstance(self.incremental, bool) and (share is None or not 0 < share <= 1):
            _refuse("incremental", "true, false or a share above 0 and up to 1.0", self.incremental)
        if self.incremental and response is None:
            raise InvalidInput(
                "candidates: incremental: expected coefficients of a response beside it"
            )

    def as_dict(self) -> dict[str, Any]:
        """Return the attributes as JSON has them, whatever kinds of numbers were given.

        Returns
        -------
        dict
            By name.
        """
        response = self.response
        said = asdict(self)
        if self.family is None:  # the assortment says what it is
            del said["family"]
        return {
            **said,
            **{role: int(most) for role, most in self.quota.items()},
            "window": int(self.window),
            "half_life": float(self.half_life),
            "until": self.until if self.until is None else str(self.until),
            "columns": dict(self.columns),
            "response": response and {name: float(value) for name, value in response.items()},
        }


def _refuse(key: str, expected: str, value: object) -> NoReturn:
    raise InvalidInput(f"candidates: {key}: expected {expected}, got {shown(value)}")
