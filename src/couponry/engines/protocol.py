"""What the solver asks of an engine: prices in, usage out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from types import ModuleType
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ..kernels import (
    LocalSearch,
    LossWeights,
    NearChanges,
    OpenRows,
    Rooms,
    Rules,
    Shard,
)
from .changes import Alternatives
from .cut_off import CutOff
from .exchanges import Exchanges
from .undecided.passes import UndecidedPasses


class FixedChoices(NamedTuple):
    """Fixed customers' usage, and the customers left free for repair.

    Attributes
    ----------
    usage : ndarray of int64, shape (1 + n_quantities, n_segments, n_items)
        Coupons, and sums of each packed quantity, over all customers but the free ones.
    fine_usage : ndarray of int64, shape (n_attributes, n_segments, n_items)
        Sums, over the same customers' coupons, of where in a step of its quantity a value lies: 0 to 255 each.
    free : ndarray of int64, shape (n_free,)
        Row numbers of the free customers, ascending.
    free_choice : ndarray of uint8, shape (n_free_candidates,)
        1 for each of their candidates that is in their best choice, else 0.
    free_fine : ndarray of uint8, shape (n_attributes, n_free_candidates)
        Where in a step of its quantity each of their values lies.
    engine : Engine
        Over the free customers alone, in memory.
    rules : Rules
        Customer rules of the free customers.
    """

    usage: NDArray[np.int64]
    fine_usage: NDArray[np.int64]
    free: NDArray[np.int64]
    free_choice: NDArray[np.uint8]
    free_fine: NDArray[np.uint8]
    engine: Engine
    rules: Rules


class Engine(Protocol):
    """Passes over the candidates of a problem, wherever they are.

    However many limits there are, they reach a customer's choice only through a price table, and come back only through
    a usage table. Both have the shape (1 + n_quantities, n_segments, n_items): a row for coupons, and one for each
    packed quantity. Usage is summed in whole numbers, so that no result depends on blocks, threads or machines.

    Arrays are C-contiguous and have the dtypes named here. Engines change the arguments marked IN/OUT and no others.
    """

    @property
    def name(self) -> str:
        """What a result calls the engine."""
        ...

    @property
    def kernels(self) -> ModuleType:
        """The kernels, for what is computed of prices and has nothing to do with candidates."""
        ...

    @property
    def threads(self) -> int:
        """Threads that a pass runs on."""
        ...

    @property
    def is_streamed(self) -> bool:
        """Whether each pass reads the candidates from the disk."""
        ...

    @property
    def passes(self) -> float:
        """Passes made so far, in full passes: one over a tenth of the candidates counts as 0.1."""
        ...

    @property
    def shard(self) -> Shard:
        """The candidates, as one shard; gathered where they are elsewhere, and refused where they are many."""
        ...

    @property
    def customers(self) -> int:
        """Number of customers."""
        ...

    @property
    def candidates(self) -> int:
        """Number of candidates."""
        ...

    @property
    def most_candidates(self) -> int:
        """The most candidates of one customer."""
        ...

    def evaluate(self, price: NDArray[np.float32]) -> NDArray[np.int64]:
        """Sum up the usage of every customer's best choice at some prices.

        Parameters
        ----------
        price : ndarray of float32, shape (1 + n_quantities, n_segments, n_items)
            Reduced value of a coupon, and of a unit of each quantity.

        Returns
        -------
        ndarray of int64, same shape
            Coupons, and sums of each quantity.
        """
        ...

    def evaluate_with_cut_off(self, price: NDArray[np.float32]) -> tuple[NDArray[np.int64], CutOff]:
        """Sum up usage as `evaluate` does, and what searches that were cut off leave open.

        Parameters
        ----------
        price : ndarray of float32, shape (1 + n_quantities, n_segments, n_items)

        Returns
        -------
        usage : ndarray of int64, same shape
        cut_off : CutOff
        """
        ...

    def choose(self, price: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """List every customer's best choice at some prices.

        Parameters
        ----------
        price : ndarray of float32, shape (1 + n_quantities, n_segments, n_items)

        Returns
        -------
        chosen : ndarray of uint8, shape (n_candidates,)
            1 for each candidate that is chosen, else 0.
        usage : ndarray of int64, same shape as `price`
        """
        ...

    def undecided(
        self, price: NDArray[np.float32], bar: NDArray[np.float32]
    ) -> UndecidedPasses | None:
        """Find what is undecided at some prices by a pass; candidates are gathered where they are elsewhere.

        Parameters
        ----------
        price : ndarray of float32, shape (1 + n_quantities, n_segments, n_items)
        bar : ndarray of float32, shape (n_segments, n_items)
            A candidate is undecided when another decision on it loses no more.

        Returns
        -------
        UndecidedPasses or None
            None where rules, or the order of customers, leave it aside: on every engine alike.
        """
        ...

    def choose_exactly(
        self,
        exact: NDArray[np.float64],
        reduced: NDArray[np.float64],
        chosen: NDArray[np.uint8],
    ) -> CutOff:
        """Search the best choice in float64 of the customers whose rules are explicit cardinality constraints.

        Parameters
        ----------
        exact : ndarray of float64, shape (n_attributes, n_candidates)
            Attributes as the user gave them.
        reduced : ndarray of float64, shape (1 + n_attributes, n_segments, n_items)
            Reduced value of a coupon, and of a unit of each attribute.
        chosen : ndarray of uint8, shape (n_candidates,)
            IN/OUT: a choice; those customers' best choice is written over theirs.

        Returns
        -------
        CutOff
        """
        ...

    def alternatives(self, price: NDArray[np.float32], *, briefly: bool = False) -> Alternatives:
        """List every customer's best choice, and what changing the decision on one candidate costs.

        Parameters
        ----------
        price : ndarray of float32, shape (1 + n_quantities, n_segments, n_items)
        briefly : bool, default False
            Whether the answer need not hold for longer than until this thread asks for one briefly again: it may be
            written over then, which spares the system's finding memory and taking it back.

        Returns
        -------
        Alternatives
        """
        ...

    def count_losses(
        self,
        found: Alternatives,
        weights: LossWeights,
        first_bin: int,
        shape: tuple[int, int, int, int],
    ) -> NDArray[np.int64]:
        """Count candidates by what changing their decision costs, in logarithmic bins of each cell.

        Parameters
        ----------
        found : Alternatives
            Of this engine.
        weights : LossWeights
            What candidates count as.
        first_bin : int
            The leading bits of what is counted in the first bin.
        shape : tuple of int
            1, or 2 to tell what is chosen from what is not; n_segments, or 1 to count all segments together; n_items,
            bins.

        Returns
        -------
        ndarray of int64, of that shape
            `couponry.kernels.PARTS` for each candidate of full weight.
        """
        ...

    def products_of_changes(
        self, found: Alternatives, near: NearChanges, rows: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]:
        """Sum up, over all changes that are near, the products of what each moves every two of the rows by.

        Parameters
        ----------
        found : Alternatives
            Of this engine.
        near : NearChanges
        rows : int
            How many there are.

        Returns
        -------
        indptr : ndarray of int64, shape (rows + 1,)
            Entries of each row of a symmetric matrix.
        column : ndarray of int32
        product : ndarray of float64
        """
        ...

    def fix(
        self,
        price: NDArray[np.float32],
        regret_threshold: NDArray[np.float32],
        fine: NDArray[np.uint8],
    ) -> FixedChoices:
        """Fix the best choice of all customers but those whose choice can change at little loss.

        Parameters
        ----------
        price : ndarray of float32, shape (1 + n_quantities, n_segments, n_items)
        regret_threshold : ndarray of float32, shape (n_levels, 2, n_segments, n_items)
            Regret up to which a candidate that leaves (0) or comes (1) leaves its customer free. Each level holds for
            half of the customers of the level before.
        fine : ndarray of uint8, shape (n_attributes, n_candidates)
            Where in a step of its quantity each value lies; engines over shards have it, and look at its length alone.

        Returns
        -------
        FixedChoices
        """
        ...

    def blocks(
        self,
        price: NDArray[np.float32],
        free: NDArray[np.int64],
        free_choice: NDArray[np.uint8],
    ) -> Iterator[tuple[int, int, NDArray[np.uint8]]]:
        """List every customer's choice block by block: the best one of fixed customers, the given one of free ones.

        Parameters
        ----------
        price : ndarray of float32, shape (1 + n_quantities, n_segments, n_items)
        free : ndarray of int64, shape (n_free,)
            Row numbers of free customers, ascending.
        free_choice : ndarray of uint8, shape (n_free_candidates,)
            Choice of their candidates.

        Yields
        ------
        start, stop : int
            Customers of the block, start <= i < stop; blocks come in order.
        chosen : ndarray of uint8
            Choice of their candidates.
        """
        ...

    def samples(self, customers: Sequence[NDArray[np.int64]]) -> Sequence[Engine]:
        """Make engines over some customers (row numbers, ascending) each; one read of the candidates makes them all.

        Their passes count towards this engine's.
        """
        ...

    def of_customers(self, customers: NDArray[np.int64]) -> tuple[Shard, Rules]:
        """Look up the candidates and rules of a few customers (row numbers, ascending), noise included."""
        ...

    def with_rules(self, rules: Rules) -> Engine:
        """Make an engine over the same candidates under other customer rules; its passes count towards this one's."""
        ...

    def with_noise(self, seed: int) -> Engine:
        """Make an engine with one more quantity, drawn at random; its passes count towards this one's.

        Parameters
        ----------
        seed : int
            What is drawn from.

        Returns
        -------
        Engine
        """
        ...

    def regret(
        self,
        exact: NDArray[np.float64],
        reduced: NDArray[np.float64],
        chosen: NDArray[np.uint8],
    ) -> NDArray[np.float64]:
        """Compute what deciding each candidate the other way costs at least.

        Parameters
        ----------
        exact : ndarray of float64, shape (n_attributes, n_candidates)
        reduced : ndarray of float64, shape (1 + n_attributes, n_segments, n_items)
        chosen : ndarray of uint8, shape (n_candidates,)
            Every customer's best choice at the reduced values.

        Returns
        -------
        ndarray of float64, shape (n_candidates,)
        """
        ...

    def improve(
        self, search: LocalSearch, stop: Callable[[], bool], enough: float = np.inf
    ) -> tuple[int, float]:
        """Make single moves (drop, add, swap a coupon), the best move of all customers first.

        Parameters
        ----------
        search : LocalSearch
        stop : callable
            Called every so often; ends the search by returning True, or by raising.
        enough : float
            Filling ends once it gained so much.

        Returns
        -------
        int, float
            Moves made, and the objective gained by filling.
        """
        ...

    def exchanges(
        self, search: LocalSearch, open_rows: OpenRows, rooms: Rooms, width: int
    ) -> Exchanges:
        """Find, for each open row, the exchange of up to three customers' moves that gains most.

        Parameters
        ----------
        search : LocalSearch
            Nothing of it is changed.
        open_rows, rooms : OpenRows, Rooms
        width : int
            Moves that use a row, and moves that relieve it, that are looked at.
        """
        ...
