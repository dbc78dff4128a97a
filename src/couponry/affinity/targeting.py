"""How candidates are made of transactions: quotas by role, kinds, windows; the [candidates] of campaign.toml."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ..data.roles import ROLES
from ..utils.checks import is_number, is_whole, refuse_unknown_keys
from ..utils.errors import InvalidInput


@dataclass(frozen=True)
class Targeting:
    """Which offers a customer is a candidate for, and how their response is estimated.

    reward, activation, innovation: at most so many offers a customer that are for something the customer buys, for
    something of a kind that the customer buys, for anything else.
    kind: the column of products that says what kind they are of; without one there are no activations.
    window: weeks in which a response is looked for; the last `window` weeks of the transactions are what the model is
    fitted on. half_life: weeks after which a purchase counts half.
    columns: names of the columns of the transactions, where they are others, such as {"customer": "household_id"}.
    response: coefficients of a `couponry.affinity.ResponseModel`, by name; without them the response is the probability
    to buy within a window anyway, which says who likes a product and not what the coupon adds.
    incremental: whether candidates have a value, too: (p1 - p0) x margin - p1 x face_value, what a coupon brings beyond
    what would have been bought anyway, as far as the coefficients of the response are right.
    """

    reward: int = 8
    activation: int = 12
    innovation: int = 12
    kind: str | None = None
    window: int = 4
    half_life: float = 16.0
    columns: Mapping[str, str] = field(default_factory=dict)
    response: Mapping[str, float] | None = None
    incremental: bool = False

    @classmethod
    def parse(cls, spec: Any) -> Targeting:
        """From the table [candidates] of campaign.toml; unknown keys and wrong types are refused."""
        if not isinstance(spec, Mapping):
            raise InvalidInput(f"campaign.toml: candidates: expected a table, got {spec!r}")
        refuse_unknown_keys(spec, cls.__dataclass_fields__, "campaign.toml: [candidates]")
        found = cls(**spec)
        found.check()
        return found

    @property
    def quota(self) -> dict[str, int]:
        return {role: getattr(self, role) for role in ROLES}

    def check(self) -> None:
        """Refuse what makes no sense in itself."""
        for key, least in (*((role, 0) for role in ROLES), ("window", 1)):
            value = getattr(self, key)
            if not is_whole(value) or value < least:
                raise InvalidInput(
                    f"candidates: {key}: expected a whole number from {least} up, got {value!r}"
                )
        if sum(self.quota.values()) == 0:
            raise InvalidInput(
                "candidates: expected at least one offer a customer, got quotas of 0"
            )
        if not is_number(self.half_life) or not 0 < self.half_life < math.inf:
            raise InvalidInput(
                f"candidates: half_life: expected weeks above 0, got {self.half_life!r}"
            )
        if self.kind is not None and (not isinstance(self.kind, str) or not self.kind):
            raise InvalidInput(
                f"candidates: kind: expected a column of products, got {self.kind!r}"
            )
        if not isinstance(self.columns, Mapping) or not all(
            isinstance(name, str) for name in self.columns.values()
        ):
            raise InvalidInput(
                f"candidates: columns: expected names of columns, got {self.columns!r}"
            )
        if self.response is not None and (
            not isinstance(self.response, Mapping)
            or not all(is_number(value) for value in self.response.values())
        ):
            raise InvalidInput(
                f"candidates: response: expected coefficients, got {self.response!r}"
            )

        if not isinstance(self.incremental, bool):
            raise InvalidInput(
                f"candidates: incremental: expected true or false, got {self.incremental!r}"
            )
        if self.incremental and self.response is None:
            raise InvalidInput(
                "candidates: incremental: expected coefficients of a response beside it"
            )

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it, whatever kinds of numbers were given."""
        numbers_of = self.response
        return {
            **asdict(self),
            **{role: int(most) for role, most in self.quota.items()},
            "window": int(self.window),
            "half_life": float(self.half_life),
            "columns": dict(self.columns),
            "response": numbers_of and {name: float(value) for name, value in numbers_of.items()},
        }
