"""The texts of a release folder. Nothing in them depends on the hour, so that a repeated publication is identical."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from radcommons.server.releases.rules import Licence
from radcommons.transfer.release.manifest import Counts, FileEntry

UNIT_STEP = 1024


@dataclass(frozen=True, slots=True)
class VersionNote:
    """What a version says of itself in the change log."""

    version: str
    changes: str
    is_withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Facets:
    """How many studies carry a value: (modality, number), (site, number) …."""

    modalities: Sequence[tuple[str, int]]
    body_parts: Sequence[tuple[str, int]]
    sites: Sequence[tuple[str, int]]
    statuses: Sequence[tuple[str, int]]


def licence_text(title: str, licence: Licence) -> str:
    """``LICENSE.txt``: which licence, and where its text is."""
    return (
        f"{title}\n\nThis release is licensed under {licence.name} ({licence.spdx}).\n{licence.url}\n\n"
        "Nobody may try to identify the people whose images these are. The images are for research, not for diagnosis.\n"
    )


def changelog(title: str, notes: Iterable[VersionNote]) -> str:
    """``CHANGELOG.md``, newest version first."""
    lines = [
        f"# Changes of {title}",
        "",
        "MAJOR: data were changed or removed. MINOR: data were only added. PATCH: the same data, packed otherwise.",
    ]
    for note in notes:
        suffix = " (withdrawn)" if note.is_withdrawn else ""
        lines += ["", f"## {note.version}{suffix}", "", note.changes.strip() or "No notes."]
    return "\n".join(lines) + "\n"


def datasheet(
    title: str, description: str, counts: Counts, facets: Facets, annotations: Sequence[Mapping[str, Any]] = ()
) -> str:
    """``DATASHEET.md``: what is in the release, with denominators, and what is known of how it came about."""
    sections = [
        f"# Datasheet of {title}",
        description.strip() or "No description was given.",
        "## Composition",
        (
            f"{counts.subjects} subjects, {counts.studies} studies, {counts.series} series, {counts.instances} instances, "
            f"{readable_size(counts.size_bytes)}."
        ),
        _table("Modality", facets.modalities, "studies", counts.studies),
        _table("Body part", facets.body_parts, "studies", counts.studies),
        _table("Site", facets.sites, "subjects", counts.subjects),
        _table("COVID-19 status", facets.statuses, "subjects", counts.subjects),
        "## Collection and de-identification",
        (
            "Images were selected and de-identified inside the contributing hospitals under DICOM PS3.15 Annex E (Basic "
            "Profile with cleaned descriptors, modified dates, patient characteristics and device identity), reviewed by a "
            "person there, checked again by the same rules on arrival, and cleared one study at a time by a curator."
        ),
        (
            "Dates are shifted by one offset per person: intervals between a person's studies are true, dates are not. "
            "Identifiers were replaced by keyed pseudonyms whose keys never left the hospitals."
        ),
        (
            "`provenance.json` names, for each site, the profile with its digest, the engine that applied it, and the key by "
            "which the site vouches for what it did."
        ),
        *_expert_annotation(annotations),
        "## Use",
        (
            "For research. Not for diagnosis. Do not try to identify anybody. Contributing sites are not a random sample of "
            "hospitals, and their patients not a random sample of people: look at the tables above before generalising."
        ),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _expert_annotation(projects: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not projects:
        return
    yield "## Expert annotation"
    yield (
        "Readers worked blinded, known by pseudonyms; one answer was made of several by the project's policies and, where they "
        "left it open, by an adjudicator. Their masks and contours are DICOM segmentations and structure sets, their answers "
        "structured reports and `tables/annotation.parquet`; `provenance.json` has digests of all inputs. Dates of reading "
        "are true dates."
    )
    for one in projects:
        yield (
            f"- {one['title']}: schema {one['schema']}, {one['readers']} readers, {one['readers_per_case']} a case; "
            f"{one['readings']} readings and {one['consensus_readings']} consensus readings of {one['studies']} studies."
        )


def sha256sums(files: Iterable[FileEntry]) -> str:
    """``SHA256SUMS`` over the files of the folder, as ``sha256sum --check`` reads it."""
    return "".join(f"{entry.sha256}  {entry.path}\n" for entry in sorted(files, key=lambda entry: entry.path))


def readable_size(size_bytes: int) -> str:
    """A size for people, in binary units."""
    value, units = float(size_bytes), ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"]
    while value >= UNIT_STEP and len(units) > 1:
        value /= UNIT_STEP
        units.pop(0)
    return f"{size_bytes} bytes" if units[0] == "bytes" else f"{value:.1f} {units[0]}"


def _table(heading: str, rows: Sequence[tuple[str, int]], unit: str, total: int) -> str:
    if not rows:
        return ""
    lines = [f"| {heading} | {unit} of {total} |", "|---|---|"]
    lines += [f"| {_cell(value)} | {count} |" for value, count in rows]
    return "\n".join(lines)


def _cell(value: str) -> str:
    return value.replace("|", "/").replace("\n", " ") or "not given"
