"""The pages of what is not a stack of images: reports, documents, waveforms, slides, presentation states, plain objects."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import orjson
from asgiref.sync import async_to_sync
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from radcommons.dicom.errors import Kind as ErrorKind
from radcommons.dicom.errors import RadCommonsError
from radcommons.server.archive import rendering
from radcommons.server.archive.pixel_jobs import DrawPage, ReadDocument, ReadValue
from radcommons.server.archive.scopes import Scope
from radcommons.server.platform.doors import ActorRequest, door
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.policy import Action
from radcommons.server.portal.viewer.content import Item, Reference, content_of, items, references_in, text
from radcommons.server.portal.viewer.headers import MAX_ROWS, rows_of
from radcommons.server.portal.viewer.kinds import Kind
from radcommons.server.portal.viewer.looking import Looked, links_to, look, neighbours, scope_with

_DOCUMENT = "00420011"
_DOCUMENT_TYPE = "00420012"
_DOCUMENT_LENGTH = "00420015"
# Of pages of a document as pictures: sharp on most screens, and no more of them than anybody reads.
_PAGE_WIDTH = 1240
_MAX_PAGES = 200
_MAX_REFERENCES = 500
# Whatever such a file holds, a browser that opens it may run nothing and load nothing.
_HARMLESS = {
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "private, no-store",
}
_DOCUMENT_TYPES = MappingProxyType(
    {
        "application/pdf": "pdf",
        "text/xml": "xml",
        "application/sla": "stl",
        "model/stl": "stl",
        "model/obj": "obj",
        "model/mtl": "mtl",
    }
)


def object_page(request: HttpRequest, looked: Looked) -> HttpResponse:
    """The page of one object of a series that is not looked at as a stack of images."""
    make = _PAGES.get(looked.kind, _plain)
    template, context = make(looked)
    return render(request, template, _context(looked) | context)


@require_safe
@door(Action.VIEWING_OPEN)
def header(request: ActorRequest, scope: str, study_instance_uid: str, series_instance_uid: str) -> HttpResponse:
    """The attributes of one object of a series, as its scope shows them."""
    readable = scope_with(scope, request.actor, study_instance_uid, series_instance_uid)
    looked = look(request, readable, study_instance_uid, series_instance_uid)
    return render(request, "viewer/header.html", _context(looked) | _header(looked))


@require_safe
@door(Action.VIEWING_OPEN)
def contact_sheet(request: ActorRequest, scope: str, study_instance_uid: str, series_instance_uid: str) -> HttpResponse:
    """Evenly spaced images of a series on one page; a series without images is shown in its own way."""
    readable = scope_with(scope, request.actor, study_instance_uid, series_instance_uid)
    looked = look(request, readable, study_instance_uid, series_instance_uid)
    if not looked.kind.has_sheet:
        return redirect(looked.url)
    return render(request, "viewer/contact_sheet.html", _context(looked))


@require_safe
@door(Action.VIEWING_OPEN)
def document(request: ActorRequest, scope: str, study_instance_uid: str, series_instance_uid: str) -> HttpResponse:
    """The document inside an object, as a download that no browser runs."""
    readable = scope_with(scope, request.actor, study_instance_uid, series_instance_uid)
    looked = look(request, readable, study_instance_uid, series_instance_uid)
    if looked.kind is not Kind.DOCUMENT:
        return redirect(looked.url)
    if not _shows_documents(readable):
        raise NotFoundError
    media_type = text(looked.attributes, _DOCUMENT_TYPE).lower()
    content = async_to_sync(rendering.in_worker)(looked.instance.sha256, ReadValue(_DOCUMENT))
    length = _document_length(looked)
    if length is not None and length <= len(content):
        content = content[:length]
    known = media_type in _DOCUMENT_TYPES
    response = HttpResponse(content, content_type=media_type if known else "application/octet-stream")
    name = f"document-{looked.instance.sha256[:12]}.{_DOCUMENT_TYPES.get(media_type, 'bin')}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    for header_name, value in _HARMLESS.items():
        response.headers[header_name] = value
    return response


@require_safe
@door(Action.VIEWING_OPEN)
def document_page(
    request: ActorRequest, scope: str, study_instance_uid: str, series_instance_uid: str, number: int
) -> HttpResponse:
    """One page of the PDF inside an object as a picture, its number from 1."""
    looked = _looked_at_document(request, scope, study_instance_uid, series_instance_uid)
    if not _is_pdf(looked) or not 1 <= number <= _MAX_PAGES:
        raise NotFoundError
    picture = async_to_sync(rendering.in_worker)(looked.instance.sha256, DrawPage(number - 1, _PAGE_WIDTH))
    return HttpResponse(picture, content_type="image/png", headers=_HARMLESS)


def _looked_at_document(request: ActorRequest, scope: str, study_instance_uid: str, series_instance_uid: str) -> Looked:
    readable = scope_with(scope, request.actor, study_instance_uid, series_instance_uid)
    if not _shows_documents(readable):
        raise NotFoundError
    return look(request, readable, study_instance_uid, series_instance_uid)


def _document_length(looked: Looked) -> int | None:
    """How many bytes of the value are the document, the rest being padding, where the object says it in a number."""
    stated = text(looked.attributes, _DOCUMENT_LENGTH)
    return int(stated) if stated.isascii() and stated.isdecimal() and int(stated) > 0 else None


def _shows_documents(scope: Scope) -> bool:
    return scope.veil is None or scope.veil.shows(_DOCUMENT)


def _is_pdf(looked: Looked) -> bool:
    return looked.kind is Kind.DOCUMENT and text(looked.attributes, _DOCUMENT_TYPE).strip().lower() == "application/pdf"


def _pages_of(looked: Looked) -> dict[str, Any]:
    """The words of the pages of a PDF, as many as are shown, and how many there are."""
    if not _is_pdf(looked) or not _shows_documents(looked.scope):
        return {"pages": [], "page_count": 0}
    try:
        found = orjson.loads(async_to_sync(rendering.in_worker)(looked.instance.sha256, ReadDocument()))
    except RadCommonsError as error:
        if error.kind is ErrorKind.UNAVAILABLE:
            raise
        # Not the reader's fault, and no reason to hide the rest: the file can still be downloaded.
        return {"pages": [], "page_count": 0, "is_unreadable": True}
    return {"pages": found["texts"], "page_count": found["page_count"]}


def _context(looked: Looked) -> dict[str, Any]:
    return {
        "looked": looked,
        "neighbours": neighbours(looked.scope, looked.study_instance_uid, looked.series_instance_uid),
    }


def _header(looked: Looked) -> dict[str, Any]:
    rows = rows_of(looked.attributes)
    return {"rows": rows, "is_cut": len(rows) == MAX_ROWS}


def _plain(looked: Looked) -> tuple[str, dict[str, Any]]:
    return "viewer/header.html", _header(looked) | _references(looked, references_in(looked.attributes))


def _report(looked: Looked) -> tuple[str, dict[str, Any]]:
    content = content_of(looked.attributes)
    references = list(_references_of(content))
    return "viewer/report.html", {
        "content": content,
        "completion": text(looked.attributes, "0040A491"),
        "verification": text(looked.attributes, "0040A493"),
        "links": links_to(looked.scope, references),
    }


def _references_of(item: Item) -> Iterator[Reference]:
    yield from item.references
    for below in item.items:
        yield from _references_of(below)


def _key_objects(looked: Looked) -> tuple[str, dict[str, Any]]:
    content = content_of(looked.attributes)
    return "viewer/key_objects.html", {"content": content} | _references(looked, tuple(_references_of(content)))


def _presentation(looked: Looked) -> tuple[str, dict[str, Any]]:
    windows = [
        {"center": text(voi, "00281050"), "width": text(voi, "00281051"), "name": text(voi, "00281055")}
        for voi in items(looked.attributes, "00283110")
        if text(voi, "00281051")
    ]
    words = [
        written
        for annotation in items(looked.attributes, "00700001")
        for shown in items(annotation, "00700008")
        if (written := text(shown, "00700006"))
    ]
    shapes = sum(len(items(annotation, "00700009")) for annotation in items(looked.attributes, "00700001"))
    return "viewer/presentation.html", {
        "label": text(looked.attributes, "00700080"),
        "description": text(looked.attributes, "00700081"),
        "windows": windows,
        "words": words,
        "shapes": shapes,
    } | _references(looked, references_in(looked.attributes))


def _references(looked: Looked, references: tuple[Reference, ...]) -> dict[str, Any]:
    others = [one for one in references if one.sop_instance_uid != looked.instance.sop_instance_uid]
    shown = others[:_MAX_REFERENCES]
    links = links_to(looked.scope, shown)
    return {
        "references": shown,
        "reference_count": len(others),
        "links": links,
        "absent": [one.sop_instance_uid for one in shown if one.sop_instance_uid not in links],
    }


def _document(looked: Looked) -> tuple[str, dict[str, Any]]:
    media_type = text(looked.attributes, _DOCUMENT_TYPE).lower()
    return "viewer/document.html", _pages_of(looked) | {
        "document_title": text(looked.attributes, "00420010"),
        "media_type": media_type,
        "size_bytes": _document_length(looked),
    }


def _waveform(looked: Looked) -> tuple[str, dict[str, Any]]:
    del looked
    return "viewer/waveform.html", {}


def _slide(looked: Looked) -> tuple[str, dict[str, Any]]:
    del looked
    return "viewer/slide.html", {}


_PAGES: Mapping[Kind, Callable[[Looked], tuple[str, dict[str, Any]]]] = MappingProxyType(
    {
        Kind.REPORT: _report,
        Kind.KEY_OBJECTS: _key_objects,
        Kind.PRESENTATION: _presentation,
        Kind.DOCUMENT: _document,
        Kind.WAVEFORM: _waveform,
        Kind.SLIDE: _slide,
    }
)
