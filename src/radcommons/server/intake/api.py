"""The wire of the intake: open a batch, seal it, ask what became of it. The bytes of parts go by :mod:`.upload`."""

from http import HTTPStatus

from django.http import JsonResponse
from ninja import Router

from radcommons.server.intake import queries, services, staging
from radcommons.server.platform.doors import ActorRequest, door
from radcommons.server.platform.policy import Action
from radcommons.transfer.parts import MEDIA_TYPE
from radcommons.transfer.summary import MAXIMUM_ENVELOPE_BYTES

router = Router(tags=["intake"])

MAXIMUM_MANIFEST_BYTES = 512 * 2**20


@router.post("/batches", summary="Open a batch by its manifest")
@door(Action.INTAKE_SEND)
def open_batch(request: ActorRequest) -> JsonResponse:
    """Record a batch, or find it again, and tell which parts are missing."""
    with staging.spooled(request, MAXIMUM_MANIFEST_BYTES) as path:
        opened = services.open_batch(path, actor=request.actor)
    answer = {
        "batch_id": opened.batch.batch_id,
        "state": opened.batch.state,
        "missing": list(opened.missing),
        "parts_media_type": MEDIA_TYPE,
    }
    return JsonResponse(answer, status=HTTPStatus.CREATED if opened.is_new else HTTPStatus.OK)


@router.post("/batches/{batch_id}/seal", summary="Declare a batch complete")
@door(Action.INTAKE_SEND)
def seal_batch(request: ActorRequest, batch_id: str) -> JsonResponse:
    """Take the signed summary of a complete batch, and put its verification into the queue."""
    envelope = request.read(MAXIMUM_ENVELOPE_BYTES + 1)
    batch = services.seal_batch(batch_id, envelope=envelope, actor=request.actor)
    return JsonResponse({"batch_id": batch.batch_id, "state": batch.state}, status=HTTPStatus.ACCEPTED)


@router.get("/batches/{batch_id}", summary="What became of a batch")
@door(Action.INTAKE_READ_BATCH)
def get_batch(request: ActorRequest, batch_id: str) -> JsonResponse:
    """State, counts, findings by code and the state of each study."""
    return JsonResponse(queries.batch_json(queries.batch_for(batch_id, request.actor)))
