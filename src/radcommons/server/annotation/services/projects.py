"""The verbs of a project as a whole: make it, name its members, start, pause and close it."""

import hashlib
import secrets
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from radcommons.server.annotation.errors import MoveNotPossibleError, ProjectInvalidError
from radcommons.server.annotation.models import Case, CaseInstance, LabelSchema, Reader, ReadingProject
from radcommons.server.annotation.queries.parsed import schema_value
from radcommons.server.annotation.rules.adjudicating import policies_for
from radcommons.server.annotation.rules.lots import Lot
from radcommons.server.annotation.rules.states import (
    PROJECT_MOVES,
    Duty,
    Phase,
    ProjectState,
    ProjectVerb,
    ReaderKind,
)
from radcommons.server.annotation.rules.wishes import LARGEST_SEED, ProjectWish
from radcommons.server.annotation.services.assigning import deal_tasks, lock_tasks
from radcommons.server.annotation.sources import resolve_source
from radcommons.server.archive.models import Instance, InstanceState
from radcommons.server.platform import accounts, audit
from radcommons.server.platform.actors import actor_of_user
from radcommons.server.platform.errors import ConflictError, NotFoundError
from radcommons.server.platform.policy import Action, Actor, Role, authorise, may
from radcommons.transfer.annotation.record import Item, Method
from radcommons.transfer.annotation.untyped import Node

ROLE_OF = {Duty.READ: Role.READER, Duty.ADJUDICATE: Role.ADJUDICATOR}
STARTS = frozenset({ProjectVerb.START_PILOT, ProjectVerb.START_READING})
Row = tuple[int, int, str, str, str]


def create_project(wish: ProjectWish, *, actor: Actor) -> ReadingProject:
    """Make a project of what its source holds at this moment; its cases never change afterwards.

    Raises
    ------
    ProjectInvalidError
        When the wish contradicts itself or its source holds nothing to read.
    NotFoundError
        When there is no such schema or source.
    ConflictError
        When the name is taken.
    """
    authorise(actor, Action.ANNOTATION_MANAGE)
    if problem := wish.problem():
        raise ProjectInvalidError(problem)
    schema = LabelSchema.objects.filter(name=wish.schema_name, version=wish.schema_version).first()
    if schema is None:
        raise NotFoundError("There is no such version of the schema.")
    source = resolve_source(wish.source_kind, wish.source_name, actor)
    columns = ("series__study_id", "pk", "series__study__study_instance_uid", "sop_instance_uid", "sha256")
    rows = source.instances.filter(state=InstanceState.STORED).order_by("sop_instance_uid").values_list(*columns)
    try:
        with transaction.atomic():
            project = _create(wish, schema, list(rows), dict(source.facts), actor)
    except IntegrityError as error:
        raise ConflictError("annotation.project-exists", "There is a project of that name already.") from error
    return project


def _create(
    wish: ProjectWish, schema: LabelSchema, rows: Sequence[Row], source: Mapping[str, str], actor: Actor
) -> ReadingProject:
    if not rows:
        raise ProjectInvalidError("The source holds nothing to read.")
    digest = hashlib.sha256("".join(f"{uid} {sha256}\n" for _, _, _, uid, sha256 in rows).encode()).hexdigest()
    blinding = {name: getattr(wish.blinding, name) for name in type(wish.blinding).__slots__}
    project = ReadingProject.objects.create(
        slug=wish.slug,
        title=wish.title.strip(),
        instructions=wish.instructions,
        schema=schema,
        state=ProjectState.DRAFT,
        task_kind=wish.task_kind,
        source=dict(source),
        cohort_digest=digest,
        seed=secrets.randbelow(LARGEST_SEED) if wish.seed is None else wish.seed,
        readers_per_case=wish.readers_per_case,
        overlap_share=wish.overlap_share,
        repeat_share=wish.repeat_share,
        washout_days=wish.washout_days,
        return_after_days=wish.return_after_days,
        deadline=wish.deadline,
        hanging=wish.hanging.to_json(),
        policies=policies_for(schema_value(schema), wish.policies),
        stopping={name: getattr(wish.stopping, name) for name in type(wish.stopping).__slots__},
        made_by=actor.name,
        made_at=timezone.now(),
        **blinding,
    )
    LabelSchema.objects.filter(pk=schema.pk, is_used=False).update(is_used=True)
    _add_cases(project, wish, rows)
    facts = {"schema": f"{schema.name}/{schema.version}", "digest": digest, "cases": project.cases.count(), **source}
    audit.record(actor, "annotation.project-made", object_kind="project", object_id=project.slug, facts=facts)
    return project


def _add_cases(project: ReadingProject, wish: ProjectWish, rows: Sequence[Row]) -> None:
    uid_of = {study_id: uid for study_id, _, uid, _, _ in rows}
    references = {uid: _reference(value, f"training.{uid}") for uid, value in wish.training.items()}
    if unknown := references.keys() - set(uid_of.values()):
        raise ProjectInvalidError(f"{len(unknown)} training cases are not in the source.")
    others = sorted(study_id for study_id, uid in uid_of.items() if uid not in references)
    lot = Lot(f"{project.seed}/pilot")
    pilot = set(lot.sample(others, min(wish.pilot_cases, len(others))))
    cases = Case.objects.bulk_create(
        Case(
            project=project,
            study_id=study_id,
            study_instance_uid=uid,
            phase=Phase.TRAINING if uid in references else Phase.PILOT if study_id in pilot else Phase.MAIN,
            reference=references.get(uid),
        )
        for study_id, uid in sorted(uid_of.items())
    )
    case_of = {case.study_id: case for case in cases}
    members = [CaseInstance(case=case_of[row[0]], instance_id=row[1]) for row in rows]
    if wish.blinding.shows_priors:
        members += _priors(case_of)
    CaseInstance.objects.bulk_create(members, batch_size=5000)


def _reference(value: object, path: str) -> list[dict[str, object]]:
    """The answer of a training case: items as plain JSON, read and written once so that they are what they claim."""
    return [Item.from_json(node).to_json() for node in Node(value, path).each(most=10_000)]


def _priors(case_of: Mapping[Any, Case]) -> list[CaseInstance]:
    """Earlier studies of the same subject, of those that the source holds."""
    columns = ("series__study__subject_id", "series__study_id", "series__study__study_date", "pk")
    rows = Instance.objects.filter(series__study__in=case_of, state=InstanceState.STORED).values_list(*columns)
    studies: dict[int, dict[int, tuple[Any, list[int]]]] = defaultdict(dict)
    for subject, study, day, key in rows:
        studies[subject].setdefault(study, (day, []))[1].append(key)
    return [
        CaseInstance(case=case_of[study], instance_id=key, is_prior=True)
        for of_subject in studies.values()
        for study, (day, _) in of_subject.items()
        for earlier, keys in of_subject.values()
        if day is not None and earlier is not None and earlier < day
        for key in keys
    ]


def add_member(project: ReadingProject, username: str, duty: Duty, *, method: Method, actor: Actor) -> Reader:
    """Let an account read or adjudicate in a project.

    Who comes when reading has started gets tasks by reassignment only: the lists of the others stay as they are. In a closed
    project, as reads of the past are one, there is nothing left to read and something to decide.

    Raises
    ------
    ProjectInvalidError
        When the account lacks the role, or is a member already.
    MoveNotPossibleError
        When somebody is to read in a closed project.
    """
    authorise(actor, Action.ANNOTATION_MANAGE)
    user = accounts.actor_named(username)
    action = Action.ANNOTATION_READ if duty is Duty.READ else Action.ANNOTATION_ADJUDICATE
    if not may(actor_of_user(user), action):
        raise ProjectInvalidError(f"The account does not have the role {ROLE_OF[duty].value.replace('_', ' ')}.")
    if project.state == ProjectState.CLOSED and duty is Duty.READ:
        raise MoveNotPossibleError(project.state)
    with transaction.atomic():
        ReadingProject.objects.select_for_update(no_key=True).get(pk=project.pk)
        if project.readers.filter(user=user, duty=duty).exists():
            raise ProjectInvalidError("The account is a member of the project already.")
        reader = Reader.objects.create(
            project=project,
            user=user,
            pseudonym=_pseudonym(project, duty),
            kind=ReaderKind.PERSON,
            duty=duty,
            method=method,
        )
        facts = {"duty": duty.value, "pseudonym": reader.pseudonym, "account": username}
        audit.record(actor, "annotation.member-added", object_kind="project", object_id=project.slug, facts=facts)
    return reader


def amend_project(project: ReadingProject, *, instructions: str, deadline: date | None, actor: Actor) -> ReadingProject:
    """Change what readers are told and until when, also while they read; what changed is on the record.

    Raises
    ------
    MoveNotPossibleError
        When the project is closed.
    """
    authorise(actor, Action.ANNOTATION_MANAGE)
    with transaction.atomic():
        row = ReadingProject.objects.select_for_update(no_key=True).get(pk=project.pk)
        if row.state == ProjectState.CLOSED:
            raise MoveNotPossibleError(row.state)
        facts = {
            "deadline": deadline.isoformat() if deadline else "",
            "instructions_sha256": hashlib.sha256(instructions.encode()).hexdigest(),
            "are_instructions_new": instructions != row.instructions,
        }
        row.instructions, row.deadline = instructions, deadline
        row.save(update_fields=["instructions", "deadline"])
        audit.record(actor, "annotation.project-amended", object_kind="project", object_id=row.slug, facts=facts)
    return row


def _pseudonym(project: ReadingProject, duty: Duty) -> str:
    letter = "R" if duty is Duty.READ else "A"
    taken = set(project.readers.values_list("pseudonym", flat=True))
    return next(name for number in range(1, 10_000) if (name := f"{letter}{number}") not in taken)


def move_project(project: ReadingProject, verb: ProjectVerb, *, actor: Actor) -> ReadingProject:
    """Start, pause or close a project. The first start deals the cases to the readers.

    Raises
    ------
    MoveNotPossibleError
        When its state does not allow it.
    ProjectInvalidError
        When it has too few readers to start.
    """
    authorise(actor, Action.ANNOTATION_MANAGE)
    with transaction.atomic():
        row = ReadingProject.objects.select_for_update(no_key=True).get(pk=project.pk)
        before = ProjectState(row.state)
        after = PROJECT_MOVES.get((before, verb))
        if after is None:
            raise MoveNotPossibleError(before)
        dealt = deal_tasks(row) if before is ProjectState.DRAFT and verb in STARTS else 0
        if after is ProjectState.CLOSED:
            lock_tasks(row)
        row.state = after
        row.save(update_fields=["state"])
        facts = {"from": before.value, "to": after.value, "tasks": dealt}
        audit.record(actor, f"annotation.project-{verb}", object_kind="project", object_id=row.slug, facts=facts)
    return row
