"""TEMPORARY dynamic wiring while the rooms are being built."""

import importlib, importlib.util
from django.urls import include, path
from ninja import NinjaAPI
from radcommons.dicom.errors import RadCommonsError
from radcommons.server.platform.problems import status_of
from radcommons.apps import wiring

api = NinjaAPI(title="RadCommons", version="1", docs_url=None, openapi_url="/openapi.json")


@api.exception_handler(RadCommonsError)
def _problem(request, error):
    return api.create_response(request, error.to_json(), status=status_of(error))


urlpatterns = [path("accounts/", include("allauth.urls"))]
for room in [
    "sites",
    "intake",
    "curation",
    "clinical",
    "catalog",
    "releases",
    "access",
    "journey",
    "portal",
    "portal.viewer",
]:
    base = f"radcommons.server.{room}"
    try:
        has = importlib.util.find_spec(f"{base}.views")
    except ModuleNotFoundError:
        has = None
    if has:
        label = {"portal.viewer": "viewer"}.get(room, room)
        mod = importlib.import_module(f"{base}.views")
        urlpatterns.append(path("", include((mod.urlpatterns, label))))
    try:
        has = importlib.util.find_spec(f"{base}.api")
    except ModuleNotFoundError:
        has = None
    if has:
        mod = importlib.import_module(f"{base}.api")
        api.add_router({"access": "/releases"}.get(room, f"/{room}"), mod.router)
urlpatterns.append(path("api/v1/", api.urls))
handler500 = "radcommons.server.platform.doors.answer_unexpected"
