"""`ClusterResult`: what a `ClusterCampaign` came to, and what can be asked of it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Literal, NoReturn

from .analysis.binding import binding_limits
from .analysis.decisions import Explanation
from .analysis.elsewhere import breakdown_elsewhere, explain_elsewhere
from .data.table_view import TableView
from .model.compiled_campaign import CompiledCampaign
from .results.cluster.packing import StatedShards
from .results.solution import CampaignSolution
from .solver.packed import CandidatesElsewhere
from .utils.errors import Unsupported


class ClusterResult(CampaignSolution):
    """A solved campaign whose customers are on a cluster.

    `ClusterCampaign.solve` returns it. Its fields are those of `Result`. `allocation.write_on_workers` has workers
    write the coupons; to list them here brings them all to this process, a few shards at a time.
    """

    if TYPE_CHECKING:  # beside the fields, as `from_solution` sets it
        _shards: StatedShards

    @classmethod
    def from_solution(cls, solution: CampaignSolution, shards: StatedShards) -> ClusterResult:
        """Return a solution with everything that can be asked of it.

        Parameters
        ----------
        solution : CampaignSolution
        shards : StatedShards

        Returns
        -------
        ClusterResult
        """
        result = cls.__new__(cls)
        vars(result).update(vars(solution), _shards=shards)
        return result

    def shares_choices_with(self, other: CompiledCampaign) -> bool:
        """See `CampaignSolution.shares_choices_with`."""
        own, others = self.compiled.problem.packed, other.problem.packed
        if not (isinstance(own, CandidatesElsewhere) and isinstance(others, CandidatesElsewhere)):
            return False
        return own.source == others.source

    def binding(self) -> TableView:
        """List the limits that stand in the way of a better allocation; see `Result.binding`.

        Returns
        -------
        TableView
        """
        return TableView(binding_limits(self))

    def by(self, column: str, *, table: Literal["offers", "customers"] | None = None) -> TableView:
        """Add the allocation up by a column of offers or customers, or by role, on the workers; see `Result.by`.

        Parameters
        ----------
        column : str
        table : {"offers", "customers"}, optional

        Returns
        -------
        TableView
            Of customers' columns, the values that customers with candidates have.

        Raises
        ------
        InvalidInput
            If there is no such column, or the result has no allocation.
        """
        return TableView(breakdown_elsewhere(self, self._shards, column, table))

    def explain(self, customer: int | str | uuid.UUID) -> Explanation:
        """Explain why a customer got these coupons and not others; see `Result.explain`.

        Parameters
        ----------
        customer : int, str or uuid.UUID
            Id of the customer. The workers look for it.

        Returns
        -------
        Explanation

        Raises
        ------
        InvalidInput
            If the customer has no candidates, or the result no allocation.
        """
        wanted = str(customer) if isinstance(customer, uuid.UUID) else customer
        return explain_elsewhere(self, self._shards, wanted)

    def __reduce__(self) -> NoReturn:
        raise Unsupported("ClusterResult: expected to stay in the process that is connected")
