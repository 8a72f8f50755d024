"""The pages on which images are looked at."""

from pathlib import Path
from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, register_converter, reverse
from django.views.decorators.http import require_safe

from radcommons.server.archive.scopes import Scope
from radcommons.server.platform.doors import ActorRequest, door
from radcommons.server.platform.policy import Action
from radcommons.server.portal.viewer.kinds import Kind
from radcommons.server.portal.viewer.looking import kind_of_series, look, neighbours, scope_with
from radcommons.server.portal.viewer.pages import contact_sheet, document, document_page, header, object_page

READ_AS_STACKS = frozenset({Kind.IMAGES, Kind.SEGMENTATION, Kind.CONTOURS})
READING = Path(__file__).parents[1] / "static" / "reading"
# Asked for together with the page instead of one after the other along the chain of imports.
PRELOADED = tuple(f"reading/{module.name}" for module in sorted(READING.glob("*.js")) if module.stem != "page")


class UidConverter:
    """A UID in an address (PS3.5 9.1)."""

    regex = r"[0-2](?:\.(?:0|[1-9][0-9]*)){1,31}"

    def to_python(self, value: str) -> str:
        """The UID itself; one that is too long is no UID."""
        if len(value) > 64:  # noqa: PLR2004 - PS3.5 9.1
            raise ValueError(value)
        return value

    def to_url(self, value: str) -> str:
        """The UID itself."""
        return value


class ScopePathConverter:
    """The path of a scope, such as ``releases/<slug>/<version>``."""

    regex = r"[A-Za-z0-9][A-Za-z0-9._/-]*"

    def to_python(self, value: str) -> str:
        """The path itself."""
        return value

    def to_url(self, value: str) -> str:
        """The path itself."""
        return value


register_converter(UidConverter, "dicom-uid")
register_converter(ScopePathConverter, "scope-path")


@require_safe
@door(Action.VIEWING_OPEN)
def read_series(request: ActorRequest, scope: str, study_instance_uid: str, series_instance_uid: str) -> HttpResponse:
    """Look at one series of a scope: the reading page for images and what lies over them, a page of its own for the rest."""
    readable = scope_with(scope, request.actor, study_instance_uid, series_instance_uid)
    kind = kind_of_series(readable, series_instance_uid)
    if kind in READ_AS_STACKS:
        return _reading_page(request, readable, study_instance_uid, series_instance_uid, has_sheet=kind.has_sheet)
    return object_page(request, look(request, readable, study_instance_uid, series_instance_uid))


@require_safe
@door(Action.VIEWING_OPEN)
def read_study(request: ActorRequest, scope: str, study_instance_uid: str) -> HttpResponse:
    """The reading page, opened on the largest series of a study that holds pictures; else the first series of the study."""
    readable = scope_with(scope, request.actor, study_instance_uid)
    series = neighbours(readable, study_instance_uid)
    if series and not any(one.kind is Kind.IMAGES for one in series):
        return HttpResponseRedirect(series[0].url)
    return _reading_page(request, readable, study_instance_uid, "")


@require_safe
@door(Action.VIEWING_OPEN)
def open_in_ohif(request: ActorRequest, scope: str, study_instance_uid: str) -> HttpResponse:
    """Send the browser to OHIF with one study of a scope."""
    scope_with(scope, request.actor, study_instance_uid)
    return HttpResponseRedirect(ohif_url(scope, study_instance_uid))


def ohif_url(scope: str, study_instance_uid: str, series_instance_uid: str = "") -> str:
    """The address at which OHIF shows a study of a scope, a series first when one is named."""
    query = {"StudyInstanceUIDs": study_instance_uid}
    if series_instance_uid:
        query["initialSeriesInstanceUID"] = series_instance_uid
    return f"/viewer/s/{scope}/viewer?{urlencode(query)}"


def _reading_page(
    request: ActorRequest, scope: Scope, study: str, series: str, *, has_sheet: bool = False
) -> HttpResponse:
    context = {
        "dicomweb_root": f"/dicom-web/{scope.name}",
        "view_root": f"/view/{scope.name}",
        "study_instance_uid": study,
        "series_instance_uid": series,
        "ohif_url": ohif_url(scope.name, study, series),
        "home_url": "/",
        "sheet_url": f"/view/{scope.name}/{study}/{series}/sheet/" if has_sheet else "",
        "header_url": f"/view/{scope.name}/{study}/{series}/header/" if series else "",
        "login_url": f"{reverse('account_login')}?{urlencode({'next': request.get_full_path()})}",
        "modules": PRELOADED,
    }
    return render(request, "viewer/reading.html", context)


_SERIES = "view/<scope-path:scope>/<dicom-uid:study_instance_uid>/<dicom-uid:series_instance_uid>"

urlpatterns = [
    path("view/<scope-path:scope>/studies/<dicom-uid:study_instance_uid>/ohif/", open_in_ohif, name="ohif"),
    path("view/<scope-path:scope>/studies/<dicom-uid:study_instance_uid>/", read_study, name="study"),
    path(f"{_SERIES}/", read_series, name="series"),
    path(f"{_SERIES}/header/", header, name="header"),
    path(f"{_SERIES}/sheet/", contact_sheet, name="contact_sheet"),
    path(f"{_SERIES}/document/", document, name="document"),
    path(f"{_SERIES}/document/pages/<int:number>/", document_page, name="document-page"),
]
