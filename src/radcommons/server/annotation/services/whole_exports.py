"""The verb by which a project's reads leave whole, as one file: the document they came in, MD.ai's, or a table."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from django.db import transaction

from radcommons.server.annotation.models import ReadingProject
from radcommons.server.annotation.queries import final
from radcommons.server.annotation.queries.parsed import schema_value
from radcommons.server.annotation.queries.projects import seen_project
from radcommons.server.annotation.rules.exporting import Member, WholeFormat
from radcommons.server.annotation.services.documents import Format
from radcommons.server.annotation.services.importing import exported
from radcommons.server.platform import audit
from radcommons.server.platform.policy import Actor
from radcommons.transfer.annotation.mdai_export import ExportHeader, export_mdai
from radcommons.transfer.annotation.tables import write_csv, write_parquet

_ENDINGS = {Format.LIDC: "xml", Format.MRALE: "csv"}


def begin_whole_export(slug: str, kind: WholeFormat, *, actor: Actor) -> Member:
    """Let somebody who may see a project's results take its reads away, and write down that it was done.

    Raises
    ------
    ForbiddenError, ReadsHereError, NotFoundError
        When the actor may not see the results, or the project did not come in as a document.
    """
    project = seen_project(slug, actor)
    data = WRITERS[kind](project)
    with transaction.atomic():
        facts = {"format": kind.value, "whose": "reads"}
        audit.record(actor, "annotation.exported", object_kind="project", object_id=project.slug, facts=facts)
    return Member(f"{project.slug}-{kind}.{_ending(project, kind)}", data)


def _ending(project: ReadingProject, kind: WholeFormat) -> str:
    if kind is WholeFormat.ORIGINAL:
        return _ENDINGS.get(Format(project.source["kind"]), "json")
    return {WholeFormat.MDAI: "json"}.get(kind, kind.value)


def _mdai(project: ReadingProject) -> bytes:
    at = project.made_at.isoformat(timespec="seconds").replace("+00:00", "Z")
    header = ExportHeader(project_id=project.slug, name=project.title, written_at=at)
    return export_mdai(schema_value(project.schema), list(final.reader_readings(project)), header)


def _csv(project: ReadingProject) -> bytes:
    return write_csv(schema_value(project.schema), list(final.reader_readings(project)))


def _parquet(project: ReadingProject) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "reads.parquet"
        write_parquet(schema_value(project.schema), list(final.reader_readings(project)), path)
        return path.read_bytes()


WRITERS: Mapping[WholeFormat, Callable[[ReadingProject], bytes]] = MappingProxyType(
    {WholeFormat.ORIGINAL: exported, WholeFormat.MDAI: _mdai, WholeFormat.CSV: _csv, WholeFormat.PARQUET: _parquet}
)
