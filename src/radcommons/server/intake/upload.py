"""The one hot path of the intake: taking the bytes of a part.

A small Starlette application beside Django: the body is streamed to the staging folder while it is hashed, in constant
memory; nothing of it is ever parsed here.
"""

from http import HTTPStatus

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from radcommons.dicom.errors import RadCommonsError
from radcommons.server.intake.errors import DigestMismatchError, DiskFullError, PartTooLargeError
from radcommons.server.intake.services import PartTicket, part_to_receive, record_part_staged
from radcommons.server.intake.staging import PartSink
from radcommons.server.intake.threads import in_pool
from radcommons.server.platform.actors import actor_of_request
from radcommons.server.platform.policy import Action, admit
from radcommons.server.platform.problems import status_of

WRITE_BYTES = 1 << 20
DRAIN_BYTES = 8 << 20


async def put_part(request: Request) -> Response:
    """``PUT …/parts/{sha256}``: 201 when kept, 200 when it was there, otherwise the refusal as JSON."""
    try:
        ticket = await in_pool(_ticket, request)
        if ticket.is_there:
            await _drain(request)
            return JSONResponse({"state": "staged"}, status_code=HTTPStatus.OK)
        await _receive(request, ticket)
    except ClientDisconnect:
        # Nobody is there to read an answer; the sender comes back with the same part.
        return Response(status_code=HTTPStatus.BAD_REQUEST)
    except RadCommonsError as error:
        return JSONResponse(error.to_json(), status_code=_status(error))
    return JSONResponse({"state": "staged"}, status_code=HTTPStatus.CREATED)


def _ticket(request: Request) -> PartTicket:
    actor = actor_of_request(authorization=request.headers.get("authorization"), session_key=None)
    admit(actor, Action.INTAKE_SEND)
    batch_id, sha256 = request.path_params["batch_id"], request.path_params["sha256"]
    ticket = part_to_receive(batch_id, sha256, actor=actor)
    announced = request.headers.get("content-length", "")
    if not ticket.is_there and announced.isdigit() and int(announced) > ticket.size_bytes:
        raise PartTooLargeError(ticket.size_bytes)
    return ticket


async def _receive(request: Request, ticket: PartTicket) -> None:
    sink = await in_pool(PartSink, ticket.batch_id, ticket.sha256, size_bytes=ticket.size_bytes)
    try:
        waiting = bytearray()
        async for chunk in request.stream():
            waiting += chunk
            if len(waiting) >= WRITE_BYTES:
                await in_pool(sink.write, bytes(waiting))
                waiting.clear()
        await in_pool(_finish, sink, bytes(waiting), ticket)
    finally:
        await in_pool(sink.abort)


def _finish(sink: PartSink, rest: bytes, ticket: PartTicket) -> None:
    sink.write(rest)
    sink.commit()
    record_part_staged(ticket)


async def _drain(request: Request) -> None:
    """Read a small body that is not needed: a client that is still sending would miss the answer."""
    read = 0
    async for chunk in request.stream():
        read += len(chunk)
        if read > DRAIN_BYTES:
            return


def _status(error: RadCommonsError) -> int:
    if isinstance(error, DigestMismatchError):
        return HTTPStatus.BAD_REQUEST
    if isinstance(error, DiskFullError):
        return HTTPStatus.INSUFFICIENT_STORAGE
    return status_of(error)


upload_app = Starlette(routes=[Route("/api/v1/intake/batches/{batch_id}/parts/{sha256}", put_part, methods=["PUT"])])
