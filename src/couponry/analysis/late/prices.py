"""`Prices`: what late customers are decided by, taken from a result or from a file."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ... import kernels
from ...data import tables
from ...data.candidates import build_candidates
from ...data.streams import stream
from ...model.campaign_checks import check_customers
from ...model.contact_history import check_history
from ...results.solution import CampaignSolution
from ...utils.arrays.array_store import MemoryStore
from ...utils.errors import InvalidInput
from ...utils.process.cached_property import cached_property
from ...utils.table_types import Table
from ...utils.threads import thread_count
from ..decisions import Explanation
from ..explain import without_candidates
from ..explain_files import rows_of_customer
from .batch import LateBatch
from .charges import ChargedRows
from .decide_many import BulkDecision
from .decide_one import CustomerDecider
from .demand import LateMarket
from .late_decisions import LateDecisions, full_offers
from .price_file import load_price_list, save_price_list
from .price_list import PriceList, price_list_of
from .room import Room
from .terms import Terms
from .together.given_before import HELD, rows_of_unit, with_given
from .together.unit_batch import UnitBatch


class Prices:
    """The prices of a result, and what else it takes to decide on customers who were not in the solve.

    Late customers are new ones, those of other channels, or visitors of a web shop. Each is given its best choice at
    the prices of the limits, under the customer rules of the campaign, as long as hard limits have room.

    Make one with `Prices.of` or `Prices.load`. It does not change; what decisions have used is in a `Room`.

    Parameters
    ----------
    price_list : PriceList
        What they are made of.
    backend : {"native", "numba", "reference"}, optional
        Default: the fastest installed.

    Examples
    --------
    >>> import couponry
    >>> offers = {"offer": ["tea", "jam"]}
    >>> candidates = {"customer": [1, 1, 2], "offer": ["tea", "jam", "tea"], "value": [2.0, 1.0, 3.0]}
    >>> campaign = couponry.Campaign(offers, candidates, limits=[couponry.Limit("in all", max=5)])
    >>> prices = couponry.Prices.of(campaign.solve())
    >>> late = {"customer": [8, 9, 9], "offer": ["jam", "tea", "jam"], "value": [4.0, 1.5, 0.5]}
    >>> decisions = prices.decide(late)
    >>> decisions.to_arrow()["offer"].to_pylist(), decisions.refused["offer"].to_pylist()
    (['jam', 'tea'], ['jam'])
    >>> decide = prices.decider()
    >>> decide(10, ["tea", "jam"], {"value": [0.5, -1.0]}).offers
    ['tea']
    """

    def __init__(self, price_list: PriceList, backend: str | None = None):
        self._list = price_list
        self._backend = kernels.load(backend)

    @classmethod
    def of(
        cls,
        result: CampaignSolution,
        limits: Mapping[Any, Any] | None = None,
        *,
        backend: str | None = None,
    ) -> Prices:
        """Take the prices of a result.

        Parameters
        ----------
        result : Result
            With an allocation.
        limits : mapping, optional
            Bounds that hold for all customers together, by name of the limit and as `Campaign.changed` takes them:
            where the solve kept some of a budget back for late customers, the whole budget. Default: the bounds of
            the solve, of which late customers get what the allocation has left.
        backend : {"native", "numba", "reference"}, optional
            Default: that of the result.

        Returns
        -------
        Prices

        Raises
        ------
        InvalidInput
            If the result has no allocation.
        """
        return cls(price_list_of(result, limits), backend or result.backend)

    @classmethod
    def load(cls, path: str | Path, backend: str | None = None) -> Prices:
        """Read prices from a file; neither campaign nor result is needed.

        Parameters
        ----------
        path : str or Path
            What `save` wrote.
        backend : {"native", "numba", "reference"}, optional
            Default: the fastest installed.

        Returns
        -------
        Prices

        Raises
        ------
        InvalidInput
            If it is no such file, damaged, or of another version.
        """
        return cls(load_price_list(path), backend)

    def save(self, path: str | Path) -> Path:
        """Write the prices, and what else it takes to decide, to one file, which appears whole or not at all.

        Parameters
        ----------
        path : str or Path
            An earlier file is replaced.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        InvalidInput
            If it cannot be written.
        """
        return save_price_list(self._list, path)

    @cached_property
    def _terms(self) -> Terms:
        return Terms(self._list, self._backend)

    @cached_property
    def _charges(self) -> ChargedRows:
        return ChargedRows(self._terms)

    def room(self, path: str | Path | None = None) -> Room:
        """Make an account of what late customers use of each limit.

        Parameters
        ----------
        path : str or Path, optional
            What `Room.save` wrote; default: nothing has been used.

        Returns
        -------
        Room
            What the allocation has left of each hard limit.
        """
        room = Room(self._terms, self._charges)
        if path is not None:
            room.load(path)
        return room

    def decide(
        self,
        candidates: Table,
        customers: Table | None = None,
        history: Table | None = None,
        *,
        given: Table | None = None,
        room: Room | None = None,
        threads: int | None = None,
        decided: pa.Array | None = None,
    ) -> LateDecisions:
        """Decide on late customers, all at once.

        Nobody is given what would break a hard limit: of the coupons that would, those worth least beyond their prices,
        for what they use of the limit, are refused, the later ones by customer and offer where they are worth the
        same. Whoever loses one chooses again among what is left.

        Parameters
        ----------
        candidates : table
            As a campaign's, with the numeric columns that the campaign used.
        customers : table, optional
            What rules and limits ask of customers.
        history : table, optional
            What these customers have had.
        given : table, optional
            `customer` and `offer`, and `role` where candidates have roles, of coupons of this plan that these
            customers, or others of their units, have: rules count them, and limits have counted them.
        room : Room, optional
            What earlier decisions have left; these use it further. Default: what the allocation has left.
        threads : int, optional
            Default: COUPONRY_THREADS, else the cores that this process may use.
        decided : pyarrow.Array, optional
            Ids of customers on whom the solve has decided, and who are refused. Default: that is not looked at.

        Returns
        -------
        LateDecisions
            What they are given, and what of the limits' room that has used.

        Raises
        ------
        InvalidInput
            With one line that names what is wrong.
        """
        count = thread_count(threads)
        batch = self._batch(candidates, customers, history, given, count)
        if decided is not None:
            whose = batch.candidates.customer_of(np.arange(len(batch.candidates))[batch.late])
            _refuse_decided(batch.candidates.customers.take(pa.array(np.unique(whose))), decided)
        room, charges = self.room() if room is None else room, batch.charges_of(self._charges)
        full = full_offers(batch, charges, room)
        market = LateMarket(batch, batch.packed(count), charges, room, count)
        choice = BulkDecision(market).run()
        return LateDecisions(batch, choice, room, full)

    def explain(
        self,
        customer: int | str,
        candidates: Table,
        customers: Table | None = None,
        history: Table | None = None,
        *,
        given: Table | None = None,
        room: Room | None = None,
    ) -> Explanation:
        """Explain what a late customer would be given now, were it, or its household, the only one.

        Parameters
        ----------
        customer : int or str
            Its id; text of a whole number where ids are integers.
        candidates, customers, history, given : table
            As `decide` takes them; rows of other customers, or households, are passed over.
        room : Room, optional
            What earlier decisions have left; it is not used any further. Default: what the allocation has left.

        Returns
        -------
        Explanation
            As `Result.explain` has it.

        Raises
        ------
        InvalidInput
            If the customer has no candidates, or something else is wrong.
        """
        rows = tables.as_table(candidates, "candidates")
        own = rows_of_customer(rows, "candidates", customer)
        if own.num_rows == 0:
            raise without_candidates(customer)
        who, unit = own["customer"][0].as_py(), self._list.agreed.unit
        if unit is not None:
            known = None if customers is None else tables.as_table(customers, "customers")
            own = rows_of_unit(rows, "candidates", known, unit, who)
            given = given if given is None else rows_of_unit(given, "given", known, unit, who)
        elif given is not None:
            given = rows_of_customer(tables.as_table(given, "given"), "given", customer)
        decided = self.decide(own, customers, history, given=given, room=room, threads=1)
        decided.room.give_back(decided)
        return decided.explain(who)

    def decider(self, room: Room | None = None) -> CustomerDecider:
        """Make a function that decides on one customer at a time, in microseconds.

        Parameters
        ----------
        room : Room, optional
            What decisions use. Default: what the allocation has left.

        Returns
        -------
        CustomerDecider
            Which also says which columns it needs.
        """
        own = self.room() if room is None else room
        return CustomerDecider(self._terms, self._charges, own, partial(self.decide, threads=1))

    def _batch(
        self,
        candidates: Table,
        customers: Table | None,
        history: Table | None,
        given: Table | None,
        threads: int,
    ) -> LateBatch:
        """Late customers, checked and compiled."""
        terms, agreed = self._terms, self._list.agreed
        wanted = ["customer", "offer", "mandatory", *agreed.columns]
        if agreed.has_roles:
            wanted.append("role")
        if given is not None:
            candidates = with_given(candidates, given, wanted, terms.summed_by_rules)
            wanted.append(HELD)
        rows = stream(candidates, "candidates", wanted)
        for name in agreed.asked_columns:
            if name not in rows.schema.names:
                raise InvalidInput(
                    f"table candidates: expected a column {name!r}, which the prices are for, got none"
                )
        found = build_candidates(rows, terms.offer_ids, MemoryStore(), threads)
        for name in set(agreed.columns) - set(found.columns):  # nothing that an earlier plan gave
            found.columns[name] = np.zeros(len(found), np.float32)
        customer_table = history_table = None
        if customers is None and agreed.unit is not None:
            raise InvalidInput(
                f"customers: expected what is known of the late customers, column {agreed.unit!r} among it, got none"
            )
        if customers is not None:
            customer_table = tables.as_table(customers, "customers")
            check_customers(customer_table)
        if history is not None:
            history_table = tables.as_table(history, "history")
            check_history(history_table)
        make = UnitBatch.together if agreed.together or given is not None else LateBatch.of
        return make(terms, found, customer_table, history_table)

    def __repr__(self) -> str:
        agreed = self._list.agreed
        return (
            f"<Prices of {agreed.name!r}: {agreed.offers.num_rows:,} offers, "
            f"{len(self._list.rows.names):,} limits and groups>"
        )


def _refuse_decided(customers: pa.Array, decided: pa.Array) -> None:
    """Refuse customers on whom the solve has decided."""
    tables.check_kind_of_ids(
        customers, decided, "table candidates, column 'customer'", "candidates"
    )
    known = tables.positions(customers, decided) >= 0
    if known.any():
        customer = customers[int(known.argmax())].as_py()
        raise InvalidInput(
            f"table candidates: customer {customer!r} was in the solve, and the result's allocation says what it "
            f"gets; decide takes customers who were not ({int(known.sum()):,} were)"
        )
