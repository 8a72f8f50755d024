"""TEMPORARY dynamic ASGI composition while rooms are being built."""

import importlib, importlib.util
from radcommons.apps import bootstrap

bootstrap.setup()
from django.core.asgi import get_asgi_application
from starlette.applications import Starlette
from starlette.routing import Mount
from radcommons.apps import wiring
from radcommons.apps.wiring import _try
from radcommons.server.platform.actors import actor_of_request
from django.conf import settings as ds
from radcommons.server.platform.settings import settings as rc_settings


def resolve_actor(request):
    return actor_of_request(
        authorization=request.headers.get("authorization"), session_key=request.cookies.get(ds.SESSION_COOKIE_NAME)
    )


routes = []
m = _try("radcommons.server.archive.dicomweb.app")
if m:
    routes.append(Mount("/dicom-web", app=m.dicomweb_app(wiring.resolve_scope, resolve_actor)))
m = _try("radcommons.server.access.files")
if m and hasattr(m, "files_app"):
    routes.append(
        Mount(
            "/files",
            app=m.files_app(resolve_actor)
            if callable(m.files_app) and not isinstance(m.files_app, Starlette)
            else m.files_app,
        )
    )
m = _try("radcommons.server.portal.viewer.serve")
if m and hasattr(m, "viewer_app"):
    routes.append(Mount("/viewer", app=m.viewer_app(rc_settings().viewer_dir)))
hot = Starlette(routes=routes)
django_app = get_asgi_application()
up = _try("radcommons.server.intake.upload")


async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            m = await receive()
            await send({"type": m["type"] + ".complete"})
            if m["type"] == "lifespan.shutdown":
                return
    path = scope.get("path", "")
    if up and path.startswith("/api/v1/intake/batches/") and "/parts/" in path:
        await up.upload_app(scope, receive, send)
    elif path.startswith(("/dicom-web", "/files", "/viewer")):
        await hot(scope, receive, send)
    else:
        await django_app(scope, receive, send)
