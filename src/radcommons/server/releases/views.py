"""Pages of the releases room: what is public, and what a release manager prepares."""

from typing import Any
from urllib.parse import urlencode

import orjson
from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from radcommons.dicom.errors import RadCommonsError
from radcommons.dicom.finding import Finding
from radcommons.server.archive.queries import series_list, studies_by, study_summaries, study_summary
from radcommons.server.catalog.queries import cohort as cohort_by_id
from radcommons.server.catalog.queries import cohorts
from radcommons.server.catalog.views import chips
from radcommons.server.platform.doors import ActorRequest, door
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.policy import Action, holds
from radcommons.server.releases import describing, queries, services
from radcommons.server.releases.holdings import holdings, selection_of
from radcommons.server.releases.metadata.citation import bibtex, citation_text
from radcommons.server.releases.metadata.croissant import json_ld
from radcommons.server.releases.models import Release, ReleaseAccess, ReleaseState
from radcommons.server.releases.reading import may_read, readable_release, readers_of
from radcommons.server.releases.rules import LICENCES
from radcommons.server.releases.selection import COLUMNS
from radcommons.server.releases.services import DraftWish

STUDIES_A_PAGE = 30
PICTURES = 8


class DraftForm(forms.Form):
    """What a release manager fills in for a new version."""

    cohort = forms.ChoiceField(help_text="The version holds exactly the instances of this frozen cohort.")
    slug = forms.CharField(
        label="Short name",
        max_length=63,
        help_text="Small letters, digits and hyphens; part of every address. Versions of one data set share it.",
    )
    version = forms.CharField(
        max_length=20, initial="1.0.0", help_text="MAJOR.MINOR.PATCH: data changed or removed, added, or only repacked."
    )
    title = forms.CharField(max_length=200)
    licence = forms.ChoiceField(
        choices=[(spdx, licence.name) for spdx, licence in LICENCES.items()], initial="CC-BY-4.0"
    )
    creators = forms.CharField(
        required=False, help_text="Who is cited, one a line. Empty: the repository.", widget=forms.Textarea({"rows": 3})
    )
    description = forms.CharField(
        required=False,
        help_text="What is in it and for whom; the abstract of the record.",
        widget=forms.Textarea({"rows": 6}),
    )
    changes = forms.CharField(
        required=False, help_text="What is new in this version; for the change log.", widget=forms.Textarea({"rows": 3})
    )
    doi = forms.CharField(
        label="DOI", required=False, max_length=200, help_text="If one is registered, without https://."
    )

    is_restricted = forms.BooleanField(
        label="Restricted: only people who were granted access may read it",
        required=False,
        help_text="Its page, citation and terms are public all the same. A restricted version can be opened later, an open one never closed.",
    )
    terms = forms.CharField(
        label="Data-use terms",
        required=False,
        max_length=50_000,
        help_text="What somebody agrees to who asks for access. They are part of the version and never change. Versions under "
        "the same terms, word for word, are read by the same people.",
        widget=forms.Textarea({"rows": 8}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(str(row.pk), f"{row.name} ({row.instance_count} instances)") for row in cohorts()]
        self.fields["cohort"].choices = choices  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Refuse a restricted version without terms, and terms that would bind nobody."""
        data: dict[str, Any] = super().clean() or {}
        if data.get("is_restricted") and not data.get("terms", "").strip():
            self.add_error("terms", "A restricted version needs terms.")
        if data.get("terms", "").strip() and not data.get("is_restricted"):
            self.add_error("is_restricted", "There are terms, so say that the version is restricted, or remove them.")
        return data

    def wish(self) -> DraftWish:
        """The form as the verb takes it."""
        data = self.cleaned_data
        names = tuple(line.strip() for line in data["creators"].splitlines() if line.strip())
        texts = {
            name: data[name]
            for name in ("slug", "version", "title", "licence", "description", "changes", "doi", "terms")
        }
        return DraftWish(creators=names, **texts)


@require_safe
@door(Action.RELEASES_READ)
def data_sets(request: ActorRequest) -> HttpResponse:
    """Every data set with its newest version."""
    context = {
        "lines": [{"release": row, "told": queries.told(row)} for row in queries.data_sets()],
        "may_see_drafts": queries.may_see_drafts(request.actor),
        "draft_count": queries.drafts().count() if queries.may_see_drafts(request.actor) else 0,
    }
    return render(request, "releases/list.html", context)


@require_safe
@door(Action.RELEASES_READ)
def versions(request: ActorRequest, slug: str) -> HttpResponse:
    """The versions of a data set, withdrawn ones included."""
    rows = queries.public_versions(slug)
    lines = [{"release": row, "told": queries.told(row)} for row in rows]
    return render(request, "releases/versions.html", {"lines": lines, "newest": rows[0], "slug": slug})


@require_safe
@door(Action.RELEASES_READ)
def landing(request: ActorRequest, slug: str, version: str) -> HttpResponse:
    """The page that a DOI leads to; of a withdrawn version its tombstone, of a restricted one what everybody may know."""
    release = queries.public_release(slug, version)
    if version != release.version:
        return redirect("releases:landing", slug=slug, version=release.version)
    description = describing.describe(release)
    context: dict[str, Any] = {
        "release": release,
        "description": description,
        "citation": citation_text(description),
        "json_ld": _data_block(json_ld(description)),
        "bibtex": bibtex(description),
        "told": queries.told(release),
        "records": describing.public_records(release),
        "is_restricted": release.access == ReleaseAccess.RESTRICTED,
        "ask_url": f"/releases/{release.slug}/{release.version}/access/",
        "may_manage": holds(request.actor, Action.RELEASES_MANAGE),
    }
    if release.state == ReleaseState.WITHDRAWN:
        return render(request, "releases/tombstone.html", context, status=410)
    if not may_read(release, request.actor):
        return render(request, "releases/restricted.html", context)
    visible, held = queries.instances_of(release), holdings(release)
    uids = held.study_instance_uids[: -PICTURES - 1 : -1]
    context |= {
        "modalities": held.studies_by("modality"),
        "body_parts": held.studies_by("body_part_examined"),
        "scope": _scope(release),
        "studies": study_summaries(uids, instances=visible),
        "files": release.files.all(),
        "files_url": describing.files_url(release),
        "dicomweb_url": describing.dicomweb_url(release),
        "portal_url": request.build_absolute_uri("/").rstrip("/"),
    }
    return render(request, "releases/landing.html", context)


@require_safe
@door(Action.RELEASES_READ)
def studies(request: ActorRequest, slug: str, version: str) -> HttpResponse:
    """The studies of a version, narrowed as the address says, a page at a time."""
    release = readable_release(slug, version, request.actor)
    held, selection = holdings(release), selection_of(release, dict(request.GET.lists()))
    page = Paginator(held.cube.latest_studies(selection.chosen), STUDIES_A_PAGE).get_page(request.GET.get("page", 1))
    uids = [held.study_instance_uids[int(place)] for place in page.object_list]
    url = reverse("releases:studies", kwargs={"slug": release.slug, "version": release.version})
    name, origin = f"{release.slug}@{release.version}", request.build_absolute_uri("/").rstrip("/")
    context = {
        "release": release,
        "page": page,
        "lines": study_summaries(uids, instances=queries.instances_of(release)),
        "scope": _scope(release),
        "answer": held.facets(selection),
        "chips": chips(selection.chosen, COLUMNS, url),
        "url": url,
        "address": urlencode(selection.chosen, doseq=True),
        "command": f"radcommons download {name} {release.slug}-part --from {origin} \\\n  {selection.option()}",
    }
    return render(request, "releases/studies.html", context)


@require_safe
@door(Action.RELEASES_READ)
def study(request: ActorRequest, slug: str, version: str, study_instance_uid: str) -> HttpResponse:
    """One study of a version: its series with pictures and the ways to look at them."""
    release = readable_release(slug, version, request.actor)
    visible = queries.instances_of(release)
    scope = _scope(release)
    context = {
        "release": release,
        "study": study_summary(study_instance_uid, instances=visible),
        "series": series_list(study_instance_uid, instances=visible),
        "scope": scope,
        "ohif_url": reverse("viewer:ohif", kwargs={"scope": scope, "study_instance_uid": study_instance_uid}),
    }
    return render(request, "releases/study.html", context)


@require_safe
@door(Action.RELEASES_READ_DRAFTS)
def drafts(request: ActorRequest) -> HttpResponse:
    """What is being prepared."""
    context = {"drafts": queries.drafts(), "may_manage": holds(request.actor, Action.RELEASES_MANAGE)}
    return render(request, "releases/drafts.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@door(Action.RELEASES_MANAGE)
def new(request: ActorRequest) -> HttpResponse:
    """Draft a version from a cohort."""
    if request.method != "POST":
        form = DraftForm(initial={"cohort": request.GET.get("cohort", ""), "slug": request.GET.get("slug", "")})
        return render(request, "releases/new.html", {"form": form})
    form = DraftForm(request.POST)
    if form.is_valid():
        try:
            cohort = cohort_by_id(int(form.cleaned_data["cohort"]))
            release = services.draft(form.wish(), cohort, actor=request.actor)
            services.check(release.pk, actor=request.actor)
        except RadCommonsError as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, "Drafted and checked. Nobody outside sees it before you publish it.")
            return redirect("releases:draft", release_id=release.pk)
    return render(request, "releases/new.html", {"form": form}, status=422)


@require_safe
@door(Action.RELEASES_READ_DRAFTS)
def draft(request: ActorRequest, release_id: int) -> HttpResponse:
    """A draft with what the checks found."""
    release = queries.draft_by_id(release_id)
    if release.state in queries.OUT:
        return redirect("releases:landing", slug=release.slug, version=release.version)
    findings = [Finding.from_json(value) for value in release.findings]
    modalities, body_parts = studies_by(queries.instances_of(release), "modality", "body_part_examined")
    context = {
        "release": release,
        "findings": sorted(findings, key=lambda finding: (not finding.is_error, finding.code)),
        "error_count": sum(finding.is_error for finding in findings),
        "modalities": modalities,
        "body_parts": body_parts,
        "licence": LICENCES.get(release.licence),
        "may_manage": holds(request.actor, Action.RELEASES_MANAGE),
        "is_restricted": release.access == ReleaseAccess.RESTRICTED,
        "reader_count": readers_of(release).values("user").distinct().count(),
    }
    return render(request, "releases/draft.html", context)


@require_POST
@door(Action.RELEASES_MANAGE)
def act(request: ActorRequest, release_id: int, verb: str) -> HttpResponse:
    """Check, publish or discard a draft, open or withdraw a version; the page before has asked for confirmation."""
    release = queries.draft_by_id(release_id)
    try:
        return _act(request, release, verb)
    except NotFoundError:
        raise
    except RadCommonsError as error:
        messages.error(request, error.message)
        return redirect("releases:draft", release_id=release_id)


def _act(request: ActorRequest, release: Release, verb: str) -> HttpResponse:
    match verb:
        case "check":
            services.check(release.pk, actor=request.actor)
            messages.success(request, "Checked.")
        case "publish":
            services.publish(release.pk, actor=request.actor)
            messages.success(request, "Published. This version never changes from now on.")
        case "discard":
            services.discard_draft(release.pk, actor=request.actor)
            messages.success(request, "The draft is gone.")
            return redirect("releases:drafts")
        case "withdraw":
            services.withdraw(release.pk, reason=request.POST.get("reason", ""), actor=request.actor)
            messages.success(request, "Withdrawn. The page says so, and why.")
        case "open":
            services.open_version(release.pk, reason=request.POST.get("reason", ""), actor=request.actor)
            messages.success(request, "Open: everybody may read this version from now on.")
        case _:
            raise NotFoundError
    return redirect("releases:draft", release_id=release.pk)


def _scope(release: Release) -> str:
    return f"releases/{release.slug}/{release.version}"


def _data_block(value: dict[str, Any]) -> str:
    """JSON that cannot end the element it stands in."""
    return orjson.dumps(value).decode().replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


urlpatterns = [
    path("releases/", data_sets, name="list"),
    path("releases/new/", new, name="new"),
    path("releases/drafts/", drafts, name="drafts"),
    path("releases/drafts/<int:release_id>/", draft, name="draft"),
    path("releases/drafts/<int:release_id>/<slug:verb>/", act, name="act"),
    path("releases/<slug:slug>/", versions, name="versions"),
    path("releases/<slug:slug>/<str:version>/", landing, name="landing"),
    path("releases/<slug:slug>/<str:version>/studies/", studies, name="studies"),
    path("releases/<slug:slug>/<str:version>/studies/<str:study_instance_uid>/", study, name="study"),
]
