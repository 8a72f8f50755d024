"""Decisions about senders are remembered for a moment, and not one moment after anybody's rights changed."""

import time

import pytest
from tests.server.intake.test_stow import Sender
from tests.support.batches import OPERATOR, make_site, make_token, write_instance

from radcommons.apps import asgi
from radcommons.server.intake.admissions import Admissions
from radcommons.server.platform.errors import ForbiddenError
from radcommons.server.sites import services as sites
from radcommons.server.sites.models import Agreement, ContributorKey, Site


class Deciding:
    """Decides, and counts how often it was asked."""

    def __init__(self):
        self.count = 0

    def __call__(self):
        self.count += 1
        return self.count


def test_a_decision_is_remembered_until_rights_change():
    rights, decide = [1], Deciding()
    known = Admissions(lambda: rights[0])

    assert [known.get("a", decide), known.get("a", decide), known.get("b", decide)] == [1, 1, 2]
    rights[0] = 2
    assert [known.get("a", decide), known.get("a", decide)] == [3, 3]


def test_nothing_is_remembered_while_nobody_tells_of_changes():
    decide = Deciding()
    known = Admissions(lambda: None)

    assert [known.get("a", decide), known.get("a", decide)] == [1, 2]


def test_nothing_is_remembered_for_long():
    decide = Deciding()
    known = Admissions(lambda: 1, remembered_s=-1.0)

    assert [known.get("a", decide), known.get("a", decide)] == [1, 2]


def test_a_refusal_is_made_anew_each_time():
    known = Admissions(lambda: 1)

    def refuse():
        raise ForbiddenError

    for _ in range(2):
        with pytest.raises(ForbiddenError):
            known.get("a", refuse)
    assert known.get("a", lambda: "admitted") == "admitted"


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (lambda site: sites.revoke_contributor_key(site, ContributorKey.objects.get().pk, actor=OPERATOR), 401),
        (lambda site: sites.set_active(site, is_active=False, actor=OPERATOR), 401),
        (lambda _: sites.revoke_agreement(Agreement.objects.get(), reason="asked", actor=OPERATOR), 403),
    ],
    ids=["key", "site", "agreement"],
)
def test_who_may_no_longer_store_is_refused_although_it_was_remembered(live_server_url, tmp_path, end, status):
    sender = Sender(live_server_url, make_token(make_site()))
    body = write_instance(tmp_path / "1.dcm", number=1).read_bytes()
    assert [sender.post([body]).status_code for _ in range(3)] == [200] * 3
    before = asgi.fast_path.generation

    end(Site.objects.get())

    # The database tells of it in the moment in which it is true; the process hears of it a moment later.
    deadline = time.monotonic() + 30
    while asgi.fast_path.generation == before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert sender.post([body]).status_code == status
