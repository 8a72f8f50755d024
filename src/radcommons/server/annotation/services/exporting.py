"""The verb by which reads leave in the formats of other programs: it is allowed, written down, and then streamed."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from django.db import transaction

from radcommons.server.annotation.errors import ProjectInvalidError
from radcommons.server.annotation.models import ReadingProject
from radcommons.server.annotation.queries.exporting import members
from radcommons.server.annotation.queries.projects import seen_project
from radcommons.server.annotation.rules.exporting import ExportAccount, ExportFormat, Member, Whose
from radcommons.server.platform import audit
from radcommons.server.platform.policy import Actor
from radcommons.transfer.annotation.mrale_csv import SCHEMA_NAME
from radcommons.transfer.annotation.ready import ready_schema


@dataclass(frozen=True, slots=True)
class Export:
    """An export that may begin; its account is whole when its last file was taken."""

    project: ReadingProject
    format: ExportFormat
    whose: Whose
    account: ExportAccount = field(default_factory=ExportAccount)

    @property
    def name(self) -> str:
        """What a download is called."""
        return f"{self.project.slug}-{self.format}.zip"

    def members(self) -> Iterator[Member]:
        """Its files, one after the other."""
        return members(self.project, self.format, self.whose, self.account)


def begin_export(slug: str, kind: ExportFormat, whose: Whose, *, actor: Actor) -> Export:
    """Let somebody who may see a project's results take them away, and write down that it was done.

    Raises
    ------
    ForbiddenError, ReadsHereError, NotFoundError
        When the actor may not see the results: see :func:`seen_project`.
    ProjectInvalidError
        When the format is for another schema.
    """
    project = seen_project(slug, actor)
    reference = ready_schema(SCHEMA_NAME).reference
    if kind is ExportFormat.MRALE and (project.schema.name, project.schema.version) != (
        reference.name,
        reference.version,
    ):
        raise ProjectInvalidError(f"MIDRC's mRALE table holds answers to {reference}, which this project does not ask.")
    facts = {"format": kind.value, "whose": whose.value}
    with transaction.atomic():
        audit.record(actor, "annotation.exported", object_kind="project", object_id=project.slug, facts=facts)
    return Export(project, kind, whose)
