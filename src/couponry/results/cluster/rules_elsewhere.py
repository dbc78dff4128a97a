"""Customer rules that are left out on trial, where workers have everybody's: they drop them, and write what is left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from ...engines.cluster.engine import ClusterEngine
from ...engines.cluster.places import place_of, write_file
from ...engines.cluster.shards import (
    PASSED,
    RulesBeside,
    RulesElsewhere,
    arrays_of_rules,
    rules_of_arrays,
)
from ...engines.cluster.store import ShardStore
from ...engines.parts import by_customer
from ...kernels import Rules
from ...solver.packed import RuleFacts
from ...solver.rule_names import RuleNames
from ...utils.arrays.array_store import Arrays


def bound_arrays(names: RuleNames) -> Arrays:
    """Name the bounds of rules on all coupons, as shards have them.

    Parameters
    ----------
    names : RuleNames

    Returns
    -------
    dict of str to ndarray of int32, shape (n_customers or 1,) each
    """
    sides = {"lower": names.lower, "upper": names.upper}
    return {
        f"bound-{side}-{number}": bound
        for side, bounds in sides.items()
        for number, (_, bound) in enumerate(bounds)
    }


class KeptRules(NamedTuple):
    """Rules of a shard's customers that were written: name and digest of the file, and what is known of them."""

    file: tuple[str, str]
    facts: RuleFacts
    differing: frozenset[str]


@dataclass(frozen=True, eq=False)
class KeepTask:
    """Drop all rules of shards' customers but some, and write these.

    Attributes
    ----------
    store : ShardStore
    names : RuleNames
        What the rules stand for; bounds are those of other customers.
    kept : tuple of str
    """

    store: ShardStore
    names: RuleNames
    kept: tuple[str, ...]

    def __call__(self, shards: tuple[int, ...], threads: int) -> list[KeptRules]:
        """See `engines.cluster.runner.Task`."""
        return [self._kept(number, threads) for number in shards]

    def still_there(self, found: list[KeptRules]) -> bool:
        """See `engines.cluster.journaled.WritingTask`."""
        return {part.file[0] for part in found} <= set(place_of(self.store.folder).names())

    def _kept(self, number: int, threads: int) -> KeptRules:
        known = bound_arrays(self.names)
        arrays = self.store.arrays(number, threads, lambda name: name in PASSED or name in known)
        names = replace(
            self.names,
            lower=[(n, arrays[f"bound-lower-{k}"]) for k, (n, _) in enumerate(self.names.lower)],
            upper=[(n, arrays[f"bound-upper-{k}"]) for k, (n, _) in enumerate(self.names.upper)],
        )
        rules = names.kept(rules_of_arrays(arrays), self.kept, arrays["indptr"])
        file = write_file(self.store.folder, f"{number:06d}-rules", arrays_of_rules(rules), threads)
        return KeptRules(file, RuleFacts.of(rules), by_customer(None, rules))


def rules_elsewhere(facts: RuleFacts, beside: RulesBeside | None = None) -> RulesElsewhere:
    """Make what stands for rules.

    Parameters
    ----------
    facts : RuleFacts
    beside : RulesBeside, optional
        Default: those of the shards.

    Returns
    -------
    RulesElsewhere
    """
    made = RulesElsewhere(
        lower=np.array([facts.has_minimums], np.int32),
        upper=np.array([facts.most_coupons], np.int32),
        group=np.full((0, facts.items), -1, np.int32),
        groups=facts.groups,
        cap=np.zeros((0, 1), np.int32),
        constraint_ptr=np.zeros(2 if facts.has_constraints else 1, np.int64),
        nodes=facts.nodes,
    )
    made.beside = beside
    return made


def kept_elsewhere(
    engine: ClusterEngine, store: ShardStore, names: RuleNames, kept: Sequence[str]
) -> Rules:
    """Have workers drop all rules but some.

    Parameters
    ----------
    engine : ClusterEngine
    store : ShardStore
    names : RuleNames
    kept : sequence of str

    Returns
    -------
    Rules
        Gathered where candidates are few; else what stands for them.
    """
    parts = engine.map_shards(lambda _: KeepTask(store, names, tuple(kept)))
    differing = frozenset[str]().union(*(part.differing for part in parts))
    beside = RulesBeside(store.folder, tuple(part.file for part in parts), differing)
    facts = combined([part.facts for part in parts])
    made = rules_elsewhere(facts, beside)
    return made if engine.has_many else engine.with_rules(made).everybody.rules


def combined(facts: Sequence[RuleFacts]) -> RuleFacts:
    """Put what is known of the rules of several shards together.

    Parameters
    ----------
    facts : sequence of RuleFacts
        Of each shard.

    Returns
    -------
    RuleFacts
    """
    return facts[0]._replace(
        has_minimums=any(one.has_minimums for one in facts),
        has_constraints=any(one.has_constraints for one in facts),
        most_coupons=max(one.most_coupons for one in facts),
    )
