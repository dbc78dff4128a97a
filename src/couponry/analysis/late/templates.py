"""What late customers share of whom the same is known: rules, kind and prices, prepared for one at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...data import tables
from ...kernels import Rules, RuleSpec
from ...model.compiling.compile_rules import CompiledRules, compile_rules
from ...model.compiling.row_rules.measured_rules import SummedAmount
from ...model.compiling.rule_spec import may_need_constraints
from ...model.contact_history import ContactHistory
from ...model.customers import Customers
from ...utils.errors import InvalidInput
from .terms import Terms

MOST_TEMPLATES = 4096
"""Combinations of customers' columns that are kept prepared."""


@dataclass(eq=False)
class Template:
    """What customers share of whom the same is known.

    Attributes
    ----------
    rules : Rules
        Without cardinality constraints.
    spec : RuleSpec
        What these are made of.
    is_constrained : bool
        Whether some customer may need any.
    summed : list of SummedAmount
        What the rows of `spec.measures.of_candidate` are.
    covers : ndarray of bool, shape (1, n_rows)
        Which rows of the limits are about them.
    price : ndarray of float32, shape (1 + n_quantities, 1, n_items)
    reduced : ndarray of float64, shape (1 + n_attributes, 1, n_items)
    prepared : tuple of two objects, optional
        What the kernel takes once it was prepared, and the arrays that it was prepared with.
    """

    rules: Rules
    spec: RuleSpec
    is_constrained: bool
    summed: list[SummedAmount]
    covers: NDArray[np.bool_]
    price: NDArray[np.float32]
    reduced: NDArray[np.float64]
    prepared: tuple[Any, Any] | None = None


class Templates:
    """Prepares templates, and keeps them.

    Parameters
    ----------
    terms : Terms

    Attributes
    ----------
    about : tuple of str
        Columns of customers that rules and limits ask for.
    """

    def __init__(self, terms: Terms):
        agreed = terms.prices.agreed
        needed = [name for limit in agreed.limits for name in limit.asked_of_customers]
        needed += [name for rule in agreed.rules for name in sorted(rule.asked_of_customers)]
        needed += agreed.of_customers_in_rules
        self._key = tuple(dict.fromkeys([*needed, *agreed.by_customers]))
        self.about = tuple(dict.fromkeys([*self._key, *agreed.of_customers]))
        self._terms = terms
        self._known: dict[tuple[Any, ...], Template] = {}

    def of(self, about: Mapping[str, Any] | None, history: Any = None) -> Template:
        """Return what a customer is decided by.

        Parameters
        ----------
        about : mapping or None
            By column of customers: what is known of this one.
        history : table, optional
            What the customer has had.

        Returns
        -------
        Template

        Raises
        ------
        InvalidInput
            Where something is missing or makes no sense.
        """
        key: tuple[Any, ...] = ()
        if self.about:
            try:
                key = tuple([about[name] for name in self.about])[: len(self._key)]  # type: ignore[index]
            except (KeyError, TypeError):
                raise self._lacks(about) from None
        if history is not None:
            return self._prepared(key, history)
        found = self._known.get(key)
        if found is None:
            found = self._prepared(key, None)
            if len(self._known) >= MOST_TEMPLATES:
                self._known.clear()
            self._known[key] = found
        return found

    def _prepared(self, key: tuple[Any, ...], history: Any) -> Template:
        """A template for customers of whom the same is known."""
        terms, whom = self._terms, pa.array([0])
        customers = past = None
        if key:
            known = {name: [value] for name, value in zip(self._key, key, strict=True)}
            customers = tables.as_table({"customer": [0], **known}, "customers")
        if history is not None:
            past = tables.as_table(history, "history")
            if "customer" in past.column_names:
                past = past.drop_columns(["customer"])
        looked_up = Customers(customers, whom)
        compiled = self._rules(looked_up, past)
        _, kinds = terms.kinds(looked_up, 1)
        return Template(
            compiled.rules,
            compiled.spec,
            may_need_constraints(compiled.spec),
            compiled.summed,
            terms.covers(kinds[0])[None],
            *terms.tables(kinds),
        )

    def _rules(self, customers: Customers, past: pa.Table | None) -> CompiledRules:
        """The rules of a customer without candidates."""
        terms, agreed, whom = self._terms, self._terms.prices.agreed, pa.array([0])
        history = None
        if past is not None:
            history = past.append_column("customer", pa.array([0] * past.num_rows, pa.int64()))
        nobody = terms.no_candidates(whom)
        return compile_rules(
            agreed.rules,
            terms.items,
            terms.items_of(nobody),
            nobody,
            customers,
            ContactHistory(history, whom, agreed.offers, agreed.rules),
            terms.backend,
        )

    def _lacks(self, about: Mapping[str, Any] | None) -> InvalidInput:
        """Say what is missing of a customer."""
        missing = next((n for n in self.about if about is None or n not in about), self.about[0])
        return InvalidInput(
            f"about: expected {', '.join(self.about)}, which rules or limits need, got none for {missing!r}"
        )
