"""Fits a pipeline's model on a sample of customers: their last weeks, and the weeks before these."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from dataclasses import replace
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from ..utils.errors import InvalidInput
from ..utils.progress.watch import silently
from ..utils.threads import share_of_threads
from .candidates.candidate_model import CandidateModel
from .history.customer_part import customers_spread
from .history.customer_sample import FEW_CUSTOMERS
from .history.decay import HALF_LIVES
from .history.history_folder import Coverage
from .history.item_statistics import ItemStatistics
from .history.periods import PERIODS_PER_WEEK
from .history.purchase_history import PurchaseHistory
from .scores.guards.blend import LEAST_SHARE
from .scores.training_windows import Window, bought_again
from .targeting import Targeting

LEAST_PURCHASES = 500
"""Purchases, of what was bought before and of what was not, that a model of them is fitted on at least: some seven for
each feature."""

MOST_PAIRS = 5 << 16
"""Pairs of two windows' histories that a model is fitted on: a quarter more than trees are fitted from."""

THREADS_BESIDE_OTHERS = 3
"""Threads that models are fitted by while histories are made on all of them: one for each of the two models, and one
for the validation of one of them. All but one take turns with those that make histories."""


class Fitted(NamedTuple):
    """A model, and what is to be said of how it was fitted.

    Attributes
    ----------
    model : CandidateModel
    notes : list of str
    """

    model: CandidateModel
    notes: list[str]


class BegunFit:
    """A fit that another thread has begun, while histories are made.

    Whoever gives up, such as by Ctrl-C, waits for nobody: the thread ends by itself when it asks for the statistics.

    Parameters
    ----------
    fit : callable
        Fits, given a function that returns the statistics of all customers' items when they are there.
    threads : int
        That work at the same time.

    Attributes
    ----------
    turns : threading.Semaphore
        For threads that count the statistics, and those of the fit but for one: one fewer at a time until the fit waits
        for the statistics. It takes longer than they do, and nothing else can be done when they are there.
    """

    def __init__(self, fit: Callable[[Callable[[], ItemStatistics]], Fitted], threads: int):
        self._statistics: Future[ItemStatistics] = Future()
        self._found: Future[Fitted] = Future()
        self.turns = threading.Semaphore(max(threads - 1, 1))
        context, at_most = copy_context(), THREADS_BESIDE_OTHERS if threads > 1 else 1

        def statistics() -> ItemStatistics:
            self.turns.release()
            return self._statistics.result()

        def work() -> None:
            try:
                with silently(), share_of_threads(at_most, self.turns):
                    self._found.set_result(fit(statistics))
            except BaseException as error:
                self._found.set_exception(error)
            finally:
                self.turns.release()  # it may have failed before it asked

        threading.Thread(target=lambda: context.run(work), name="couponry-fit", daemon=True).start()

    def finish(self, statistics: ItemStatistics) -> Fitted:
        """Give the statistics, and wait for the model.

        Parameters
        ----------
        statistics : ItemStatistics

        Returns
        -------
        Fitted

        Raises
        ------
        InvalidInput
            As `fitted` does.
        """
        self._statistics.set_result(statistics)
        return self._found.result()

    def give_up(self) -> None:
        """Let the thread end: there will be no statistics."""
        self._statistics.cancel()


def fitted(
    model: CandidateModel,
    sample: pa.Table | None,
    covered: Coverage | PurchaseHistory,
    targeting: Targeting,
    statistics: Callable[[], ItemStatistics],
) -> Fitted:
    """Fit a model on the last weeks of a sample of customers, and on the weeks before them.

    These are left out where the history before them is too short to be like the one that is scored.

    Parameters
    ----------
    model : CandidateModel
        Changed.
    sample : pyarrow.Table, optional
        Customer, product and period of all that the customers bought.
    covered : Coverage or PurchaseHistory
        Tells the unit, and the first and last period of everybody's history.
    targeting : Targeting
    statistics : callable
        Returns the statistics of all customers' items: asked last.

    Returns
    -------
    Fitted

    Raises
    ------
    InvalidInput
        If the transactions are too few, or cover too few weeks.
    """
    unit, notes = covered.unit, list[str]()
    last = covered.until - targeting.window * PERIODS_PER_WEEK[unit]
    if sample is None or last < covered.start:
        raise InvalidInput(
            f"table transactions: expected more than {targeting.window} weeks (the window) of them, "
            f"got {unit}s {covered.start} to {covered.until}"
        )
    rows, earlier, later = _parted(sample, unit, last, covered.until, targeting)
    windows = [_window(rows, last, covered.until, targeting)]
    then, window = windows[0]
    before_that = 2 * last - covered.until
    long = before_that - covered.start + 1 >= LEAST_SHARE * (last - covered.start + 1)
    sold = pc.sum(pc.greater(earlier[unit], before_that)).as_py()
    if long and 0 < sold < len(earlier):
        windows = _thinned([_window(rows, before_that, last, targeting), *windows])
    notes += _drop_models(model, then, window)
    model.fit(windows, then.update(later, until=covered.until), statistics)
    blend = getattr(model.personal, "blend_", None)
    if blend is not None and blend.note is not None:
        notes.append(f"rewards are ranked by decayed frequency and repeat rate: {blend.note}")
    return Fitted(model, notes)


def _parted(
    sample: pa.Table, unit: str, last: int, until: int, targeting: Targeting
) -> tuple[pa.Table, pa.Table, pa.Table]:
    """Return what a sample of customers bought up to a period, up to the one where the window begins, and in it."""
    rows = sample.select(["customer", "product", "period"])
    rows = rows.rename_columns(["customer", "product", unit])
    rows = rows.filter(pc.less_equal(rows[unit], until))
    before = pc.less_equal(rows[unit], last)
    earlier, later = rows.filter(before), rows.filter(pc.invert(before))
    if len(earlier) == 0 or len(later) == 0:
        raise InvalidInput(
            f"table transactions: expected purchases up to {unit} {last} and after it, the last "
            f"{targeting.window} weeks, got {len(earlier):,} and {len(later):,} of a sample"
        )
    return rows, earlier, later


def half_lives(targeting: Targeting) -> tuple[float, ...]:
    """Return the half-lives of histories: every second of those that are usual, and the one of scores.

    Parameters
    ----------
    targeting : Targeting

    Returns
    -------
    tuple of float
        In weeks.
    """
    return tuple(sorted({*HALF_LIVES[::2], float(targeting.half_life)}))


def _window(rows: pa.Table, last: int, until: int, targeting: Targeting) -> Window:
    """Return what was bought up to a period, and in the window after it."""
    period = rows[rows.column_names[-1]]
    options: dict[str, Any] = {"half_lives": half_lives(targeting)}
    before = pc.less_equal(period, last)
    within = pc.and_(pc.invert(before), pc.less_equal(period, until))
    then = PurchaseHistory.from_transactions(rows.filter(before), until=last, **options)
    window = PurchaseHistory.from_transactions(rows.filter(within), until=until, **options)
    return then, replace(window, start=last + 1)  # also where nobody bought at first


def _drop_models(
    model: CandidateModel, then: PurchaseHistory, window: PurchaseHistory
) -> list[str]:
    """Do without models of which too few purchases can be seen; return what is to be said of it."""
    notes = []
    again = int(bought_again(then, window).sum())
    if again < LEAST_PURCHASES and model.personal is not None:
        model.personal = None
        notes.append(
            f"fewer than {LEAST_PURCHASES} purchases of the window were of what was bought before: rewards are "
            "ranked by decayed frequency and repeat rate, not by a PersonalModel"
        )
    if len(window) - again < LEAST_PURCHASES and model.discovery is not None:
        model.discovery = None
        notes.append(
            f"fewer than {LEAST_PURCHASES} purchases of the window were of what was not bought before: activations "
            "and innovations are ranked by neighbours and popularity, not by a DiscoveryModel"
        )
    return notes


def _thinned(windows: list[Window]) -> list[Window]:
    """Return the windows of as many customers as have MOST_PAIRS pairs together, and of FEW_CUSTOMERS at least."""
    pairs = sum(len(history) for history, _ in windows)
    customers = [len(history.customers) for history, _ in windows]
    most = [max(count * MOST_PAIRS // max(pairs, 1), FEW_CUSTOMERS) for count in customers]
    return [
        (customers_spread(history, some), later)
        for (history, later), some in zip(windows, most, strict=True)
    ]
