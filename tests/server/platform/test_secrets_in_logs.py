import logging.config

from django.conf import settings

from radcommons.server.platform import accounts
from radcommons.server.platform.policy import Actor


def test_the_secret_of_a_setup_link_does_not_reach_the_log(client, db, capsys):
    actor = Actor.system("tests")
    accounts.create_account("nina", actor=actor)
    secret = accounts.issue_setup_link(actor=actor, username="nina")
    logging.config.dictConfig(settings.LOGGING)
    assert client.post(f"/setup/{secret}/", {"password1": "short", "password2": "short"}).status_code == 422
    written = capsys.readouterr().err
    assert "/setup/…/" in written
    assert secret not in written
    with capsys.disabled():
        # So that no later record is written to what was captured here.
        logging.config.dictConfig(settings.LOGGING)
