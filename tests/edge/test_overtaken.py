"""A person decides while what was decided before is still being made: the later word holds, and nothing leaves against it."""

import pytest
from tests.edge.test_pixels import WHO, Hospital
from tests.support.hospital_folder import write_series
from tests.support.pictures_with_writing import write_banner_series, write_document

from radcommons.dicom.isolation import LimitedPool
from radcommons.edge import deidentify
from radcommons.edge.database import database
from radcommons.edge.outfolder import opened
from radcommons.edge.review import Decision, record_review
from radcommons.edge.sealing import seal
from radcommons.edge.texts import TextDecision, decide_texts, reviewed_texts

WORDS = "axial Zwinglified"


@pytest.fixture
def hospital(tmp_path):
    return Hospital(tmp_path)


@pytest.fixture
def meanwhile(monkeypatch):
    """Have something done once, when results are made and not yet written down."""
    waiting = []

    class Overtaken(LimitedPool):
        def run(self, tasks):
            yield from super().run(tasks)
            if waiting:
                waiting.pop()()

    monkeypatch.setattr(deidentify, "LimitedPool", Overtaken)
    return waiting.append


def sealed(hospital):
    record_review(hospital.home, hospital.out, decision=Decision(by=WHO.name, is_approval=True))
    return seal(hospital.home, hospital.out).files


def make_rest(hospital):
    profile = deidentify.load_profile(hospital.home.profile)
    with database(hospital.home) as connection:
        deidentify.make_again(connection, hospital.home, out=opened(hospital.home, hospital.out), profile=profile)


def test_a_release_that_was_taken_back_while_it_was_made_is_none(hospital, meanwhile):
    write_series(hospital.folder, count=1)
    write_document(hospital.folder / "letter.dcm", study="doc", series="doc")
    hospital.make()
    act = hospital.decide("doc", "release", reason="I read it", is_made=False)
    meanwhile(lambda: hospital.decide("doc", "undo", act=act, is_made=False))

    make_rest(hospital)

    assert sealed(hospital) == 1
    make_rest(hospital)
    assert (hospital.verdict("doc"), hospital.files("doc")) == ("refused", [])


@pytest.mark.parametrize("verb", ["undo", "reject"])
def test_a_confirmed_picture_that_was_taken_back_or_kept_out_meanwhile_stays(hospital, meanwhile, verb):
    write_series(hospital.folder, count=1)
    write_banner_series(hospital.folder, count=1)
    hospital.make()
    act = hospital.decide("us", "confirm", boxes=(), is_made=False)
    meanwhile(lambda: hospital.decide("us", verb, act=act, reason="not of this study", is_made=False))

    make_rest(hospital)

    assert sealed(hospital) == 1
    make_rest(hospital)
    assert hospital.verdict("us") == {"undo": "redacted", "reject": "rejected"}[verb]


def test_a_text_that_was_taken_out_meanwhile_does_not_leave(hospital, meanwhile):
    write_series(hospital.folder, count=1)
    write_series(hospital.folder, count=1, study="words", series="words", SeriesDescription=WORDS)

    def take_out():
        with database(hospital.home) as connection:
            folder = opened(hospital.home, hospital.out)
            (found,) = [each for each in reviewed_texts(connection, folder) if each.value == WORDS]
            decide_texts(connection, folder, [TextDecision(found.text_id, "remove")], by=WHO.name)

    hospital.make()
    (path,) = hospital.files("words")
    path.write_bytes(path.read_bytes()[:-2])
    meanwhile(take_out)

    hospital.make()

    assert WORDS.encode() in path.read_bytes()
    make_rest(hospital)
    assert WORDS.encode() not in path.read_bytes()
    assert sealed(hospital) == 2
