import json

import pytest
from click.testing import CliRunner
from tests.support.releases import clear_study, frozen_cohort, signed_site, store_study

from radcommons.server.releases.commands import release

pytestmark = pytest.mark.usefixtures("db", "tmp_store")


def run(*words, code=0):
    done = CliRunner().invoke(release, list(words), catch_exceptions=False)
    assert done.exit_code == code, done.output
    return done.stdout


@pytest.fixture
def cohort(tmp_path):
    clear_study(store_study(tmp_path, signed_site(), "one"))
    return frozen_cohort().name


def test_an_operator_scripts_the_whole_life_of_a_version(cohort):
    run("draft", "chest-ct@1.0.0", "--cohort", cohort, "--title", "Chest")
    assert json.loads(run("check", "chest-ct@1.0.0", "--json"))["findings"] == []
    published = json.loads(run("publish", "chest-ct@1.0.0", "--json"))
    assert published["state"] == "published"
    assert len(published["root_hash"]) == 64
    assert published["root_hash"][:16] in run("list")
    withdrawn = json.loads(run("withdraw", "chest-ct@1.0.0", "--reason", "consent", "--json"))
    assert withdrawn["state"] == "withdrawn"


def test_the_check_tells_by_its_exit_code(cohort):
    run("draft", "chest-ct@1.0.0", "--cohort", cohort, "--title", "Chest", "--licence", "CC0-1.0")
    assert "releases.licence-too-free" in run("check", "chest-ct@1.0.0", code=3)
    assert "discarded" in run("discard", "chest-ct@1.0.0")
    assert json.loads(run("list", "--json")) == []
