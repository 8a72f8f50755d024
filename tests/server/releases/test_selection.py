"""What a researcher chooses in the browser is what the condition on the command line chooses, and nothing else."""

import csv
import io
import shlex
import subprocess

import pytest
from tests.support.releases import ACTOR, clear_study, frozen_cohort, publish, signed_site, store_study, wish

from radcommons.client.tables import matching_instances
from radcommons.server.archive.models import Instance, Series, Study
from radcommons.server.platform.objects import object_store
from radcommons.server.releases import services
from radcommons.server.releases.holdings import holdings, selected_series, selection_of
from radcommons.server.releases.selection import Selection

SLY = 'Acme\'; DROP TABLE wide; -- $(touch sly) `id` "x"'


@pytest.fixture
def release(db, tmp_store, tmp_path):
    """Three studies of three persons: of 54 years, of 60 and of an unknown age, the last from an odd device."""
    site = signed_site()
    for name, age in (("one", 54.9), ("two", 60.0), ("three", None)):
        uid = store_study(tmp_path / "in", site, name)
        Study.objects.filter(study_instance_uid=uid).update(patient_age_years=age, patient_sex="F" if age else "")
        maker = "" if name == "one" else "SIEMENS" if age else SLY
        Series.objects.filter(study__study_instance_uid=uid).update(manufacturer=maker)
        clear_study(uid)
    return services.publish(services.draft(wish(), frozen_cohort(), actor=ACTOR).pk, actor=ACTOR)


@pytest.fixture
def downloaded(release, tmp_path):
    """The tables of the release as the downloader finds them."""
    for file in release.files.filter(path__startswith="tables/"):
        path = tmp_path / "copy" / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(object_store().read(file.object_key))
    return tmp_path / "copy"


@pytest.mark.parametrize(
    ("chosen", "studies"),
    [
        ({"age_group": ["50–59"]}, 1),
        ({"age_group": ["50–59", "60–69"]}, 2),
        ({"age_group": ["60–69", "not stated"]}, 2),
        ({"patient_sex": ["not stated"]}, 1),
        ({"manufacturer": [SLY]}, 1),
        ({"manufacturer": [SLY, "not stated"]}, 2),
        ({"manufacturer": ["SIEMENS"], "age_group": ["60–69"], "modality": ["CT"]}, 1),
        ({"manufacturer": ["SIEMENS"], "age_group": ["50–59"]}, 0),
        ({"manufacturer": ["' OR true --"], "nothing": ["x"]}, 3),
    ],
)
def test_the_page_and_the_command_line_choose_the_same(release, downloaded, chosen, studies):
    selection = selection_of(release, chosen)
    assert holdings(release).facets(selection).selected.studies == studies
    rows = selected_series(release, selection)
    assert len(rows) == studies
    found = matching_instances(downloaded, selection.where() or "true")
    instances = Instance.objects.filter(series__series_instance_uid__in=[row[0] for row in rows])
    assert found == set(instances.values_list("sop_instance_uid", flat=True))
    assert sum(row[-2] for row in rows) == len(found)
    assert sum(row[-1] for row in rows) == sum(instances.values_list("size_bytes", flat=True))


@pytest.mark.parametrize("value", [SLY, "plain", "a\nb", "100 % $HOME !! \\"])
def test_no_shell_finds_a_command_in_a_value(value, tmp_path):
    selection = Selection.from_lists(
        {"manufacturer": [value]}, {**dict.fromkeys(_columns(), ()), "manufacturer": [value]}
    )
    line = f"printf %s {selection.option().removeprefix('--where ')}"
    said = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    assert said == selection.where()
    assert list(tmp_path.iterdir()) == []


def _columns():
    return ("modality", "body_part_examined", "covid19_status", "age_group", "patient_sex", "site_code", "manufacturer")


def test_the_page_narrows_the_studies_and_tells_how_to_fetch_them(client, release):
    text = client.get("/releases/chest-ct/1.0.0/studies/").content.decode()
    assert text.count('<th scope="row">') == 3
    assert "Download this selection" not in text
    chosen = client.get("/releases/chest-ct/1.0.0/studies/", {"age_group": "50–59", "modality": "CT"})
    assert chosen.content.decode().count('<th scope="row">') == 1
    words = shlex.split(chosen.context["command"])
    assert words[:3] == ["radcommons", "download", "chest-ct@1.0.0"]
    assert words[-2:] == ["--where", "modality = 'CT' AND patient_age_years >= 50 AND patient_age_years < 60"]
    none = client.get("/releases/chest-ct/1.0.0/studies/", {"age_group": "50–59", "manufacturer": "SIEMENS"})
    assert "No study has all of that" in none.content.decode()


def test_a_selection_is_given_out_as_lists_that_downloaders_read(client, release):
    answer = client.get("/releases/chest-ct/1.0.0/selection/csv/", {"manufacturer": "SIEMENS"})
    assert answer.headers["Content-Disposition"] == 'attachment; filename="chest-ct-1.0.0-selection.csv"'
    (row,) = csv.DictReader(io.StringIO(answer.content.decode()))
    series = Series.objects.get(manufacturer="SIEMENS")
    assert (row["SeriesInstanceUID"], row["Modality"], row["Instances"]) == (series.series_instance_uid, "CT", "2")
    listed = client.get("/releases/chest-ct/1.0.0/selection/tcia/", {"manufacturer": "SIEMENS"}).content.decode()
    assert listed.splitlines()[-1] == series.series_instance_uid
    assert client.get("/releases/chest-ct/1.0.0/selection/exe/").status_code == 404


def test_pages_go_on_where_the_one_before_ended(client, db, tmp_store, tmp_path, monkeypatch):
    monkeypatch.setattr("radcommons.server.releases.views.STUDIES_A_PAGE", 1)
    publish(tmp_path)
    pages = [client.get("/releases/chest-ct/1.0.0/studies/", {"page": page}).context for page in (1, 2)]
    assert [line.subject_id for context in pages for line in context["lines"]] == ["S-one", "S-two"]
