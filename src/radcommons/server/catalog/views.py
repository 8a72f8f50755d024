"""Pages of the catalog: facets and studies, cohorts."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.views.decorators.http import require_POST, require_safe

from radcommons.dicom.errors import RadCommonsError
from radcommons.server.catalog import queries, services
from radcommons.server.catalog.rules import FACETS, CatalogQuery
from radcommons.server.platform.doors import ActorRequest, door
from radcommons.server.platform.policy import Action, may

COHORTS_A_PAGE = 50


@require_safe
@door(Action.CATALOG_READ)
def catalog(request: ActorRequest) -> HttpResponse:
    """The catalog under the selection in the address."""
    query = CatalogQuery.from_lists(dict(request.GET.lists()))
    page, lines = queries.studies(query, page_number=request.GET.get("page", 1))
    context = {
        "answer": queries.facets(query),
        "page": page,
        "lines": lines,
        "chips": chips(query.to_lists(), FACETS, reverse("catalog:list")),
        "query": query.to_lists(),
        "may_freeze": may(request.actor, Action.CATALOG_FREEZE),
    }
    return render(request, "catalog/list.html", context)


def chips(lists: Mapping[str, Sequence[str]], labels: Mapping[str, str], url: str) -> list[dict[str, str]]:
    """The chosen values, each with the address of the page without it."""
    return [
        {"label": labels[name], "value": value, "url": f"{url}?{_without(lists, name, value)}"}
        for name, values in lists.items()
        for value in values
    ]


def _without(lists: Mapping[str, Sequence[str]], name: str, value: str) -> str:
    rest = {key: [one for one in values if (key, one) != (name, value)] for key, values in lists.items()}
    return urlencode(rest, doseq=True)


@require_POST
@door(Action.CATALOG_FREEZE)
def freeze(request: ActorRequest) -> HttpResponse:
    """Freeze the selection under a name, then show the cohort."""
    query = CatalogQuery.from_lists(dict(request.POST.lists()))
    try:
        cohort = services.freeze_cohort(request.POST.get("name", "").strip(), query, actor=request.actor)
    except RadCommonsError as error:
        messages.error(request, error.message)
        return redirect(f"{reverse('catalog:list')}?{urlencode(query.to_lists(), doseq=True)}")
    messages.success(request, f"Frozen as {cohort.name}. This list never changes.")
    return redirect("catalog:cohort", cohort_id=cohort.pk)


@require_safe
@door(Action.CATALOG_READ)
def cohorts(request: ActorRequest) -> HttpResponse:
    """All cohorts."""
    page = Paginator(queries.cohorts(), COHORTS_A_PAGE).get_page(request.GET.get("page", 1))
    return render(request, "catalog/cohorts.html", {"page": page})


@require_safe
@door(Action.CATALOG_READ)
def cohort(request: ActorRequest, cohort_id: int) -> HttpResponse:
    """One cohort: what it holds, the question behind it, what to do with it."""
    found = queries.cohort(cohort_id)
    context: dict[str, Any] = {
        "cohort": found,
        "asked": [(FACETS.get(name, name), values) for name, values in found.query.items()],
        "catalog_url": f"{reverse('catalog:list')}?{urlencode(found.query, doseq=True)}",
        "page": queries.cohort_studies(found, page_number=request.GET.get("page", 1)),
        "may_draft": may(request.actor, Action.RELEASES_MANAGE),
    }
    return render(request, "catalog/cohort.html", context)


urlpatterns = [
    path("catalog/", catalog, name="list"),
    path("catalog/freeze/", freeze, name="freeze"),
    path("cohorts/", cohorts, name="cohorts"),
    path("cohorts/<int:cohort_id>/", cohort, name="cohort"),
]
