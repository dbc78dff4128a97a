"""A shard as arrays of one file: consecutive customers, their candidates and rules, and what else is known of them.

Other rules of the same customers are in files beside the shards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...kernels import Rules, Shard
from ...utils.arrays.array_store import Arrays
from ..parts import rules_of, shard_of
from .places import map_file

SHARD_ARRAYS = ("indptr", "item", "quantity", "segment")
RULE_ARRAYS = ("lower", "upper", "group", "cap", "constraint_ptr", "constraints")

PASSED = (*SHARD_ARRAYS, *RULE_ARRAYS, "first", "rule-numbers", "fine")
"""Arrays that passes read; whatever stands beside them is read by those who ask for it by name."""


def _nothing(start: int, stop: int) -> Arrays:
    """Nothing else is kept."""
    return {}


class Everybody(NamedTuple):
    """What shards are cut from.

    Attributes
    ----------
    shard : Shard
        All customers; none has a number of its own.
    rules : Rules
    fine : ndarray of uint8, shape (n_attributes, n_candidates)
    beside : callable
        Called as beside(start, stop) for customers start <= i < stop; returns what else is kept of them and their
        candidates, arrays by name.
    """

    shard: Shard
    rules: Rules
    fine: NDArray[np.uint8]
    beside: Callable[[int, int], Arrays] = _nothing

    def arrays_of(self, start: int, stop: int) -> Arrays:
        """Cut out some customers.

        Parameters
        ----------
        start, stop : int
            Customers start <= i < stop.

        Returns
        -------
        dict of str to ndarray
            For `shard_of_arrays`.
        """
        shard, rules = shard_of(self.shard, start, stop), rules_of(self.rules, start, stop)
        begin, end = (int(place) for place in self.shard.indptr[[start, stop]])
        return {
            **{name: getattr(shard, name) for name in SHARD_ARRAYS},
            **arrays_of_rules(rules),
            "first": np.array([shard.first], np.int64),
            "fine": self.fine[:, begin:end],
            **self.beside(start, stop),
        }


def shard_of_arrays(arrays: Mapping[str, NDArray[Any]]) -> tuple[Shard, Rules]:
    """Make a shard of its arrays.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        `PASSED`, all but `fine` of them.

    Returns
    -------
    Shard, Rules
        Over the same arrays.
    """
    shard = Shard(int(arrays["first"][0]), *(arrays[name] for name in SHARD_ARRAYS))
    return shard, rules_of_arrays(arrays)


def arrays_of_rules(rules: Rules) -> Arrays:
    """Make arrays of rules.

    Parameters
    ----------
    rules : Rules

    Returns
    -------
    dict of str to ndarray
        For `rules_of_arrays`.
    """
    numbers = np.array([rules.groups, rules.nodes], np.int64)
    return {**{name: getattr(rules, name) for name in RULE_ARRAYS}, "rule-numbers": numbers}


def rules_of_arrays(arrays: Mapping[str, NDArray[Any]]) -> Rules:
    """Make rules of their arrays.

    Parameters
    ----------
    arrays : mapping of str to ndarray

    Returns
    -------
    Rules
        Over the same arrays.
    """
    groups, nodes = (int(number) for number in arrays["rule-numbers"])
    return Rules(**{name: arrays[name] for name in RULE_ARRAYS}, groups=groups, nodes=nodes)


@dataclass(frozen=True)
class RulesBeside:
    """Other customer rules for the customers of a store, in files beside its shards; a recipe, too.

    Attributes
    ----------
    folder : str
        Of the store.
    files : tuple of (str, str)
        Name and digest of each shard's.
    differing : frozenset of str
        What differs by customer.
    """

    folder: str
    files: tuple[tuple[str, str], ...]
    differing: frozenset[str]

    def rules(self, number: int, threads: int) -> Rules:
        """Map the rules of a shard's customers.

        Parameters
        ----------
        number : int
            Of the shard.
        threads : int
            How many to read with what has to be read.

        Returns
        -------
        Rules

        Raises
        ------
        InvalidInput
            As `ShardStore.arrays` does.
        """
        return rules_of_arrays(map_file(self.folder, *self.files[number], threads, lambda _: True))


class RulesElsewhere(Rules):
    """Rules of a store's customers in place of whose arrays it is told what is known without a look at any of them.

    Attributes
    ----------
    beside : RulesBeside or None
        None: those of the shards.
    """

    beside: RulesBeside | None = None
