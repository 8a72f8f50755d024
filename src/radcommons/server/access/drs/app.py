"""GA4GH Data Repository Service 1.5, at ``/ga4gh/drs/v1``: every published file and level under an identifier of its own.

An instance is named by its SHA-256. A version, a study and a series of it are bundles: ``slug~version``,
``slug~version~study~UID`` and ``slug~version~series~UID``. Nothing behind an identifier ever changes.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from radcommons import __version__
from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.server.access.drs.objects import Json, drs_object
from radcommons.server.access.errors import TooManyObjectsError
from radcommons.server.archive.threads import in_pool
from radcommons.server.platform.errors import InvalidError, NotFoundError
from radcommons.server.platform.policy import Action, Actor, admit
from radcommons.server.platform.problems import status_of
from radcommons.server.platform.settings import settings
from radcommons.server.releases.reading import readable_by

ActorResolver = Callable[[Request], Actor]

SPECIFICATION = "1.5.0"
MOST_AT_ONCE = 200
MOST_BODY_BYTES = 1 << 20
_HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
    "Vary": "Authorization, Cookie",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request with its body, and who asks."""

    request: Request
    body: Json
    actor: Actor

    @property
    def named(self) -> str:
        """The identifier in the address."""
        return str(self.request.path_params["object_id"])


Work = Callable[[Asked], Json]


def drs_app(resolve_actor: ActorResolver) -> Starlette:
    """The application to be mounted at ``/ga4gh/drs/v1``."""

    def route(path: str, methods: Sequence[str], work: Work) -> Route:
        async def serve(request: Request) -> Response:
            try:
                actor, document = await in_pool(decided, request, await _body(request), work)
            except RadCommonsError as error:
                return _problem(error)
            return _json(document, is_kept=not actor.is_authenticated)

        return Route(path, serve, methods=list(methods))

    def decided(request: Request, body: Json, work: Work) -> tuple[Actor, Json]:
        actor = resolve_actor(request)
        admit(actor, Action.RELEASES_READ)
        return actor, work(Asked(request, body, actor))

    return Starlette(
        routes=[
            route("/service-info", ["GET"], lambda _: service_info()),
            route("/objects", ["POST"], _bulk),
            route("/objects/access", ["POST"], _bulk_access),
            # Passports may be sent with a POST; nothing that is published asks for one.
            route("/objects/{object_id}", ["GET", "POST"], _one),
            route("/objects/{object_id}", ["OPTIONS"], authorizations),
            route("/objects/{object_id}/access/{access_id}", ["GET", "POST"], _access),
        ]
    )


def service_info() -> Json:
    """What this service is (DRS 1.5, ``/service-info``)."""
    current = settings()
    published = readable_by(Actor.anonymous())
    return {
        "id": ".".join(reversed((urlsplit(current.public_url).hostname or "localhost").split("."))) + ".drs",
        "name": f"{current.name}: published versions",
        "type": {"group": "org.ga4gh", "artifact": "drs", "version": SPECIFICATION},
        "description": "Immutable versions of de-identified medical imaging data sets.",
        "organization": {"name": current.name, "url": current.public_url},
        "version": __version__,
        "maxBulkRequestLength": MOST_AT_ONCE,
        "drs": {
            "maxBulkRequestLength": MOST_AT_ONCE,
            "objectCount": sum(published.values_list("instances", flat=True)),
            "totalObjectSize": sum(published.values_list("size_bytes", flat=True)),
        },
    }


def _one(asked: Asked) -> Json:
    wanted = asked.request.query_params.get("expand", "") or str(asked.body.get("expand", ""))
    return drs_object(asked.named, asked.actor, is_expanded=wanted.lower() == "true")


def _access(asked: Asked) -> Json:
    """The address behind an access id."""
    return _address(asked.named, asked.request.path_params["access_id"], asked.actor)


def _address(object_id: str, access_id: str, actor: Actor) -> Json:
    methods = drs_object(object_id, actor).get("access_methods", [])
    found = next((method["access_url"] for method in methods if method["access_id"] == access_id), None)
    if found is None:
        raise NotFoundError
    return dict(found)


def _bulk(asked: Asked) -> Json:
    wanted = _texts(asked.body.get("bulk_object_ids"))
    return _answered(
        ((object_id, partial(drs_object, object_id, asked.actor)) for object_id in wanted), "resolved_drs_object"
    )


def _bulk_access(asked: Asked) -> Json:
    pairs: list[tuple[str, str]] = []
    entries = asked.body.get("bulk_object_access_ids")
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict):
            object_id = str(entry.get("bulk_object_id", ""))
            pairs.extend((object_id, access_id) for access_id in _texts(entry.get("bulk_access_ids")))
    if len(pairs) > MOST_AT_ONCE:
        raise TooManyObjectsError(MOST_AT_ONCE)

    def work(object_id: str, access_id: str) -> Callable[[], Json]:
        return lambda: {
            "drs_object_id": object_id,
            "drs_access_id": access_id,
            **_address(object_id, access_id, asked.actor),
        }

    return _answered(((pair[0], work(*pair)) for pair in pairs), "resolved_drs_object_access_urls")


def _answered(wanted: Iterable[tuple[str, Callable[[], Json]]], name: str) -> Json:
    """A bulk answer: what was found, and what was not with the reason's status."""
    resolved: list[Json] = []
    unresolved: dict[int, list[str]] = {}
    count = 0
    for object_id, work in wanted:
        count += 1
        try:
            resolved.append(work())
        except RadCommonsError as error:
            unresolved.setdefault(status_of(error), []).append(object_id)
    failed = [{"error_code": code, "object_ids": ids} for code, ids in sorted(unresolved.items())]
    summary = {"requested": count, "resolved": len(resolved), "unresolved": count - len(resolved)}
    return {"summary": summary, "unresolved_drs_objects": failed, name: resolved}


def authorizations(asked: Asked) -> Json:
    """How an object is asked for; the address behind a restricted one wants the same token."""
    drs_object(asked.named, asked.actor)
    is_open = _is_found(asked.named)
    return {"drs_object_id": asked.named, "supported_types": ["None" if is_open else "BearerAuth"]}


def _is_found(object_id: str) -> bool:
    """Whether a stranger finds an object."""
    try:
        drs_object(object_id, Actor.anonymous())
    except RadCommonsError:
        return False
    return True


def _texts(value: object) -> list[str]:
    texts = [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
    if len(texts) > MOST_AT_ONCE:
        raise TooManyObjectsError(MOST_AT_ONCE)
    return texts


async def _body(request: Request) -> Json:
    """The JSON of a request; an empty mapping without one.

    Raises
    ------
    InvalidError
        When it is too long or no JSON object.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BODY_BYTES:
            raise InvalidError("access.drs-body", "The body is too long.")
    if not body:
        return {}
    try:
        document = orjson.loads(body)
    except ValueError as error:
        raise InvalidError("access.drs-body", "The body is no JSON.") from error
    if not isinstance(document, dict):
        raise InvalidError("access.drs-body", "The body must be a JSON object.")
    return document


def _json(document: Mapping[str, Any], *, status: int = 200, is_kept: bool = False) -> Response:
    headers = _HEADERS if is_kept else {**_HEADERS, "Cache-Control": "private, no-store"}
    return Response(orjson.dumps(document), status_code=status, media_type="application/json", headers=headers)


def _problem(error: RadCommonsError) -> Response:
    """An error as DRS tells it; what is forbidden looks like what does not exist."""
    if error.kind is Kind.FORBIDDEN:
        error = NotFoundError()
    status = 400 if error.kind is Kind.INVALID else status_of(error)
    answer = _json({"msg": error.message, "status_code": status}, status=status)
    if error.kind is Kind.UNAUTHENTICATED:
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer
