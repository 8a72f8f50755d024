"""The ASGI application: the hot paths (DICOMweb, uploads, downloads, viewer files) beside Django, under one policy."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from django.conf import settings as django_settings
from django.core.asgi import get_asgi_application
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from radcommons.apps.wiring import resolve_scope
from radcommons.server.access.drs import drs_app
from radcommons.server.access.files import files_app
from radcommons.server.access.ledger import flush_counts
from radcommons.server.access.nbia.app import nbia_app
from radcommons.server.archive.dicomweb.app import dicomweb_app
from radcommons.server.archive.dicomweb.fast_path import FastPath
from radcommons.server.intake.stow.app import stow_app
from radcommons.server.intake.upload import upload_app
from radcommons.server.platform.actors import actor_of_request
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


class NulRefusal:
    """Refuses addresses with a NUL byte, which no room has a use for and PostgreSQL cannot compare with anything."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 400."""
        if scope["type"] == "http" and ("\0" in scope["path"] or b"%00" in scope["query_string"]):
            await PlainTextResponse("There is a NUL byte in the address.", status_code=400)(scope, receive, send)
            return
        await self.app(scope, receive, send)


fast_path = FastPath()


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[None]:
    """Hold the connections of the fast path; write down the counts of downloads in memory when the process ends."""
    async with fast_path.running(database_conninfo()):
        yield
    await run_in_threadpool(flush_counts)


application = Starlette(
    lifespan=lifespan,
    # Addresses in answers follow the Host header, so a forged one is refused before any of them is made.
    middleware=[
        Middleware(TrustedHostMiddleware, allowed_hosts=[*django_settings.ALLOWED_HOSTS]),
        Middleware(NulRefusal),
    ],
    routes=[
        *upload_app.routes,
        *stow_app().routes,
        Mount("/dicom-web", app=dicomweb_app(resolve_scope, resolve_actor, fast_path=fast_path)),
        Mount("/files", app=files_app(resolve_actor)),
        Mount("/nbia-api", app=nbia_app(resolve_actor)),
        Mount("/ga4gh/drs/v1", app=drs_app(resolve_actor)),
        Mount("/static", app=GZipMiddleware(StaticFiles(packages=[("radcommons.server.portal", "static")]))),
        Mount("/viewer", app=viewer_app(settings().viewer_dir)),
        Mount("/", app=cast(ASGIApp, get_asgi_application())),
    ],
)
