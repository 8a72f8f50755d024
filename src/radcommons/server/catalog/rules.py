"""Decisions of the catalog: age groups, the question behind a page, which public counts may be told."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

NOT_STATED = "not stated"
COHORT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,99}")

AGE_GROUPS = (
    (0, 18, "0–17"),
    (18, 30, "18–29"),
    (30, 40, "30–39"),
    (40, 50, "40–49"),
    (50, 60, "50–59"),
    (60, 70, "60–69"),
    (70, 80, "70–79"),
    (80, 90, "80–89"),
)
OLDEST_GROUP = "90 and over"


def age_group(age_years: float | None) -> str:
    """The group of an age in whole years; ages from 90 on are one group, as PS3.15 and US law want it."""
    if age_years is None or age_years < 0:
        return NOT_STATED
    return next((name for low, high, name in AGE_GROUPS if low <= age_years < high), OLDEST_GROUP)


@dataclass(frozen=True, slots=True)
class CatalogQuery:
    """A selection from the catalog: values within a field are alternatives, fields narrow each other.

    The field names are the facets; the same names stand in the address of the page.
    """

    collection: tuple[str, ...] = ()
    site: tuple[str, ...] = ()
    modality: tuple[str, ...] = ()
    body_part: tuple[str, ...] = ()
    sex: tuple[str, ...] = ()
    age_group: tuple[str, ...] = ()
    manufacturer: tuple[str, ...] = ()
    covid19_status: tuple[str, ...] = ()

    @classmethod
    def from_lists(cls, values: Mapping[str, list[str]]) -> "CatalogQuery":
        """The selection in a form, an address or a stored cohort; unknown names are ignored."""
        known = {name: tuple(sorted(set(values.get(name, ())))) for name in FACETS}
        return cls(**known)

    def to_lists(self) -> dict[str, list[str]]:
        """The selection as it is stored and put into addresses; empty fields are left out."""
        return {name: list(chosen) for name in FACETS if (chosen := getattr(self, name))}


FACETS: Mapping[str, str] = MappingProxyType(
    {
        "collection": "Collection",
        "modality": "Modality",
        "body_part": "Body part",
        "covid19_status": "COVID-19 status",
        "age_group": "Age",
        "sex": "Sex",
        "site": "Site",
        "manufacturer": "Manufacturer",
    }
)


def disclosed(counts: Mapping[str, int], *, threshold: int) -> dict[str, int | None]:
    """Counts of subjects that may be told to the public; None where one may not (DESIGN, invariant 8).

    A count below the threshold is withheld. Somebody who knows the total could find a single withheld count by
    subtraction, so further cells, the smallest first, are withheld until at least two are hidden and together they
    stand for at least ``threshold`` subjects.
    """
    hidden = {name for name, number in counts.items() if 0 < number < threshold}
    rest = sorted((number, name) for name, number in counts.items() if name not in hidden and number > 0)
    while hidden and rest and (len(hidden) == 1 or sum(counts[name] for name in hidden) < threshold):
        hidden.add(rest.pop(0)[1])
    return {name: None if name in hidden else number for name, number in counts.items()}
