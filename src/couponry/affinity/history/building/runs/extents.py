"""The least and the largest of the numbers of purchases."""

from __future__ import annotations

from typing import Any, NamedTuple

from numpy.typing import NDArray

from .....kernels.purchases_contract import PurchaseColumns


class Extent(NamedTuple):
    """The least and the largest of some numbers."""

    least: int
    most: int

    @classmethod
    def of(cls, parts: list[Extent]) -> Extent:
        """Return that of all parts together; at least one."""
        return cls(min(part.least for part in parts), max(part.most for part in parts))

    @classmethod
    def of_numbers(cls, numbers: NDArray[Any]) -> Extent:
        """Return that of an array; at least one number."""
        return cls(int(numbers.min()), int(numbers.max()))


class Extents(NamedTuple):
    """Of customers, periods and spend."""

    customer: Extent
    period: Extent
    spend: Extent

    @classmethod
    def of_columns(cls, columns: PurchaseColumns) -> Extents:
        """Return those of purchases; at least one."""
        numbers = columns.customer, columns.period, columns.spend
        return cls(*(Extent.of_numbers(column) for column in numbers))
