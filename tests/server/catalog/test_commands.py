"""The rooms' commands do what the pages do, for scripts."""

import json

import pytest
from click.testing import CliRunner
from tests.support.studies import store_study

from radcommons.dicom.errors import RadCommonsError
from radcommons.server.catalog.commands import catalog
from radcommons.server.catalog.services import catalog_study
from radcommons.server.curation import services as curation
from radcommons.server.curation.commands import curation as curation_group
from radcommons.server.curation.models import Decision
from radcommons.server.platform.policy import Role

pytestmark = pytest.mark.usefixtures("tmp_store")


def run(group, *words):
    result = CliRunner().invoke(group, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def study(db, tmp_path):
    study_instance_uid = store_study(tmp_path, "a")
    curation.open_case(study_instance_uid)
    return study_instance_uid


def test_a_script_clears_freezes_and_counts(study, actor_of):
    by = actor_of(Role.CURATOR).name.removeprefix("user:")
    assert [row["state"] for row in json.loads(run(curation_group, "list", "--json"))] == ["open"]
    assert json.loads(run(curation_group, "clear", "--all-without-errors", "--by", by, "--json")) == {
        "cleared": 1,
        "skipped": {},
    }
    assert Decision.objects.get().actor == f"user:{by}"
    catalog_study(study)
    facets = json.loads(run(catalog, "facets", "--where", "modality=CT", "--json"))
    assert facets["selected"]["studies"] == 1
    frozen = json.loads(run(catalog, "freeze", "chest-ct", "--where", "modality=CT", "--json"))
    assert (frozen["name"], frozen["instances"], frozen["query"]) == ("chest-ct", 1, {"modality": ["CT"]})
    assert json.loads(run(catalog, "cohorts", "--json")) == [frozen]


def test_people_read_the_same_in_words(study):
    assert study in run(curation_group, "list", "--state", "all")
    assert run(curation_group, "hold", study, "--reason", "Wait.") == "Now held.\n"
    assert "hold by system:cli" in run(curation_group, "show", study)
    assert run(curation_group, "clear", study) == "1 studies cleared.\n"
    catalog_study(study)
    assert "1 subjects, 1 studies" in run(catalog, "facets")
    assert run(catalog, "freeze", "all-of-it").startswith("all-of-it: 1 subjects")


def test_commands_refuse_what_cannot_be_meant(study):
    assert CliRunner().invoke(curation_group, ["clear"]).exit_code == 2
    assert CliRunner().invoke(curation_group, ["clear", study, "--all-without-errors"]).exit_code == 2
    assert CliRunner().invoke(curation_group, ["reject", study]).exit_code == 2
    result = CliRunner().invoke(catalog, ["facets", "--where", "colour=red"])
    assert isinstance(result.exception, RadCommonsError)
    assert "modality" in result.exception.message
