"""Serves the installed OHIF viewer at ``/viewer/``: files, configuration, one page for every scope.

The files are public and the same for everybody; what a visitor may look at is decided by the DICOMweb root of the scope
in the address, which the configuration derives from it.
"""

import os
import re
from importlib.resources import files
from pathlib import Path

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.staticfiles import NotModifiedResponse, StaticFiles

from radcommons.server.platform.doors import page_for_nobody
from radcommons.server.platform.headers import CONTENT_SECURITY_POLICY
from radcommons.server.portal.viewer.ohif import VERSION, files_folder, installed

SCOPE = r"(?:[A-Za-z0-9][A-Za-z0-9._-]*/){0,5}[A-Za-z0-9][A-Za-z0-9._-]*"
MODES = ("viewer", "basic", "segmentation", "tmtv", "microscopy", "dynamic-volume", "usAnnotation", "reading")
READING_MODULES = frozenset({"extension", "mode", "panel", "keeper", "labelmaps"})
PAGE = re.compile(rf"s/(?P<scope>{SCOPE})/(?:{'|'.join(MODES)})/?")
UID = re.compile(r"[0-2](?:\.(?:0|[1-9][0-9]*)){1,31}")
HASHED_NAME = re.compile(r"(?:^|\.)[0-9a-f]{16}\.")
A_YEAR = "public, max-age=31536000, immutable"
REVALIDATE = "no-cache"
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
NOT_INSTALLED = {"code": "viewer.not-installed", "message": "The OHIF viewer is not installed at this centre."}
RESOURCES = files("radcommons.server.portal.viewer")


def viewer_app(directory: Path) -> Starlette:
    """The application whose routes are mounted at ``/viewer``; ``directory`` may be filled or emptied while it runs.

    Who mounts them answers an unknown address (404).

    Parameters
    ----------
    directory
        Where :func:`radcommons.server.portal.viewer.ohif.install` puts the viewer.
    """
    server = _Viewer(directory)
    return Starlette(
        routes=[
            Route("/app-config.js", server.configuration),
            Route("/reading/{name}.js", server.module),
            Route("/{path:path}", server.file_or_page),
        ]
    )


class _Viewer:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.files = StaticFiles(directory=files_folder(directory), check_dir=False)

    def configuration(self, request: Request) -> Response:  # noqa: ARG002 - an endpoint takes the request
        """The configuration script: the same for every scope, which it reads from the address of the page."""
        script = RESOURCES.joinpath("app_config.js").read_bytes()
        return Response(script, media_type="text/javascript", headers={**HEADERS, "Cache-Control": REVALIDATE})

    def module(self, request: Request) -> Response:
        """A module of our own extension, which OHIF loads on reading tasks."""
        name = request.path_params["name"]
        if name not in READING_MODULES:
            raise HTTPException(404, headers=HEADERS)
        script = RESOURCES.joinpath("reading", f"{name}.js").read_bytes()
        return Response(script, media_type="text/javascript", headers={**HEADERS, "Cache-Control": REVALIDATE})

    def file_or_page(self, request: Request) -> Response:
        """A file of the viewer, its page for an address inside a scope, or a page that explains; 404 for what is none of them."""
        path = request.path_params["path"]
        page = PAGE.fullmatch(path)
        if page is not None:
            return self._page(request, page["scope"])
        if path in {"", "index.html"}:
            return self._front_page(request)
        try:
            found, stat = self.files.lookup_path(path)
        except (OSError, ValueError):
            # A name that no file system takes: too long, or with a NUL byte.
            found, stat = "", None
        if stat is None or not Path(found).is_file():
            raise HTTPException(404, headers=HEADERS)
        return _file(Path(found), stat, request.headers)

    def _page(self, request: Request, scope: str) -> Response:
        installation = installed(self.directory)
        if installation is None:
            return _not_installed(request, scope)
        hashes = " ".join(f"'{digest}'" for digest in installation.script_hashes)
        headers = {**HEADERS, "Cache-Control": REVALIDATE, "Content-Security-Policy": _policy(hashes)}
        return FileResponse(files_folder(self.directory) / "index.html", headers=headers)

    def _front_page(self, request: Request) -> Response:
        if installed(self.directory) is None:
            return _not_installed(request, "")
        return _told({"is_installed": True, "version": VERSION}, 200)


def _policy(script_hashes: str) -> str:
    """OHIF sets styles on elements, compiles its codecs and starts workers from blobs; nothing else is loosened.

    It reads segmentations through a library that makes its array types with ``new Function``: without ``unsafe-eval``, which
    no other page has, no segmentation opens. Scripts still come from here alone.
    """
    return (
        f"default-src 'none'; script-src 'self' {script_hashes} 'wasm-unsafe-eval' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob:; worker-src 'self' blob:; "
        "frame-ancestors 'self'; base-uri 'self'; manifest-src 'self'; form-action 'none'"
    )


def _file(path: Path, stat: os.stat_result, request_headers: Headers) -> Response:
    cache = A_YEAR if HASHED_NAME.search(path.name) else REVALIDATE
    headers = {**HEADERS, "Cache-Control": cache, "Vary": "Accept-Encoding"}
    compressed = path.with_name(path.name + ".gz")
    media_type = "text/javascript" if path.suffix == ".js" else None
    if "gzip" in request_headers.get("accept-encoding", "") and compressed.is_file():
        headers["Content-Encoding"] = "gzip"
        media_type = media_type or FileResponse(path).media_type
        path, stat = compressed, compressed.stat()
    response = FileResponse(path, headers=headers, media_type=media_type, stat_result=stat)
    if request_headers.get("if-none-match") == response.headers["etag"]:
        return NotModifiedResponse(response.headers)
    return response


def _not_installed(request: Request, scope: str) -> Response:
    """What is answered in place of the viewer: to people a page that leads to the study's images, to programs JSON."""
    if "text/html" not in request.headers.get("accept", ""):
        return JSONResponse(NOT_INSTALLED, 404, {**HEADERS, "Cache-Control": "no-store"})
    study = request.query_params.get("StudyInstanceUIDs", "").split(",", maxsplit=1)[0]
    is_known = bool(scope) and UID.fullmatch(study) is not None
    return _told({"study_url": f"/view/{scope}/studies/{study}/" if is_known else ""}, 404)


def _told(context: dict[str, object], status: int) -> Response:
    """A page of the portal in place of the viewer's own."""
    headers = {**HEADERS, "Cache-Control": "no-store", "Content-Security-Policy": CONTENT_SECURITY_POLICY}
    return HTMLResponse(page_for_nobody("viewer/ohif.html", context), status, headers)
