"""Properties worked out once, without the lock that Python's own share until 3.12, and that a fork may leave held."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from functools import cached_property as cached_property
else:

    class cached_property(functools.cached_property):
        """As `functools.cached_property` of Python 3.12: threads that ask at once may each work it out.

        Before that all instances share a lock: a child that is forked while another thread works something out would
        wait for it for ever, and threads with campaigns of their own would wait for each other.
        """

        def __get__(self, instance: Any, owner: type | None = None) -> Any:
            if instance is None:
                return self
            known = instance.__dict__
            if self.attrname not in known:
                known[self.attrname] = self.func(instance)
            return known[self.attrname]
