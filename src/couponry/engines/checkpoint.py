"""A journal of passes: what an interrupted solve had found out is not computed again.

The solver is deterministic, so its state is nothing but the answers of the passes that it has made. They are few and
small (a usage table each), and are appended to one file as they come. A solve that is started again with the same
journal asks the same questions, is answered from the file as far as that goes, and ends with the same bits.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..kernels import Rows, Rules, Shard
from ..utils.errors import InvalidInput
from .protocol import CutOff, Engine, Settled

MAGIC = b"couponry journal 1\n"
WORTH = 1 << 22  # candidates in a pass from which on an answer is written down


class Journal:
    """Answers by key, in an append-only file: each is whole or, after a crash while it was written, not there."""

    def __init__(self, path: str | Path, subject: bytes):
        """subject: a digest of everything that the answers depend on besides the questions."""
        self.path = Path(path)
        self._answers: dict[bytes, bytes] = {}
        header = MAGIC + subject
        if self.path.exists():
            content = self.path.read_bytes()
            if content and not header.startswith(content[: len(header)]):
                raise InvalidInput(
                    f"checkpoint {str(path)!r}: it is of another campaign, or of other arguments or another version "
                    "of couponry; remove it or name another file"
                )
            end = self._read(content, len(header)) if len(content) >= len(header) else 0
        else:
            end = 0
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self.path.open("r+b" if self.path.exists() else "w+b")
        self._file.truncate(end)
        self._file.seek(end)
        if end == 0:
            self._file.write(header)
            self._sync()

    def answer(self, key: bytes, compute: Callable[[], NDArray[np.int64]]) -> NDArray[np.int64]:
        """What was written under a key of 32 bytes, or else what `compute` returns, written down."""
        if key in self._answers:
            return np.frombuffer(self._answers[key], np.int64).copy()
        found = compute().ravel()
        body = zlib.compress(found.tobytes(), 1)
        frame = key + len(body).to_bytes(8, "little") + body
        self._file.write(frame + zlib.crc32(frame).to_bytes(4, "little"))
        self._sync()
        return found

    def close(self) -> None:
        self._file.close()

    def _read(self, content: bytes, at: int) -> int:
        """Read all whole answers; returns where the last one ends."""
        while at + 40 <= len(content):
            end = at + 40 + int.from_bytes(content[at + 32 : at + 40], "little")
            frame, check = content[at:end], content[end : end + 4]
            if len(check) < 4 or zlib.crc32(frame) != int.from_bytes(check, "little"):
                break
            self._answers[frame[:32]] = zlib.decompress(frame[40:])
            at = end + 4
        return at

    def _sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())


class Journaled:
    """An engine whose passes over many candidates are answered from a journal where they can be.

    Samples are gathered only when something about them is not known yet.
    """

    def __init__(
        self,
        journal: Journal,
        candidates: int,
        customers: int,
        engine: Callable[[], Engine],
        identity: bytes,
        whole: Journaled | None = None,
    ):
        self.candidates, self.customers = candidates, customers
        self._journal = journal
        self._make = engine
        self._made: Engine | None = None
        self._identity = identity
        self._whole = self if whole is None else whole
        self._replayed = 0.0

    @classmethod
    def over(cls, engine: Engine, journal: Journal) -> Journaled:
        return cls(journal, engine.candidates, engine.customers, lambda: engine, b"everybody")

    @property
    def engine(self) -> Engine:
        if self._made is None:
            self._made = self._make()
        return self._made

    @property
    def name(self) -> str:
        return self._whole.engine.name

    @property
    def threads(self) -> int:
        return self._whole.engine.threads

    @property
    def passes(self) -> float:
        return self._whole.engine.passes + self._whole._replayed

    @property
    def shard(self) -> Shard:
        return self.engine.shard

    def evaluate(self, price: NDArray[np.float32]) -> NDArray[np.int64]:
        if self.candidates < WORTH:
            return self.engine.evaluate(price)
        key = self._key(b"evaluate", price)
        made = False

        def compute() -> NDArray[np.int64]:
            nonlocal made
            made = True
            return self.engine.evaluate(price)

        found = self._journal.answer(key, compute).reshape(price.shape)
        if not made:
            self._whole._replayed += self.candidates / max(1, self._whole.candidates)
        return found

    def evaluate_within(self, price: NDArray[np.float32]) -> tuple[NDArray[np.int64], CutOff]:
        if self.candidates < WORTH:
            return self.engine.evaluate_within(price)
        made: list[CutOff] = []

        def compute() -> NDArray[np.int64]:
            usage, cut = self.engine.evaluate_within(price)
            made.append(cut)
            return np.append(usage.ravel(), [cut.customers, np.float64(cut.slack).view(np.int64)])

        found = self._journal.answer(self._key(b"within", price), compute)
        if not made:
            self._whole._replayed += self.candidates / max(1, self._whole.candidates)
        cut = CutOff(int(found[-2]), float(found[-1:].view(np.float64)[0]))
        return found[:-2].reshape(price.shape), cut

    def choose_exactly(
        self, exact: NDArray[np.float64], reduced: NDArray[np.float64], chosen: NDArray[np.uint8]
    ) -> CutOff:
        return self.engine.choose_exactly(exact, reduced, chosen)

    def sample(self, customers: NDArray[np.int64]) -> Journaled:
        # whoever they are, they have about as many candidates each as everybody
        candidates = self.candidates * len(customers) // max(1, self.customers)
        return self._derived(
            lambda: self.engine.sample(customers),
            self._key(b"sample", customers),
            candidates,
            len(customers),
        )

    def with_rules(self, rules: Rules) -> Journaled:
        return self._derived(
            lambda: self.engine.with_rules(rules),
            self._key(b"rules", *rules[:3], rules.cap, rules.ptr, rules.sets),
        )

    def with_noise(self, seed: int) -> Journaled:
        return self._derived(lambda: self.engine.with_noise(seed), self._key(b"noise %d" % seed))

    def choose(self, price: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        return self.engine.choose(price)

    def alternatives(
        self, price: NDArray[np.float32]
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.float32]]:
        return self.engine.alternatives(price)

    def settle(
        self, price: NDArray[np.float32], near: NDArray[np.float32], fine: NDArray[np.uint8]
    ) -> Settled:
        return self.engine.settle(price, near, fine)

    def blocks(
        self, price: NDArray[np.float32], movers: NDArray[np.int64], chosen: NDArray[np.uint8]
    ) -> Iterator[tuple[int, int, NDArray[np.uint8]]]:
        return self.engine.blocks(price, movers, chosen)

    def regret(
        self, exact: NDArray[np.float64], reduced: NDArray[np.float64], chosen: NDArray[np.uint8]
    ) -> NDArray[np.float64]:
        return self.engine.regret(exact, reduced, chosen)

    def improve(
        self,
        mode: int,
        exact: NDArray[np.float64],
        reduced: NDArray[np.float64],
        objective: NDArray[np.float64],
        rows: Rows,
        item_helps: NDArray[np.uint8],
        activity: NDArray[np.float64],
        chosen: NDArray[np.uint8],
        stop: Callable[[], bool],
    ) -> int:
        return self.engine.improve(
            mode, exact, reduced, objective, rows, item_helps, activity, chosen, stop
        )

    def _key(self, question: bytes, *arrays: Any) -> bytes:
        digest = hashlib.sha256(self._identity + question)
        for array in arrays:
            digest.update(repr((array.shape, array.dtype.str)).encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.digest()

    def _derived(
        self,
        make: Callable[[], Engine],
        identity: bytes,
        candidates: int | None = None,
        customers: int | None = None,
    ) -> Journaled:
        return Journaled(
            self._journal,
            self.candidates if candidates is None else candidates,
            self.customers if customers is None else customers,
            make,
            identity,
            self._whole,
        )
