"""Images that are read, or were, are not purged from under their labels; a person's right goes before them."""

import pytest
from tests.support.reading import looks, make_project, submit
from tests.support.studies import OPERATOR, store_study

from radcommons.apps.wiring import wire
from radcommons.server.annotation.rules.states import ProjectVerb
from radcommons.server.annotation.services import projects
from radcommons.server.annotation.services.suspending import suspend_study
from radcommons.server.annotation.storage_needs import LABELLED, SHOWN, read_or_labelled
from radcommons.server.archive import services
from radcommons.server.archive.models import Instance, InstanceState
from radcommons.server.archive.services.purging import Cause, Selection
from radcommons.server.platform.errors import ConflictError

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("tmp_store")]
WHY = {"cause": Cause.CONSENT, "reason": "Consent was withdrawn."}


def ids_of(study: str) -> list[int]:
    return list(Instance.objects.filter(series__study__study_instance_uid=study).values_list("pk", flat=True))


def test_what_readers_are_shown_is_needed_until_the_project_closes_and_what_they_labelled_afterwards(tmp_path):
    project = make_project(tmp_path, studies=2, readers=("anna",))
    read, unread = list(project.cases.order_by("id").values_list("study_instance_uid", flat=True))
    elsewhere = store_study(tmp_path, "elsewhere")
    submit("anna", read, looks(read))
    everything = ids_of(read) + ids_of(unread) + ids_of(elsewhere)
    assert read_or_labelled(everything) == dict.fromkeys(ids_of(read) + ids_of(unread), SHOWN)
    projects.move_project(project, ProjectVerb.CLOSE, actor=OPERATOR)
    assert read_or_labelled(everything) == dict.fromkeys(ids_of(read), LABELLED)
    assert read_or_labelled([]) == {}


def test_a_purge_keeps_what_is_read_says_so_and_goes_on_once_curation_has_taken_it_back(tmp_path):
    wire()
    project = make_project(tmp_path, studies=1, readers=("anna",))
    study = project.cases.get().study_instance_uid
    submit("anna", study, looks(study))
    plan = services.plan_purge(Selection(study), **WHY)
    assert set(plan.kept) == {SHOWN}
    with pytest.raises(ConflictError):
        services.apply_purge(Selection(study), **WHY, plan_sha256=plan.sha256, actor=OPERATOR)
    suspend_study(study, is_suspended=True)
    after = services.plan_purge(Selection(study), **WHY)
    assert not set(after.kept) - {""}
    done = services.apply_purge(Selection(study), **WHY, plan_sha256=after.sha256, actor=OPERATOR)
    rows = Instance.objects.filter(series__study__study_instance_uid=study)
    assert done.instances == rows.count() == 2
    assert set(rows.values_list("state", flat=True)) == {InstanceState.PURGED}
    assert project.tasks.filter(submission__isnull=False).count() == 1


def test_a_case_that_was_given_out_after_the_plan_stops_the_purge(tmp_path):
    wire()
    study = store_study(tmp_path, "case-0", slices=2)
    plan = services.plan_purge(Selection(study), **WHY)
    make_project(tmp_path, studies=1, readers=("anna",))
    with pytest.raises(ConflictError, match="no longer"):
        services.apply_purge(Selection(study), **WHY, plan_sha256=plan.sha256, actor=OPERATOR)
