"""Late customers who are decided together, with the coupons that they have, and refunds of what messages cost."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....data.candidate_checks import offer_dtype
from ....data.candidates import Candidates
from ....kernels.rules_contract import BEFORE_MANDATORY
from ....model.compiling.compile_rules import compile_rules
from ....model.compiling.messages.message_costs import MessageCosts
from ....model.contact_history import ContactHistory
from ....model.customers import Customers
from ....model.items import Items
from ....model.units.joined_customers import join_customers
from ....model.units.units import Units
from ....utils.process.cached_property import cached_property
from ..batch import LateBatch, numbers_of
from ..charges import ChargedRows
from ..terms import ROLE_CODES, Kind, Terms
from .given_before import HELD
from .member_terms import MemberItems, MemberTerms


@dataclass(frozen=True, eq=False)
class UnitBatch(LateBatch):
    """Late customers by unit; each unit's refunds are behind its candidates.

    Attributes
    ----------
    joined : Units or None
        None: single customers.
    costs : MessageCosts or None
    as_single : LateBatch
        The same candidates, as those of single customers.
    made : MemberItems
    worth : ndarray of float64, shape (n_candidates,)
        What refunds are worth, here and below with refunds among candidates.
    """

    joined: Units | None
    costs: MessageCosts | None
    as_single: LateBatch
    made: MemberItems
    worth: NDArray[np.float64]

    @classmethod
    def together(
        cls,
        terms: Terms,
        candidates: Candidates,
        customers: pa.Table | None,
        history: pa.Table | None,
    ) -> UnitBatch:
        """Compile late customers.

        Parameters
        ----------
        terms : Terms
            Of single customers.
        candidates : Candidates
            Of late customers, and, with 1 in a column `HELD`, what they and others of their units have been given.
        customers, history : pyarrow.Table or None

        Returns
        -------
        UnitBatch

        Raises
        ------
        InvalidInput
            Where rules or limits ask for what the tables do not have.
        """
        agreed = terms.prices.agreed
        candidates, units = _joined(candidates, customers, agreed.unit)
        single = LateBatch.of(terms, candidates, customers, history, with_rules=False)
        made, item = _items(single, units)
        known = Customers(customers, candidates.customers, units)
        past = ContactHistory(history, candidates.customers, agreed.offers, agreed.rules, known)
        indptr = candidates.indptr if units is None else units.indptr(candidates)
        costs = MessageCosts.of(agreed.rules, made.items, item, indptr, known, past)
        made.items.n_refunds = refunds = 0 if costs is None else costs.n_refunds
        rules = compile_rules(
            agreed.rules, made.items, item, candidates, known, past, terms.backend, costs
        )
        firsts = np.arange(len(candidates.customers)) if units is None else units.ptr[:-1]
        kinds: list[Kind] = [()]
        return cls(
            MemberTerms(terms, made, single.kinds, refunds),
            candidates,
            customers,
            history,
            item if costs is None else costs.item,
            single.attributes,
            np.zeros(1, np.uint16),
            kinds,
            numbers_of(candidates.customers.take(pa.array(firsts))),
            rules.rules,
            units,
            costs,
            single,
            made,
            _worth(indptr, costs),
        )

    @cached_property
    def indptr(self) -> NDArray[np.int64]:
        """Where each unit's candidates begin, shape (n_units + 1,)."""
        if self.costs is not None:
            return self.costs.with_refunds
        own = self.candidates
        return own.indptr if self.joined is None else self.joined.indptr(own)

    @property
    def units(self) -> Units | None:
        """What rules hold for."""
        return self.joined

    @property
    def single(self) -> LateBatch:
        """The same candidates, as those of single customers."""
        return self.as_single

    @cached_property
    def place(self) -> NDArray[np.int64]:
        """Where each candidate is among candidates and refunds, shape (n_candidates,)."""
        if self.costs is None:
            return np.arange(len(self.candidates))
        unit = np.repeat(np.arange(self.costs.n_units), np.diff(self.costs.indptr))
        return np.arange(len(self.candidates)) + self.costs.n_refunds * unit

    @cached_property
    def is_own(self) -> NDArray[np.bool_]:
        """Which of candidates and refunds may be decided on: no refunds, and nothing that was given before."""
        found = np.zeros(len(self.item), bool)
        found[self.place] = ~self.is_held
        return found

    @property
    def late(self) -> NDArray[np.int64]:
        """Candidates that are decided on."""
        return np.flatnonzero(~self.is_held)

    @property
    def is_held(self) -> NDArray[np.bool_]:
        """Which candidates were given before, shape (n_candidates,)."""
        return _is_held(self.candidates)

    def charges_of(self, charges: ChargedRows) -> ChargedRows:
        """Say what its coupons use, of what those of single customers do."""
        return self.made.covered(self.as_single.terms, self.as_single.kinds, charges)

    def exact(self, part: slice | NDArray[np.int64]) -> NDArray[np.float64]:
        """Copy attributes of some candidates; see `LateBatch.exact`."""
        return np.ascontiguousarray(self._exact[:, part])

    @cached_property
    def _exact(self) -> NDArray[np.float64]:
        """Attributes of all candidates and refunds."""
        found = np.zeros((len(self.attributes) + 1, len(self.item)))
        for out, values in zip(found, self.attributes, strict=False):
            out[self.place] = values
        found[-1] = self.worth
        return found

    def decided(self, flags: NDArray[Any]) -> NDArray[Any]:
        """Take what there is of late customers' candidates; see `LateBatch.decided`."""
        found = flags[self.place]
        return found & ~self.is_held if found.dtype == bool else found


def _joined(
    candidates: Candidates, customers: pa.Table | None, unit: str | None
) -> tuple[Candidates, Units | None]:
    """Candidates in the order of units, and these; what they have comes before all that is mandatory."""
    units = None
    if unit is not None:
        row = Customers(customers, candidates.customers).rows(f"unit {unit!r}")
        assert customers is not None
        candidates, units = join_customers(candidates, unit, customers[unit], row)
    is_held, flags = _is_held(candidates), candidates.mandatory
    if is_held.any():
        nothing = np.zeros(len(candidates), np.uint8)
        flags = np.where(is_held, BEFORE_MANDATORY, nothing if flags is None else flags)
        candidates = replace(candidates, mandatory=flags.astype(np.uint8))
    return candidates, units


def _is_held(candidates: Candidates) -> NDArray[np.bool_]:
    column = candidates.columns.get(HELD)
    return np.zeros(len(candidates), bool) if column is None else column > 0


def _items(
    single: LateBatch, units: Units | None
) -> tuple[MemberItems, NDArray[np.uint16] | NDArray[np.uint32]]:
    """Items of members, and those of the candidates."""
    candidates, terms = single.candidates, single.terms
    count = np.diff(candidates.indptr)
    member = np.zeros(len(count), np.int64) if units is None else units.member.astype(np.int64)
    kind = np.broadcast_to(single.kind.astype(np.int64), len(count))
    by_role = terms.items.role is not None and candidates.role is not None
    role = candidates.role if by_role else None
    offers = terms.prices.agreed.offers.num_rows
    code = np.repeat(member, count) * offers + candidates.offer
    code = code * ROLE_CODES + (0 if role is None else role)
    code = (code * len(single.kinds) + np.repeat(kind, count)) * 2 + _is_held(candidates)
    known, first, item = np.unique(code, return_index=True, return_inverse=True)
    rest, is_held = np.divmod(known, 2)
    rest, kind_of = np.divmod(rest, len(single.kinds))
    rest, role_of = np.divmod(rest, ROLE_CODES)
    member_of, offer_of = np.divmod(rest, offers)
    items = Items(
        terms.prices.agreed.offers,
        offer_of,
        None if terms.items.role is None else role_of,
        terms.items.has_roles,
        None if units is None else member_of,
        told_by="member and kind",
    )
    base = single.item[first].astype(np.int64)
    made = MemberItems(items, base, kind_of, is_held.astype(bool))
    return made, item.reshape(-1).astype(offer_dtype(len(known)))


def _worth(indptr: NDArray[np.int64], costs: MessageCosts | None) -> NDArray[np.float64]:
    """Refunds are worth what their message costs, and nothing else is worth anything that is told here."""
    worth = np.zeros(indptr[-1])
    return worth if costs is None else costs.beside(worth, costs.costs())
