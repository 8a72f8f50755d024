"""What needs a person, what the person decides, and what follows from it."""

import json

import pytest
from tests.support.batches import uid
from tests.support.reading import browser, item, looks, make_project, person, submit

from radcommons.server.annotation.models import Case, ReadingProject, Task
from radcommons.server.annotation.queries import final
from radcommons.server.annotation.queries.agreement import computed_report
from radcommons.server.annotation.rules.agreeing import questions_of
from radcommons.server.annotation.rules.states import Duty
from radcommons.server.annotation.services import projects
from radcommons.server.annotation.services.agreeing import compute_agreement
from radcommons.server.annotation.services.consensus import ConsensusMethod, derive_consensus
from radcommons.server.annotation.services.settling import settle_case
from radcommons.server.platform.policy import Actor, Role
from radcommons.transfer.annotation.ready import ready_schema
from radcommons.transfer.annotation.record import Method

pytestmark = pytest.mark.django_db
OPERATOR = Actor.system("tests")
ROOT = "/api/v1/annotation/adjudication"
STUDY, OTHER = uid("study", "case-0"), uid("study", "case-1")
SERIES, IMAGE = uid("series", "case-0", 1), uid("instance", "case-0", 1, 1)


def mask(size: int, rows: int = 16, columns: int = 16) -> dict:
    """A square mask in the top left corner of the first image."""
    runs, outside = [], 0
    for _ in range(size):
        runs += [outside, size]
        outside = columns - size
    runs.append(rows * columns - sum(runs))
    frame = {"sop_instance_uid": IMAGE, "frame_number": 1}
    return {"geometry": "mask", "frame": frame, "rows": rows, "columns": columns, "runs": runs}


def box(left: float, top: float, right: float, bottom: float) -> dict:
    """A box on the first image."""
    frame = {"sop_instance_uid": IMAGE, "frame_number": 1}
    return {"geometry": "box", "points": [[left, top], [right, bottom]], "frame": frame}


def drawn(name: str, label: str, shape: dict) -> dict:
    """An item with one shape."""
    return item(name, label, STUDY, target={"series_instance_uid": SERIES}, shapes=[shape])


@pytest.fixture
def judge(project):
    """Somebody who adjudicates the project."""
    person("dora", Role.ADJUDICATOR)
    projects.add_member(project, "dora", Duty.ADJUDICATE, method=Method.RETROSPECTIVE_EXPERT, actor=OPERATOR)
    return browser("dora")


def read_by_all(*reads, study=STUDY):
    """All three readers submit the case; returns it settled."""
    for name, items in zip(("anna", "bert", "cleo"), reads, strict=True):
        submit(name, study, items)
    case = Case.objects.get(study_instance_uid=study)
    settle_case(case.pk)
    case.refresh_from_db()
    return case


def outcome(case, label):
    """State and value of one label."""
    row = case.outcomes.get(label=label)
    return row.state, row.value


def test_what_most_say_is_settled_and_what_they_differ_on_waits_for_a_person(project):
    case = read_by_all(looks(STUDY), looks(STUDY, "typical", "moderate"), looks(STUDY, "atypical", "severe"))
    assert outcome(case, "appearance") == ("majority", "typical")
    assert outcome(case, "grade") == ("disputed", None)
    # What nobody answered needs no word.
    assert not case.outcomes.filter(label="effusion").exists()
    assert case.state == "disputed"
    settled = read_by_all(*[looks(OTHER, "negative", grade) for grade in ("none", "mild", "none")], study=OTHER)
    assert (outcome(settled, "grade"), settled.state) == (("agreed", "none"), "agreed")


def test_areas_are_compared_by_their_overlap_and_boxes_by_their_supporters(project):
    reads = [
        [*looks(STUDY), drawn("o", "opacity", mask(6)), drawn("n", "nodule", box(1, 1, 4, 4))],
        [*looks(STUDY), drawn("o", "opacity", mask(6)), drawn("n", "nodule", box(1, 1, 4.2, 4))],
        [*looks(STUDY), drawn("o", "opacity", mask(3))],
    ]
    case = read_by_all(*reads)
    row = case.outcomes.get(label="opacity")
    assert (row.state, row.detail["dice"]["R1/R2"]) == ("disputed", 1.0)
    assert row.measure == pytest.approx(2 * 9 / (36 + 9))
    assert outcome(case, "nodule")[0] == "agreed"
    assert outcome(case, "nodule")[1][0]["box"] == [1.0, 1.0, pytest.approx(4.1), 4.0]


def test_an_adjudicator_picks_a_column_without_knowing_whose_it_is(project, judge):
    case = read_by_all(looks(STUDY), looks(STUDY, "typical", "moderate"), looks(STUDY, "atypical", "severe"))
    listed = judge.get(f"/api/v1/annotation/adjudication/projects/{project.slug}/queue").json()
    assert [line["case"] for line in listed["cases"]] == [case.key]
    told = judge.get(f"/api/v1/annotation/adjudication/cases/{case.key}")
    shown = told.json()
    assert [column["column"] for column in shown["columns"]] == ["A", "B", "C"]
    assert not [name for name in ("anna", "bert", "cleo", "R1", "R2", "R3") if name in told.content.decode()]
    letter = next(
        column["column"] for column in shown["columns"] if any(one["value"] == "severe" for one in column["items"])
    )
    ruling = {"label": "grade", "verdict": "pick", "columns": [letter], "seen": shown["seen"], "rationale": "The base."}
    address = f"/api/v1/annotation/adjudication/cases/{case.key}/decisions"
    answer = judge.post(address, json.dumps(ruling), content_type="application/json")
    assert (answer.status_code, answer.json()["state"]) == (200, "decided")
    assert {task.state for task in Task.objects.filter(case=case)} == {"locked"}
    labels = next(reading for reading in final.final_readings(project) if reading.study_instance_uid == STUDY)
    assert {one.label_id: one.value for one in labels.items} == {"appearance": "typical", "grade": "severe"}


@pytest.mark.parametrize(
    ("changes", "status"),
    [({"rationale": " "}, 422), ({"seen": "other"}, 409), ({"columns": ["A", "B"]}, 422), ({"columns": ["Z"]}, 422)],
)
def test_a_decision_without_what_it_needs_decides_nothing(project, judge, changes, status):
    case = read_by_all(looks(STUDY), looks(STUDY, "typical", "moderate"), looks(STUDY, "atypical", "severe"))
    seen = judge.get(f"/api/v1/annotation/adjudication/cases/{case.key}").json()["seen"]
    ruling = {"label": "grade", "verdict": "pick", "columns": ["A"], "seen": seen, "rationale": "Why.", **changes}
    address = f"/api/v1/annotation/adjudication/cases/{case.key}/decisions"
    assert judge.post(address, json.dumps(ruling), content_type="application/json").status_code == status
    assert not case.decisions.exists()


def test_a_reader_of_the_case_decides_it_only_with_a_reason_on_the_record(project):
    case = read_by_all(looks(STUDY), looks(STUDY, "typical", "moderate"), looks(STUDY, "atypical", "severe"))
    person("anna")
    from radcommons.server.platform import accounts

    accounts.grant_role("anna", Role.ADJUDICATOR, actor=OPERATOR)
    projects.add_member(project, "anna", Duty.ADJUDICATE, method=Method.RETROSPECTIVE_EXPERT, actor=OPERATOR)
    anna = browser("anna")
    assert anna.get(f"/api/v1/annotation/adjudication/projects/{project.slug}/queue").json()["count"] == 0
    seen = anna.get(f"/api/v1/annotation/adjudication/cases/{case.key}").json()["seen"]
    ruling = {"label": "grade", "verdict": "pick", "columns": ["A"], "seen": seen, "rationale": "Why."}
    address = f"/api/v1/annotation/adjudication/cases/{case.key}/decisions"
    assert anna.post(address, json.dumps(ruling), content_type="application/json").status_code == 403
    ruling["override_reason"] = "Nobody else knows this disease."
    assert anna.post(address, json.dumps(ruling), content_type="application/json").status_code == 200


def test_consensus_is_the_same_row_when_derived_again(project):
    read_by_all(looks(STUDY), looks(STUDY), looks(STUDY, "atypical"))
    read_by_all(*[looks(OTHER, "negative", "none")] * 3, study=OTHER)
    for method in (ConsensusMethod.MAJORITY, ConsensusMethod.DAWID_SKENE):
        first, again = (derive_consensus(project, method, "appearance", actor=OPERATOR)[0] for _ in range(2))
        assert first.pk == again.pk
        assert first.result["answers"] == {STUDY: "typical", OTHER: "negative"}


def test_staple_of_masks_gives_the_mask_that_most_drew(project):
    case = read_by_all(*[[*looks(STUDY), drawn("o", "opacity", mask(size))] for size in (5, 5, 6)])
    found = derive_consensus(project, ConsensusMethod.STAPLE, "opacity", actor=OPERATOR)
    assert [row.case_id for row in found] == [case.pk]
    assert found[0].result["items"][0]["shapes"][0]["runs"] == mask(5)["runs"]


def test_agreement_is_computed_of_what_was_submitted_and_says_when_it_is_old(project):
    read_by_all(looks(STUDY), looks(STUDY), looks(STUDY, "atypical"))
    read_by_all(*[looks(OTHER, "negative", "none")] * 3, study=OTHER)
    report = compute_agreement(project.pk).body
    appearance = next(one for one in report["questions"] if one["question"] == "appearance")
    assert (appearance["cases"], appearance["compared"]) == (2, 2)
    # Pairs of readers: on one case one of three agrees, on the other all do.
    fleiss = next(one["value"] for one in appearance["statistics"] if one["name"] == "Fleiss kappa")
    by_chance = (2 / 6) ** 2 + (1 / 6) ** 2 + (3 / 6) ** 2
    assert fleiss == pytest.approx((2 / 3 - by_chance) / (1 - by_chance))
    assert [line["done"] for line in report["pace"]] == [2, 2, 2]
    project = ReadingProject.objects.get(pk=project.pk)
    assert compute_agreement(project.pk).is_current
    submit("anna", uid("study", "case-2"), looks(uid("study", "case-2")))
    assert computed_report(project)["version"] != report["version"]


def test_a_computed_score_follows_from_its_parts_and_is_never_disputed_itself(tmp_path):
    """Three readers within a grade on a dense lung lie three points apart: no part needs a person, so neither does the sum."""
    make_project(tmp_path, schema=ready_schema("midrc-mrale").to_json())
    case = read_by_all(*(grades(extent) for extent in ("25to50", "51to75", "51to75")))
    assert case.state == "agreed"
    assert not case.outcomes.filter(label="mrale").exists()
    values = {one.label_id: one.value for one in final.final_reading(case).items}
    assert (values["extent_right"], values["mrale"]) == ("51to75", 9)


def test_a_computed_score_is_not_decided_but_its_parts_are(tmp_path):
    project = make_project(tmp_path, schema=ready_schema("midrc-mrale").to_json())
    person("dora", Role.ADJUDICATOR)
    projects.add_member(project, "dora", Duty.ADJUDICATE, method=Method.RETROSPECTIVE_EXPERT, actor=OPERATOR)
    case = read_by_all(*(grades(extent) for extent in ("le25", "51to75", "51to75")))
    assert list(case.outcomes.filter(state="disputed").values_list("label", flat=True)) == ["extent_right"]
    told = browser("dora").get(f"{ROOT}/cases/{case.key}").json()
    ruling = {"verdict": "pick", "columns": ["A"], "rationale": "As seen.", "seen": told["seen"]}
    address = f"{ROOT}/cases/{case.key}/decisions"
    for label, status in (("mrale", 422), ("extent_right", 200)):
        body = json.dumps(ruling | {"label": label})
        assert browser("dora").post(address, body, content_type="application/json").status_code == status
    case.refresh_from_db()
    assert case.state == "decided"


def test_labels_of_one_name_are_told_apart_by_their_group():
    titles = [question.title for question in questions_of(ready_schema("midrc-mrale"))][:4]
    assert titles == ["Right lung: Extent", "Right lung: Density", "Left lung: Extent", "Left lung: Density"]


def grades(extent: str) -> list:
    """A read by mRALE that differs in one part."""
    parts = {"extent_right": extent, "density_right": "dense", "extent_left": "none", "density_left": "none"}
    return [item(name, name, STUDY, value) for name, value in parts.items()]
