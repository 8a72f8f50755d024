"""A new version holds the segmentations and reports of a reading project, its answers as tables, and where they come from."""

import csv
import io
import json

import duckdb
import pytest
from tests.support.publishing import STUDIES, finished_project, publish, schema
from tests.support.releases import ACTOR, frozen_cohort, wish

from radcommons.server.annotation.services.consensus import ConsensusMethod, derive_consensus
from radcommons.server.catalog.rules import CatalogQuery
from radcommons.server.catalog.services import freeze_cohort
from radcommons.server.curation.services import hold
from radcommons.server.journey.services import deliver_pending
from radcommons.server.platform.objects import object_store
from radcommons.server.releases import services
from radcommons.server.releases.annotations import CONSENSUS, MIDRC, NO_ANNOTATIONS, Annotations
from radcommons.server.releases.models import Release
from radcommons.server.releases.tables import ANNOTATION

pytestmark = pytest.mark.django_db


def file_of(release: Release, path: str) -> bytes:
    """A file of the release's folder."""
    return b"".join(object_store().stream(release.files.get(path=path).object_key))


def catalogued() -> None:
    """What was published holds no words of a reader: the curators' decision stands for it."""
    while deliver_pending():
        pass


@pytest.fixture
def annotated(tmp_store, tmp_path):
    """Version 1.0.0 with the images, 1.1.0 with what was read of them."""
    project = finished_project(tmp_path)
    first = services.publish(services.draft(wish(), frozen_cohort("images"), actor=ACTOR).pk, actor=ACTOR)
    deliver_pending()
    derive_consensus(project, ConsensusMethod.DAWID_SKENE, "appearance", actor=ACTOR)
    derive_consensus(project, ConsensusMethod.STAPLE, "opacity", actor=ACTOR)
    publish(project)
    catalogued()
    draft = services.draft(wish("1.1.0"), frozen_cohort("annotated"), actor=ACTOR)
    return first, services.publish(draft.pk, actor=ACTOR)


def test_a_new_version_holds_the_objects_the_answers_and_where_they_come_from(annotated, tmp_path):
    first, second = annotated
    assert (first.instances, second.instances) == (6, 6 + 7 * 3)
    assert not first.files.filter(path__startswith="tables/annotation").exists()
    assert not first.files.filter(path__contains="midrc").exists()

    (told,) = json.loads(file_of(second, "provenance.json"))["annotations"]
    assert (told["project"], told["schema"], told["readers"]) == ("chest-reads", "chest/1", 3)
    assert (told["readings"], told["consensus_readings"], told["studies"]) == (6, 1, 2)
    assert told["objects"] == {"rtstruct": 7, "seg": 7, "sr": 7}
    assert told["consensus"]["policies"]["appearance"]
    assert len(told["consensus_inputs"][STUDIES[0]]) == 3
    assert "Chest reads: schema chest/1, 3 readers" in file_of(second, "DATASHEET.md").decode()
    deidentified = json.loads(file_of(second, "provenance.json"))["deidentification"]
    assert not any("RadCommons" in str(entry["software"]) for entry in deidentified)

    path = tmp_path / "annotation.parquet"
    path.write_bytes(file_of(second, "tables/annotation.parquet"))
    columns = duckdb.read_parquet(str(path)).columns
    rows = [dict(zip(columns, row, strict=True)) for row in duckdb.read_parquet(str(path)).fetchall()]
    assert columns == list(ANNOTATION)
    assert {row["reader"] for row in rows} == {"R1", "R2", "R3", "consensus"}
    assert len(rows) == 7 * len(schema()["groups"][0]["labels"][:1]) * 6
    reports = {row["report_sop_instance_uid"] for row in rows}
    assert len(reports) == 7
    assert second.members.filter(instance__sop_instance_uid__in=reports).count() == 7
    derived = json.loads(file_of(second, CONSENSUS))
    assert [(one["method"], one["label"], one["study_instance_uid"]) for one in derived] == [
        ("dawid-skene", "appearance", ""),
        *(("staple", "opacity", study) for study in sorted(STUDIES)),
    ]
    assert set(derived[0]["answers"]) == set(derived[0]["posterior"]) == set(STUDIES)
    assert set(derived[0]["readers"]) == set(derived[1]["readers"]) == {"R1", "R2", "R3"}
    assert derived[1]["items"][0]["shapes"][0]["geometry"] == "mask"
    table = list(csv.DictReader(io.StringIO(file_of(second, "tables/annotation.csv").decode())))
    assert [row["value"] for row in table] == [row["value"] for row in rows]


def test_publishing_the_same_draft_elsewhere_gives_the_same_annotation_files(annotated, tmp_path):
    _, second = annotated
    again = services.publish(
        services.draft(wish("1.1.0", slug="the-same"), frozen_cohort("again"), actor=ACTOR).pk, actor=ACTOR
    )

    for path in ("tables/annotation.parquet", "tables/annotation.csv", "provenance.json", CONSENSUS):
        assert file_of(again, path) == file_of(second, path)


@pytest.mark.usefixtures("annotated")
def test_a_derived_consensus_says_nothing_of_a_study_that_is_not_released():
    hold(STUDIES[1], actor=ACTOR, reason="Not this one.")
    catalogued()
    draft = services.draft(wish(slug="one-study"), frozen_cohort("one"), actor=ACTOR)
    kept = file_of(services.publish(draft.pk, actor=ACTOR), CONSENSUS).decode()

    assert {one["study_instance_uid"] for one in json.loads(kept)} == {"", STUDIES[0]}
    assert STUDIES[1] not in kept


def test_a_draft_without_them_or_without_their_images_is_told(tmp_store, tmp_path):
    publish(finished_project(tmp_path))
    catalogued()
    images = freeze_cohort("ct", CatalogQuery.from_lists({"modality": ["CT"]}), actor=ACTOR)
    reports = freeze_cohort("sr", CatalogQuery.from_lists({"modality": ["SR"]}), actor=ACTOR)

    found = {
        name: {finding.code: finding.message for finding in services.check(draft.pk, actor=ACTOR)}
        for name, draft in (
            ("images", services.draft(wish(slug="only-images"), images, actor=ACTOR)),
            ("reports", services.draft(wish(slug="only-reports"), reports, actor=ACTOR)),
        )
    }
    assert found["images"]["releases.annotations-left-out"].startswith("21 ")
    assert found["reports"]["releases.annotations-without-images"].startswith("7 ")


def test_records_of_midrc_are_written_where_a_schema_has_them(tmp_path):
    (tmp_path / "tables").mkdir()
    record = {"type": "annotation", "submitter_id": "R1.a", "midrc_mRALE_score": 7}
    Annotations(rows=((None,) * len(ANNOTATION),), midrc=(record,), projects=({"project": "p"},)).write(tmp_path)
    assert json.loads((tmp_path / MIDRC).read_bytes()) == [record]

    (tmp_path / "other").mkdir()
    NO_ANNOTATIONS.write(tmp_path / "other")
    assert list((tmp_path / "other").iterdir()) == []
