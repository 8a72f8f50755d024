"""The one hot path of the intake: taking the bytes of a part.

A small Starlette application beside Django: the body is streamed to the staging folder while it is hashed, in constant
memory; nothing of it is ever parsed here.
"""

import time
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from radcommons.dicom.errors import RadCommonsError
from radcommons.server.intake.errors import DigestMismatchError, DiskFullError, PartTooLargeError
from radcommons.server.intake.services import PartTicket, StagedParts, batch_to_receive, part_to_receive
from radcommons.server.intake.staging import PartSink
from radcommons.server.intake.threads import in_pool
from radcommons.server.platform.actors import actor_of_request
from radcommons.server.platform.policy import Action, admit
from radcommons.server.platform.problems import status_of

WRITE_BYTES = 1 << 20
DRAIN_BYTES = 8 << 20
# What a site may no longer do it may no longer do after so long; sealing asks anew.
REMEMBERED_S = 5.0


class Admissions:
    """Who may send parts of which batch, remembered for seconds: a batch is thousands of requests of one sender."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], tuple[float, int]] = {}

    def batch_pk(self, authorization: str | None, batch_id: str) -> int:
        """The batch's number.

        Raises
        ------
        UnauthenticatedError, ForbiddenError, NotFoundError
            As for any request of the sender.
        """
        now, visitor = time.monotonic(), (authorization or "", batch_id)
        until, batch_pk = self._known.get(visitor, (0.0, 0))
        if until < now:
            actor = actor_of_request(authorization=authorization, session_key=None)
            admit(actor, Action.INTAKE_SEND)
            batch_pk = batch_to_receive(batch_id, actor=actor)
            self._known = {key: entry for key, entry in self._known.items() if entry[0] >= now}
            self._known[visitor] = (now + REMEMBERED_S, batch_pk)
        return batch_pk


_admissions = Admissions()
_staged = StagedParts()


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
    parameters = request.path_params
    batch_pk = _admissions.batch_pk(request.headers.get("authorization"), parameters["batch_id"])
    ticket = part_to_receive(batch_pk, parameters["sha256"])
    announced = request.headers.get("content-length", "")
    if not ticket.is_there and announced.isdigit() and int(announced) > ticket.size_bytes:
        raise PartTooLargeError(ticket.size_bytes)
    return ticket


async def _receive(request: Request, ticket: PartTicket) -> None:
    sink = PartSink(ticket.batch_id, ticket.sha256, size_bytes=ticket.size_bytes)
    try:
        waiting: list[bytes] = []
        size_bytes = 0
        async for chunk in request.stream():
            waiting.append(chunk)
            size_bytes += len(chunk)
            if size_bytes >= WRITE_BYTES:
                await in_pool(sink.write, *waiting)
                waiting, size_bytes = [], 0
        await in_pool(_finish, sink, waiting, ticket)
    finally:
        if not sink.is_closed:
            await in_pool(sink.abort)


def _finish(sink: PartSink, rest: list[bytes], ticket: PartTicket) -> None:
    sink.write(*rest)
    sink.commit()
    _staged.note(ticket)


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
