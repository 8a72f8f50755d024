"""A problem found in data, as a value.

One bad file never stops a batch: functions that look at strangers' data return findings instead of raising.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How far a finding reaches: ``error`` keeps the object out, ``warning`` wants a person, ``info`` is recorded."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem in one place.

    Parameters
    ----------
    severity
        How far it reaches.
    code
        A stable slug, ``<package>.<reason>``; counted, filtered and documented by it.
    where
        The attribute path, object or ordinal it concerns. At the centre never a file name or an original identifier.
    message
        One sentence for a person: what is wrong and what may be done. Never the offending value.
    """

    severity: Severity
    code: str
    where: str
    message: str

    @property
    def is_error(self) -> bool:
        """Whether the object concerned must be kept out."""
        return self.severity is Severity.ERROR

    def to_json(self) -> dict[str, str]:
        """The finding as a plain mapping for manifests, tables and ``--json``."""
        return {"severity": self.severity.value, "code": self.code, "where": self.where, "message": self.message}

    @classmethod
    def from_json(cls, value: Mapping[str, str]) -> "Finding":
        """Read what :meth:`to_json` wrote.

        Raises
        ------
        KeyError, ValueError
            When a key is missing or the severity is unknown.
        """
        return cls(Severity(value["severity"]), value["code"], value["where"], value["message"])
