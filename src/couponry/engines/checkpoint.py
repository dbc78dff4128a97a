"""A file that keeps the answers of passes, so that an interrupted solve goes on without computing them again.

The solver is deterministic: its state is nothing but the answers of the passes that it has made. They are few and small
(a usage table each), and are appended to one file as they come. A solve that is started again with the same file asks
the same questions, is answered from the file as far as that goes, and ends with the same bits.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
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
    StepModel,
)
from ..utils.atomic_folder import sync_folder
from ..utils.errors import InvalidInput
from ..utils.files.locks import BINARY, busy, try_lock
from ..utils.version import __version__
from .changes import Alternatives
from .cut_off import CutOff
from .exchanges import Exchanges
from .protocol import Engine, FixedChoices

FORMAT = 2
MAGIC = b"couponry journal "  # every version begins so
KEY_BYTES, LENGTH_BYTES, CHECKSUM_BYTES = 32, 8, 4

LEAST_RECORDED_CANDIDATES = 1 << 22
"""Candidates in a pass from which on its answer is written down: smaller passes are made again as quickly."""


class CheckpointFile:
    """Answers by key, in an append-only file.

    After the header the file is a sequence of records: key (32 bytes), length of the body (8 bytes, little-endian),
    body (deflated int64 values), CRC-32 of all that (4 bytes). A record that was being written when the process died,
    or that is damaged, is dropped when the file is opened again, and all behind it. One solve at a time has the file.

    Parameters
    ----------
    path : str or Path
        Created where it does not exist.
    subject : bytes
        Digest of everything that the answers depend on besides the questions.

    Raises
    ------
    InvalidInput
        Where the file is of another subject, or another solve is at work with it.
    """

    def __init__(self, path: str | Path, subject: bytes):
        self.path = Path(path)
        self._answers: dict[bytes, bytes] = {}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.path.exists() and not self.path.is_file():
            raise InvalidInput(f"checkpoint {str(path)!r}: expected a file, got something else")
        self._file = os.fdopen(os.open(self.path, os.O_RDWR | os.O_CREAT | BINARY, 0o666), "r+b")
        try:
            if not try_lock(self._file.fileno()):
                raise InvalidInput(busy("checkpoint", self.path))
            self._open(MAGIC + f"{FORMAT}, {__version__}\n".encode() + subject)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> CheckpointFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self, header: bytes) -> None:
        """Read what is there, and make the file end behind it."""
        content = self._file.read()
        begins = content[: len(header)]
        if not header.startswith(begins):
            own = begins.startswith(MAGIC) and not header.startswith(begins.split(b"\n")[0] + b"\n")
            what = (
                "another version of couponry" if own else "another campaign, or of other arguments"
            )
            raise InvalidInput(
                f"checkpoint {str(self.path)!r}: it is of {what}; remove it or name another file"
            )
        end = self._read(content, len(header)) if len(content) >= len(header) else 0
        self._file.truncate(end)
        self._file.seek(end)
        if end == 0:
            self._file.write(header)
            self._sync()
            sync_folder(self.path.absolute().parent)

    def answer(self, key: bytes, compute: Callable[[], NDArray[np.int64]]) -> NDArray[np.int64]:
        """Look up an answer, or compute it and write it down.

        Parameters
        ----------
        key : bytes
            32 bytes.
        compute : callable
            Called without arguments where the file has no answer; returns an array of int64.

        Returns
        -------
        ndarray of int64, one-dimensional
        """
        if key in self._answers:
            return np.frombuffer(self._answers[key], np.int64).copy()
        computed = compute().ravel()
        body = zlib.compress(computed.tobytes(), 1)
        record = key + len(body).to_bytes(LENGTH_BYTES, "little") + body
        self._file.write(record + zlib.crc32(record).to_bytes(CHECKSUM_BYTES, "little"))
        self._sync()
        return computed

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _read(self, content: bytes, start: int) -> int:
        """Read all whole records from `start` on; returns where the last one ends."""
        head = KEY_BYTES + LENGTH_BYTES
        while start + head <= len(content):
            length = int.from_bytes(content[start + KEY_BYTES : start + head], "little")
            end = start + head + length
            record, checksum = content[start:end], content[end : end + CHECKSUM_BYTES]
            whole = len(checksum) == CHECKSUM_BYTES
            if not whole or zlib.crc32(record) != int.from_bytes(checksum, "little"):
                break
            try:
                self._answers[record[:KEY_BYTES]] = zlib.decompress(record[head:])
            except zlib.error:
                break
            start = end + CHECKSUM_BYTES
        return start

    def _sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())


class CheckpointedEngine:
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

    @property
    def shard(self) -> Shard:
        """The candidates."""
        return self.engine.shard

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

    # ---- passes that are not written down

    def choose(self, price: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """See `Engine.choose`."""
        return self.engine.choose(price)

    def choose_exactly(
        self,
        exact: NDArray[np.float64],
        reduced: NDArray[np.float64],
        chosen: NDArray[np.uint8],
    ) -> CutOff:
        """See `Engine.choose_exactly`."""
        return self.engine.choose_exactly(exact, reduced, chosen)

    def alternatives(self, price: NDArray[np.float32]) -> Alternatives:
        """See `Engine.alternatives`."""
        return self.engine.alternatives(price)

    def count_losses(
        self,
        found: Alternatives,
        weights: LossWeights,
        first_bin: int,
        shape: tuple[int, int, int, int],
    ) -> NDArray[np.int64]:
        """See `Engine.count_losses`."""
        return self.engine.count_losses(found, weights, first_bin, shape)

    def products_of_changes(
        self, found: Alternatives, near: NearChanges, rows: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]:
        """See `Engine.products_of_changes`."""
        return self.engine.products_of_changes(found, near, rows)

    def minimise_model(
        self,
        model: StepModel,
        right: NDArray[np.float64],
        step: NDArray[np.float64],
        tolerance: float,
        steps: int,
    ) -> int:
        """See `Engine.minimise_model`."""
        return self.engine.minimise_model(model, right, step, tolerance, steps)

    def fix(
        self,
        price: NDArray[np.float32],
        regret_threshold: NDArray[np.float32],
        fine: NDArray[np.uint8],
    ) -> FixedChoices:
        """See `Engine.fix`."""
        return self.engine.fix(price, regret_threshold, fine)

    def blocks(
        self,
        price: NDArray[np.float32],
        free: NDArray[np.int64],
        free_choice: NDArray[np.uint8],
    ) -> Iterator[tuple[int, int, NDArray[np.uint8]]]:
        """See `Engine.blocks`."""
        return self.engine.blocks(price, free, free_choice)

    def regret(
        self,
        exact: NDArray[np.float64],
        reduced: NDArray[np.float64],
        chosen: NDArray[np.uint8],
    ) -> NDArray[np.float64]:
        """See `Engine.regret`."""
        return self.engine.regret(exact, reduced, chosen)

    def improve(
        self, search: LocalSearch, stop: Callable[[], bool], enough: float = np.inf
    ) -> tuple[int, float]:
        """See `Engine.improve`."""
        return self.engine.improve(search, stop, enough)

    def exchanges(
        self, search: LocalSearch, open_rows: OpenRows, rooms: Rooms, width: int
    ) -> Exchanges:
        """See `Engine.exchanges`."""
        return self.engine.exchanges(search, open_rows, rooms, width)
