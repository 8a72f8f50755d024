"""What a program sent, checked as NBIA checks it: names of parameters, required ones, dates. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from radcommons.server.access.errors import NbiaRefusalError
from radcommons.server.platform.policy import Actor

_DATES = ("%m-%d-%Y", "%Y/%m/%d", "%Y-%m-%d", "%m/%d/%Y")
_UID = re.compile(r"[0-9.]{1,64}")


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of a call, each with all its values; empty ones are as good as missing."""

    values: Mapping[str, Sequence[str]]

    @classmethod
    def of(cls, pairs: Sequence[tuple[str, str]]) -> "Parameters":
        """Parameters of a query or a form.

        Raises
        ------
        NbiaRefusalError
            When one holds the character NUL, which no database takes in a text.
        """
        values: dict[str, list[str]] = {}
        for name, value in pairs:
            if "\0" in value:
                raise NbiaRefusalError("A parameter holds a character that no text has.")
            values.setdefault(name, []).append(value)
        return cls(values)

    def text(self, name: str) -> str:
        """The first value; empty when there is none."""
        return next((value.strip() for value in self.values.get(name, ()) if value.strip()), "")

    def texts(self, name: str) -> list[str]:
        """All values, repeated or joined by commas, each once and in order."""
        parts = (part.strip() for value in self.values.get(name, ()) for part in value.split(","))
        return list(dict.fromkeys(part for part in parts if part))

    def uid(self, name: str) -> str:
        """The first value, which must look like a UID.

        Raises
        ------
        NbiaRefusalError
            When it does not.
        """
        value = self.text(name)
        if value and not _UID.fullmatch(value):
            raise NbiaRefusalError(f"The parameter {name} must be a UID.")
        return value

    def day(self, *names: str) -> date | None:
        """The first date given under one of some names, in any of NBIA's spellings; None without.

        Raises
        ------
        NbiaRefusalError
            When it is no date.
        """
        for name in names:
            if value := self.text(name):
                return parse_day(value, name)
        return None

    def is_yes(self, name: str) -> bool:
        """Whether a switch is on."""
        return self.text(name).lower() in {"yes", "true", "y", "1"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A call with its parameters, the address under which this server was asked, and who asks."""

    parameters: Parameters
    origin: str
    actor: Actor


def parse_day(value: str, name: str) -> date:
    """A date of a parameter.

    Raises
    ------
    NbiaRefusalError
        When it is none.
    """
    for pattern in _DATES:
        try:
            return datetime.strptime(value, pattern).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    raise NbiaRefusalError(f"Invalid date format for {name}. Please use MM-DD-YYYY.")


def check_names(given: Sequence[str], allowed: Sequence[str], *, is_form: bool) -> None:
    """Refuse parameters that a call does not know: a misspelt filter must never mean "everything".

    Raises
    ------
    NbiaRefusalError
        When there is one.
    """
    kind = "form" if is_form else "query"
    for name in given:
        if name not in allowed:
            listed = ", ".join(allowed)
            raise NbiaRefusalError(f"Invalid {kind} parameter: '{name}'. Allowed parameters are: [{listed}]")


def check_required(parameters: Parameters, required: Sequence[str]) -> None:
    """Refuse a call without a parameter that it needs.

    Raises
    ------
    NbiaRefusalError
        When one is missing or empty.
    """
    for name in required:
        if not parameters.text(name):
            raise NbiaRefusalError(f"A parameter, {name}, is required for this API call.")
