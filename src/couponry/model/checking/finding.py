"""`Finding`: one thing that a campaign says and that its user may not have meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from ...utils.errors import InvalidInput, one_line

SEVERITIES = ("error", "warning", "note")
"""Cannot have been meant, and is not solved; most probably a mistake; may well be meant."""

CANDIDATES = "candidates"
"""Place of what is to be known of the candidates' numbers: the summary says it."""

MAX_PLACE = 120
"""Characters of a place that is read off a message."""


class CampaignWarning(UserWarning):
    """What a campaign says was probably not meant; `Campaign.check` lists everything of the kind."""


@dataclass(frozen=True)
class Finding:
    """One thing that a campaign says and that its user may not have meant.

    Attributes
    ----------
    severity : {"error", "warning", "note"}
        An error cannot have been meant, and the campaign is not solved. A warning is most probably a mistake. A note
        may well be meant.
    place : str
        Where it stands: the table, column, row or argument.
    message : str
        What is odd about it, in one line.

    Examples
    --------
    >>> print(Finding("warning", "limit 'tea'", "max can never bind"))
    warning: limit 'tea': max can never bind
    """

    severity: str
    place: str
    message: str

    def __str__(self) -> str:
        return one_line(f"{self.severity}: {self.text}", None)

    @property
    def text(self) -> str:
        """Place and message in one line."""
        return f"{self.place}: {self.message}"

    def to_dict(self) -> dict[str, str]:
        """Return the attributes by name, ready for JSON.

        Returns
        -------
        dict of str to str
            Severity, place and message.
        """
        return asdict(self)

    @classmethod
    def of_error(cls, error: InvalidInput) -> Finding:
        """Make a finding of what was refused.

        Parameters
        ----------
        error : InvalidInput
            What campaigns are refused with.

        Returns
        -------
        Finding
            An error; its place is what the message begins with.
        """
        place, colon, message = str(error).partition(": ")
        if not colon or len(place) > MAX_PLACE:
            return cls("error", "campaign", str(error))
        return cls("error", place, message)


def by_severity(findings: Iterable[Finding]) -> list[Finding]:
    """Sort findings: errors first, else in the order that they came in; each once.

    Parameters
    ----------
    findings : iterable of Finding

    Returns
    -------
    list of Finding
    """
    return sorted(dict.fromkeys(findings), key=lambda finding: SEVERITIES.index(finding.severity))


def refuse_errors(findings: Sequence[Finding]) -> None:
    """Refuse a campaign with the first of its errors.

    Parameters
    ----------
    findings : sequence of Finding

    Raises
    ------
    InvalidInput
    """
    for finding in findings:
        if finding.severity == "error":
            raise InvalidInput(finding.text)
