"""The packed candidates of a problem: in this process, or elsewhere, with what is known of them without a look."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ..kernels import Rules, Shard
from ..utils.process.cached_property import cached_property
from .rule_names import RuleNames

Attributes = tuple[NDArray[np.floating], ...] | NDArray[np.float64]
"""Each attribute as given, one of them after the other, or as the rows of one array."""


class RuleFacts(NamedTuple):
    """What is known of customer rules without a look at customers.

    Attributes
    ----------
    items, groups, nodes : int
        Items, and numbers of `Rules`.
    has_minimums : bool
        Whether anybody must be given a coupon for it to keep a bound on all of its coupons.
    has_constraints : bool
        Whether customers may have cardinality constraints.
    most_coupons : int
        The largest number of coupons that anybody may have.
    """

    items: int
    groups: int
    nodes: int
    has_minimums: bool
    has_constraints: bool
    most_coupons: int

    @classmethod
    def of(cls, rules: Rules) -> RuleFacts:
        """Look at rules.

        Parameters
        ----------
        rules : Rules

        Returns
        -------
        RuleFacts
        """
        return cls(
            rules.group.shape[1],
            rules.groups,
            rules.nodes,
            bool(rules.lower.any()),
            len(rules.constraint_ptr) > 1,
            int(rules.upper.max(initial=0)),
        )


class PackedCandidates(Protocol):
    """PackedCandidates candidates, their values and rules; attributes are described in `Problem`."""

    @property
    def shard(self) -> Shard:
        """The packed candidates."""
        ...

    @property
    def rules(self) -> Rules:
        """The compiled customer rules."""
        ...

    @property
    def attributes(self) -> Attributes:
        """Each attribute as given."""
        ...

    @property
    def fine(self) -> NDArray[np.uint8]:
        """Where in its quantity's step an attribute lies; of candidates elsewhere, none of them."""
        ...

    @property
    def customers(self) -> int:
        """How many customers there are."""
        ...

    @property
    def candidates(self) -> int:
        """How many candidates there are."""
        ...

    @property
    def rule_facts(self) -> RuleFacts:
        """What is known of the rules without a look at customers."""
        ...

    def kept_rules(self, names: RuleNames, kept: Sequence[str]) -> Rules:
        """Drop all rules but some; `names` says what the rules stand for."""
        ...


@dataclass(frozen=True, eq=False)
class HeldCandidates:
    """Candidates in this process, in memory or mapped; see `PackedCandidates`."""

    shard: Shard
    rules: Rules
    attributes: Attributes
    fine: NDArray[np.uint8]

    @property
    def customers(self) -> int:
        """How many customers there are."""
        return len(self.shard.indptr) - 1

    @property
    def candidates(self) -> int:
        """How many candidates there are."""
        return len(self.shard.item)

    @cached_property
    def rule_facts(self) -> RuleFacts:
        """What is known of the rules without a look at customers."""
        return RuleFacts.of(self.rules)

    def kept_rules(self, names: RuleNames, kept: Sequence[str]) -> Rules:
        """Drop all rules but some."""
        return names.kept(self.rules, kept, self.shard.indptr)


@dataclass(frozen=True, eq=False)
class CandidatesElsewhere:
    """Candidates that engines alone reach; see `PackedCandidates`.

    Attributes
    ----------
    customers, candidates : int
    n_attributes : int
    rule_facts : RuleFacts
    gather : callable
        Gathers all of them where something asks for each candidate at once, as is done where they are few.
    source : str
        Tells these candidates and rules from others; empty where nothing does.
    rules_elsewhere : Rules, optional
        Stand for the rules where these are not to be gathered.
    keep : callable, optional
        Drops all rules but those of some names, where these are elsewhere as well.
    """

    customers: int
    candidates: int
    n_attributes: int
    rule_facts: RuleFacts
    gather: Callable[[], PackedCandidates]
    source: str = ""
    rules_elsewhere: Rules | None = None
    keep: Callable[[Sequence[str]], Rules] | None = None

    @cached_property
    def _held(self) -> PackedCandidates:
        return self.gather()

    @property
    def shard(self) -> Shard:
        """The packed candidates, gathered."""
        return self._held.shard

    @property
    def rules(self) -> Rules:
        """The compiled customer rules, gathered, or what stands for them."""
        return self._held.rules if self.rules_elsewhere is None else self.rules_elsewhere

    def kept_rules(self, names: RuleNames, kept: Sequence[str]) -> Rules:
        """Drop all rules but some."""
        if self.keep is not None:
            return self.keep(kept)
        return names.kept(self.rules, kept, self.shard.indptr)

    @property
    def attributes(self) -> Attributes:
        """Each attribute as given, gathered."""
        return self._held.attributes

    @property
    def fine(self) -> NDArray[np.uint8]:
        """Nothing of any candidate: engines have it."""
        return np.empty((self.n_attributes, 0), np.uint8)
