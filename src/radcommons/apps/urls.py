"""Every address of the portal and its API, by room."""

import re
from types import ModuleType
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, include, path
from django.views.defaults import permission_denied
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.parser import Parser

from radcommons import __version__
from radcommons.apps import wiring
from radcommons.dicom.errors import RadCommonsError
from radcommons.server.access import views as access
from radcommons.server.annotation import views as annotation
from radcommons.server.annotation.api import router as annotation_router
from radcommons.server.catalog import views as catalog
from radcommons.server.curation import views as curation
from radcommons.server.intake import views as intake
from radcommons.server.intake.api import router as intake_router
from radcommons.server.journey import views as journey
from radcommons.server.platform.doors import (
    answer_not_found,
    answer_not_understood,
    answer_unexpected,
    describe_api,
    in_any_thread,
)
from radcommons.server.platform.errors import InvalidError
from radcommons.server.platform.problems import status_of
from radcommons.server.portal import views as portal
from radcommons.server.portal.viewer import views as viewer
from radcommons.server.releases import views as releases
from radcommons.server.releases.api import router as releases_router
from radcommons.server.sites import views as sites

wiring.wire()

# How what no table can keep comes into a body: as an escape of a null character, or of half a character.
_ESCAPED = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")


class KeptTexts(Parser):
    """Reads bodies of the API, and refuses those with texts that could not be kept."""

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        """The body as plain values.

        Raises
        ------
        ValueError
            When it is no JSON, or a text in it has null characters or halves of characters.
        """
        body = super().parse_body(request)
        if _ESCAPED.search(request.body):
            _demand_kept(body)
        return body


def _demand_kept(value: object) -> None:
    if isinstance(value, str):
        if "\x00" in value:
            raise ValueError("a null character")
        value.encode()
    elif isinstance(value, list):
        for inner in value:
            _demand_kept(inner)
    elif isinstance(value, dict):
        for name, inner in value.items():
            _demand_kept(name)
            _demand_kept(inner)


api = NinjaAPI(title="RadCommons", version=__version__, docs_url=None, openapi_url=None, parser=KeptTexts())
api.add_router("/intake", intake_router)
api.add_router("/releases", releases_router)
api.add_router("/annotation", annotation_router)


@api.exception_handler(RadCommonsError)
def answer_error(request: HttpRequest, error: RadCommonsError) -> HttpResponse:
    """Errors of the house as JSON, with the status of their kind."""
    return api.create_response(request, error.to_json(), status=status_of(error))


@api.exception_handler(ValidationError)
def answer_invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """A body or a parameter of the wrong shape: which, and why, without what was sent."""
    places = [{"where": ".".join(map(str, one["loc"])), "message": one["msg"]} for one in error.errors]
    refusal = InvalidError("platform.request-invalid", "The request is not of the described shape.", problems=places)
    return api.create_response(request, refusal.to_json(), status=status_of(refusal))


ROOMS: dict[str, ModuleType] = {
    "sites": sites,
    "intake": intake,
    "journey": journey,
    "curation": curation,
    "annotation": annotation,
    "catalog": catalog,
    "releases": releases,
    "access": access,
    "viewer": viewer,
    "portal": portal,
}


@api.exception_handler(HttpError)
def answer_unreadable(request: HttpRequest, error: HttpError) -> HttpResponse:
    """A body that is no JSON, or holds texts that could not be kept."""
    del error
    return answer_not_understood(request)


urlpatterns: list[URLPattern | URLResolver] = [
    # No e-mail is ever sent from here: in place of allauth's forms there is a page that says who makes a new link.
    path("accounts/password/reset/", portal.account.password_forgotten, name="account_reset_password"),
    path("accounts/email/", portal.account.addresses, name="account_email"),
    path("accounts/", include("allauth.urls")),
    path("api/v1/openapi.json", describe_api(api.get_openapi_schema), name="openapi"),
    path("api/v1/", api.urls),
    *[path("", include((room.urlpatterns, name))) for name, room in ROOMS.items()],
]
handler400 = in_any_thread(answer_not_understood)
handler403 = in_any_thread(permission_denied)
handler404 = in_any_thread(answer_not_found)
handler500 = in_any_thread(answer_unexpected)
