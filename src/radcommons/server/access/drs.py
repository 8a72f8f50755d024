"""GA4GH Data Repository Service 1.5, at ``/ga4gh/drs/v1``: every published file and level under an identifier of its own.

An instance is named by its SHA-256. A version, a study and a series of it are bundles: ``slug~version``,
``slug~version~study~UID`` and ``slug~version~series~UID``. Nothing behind an identifier ever changes.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial
from itertools import groupby
from typing import Any
from urllib.parse import urlsplit

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from radcommons import __version__
from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.server.access.errors import TooManyObjectsError
from radcommons.server.access.indexes.bucket import bucket
from radcommons.server.archive.models import Instance
from radcommons.server.archive.threads import in_pool
from radcommons.server.platform.errors import InvalidError, NotFoundError
from radcommons.server.platform.objects import instance_key, object_store
from radcommons.server.platform.policy import Action, Actor, admit
from radcommons.server.platform.problems import status_of
from radcommons.server.platform.settings import settings
from radcommons.server.releases import describing
from radcommons.server.releases.models import Release, ReleaseAccess, ReleaseInstance, ReleaseState
from radcommons.server.releases.queries import instances_of
from radcommons.server.releases.reading import known_to, readable_by, readable_release
from radcommons.transfer.release.paths import is_sha256

ActorResolver = Callable[[Request], Actor]
Json = dict[str, Any]

SPECIFICATION = "1.5.0"
SEPARATOR = "~"
MOST_AT_ONCE = 200
MOST_EXPANDED = 50_000
MOST_BODY_BYTES = 1 << 20
HTTPS, S3 = "https", "s3"
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


@dataclass(frozen=True, slots=True)
class Leaf:
    """An instance in a bundle."""

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sha256: str
    size_bytes: int


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


def drs_object(object_id: str, actor: Actor, *, is_expanded: bool = False) -> Json:
    """One object, for an actor who may read it.

    Raises
    ------
    NotFoundError
        When nothing published has this identifier.
    WithdrawnReleaseError
        When it belongs to withdrawn versions only.
    TooManyObjectsError
        When a bundle is too large to be expanded.
    """
    if is_sha256(object_id):
        release, instance = _instance(object_id, actor)
        return _instance_object(release, instance)
    slug, version, kind, uid = _parts(object_id)
    release = readable_release(slug, version, actor)
    if version != release.version:
        raise NotFoundError
    return _bundle(release, kind, uid, is_expanded=is_expanded)


def _instance_object(release: Release, instance: Instance) -> Json:
    return {
        **_named_object(instance.sha256, f"{instance.sop_instance_uid}.dcm", release),
        "size": instance.size_bytes,
        "created_time": _moment(instance.created_at),
        "mime_type": "application/dicom",
        "checksums": [{"checksum": instance.sha256, "type": "sha-256"}],
        "access_methods": _access_methods(release, instance.sha256),
        "aliases": [instance.sop_instance_uid],
    }


def _bundle(release: Release, kind: str, uid: str, *, is_expanded: bool) -> Json:
    name = f"{release.slug}{SEPARATOR}{release.version}"
    contents: Sequence[Json]
    if not kind:
        contents, checksum = _studies(release.pk, name), _checksum_of_release(release.pk, release.root_hash)
        size, title = release.size_bytes, f"{release.slug}@{release.version}"
        if is_expanded and release.instances > MOST_EXPANDED:
            raise TooManyObjectsError(MOST_EXPANDED)
    else:
        column = f"series__{'study__study' if kind == 'study' else 'series'}_instance_uid"
        leaves = _leaves(release, **{column: uid})
        if not leaves:
            raise NotFoundError
        contents = _series_contents(name, leaves) if kind == "study" else [_file(leaf) for leaf in leaves]
        checksum = _study_checksum(leaves) if kind == "study" else _bundle_checksum(leaf.sha256 for leaf in leaves)
        size, title = sum(leaf.size_bytes for leaf in leaves), uid
    if is_expanded:
        contents = [_expanded(release, entry) for entry in contents]
    object_id = SEPARATOR.join(part for part in (name, kind, uid) if part)
    return {
        **_named_object(object_id, title, release),
        "size": size,
        "created_time": _moment(release.published_at),
        "checksums": [{"checksum": checksum, "type": "sha-256"}],
        "contents": list(contents),
        **({"description": release.title} if not kind else {}),
    }


def _expanded(release: Release, entry: Json) -> Json:
    if is_sha256(entry["id"]):
        return entry
    _, _, kind, uid = _parts(entry["id"])
    return {**entry, "contents": _bundle(release, kind, uid, is_expanded=True)["contents"]}


def _named_object(object_id: str, name: str, release: Release) -> Json:
    return {
        "id": object_id,
        "name": name,
        "self_uri": _uri(object_id),
        "version": release.version,
    }


def _access_methods(release: Release, sha256: str) -> list[Json]:
    url = {"url": f"{describing.files_url(release)}instances/{sha256}.dcm"}
    methods: list[Json] = [{"type": HTTPS, "access_url": url, "access_id": HTTPS}]
    # An address in the bucket opens what nobody can take back.
    store = bucket() if release.access == ReleaseAccess.OPEN else None
    if store is not None:
        methods.append(
            {"type": S3, "access_url": {"url": store.url(object_store().where(instance_key(sha256)))}, "access_id": S3}
        )
    return methods


def _instance(sha256: str, actor: Actor) -> tuple[Release, Instance]:
    """An instance and the newest version that holds it among those that an actor may read, open ones first."""
    rows = ReleaseInstance.objects.filter(instance__sha256=sha256)
    holding = rows.values("release")
    release = readable_by(actor).filter(pk__in=holding).order_by("access", "-published_at").first()
    if release is not None:
        return release, rows.select_related("instance").get(release=release).instance
    # That a restricted version held it is not told with its tombstone.
    recalled = known_to(actor).filter(pk__in=holding, state=ReleaseState.WITHDRAWN).first()
    if recalled is not None:
        readable_release(recalled.slug, recalled.version, actor)
    raise NotFoundError


def _leaves(release: Release, **where: str) -> list[Leaf]:
    """Instances of a version, by study, series and number."""
    study, series = "series__study__study_instance_uid", "series__series_instance_uid"
    order = (study, series, "instance_number", "sop_instance_uid")
    rows = instances_of(release).filter(**where).order_by(*order)
    return [Leaf(*values) for values in rows.values_list(study, series, "sop_instance_uid", "sha256", "size_bytes")]


def _file(leaf: Leaf) -> Json:
    return {"name": f"{leaf.sop_instance_uid}.dcm", "id": leaf.sha256, "drs_uri": [_uri(leaf.sha256)]}


def _series_contents(name: str, leaves: Iterable[Leaf]) -> list[Json]:
    uids = dict.fromkeys(leaf.series_instance_uid for leaf in leaves)
    return [_entry(uid, f"{name}{SEPARATOR}series{SEPARATOR}{uid}") for uid in uids]


@lru_cache(maxsize=32)
def _studies(release_id: int, name: str) -> tuple[Json, ...]:
    column = "series__study__study_instance_uid"
    rows = instances_of(Release.objects.get(pk=release_id)).order_by(column).values_list(column, flat=True).distinct()
    return tuple(_entry(uid, f"{name}{SEPARATOR}study{SEPARATOR}{uid}") for uid in rows)


def _entry(name: str, object_id: str) -> Json:
    return {"name": name, "id": object_id, "drs_uri": [_uri(object_id)]}


@lru_cache(maxsize=256)
def _checksum_of_release(release_id: int, root_hash: str) -> str:
    """The checksum of a whole version, read once by each process: what its root hash stands for never changes."""
    del root_hash
    rows = _leaves(Release.objects.get(pk=release_id))
    by_study = groupby(rows, key=lambda leaf: leaf.study_instance_uid)
    return _bundle_checksum(_study_checksum(list(members)) for _, members in by_study)


def _study_checksum(leaves: Iterable[Leaf]) -> str:
    by_series = groupby(leaves, key=lambda leaf: leaf.series_instance_uid)
    return _bundle_checksum(_bundle_checksum(leaf.sha256 for leaf in members) for _, members in by_series)


def _bundle_checksum(checksums: Iterable[str]) -> str:
    """The checksum of a bundle: of its contents' checksums, sorted and joined (DRS 1.5, ``DrsObject.checksums``)."""
    return hashlib.sha256("".join(sorted(checksums)).encode()).hexdigest()


def _parts(object_id: str) -> tuple[str, str, str, str]:
    parts = object_id.split(SEPARATOR)
    if len(parts) == 2:  # noqa: PLR2004 - slug and version
        return parts[0], parts[1], "", ""
    if len(parts) == 4 and parts[2] in {"study", "series"}:  # noqa: PLR2004 - with a level and its UID
        return parts[0], parts[1], parts[2], parts[3]
    raise NotFoundError


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


def _uri(object_id: str) -> str:
    return f"drs://{urlsplit(settings().public_url).netloc}/{object_id}"


def _moment(value: datetime | None) -> str:
    return value.isoformat(timespec="seconds").replace("+00:00", "Z") if value else ""


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
