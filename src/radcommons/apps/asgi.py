"""The ASGI application: the hot paths (DICOMweb, uploads, downloads, viewer files) beside Django, under one policy."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import cast

from django.conf import settings as django_settings
from django.core.asgi import get_asgi_application
from django.http.request import split_domain_port, validate_host
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from radcommons.apps.bodies import BoundedBodies
from radcommons.apps.database_away import DatabaseAway
from radcommons.apps.page_threads import PageThreads
from radcommons.apps.refusals import refusal, refused_by_routes
from radcommons.apps.static_files import StaticFilesApp, static_files
from radcommons.apps.wiring import resolve_scope
from radcommons.server.access.drs.app import drs_app
from radcommons.server.access.files import files_app
from radcommons.server.access.ledger import flush_counts
from radcommons.server.access.nbia.app import nbia_app
from radcommons.server.archive.dicomweb.app import dicomweb_app
from radcommons.server.archive.dicomweb.fast_path import FastPath
from radcommons.server.intake.stow.app import stow_app
from radcommons.server.intake.upload import upload_app
from radcommons.server.platform.actors import actor_of_request
from radcommons.server.platform.headers import guarded
from radcommons.server.platform.policy import Actor
from radcommons.server.platform.read_pool import database_conninfo
from radcommons.server.platform.settings import settings
from radcommons.server.portal.viewer.serve import viewer_app


def resolve_actor(request: Request) -> Actor:
    """Who is asking outside Django: the bearer token's owner, else the session's."""
    return actor_of_request(
        authorization=request.headers.get("authorization"),
        session_key=request.cookies.get(django_settings.SESSION_COOKIE_NAME),
    )


_READING = frozenset({"GET", "HEAD"})
_NO_SUCH_HOST = (
    "This centre does not answer to this name. Check the address; its operator sets the names it answers to."
)
_NUL_BYTE = {"code": "platform.nul-byte", "message": "There is a NUL byte in the address."}


class Doorway:
    """What every request passes first: forged hosts and NUL bytes are refused, images go straight to who serves them.

    No answer from elsewhere leaves without saying what a browser may do with it.

    Parameters
    ----------
    app
        Answers all other requests.
    straight
        The first segment of an address, and who answers reading requests below it. There a study is thousands of requests,
        and asking every route whether it is meant would cost as much as the answer.
    note_change
        Called before any request is answered that may have changed something.
    """

    def __init__(self, app: ASGIApp, straight: Mapping[str, ASGIApp], note_change: Callable[[], None]) -> None:
        self._app = app
        self._straight = straight
        self._note_change = note_change

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 400."""
        if scope["type"] == "websocket":
            # Nothing here speaks it: refused, rather than left to fail and to fill the log.
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        first = path[1 : path.find("/", 1)] if path.find("/", 1) > 0 else ""
        app = self._straight.get(first) if scope["method"] in _READING else None
        # Who serves images says itself what a browser may do with them.
        send = send if app is not None else guarded(send)
        if scope["method"] not in _READING:
            send = self._noting(send)
        # Addresses in answers follow the Host header, so a forged one is refused before any of them is made.
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if not hosts or not all(map(_is_ours, hosts)):
            await PlainTextResponse(_NO_SUCH_HOST, status_code=400)(scope, receive, send)
            return
        if "\0" in path or b"%00" in scope["query_string"]:
            # No room has a use for it, and PostgreSQL can compare it with nothing.
            await (await refusal(scope, 400, _NUL_BYTE))(scope, receive, send)
            return
        if app is None:
            await self._app(scope, receive, send)
        else:
            await app({**scope, "root_path": f"{scope.get('root_path', '')}/{first}"}, receive, send)

    def _noting(self, send: Send) -> Send:
        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._note_change()
            await send(message)

        return noting


@lru_cache(maxsize=256)
def _is_ours(host: bytes) -> bool:
    """Whether a Host header names this centre."""
    domain, _ = split_domain_port(host.decode("latin-1"))
    return bool(domain) and validate_host(domain, django_settings.ALLOWED_HOSTS)


fast_path = FastPath()


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[None]:
    """Hold the connections of the fast path; write down the counts of downloads in memory when the process ends."""
    async with fast_path.running(database_conninfo()):
        yield
    await run_in_threadpool(flush_counts)


def _rights() -> int | None:
    """The state of everybody's rights; None while nothing may be remembered."""
    return fast_path.generation


dicomweb = dicomweb_app(resolve_scope, resolve_actor, fast_path=fast_path)
application = Starlette(
    lifespan=lifespan,
    exception_handlers={HTTPException: refused_by_routes},
    middleware=[
        Middleware(DatabaseAway),
        Middleware(Doorway, straight={"dicom-web": dicomweb}, note_change=fast_path.note_change),
    ],
    routes=[
        *upload_app(_rights).routes,
        *stow_app(_rights).routes,
        Mount("/dicom-web", app=dicomweb),
        Mount("/files", routes=files_app(resolve_actor).routes),
        Mount("/nbia-api", routes=nbia_app(resolve_actor).routes),
        Mount("/ga4gh/drs/v1", routes=drs_app(resolve_actor).routes),
        Mount("/static", app=StaticFilesApp(static_files())),
        Mount("/viewer", routes=viewer_app(settings().viewer_dir).routes),
        Mount("/", app=BoundedBodies(PageThreads(cast(ASGIApp, get_asgi_application())), resolve_actor)),
    ],
)
