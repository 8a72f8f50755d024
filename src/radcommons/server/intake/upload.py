"""The one hot path of the intake: taking the bytes of parts, many a request or one.

A small Starlette application beside Django: the body is streamed to the staging folder while it is hashed, in constant
memory; nothing of it is ever parsed here.
"""

from collections.abc import Callable
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from radcommons.dicom.errors import RadCommonsError
from radcommons.server.intake.admissions import Admissions
from radcommons.server.intake.arriving import Arrival
from radcommons.server.intake.errors import DigestMismatchError, DiskFullError, PartTooLargeError
from radcommons.server.intake.services import PartTicket, batch_to_receive, parts_to_receive
from radcommons.server.intake.threads import fed, in_pool
from radcommons.server.platform.actors import actor_of_request
from radcommons.server.platform.policy import Action, admit
from radcommons.server.platform.problems import status_of

DRAIN_BYTES = 8 << 20
Senders = Admissions[tuple[str | None, str], int]


async def _take_parts(senders: Senders, request: Request) -> Response:
    """``POST …/parts``: 200 with the digests that are still missing, otherwise the refusal as JSON."""
    try:
        arrival = Arrival(await in_pool(_batch_pk, senders, request))
        missing = await _received(request, arrival)
    except ClientDisconnect:
        # Nobody is there to read an answer; the sender comes back and asks what arrived.
        return Response(status_code=HTTPStatus.BAD_REQUEST)
    except RadCommonsError as error:
        return JSONResponse(error.to_json(), status_code=_status(error))
    return JSONResponse({"missing": missing})


async def _put_part(senders: Senders, request: Request) -> Response:
    """``PUT …/parts/{sha256}``: 201 when kept, 200 when it was there, otherwise the refusal as JSON."""
    try:
        ticket = await in_pool(_ticket, senders, request)
        if ticket.is_there:
            await _drain(request)
            return JSONResponse({"state": "staged"}, status_code=HTTPStatus.OK)
        if await _received(request, Arrival(ticket.batch_pk, [ticket])):
            raise DigestMismatchError
    except ClientDisconnect:
        return Response(status_code=HTTPStatus.BAD_REQUEST)
    except RadCommonsError as error:
        return JSONResponse(error.to_json(), status_code=_status(error))
    return JSONResponse({"state": "staged"}, status_code=HTTPStatus.CREATED)


def _batch_pk(senders: Senders, request: Request) -> int:
    """The batch's number, for who may send parts of it."""
    authorization, batch_id = request.headers.get("authorization"), request.path_params["batch_id"]

    def decided() -> int:
        actor = actor_of_request(authorization=authorization, session_key=None)
        admit(actor, Action.INTAKE_SEND)
        return batch_to_receive(batch_id, actor=actor)

    return senders.get((authorization, batch_id), decided)


def _ticket(senders: Senders, request: Request) -> PartTicket:
    (ticket,) = parts_to_receive(_batch_pk(senders, request), [request.path_params["sha256"]])
    announced = request.headers.get("content-length", "")
    if not ticket.is_there and announced.isdigit() and int(announced) > ticket.size_bytes:
        raise PartTooLargeError(ticket.size_bytes)
    return ticket


async def _received(request: Request, arrival: Arrival) -> tuple[str, ...]:
    """Hand a body over; the digests that did not come. What came whole before the line broke need not come again."""
    try:
        rest = await fed(request.stream(), arrival.feed)
        return await in_pool(_finished, arrival, rest)
    finally:
        await in_pool(arrival.close)


def _finished(arrival: Arrival, rest: list[bytes]) -> tuple[str, ...]:
    arrival.feed(rest)
    return arrival.finish()


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


_PARTS = "/api/v1/intake/batches/{batch_id}/parts"


def upload_app(rights: Callable[[], int | None]) -> Starlette:
    """The routes to be mounted beside Django; ``rights`` as :class:`~.admissions.Admissions` has it."""
    senders: Senders = Admissions(rights)

    async def take_parts(request: Request) -> Response:
        return await _take_parts(senders, request)

    async def put_part(request: Request) -> Response:
        return await _put_part(senders, request)

    return Starlette(
        routes=[Route(_PARTS, take_parts, methods=["POST"]), Route(_PARTS + "/{sha256}", put_part, methods=["PUT"])]
    )
