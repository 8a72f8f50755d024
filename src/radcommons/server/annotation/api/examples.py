"""Example pictures of labels: given to whoever is asked by a schema, added by those who write them."""

from http import HTTPStatus
from typing import Any

from django.http import HttpResponse
from ninja import Router

from radcommons.server.annotation.errors import ExampleInvalidError
from radcommons.server.annotation.models import ExamplePicture
from radcommons.server.annotation.services.examples import LARGEST_BYTES, add_example
from radcommons.server.platform.doors import ActorRequest, door
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.policy import Action

router = Router(tags=["annotation: managing"])


@router.get("/examples/{sha256}", summary="An example picture", operation_id="get_example_picture")
@door(Action.ANNOTATION_EXAMPLE)
def get_example(request: ActorRequest, sha256: str) -> HttpResponse:  # noqa: ARG001 - ninja passes it
    """Return the picture that a label names by its digest."""
    row = ExamplePicture.objects.filter(sha256=sha256).first()
    if row is None:
        raise NotFoundError
    headers = {"Cache-Control": "private, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
    return HttpResponse(bytes(row.body), content_type=row.media_type, headers=headers)


@router.post(
    "/examples", summary="Add an example picture", operation_id="add_example_picture", response={201: dict[str, Any]}
)
@door(Action.ANNOTATION_MANAGE)
def post_example(request: ActorRequest) -> tuple[int, dict[str, Any]]:
    """Keep the PNG, JPEG or WebP that is the body of the request, written anew; returns the digest to be named."""
    length = request.headers.get("Content-Length", "")
    if not length.isdigit() or int(length) > LARGEST_BYTES:
        raise ExampleInvalidError
    row = add_example(request.body, actor=request.actor)
    return HTTPStatus.CREATED, {"sha256": row.sha256, "media_type": row.media_type}
