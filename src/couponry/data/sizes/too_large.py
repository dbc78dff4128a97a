"""What needs more memory or disk than there is, compared before the start: a refusal then, not a crash later."""

from __future__ import annotations

import shutil
from pathlib import Path

from ...utils.errors import InvalidInput
from ...utils.memory import available_memory, size_text
from .memory_estimate import BYTES_PER_CELL, Estimate, columns_text


def check_memory(needed: Estimate, limit: int | None, *, with_store: bool) -> None:
    """Refuse a campaign that does not fit into memory.

    Parameters
    ----------
    needed : Estimate
    limit : int or None
        Bytes that it may take. None: what is available.
    with_store : bool
        Whether candidates go into a store.

    Raises
    ------
    InvalidInput
        With the sizes, and what would help.
    """
    there = needed.available if limit is None else limit
    least = needed.memory_with_store
    if there is None or (least if with_store else needed.memory) <= there:
        return
    what = (
        f"memory: {needed.candidates:,} candidates with {columns_text(needed.columns)} need about "
    )
    given = f"only {size_text(there)} {'are available' if limit is None else 'are allowed'}"
    if with_store:
        raise InvalidInput(f"{what}{size_text(least)} even with a store, but {given}")
    hint = ""
    if least <= there:
        hint = (
            f"; with a store (--store DIR, or store= in Python) {size_text(least)} of memory and "
            f"{size_text(needed.disk)} of disk are enough"
        )
    elif least < needed.memory:
        hint = f"; with a store they would still need {size_text(least)} of memory"
    raise InvalidInput(f"{what}{size_text(needed.memory)}, but {given}{hint}")


def check_cells(segments: int, offers: int) -> None:
    """Refuse limits that tell more customers apart than there is memory for.

    Parameters
    ----------
    segments : int
        Segments of customers that limits tell apart.
    offers : int

    Raises
    ------
    InvalidInput
        With the sizes.
    """
    needed, there = BYTES_PER_CELL * segments * offers, available_memory()
    if segments > 1 and there is not None and needed > there:
        raise InvalidInput(
            f"memory: limits tell {segments:,} segments of customers apart, and {offers:,} offers in each: these "
            f"need about {size_text(needed)}, but only {size_text(there)} are available; by fewer values they need less"
        )


def check_disk(needed: Estimate, store: str | Path) -> None:
    """Refuse a store for which there is no room on its disk.

    Parameters
    ----------
    needed : Estimate
        What the campaign needs.
    store : str or Path
        Where the store is to be.

    Raises
    ------
    InvalidInput
        With the sizes.
    """
    path = Path(store).absolute()
    existing = next(folder for folder in (path, *path.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    if needed.disk_while_building > free:
        raise InvalidInput(
            f"disk: store {str(path)!r} of {needed.candidates:,} candidates needs about "
            f"{size_text(needed.disk_while_building)} while it is built, but only {size_text(free)} are free"
        )
