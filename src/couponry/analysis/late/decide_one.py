"""Decides late customers one at a time, in microseconds: by one call of a kernel, with all prepared that can be."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...data import tables
from ...data.roles import ROLES
from ...kernels import Rules, Shard
from ...kernels.late_contract import Late
from ...model.compiling.measures import default_parts, summed_parts
from ...model.compiling.row_rules.constraint_words import constraint_words
from ...model.compiling.row_rules.rule_amounts import RuleAmount
from ...model.customers import Customers
from ...utils.checks import is_number, shown
from ...utils.errors import InvalidInput
from .batch import number_of
from .charges import ChargedRows
from .late_decisions import Charge, LateDecisions, OneDecision
from .late_input import late_input
from .room import Room
from .templates import Template, Templates
from .terms import ROLE_CODES, Terms
from .together.late_members import LateMember, tables_of

FIRST_CANDIDATES = 64
"""Candidates of a customer that there is room for from the start."""


class _Request(NamedTuple):
    """Where a customer's candidates are written, and who it is; `indptr` says how many of all places are taken."""

    indptr: NDArray[np.int64]  # (2,)
    item: NDArray[Any]
    number: NDArray[np.int64]  # (1,)
    exact: NDArray[np.float64]

    @classmethod
    def for_candidates(cls, count: int, item_type: Any, attributes: int) -> _Request:
        """Make room for so many candidates."""
        item = np.zeros(count, item_type)
        return cls(
            np.zeros(2, np.int64), item, np.zeros(1, np.int64), np.zeros((attributes, count))
        )

    def shard(self) -> Shard:
        """The customer and its candidates."""
        nothing = np.zeros((0, len(self.item)), np.uint16)
        return Shard(0, self.indptr, self.item, nothing, np.zeros(1, np.uint16), self.number)


class CustomerDecider:
    """Decides late customers one at a time; `Prices.decider` makes one. Many threads may use it at once.

    Parameters
    ----------
    terms : Terms
        What is agreed, and prices.
    charges : ChargedRows
        What coupons use.
    room : Room
        What decisions use.
    decide : callable
        `Prices.decide`, for those who are decided together.

    Attributes
    ----------
    room : Room
        What decisions use.
    columns : tuple of str
        Numeric columns of candidates that `values` must have.
    about : tuple of str
        Columns of customers that `about` must have.
    """

    def __init__(
        self, terms: Terms, charges: ChargedRows, room: Room, decide: Callable[..., LateDecisions]
    ):
        agreed = self._agreed = terms.prices.agreed
        self._decide_together, self._has_others = decide, agreed.together
        self._terms, self._charges, self.room = terms, charges, room
        offers = terms.offer_ids.to_pylist()
        self._row_of = dict(zip(offers, range(len(offers)), strict=True))
        self._templates = Templates(terms)
        unit = () if agreed.unit is None else (agreed.unit,)
        self.about = (*self._templates.about, *unit)
        self._of_customers = [name in agreed.of_customers for name in terms.attributes]
        self._sums = [
            None if name in (*agreed.columns, *agreed.of_customers) else default_parts(name)
            for name in terms.attributes
        ]
        parts = [name for name in terms.attributes if name in agreed.columns]
        for sums in self._sums:
            parts += [] if sums is None else [*sums[0], *sums[1], "response"]
        nobody, self._summed = (
            terms.no_candidates(pa.array([], pa.int64())),
            agreed.of_customers_in_rules,
        )
        whose = Customers(None, nobody.customers, columns=self._summed)
        for rule in agreed.rules:
            if rule.sum is not None:
                parts += RuleAmount.of(rule, terms.items, nobody, whose).parts
        asked = agreed.asked_columns
        used = asked if self._has_others else dict.fromkeys(parts)  # tables have all that is asked
        self.columns = tuple(name for name in used if name in asked)
        # nothing that an earlier plan gave
        self._nothing = [name for name in agreed.columns if name not in asked]
        self._of_offers = {
            name: tables.numbers(agreed.offers, "offers", name)
            for name in parts
            if name not in agreed.columns and name in agreed.offers.column_names
        }
        self._ids_are_text = not pa.types.is_integer(agreed.customer_type)
        self._item_type = terms.items_of(nobody).dtype
        self._request = self._new_request(FIRST_CANDIDATES)
        kernels = terms.backend.unchecked
        self._decide, self._prepare = kernels.decide, kernels.prepare
        self._compile = kernels.compile_constraints

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
        if self._has_others:
            return self._alone(history, customer, offers, values, about, roles, mandatory)
        template = self._templates.of(about, history)
        rows, item = self._numbered(offers, roles)
        n = len(rows)
        with self.room.lock:  # no other thread uses the request either
            request = self._request_for(n)
            request.item[:n] = item
            request.indptr[1], request.number[0] = n, number_of(customer, self._ids_are_text)
            self._write_exact(request.exact[:, :n], rows, values, about)
            known = {name: self._known(about, name) for name in self._summed}
            late, prepared = self._prepared(template, mandatory, rows, {**values, **known})
            late.charged.entries[0] = 0
            refused = self._decide(prepared, 0, 1)
            self._refuse_nonsense(late, refused, customer, values, n)
            given = late.choice.given[:n].nonzero()[0].tolist()
            no_room = (late.choice.refused_by[:n] >= 0).nonzero()[0].tolist() if refused else ()
            charge = _charge_of(late)
        return OneDecision([offers[j] for j in given], [offers[j] for j in no_room], charge)

    def together(
        self, members: Sequence[LateMember], *, given: Any = None, history: Any = None
    ) -> LateDecisions:
        """Decide what the late customers of a household are given, and use the room for it; in milliseconds.

        Parameters
        ----------
        members : sequence of LateMember
            All late customers of one household, or of several.
        given : table, optional
            `customer` and `offer` of coupons of this plan that they have; those of others of their households, too,
            where these are among `members`, without offers.
        history : table, optional
            What they have had, with `customer`.

        Returns
        -------
        LateDecisions
            What they are given, and what of the limits' room that has used.

        Raises
        ------
        InvalidInput
            Where something is unknown, missing or no number.
        """
        rows, customers = tables_of(members, self.columns, self.about)
        return self._decide_together(rows, customers, history, given=given, room=self.room)

    def _alone(self, history: Any, *who: Any) -> OneDecision:
        """Decide on one customer by itself, whose messages cost something."""
        member = LateMember(*who)
        if self._agreed.unit is not None:
            raise InvalidInput(
                f"decider: expected the late customers of a {self._agreed.unit} together, as `together` takes them"
            )
        past = None
        if history is not None:
            past = tables.as_table(history, "history")
            if "customer" not in past.column_names:
                past = past.append_column("customer", pa.array([member.customer] * len(past)))
        found = self.together([member], history=past)
        given, refused = (
            set(table["offer"].to_pylist()) for table in (found.to_arrow(), found.refused)
        )
        full = set(found.full["offer"].to_pylist())
        asked = list(member.offers)
        no_room = [offer for offer in asked if offer in refused | full and offer not in given]
        return OneDecision([offer for offer in asked if offer in given], no_room, found.charge)

    def _request_for(self, candidates: int) -> _Request:
        """The request, with enough room."""
        if candidates > len(self._request.item):
            self._request = self._new_request(2 * candidates)
        return self._request

    def _new_request(self, candidates: int) -> _Request:
        """Room for a customer's candidates."""
        return _Request.for_candidates(candidates, self._item_type, len(self._sums))

    def _prepared(
        self, template: Template, mandatory: Any, rows: list[int], values: Mapping[str, Any]
    ) -> tuple[Late, Any]:
        """What the kernel is given, and the same as it takes it soonest."""
        if mandatory is None and not template.is_constrained:
            if template.prepared is None or template.prepared[0].exact is not self._request.exact:
                late = self._late(template, template.rules)
                template.prepared = late, self._prepare(late)
            return template.prepared
        late = self._late(template, self._constrained(template, mandatory, rows, values))
        return late, late

    def _late(self, template: Template, rules: Rules) -> Late:
        """What the kernel is given about the customer of the request."""
        charges = self._charges.kernel_charges(template.covers)
        tables = template.price, template.reduced
        listed, request = len(charges.unit), self._request
        shard, exact = request.shard(), request.exact
        return late_input(self._terms, shard, rules, exact, tables, charges, self.room, listed)

    def _refuse_nonsense(
        self, late: Late, refused: int, customer: Any, values: Mapping[str, Any], n: int
    ) -> None:
        """Refuse what is no number, or no probability; what was charged is given back."""
        if b"\1" in late.choice.beyond[:n].tobytes() and not self._makes_sense(values, n):
            self._take_back(late)
            refused = -1
        if refused < 0:
            raise InvalidInput(
                f"customer {shown(customer)}: values: expected finite numbers, and responses from 0 to 1"
            )

    def _makes_sense(self, values: Mapping[str, Any], n: int) -> bool:
        """Whether responses are probabilities; what lies within what was packed is that."""
        response = np.asarray(values.get("response", ()), float)
        return bool(((response >= 0) & (response <= 1)).all())

    def _take_back(self, late: Late) -> None:
        """Undo what was charged."""
        count = late.charged.entries.item()
        for row, used, error in zip(*(each[:count] for each in late.charged[:3]), strict=True):
            late.account.used[row] -= used
            late.account.error[row] -= error

    def _numbered(
        self, offers: Sequence[Any], roles: Sequence[str | None] | None
    ) -> tuple[list[int], list[int]]:
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
        return rows, item

    def _write_exact(
        self,
        exact: NDArray[np.float64],
        rows: list[int],
        values: Mapping[str, Any],
        about: Mapping[str, Any] | None,
    ) -> None:
        """Write the attributes as given (OUT)."""
        n = len(rows)
        try:
            for a, sums in enumerate(self._sums):
                name = self._terms.attributes[a]
                if name in self._nothing:
                    exact[a] = 0.0
                elif self._of_customers[a]:
                    exact[a] = self._known(about, name)
                elif sums is None:
                    given = values[name]
                    if len(given) != n:
                        raise ValueError
                    exact[a] = given
                else:
                    exact[a] = summed_parts(lambda part: self._part(part, rows, values), *sums)
        except (KeyError, TypeError, ValueError):
            wanted = ", ".join(self.columns)
            raise InvalidInput(f"values: expected {n} numbers for each of {wanted}") from None

    def _known(self, about: Mapping[str, Any] | None, name: str) -> float:
        """A number that is known of the customer."""
        value = (about or {}).get(name)
        if not is_number(value) or not math.isfinite(value):
            raise InvalidInput(f"about: expected a finite number as {name!r}, got {shown(value)}")
        return float(value)

    def _part(self, name: str, rows: list[int], values: Mapping[str, Any]) -> Any:
        """What a sum is made of, for each offer."""
        if name in self.columns or name in self._summed:
            return np.asarray(values[name], np.float64)
        return self._of_offers[name][rows] if name in self._of_offers else 0.0

    def _constrained(
        self, template: Template, mandatory: Any, rows: list[int], values: Mapping[str, Any]
    ) -> Rules:
        """The rules with the rows and cardinality constraints of the request's candidates."""
        spec, item, n = template.spec, self._request.item, len(rows)
        if template.summed:
            amounts = np.zeros((len(template.summed), len(item)), np.int64)
            for row, (amount, up) in zip(amounts, template.summed, strict=True):
                given = amount.values(lambda part: self._part(part, rows, values))
                row[:n] = amount.whole(np.broadcast_to(given, n), up, "values")
            spec = spec._replace(measures=spec.measures._replace(of_candidate=amounts))
        if mandatory is not None:
            if len(mandatory) != n:
                raise InvalidInput(f"mandatory: expected {n} of them, got {len(mandatory)}")
            flags = np.zeros(len(item), np.uint8)
            flags[:n] = np.asarray(mandatory, bool)
            spec = spec._replace(mandatory=flags)
        ptr = np.zeros(2, np.int64)
        indptr = self._request.indptr
        constraints = constraint_words(self._compile, indptr, item, spec, (0, 1), ptr)
        if not ptr[1]:
            return template.rules
        return template.rules._replace(constraint_ptr=ptr, constraints=constraints)


def _charge_of(late: Late) -> Charge:
    """What a customer was charged, by row."""
    listed = slice(late.charged.entries.item())
    row, used, error = (numbers[listed].tolist() for numbers in late.charged[:3])
    return dict(zip(row, zip(used, error, strict=True), strict=True))


def _role(name: str | None) -> int:
    """Code of a role."""
    if name is None:
        return 0
    if name not in ROLES:
        raise InvalidInput(f"roles: expected one of {', '.join(ROLES)}, got {shown(name)}")
    return 1 + ROLES.index(name)
