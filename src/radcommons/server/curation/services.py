"""The verbs of curation: open a case when a study has arrived, decide about it."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from django.db import transaction
from django.utils import timezone

from radcommons.dicom.errors import RadCommonsError
from radcommons.dicom.finding import Finding, Severity
from radcommons.server.archive.models import Instance, InstanceState, Study
from radcommons.server.curation import facts
from radcommons.server.curation.checks import check_study
from radcommons.server.curation.errors import DecisionNotPossibleError, ReasonMissingError
from radcommons.server.curation.models import Case, CheckResult, Decision
from radcommons.server.curation.rules import (
    FACT_KINDS,
    CaseState,
    Verb,
    needs_reason,
    next_state,
    state_after_checks,
)
from radcommons.server.platform import audit, outbox
from radcommons.server.platform.errors import NotFoundError
from radcommons.server.platform.policy import Action, Actor, authorise

JOURNEY = Actor.system("journey")


@dataclass(frozen=True, slots=True)
class BulkResult:
    """What became of several studies decided at once.

    Parameters
    ----------
    skipped
        How many were passed over, by the code of the reason.
    """

    decided: int
    skipped: dict[str, int]


def open_case(study_instance_uid: str) -> CaseState:
    """Put a study before the curators and run the checks; safe to run again.

    Nothing changes when the stored instances are those that the checks have seen already.

    Raises
    ------
    NotFoundError
        When the study is not in the archive.
    """
    with transaction.atomic():
        study = Study.objects.select_for_update(no_key=True).filter(study_instance_uid=study_instance_uid).first()
        if study is None:
            raise NotFoundError("There is no such study in the archive.")
        case = Case.objects.select_for_update(no_key=True).filter(study=study).first()
        content_sha256 = _content_sha256(study)
        if case is not None and case.content_sha256 == content_sha256:
            return CaseState(case.state)
        before = CaseState(case.state) if case is not None else None
        after = state_after_checks(before, is_changed=True)
        findings = check_study(facts.study_facts(study), today=timezone.now().date())
        case = case or Case(study=study)
        case.state, case.content_sha256, case.opened_at = after, content_sha256, timezone.now()
        _save_findings(case, findings)
        audit.record(
            JOURNEY,
            "curation.opened",
            object_kind="study",
            object_id=study_instance_uid,
            facts={"from": before or "", "to": after, "errors": case.error_count, "warnings": case.warning_count},
        )
    return after


def accept_derived(study_instance_uid: str, *, sop_instance_uids: Collection[str]) -> None:
    """Let a curator's clearance stand for what the centre itself made of the cleared images; safe to run again.

    It stands when nothing else changed and the checks find no new error. Otherwise the study has new contents, which is
    announced as such. Either way exactly one fact follows.

    Parameters
    ----------
    sop_instance_uids
        What was made: coded content under pseudonyms, without a word that a person wrote.
    """
    with transaction.atomic():
        study = Study.objects.select_for_update(no_key=True).filter(study_instance_uid=study_instance_uid).first()
        case = Case.objects.select_for_update(no_key=True).filter(study=study, state=CaseState.CLEARED).first()
        if study is None or (case is not None and case.content_sha256 == _content_sha256(study)):
            return
        findings = check_study(facts.study_facts(study), today=timezone.now().date())
        errors = sum(finding.severity is Severity.ERROR for finding in findings)
        is_kept = (
            case is not None
            and case.content_sha256 == _content_sha256(study, without=sop_instance_uids)
            and errors <= case.error_count
        )
        if case is not None and is_kept:
            case.content_sha256 = _content_sha256(study)
            _save_findings(case, findings)
            told = {"objects": len(sop_instance_uids)}
            audit.record(
                JOURNEY, "curation.derived-accepted", object_kind="study", object_id=study_instance_uid, facts=told
            )
        outbox.announce("DerivedAccepted" if is_kept else "InstancesStored", study_instance_uid=study_instance_uid)


def _content_sha256(study: Study, *, without: Collection[str] = ()) -> str:
    rows = Instance.objects.filter(series__study=study, state=InstanceState.STORED)
    rows = rows.exclude(sop_instance_uid__in=without)
    digest = hashlib.sha256()
    for uid, sha256 in rows.order_by("sop_instance_uid").values_list("sop_instance_uid", "sha256").iterator():
        digest.update(f"{uid} {sha256}\n".encode())
    return digest.hexdigest()


def _save_findings(case: Case, findings: Sequence[Finding]) -> None:
    case.error_count = sum(finding.severity is Severity.ERROR for finding in findings)
    case.warning_count = sum(finding.severity is Severity.WARNING for finding in findings)
    case.save()
    case.check_results.all().delete()
    CheckResult.objects.bulk_create(
        CheckResult(
            case=case,
            severity=finding.severity.value,
            code=finding.code,
            place=finding.where,
            message=finding.message,
        )
        for finding in findings
    )


def clear(study_instance_uid: str, *, actor: Actor, reason: str = "") -> None:
    """Let a study go on to the catalog. See :func:`decide` for what is raised."""
    decide(Verb.CLEAR, study_instance_uid, actor=actor, reason=reason)


def hold(study_instance_uid: str, *, actor: Actor, reason: str) -> None:
    """Keep a study back until something is settled. See :func:`decide` for what is raised."""
    decide(Verb.HOLD, study_instance_uid, actor=actor, reason=reason)


def return_to_site(study_instance_uid: str, *, actor: Actor, reason: str) -> None:
    """Ask the site to correct a study and send it again. See :func:`decide` for what is raised."""
    decide(Verb.RETURN, study_instance_uid, actor=actor, reason=reason)


def reject(study_instance_uid: str, *, actor: Actor, reason: str) -> None:
    """Refuse a study for good. See :func:`decide` for what is raised."""
    decide(Verb.REJECT, study_instance_uid, actor=actor, reason=reason)


def decide(verb: Verb, study_instance_uid: str, *, actor: Actor, reason: str = "") -> None:
    """Decide about a study, on the record.

    Raises
    ------
    ForbiddenError
        When the actor does not curate.
    NotFoundError
        When the study has no case.
    DecisionNotPossibleError
        When its state does not allow the verb, for instance because a colleague was faster.
    ReasonMissingError
        When the decision needs a reason.
    """
    authorise(actor, Action.CURATION_DECIDE)
    reason = reason.strip()
    with transaction.atomic():
        case = _locked_case(study_instance_uid)
        before = CaseState(case.state)
        after = next_state(before, verb)
        if after is None:
            raise DecisionNotPossibleError(verb, before)
        if needs_reason(verb, error_count=case.error_count) and not reason:
            raise ReasonMissingError(verb)
        case.state, case.decided_at = after, timezone.now()
        case.save(update_fields=["state", "decided_at"])
        Decision.objects.create(
            case=case,
            verb=verb,
            from_state=before,
            to_state=after,
            reason=reason,
            actor=actor.name,
            decided_at=case.decided_at,
        )
        change = {"from": before.value, "to": after.value, "reason": reason}
        audit.record(actor, f"curation.{verb}", object_kind="study", object_id=study_instance_uid, facts=change)
        outbox.announce(FACT_KINDS[verb], study_instance_uid=study_instance_uid, facts={"reason": reason})


# What a reader can see that sends a study back, in the words in which a curator reads it.
FLAG_REASONS: Mapping[str, str] = MappingProxyType(
    {
        "burned_in_text": "A reader saw writing in the pixels.",
        "wrong_body_part": "A reader saw another part of the body than expected.",
    }
)


def take_back(study_instance_uid: str, *, flags: Iterable[str], since: datetime) -> None:
    """Hold a study because a reader saw something in it; safe to run again.

    A decision that a person took after the reader's word stands.
    """
    with transaction.atomic():
        case = Case.objects.select_for_update(no_key=True).filter(study__study_instance_uid=study_instance_uid).first()
        if case is None or next_state(CaseState(case.state), Verb.HOLD) is None:
            return
        if case.decided_at is not None and case.decided_at > since:
            return
        before = case.state
        reason = " ".join(FLAG_REASONS[flag] for flag in flags if flag in FLAG_REASONS)
        case.state, case.decided_at = CaseState.HELD, timezone.now()
        case.save(update_fields=["state", "decided_at"])
        Decision.objects.create(
            case=case,
            verb=Verb.HOLD,
            from_state=before,
            to_state=CaseState.HELD,
            reason=reason,
            actor=JOURNEY.name,
            decided_at=case.decided_at,
        )
        change = {"from": before, "to": CaseState.HELD.value, "reason": reason}
        audit.record(JOURNEY, "curation.hold", object_kind="study", object_id=study_instance_uid, facts=change)


def _locked_case(study_instance_uid: str) -> Case:
    case = Case.objects.select_for_update(no_key=True).filter(study__study_instance_uid=study_instance_uid).first()
    if case is None:
        raise NotFoundError("There is no such study in curation.")
    return case


def clear_several(study_instance_uids: Iterable[str], *, actor: Actor, reason: str = "") -> BulkResult:
    """Clear several studies; one that cannot be cleared does not stop the others.

    Raises
    ------
    ForbiddenError
        When the actor does not curate.
    """
    authorise(actor, Action.CURATION_DECIDE)
    decided = 0
    skipped: dict[str, int] = {}
    for study_instance_uid in study_instance_uids:
        try:
            clear(study_instance_uid, actor=actor, reason=reason)
        except RadCommonsError as error:
            skipped[error.code] = skipped.get(error.code, 0) + 1
        else:
            decided += 1
    return BulkResult(decided, skipped)


def clear_all(*, actor: Actor, reason: str = "") -> BulkResult:
    """Clear every open study in which the checks found no error; what is held stays held."""
    rows = Case.objects.filter(state=CaseState.OPEN, error_count=0).order_by("id")
    return clear_several(list(rows.values_list("study__study_instance_uid", flat=True)), actor=actor, reason=reason)
