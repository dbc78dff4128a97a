"""What commands print and say: JSON, the line of an error, warnings."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..model.checking.finding import CampaignWarning
from ..utils.errors import one_line
from ..utils.process.standard_streams import say


def json_text(content: dict[str, Any]) -> str:
    """Content as JSON, as files have it."""
    return json.dumps(content, indent=1, allow_nan=False)


def error_line(message: str) -> str:
    """The line that says what is wrong."""
    return f"couponry: error: {one_line(' '.join(message.split()))}"


@contextmanager
def warnings_said() -> Iterator[None]:
    """Have what campaigns were probably not meant to say in a line each on standard error, without a line of Python."""
    shown_otherwise = warnings.showwarning

    def say_it(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        if issubclass(category, CampaignWarning):
            say(one_line(f"couponry: warning: {message}"))
        else:
            shown_otherwise(message, category, *where, **more)

    with warnings.catch_warnings():
        warnings.simplefilter("always", CampaignWarning)
        warnings.showwarning = say_it
        yield
