"""Other customer rules than those of shards: in files beside them."""

from __future__ import annotations

from dataclasses import dataclass

from ...kernels import Rules
from .places import map_file
from .shards import rules_of_arrays


@dataclass(frozen=True)
class RulesBeside:
    """Other customer rules for the customers of a store, in files beside its shards; a recipe, too.

    Attributes
    ----------
    folder : str
        Of the store.
    files : tuple of (str, str)
        Name and digest of each shard's.
    differing : frozenset of str
        What differs by customer.
    """

    folder: str
    files: tuple[tuple[str, str], ...]
    differing: frozenset[str]

    def rules(self, number: int, threads: int) -> Rules:
        """Map the rules of a shard's customers.

        Parameters
        ----------
        number : int
            Of the shard.
        threads : int
            How many to read with what has to be read.

        Returns
        -------
        Rules

        Raises
        ------
        InvalidInput
            As `ShardStore.arrays` does.
        """
        return rules_of_arrays(map_file(self.folder, *self.files[number], threads, lambda _: True))


class RulesElsewhere(Rules):
    """Rules of a store's customers in place of whose arrays it is told what is known without a look at any of them.

    Attributes
    ----------
    beside : RulesBeside or None
        None: those of the shards.
    """

    beside: RulesBeside | None = None

    @property
    def identity(self) -> bytes:
        """Tells these rules from others of the same customers."""
        return b"" if self.beside is None else repr(self.beside.files).encode()
