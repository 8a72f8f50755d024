"""Removing bytes for good, in two steps: a plan that a person reads, then exactly that plan, with a signed tombstone.

Only what nothing needs goes: no version, no curator, no reading. What remains is the row of the purge, its tombstone with
the digests, and that the same bytes are not taken again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from django.db import transaction
from django.db.models import ProtectedError, QuerySet
from django.utils import timezone

from radcommons.server.archive import companions, metadata
from radcommons.server.archive.models import Instance, InstanceState, Purge, PurgedObject, Series, Study
from radcommons.server.archive.services.mending import delete_bytes
from radcommons.server.archive.storage import PurgeItem, PurgePlan, spread_over
from radcommons.server.platform import audit, keys
from radcommons.server.platform.errors import ConflictError, InvalidError, NotFoundError
from radcommons.server.platform.policy import Actor
from radcommons.server.sites.models import Site
from radcommons.server.sites.queries import valid_agreement
from radcommons.transfer.release.attestation import sign, statement

PROMISED = "an agreement in force covers it"


class Cause(StrEnum):
    """Why bytes go; the promise of an agreement stands against tidying up, not against a person's right."""

    CONSENT = "consent-withdrawn"
    IDENTIFIERS = "identifiers-found"
    AGREEMENT = "agreement-ended"
    HOUSEKEEPING = "housekeeping"


@dataclass(frozen=True, slots=True)
class Selection:
    """What is to go: one study, or everything of one subject of a site's project."""

    study_instance_uid: str = ""
    site_code: str = ""
    project: str = ""
    subject_id: str = ""

    @property
    def text(self) -> str:
        """The selection as the plan says it, without an identifier."""
        return "a study" if self.study_instance_uid else f"a subject of {self.site_code}/{self.project}"


def plan_purge(selection: Selection, *, cause: Cause, reason: str) -> PurgePlan:
    """What a purge would remove and what it would keep, and why; nothing is changed.

    Raises
    ------
    InvalidError
        When no reason is given.
    NotFoundError
        When nothing stored is selected.
    """
    if not reason.strip():
        raise InvalidError("archive.purge-reason", "Say why the bytes are to be removed; the reason stays on record.")
    rows = _selected(selection).exclude(state__in=[InstanceState.PURGED]).order_by("sha256")
    columns = ("pk", "sha256", "size_bytes", "series__study__subject__site__code", "series__study__subject__project")
    found = list(rows.values_list(*columns))
    if not found:
        raise NotFoundError("Nothing that is stored is selected.")
    needed = companions.needed(key for key, *_ in found)
    promised = _promised({(row[3], row[4]) for row in found}) if cause is Cause.HOUSEKEEPING else frozenset()
    items = []
    for key, sha256, size_bytes, site_code, project in found:
        kept_for = needed.get(key) or (PROMISED if (site_code, project) in promised else "")
        items.append(PurgeItem(sha256, size_bytes, site_code, project, kept_for))
    return PurgePlan(reason.strip(), cause.value, selection.text, tuple(items))


def _promised(places: set[tuple[str, str]]) -> frozenset[tuple[str, str]]:
    """The projects at sites whose agreement is in force: the centre said that it would keep what they send."""
    today, sites = timezone.localdate(), {site.code: site for site in Site.objects.all()}
    return frozenset(
        (code, project) for code, project in places if valid_agreement(sites[code], project, today) is not None
    )


def _selected(selection: Selection) -> QuerySet[Instance]:
    rows = Instance.objects.all()
    if selection.study_instance_uid:
        return rows.filter(series__study__study_instance_uid=selection.study_instance_uid)
    return rows.filter(
        series__study__subject__site__code=selection.site_code,
        series__study__subject__project=selection.project,
        series__study__subject__subject_id=selection.subject_id,
    )


def apply_purge(selection: Selection, *, cause: Cause, reason: str, plan_sha256: str, actor: Actor) -> Purge:
    """Remove what a plan says. Applying a plan again finishes what an interruption left and changes nothing more.

    First the rows go and the tombstone is written, in one transaction; from then on nobody is shown anything of it. Then the
    bytes go, under every name they have.

    Raises
    ------
    ConflictError
        When the archive is no longer as the plan saw it: make a new plan and read it.
    """
    known = Purge.objects.filter(plan_sha256=plan_sha256).first()
    if known is None:
        plan = plan_purge(selection, cause=cause, reason=reason)
        if plan.sha256 != plan_sha256:
            raise ConflictError(
                "archive.purge-plan", "The archive is no longer as the plan saw it. Plan again and read it."
            )
        if not plan.purged:
            raise ConflictError("archive.purge-nothing", "Everything that is selected is needed. Nothing was removed.")
        known = _bury(plan, actor)
    _remove_bytes(known)
    return known


@transaction.atomic
def _bury(plan: PurgePlan, actor: Actor) -> Purge:
    digests = [item.sha256 for item in plan.purged]
    rows = Instance.objects.filter(sha256__in=digests).select_for_update(of=("self",))
    ids = list(rows.values_list("pk", flat=True))
    if companions.needed(ids):
        raise ConflictError(
            "archive.purge-plan", "The archive is no longer as the plan saw it. Plan again and read it."
        )
    document = statement(
        {digest: digest for digest in digests},
        {
            "cause": plan.cause,
            "reason": plan.reason,
            "plan": plan.sha256,
            "at": timezone.now().isoformat(timespec="seconds"),
        },
        predicate_type="https://radcommons.org/attestation/purge/v1",
    )
    purge = Purge.objects.create(
        plan_sha256=plan.sha256,
        reason=plan.reason,
        instances=len(digests),
        size_bytes=plan.size_bytes,
        tombstone=sign(document, keys.signing_key()),
        applied_by=actor.name,
    )
    series = dict(Instance.objects.filter(pk__in=ids).values_list("sha256", "series_id"))
    PurgedObject.objects.bulk_create(
        [PurgedObject(purge=purge, sha256=digest, series_id=series[digest]) for digest in digests]
    )
    _forget(ids)
    _scrub_empty(series.values())
    facts = {"instances": len(digests), "sha256": spread_over(digests), "plan": plan.sha256, "cause": plan.cause}
    audit.record(actor, "archive.purge", object_kind="purge", object_id=purge.pk, facts=facts)
    return purge


def _forget(ids: Sequence[int]) -> None:
    """Remove the rows; of those that a withdrawn version still names, everything but name and digest."""
    for instance_id in ids:
        row = Instance.objects.filter(pk=instance_id)
        try:
            with transaction.atomic():
                row.delete()
        except ProtectedError:
            row.update(state=InstanceState.PURGED, dicom_json=metadata.pack(b"{}"), frames=[], placed_in=None)


def _scrub_empty(series_ids: Iterable[int]) -> None:
    """Take the descriptions from series and studies of which nothing is left; their identifiers stay for the record."""
    nothing = metadata.pack(b"{}")
    empty = Series.objects.filter(pk__in=list(series_ids)).exclude(instances__state__in=_LIVING)
    texts = dict.fromkeys(("body_part_examined", "series_description", "protocol_name", "manufacturer_model_name"), "")
    studies = set(empty.values_list("study_id", flat=True))
    Series.objects.filter(pk__in=list(empty.values_list("pk", flat=True))).update(series_json=nothing, **texts)
    gone = Study.objects.filter(pk__in=studies).exclude(series__instances__state__in=_LIVING)
    Study.objects.filter(pk__in=list(gone.values_list("pk", flat=True))).update(
        study_json=nothing,
        study_description="",
        patient_name="",
        patient_sex="",
        patient_age_years=None,
        study_date=None,
        study_time="",
        accession_number="",
    )


_LIVING = (InstanceState.STORED, InstanceState.STORING, InstanceState.DAMAGED)


def _remove_bytes(purge: Purge) -> None:
    for sha256, series_id in purge.removed.values_list("sha256", "series_id").iterator(chunk_size=500):
        delete_bytes(sha256, series_id)


def lift_purge(plan_sha256: str, *, actor: Actor) -> int:
    """Let the same bytes be taken again, for example when a purge was a mistake; the tombstone stays.

    Returns
    -------
    How many digests are no longer refused.
    """
    purge = Purge.objects.filter(plan_sha256=plan_sha256).first()
    if purge is None:
        raise NotFoundError("No purge was applied under this digest.")
    with transaction.atomic():
        count, _ = purge.removed.all().delete()
        audit.record(actor, "archive.purge-lifted", object_kind="purge", object_id=purge.pk, facts={"objects": count})
    return count
