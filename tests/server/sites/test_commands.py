"""``radcommons sites`` as an operator scripts it."""

import json

import pytest
from click.testing import CliRunner, Result

from radcommons.dicom.errors import RadCommonsError
from radcommons.server.platform.policy import Actor
from radcommons.server.sites import services
from radcommons.server.sites.commands import sites
from radcommons.server.sites.models import Agreement, ContributorKey

pytestmark = pytest.mark.django_db
SIGN = ("sign", "ALPHA", "--project", "covid19", "--signatory", "Prof. S", "--title", "Director")


def _run(*words: str) -> Result:
    return CliRunner().invoke(sites, list(words), catch_exceptions=False)


def test_a_site_is_added_signed_and_given_a_token():
    assert json.loads(_run("add", "ALPHA", "--country", "de", "--json").output)["country"] == "DE"
    signed = json.loads(_run(*SIGN, "--signed-on", "2026-01-01", "--ends-on", "2026-12-31", "--json").output)
    assert signed["licence"] == "CC-BY-4.0"
    token = json.loads(_run("token", "ALPHA", "--name", "pacs", "--json").output)["token"]
    assert services.actor_for_contributor_token(token) == Actor.contributor("ALPHA")
    listed = json.loads(_run("list", "--json").output)
    assert (listed[0]["code"], listed[0]["keys"]) == ("ALPHA", 1)
    assert "pacs" in _run("show", "ALPHA").output


def test_keys_and_agreements_are_revoked():
    _run("add", "ALPHA", "--country", "DE")
    _run(*SIGN)
    _run("token", "ALPHA")
    assert CliRunner().invoke(sites, ["revoke", "ALPHA"]).exit_code == 2
    _run("revoke", "ALPHA", "--key", str(ContributorKey.objects.get().pk))
    _run("revoke", "ALPHA", "--agreement", str(Agreement.objects.get().pk), "--reason", "asked")
    assert ContributorKey.objects.get().revoked_at is not None
    assert Agreement.objects.get().revocation_reason == "asked"
    shown = json.loads(_run("show", "ALPHA", "--json").output)
    assert (shown["agreements"][0]["state"], shown["keys"][0]["is_revoked"]) == ("revoked", True)


def test_a_text_of_ones_own_is_published_and_signed(tmp_path):
    _run("add", "ALPHA", "--country", "DE")
    file = tmp_path / "text.md"
    file.write_text("Our own words.", encoding="utf-8")
    assert "SHA-256" in _run("publish-text", "2026-1", str(file)).output
    _run(*SIGN, "--text", "2026-1")
    assert Agreement.objects.get().text.body == "Our own words."
    with pytest.raises(RadCommonsError):
        _run(*SIGN, "--text", "2031-9")


def test_empty_lists_say_how_to_begin():
    assert "radcommons sites add" in _run("list").output
    assert json.loads(_run("surveys", "--json").output) == []
