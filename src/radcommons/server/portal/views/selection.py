"""The chosen part of a version as a list of series, for downloaders and for tables."""

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from radcommons.server.access.nbia.formats import encode
from radcommons.server.access.nbia.manifests import MEDIA_TYPE, tcia_manifest
from radcommons.server.platform.doors import ActorRequest, door
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.policy import Action
from radcommons.server.platform.settings import settings
from radcommons.server.releases.holdings import selected_series, selection_of
from radcommons.server.releases.reading import readable_release

CSV_COLUMNS = (
    "SeriesInstanceUID",
    "StudyInstanceUID",
    "SubjectID",
    "Modality",
    "BodyPartExamined",
    "SliceThicknessMm",
    "Instances",
    "SizeBytes",
)


@require_safe
@door(Action.RELEASES_READ)
def selection(request: ActorRequest, slug: str, version: str, kind: str) -> HttpResponse:
    """The series that the address chooses: ``csv`` with a line each, or ``tcia`` for NBIA's downloaders."""
    release = readable_release(slug, version, request.actor)
    name = f"{release.slug}-{release.version}-selection"
    rows = selected_series(release, selection_of(release, dict(request.GET.lists())))
    if kind == "tcia":
        origin = settings().public_url.rstrip("/")
        uids = [row[0] for row in rows]
        body, media_type = tcia_manifest(uids, origin=origin, name=name, has_annotations=False).encode(), MEDIA_TYPE
    elif kind == "csv":
        written = encode("CSVQUOTED", CSV_COLUMNS, rows)
        body, media_type = written.body if written else b"", "text/csv; charset=utf-8"
    else:
        raise NotFoundError
    headers = {"Content-Disposition": f'attachment; filename="{name}.{kind}"'}
    return HttpResponse(body, content_type=media_type, headers=headers)
