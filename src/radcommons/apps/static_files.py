"""The portal's own scripts, styles and icons: compressed once, and kept by browsers for as long as they stay the same.

All lie under an address that names their content, ``/static/<digest>/…``; where one of them changes, all have new addresses, and
modules that name each other by relative paths always come from the same edition. The plain addresses, ``/static/…``, answer too: whoever
uses those asks each time whether something changed.
"""

import gzip
import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from radcommons.server.archive.conditional import is_unchanged

FOLDER = Path(str(files("radcommons.server.portal"))) / "static"
A_YEAR = "public, max-age=31536000, immutable"
ASK_AGAIN = "public, no-cache"
_DIGITS = 16
_READING = frozenset({"GET", "HEAD"})
# What is compressed already grows by it.
_COMPRESSIBLE = frozenset({".css", ".js", ".json", ".map", ".mjs", ".svg", ".txt", ".html"})
# Python asks the system, whose tables differ; browsers run no module of another type.
_TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".svg": "image/svg+xml", ".woff2": "font/woff2"}


@dataclass(frozen=True)
class StaticFile:
    """A file as it was when the program started, and as it travels."""

    name: str
    content: bytes

    @cached_property
    def digest(self) -> str:
        """What names its content."""
        return hashlib.sha256(self.content).hexdigest()

    @cached_property
    def compressed(self) -> bytes | None:
        """The same with gzip; None when that makes it no shorter. Takes a tenth of a second for the largest."""
        if Path(self.name).suffix not in _COMPRESSIBLE:
            return None
        made = gzip.compress(self.content, 9, mtime=0)
        return made if len(made) < len(self.content) else None

    @property
    def media_type(self) -> str:
        """Its type by its name."""
        known = _TYPES.get(Path(self.name).suffix)
        return known or mimetypes.guess_type(self.name)[0] or "application/octet-stream"


@cache
def static_files(folder: Path = FOLDER) -> Mapping[str, StaticFile]:
    """All files below a folder, by their names below it; read once."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return {name: StaticFile(name, (folder / name).read_bytes()) for name in names}


def edition_of(found: Mapping[str, StaticFile]) -> str:
    """A digest of all files and their names: the part of an address that changes when one of them does."""
    digest = hashlib.sha256()
    for name, file in found.items():
        digest.update(f"{name}\0{file.digest}\n".encode())
    return digest.hexdigest()[:_DIGITS]


class StaticFilesApp:
    """Answers below ``/static``; takes the files, and knows their edition."""

    def __init__(self, found: Mapping[str, StaticFile]) -> None:
        self._files = found
        self._edition = edition_of(found)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await (await self._answer(scope))(scope, receive, send)

    async def _answer(self, scope: Scope) -> Response:
        if scope["method"] not in _READING:
            return PlainTextResponse("Method Not Allowed", status_code=405, headers={"Allow": "GET, HEAD"})
        path = scope["path"].removeprefix(scope.get("root_path", "")).lstrip("/")
        first, _, rest = path.partition("/")
        # A page of an older edition that is still open gets what there is, and does not keep it.
        has_edition = len(first) == _DIGITS and not set(first) - set("0123456789abcdef")
        file = self._files.get(rest if has_edition else path)
        if file is None:
            raise HTTPException(404)
        asked = Headers(scope=scope)
        content, tag, headers = file.content, f'"{file.digest[:_DIGITS]}"', {}
        if _takes_gzip(asked.get("accept-encoding", "")):
            compressed = await run_in_threadpool(lambda: file.compressed)
            if compressed is not None:
                content, tag, headers = compressed, f'"{file.digest[:_DIGITS]}-gz"', {"Content-Encoding": "gzip"}
        headers |= {
            "Cache-Control": A_YEAR if first == self._edition else ASK_AGAIN,
            "ETag": tag,
            "Vary": "Accept-Encoding",
            "X-Content-Type-Options": "nosniff",
        }
        if is_unchanged(asked.get("if-none-match"), tag):
            del headers["X-Content-Type-Options"]
            headers.pop("Content-Encoding", None)
            return Response(status_code=304, headers=headers)
        return Response(content, headers=headers, media_type=file.media_type)


def _takes_gzip(accepted: str) -> bool:
    """Whether a client can read gzip (RFC 9110 12.5.3)."""
    for each in accepted.lower().split(","):
        name, _, weight = each.partition(";")
        if name.strip() in {"gzip", "*"}:
            return weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False
