"""A reader's own figures: work, training, and themselves twice, the last only when nobody can be told too early."""

from datetime import timedelta

import pytest
from django.utils import timezone
from tests.support.batches import uid
from tests.support.reading import browser, item, looks, make_project, submit
from tests.support.studies import OPERATOR

from radcommons.server.annotation.models import ReadingProject, Task
from radcommons.server.annotation.rules.states import ProjectVerb
from radcommons.server.annotation.services import projects
from radcommons.server.annotation.services.agreeing import compute_agreement

pytestmark = pytest.mark.django_db
STUDIES = [uid("study", f"case-{number}") for number in range(3)]


def page_of(name: str) -> str:
    """What somebody's page of figures says."""
    return browser(name).get("/annotation/reads/figures/").content.decode()


def test_training_is_compared_with_its_answers_and_time_is_the_readers_own(tmp_path):
    reference = [item("r", "appearance", STUDIES[0], "typical"), item("g", "grade", STUDIES[0], "severe")]
    make_project(tmp_path, readers=("anna", "bert"), training={STUDIES[0]: reference})
    submit("anna", STUDIES[0], looks(STUDIES[0], "typical", "mild"))
    Task.objects.exclude(submission=None).update(active_seconds=90)
    page = page_of("anna")
    # Five questions, of which two were answered and three say that nothing was found; the grade differs.
    assert '<td class="rc-number">4</td><td class="rc-number">5</td>' in page
    assert "<dt>Minutes a read, median</dt><dd>1.5</dd>" in page
    assert "<dt>Reads an hour</dt><dd>40.0</dd>" in page
    assert "<dt>Reads done</dt><dd>0</dd>" in page_of("bert")


def test_a_reader_meets_themselves_only_when_the_project_is_closed(tmp_path):
    project = make_project(tmp_path, readers=("anna",), repeat_share=1.0)
    for study, first in zip(STUDIES, ("typical", "atypical", "negative"), strict=True):
        submit("anna", study, looks(study, first))
    Task.objects.filter(occasion=2).update(available_at=timezone.now() - timedelta(days=1))
    for study in STUDIES:
        submit("anna", study, looks(study, "typical"), occasion=2)
    compute_agreement(project.pk)
    assert "You against yourself" not in page_of("anna")
    projects.move_project(project, ProjectVerb.CLOSE, actor=OPERATOR)
    shown = page_of("anna")
    assert "You against yourself" in shown
    [line] = [
        one for one in ReadingProject.objects.get().agreement_report.body["repeats"] if one["question"] == "appearance"
    ]
    assert f'<td class="rc-number">{line["value"]:.3f}</td>' in shown
