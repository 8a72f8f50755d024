"""The audit log: filtered by its address, paged, verified on request; for administrators."""

from datetime import UTC, datetime, time
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from radcommons.server.platform import audit
from radcommons.server.platform.doors import ActorRequest, door
from radcommons.server.platform.models import AuditCheckpoint, AuditEvent
from radcommons.server.platform.paging import KeyPaginator
from radcommons.server.platform.policy import Action
from radcommons.server.platform.rows import indexed_values
from radcommons.server.portal.forms import AuditFilterForm

EVENTS_A_PAGE = 100


@require_safe
@door(Action.PLATFORM_READ_AUDIT)
def audit_log(request: ActorRequest) -> HttpResponse:
    """Who did what, when; the latest first."""
    form = AuditFilterForm(request.GET)
    events = _filtered(form.cleaned_data) if form.is_valid() else AuditEvent.objects.none()
    context: dict[str, Any] = {
        "form": form,
        "page": KeyPaginator(events, EVENTS_A_PAGE).get_page(request.GET.get("page", 1)),
        "checkpoint": AuditCheckpoint.objects.order_by("-sequence").first(),
        "actions": indexed_values(AuditEvent, "action"),
    }
    if request.GET.get("verify"):
        count, findings = audit.verify()
        context["verified"] = {"count": count, "findings": findings}
    return render(request, "portal/audit.html", context)


def _filtered(wanted: dict[str, Any]) -> QuerySet[AuditEvent]:
    events = AuditEvent.objects.select_related("link").order_by("-id")
    if wanted["actor"]:
        events = events.filter(actor__icontains=wanted["actor"])
    if wanted["action"]:
        events = events.filter(action__startswith=wanted["action"])
    if wanted["object_id"]:
        events = events.filter(object_id__startswith=wanted["object_id"])
    if wanted["since"]:
        events = events.filter(at__gte=datetime.combine(wanted["since"], time.min, tzinfo=UTC))
    if wanted["until"]:
        events = events.filter(at__lte=datetime.combine(wanted["until"], time.max, tzinfo=UTC))
    return events
