"""Who reads what: balanced, seeded, reassigned, returned, repeated; and what algorithms propose."""

from collections import Counter
from datetime import date, timedelta
from itertools import combinations

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone
from tests.support.batches import uid
from tests.support.reading import browser, chest_schema, item, looks, make_project, person, submit, task_of

from radcommons.server.annotation.errors import MoveNotPossibleError, ProjectInvalidError, ReadIncompleteError
from radcommons.server.annotation.models import CaseInstance, LabelSchema, Revision, Task
from radcommons.server.annotation.queries import worklist
from radcommons.server.annotation.rules.planning import CaseToPlan, Plan, plan_tasks
from radcommons.server.annotation.rules.states import Phase
from radcommons.server.annotation.services import assigning, schemas
from radcommons.server.annotation.services.modelling import ModelRead, record_model_reads
from radcommons.server.platform.errors import ConflictError
from radcommons.server.platform.policy import Actor

OPERATOR = Actor.system("tests")
STUDY, OTHER = uid("study", "case-0"), uid("study", "case-1")
CASES = [CaseToPlan(number, Phase.MAIN) for number in range(100)]
READERS = ("R1", "R2", "R3", "R4")


def test_loads_and_pairs_are_balanced_and_the_seed_gives_the_same_lists_again():
    plan = Plan(readers_per_case=2, overlap_share=1.0, repeat_share=0.0, seed=11)
    tasks = plan_tasks(CASES, READERS, plan)
    assert set(Counter(task.reader for task in tasks).values()) == {50}
    readers_of = {case.case_id: [] for case in CASES}
    for task in tasks:
        readers_of[task.case_id].append(task.reader)
    pairs = Counter(tuple(sorted(pair)) for pair in readers_of.values())
    assert set(pairs) == set(combinations(READERS, 2))
    assert max(pairs.values()) - min(pairs.values()) <= 2
    assert tasks == plan_tasks(CASES, READERS, plan)
    other = plan_tasks(CASES, READERS, Plan(2, 1.0, 0.0, seed=12))
    assert [task.case_id for task in tasks] != [task.case_id for task in other]


def test_only_the_overlapping_share_has_several_readers_and_repeats_come_late():
    tasks = plan_tasks(CASES, READERS, Plan(3, 0.2, 0.1, seed=5))
    first = [task for task in tasks if task.occasion == 1]
    assert Counter(Counter(task.case_id for task in first).values()) == {3: 20, 1: 80}
    place = {(task.reader, task.case_id, task.occasion): task.position for task in tasks}
    again = [task for task in tasks if task.occasion == 2]
    assert len(again) == sum(round(0.1 * count) for count in Counter(task.reader for task in first).values())
    for task in again:
        mine = [one.position for one in tasks if one.reader == task.reader]
        assert place[task.reader, task.case_id, 1] < task.position
        assert task.position > len(mine) / 3


def test_training_and_pilot_cases_go_to_everybody_before_all_others():
    cases = [CaseToPlan(1, Phase.TRAINING), CaseToPlan(2, Phase.PILOT), *CASES[3:6]]
    tasks = plan_tasks(cases, READERS, Plan(1, 1.0, 0.0, seed=1))
    for reader in READERS:
        own = sorted((task for task in tasks if task.reader == reader), key=lambda task: task.position)
        assert [task.case_id for task in own[:2]] == [1, 2]


@pytest.mark.django_db
def test_a_repeat_opens_only_after_the_wash_out_and_is_told_by_nothing(tmp_path):
    project = make_project(tmp_path, studies=2, readers=("anna",), repeat_share=0.5, washout_days=3)
    again = project.tasks.get(occasion=2)
    anna = browser("anna")
    assert again.key not in worklist.openable(again.reader)
    assert anna.get(f"/api/v1/annotation/tasks/{again.key}").status_code == 404
    for study in (STUDY, OTHER):
        submit("anna", study, looks(study))
    assert worklist.openable(again.reader) == []
    assert worklist.own_projects(person("anna"))[0].waiting == 1
    Task.objects.filter(pk=again.pk).update(available_at=timezone.now() - timedelta(days=1))
    assert worklist.openable(again.reader) == [again.key]
    shown = anna.get(f"/api/v1/annotation/tasks/{again.key}").json()
    assert shown["read"] is None
    submit("anna", again.case.study_instance_uid, looks(again.case.study_instance_uid, "atypical"), occasion=2)
    assert Task.objects.filter(case=again.case, submission__isnull=False).count() == 2


@pytest.mark.django_db
def test_a_training_case_is_read_first_and_answered_with_its_reference(tmp_path):
    training = {STUDY: looks(STUDY, "atypical")}
    make_project(tmp_path, studies=2, readers=("anna",), training=training)
    task, anna = task_of("anna", STUDY), browser("anna")
    assert worklist.openable(task.reader) == [task.key]
    assert anna.get(f"/api/v1/annotation/tasks/{task_of('anna', OTHER).key}").status_code == 404
    assert anna.get(f"/api/v1/annotation/tasks/{task.key}").json()["feedback"] is None
    submit("anna", STUDY, looks(STUDY))
    told = anna.get(f"/api/v1/annotation/tasks/{task.key}").json()
    assert told["feedback"]["items"][0]["value"] == "atypical"
    assert not told["may_reopen"]
    assert worklist.openable(task.reader) == [task_of("anna", OTHER).key]


@pytest.mark.django_db
def test_a_read_goes_to_the_reader_with_least_left_who_is_there_and_has_not_read_it(tmp_path):
    project = make_project(tmp_path, readers=("anna", "bert", "cleo"), readers_per_case=1)
    task = Task.objects.filter(reader__user__username="anna").first()
    away = project.readers.get(user__username="bert")
    today = timezone.localdate()
    assigning.note_absence(away, today, today + timedelta(days=7), actor=OPERATOR)
    made = assigning.reassign(task.key, actor=OPERATOR)
    assert (made.reader.user.username, made.case_id) == ("cleo", task.case_id)
    assert browser("anna").get(f"/api/v1/annotation/tasks/{task.key}").status_code == 404
    with pytest.raises(MoveNotPossibleError):
        assigning.reassign(task.key, actor=OPERATOR)
    with pytest.raises(ProjectInvalidError):
        assigning.note_absence(away, date(2026, 2, 2), date(2026, 2, 1), actor=OPERATOR)


@pytest.mark.django_db
def test_a_returned_read_comes_back_first_with_the_reason_and_supersedes_the_other(project):
    task = submit("anna", STUDY, looks(STUDY))
    assigning.return_task(task.key, reason="Read the other series.", actor=OPERATOR)
    assert worklist.openable(task.reader)[0] == task.key
    shown = browser("anna").get(f"/api/v1/annotation/tasks/{task.key}").json()
    assert (shown["state"], shown["return_reason"]) == ("returned", "Read the other series.")
    again = submit("anna", STUDY, looks(STUDY, "negative"))
    assert [one.is_submission for one in again.revisions.order_by("number")] == [True, True]
    assert again.submission.number == 2


@pytest.mark.django_db
def test_what_was_read_frozen_or_used_cannot_be_changed_even_by_hand(project):
    submit("anna", STUDY, looks(STUDY))
    for rows, change in (
        (Revision.objects.all(), {"active_seconds": 9}),
        (CaseInstance.objects.all(), {"is_prior": True}),
        (LabelSchema.objects.all(), {"title": "Other"}),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            rows.update(**change)
    with pytest.raises(ConflictError):
        schemas.add_schema(chest_schema(title="Other labels"), actor=OPERATOR)


@pytest.mark.django_db
def test_results_of_an_algorithm_are_hidden_until_the_project_shows_them(tmp_path):
    project = make_project(tmp_path, readers=("anna",))
    record_model_reads(project, "Segmenter 2.1", [ModelRead(STUDY, looks(STUDY))], actor=OPERATOR)
    key, anna = task_of("anna", STUDY).key, browser("anna")
    assert anna.get(f"/api/v1/annotation/tasks/{key}").json()["ai"] == []
    type(project).objects.update(shows_ai=True)
    shown = anna.get(f"/api/v1/annotation/tasks/{key}").json()["ai"]
    assert (shown[0]["software"], shown[0]["items"][0]["value"]) == ("Segmenter 2.1", "typical")
    with pytest.raises(ProjectInvalidError):
        record_model_reads(project, "Segmenter 2.1", [ModelRead(STUDY, looks(STUDY))], actor=OPERATOR)
    with pytest.raises(ReadIncompleteError):
        record_model_reads(project, "Other 1", [ModelRead(OTHER, [item("a", "unheard", OTHER)])], actor=OPERATOR)


@pytest.mark.django_db
def test_a_review_is_done_when_every_proposal_has_a_word_and_keeps_what_was_accepted(tmp_path):
    project = make_project(tmp_path, readers=("anna",), task_kind="review")
    proposed = [item("a", "appearance", STUDY, "typical"), item("e", "effusion", STUDY)]
    record_model_reads(project, "Finder 1", [ModelRead(STUDY, proposed)], actor=OPERATOR)
    shown = browser("anna").get(f"/api/v1/annotation/tasks/{task_of('anna', STUDY).key}").json()["proposals"]
    assert [one["id"] for one in shown] == ["M1.a", "M1.e"]
    with pytest.raises(ReadIncompleteError):
        submit("anna", STUDY, verdicts={"M1.a": "accept"})
    task = submit("anna", STUDY, verdicts={"M1.a": "accept", "M1.e": "reject"})
    said = task.submission.body["reading"]["items"]
    assert [(one["id"], one["value"]) for one in said] == [("M1.a", "typical")]
