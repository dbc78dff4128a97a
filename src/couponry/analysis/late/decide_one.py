"""Decides late customers one at a time, in microseconds: everything that can be prepared is."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...data import ids, tables
from ...data.candidates import Candidates
from ...data.roles import ROLES
from ...engines.cut_off import CutOffCounts
from ...kernels import Rules, Shard
from ...model.compiling.measures import default_parts, summed_parts
from ...utils.checks import shown
from ...utils.errors import InvalidInput
from .batch import LateBatch, number_of
from .charges import Charge, Charges
from .decide_many import BulkDecision
from .late_decisions import OneDecision
from .room import Room
from .templates import Template, Templates
from .terms import ROLE_CODES, Kind, Terms

ONE_SEGMENT = np.zeros(1, np.uint16)
NONE = np.zeros(0, np.int64)


class _Asked(NamedTuple):
    """What was asked about one customer; fields as `CustomerDecider` takes them."""

    customer: int | str
    offers: Sequence[Any]
    rows: list[int]  # of the offers table
    roles: Sequence[str | None] | None
    mandatory: Sequence[bool] | None
    values: Mapping[str, Any]
    exact: NDArray[np.float64]  # attributes as given


class _Scratch(threading.local):
    """What each thread writes to."""

    def __init__(self, items: int):
        price = np.zeros((1, 1, items), np.float32)
        usage = np.zeros((1, 1, items), np.int64)
        self.arrays = price[0, 0], price, usage, np.zeros(2, np.int64)


class CustomerDecider:
    """Decides late customers one at a time; `Prices.decider` makes one. Many threads may use it at once.

    Parameters
    ----------
    terms : Terms
        What is agreed, and prices.
    charges : Charges
        What coupons use.
    room : Room
        What decisions use.

    Attributes
    ----------
    room : Room
        What decisions use.
    columns : tuple of str
        Numeric columns of candidates that `values` must have.
    about : tuple of str
        Columns of customers that `about` must have.
    """

    def __init__(self, terms: Terms, charges: Charges, room: Room):
        agreed = terms.prices.agreed
        self._terms, self._charges, self.room = terms, charges, room
        offers = terms.offer_ids.to_pylist()
        self._row_of = dict(zip(offers, range(len(offers)), strict=True))
        self._templates = Templates(terms)
        self.about = self._templates.about
        self._sums = [
            None if name in agreed.columns else default_parts(name) for name in terms.attributes
        ]
        parts = [name for name in terms.attributes if name in agreed.columns]
        for sums in self._sums:
            parts += [] if sums is None else [*sums[0], *sums[1], "response"]
        self.columns = tuple(name for name in dict.fromkeys(parts) if name in agreed.columns)
        self._of_offers = {
            name: tables.numbers(agreed.offers, "offers", name)
            for name in parts
            if name not in agreed.columns and name in agreed.offers.column_names
        }
        self._item_type = terms.items_of(terms.no_candidates(pa.array([], pa.int64()))).dtype
        self._seed = agreed.seed
        self._scratch = _Scratch(len(terms.items))
        kernels = terms.backend.unchecked
        self._evaluate, self._price = kernels.evaluate, kernels.price_candidates
        self._compile = kernels.compile_constraints
        self._of_size: dict[int, tuple[NDArray[np.int64], NDArray[np.uint16]]] = {}

    def __call__(
        self,
        customer: int | str,
        offers: Sequence[Any],
        values: Mapping[str, Any],
        about: Mapping[str, Any] | None = None,
        *,
        roles: Sequence[str | None] | None = None,
        mandatory: Sequence[bool] | None = None,
        history: Any = None,
    ) -> OneDecision:
        """Decide what a customer is given, and use the room for it.

        A customer who is asked about twice uses room twice, unless the room is given back.

        Parameters
        ----------
        customer : int or str
            Its id, which ties are broken by.
        offers : sequence
            Ids of the offers that it may be given, each once.
        values : mapping
            By column of candidates (`columns` lists them): an array, or a list, of as many numbers.
        about : mapping, optional
            By column of customers (`about` lists them): what is known of this one.
        roles : sequence of str, optional
            Role of each offer, where candidates have roles.
        mandatory : sequence of bool, optional
            Which of the offers must be given, as far as rules and limits allow.
        history : table, optional
            What the customer has had, as the campaign's table `history` has it. It takes milliseconds.

        Returns
        -------
        OneDecision

        Raises
        ------
        InvalidInput
            Where something is unknown, missing or no number.
        """
        template = self._templates.of(about, history)
        rows, item = self._numbered(offers, roles)
        exact = self._exact(rows, values)
        asked = _Asked(customer, offers, rows, roles, mandatory, values, exact)
        indptr, none = self._sized(len(rows))
        shard = Shard(0, indptr, item, none, ONE_SEGMENT, np.array([number_of(customer)]))
        quantity, value, beyond = self._priced(shard, template, asked)
        closed = self.room.closed(template.kind)
        shut = None if closed is None else closed[item] & (beyond == 0)
        if shut is None or not shut.any():
            given, no_room = self._choose(shard, value, template, mandatory), []
        else:
            given = self._choose_without(shut, shard, value, template, mandatory)
            no_room = [offers[j] for j in shut.nonzero()[0].tolist()]
        charge = self._charge(template.kind, given, item, quantity, beyond, exact)
        if self.room.take(charge):
            return self._decide_slowly(asked, template)
        return OneDecision([offers[j] for j in given], no_room, charge)

    def _priced(
        self, shard: Shard, template: Template, asked: _Asked
    ) -> tuple[NDArray[np.uint16], NDArray[np.float32], NDArray[np.uint8]]:
        """Quantities and reduced values of the candidates, and which are beyond what was packed."""
        n = len(asked.rows)
        value, beyond = np.empty(n, np.float32), np.empty(n, np.uint8)
        quantity = np.empty((template.price.shape[0] - 1, n), np.uint16)
        self._price(
            shard, asked.exact, self._terms.packing, template.price, template.reduced, 0, 1,
            quantity, value, beyond,
        )  # fmt: skip
        if b"\1" in beyond.tobytes():
            self._check(asked)
        return quantity, value, beyond

    def _check(self, asked: _Asked) -> None:
        """Refuse what is no number, or no probability; what lies within what was packed is that."""
        response = asked.values.get("response", ())
        if not np.isfinite(asked.exact).all() or not all(0 <= p <= 1 for p in response):
            raise InvalidInput(
                f"customer {shown(asked.customer)}: values: expected finite numbers, and responses from 0 to 1"
            )

    def _choose_without(
        self,
        shut: NDArray[np.bool_],
        shard: Shard,
        value: NDArray[np.float32],
        template: Template,
        mandatory: Any,
    ) -> list[int]:
        """Positions of the best choice without some of the candidates."""
        kept = (~shut).nonzero()[0]
        indptr, none = self._sized(len(kept))
        part = Shard(0, indptr, shard.item[kept], none, ONE_SEGMENT, shard.number)
        flags = None if mandatory is None else np.asarray(mandatory, bool)[kept]
        found: list[int] = kept[self._choose(part, value[kept], template, flags)].tolist()
        return found

    def _sized(self, n: int) -> tuple[NDArray[np.int64], NDArray[np.uint16]]:
        """Where the only customer's candidates begin and end, and no quantities of theirs."""
        found = self._of_size.get(n)
        if found is None:
            found = self._of_size[n] = np.array([0, n]), np.zeros((0, n), np.uint16)
        return found

    def _numbered(
        self, offers: Sequence[Any], roles: Sequence[str | None] | None
    ) -> tuple[list[int], NDArray[Any]]:
        """Rows of the offers table, and items."""
        listed = offers.tolist() if isinstance(offers, np.ndarray) else offers
        try:
            rows = list(map(self._row_of.__getitem__, listed))
        except (KeyError, TypeError):
            unknown = next(o for o in listed if o.__hash__ is None or o not in self._row_of)
            raise InvalidInput(f"offers: offer {shown(unknown)} is not in table offers") from None
        code = self._terms.item_of_code
        if code is None:
            item = rows
        else:
            role = [0] * len(rows) if roles is None else [_role(name) for name in roles]
            if len(role) != len(rows):
                raise InvalidInput(f"roles: expected {len(rows)} of them, got {len(role)}")
            item = [int(code[ROLE_CODES * o + r]) for o, r in zip(rows, role, strict=True)]
        if len(set(rows)) < len(rows):
            twice = next(o for at, o in enumerate(listed) if o in listed[:at])
            raise InvalidInput(f"offers: expected each once, got {shown(twice)} twice")
        return rows, np.array(item, self._item_type)

    def _exact(self, rows: list[int], values: Mapping[str, Any]) -> NDArray[np.float64]:
        """The attributes as given."""
        n = len(rows)
        exact = np.empty((len(self._sums), n))
        try:
            for a, sums in enumerate(self._sums):
                if sums is None:
                    given = values[self._terms.attributes[a]]
                    if len(given) != n:
                        raise ValueError
                    exact[a] = given
                else:
                    exact[a] = summed_parts(lambda part: self._part(part, rows, values), *sums)
        except (KeyError, TypeError, ValueError):
            wanted = ", ".join(self.columns)
            raise InvalidInput(f"values: expected {n} numbers for each of {wanted}") from None
        return exact

    def _part(self, name: str, rows: list[int], values: Mapping[str, Any]) -> Any:
        """What a sum is made of, for each offer."""
        if name in self.columns:
            return np.asarray(values[name], np.float64)
        return self._of_offers[name][rows] if name in self._of_offers else 0.0

    def _choose(
        self,
        shard: Shard,
        value: NDArray[np.float32],
        template: Template,
        mandatory: Any,
    ) -> list[int]:
        """Positions of what the customer's best choice has."""
        if len(value) == 0:
            return []
        row, price, usage, cut = self._scratch.arrays
        row[shard.item] = value
        rules, unit = template.rules, 0
        if template.is_constrained or mandatory is not None:
            rules = self._constrained(shard, template, mandatory)
            unit = CutOffCounts(1, float(np.abs(value).max())).unit
        chosen = np.empty(len(value), np.uint8)
        self._evaluate(shard, rules, price, self._seed, 0, 1, usage, chosen, unit, cut)
        found: list[int] = chosen.nonzero()[0].tolist()
        return found

    def _constrained(self, shard: Shard, template: Template, mandatory: Any) -> Rules:
        """The rules with the cardinality constraints of these candidates."""
        spec = template.spec
        if mandatory is not None:
            flags = np.asarray(mandatory, bool).astype(np.uint8)
            if len(flags) != len(shard.item):
                raise InvalidInput(
                    f"mandatory: expected {len(shard.item)} of them, got {len(flags)}"
                )
            spec = spec._replace(mandatory=flags)
        ptr = np.zeros(2, np.int64)
        self._compile(shard.indptr, shard.item, spec, 0, 1, ptr, NONE)
        if not ptr[1]:
            return template.rules
        constraints = np.empty(int(ptr[1]), np.int64)
        self._compile(shard.indptr, shard.item, spec, 0, 1, ptr, constraints)
        return template.rules._replace(constraint_ptr=ptr, constraints=constraints)

    def _charge(
        self,
        kind: Kind,
        given: list[int],
        item: NDArray[Any],
        quantity: NDArray[np.uint16],
        beyond: NDArray[np.uint8],
        exact: NDArray[np.float64],
    ) -> Charge:
        """What coupons use."""
        charge: Charge = {}
        for j in given:
            k = item.item(j)
            if beyond.item(j):
                self._charges.add_given(charge, kind, k, exact[:, j].tolist())
                continue
            for row, used, of_quantity, error in self._charges.of_item(kind, k):
                if of_quantity is not None:
                    for q, each in enumerate(of_quantity):
                        used += each * quantity.item(q, j)
                if row in charge:
                    before = charge[row]
                    charge[row] = before[0] + used, before[1] + error
                else:
                    charge[row] = used, error
        return charge

    def _decide_slowly(self, asked: _Asked, template: Template) -> OneDecision:
        """Decide as many are decided, where there is not enough room for the best choice."""
        customer, offers, rows, roles, mandatory, values, _ = asked
        agreed = self._terms.prices.agreed
        order = np.argsort(rows)
        role = None
        if agreed.has_roles:
            codes = [0] * len(rows) if roles is None else [_role(name) for name in roles]
            role = np.array(codes, np.uint8)[order]
        flags = None if mandatory is None else np.array(mandatory, bool).astype(np.uint8)[order]
        nothing = np.zeros(len(rows))
        columns = {
            name: np.asarray(values.get(name, nothing), np.float64)[order]
            for name in agreed.columns
        }
        whom = pa.array([customer], ids.TEXT if isinstance(customer, str) else ids.INTEGERS)
        offer: Any = np.array(rows, self._terms.no_candidates(whom).offer.dtype)[order]
        candidates = Candidates(whom, np.array([0, len(rows)]), offer, role, flags, columns)
        customers = history = None
        if template.customers is not None:
            customers = template.customers.set_column(0, "customer", whom)
        if template.history is not None:
            again = pa.concat_arrays([whom] * template.history.num_rows)
            history = template.history.append_column("customer", again)
        batch = LateBatch.of(self._terms, candidates, customers, history)
        packed = batch.packed(1, valued=False)
        choice = BulkDecision(packed, self._charges, self.room, 1).run()
        refused = [at for refusal in choice.refusals for at in refusal.position.tolist()]
        return OneDecision(
            [offers[j] for j in sorted(order[choice.chosen].tolist())],
            [offers[j] for j in sorted(order[refused].tolist())],
            choice.charge,
        )


def _role(name: str | None) -> int:
    """Code of a role."""
    if name is None:
        return 0
    if name not in ROLES:
        raise InvalidInput(f"roles: expected one of {', '.join(ROLES)}, got {shown(name)}")
    return 1 + ROLES.index(name)
