"""The expert annotations of a release: of which projects its segmentations and reports are, and their answers as a table.

Only readings of which an object is in the release: who is not released has no row in its tables.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from radcommons.server.annotation.models import (
    CaseInstance,
    Consensus,
    Decision,
    PublishedObject,
    PublishedReading,
    ReadingProject,
)
from radcommons.server.annotation.queries.published import replaced_objects
from radcommons.server.annotation.rules.adjudicating import CODE_VERSION
from radcommons.server.annotation.rules.states import ReaderKind
from radcommons.server.archive.models import Instance, InstanceState
from radcommons.server.releases.models import Release, ReleaseInstance
from radcommons.server.releases.tables import ANNOTATION, ANNOTATION_PARQUET
from radcommons.transfer.annotation.tables import Cell, csv_of, parquet_of
from radcommons.transfer.release.canonical import canonical_json, sha256_hex

CSV, MIDRC, CONSENSUS = (
    "tables/annotation.csv",
    "annotations/midrc-annotation.json",
    "annotations/consensus.json",
)
# What a derived consensus says of single studies.
_OF_STUDIES = ("answers", "posterior")


@dataclass(frozen=True, slots=True)
class Annotations:
    """What a release says of its annotations.

    Parameters
    ----------
    rows
        Of the table, under :data:`ANNOTATION`.
    midrc
        Records of the annotation node of MIDRC's dictionary.
    projects
        Where they come from, one entry a reading project.
    consensus
        What was derived by Dawid and Skene's method, STAPLE or majority, one entry a derivation, with the readers' skill.
    """

    rows: tuple[tuple[Cell, ...], ...] = ()
    midrc: tuple[Mapping[str, Any], ...] = ()
    projects: tuple[Mapping[str, Any], ...] = ()
    consensus: tuple[Mapping[str, Any], ...] = ()

    def write(self, folder: Path) -> None:
        """Write the files of a release; none where it has no annotation."""
        if not self.projects:
            return
        parquet_of(ANNOTATION, self.rows, folder / ANNOTATION_PARQUET)
        (folder / CSV).write_bytes(csv_of(ANNOTATION, self.rows))
        files = {
            MIDRC: self.midrc,
            CONSENSUS: self.consensus,
        }
        for name, rows in files.items():
            if rows:
                (folder / name).parent.mkdir(exist_ok=True)
                (folder / name).write_bytes(canonical_json(list(rows)) + b"\n")


NO_ANNOTATIONS = Annotations()


def annotations_of(release: Release) -> Annotations:
    """The annotations of a release, in an order that depends on nothing but them."""
    members = ReleaseInstance.objects.filter(release=release).values("instance__sop_instance_uid")
    made = PublishedObject.objects.filter(sop_instance_uid__in=members)
    readings = list(
        PublishedReading.objects.filter(Exists(made.filter(reading=OuterRef("pk"))))
        .select_related("case", "publication__project__schema")
        .order_by("publication__project__slug", "case__study_instance_uid", "reader", "reading_sha256")
    )
    reports = dict(made.filter(kind="sr").values_list("reading", "sop_instance_uid"))
    return Annotations(
        rows=tuple(row for reading in readings for row in _rows(reading, reports.get(reading.pk, ""))),
        midrc=tuple(reading.midrc for reading in readings if reading.midrc is not None),
        projects=tuple(_projects(readings, made)),
        consensus=tuple(_consensus(readings)),
    )


def _consensus(readings: Sequence[PublishedReading]) -> Iterator[dict[str, Any]]:
    """The latest of each derivation on the released studies; nothing is said of any other study, and no note goes along."""
    cases = {reading.case_id: reading.case.study_instance_uid for reading in readings}
    rows = Consensus.objects.filter(project__in={reading.publication.project_id for reading in readings})
    rows = rows.filter(Q(case=None) | Q(case__in=cases)).select_related("project")
    found: dict[tuple[str, str, str, str], Consensus] = {}
    for row in rows.order_by("made_at"):
        found[row.project.slug, row.method, row.label, cases.get(row.case_id or 0, "")] = row
    released = set(cases.values())
    for (project, method, label, study), row in sorted(found.items()):
        told = {name: value for name, value in row.result.items() if name not in _OF_STUDIES}
        if "items" in told:
            told["items"] = [{**item, "foreign": "", "note": ""} for item in told["items"]]
        for name in set(_OF_STUDIES) & row.result.keys():
            told[name] = {uid: value for uid, value in row.result[name].items() if uid in released}
        yield {
            "project": project,
            "method": method,
            "label": label,
            "study_instance_uid": study,
            "code_version": row.code_version,
            "inputs_sha256": row.inputs_sha256,
            **told,
        }


def _rows(reading: PublishedReading, report: str) -> Iterator[tuple[Cell, ...]]:
    slug = reading.publication.project.slug
    return ((slug, *cells, report) for cells in reading.table_rows)


def _projects(readings: Sequence[PublishedReading], made: QuerySet[PublishedObject]) -> Iterator[dict[str, Any]]:
    for _, group in groupby(readings, key=lambda reading: reading.publication.project.slug):
        own = list(group)
        project = own[0].publication.project
        objects = made.filter(reading__in=own)
        yield {
            **_facts(project),
            "software": sorted({f"RadCommons {reading.publication.software_version}" for reading in own}),
            "methods": sorted({reading.method for reading in own}),
            "studies": len({reading.case_id for reading in own}),
            "readings": sum(not reading.is_consensus for reading in own),
            "consensus_readings": sum(reading.is_consensus for reading in own),
            "readings_sha256": sha256_hex(canonical_json(sorted(reading.reading_sha256 for reading in own))),
            "consensus_inputs": {
                reading.case.study_instance_uid: reading.inputs for reading in own if reading.is_consensus
            },
            "objects": {kind: objects.filter(kind=kind).count() for kind in ("rtstruct", "seg", "sr")},
        }


def _facts(project: ReadingProject) -> dict[str, Any]:
    """How a project was read, and how one answer was made of several."""
    readers = project.readers.filter(tasks__submission__isnull=False).distinct()
    return {
        "project": project.slug,
        "title": project.title,
        "schema": f"{project.schema.name}/{project.schema.version}",
        "schema_sha256": project.schema.digest,
        "cases_sha256": project.cohort_digest,
        "readers": readers.exclude(kind=ReaderKind.MODEL).count(),
        "readers_per_case": project.readers_per_case,
        "algorithms": sorted(readers.filter(kind=ReaderKind.MODEL).values_list("software", flat=True)),
        "consensus": {
            "policies": {label: policy.get("policy", "") for label, policy in sorted(project.policies.items())},
            "code_version": CODE_VERSION,
            "decisions": Decision.objects.filter(case__project=project).count(),
        },
    }


def left_behind(release: Release) -> int:
    """How many annotation objects of the release's own studies are in the archive, not replaced, and not in the release."""
    members = ReleaseInstance.objects.filter(release=release)
    stored = Instance.objects.filter(sop_instance_uid=OuterRef("sop_instance_uid"), state=InstanceState.STORED)
    own = PublishedObject.objects.filter(
        Exists(stored), reading__case__study__in=members.values("instance__series__study")
    )
    own = own.exclude(pk__in=replaced_objects().values("pk"))
    return own.exclude(sop_instance_uid__in=members.values("instance__sop_instance_uid")).count()


def without_images(release: Release) -> int:
    """How many annotation objects are in the release without any image that was read for them."""
    members = ReleaseInstance.objects.filter(release=release)
    images = CaseInstance.objects.filter(case=OuterRef("reading__case"), instance__in=members.values("instance"))
    made = PublishedObject.objects.filter(sop_instance_uid__in=members.values("instance__sop_instance_uid"))
    return made.filter(~Exists(images)).count()
