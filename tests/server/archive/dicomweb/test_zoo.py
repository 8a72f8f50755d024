"""Every file of the zoo through the real doors: stored, described, and shown where any decoder exists."""

import asyncio
import hashlib
import io
import shutil
from collections import Counter

import httpx
import pytest
from django.core.management import call_command
from PIL import Image
from tests.server.archive.conftest import ACTOR

from radcommons.dicom.instance import describe_file
from radcommons.server.archive import services
from radcommons.server.archive.dicomweb.app import dicomweb_app
from radcommons.server.archive.models import Instance, InstanceState
from radcommons.server.archive.rules import StoreOutcome
from radcommons.server.archive.scopes import Scope
from radcommons.server.platform.policy import Actor
from radcommons.server.sites.models import Site

pytestmark = pytest.mark.django_db

# A cut codestream, sizes and a number of frames that are lies, a transfer syntax that nobody knows.
NOT_SHOWN = {
    "JPEG2000-embedded-sequence-delimiter.dcm",
    "dimensions_huge.dcm",
    "frames_two_billion.dcm",
    "rows_too_many.dcm",
    "unknown_transfer_syntax.dcm",
}


@pytest.fixture(scope="module")
def zoo(shared_data, django_db_setup, django_db_blocker, tmp_path_factory):
    """What became of each file that has the identifiers to be stored; kept for all tests here."""
    folder = tmp_path_factory.mktemp("zoo")
    offers = []
    for number, path in enumerate(sorted(each for each in (shared_data / "zoo").rglob("*") if each.is_file())):
        description, _ = describe_file(path)
        if description is not None:
            copy = folder / str(number)
            shutil.copyfile(path, copy)
            offers.append((path, services.Offer(description, copy)))
    with django_db_blocker.unblock():
        call_command("flush", interactive=False, verbosity=0)
        site = Site.objects.create(code="ALPHA", name="Alpha", country="DE")
        stored = services.store_instances([offer for _, offer in offers], site=site, project="zoo", actor=ACTOR)
        yield [(path, offer.description, each) for (path, offer), each in zip(offers, stored, strict=True)]
        call_command("flush", interactive=False, verbosity=0)


@pytest.fixture(scope="module")
def answers(zoo, django_db_blocker):
    """Metadata, the file itself and a picture of each stored instance, by SOP Instance UID."""

    def resolve_scope(path: str, _: Actor) -> Scope:
        return Scope(path, Instance.objects.filter(state=InstanceState.STORED))

    app = dicomweb_app(resolve_scope, lambda _: Actor.anonymous())

    async def ask():
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://host", timeout=120) as client:
            found = {}
            for study, series, instance in await asyncio.to_thread(list, rows):
                path = f"/zoo/studies/{study}/series/{series}/instances/{instance}"
                found[instance] = (
                    await client.get(f"{path}/metadata"),
                    await client.get(path, headers={"accept": "application/dicom; transfer-syntax=*"}),
                    await client.get(f"{path}/rendered", headers={"accept": "image/png"}),
                )
            return found

    with django_db_blocker.unblock():
        rows = list(
            Instance.objects.filter(state=InstanceState.STORED).values_list(
                "series__study__study_instance_uid", "series__series_instance_uid", "sop_instance_uid"
            )
        )
        return asyncio.run(ask())


def test_every_file_of_the_zoo_is_stored_or_told_why_not(zoo):
    outcomes = Counter(stored.outcome for _, _, stored in zoo)
    assert len(zoo) > 250
    assert outcomes[StoreOutcome.STORED] > 170
    # Test sets give the same identifiers to different files, and patients to each other's studies.
    assert all(stored.findings for _, _, stored in zoo if stored.outcome is StoreOutcome.CONFLICT)


def test_every_stored_file_is_described_and_comes_back_as_it_was(zoo, answers):
    digests = {hashlib.sha256(path.read_bytes()).hexdigest() for path, _, _ in zoo}
    assert len(answers) > 170
    for uid, (described, file, _) in answers.items():
        (attributes,) = described.json()
        assert attributes["00080018"]["Value"] == [uid]
        assert hashlib.sha256(file.content).hexdigest() in digests


def test_every_stored_image_is_shown_and_what_cannot_be_is_kept_and_said_so(zoo, answers):
    images = {
        description.sop_instance_uid: path
        for path, description, stored in zoo
        if stored.outcome is StoreOutcome.STORED and description.is_image
    }
    not_shown = set()
    for uid, path in images.items():
        picture = answers[uid][2]
        if picture.status_code == 406:
            assert picture.json()["code"] == "archive.not-renderable"
            not_shown.add(path.name)
            continue
        assert picture.status_code == 200, path.name
        assert Image.open(io.BytesIO(picture.content)).size > (0, 0)
    assert len(images) > 110
    assert not_shown <= NOT_SHOWN


def test_what_has_no_pixels_is_said_to_have_none(zoo, answers):
    for _, description, stored in zoo:
        if stored.outcome is StoreOutcome.STORED and not description.is_image:
            assert answers[description.sop_instance_uid][2].status_code == 406
