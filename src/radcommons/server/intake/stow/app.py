"""``POST /dicom-web/intake/<site>/<project>/studies[/<study>]``: a site stores its own instances (PS3.18 10.5).

Only a bearer token says who stores: a browser sends its session along from anybody's page, and a form can post here.
"""

import asyncio
from collections.abc import Callable, Mapping
from http import HTTPStatus
from types import MappingProxyType
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from radcommons.deid.profile import DEFAULT_PROFILE
from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.dicom.uids import is_harmless_uid
from radcommons.server.archive.dicomweb.accept import choose, parse_accept
from radcommons.server.archive.dicomweb.capabilities import WADL, description
from radcommons.server.archive.errors import NotAcceptableError
from radcommons.server.archive.origin import origin_of
from radcommons.server.intake import services
from radcommons.server.intake.admissions import Admissions
from radcommons.server.intake.models import PartState
from radcommons.server.intake.services import DirectResult, DirectUpload
from radcommons.server.intake.stow import answer
from radcommons.server.intake.stow.answer import Answered, FailureReason
from radcommons.server.intake.stow.receiving import ContentEncodingError, FilesReceiver
from radcommons.server.intake.threads import fed, in_pool
from radcommons.server.platform.actors import actor_of_request
from radcommons.server.platform.errors import InvalidError
from radcommons.server.platform.policy import Action, admit
from radcommons.server.platform.problems import status_of
from radcommons.server.platform.settings import settings

Uploads = Admissions[tuple[str | None, str, str, str], DirectUpload]
RETRY_AFTER_S = 300
ALLOWED = "GET, HEAD, OPTIONS, POST"
_SERVED = (answer.DICOM_JSON, answer.JSON, answer.DICOM_XML)
# What a person at the centre is asked about; everything else that was found is a rule that the file breaks.
_FOR_A_PERSON = frozenset({"deid.suspicious-text", "intake.pixel-text-not-checked"})
_BY_CODE: Mapping[str, FailureReason] = MappingProxyType(
    {
        "archive.instance-conflict": FailureReason.DUPLICATE_SOP_INSTANCE,
        "archive.study-of-another-site": FailureReason.NOT_AUTHORISED,
        "archive.study-of-another-subject": FailureReason.DOES_NOT_MATCH,
        "archive.series-of-another-study": FailureReason.DOES_NOT_MATCH,
        "dicom.unknown-transfer-syntax": FailureReason.TRANSFER_SYNTAX,
        "isolation.crashed": FailureReason.PROCESSING_FAILURE,
        "isolation.failed": FailureReason.PROCESSING_FAILURE,
        "isolation.memory": FailureReason.PROCESSING_FAILURE,
        "isolation.timeout": FailureReason.PROCESSING_FAILURE,
    }
)


def stow_app(rights: Callable[[], int | None]) -> Starlette:
    """The routes to be mounted beside DICOMweb; ``rights`` as :class:`~radcommons.server.intake.admissions.Admissions` has it."""
    uploads: Uploads = Admissions(rights)

    async def store(request: Request) -> Response:
        try:
            return await _store(uploads, request)
        except ClientDisconnect:
            # Nobody is there to read an answer; nothing of the request was kept.
            return Response(status_code=400)
        except RadCommonsError as error:
            return _refusal(error)

    async def capabilities(request: Request) -> Response:
        root = _root(request, request.path_params["site"], request.path_params["project"])
        return Response(description(root, may_store=True), media_type=WADL, headers={"Allow": "OPTIONS"})

    async def allowed(_: Request) -> Response:
        return Response(status_code=HTTPStatus.NO_CONTENT, headers={"Allow": ALLOWED})

    root = "/dicom-web/intake/{site}/{project}"
    places = (f"{root}/studies", f"{root}/studies/{{study}}")
    return Starlette(
        routes=[
            Route(root, capabilities, methods=["OPTIONS"]),
            *(Route(path, store, methods=["POST"]) for path in places),
            *(Route(path, allowed, methods=["OPTIONS"]) for path in places),
        ]
    )


def _refusal(error: RadCommonsError) -> Response:
    status = HTTPStatus.NOT_ACCEPTABLE if isinstance(error, NotAcceptableError) else status_of(error)
    status = HTTPStatus.BAD_REQUEST if error.kind is Kind.INVALID else status
    headers = {"Cache-Control": "no-store"}
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = str(RETRY_AFTER_S)
    if isinstance(error, ContentEncodingError):
        headers["Accept-Encoding"] = "identity"
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(error.to_json(), status_code=status, headers=headers)


async def _store(uploads: Uploads, request: Request) -> Response:
    wanted = choose(parse_accept(request.headers.get("accept")), _SERVED)
    study = request.path_params.get("study", "")
    if study and not is_harmless_uid(study):
        raise InvalidError("intake.study-uid", "The address names no Study Instance UID.")
    opening = asyncio.ensure_future(in_pool(_opened, uploads, request))
    if "expect" in request.headers:
        # Who waits to be told to go on (RFC 9110 10.1.1) need not send a body that is refused.
        await opening
    try:
        rest = await fed(request.stream(), lambda pieces: opening.result()[1].feed(pieces), after=opening)  # noqa: PLW0108
        upload, receiver = await opening
        answers = await in_pool(_stored, upload, receiver, rest, study, request.headers.get("user-agent", ""))
    finally:
        if opening.exception() is None:
            await in_pool(opening.result()[1].close)
    return _response(request, upload, answers, wanted)


def _opened(uploads: Uploads, request: Request) -> tuple[DirectUpload, FilesReceiver]:
    authorization, parameters = request.headers.get("authorization"), request.path_params
    asked = parameters["site"], parameters["project"], request.query_params.get("profile", DEFAULT_PROFILE)

    def decided() -> DirectUpload:
        actor = actor_of_request(authorization=authorization, session_key=None)
        admit(actor, Action.INTAKE_STORE)
        site, project, profile = asked
        return services.open_direct_upload(site, project, profile=profile, actor=actor)

    upload = uploads.get((authorization, *asked), decided)
    return upload, FilesReceiver(request.headers, upload)


def _stored(
    upload: DirectUpload, receiver: FilesReceiver, rest: list[bytes], study: str, software: str
) -> list[Answered]:
    receiver.feed(rest)
    results = services.store_directly(upload, receiver.finish(), study_instance_uid=study, software=software)
    return [_answered(result, study) for result in results]


def _answered(result: DirectResult, study: str) -> Answered:
    item = result.description
    if item is None:
        return Answered(failure=_first_of(result, FailureReason.CANNOT_UNDERSTAND))
    failure = None
    if not result.state and study not in ("", item.study_instance_uid):
        failure = FailureReason.NOT_THIS_STUDY
    elif result.state == PartState.DISCARDED:
        failure = FailureReason.DISCARDED
    elif not result.is_accepted:
        failure = _first_of(result, FailureReason.NOT_DEIDENTIFIED)
    return Answered(
        item.sop_class_uid,
        item.sop_instance_uid,
        item.study_instance_uid,
        item.series_instance_uid,
        failure,
        has_warning=failure is None and any(each.code.startswith("dicom.") for each in result.findings),
    )


def _first_of(result: DirectResult, otherwise: FailureReason) -> FailureReason:
    """The reason for the errors of a file: the first that has one of its own; a person's question only if it is the only one."""
    codes = [each.code for each in result.findings if each.is_error]
    own = next((_BY_CODE[code] for code in codes if code in _BY_CODE), None)
    if own is not None:
        return own
    return FailureReason.WAITS_FOR_PERSON if codes and _FOR_A_PERSON.issuperset(codes) else otherwise


def _root(request: Request, site_code: str, project: str) -> str:
    return f"{origin_of(request, settings().public_url)}/dicom-web/intake/{quote(site_code)}/{quote(project)}"


def _response(request: Request, upload: DirectUpload, answers: list[Answered], wanted: str) -> Response:
    origin = origin_of(request, settings().public_url)
    found = answer.response(answers, _root(request, upload.site.code, upload.project))
    body = answer.as_xml(found) if wanted == answer.DICOM_XML else answer.as_json(found)
    headers = {
        "Cache-Control": "no-store",
        # What was found in each file, by the words of this house.
        "Link": f'<{origin}/api/v1/intake/batches/{upload.batch_id}>; rel="describedby"; type="application/json"',
    }
    return Response(body, status_code=answer.status_of(answers), media_type=wanted, headers=headers)
