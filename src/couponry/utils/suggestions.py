"""What an unknown name may have meant: the nearest known one, all known ones, and whether it can only be a slip."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from .errors import one_line

MAX_LIST = 120
"""Characters of the list of known names in a message."""

LEAST_LETTERS = 4
"""Letters of the shortest word that one wrong letter is taken for a slip in; shorter ones are codes as often."""

SEPARATORS = re.compile(r"[\s_\-.]+")


def did_you_mean(name: object, known: Iterable[object]) -> str:
    """Suggest the known name that is nearest to an unknown one.

    Parameters
    ----------
    name : object
        What was given; only text can be near to something.
    known : iterable
        What could have been given. Values that are not text are passed over.

    Returns
    -------
    str
        ``"; did you mean 'x'?"``, to end a message with, or an empty text where no known name is near.

    Examples
    --------
    >>> did_you_mean("bugdet", ["budget", "stock"])
    "; did you mean 'budget'?"
    >>> did_you_mean("BUDGET", ["budget", "stock"])
    "; did you mean 'budget'?"
    >>> did_you_mean("height", ["budget", "stock"])
    ''
    """
    near = nearest(name, known)
    return "" if near is None else f"; did you mean {near!r}?"


def nearest(name: object, known: Iterable[object]) -> str | None:
    """Find the known name that is nearest to an unknown one.

    Parameters
    ----------
    name : object
    known : iterable
        Values that are not text are passed over.

    Returns
    -------
    str or None
        None where no known name is near.
    """
    if not isinstance(name, str):
        return None
    by_letters: dict[str, str] = {}
    for other in known:
        if isinstance(other, str):
            by_letters.setdefault(_folded(other), other)
    near = difflib.get_close_matches(_folded(name), by_letters, n=1)
    return by_letters[near[0]] if near else None


def known_names(name: object, known: Iterable[object], what: str = "known") -> str:
    """Suggest the nearest known name, and list all of them.

    Parameters
    ----------
    name : object
        What was given.
    known : iterable
        What could have been given.
    what : str
        What the list is called.

    Returns
    -------
    str
        To end a message with.

    Examples
    --------
    >>> known_names("bugdet", ["budget", "stock"])
    "; did you mean 'budget'? (known: budget, stock)"
    """
    names = list(known)
    return f"{did_you_mean(name, names)} ({what}: {listed(names)})"


def listed(names: Iterable[object], most: int = MAX_LIST) -> str:
    """List names in a short text.

    Parameters
    ----------
    names : iterable
    most : int
        Characters, about; what goes beyond is counted.

    Returns
    -------
    str
        "none" where there are none.

    Examples
    --------
    >>> listed(["a", "b", 7])
    'a, b, 7'
    >>> listed(range(1000), 8)
    '0, 1, 2 and 997 more'
    """
    texts = [one_line(str(name), 40) for name in names]
    kept: list[str] = []
    for text in texts:
        if kept and sum(map(len, kept)) + 2 * len(kept) + len(text) > most:
            return f"{', '.join(kept)} and {len(texts) - len(kept):,} more"
        kept.append(text)
    return ", ".join(kept) or "none"


def misspelt(name: object, known: Iterable[object]) -> str | None:
    """Find the known name that a name can only be a slip of: case, separators or one letter of a word differ.

    One letter is one that is wrong, missing or too much, or two that have changed places, in a word of four letters and
    more that begins alike. Codes that differ by a digit, or by a word of few letters, are no slips of each other.

    Parameters
    ----------
    name : object
        Only text can be a slip.
    known : iterable
        Values that are not text are passed over.

    Returns
    -------
    str or None
        None where there is none, or where the name is itself known.

    Examples
    --------
    >>> misspelt("mial", ["mail", "email"]), misspelt("Mail", ["mail"]), misspelt("facevalue", ["face_value"])
    ('mail', 'mail', 'face_value')
    >>> misspelt("email", ["mail"]), misspelt("tea-50", ["tea-75"]), misspelt("brand B", ["brand A"])
    (None, None, None)
    """
    if not isinstance(name, str):
        return None
    names = [other for other in known if isinstance(other, str)]
    if name in names:
        return None
    alike = (other for other in names if _joined(other) == _joined(name))
    slips = (other for other in names if _is_slip(_words(name), _words(other)))
    return next(alike, None) or next(slips, None)


def _folded(name: str) -> str:
    """A name without case."""
    return name.casefold()


def _words(name: str) -> list[str]:
    """The words of a name."""
    return [word for word in SEPARATORS.split(name.casefold()) if word]


def _joined(name: str) -> str:
    """A name without case and separators."""
    return "".join(_words(name))


def _is_slip(words: list[str], others: list[str]) -> bool:
    """Whether the words are the same but for one letter of one of them."""
    if len(words) != len(others):
        return False
    differing = [pair for pair in zip(words, others, strict=True) if pair[0] != pair[1]]
    return len(differing) == 1 and _is_one_letter_off(*differing[0])


def _is_one_letter_off(word: str, other: str) -> bool:
    """Whether two words of letters begin alike and differ by one letter, or by two that have changed places."""
    letters = min(len(word), len(other)) >= LEAST_LETTERS - 1 and len(other) >= LEAST_LETTERS
    if not letters or word[0] != other[0] or not word.isalpha() or not other.isalpha():
        return False
    start = next((n for n, (a, b) in enumerate(zip(word, other, strict=False)) if a != b), None)
    if start is None:
        return abs(len(word) - len(other)) == 1
    rest, others = word[start:], other[start:]
    swapped = rest[:2] == others[1::-1] and rest[2:] == others[2:]
    return swapped or rest[1:] == others or rest == others[1:] or rest[1:] == others[1:]
