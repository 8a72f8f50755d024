"""A part of a version, as a researcher chooses it: facets over the version's own tables, and the condition it amounts to.

The names of the facets are the columns of the tables, so a choice in the browser and ``--where`` of the download are the
same question. Pure.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from radcommons.server.catalog.rules import AGE_GROUPS, NOT_STATED, OLDEST_GROUP

AGE_GROUP = "age_group"
AGE_YEARS = "patient_age_years"
COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        "modality": "Modality",
        "body_part_examined": "Body part",
        "covid19_status": "COVID-19 status",
        AGE_GROUP: "Age at the study, years",
        "patient_sex": "Sex",
        "site_code": "Site",
        "manufacturer": "Manufacturer",
    }
)
_AGES = {name: f"{AGE_YEARS} >= {low} AND {AGE_YEARS} < {high}" for low, high, name in AGE_GROUPS} | {
    OLDEST_GROUP: f"{AGE_YEARS} >= {AGE_GROUPS[-1][1]}"
}
# What a shell leaves alone between double quotes, where a condition can be read best.
_PLAIN = frozenset(" '(),.<>=_-+/:@")


@dataclass(frozen=True, slots=True)
class Selection:
    """Chosen values by column: those of one column are alternatives, columns narrow each other."""

    chosen: Mapping[str, Sequence[str]]

    @classmethod
    def from_lists(cls, values: Mapping[str, Sequence[str]], known: Mapping[str, Sequence[str]]) -> "Selection":
        """The selection in an address; names and values that the version does not have are ignored."""
        found = {name: [one for one in known[name] if one in set(values.get(name, ()))] for name in COLUMNS}
        return cls({name: chosen for name, chosen in found.items() if chosen})

    def where(self) -> str:
        """The same as one SQL condition over the tables' columns; empty when everything is chosen."""
        return " AND ".join(_condition(name, values) for name, values in self.chosen.items())

    def option(self) -> str:
        """``--where`` for the command line, quoted so that no shell finds a command in a value."""
        where = self.where()
        if not where:
            return ""
        is_plain = all(sign.isalnum() or sign in _PLAIN for sign in where)
        return f'--where "{where}"' if is_plain else f"--where {shlex.quote(where)}"


def group_sql() -> str:
    """The group of an age as an expression over the tables."""
    cases = " ".join(f"WHEN {condition} THEN {_literal(name)}" for name, condition in _AGES.items())
    return f"CASE {cases} ELSE {_literal(NOT_STATED)} END"


def column_sql(name: str) -> str:
    """The value of a facet as an expression over the tables."""
    return group_sql() if name == AGE_GROUP else f"coalesce({name}, {_literal(NOT_STATED)})"


def _condition(name: str, values: Sequence[str]) -> str:
    stated = [value for value in values if value != NOT_STATED]
    parts = []
    if name == AGE_GROUP:
        parts += [_AGES[value] if len(values) == 1 else f"({_AGES[value]})" for value in stated if value in _AGES]
        name = AGE_YEARS
    elif len(stated) == 1:
        parts.append(f"{name} = {_literal(stated[0])}")
    elif stated:
        parts.append(f"{name} IN ({', '.join(map(_literal, stated))})")
    if len(stated) < len(values):
        parts.append(f"{name} IS NULL" if name != AGE_YEARS else f"({AGE_YEARS} IS NULL OR {AGE_YEARS} < 0)")
    return parts[0] if len(parts) == 1 else f"({' OR '.join(parts)})"


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
