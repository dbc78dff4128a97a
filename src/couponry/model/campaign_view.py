"""`CampaignView`: a campaign's tables, rules and limits as its user sees them; what changes is another campaign."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn, Self

import pyarrow as pa

from ..data.candidates import Candidates
from ..kernels import Backend, load
from ..utils.errors import one_line
from ..utils.html import facts_table
from ..utils.user_frame import user_stack_level
from .campaign_data import CampaignData
from .changes import LimitChanges, OfferChanges, RuleChanges, changed
from .check_campaign import check_campaign
from .checking.finding import CampaignWarning, Finding
from .compiled_campaign import CompiledCampaign, compile_campaign
from .limits import Limit
from .rules import CustomerRule


class CampaignView:
    """What a campaign consists of. It cannot be assigned to, and is compiled once.

    `couponry.Campaign` adds what can be done with it.
    """

    __slots__ = ("__weakref__", "_compiled", "_data")

    _compiled: CompiledCampaign | None
    _data: CampaignData

    @classmethod
    def from_data(cls, data: CampaignData) -> Self:
        """Return the campaign of data that are checked.

        Parameters
        ----------
        data : CampaignData
            Tables, rules and limits.

        Returns
        -------
        Campaign
            It shares the tables.
        """
        campaign = cls.__new__(cls)
        campaign._hold(data)
        return campaign

    def _hold(self, data: CampaignData, compiled: CompiledCampaign | None = None) -> None:
        """Set what the campaign consists of, and its compiled form if it is known."""
        object.__setattr__(self, "_data", data)
        object.__setattr__(self, "_compiled", compiled)

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise AttributeError(
            f"Campaign.{name}: a campaign does not change; campaign.changed(...) makes another one"
        )

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(
            f"Campaign.{name}: a campaign does not change; campaign.changed(...) makes another one"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).from_data, (self._data,)

    @property
    def data(self) -> CampaignData:
        """Tables, rules and limits, checked and frozen."""
        return self._data

    @property
    def name(self) -> str:
        """Name of the campaign."""
        return self._data.name

    @property
    def value(self) -> str:
        """Column whose sum is maximised."""
        return self._data.value

    @property
    def offers(self) -> pa.Table:
        """The offers, in ascending order of their ids."""
        return self._data.offers

    @property
    def candidates(self) -> Candidates:
        """The candidates, by customer, then by offer."""
        return self._data.candidates

    @property
    def customers(self) -> pa.Table | None:
        """The customers table."""
        return self._data.customers

    @property
    def history(self) -> pa.Table | None:
        """The contact history."""
        return self._data.history

    @property
    def rules(self) -> tuple[CustomerRule, ...]:
        """The customer rules, each with a name."""
        return self._data.rules

    @property
    def limits(self) -> tuple[Limit, ...]:
        """The limits, each with a name."""
        return self._data.limits

    @property
    def seconds(self) -> Mapping[str, float]:
        """Seconds of the stages before the solve, by name."""
        return self._data.seconds

    def summary(self) -> str:
        """Describe the campaign in a few lines of text.

        Returns
        -------
        str
            Sizes, rules and limits.
        """
        facts = self._data.facts()
        return "\n".join(f"{name:<12} {one_line(text, None)}" for name, text in facts.items())

    def __str__(self) -> str:
        return self.summary()

    def __repr__(self) -> str:
        """Name and sizes, in one line."""
        data = self._data
        sizes = (
            (len(data.offers), "offer"),
            (len(data.candidates.customers), "customer"),
            (len(data.candidates), "candidate"),
            (len(data.rules), "rule"),
            (len(data.limits), "limit"),
        )
        said = ", ".join(f"{n:,} {what}{'' if n == 1 else 's'}" for n, what in sizes)
        return one_line(f"<Campaign {data.name!r}: {said}>", None)

    def _repr_html_(self) -> str:
        return facts_table(self._data.facts())

    def with_limits(self, limits: Sequence[Limit]) -> Self:
        """Make the same campaign under other limits; the tables are shared.

        Parameters
        ----------
        limits : sequence of Limit
            All limits of the new campaign.

        Returns
        -------
        Campaign
            Another campaign.

        Raises
        ------
        InvalidInput
            If a limit sums a column of candidates that this campaign has not read.
        """
        return self.from_data(self._data.with_limits(limits))

    def changed(
        self,
        *,
        limits: LimitChanges | None = None,
        drop_limits: Iterable[str] = (),
        add_limits: Iterable[Limit] = (),
        offers: OfferChanges | None = None,
        rules: RuleChanges | None = None,
        drop_rules: Iterable[str] = (),
        add_rules: Iterable[CustomerRule] = (),
    ) -> Self:
        """Make another campaign, with other bounds, offers, limits or rules.

        It shares tables and packed candidates with this one.

        Parameters
        ----------
        limits : mapping, optional
            What changes, by name, or by (name, group) for one group of a limit with a table: a new Limit, or its
            fields, {"max": 1000.0}. A bound is a number, None (none), or text that says by how much: "+5 %", "* 0.9".
        drop_limits, drop_rules : iterable of str
            Names of limits and rules to leave out.
        add_limits, add_rules : iterable
            New limits and rules.
        offers : mapping or table, optional
            By offer, {"tea-50": {"face_value": 0.6, "margin": "+10 %"}}; or a table with a column `offer` and the
            columns that change.
        rules : mapping, optional
            What changes, by name, as for limits.

        Returns
        -------
        Campaign
            Another campaign.

        Raises
        ------
        InvalidInput
            For a change of something that is not there.
        """
        data = changed(
            self._data, limits=limits, drop_limits=drop_limits, add_limits=add_limits,
            offers=offers, rules=rules, drop_rules=drop_rules, add_rules=add_rules,
        )  # fmt: skip
        return self.from_data(data)

    def check(self) -> list[Finding]:
        """List what the campaign says and its user may not have meant; nothing is solved.

        Returns
        -------
        list of Finding
            Errors first, for which the campaign would be refused; then warnings, of which `solve` warns; then notes.

        Examples
        --------
        >>> import couponry
        >>> offers = {"offer": [1, 2], "channel": ["mail", "email"]}
        >>> candidates = {"customer": [7, 7], "offer": [1, 2], "value": [2.0, 3.0]}
        >>> limits = [couponry.Limit("print run", where={"channel": "mial"}, max=120_000)]
        >>> for finding in couponry.Campaign(offers, candidates, limits=limits).check():
        ...     print(finding.severity, "at", finding.place)
        error at limit 'print run': where 'channel'
        """
        return check_campaign(self._data, load(), self._compiled)

    def compile(self, backend: Backend | None = None) -> CompiledCampaign:
        """Compile the campaign as the solver takes it; at first use only.

        Parameters
        ----------
        backend : Backend, optional
            What packs the candidates; every backend packs them to the same bits.

        Returns
        -------
        CompiledCampaign
            Kept for the solves to come.

        Raises
        ------
        InvalidInput
            With one line that names the rule, limit, table or column that is wrong.
        """
        compiled = self._compiled
        if compiled is None:
            compiled = compile_campaign(self._data, backend or load())
            self._hold(self._data, compiled)
        return compiled


def warn_of_findings(findings: Iterable[Finding]) -> None:
    """Warn of what a campaign says and was probably not meant, where the user's own line asks for a solve.

    Parameters
    ----------
    findings : iterable of Finding
        Notes among them are passed over.
    """
    for finding in findings:
        if finding.severity == "warning":
            warnings.warn(one_line(finding.text, None), CampaignWarning, user_stack_level())
