"""Contact rules as marketers have them: windows that overlap, a bound on calls, and offers that conflict.

Each offer goes out by one of four channels on one of 28 days and is for one of 45 products. A customer gets at most
three e-mails in any of three windows of 14 days that overlap, at most two calls, and never two offers for one product
within a week: about one pair of offers in a hundred. As arrays for the kernels, and as rules of a campaign, with a
count of their own of what an allocation breaks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

import couponry
from couponry import kernels
from couponry.kernels import Rules, RuleSpec
from couponry.model.compiling.row_rules.constraint_words import with_constraints

CHANNELS, DAYS, PRODUCTS = 4, 28, 45
EMAIL, CALL = 0, 1
WINDOWS = (1, 8, 15)  # first days
EMAILS, CALLS, WEEK, FORTNIGHT = 3, 2, 7, 14


@dataclass(frozen=True)
class Contacts:
    """How, when and for what each offer goes out (k)."""

    channel: NDArray[np.int64]
    product: NDArray[np.int64]
    day: NDArray[np.int64]

    @classmethod
    def drawn(cls, offers: int, random: np.random.Generator) -> Contacts:
        return cls(
            random.integers(0, CHANNELS, offers),
            random.integers(0, PRODUCTS, offers),
            random.integers(1, DAYS + 1, offers),
        )

    def kinds(self) -> list[tuple[str, NDArray[np.bool_], int]]:
        """Name, offers (k) and how many of them a customer gets at most."""
        email = self.channel == EMAIL
        windows = [
            (f"e-mails from day {first}", email & self.within(first), EMAILS) for first in WINDOWS
        ]
        return [*windows, ("calls", self.channel == CALL, CALLS)]

    def within(self, first: int) -> NDArray[np.bool_]:
        return (self.day >= first) & (self.day < first + FORTNIGHT)

    def apart(self) -> NDArray[np.bool_]:
        """Pairs of offers that are never given together (k, k)."""
        apart = (self.product[:, None] == self.product) & (
            np.abs(self.day[:, None] - self.day) <= WEEK
        )
        np.fill_diagonal(apart, False)
        return apart

    def columns(self) -> dict[str, NDArray[np.int64]]:
        """For the offers table."""
        return {"channel": self.channel, "product": self.product, "day": self.day}

    def rules(self) -> list[couponry.CustomerRule]:
        a, b = np.nonzero(np.triu(self.apart()))
        last = FORTNIGHT - 1
        windows = [
            couponry.CustomerRule(
                f"e-mails from day {first}",
                max=EMAILS,
                where={"channel": EMAIL, "day": {"min": first, "max": first + last}},
            )
            for first in WINDOWS
        ]
        return [
            *windows,
            couponry.CustomerRule("calls", max=CALLS, where={"channel": CALL}),
            couponry.CustomerRule(
                "one product a week", conflicts=pa.table({"offer_a": a, "offer_b": b})
            ),
        ]

    def broken(self, customer: NDArray[np.int64], offer: NDArray[np.int64]) -> dict[str, int]:
        """How often an allocation breaks each rule: customers with too many, and pairs that are apart."""
        found = {}
        for name, offers, most in self.kinds():
            count = np.bincount(customer[offers[offer]])
            found[name] = int((count > most).sum())
        order = np.argsort(customer, kind="stable")
        customer, offer = customer[order], offer[order]
        pairs, by = 0, 1
        while by < len(customer):
            same = np.flatnonzero(customer[by:] == customer[:-by])
            if len(same) == 0:
                break
            one, other = offer[same], offer[same + by]
            week = np.abs(self.day[one] - self.day[other]) <= WEEK
            pairs += int((week & (self.product[one] == self.product[other])).sum())
            by += 1
        return found | {"one product a week": pairs}


def contact_rules(
    items: int,
    slots: int,
    item: NDArray[np.uint16],
    indptr: NDArray[np.int64],
    random: np.random.Generator,
) -> Rules:
    """The rules of customers who are given at most so many coupons, for these candidates."""
    contacts = Contacts.drawn(items, random)
    rows = contacts.kinds()
    group = np.array([np.where(row, g, -1) for g, (_, row, _) in enumerate(rows)], np.int32)
    cap = np.array([[most] for _, _, most in rows], np.int32)
    apart = contacts.apart()
    upper = np.full(1, slots, np.int32)
    nobody = np.zeros(1, np.int64)
    agreed = RuleSpec(
        group=group,
        groups=len(rows),
        rule=np.arange(len(rows), dtype=np.int32),
        plain=np.ones(len(rows), np.uint8),
        cap=cap,
        least=np.zeros_like(cap),
        upper=upper,
        held_ptr=nobody,
        held=np.zeros((2, 0), np.int32),
        had_ptr=nobody,
        had=np.zeros(0, np.int32),
        conflict_ptr=np.concatenate([[0], np.cumsum(apart.sum(axis=1))]).astype(np.int64),
        conflict=np.nonzero(apart)[1].astype(np.int32),
        conflict_rule=np.full(int(apart.sum()), len(rows), np.int32),
        mandatory=np.zeros(0, np.uint8),
        mandatory_rule=len(rows) + 1,
    )
    rules = Rules(np.zeros(1, np.int32), upper, group, len(rows), cap)
    return with_constraints(rules, agreed, item, indptr, kernels.load("native"))
