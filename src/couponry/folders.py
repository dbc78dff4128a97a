"""Campaigns and results as folders: `read_campaign`, `write_campaign`, `read_result`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from .campaign import Campaign
from .campaign_folder.exact_files import (
    ALLOCATION,
    BACKUPS,
    ExactSolution,
    read_exact,
    read_json,
)
from .campaign_folder.read import read_campaign_data
from .campaign_folder.write import write_campaign_data
from .data import tables
from .data.table_view import TableView
from .result import Result
from .results.allocation import Allocation
from .results.beside.backups import Backups
from .results.coupon_rows import SavedRows
from .results.exact_plan import SolvedBy, parts_of_arrays
from .results.exact_solution import check_same_campaign, fields_of, options_of, plan_of
from .utils.checks import check_path
from .utils.errors import InvalidInput
from .utils.files.unreplaced import unreplaced
from .utils.progress.watch import Progress


def read_campaign(
    folder: str | Path,
    store: str | Path | None = None,
    memory_limit: int | str | None = None,
    progress: Progress = False,
) -> Campaign:
    """Read a campaign folder.

    Parameters
    ----------
    folder : str or Path
        Folder with campaign.toml and its tables.
    store : str or Path, optional
        As for `Campaign`: a folder for candidates that do not fit in memory.
    memory_limit : int or str, optional
        Bytes, or text such as "8GiB", that reading and solving may take. Default: what is available.
    progress : bool or callable
        Show how the making of candidates of transactions stands.

    Returns
    -------
    Campaign
        Ready to solve.

    Raises
    ------
    InvalidInput
        With one line that names what is wrong. What cannot fit is refused before it is read.
    """
    return Campaign.from_data(read_campaign_data(folder, store, memory_limit, progress))


def write_campaign(campaign: Campaign, folder: str | Path, *, overwrite: bool = False) -> Path:
    """Write a campaign as a folder that `read_campaign` and ``couponry solve`` take.

    Candidates carry the columns that the campaign uses. The folder appears whole or not at all.

    Parameters
    ----------
    campaign : Campaign
        The campaign to write.
    folder : str or Path
        Folder to write; must not exist.
    overwrite : bool
        Replace the folder if it exists.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    InvalidInput
        If the folder exists, unless `overwrite` says to replace it.
    """
    return write_campaign_data(campaign.data, folder, overwrite=overwrite)


def read_result(
    folder: str | Path,
    campaign: Campaign | str | Path | None = None,
    *,
    store: str | Path | None = None,
    memory_limit: int | str | None = None,
) -> Result:
    """Read a result that was saved: it answers whatever the first one does, with the same bits.

    The campaign is read, and compared with the one that was solved, where it is given; else when a question first needs
    it. Numbers, limits, and the coupons in `allocation`, which are read a block at a time, never need it.

    Parameters
    ----------
    folder : str or Path
        What `Result.save` or ``couponry solve --out`` wrote.
    campaign : Campaign, str or Path, optional
        The campaign that was solved, or its folder. Default: the folder that the campaign was read from, where it was
        read from one.
    store, memory_limit : optional
        As `couponry.read_campaign` takes them, where the campaign is read.

    Returns
    -------
    Result
        With all its methods.

    Raises
    ------
    InvalidInput
        If it is no such folder, or damaged, or if the campaign has changed since: the message says in what.

    Examples
    --------
    >>> import couponry, tempfile
    >>> offers = {"offer": ["tea", "jam"]}
    >>> candidates = {"customer": [1, 1, 2], "offer": ["tea", "jam", "tea"], "value": [2.0, 1.0, 3.0]}
    >>> campaign = couponry.Campaign(offers, candidates, limits=[couponry.Limit("in all", max=2)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     saved = campaign.solve().save(f"{folder}/out")
    ...     result = couponry.read_result(saved, campaign)
    ...     print(result.objective, result.explain(1).given[0].offer)
    5.0 tea
    """
    check_path(folder, "folder")
    path = Path(folder).absolute()
    label = f"result folder {str(path)!r}"
    with unreplaced(path, "result folder"):
        exact = read_exact(path)
        try:
            fields = _fields(path, exact)
            parts = SavedParts(label, exact, campaign, store, memory_limit)
        except (KeyError, TypeError) as error:
            raise InvalidInput(
                f"{label}: expected what Result.save wrote, lacks {error}"
            ) from error
    if campaign is not None:
        parts.campaign()  # what is wrong with it is said at once
    return Result.with_parts_later(fields, parts)


def _fields(path: Path, exact: ExactSolution) -> dict[str, Any]:
    """The fields of a result that its campaign is not needed for."""
    content = read_json(path / "result.json")
    fields = fields_of(content, exact.head, exact.arrays)
    fields |= {"_asked_of": Campaign, "allocation": None, "limits": None, "infeasible": None}
    fields["_backups"] = None
    if (path / "infeasible.json").is_file():
        fields["infeasible"] = read_json(path / "infeasible.json")
    if plan_of(exact.arrays):
        fields["limits"] = TableView(tables.read(path, "limits.parquet", "limits of the result"))
        rows = SavedRows(path / ALLOCATION, content["allocated"], content["customers_with_coupons"])
        fields["allocation"] = Allocation(rows)
        listed = content.get("backups")
        if listed is not None:
            fields["_backups"] = Backups(
                SavedRows(path / BACKUPS, listed["rows"], listed["customers"])
            )
    return fields


class SavedParts:
    """The large parts of a saved result, made when a question first needs its campaign.

    Parameters
    ----------
    label : str
        What the result is called in messages.
    exact : ExactSolution
        What was saved.
    campaign, store, memory_limit : optional
        As `read_result` takes them.
    """

    is_kept: ClassVar[bool] = True
    """A pickled result has it."""

    def __init__(
        self,
        label: str,
        exact: ExactSolution,
        campaign: Campaign | str | Path | None,
        store: str | Path | None,
        memory_limit: int | str | None,
    ):
        solved, head = exact.head["campaign"], exact.head
        self._label = label
        self._source = solved["folder"] if campaign is None else campaign
        self._digests: dict[str, str] = dict(solved["digests"])
        self._plan = plan_of(exact.arrays)
        self._solved = SolvedBy(head["backend"], head["seed"], options_of(head["solver_options"]))
        self._store, self._memory_limit = store, memory_limit
        self._known: Campaign | None = None

    def campaign(self) -> Campaign:
        """Return the campaign, read at first use and held to what was solved.

        Returns
        -------
        Campaign

        Raises
        ------
        InvalidInput
            If nobody said where it is, or it has changed.
        """
        if self._known is None:
            source = self._source
            if source is None:
                raise InvalidInput(
                    f"{self._label}: its campaign was not read from a folder; read_result(folder, campaign=…) says "
                    "which it is"
                )
            if not isinstance(source, Campaign):
                check_path(source, "campaign")
                data = read_campaign_data(source, self._store, self._memory_limit)
                source = Campaign.from_data(data)
            check_same_campaign(source.data, self._digests, self._label)
            self._known = source
        return self._known

    def __call__(self) -> dict[str, Any]:
        """Compile the campaign, and make the parts."""
        compiled = self.campaign().compile()
        try:
            return parts_of_arrays(self._plan, compiled, self._solved)
        except (KeyError, ValueError) as error:
            raise InvalidInput(f"{self._label}: solution.npz does not fit the campaign") from error

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled: where the campaign is, or all of it where it was not read from a folder."""
        state = vars(self) | {"_known": None}
        if isinstance(self._source, Campaign) and self._source.data.folder is not None:
            state["_source"] = self._source.data.folder
        return state
