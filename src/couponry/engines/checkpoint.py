"""An engine that keeps the answers of passes, so that an interrupted solve goes on without computing them again.

The solver is deterministic: its state is nothing but the answers of the passes that it has made. They are few and small
(a usage table each), and are appended to one file as they come. A solve that is started again with the same file asks
the same questions, is answered from the file as far as that goes, and ends with the same bits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from types import ModuleType
from typing import Any

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
from .checkpoint_file import CheckpointFile
from .cut_off import CutOff
from .exchanges import Exchanges
from .protocol import Engine, FixedChoices
from .undecided.passes import UndecidedPasses

LEAST_RECORDED_CANDIDATES = 1 << 22
"""Candidates in a pass from which on its answer is written down: smaller passes are made again as quickly."""


class ForwardingEngine:
    """Has another engine answer; the methods are described in `engines.protocol.Engine`."""

    @property
    def _asked(self) -> Engine:
        """The engine that answers."""
        raise NotImplementedError

    @property
    def kernels(self) -> ModuleType:
        """See `Engine.kernels`."""
        return self._asked.kernels

    @property
    def shard(self) -> Shard:
        """The candidates."""
        return self._asked.shard

    @property
    def most_candidates(self) -> int:
        """The most candidates of one customer."""
        return self._asked.most_candidates

    def of_customers(self, customers: NDArray[np.int64]) -> tuple[Shard, Rules]:
        """See `Engine.of_customers`."""
        return self._asked.of_customers(customers)

    def choose(self, price: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """See `Engine.choose`."""
        return self._asked.choose(price)

    def undecided(
        self, price: NDArray[np.float32], bar: NDArray[np.float32]
    ) -> UndecidedPasses | None:
        """See `Engine.undecided`."""
        return self._asked.undecided(price, bar)

    def choose_exactly(
        self,
        exact: NDArray[np.float64],
        reduced: NDArray[np.float64],
        chosen: NDArray[np.uint8],
    ) -> CutOff:
        """See `Engine.choose_exactly`."""
        return self._asked.choose_exactly(exact, reduced, chosen)

    def alternatives(self, price: NDArray[np.float32], *, briefly: bool = False) -> Alternatives:
        """See `Engine.alternatives`."""
        return self._asked.alternatives(price, briefly=briefly)

    def count_losses(
        self,
        found: Alternatives,
        weights: LossWeights,
        first_bin: int,
        shape: tuple[int, int, int, int],
    ) -> NDArray[np.int64]:
        """See `Engine.count_losses`."""
        return self._asked.count_losses(found, weights, first_bin, shape)

    def products_of_changes(
        self, found: Alternatives, near: NearChanges, rows: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]:
        """See `Engine.products_of_changes`."""
        return self._asked.products_of_changes(found, near, rows)

    def fix(
        self,
        price: NDArray[np.float32],
        regret_threshold: NDArray[np.float32],
        fine: NDArray[np.uint8],
    ) -> FixedChoices:
        """See `Engine.fix`."""
        return self._asked.fix(price, regret_threshold, fine)

    def blocks(
        self,
        price: NDArray[np.float32],
        free: NDArray[np.int64],
        free_choice: NDArray[np.uint8],
    ) -> Iterator[tuple[int, int, NDArray[np.uint8]]]:
        """See `Engine.blocks`."""
        return self._asked.blocks(price, free, free_choice)

    def regret(
        self,
        exact: NDArray[np.float64],
        reduced: NDArray[np.float64],
        chosen: NDArray[np.uint8],
    ) -> NDArray[np.float64]:
        """See `Engine.regret`."""
        return self._asked.regret(exact, reduced, chosen)

    def improve(
        self, search: LocalSearch, stop: Callable[[], bool], enough: float = np.inf
    ) -> tuple[int, float]:
        """See `Engine.improve`."""
        return self._asked.improve(search, stop, enough)

    def exchanges(
        self, search: LocalSearch, open_rows: OpenRows, rooms: Rooms, width: int
    ) -> Exchanges:
        """See `Engine.exchanges`."""
        return self._asked.exchanges(search, open_rows, rooms, width)


class CheckpointedEngine(ForwardingEngine):
    """An engine whose passes over many candidates are answered from a checkpoint file where they can be.

    Everything else goes to the engine behind it. Samples are gathered only when something about them is not known yet.
    The methods are described in `engines.protocol.Engine`.

    Parameters
    ----------
    file : CheckpointFile
    candidates, customers : int
        How many the engine behind it has, at least about.
    make : callable
        Makes the engine behind it, the first time that it is needed.
    identity : bytes
        Tells apart the engines that use one file: by their customers, rules and noise.
    whole : CheckpointedEngine, optional
        The engine over everybody that this one derives from.
    """

    def __init__(
        self,
        file: CheckpointFile,
        candidates: int,
        customers: int,
        make: Callable[[], Engine],
        identity: bytes,
        whole: CheckpointedEngine | None = None,
    ):
        self.candidates, self.customers = candidates, customers
        self._file = file
        self._make = make
        self._made: Engine | None = None
        self._identity = identity
        self._whole = self if whole is None else whole
        self._replayed = 0.0  # passes that were answered from the file

    @classmethod
    def over(cls, engine: Engine, file: CheckpointFile) -> CheckpointedEngine:
        """Put a checkpoint file before an engine over all customers."""
        return cls(file, engine.candidates, engine.customers, lambda: engine, b"everybody")

    @property
    def engine(self) -> Engine:
        """The engine behind it."""
        if self._made is None:
            self._made = self._make()
        return self._made

    @property
    def _asked(self) -> Engine:
        return self.engine

    @property
    def name(self) -> str:
        """Name of the engine behind it."""
        return self._whole.engine.name

    @property
    def threads(self) -> int:
        """Threads of the engine behind it."""
        return self._whole.engine.threads

    @property
    def is_streamed(self) -> bool:
        """See `Engine.is_streamed`."""
        return self._whole.engine.is_streamed

    @property
    def passes(self) -> float:
        """Passes made and replayed so far, in full passes."""
        return self._whole.engine.passes + self._whole._replayed

    # ---- passes that are written down

    def evaluate(self, price: NDArray[np.float32]) -> NDArray[np.int64]:
        """See `Engine.evaluate`."""
        if self.candidates < LEAST_RECORDED_CANDIDATES:
            return self.engine.evaluate(price)
        computed = False

        def compute() -> NDArray[np.int64]:
            nonlocal computed
            computed = True
            return self.engine.evaluate(price)

        answer = self._file.answer(self._key(b"evaluate", price), compute)
        if not computed:
            self._count_replayed()
        return answer.reshape(price.shape)

    def evaluate_with_cut_off(self, price: NDArray[np.float32]) -> tuple[NDArray[np.int64], CutOff]:
        """See `Engine.evaluate_with_cut_off`."""
        if self.candidates < LEAST_RECORDED_CANDIDATES:
            return self.engine.evaluate_with_cut_off(price)
        computed = False

        def compute() -> NDArray[np.int64]:
            nonlocal computed
            computed = True
            usage, cut_off = self.engine.evaluate_with_cut_off(price)
            slack_bits = np.float64(cut_off.slack).view(np.int64)
            return np.append(usage.ravel(), [cut_off.customers, slack_bits])

        answer = self._file.answer(self._key(b"within", price), compute)
        if not computed:
            self._count_replayed()
        cut_off = CutOff(int(answer[-2]), float(answer[-1:].view(np.float64)[0]))
        return answer[:-2].reshape(price.shape), cut_off

    def _count_replayed(self) -> None:
        self._whole._replayed += self.candidates / max(1, self._whole.candidates)

    def _key(self, question: bytes, *arrays: Any) -> bytes:
        """Digest of a question, of what it is about and of who is asked."""
        digest = hashlib.sha256(self._identity + question)
        for array in arrays:
            digest.update(repr((array.shape, array.dtype.str)).encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.digest()

    # ---- engines over parts, or under other rules

    def samples(self, customers: Sequence[NDArray[np.int64]]) -> list[CheckpointedEngine]:
        """See `Engine.samples`."""
        made: list[Engine] = []

        def make(number: int) -> Engine:
            if not made:
                made.extend(self.engine.samples(customers))
            return made[number]

        return [
            CheckpointedEngine(
                self._file,
                # whoever they are, they have about as many candidates each as everybody
                self.candidates * len(sample) // max(1, self.customers),
                len(sample),
                partial(make, number),
                self._key(b"sample", sample),
                self._whole,
            )
            for number, sample in enumerate(customers)
        ]

    def with_rules(self, rules: Rules) -> CheckpointedEngine:
        """See `Engine.with_rules`."""
        key = self._key(b"rules", *rules[:3], rules.cap, rules.constraint_ptr, rules.constraints)
        return self._derived(lambda: self.engine.with_rules(rules), key)

    def with_noise(self, seed: int) -> CheckpointedEngine:
        """See `Engine.with_noise`."""
        return self._derived(lambda: self.engine.with_noise(seed), self._key(b"noise %d" % seed))

    def _derived(self, make: Callable[[], Engine], identity: bytes) -> CheckpointedEngine:
        return CheckpointedEngine(
            self._file, self.candidates, self.customers, make, identity, self._whole
        )
