"""Verification: whatever a result claims, recomputed from the campaign's tables without the solver.

The tables are read by the same readers as for a solve (`data`, `campaign_folder`), and rules, limits, customers and
contact history are the declarations of `model`. From there on nothing is shared: no items, no packing, no compiled
rules or limits, no kernels, no solver. Allocated pairs are looked up among the candidates by their ids. Every rule
and limit is evaluated in float64 on the columns as the user gave them.

Customers come in blocks, so that memory does not grow with their candidates where those are in a store. Threads examine
blocks; what they find is put together in the order of the blocks, so that it is the same whatever the threads, and
sums are the same to the bit however customers are cut into blocks.

From the bottom up: `rounding`, `limit_sums` and `report`; `claims` (the files of the result), `inputs` (the tables of
the campaign) and `block` (candidates of some customers); `allocation`; `recomputed_limits`; then what is checked:
`coupons`, `customer_rules`, `limits`, `certificate`, `dual_bound`, `backups`, `previous` and `conflict`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple, Protocol

import pyarrow as pa

from ..utils.arrays.array_store import ArrayStore, FolderStore, MemoryStore
from ..utils.files.unreplaced import unreplaced
from ..utils.parallel import parallel_map, worker_count
from .allocation import GivenCoupons, open_allocation
from .backups.backup_checks import BackupChecks
from .backups.backup_file import BackupFile
from .block import Addition, Block, blocks
from .certificate import ObjectiveSum, check_certificate
from .claims import Claims, Tally
from .conflict import check_conflict
from .coupons import CouponChecks
from .customer_rules.rule_checks import RuleChecks
from .dual_bound import DualBound
from .inputs import Inputs
from .limits import check_limits, claimed_limits
from .previous import PreviousChecks
from .recomputed_limits import LimitSums
from .report import Report
from .rounding import Integers

__all__ = ["Report", "verify_allocation", "verify_result"]


def verify_result(folder: str | Path, out: str | Path, store: str | Path | None = None) -> Report:
    """Check a result folder against the campaign folder that it was solved from.

    Parameters
    ----------
    folder : str or Path
        Campaign folder.
    out : str or Path
        Result folder, as `Result.save` or ``couponry solve --out`` wrote it.
    store : str or Path, optional
        Candidate store, for candidates that do not fit in memory: that of the solve is used again.

    Returns
    -------
    Report
        `ok` is True if everything holds; `problems` has a line for each thing that does not.

    Raises
    ------
    InvalidInput
        If one of the two folders cannot be read, or is replaced meanwhile.

    See Also
    --------
    Result.save : Writes a result folder.

    Examples
    --------
    >>> import tempfile
    >>> import couponry
    >>> offers = {"offer": ["tea", "jam"]}
    >>> candidates = {"customer": [1, 1, 2], "offer": ["tea", "jam", "tea"], "value": [2.0, 1.0, 3.0]}
    >>> campaign = couponry.Campaign(offers, candidates, rules=[couponry.CustomerRule(max=1)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = couponry.write_campaign(campaign, f"{folder}/campaign")
    ...     _ = campaign.solve().save(f"{folder}/result")
    ...     report = couponry.verify_result(f"{folder}/campaign", f"{folder}/result")
    >>> report.ok, report.objective
    (True, 5.0)
    """
    campaign = _Stated.read(Path(folder), store)
    with ExitStack() as reading:
        reading.enter_context(unreplaced(Path(out), "result folder"))
        claims = Claims(Path(out))
        _check_result(campaign, claims, store, reading.close)
    return Report(not claims.problems, claims.problems, str(claims.get("status")), **claims.true)


def verify_allocation(
    folder: str | Path, allocation: str | Path, store: str | Path | None = None
) -> Report:
    """Check an allocation that anybody made against a campaign folder.

    Parameters
    ----------
    folder : str or Path
        Campaign folder.
    allocation : str or Path
        Table with columns `customer` and `offer`, in any order: a file, or a folder of files. Columns `value`,
        `response` and `cost` are checked where they are there.
    store : str or Path, optional
        Candidate store, for candidates that do not fit in memory.

    Returns
    -------
    Report
        `ok` is True if every rule and hard limit holds; `objective` is what it is worth. It claims nothing else.

    Raises
    ------
    InvalidInput
        If the folder or the table cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> import couponry
    >>> import pyarrow as pa
    >>> import pyarrow.parquet as pq
    >>> offers = {"offer": ["tea", "jam"]}
    >>> candidates = {"customer": [1, 1, 2], "offer": ["tea", "jam", "tea"], "value": [2.0, 1.0, 3.0]}
    >>> campaign = couponry.Campaign(offers, candidates, rules=[couponry.CustomerRule("slots", max=1)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = couponry.write_campaign(campaign, f"{folder}/campaign")
    ...     pq.write_table(pa.table({"customer": [1, 1], "offer": ["tea", "jam"]}), f"{folder}/mine.parquet")
    ...     report = couponry.verify_allocation(f"{folder}/campaign", f"{folder}/mine.parquet")
    >>> report.objective, report.problems
    (3.0, ["customer_rule 'slots': 1 customers have more than max 1, first 1"])
    """
    campaign = _Stated.read(Path(folder), store)
    inputs, claims = campaign.inputs, Claims(None)
    claims.check("customers", len(inputs.customer_ids))
    claims.check("candidates", len(inputs))
    _check_solution(campaign, Path(allocation), claims, store, lambda: None)
    status = "violated" if claims.problems else "feasible"
    return Report(not claims.problems, claims.problems, status, **claims.true)


class _Counted(Protocol):
    """What is added up over the allocated candidates."""

    def examine(self, block: Block, rows: Integers) -> Addition:
        """Examine a block in any thread; what is returned adds it up, in the order of blocks."""


class _Stated(NamedTuple):
    """A campaign as it was stated: its tables, limits and rules."""

    inputs: Inputs
    sums: LimitSums
    rules: RuleChecks

    @classmethod
    def read(cls, folder: Path, store: str | Path | None) -> _Stated:
        """Read a campaign folder, and refuse it as a solve does, in the order of a solve."""
        inputs = Inputs(folder, store)
        inputs.refuse_missing(inputs.data.value, "objective")
        return cls(inputs, LimitSums(inputs), RuleChecks(inputs))


def _check_result(
    campaign: _Stated, claims: Claims, store: str | Path | None, all_is_read: Callable[[], None]
) -> None:
    """Check the files of a result; calls `all_is_read` as soon as they are."""
    claims.check("customers", len(campaign.inputs.customer_ids))
    claims.check("candidates", len(campaign.inputs))
    status = claims.get("status")
    if status == "infeasible":
        check_conflict(campaign.inputs, campaign.sums.finish(), claims)
        return
    if status not in ("optimal", "feasible"):
        claims.differs("result.json: status", "optimal, feasible or infeasible", repr(status))
    if claims.has("infeasible.json"):
        claims.note("infeasible.json: there is one, but the campaign is said to be solved")
    if claims.has("allocation.parquet"):
        path = claims.path("allocation.parquet")
        _check_solution(campaign, path, claims, store, all_is_read)
    else:
        claims.note("allocation.parquet: missing")


def _check_solution(
    campaign: _Stated,
    path: Path,
    claims: Claims,
    store: str | Path | None,
    all_is_read: Callable[[], None],
) -> None:
    """Check an allocation, and what is claimed of it, blocks of customers by several threads."""
    inputs, sums, rules = campaign
    tally, prices = Tally(), claimed_limits(claims)
    with ExitStack() as stack:
        place: ArrayStore = MemoryStore()
        if store is not None:  # beside the store: there is room for what is about as large
            beside = Path(store).absolute().parent
            scratch = stack.enter_context(tempfile.TemporaryDirectory(dir=beside))
            place = stack.enter_context(FolderStore(Path(scratch)))
        source = open_allocation(path, [*inputs.claimed, *inputs.unit_columns])
        allocation = GivenCoupons(source, inputs, place, tally, ordered=claims.is_result)
        all_is_read()
        coupons = CouponChecks(allocation, inputs, claims, complete=claims.is_result)
        objective = ObjectiveSum(inputs)
        bound = None if prices is None else DualBound(inputs, sums, rules, prices)
        backups, previous = BackupFile(inputs, claims), PreviousChecks(inputs)
        counted = (objective, previous) if bound is None else (objective, previous, bound)

        checks = BackupChecks(inputs, rules, bound)
        _examine(inputs, coupons, rules, (sums, *counted), (backups, checks), tally)
        backups.finish(claims)
        previous.finish(claims)
        del allocation, coupons  # their files go
    tally.finish(claims)
    rules.finish(claims)
    limits = sums.finish()
    check_limits(limits, prices, claims)
    if bound is not None:
        claims.true["bound_from_prices"] = bound.finish()
    check_certificate(objective, limits, claims)


def _examine(
    inputs: Inputs,
    coupons: CouponChecks,
    rules: RuleChecks,
    counted: Sequence[_Counted],
    backups: tuple[BackupFile, BackupChecks],
    tally: Tally,
) -> None:
    """Examine all blocks in several threads, and put what they find together in their order."""
    listed_beside, checks = backups

    def found_in(part: tuple[Block, pa.Table | None]) -> tuple[Tally, list[Addition]]:
        block, listed = part
        found = Tally()
        rows = coupons.check(block, found)
        additions = [rules.examine(block, rows, found)]
        additions += [each.examine(block, rows) for each in counted]
        if listed is not None:
            checks.check(block, rows, listed, found)
        block.release()
        return found, additions

    for found, additions in parallel_map(
        found_in, listed_beside.beside(blocks(inputs)), worker_count()
    ):
        tally.merge(found)
        for add in additions:
            add()
