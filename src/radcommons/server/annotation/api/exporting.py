"""A project's reads and labels as downloads in the formats of other programs."""

import json
from collections.abc import AsyncIterator, Iterator

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse, StreamingHttpResponse
from ninja import Field, Query, Router, Schema

from radcommons.server.annotation.rules.exporting import ExportFormat, Member, WholeFormat, Whose
from radcommons.server.annotation.services.exporting import Export, begin_export
from radcommons.server.annotation.services.whole_exports import begin_whole_export
from radcommons.server.annotation.zip_stream import zipped
from radcommons.server.platform.doors import ActorRequest, door
from radcommons.server.platform.policy import Action

router = Router(tags=["annotation: results"])
ACCOUNT = "left-out.json"


class ExportIn(Schema):
    """What of a project is wanted."""

    of: Whose = Field(Whose.ALL, description="reads, labels or all")


@router.post("/managed/{slug}/exports/{kind}", summary="Reads for other programs", operation_id="export_reads")
@door(Action.ANNOTATION_SEE)
def export(request: ActorRequest, slug: str, kind: ExportFormat, wish: Query[ExportIn]) -> StreamingHttpResponse:
    """Return a ZIP archive, sent while it is made; ``left-out.json`` in it counts what the format has no place for.

    It is a POST because it is written down who took what away.
    """
    made = begin_export(slug, kind, wish.of, actor=request.actor)
    pieces = zipped(_with_account(made))
    # Under ASGI Django would first gather everything that is not asynchronous.
    content = _one_by_one(pieces) if isinstance(request, ASGIRequest) else pieces
    answer = StreamingHttpResponse(content, content_type="application/zip")
    answer["Content-Disposition"] = f'attachment; filename="{made.name}"'
    return answer


@router.post("/managed/{slug}/whole/{kind}", summary="Reads whole, as one file", operation_id="export_whole")
@door(Action.ANNOTATION_SEE)
def export_whole(request: ActorRequest, slug: str, kind: WholeFormat) -> HttpResponse:
    """Return every submitted read: the document that was imported, MD.ai's JSON, or one row an answer as CSV or Parquet."""
    made = begin_whole_export(slug, kind, actor=request.actor)
    answer = HttpResponse(made.data, content_type="application/octet-stream")
    answer["Content-Disposition"] = f'attachment; filename="{made.name}"'
    return answer


def _with_account(made: Export) -> Iterator[Member]:
    yield from made.members()
    yield Member(ACCOUNT, json.dumps(made.account.to_json(), indent=2).encode() + b"\n")


async def _one_by_one(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    following = sync_to_async(lambda: next(pieces, None))
    while (piece := await following()) is not None:
        yield piece
