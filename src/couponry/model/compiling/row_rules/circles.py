"""Offers that require each other in a circle, within a rule or across rules that are about the same customers."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....data import tables
from ....utils.errors import InvalidInput
from ...rules import CustomerRule
from ...units.units import Units


class RequiredScope(NamedTuple):
    """What a rule requires, and of whom.

    Attributes
    ----------
    name : str
        Of the rule.
    offer, required : ndarray of int64, shape (n_pairs,)
        Rows of the offers table.
    inside : ndarray of bool, shape (n_units or 1,)
        Units that it is about, or of which it is about somebody.
    """

    name: str
    offer: NDArray[np.int64]
    required: NDArray[np.int64]
    inside: NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        rule: CustomerRule,
        offer: NDArray[np.int64],
        required: NDArray[np.int64],
        inside: NDArray[np.bool_],
        units: Units | None,
    ) -> RequiredScope:
        """Make the scope of a rule.

        Parameters
        ----------
        rule : CustomerRule
        offer, required : ndarray of int64, shape (n_pairs,)
        inside : ndarray of bool, shape (n_units or 1,)
            Customers where the rule holds for each.
        units : Units or None

        Returns
        -------
        RequiredScope
        """
        if rule.each is not None and units is not None and len(inside) > 1:
            inside = np.logical_or.reduceat(inside, units.ptr[:-1])
        return cls(rule.name, offer, required, inside)


def refuse_circle(
    offer: NDArray[np.int64], required: NDArray[np.int64], offers: pa.Table, label: str
) -> None:
    """Refuse offers that require each other in a circle.

    Parameters
    ----------
    offer, required : ndarray of int64, shape (n_pairs,)
        Rows of the offers table.
    offers : pyarrow.Table
    label : str
        Who says so, for messages.

    Raises
    ------
    InvalidInput
    """
    circle = _circle(offer, required)
    if circle:
        raise InvalidInput(_said(circle, offers, label))


def refuse_circles_of_rules(rules: Sequence[RequiredScope], offers: pa.Table) -> None:
    """Refuse rules that are about a customer together and together have a circle, where none has one by itself.

    Parameters
    ----------
    rules : sequence of RequiredScope
    offers : pyarrow.Table

    Raises
    ------
    InvalidInput
    """
    if len(rules) < 2 or not _circle_of(rules):
        return
    everybody = np.broadcast_shapes(*(rule.inside.shape for rule in rules))
    alike = np.zeros(everybody, np.int64)
    for rule in rules:
        alike = np.unique(2 * alike + rule.inside, return_inverse=True)[1].reshape(everybody)
    inside = [np.broadcast_to(rule.inside, everybody) for rule in rules]
    for one in np.unique(alike, return_index=True)[
        1
    ].tolist():  # of those whom the same rules are about
        theirs = [rule for rule, of in zip(rules, inside, strict=True) if of[one]]
        circle = _circle_of(theirs)
        if circle:
            steps = set(itertools.pairwise(circle))
            names = [
                repr(rule.name)
                for rule in theirs
                if steps & set(zip(rule.offer.tolist(), rule.required.tolist(), strict=True))
            ]
            raise InvalidInput(_said(circle, offers, f"customer_rules {', '.join(names)}"))


def _said(circle: list[int], offers: pa.Table, label: str) -> str:
    """That there is a circle, and which."""
    known = tables.ids(offers, "offers", "offer")
    path = ", which requires ".join(repr(known[row].as_py()) for row in circle)
    return f"{label}: offers require each other in a circle: {path}"


def _circle_of(rules: Sequence[RequiredScope]) -> list[int]:
    """A circle in what several rules require."""
    none = np.zeros(0, np.int64)
    return _circle(
        np.concatenate([none, *(rule.offer for rule in rules)]),
        np.concatenate([none, *(rule.required for rule in rules)]),
    )


def _circle(offer: NDArray[np.int64], required: NDArray[np.int64]) -> list[int]:
    """Offers of which each requires the next, the last one being the first again; empty where there is no circle."""
    needs: dict[int, list[int]] = {}
    for one, other in zip(offer.tolist(), required.tolist(), strict=True):
        needs.setdefault(one, []).append(other)
    done: set[int] = set()
    for first in needs:
        path: list[int] = []
        on_path: set[int] = set()
        waiting = [(first, 0)]
        while waiting:
            one, depth = waiting.pop()
            for left in path[depth:]:
                on_path.discard(left)
                done.add(left)
            del path[depth:]
            if one in on_path:
                return [*path[path.index(one) :], one]
            if one in done:
                continue
            path.append(one)
            on_path.add(one)
            waiting += [(other, depth + 1) for other in needs.get(one, [])]
        done.update(path)
    return []
