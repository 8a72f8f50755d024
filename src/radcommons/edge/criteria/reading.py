"""Inclusion criteria as a frozen value, read strictly from TOML."""

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Any

from radcommons.dicom.errors import Kind, RadCommonsError

_MISSING = ("keep", "reject")


@dataclass(frozen=True, slots=True)
class SeriesLimits:
    """Limits on the series of all modalities, or of one of them (``[series.ct]``)."""

    minimum_instances: int | None = None
    maximum_instances: int | None = None
    minimum_slice_thickness_mm: float | None = None
    maximum_slice_thickness_mm: float | None = None
    orientation: str | None = None


@dataclass(frozen=True, slots=True)
class Criteria:
    """What a project wants. ``None`` and empty tuples ask for nothing.

    Parameters
    ----------
    name, version, digest
        What the file calls itself, and the SHA-256 of its bytes.
    minimum_age_years, maximum_age_years, is_age_needed
        Age at the study in whole years; whether a patient of unknown age is rejected.
    sexes
        Allowed values of PatientSex; the empty text stands for an absent one.
    first_study_date, last_study_date
        Both inclusive; a study without a date fails either.
    codes
        Code values, any of which must be in the header (diagnosis, procedure, reason); empty asks for none.
    modalities, body_parts, image types and descriptions
        Of each series; patterns are regular expressions searched in the study, series and protocol descriptions.
    limits, limits_by_modality
        Numbers of instances, slice thickness in mm, orientation (``axial``, ``coronal``, ``sagittal``).
    """

    name: str
    version: str
    digest: str
    minimum_age_years: int | None
    maximum_age_years: int | None
    is_age_needed: bool
    sexes: tuple[str, ...]
    first_study_date: date | None
    last_study_date: date | None
    codes: tuple[str, ...]
    modalities: tuple[str, ...]
    body_parts: tuple[str, ...]
    body_part_or_description: re.Pattern[str] | None
    is_body_part_needed: bool
    include_description: re.Pattern[str] | None
    exclude_description: re.Pattern[str] | None
    exclude_image_types: tuple[str, ...]
    limits: SeriesLimits
    limits_by_modality: Mapping[str, SeriesLimits]


def load_criteria(name_or_path: str | Path) -> Criteria:
    """The criteria of a file, or ready ones by name (``covid19_chest``).

    Raises
    ------
    RadCommonsError
        ``edge.no-such-criteria``, or ``edge.invalid-criteria`` naming the first thing that cannot be used.
    """
    data = _read(name_or_path)
    try:
        value = tomllib.loads(data.decode("utf-8"))
        return _criteria(value, hashlib.sha256(data).hexdigest())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValueError, re.error) as error:
        raise RadCommonsError(
            Kind.INVALID, "edge.invalid-criteria", f"The criteria file cannot be used: {error}."
        ) from error


def _read(name_or_path: str | Path) -> bytes:
    path = Path(name_or_path)
    if path.is_file():
        return path.read_bytes()
    if path.parent == Path() and not path.suffix:
        ready = resources.files("radcommons.edge.criteria") / f"{path.name}.toml"
        if ready.is_file():
            return ready.read_bytes()
    raise RadCommonsError(
        Kind.NOT_FOUND, "edge.no-such-criteria", "There is no such criteria file, and no ready criteria of that name."
    )


def _criteria(value: dict[str, Any], digest: str) -> Criteria:
    top = _Table(value, "the file")
    patient, study, series = top.table("patient"), top.table("study"), top.table("series")
    criteria = Criteria(
        name=top.text("name") or "unnamed",
        version=top.text("version") or "0",
        digest=digest,
        minimum_age_years=patient.whole("minimum_age_years"),
        maximum_age_years=patient.whole("maximum_age_years"),
        is_age_needed=patient.choice("age_missing", _MISSING) == "reject",
        sexes=patient.texts("sexes"),
        first_study_date=study.day("from"),
        last_study_date=study.day("until"),
        codes=study.texts("codes"),
        modalities=series.texts("modalities"),
        body_parts=series.texts("body_parts"),
        body_part_or_description=series.pattern("body_part_or_description"),
        is_body_part_needed=series.choice("body_part_missing", _MISSING) == "reject",
        include_description=series.pattern("include_description"),
        exclude_description=series.pattern("exclude_description"),
        exclude_image_types=series.texts("exclude_image_types"),
        limits=_limits(series),
        limits_by_modality={
            name.upper(): _limits_alone(series.table(name))
            for name in series.names()
            if isinstance(value["series"][name], dict)
        },
    )
    for each in (top, patient, study, series):
        each.finish()
    return criteria


def _limits(table: "_Table") -> SeriesLimits:
    return SeriesLimits(
        minimum_instances=table.whole("minimum_instances"),
        maximum_instances=table.whole("maximum_instances"),
        minimum_slice_thickness_mm=table.number("minimum_slice_thickness_mm"),
        maximum_slice_thickness_mm=table.number("maximum_slice_thickness_mm"),
        orientation=table.choice("orientation", ("axial", "coronal", "sagittal")),
    )


def _limits_alone(table: "_Table") -> SeriesLimits:
    limits = _limits(table)
    table.finish()
    return limits


class _Table:
    """One TOML table, each key read once and with its type; what nobody read is a mistake of the writer."""

    def __init__(self, value: dict[str, Any], name: str) -> None:
        self._value = value
        self._name = name
        self._read: set[str] = set()

    def names(self) -> list[str]:
        return sorted(self._value)

    def table(self, key: str) -> "_Table":
        return _Table(self._typed(key, dict, "a table") or {}, f"[{key}]")

    def text(self, key: str) -> str | None:
        found: str | None = self._typed(key, str, "a text")
        return found

    def whole(self, key: str) -> int | None:
        found: int | None = self._typed(key, int, "a whole number")
        return found

    def number(self, key: str) -> float | None:
        found = self._typed(key, (int, float), "a number")
        return None if found is None else float(found)

    def day(self, key: str) -> date | None:
        found: date | None = self._typed(key, date, "a date such as 2020-01-31")
        return found

    def texts(self, key: str) -> tuple[str, ...]:
        found = self._typed(key, list, "a list of texts") or []
        if not all(isinstance(each, str) for each in found):
            raise ValueError(f"{self._name}: {key} is not a list of texts")
        return tuple(found)

    def pattern(self, key: str) -> re.Pattern[str] | None:
        found = self.text(key)
        return None if found is None else re.compile(found)

    def choice(self, key: str, allowed: tuple[str, ...]) -> str | None:
        found = self.text(key)
        if found is not None and found not in allowed:
            raise ValueError(f"{self._name}: {key} is not one of {', '.join(allowed)}")
        return found

    def finish(self) -> None:
        unknown = sorted(self._value.keys() - self._read)
        if unknown:
            raise ValueError(f"{self._name} has the unknown key {unknown[0]}")

    def _typed(self, key: str, kind: type | tuple[type, ...], wanted: str) -> Any:
        self._read.add(key)
        found = self._value.get(key)
        if found is not None and (not isinstance(found, kind) or isinstance(found, bool)):
            raise ValueError(f"{self._name}: {key} is not {wanted}")
        return found
