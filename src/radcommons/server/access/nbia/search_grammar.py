"""The grammar of ``getSimpleSearch``: numbered criteria of a form, read as NBIA reads them. Pure.

``criteriaType<N>`` names a criterion and ``value<N>`` its value, for N from 0 without gaps. The same criterion again is an
alternative; different ones must all hold. Unknown names are ignored, as NBIA does. ``tcia_utils`` (3.3.5 still) sends
``Criteria.DateRange`` for a range of dates, which NBIA therefore ignores: here it is understood.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from radcommons.server.access.errors import NbiaRefusalError
from radcommons.server.access.nbia.requests import Parameters, parse_day


class Criterion(StrEnum):
    """What can be asked for, by NBIA's names in lower case."""

    COLLECTION = "collectioncriteria"
    SPECIES = "speciescriteria"
    MODALITY = "imagemodalitycriteria"
    BODY_PART = "anatomicalsitecriteria"
    MANUFACTURER = "manufacturercriteria"
    MODEL = "modelcriteria"
    SOFTWARE = "softwareversioncriteria"
    PATIENT = "patientcriteria"
    STUDY = "studycriteria"
    SERIES = "seriescriteria"
    MIN_STUDIES = "minnumberofstudiescriteria"
    MIN_STUDY_DATES = "minnumberofstudydatescriteria"
    MODALITY_ANDED = "modalityandedsearchcriteria"
    DATE_RANGE = "daterangecriteria"
    AGE_RANGE = "patientagerangecriteria"
    SEX = "patientsexcriteria"
    PIXEL_SPACING = "pixelspacingrangecriteria"
    SLICE_THICKNESS = "slicethicknessrangecriteria"
    DESCRIPTION = "descriptioncriteria"
    PHANTOM = "phantomcriteria"
    THIRD_PARTY = "thirdpartyanalysis"
    EXCLUDE_COMMERCIAL = "excludecommercialcriteria"


_ALSO = {"bodypartexaminedcriteria": Criterion.BODY_PART, "criteria.daterange": Criterion.DATE_RANGE}
_RANGES = frozenset({Criterion.AGE_RANGE, Criterion.PIXEL_SPACING, Criterion.SLICE_THICKNESS})
_LISTS = frozenset({Criterion.PATIENT, Criterion.STUDY, Criterion.SERIES})
_FIELDS = ("subject", "studies", "series", "collection")
_OLDEST = 90


@dataclass(frozen=True, slots=True)
class SimpleSearch:
    """A search as it was understood.

    Parameters
    ----------
    values
        The alternatives of each criterion that takes a value.
    ranges
        Lowest and highest number of each criterion that takes a range; None leaves an end open.
    released
        First and last day of release; None leaves an end open.
    start, size
        The part of the patients that is shown, from 0.
    """

    values: Mapping[Criterion, tuple[str, ...]]
    ranges: Mapping[Criterion, tuple[float | None, float | None]]
    released: tuple[date | None, date | None] = (None, None)
    sort_field: str = "subject"
    is_descending: bool = False
    start: int = 0
    size: int = 10

    def number(self, criterion: Criterion) -> int:
        """The value of a criterion that is a whole number; 0 without."""
        values = self.values.get(criterion, ())
        return max((int(value) for value in values if value.isdecimal() and len(value) < 10), default=0)  # noqa: PLR2004


def parse_search(parameters: Parameters) -> SimpleSearch:
    """Read a form.

    Raises
    ------
    NbiaRefusalError
        When a number or a date is none.
    """
    values: dict[Criterion, list[str]] = {}
    ranges: dict[Criterion, tuple[float | None, float | None]] = {}
    released: tuple[date | None, date | None] = (None, None)
    for index, criterion in _criteria(parameters):
        if criterion is Criterion.DATE_RANGE:
            released = (_day(parameters, f"fromDate{index}"), _day(parameters, f"toDate{index}"))
        elif criterion in _RANGES:
            ranges[criterion] = (_number(parameters, f"from{index}"), _number(parameters, f"to{index}"))
        else:
            value = parameters.text(f"value{index}")
            parts: Iterable[str] = value.split(",") if criterion in _LISTS else (value,)
            values.setdefault(criterion, []).extend(part.strip() for part in parts if part.strip())
    if Criterion.AGE_RANGE in ranges:
        lowest, highest = ranges[Criterion.AGE_RANGE]
        # NBIA knows nobody older than 90: its highest age means "and older".
        ranges[Criterion.AGE_RANGE] = (lowest, None if highest is not None and highest >= _OLDEST else highest)
    field = parameters.text("sortField").lower() or "subject"
    if field not in _FIELDS:
        raise NbiaRefusalError(f"sortField must be one of {', '.join(_FIELDS)}.")
    return SimpleSearch(
        {criterion: tuple(found) for criterion, found in values.items()},
        ranges,
        released,
        sort_field=field,
        is_descending=parameters.text("sortDirection").lower().startswith("desc"),
        start=_whole(parameters, "start", 0),
        size=_whole(parameters, "size", 10),
    )


def _criteria(parameters: Parameters) -> Iterable[tuple[int, Criterion]]:
    index = 0
    while name := parameters.text(f"criteriaType{index}").lower():
        if name in _ALSO:
            yield index, _ALSO[name]
        elif name in set(Criterion):
            yield index, Criterion(name)
        index += 1


def _day(parameters: Parameters, name: str) -> date | None:
    value = parameters.text(name)
    return parse_day(value, name) if value else None


def _number(parameters: Parameters, name: str) -> float | None:
    value = parameters.text(name)
    try:
        return float(value) if value else None
    except ValueError as error:
        raise NbiaRefusalError(f"The parameter {name} must be a number.") from error


def _whole(parameters: Parameters, name: str, default: int) -> int:
    value = parameters.text(name)
    if value and not (value.isascii() and value.isdigit() and len(value) < 10):  # noqa: PLR2004
        raise NbiaRefusalError(f"The parameter {name} must be a whole number.")
    return int(value) if value else default
