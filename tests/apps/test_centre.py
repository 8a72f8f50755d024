import os

import pytest

from radcommons.apps.centre import PUBLIC_URL_VARIABLE, recall_address, remember_address


@pytest.fixture(autouse=True)
def _no_address_in_the_environment(monkeypatch):
    # Set before it is deleted, so that what a test leaves in the environment is taken away again.
    monkeypatch.setenv(PUBLIC_URL_VARIABLE, "")


def test_commands_beside_serve_make_links_to_the_port_it_answers_on(tmp_path):
    remember_address(tmp_path, "http://127.0.0.1:8232")
    recall_address(tmp_path)
    assert os.environ[PUBLIC_URL_VARIABLE] == "http://127.0.0.1:8232"


def test_an_address_in_the_settings_is_kept(tmp_path):
    (tmp_path / "radcommons.toml").write_text('public_url = "https://repository.example"')
    remember_address(tmp_path, "http://127.0.0.1:8232")
    recall_address(tmp_path)
    assert not os.environ[PUBLIC_URL_VARIABLE]


def test_a_centre_that_was_never_served_has_no_address_to_recall(tmp_path):
    recall_address(tmp_path)
    assert not os.environ[PUBLIC_URL_VARIABLE]
