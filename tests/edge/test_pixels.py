"""Writing in pixels at the hospital: blackened at once, confirmed by a person, remembered by source, undone, made anew."""

import json
import shutil
import zipfile
from importlib import resources
from pathlib import Path

import numpy as np
import pydicom
import pytest
from tests.support.hospital_folder import DX, SECRET, uid
from tests.support.pictures_with_writing import (
    BANNER,
    SC,
    drawn,
    write_banner_series,
    write_document,
    write_picture,
)

from radcommons.deid.pixel_text import PixelText
from radcommons.deid.pixels.boxes import Box
from radcommons.deid.pixels.detection import Candidate
from radcommons.deid.profile import load_profile
from radcommons.dicom.errors import RadCommonsError
from radcommons.edge.database import database, transaction
from radcommons.edge.deidentify import DeidentifyOptions, deidentify_folder, make_again
from radcommons.edge.home import init_home
from radcommons.edge.outfolder import opened
from radcommons.edge.pixels.deciding import Person, PixelDecisions
from radcommons.edge.pixels.looks import Device, HouseRules, Look, SiteRectangle, boxes_json, boxes_of
from radcommons.edge.review import Decision, record_review, review_state
from radcommons.edge.review.looking import memory_of, shown_series
from radcommons.edge.review.verdicts import pixel_verdicts, take_decisions
from radcommons.edge.review.waiting import next_waiting, waiting_series
from radcommons.edge.sealing import seal
from radcommons.transfer.manifest import ReleaseReason

WHO = Person("Dr Example")
TOP = Box(0, 0, 320, 40)


class Hospital:
    """A home with one OUT folder, and the verbs of a person before it."""

    def __init__(self, root: Path, *, profile: str = "ricord") -> None:
        self.home = init_home(root / "home", site="ALPHA", project="covid19", profile=profile, secret=SECRET)
        self.folder, self.out = root / "export", root / "out"
        self.folder.mkdir()

    def make(self, **options):
        return deidentify_folder(self.home, self.folder, out=self.out, options=DeidentifyOptions(**options))

    def series(self, name: str) -> str:
        return self.home.key().map_uid(uid(name, name))

    def files(self, name: str, out: Path | None = None) -> list[Path]:
        study = self.home.key().map_uid(uid(name))
        return sorted(((out or self.out) / "instances" / study / self.series(name)).glob("*.dcm"))

    def pixels(self, name: str) -> np.ndarray:
        return pydicom.dcmread(self.files(name)[0]).pixel_array

    def verdict(self, name: str) -> str:
        found = [each for each in self.listed().instances if each.series_instance_uid == self.series(name)]
        return found[0].verdict

    def listed(self):
        return pixel_verdicts(self.home, self.out)

    def decide(self, name: str, verb: str, *, is_made: bool = True, **values):
        """One decision about every picture of a series."""
        profile, out = load_profile(self.home.profile), opened(self.home, self.out)
        with database(self.home) as connection:
            memory = memory_of(connection, profile)
            decisions = PixelDecisions(connection, memory, markers=profile.pixels.markers)
            shown = shown_series(connection, out, series=self.series(name), memory=memory, house=decisions.house)
            sources = [each.sha256 for each in shown.pictures]
            with transaction(connection):
                act_id = _act(decisions, verb, sources, shown, values)
            if is_made:
                make_again(connection, self.home, out=out, profile=profile)
        return act_id


def _act(decisions, verb, sources, shown, values):
    if verb in {"confirm", "edit"}:
        boxes = values.get("boxes")
        return getattr(decisions, verb)(
            {each.sha256: each.boxes if boxes is None else boxes for each in shown.pictures}, by=WHO
        )
    if verb == "undo":
        return decisions.undo(values["act"], by=WHO)
    if verb == "allow":
        return decisions.allow(values["word"], by=WHO)
    if verb == "spread":
        return decisions.spread(SiteRectangle(shown.pictures[0].look.device, values["box"]), by=WHO)
    if verb == "deface":
        return decisions.deface(sources, by=WHO)
    if verb == "release":
        why = values.get("why", ReleaseReason.READ)
        return decisions.release(sources, by=WHO, reason=values["reason"], why=why)
    return getattr(decisions, verb)(sources, by=WHO, reason=values["reason"])


@pytest.fixture
def hospital(tmp_path):
    return Hospital(tmp_path)


def approve(hospital):
    return record_review(hospital.home, hospital.out, decision=Decision("Dr Example", is_approval=True))


class TestBeforeAnybodyLooked:
    """What the programs do by themselves."""

    def test_nothing_legible_is_in_out_not_even_before_the_review(self, hospital):
        write_banner_series(hospital.folder, count=1)

        result = hospital.make()

        made = pydicom.dcmread(hospital.files("us")[0])
        assert (hospital.verdict("us"), result.pixel_text_not_checked) == ("redacted", 1)
        assert made.pixel_array[4:22, 10:200].max() == 0
        assert made.BurnedInAnnotation == "NO"
        assert "113101" in [each.CodeValue for each in made.DeidentificationMethodCodeSequence]

    def test_what_was_read_in_pixels_is_sealed_in_the_home_and_nowhere_else(self, hospital):
        write_banner_series(hospital.folder, count=1)

        hospital.make()

        shown = json.dumps([str(each) for each in hospital.listed().instances])
        files = [path for root in (hospital.home.path, hospital.out) for path in root.rglob("*") if path.is_file()]
        assert not [path for path in files if BANNER.split()[0].encode() in path.read_bytes()]
        assert BANNER.split()[0] not in shown
        with database(hospital.home) as connection:
            row = connection.execute("SELECT unseal(found) FROM pixel_look").fetchone()
        assert "OKONKWO" in row[0]

    def test_nothing_leaves_before_a_person_confirmed_it(self, hospital):
        write_banner_series(hospital.folder, count=1)
        write_picture(hospital.folder / "sc.dcm", drawn(), sop_class=SC, modality="OT", study="sc", series="sc")
        hospital.make()
        approve(hospital)

        with pytest.raises(RadCommonsError) as refusal:
            seal(hospital.home, hospital.out)

        assert (refusal.value.code, refusal.value.facts["held_back"]) == ("edge.nothing-to-send", 2)

    def test_a_profile_may_take_the_detectors_word(self, tmp_path):
        profile = tmp_path / "own.toml"
        ready = (resources.files("radcommons.deid") / "profiles" / "ricord.toml").read_text("utf-8")
        profile.write_text(ready.replace('release = "person"', 'release = "detector"'), "utf-8")
        hospital = Hospital(tmp_path, profile=str(profile))
        write_banner_series(hospital.folder, count=1)
        write_picture(hospital.folder / "sc.dcm", drawn(), sop_class=SC, modality="OT", study="sc", series="sc")
        assert hospital.make().pixel_text_not_checked == 0
        approve(hospital)

        sealed = seal(hospital.home, hospital.out)

        manifest = json.loads(sealed.manifest_path.read_text("utf-8"))
        assert sorted(each["pixel_text"] for each in manifest["files"]) == ["clean", "redacted"]

    def test_a_plain_ct_is_not_looked_at_and_leaves_without_a_look(self, hospital):
        write_picture(
            hospital.folder / "ct.dcm", drawn(), sop_class="1.2.840.10008.5.1.4.1.1.2", modality="CT", study="ct",
            series="ct", ImageType=["ORIGINAL", "PRIMARY", "AXIAL"],
        )  # fmt: skip
        hospital.make()
        approve(hospital)

        assert hospital.listed().instances == ()
        assert seal(hospital.home, hospital.out).files == 1


class TestDecisions:
    """What a person decides, and how long it holds."""

    def test_confirming_what_lies_there_changes_no_byte(self, hospital):
        write_banner_series(hospital.folder, count=1)
        hospital.make()
        before = hospital.files("us")[0].read_bytes()

        hospital.decide("us", "confirm")

        assert hospital.verdict("us") == "approved"
        assert hospital.files("us")[0].read_bytes() == before
        assert hospital.make().made == 0

    def test_other_boxes_are_blackened_at_once_and_what_they_free_comes_back(self, hospital):
        write_banner_series(hospital.folder, count=1)
        hospital.make()

        hospital.decide("us", "confirm", boxes=(Box(100, 100, 50, 40),))

        assert hospital.verdict("us") == "approved"
        assert hospital.pixels("us")[100:140, 100:150].max() == 0
        assert hospital.pixels("us")[4:22, 10:200].max() > 200

    def test_a_decision_holds_in_the_next_out_folder_and_after_a_new_scan(self, hospital, tmp_path):
        write_banner_series(hospital.folder, count=1)
        hospital.make()
        hospital.decide("us", "confirm", boxes=(TOP,))
        moved = shutil.copytree(hospital.folder, tmp_path / "moved")

        deidentify_folder(hospital.home, moved, out=tmp_path / "out2")

        again = pixel_verdicts(hospital.home, tmp_path / "out2").instances[0]
        assert (again.verdict, again.by, again.boxes) == ("approved", "Dr Example", (TOP.to_json(),))
        assert hospital.files("us", tmp_path / "out2")[0].read_bytes() == hospital.files("us")[0].read_bytes()

    def test_a_decision_never_holds_for_other_bytes(self, hospital):
        write_banner_series(hospital.folder, count=1)
        hospital.make()
        hospital.decide("us", "confirm")
        write_banner_series(hospital.folder, count=1, SeriesNumber="9")

        hospital.make()

        assert hospital.verdict("us") == "redacted"
        assert hospital.listed().series_waiting == 1

    def test_a_rejected_source_is_in_no_out_folder(self, hospital, tmp_path):
        write_banner_series(hospital.folder, count=2)
        hospital.make()

        hospital.decide("us", "reject", reason="a photograph")

        assert hospital.files("us") == []
        result = deidentify_folder(hospital.home, hospital.folder, out=tmp_path / "out2")
        assert (result.instances, result.findings_by_code) == (0, {"edge.rejected": 2})

    def test_undo_brings_back_what_held_before(self, hospital):
        write_banner_series(hospital.folder, count=1)
        hospital.make()
        first = hospital.files("us")[0].read_bytes()
        confirmed = hospital.decide("us", "confirm", boxes=(TOP,))
        rejected = hospital.decide("us", "reject", reason="by mistake")

        hospital.decide("us", "undo", act=rejected)
        assert (hospital.verdict("us"), boxes_of(boxes_json((TOP,)))) == ("approved", (TOP,))
        assert hospital.pixels("us")[0:40].max() == 0
        hospital.decide("us", "undo", act=confirmed)

        assert hospital.verdict("us") == "redacted"
        assert hospital.files("us")[0].read_bytes() == first
        with pytest.raises(RadCommonsError) as refusal:
            hospital.decide("us", "undo", act=confirmed)
        assert refusal.value.code == "edge.no-such-act"

    def test_what_is_drawn_and_not_confirmed_never_leaves(self, hospital):
        write_banner_series(hospital.folder, count=1)
        hospital.make()
        hospital.decide("us", "confirm")

        hospital.decide("us", "edit", boxes=(TOP,))

        assert hospital.listed().instances[0].is_waiting
        hospital.make()
        assert (hospital.verdict("us"), hospital.pixels("us")[0:40].max()) == ("needs_person", 0)
        assert hospital.listed().series_waiting == 1

    def test_a_decision_overtaken_by_a_kill_is_held_back_and_made_by_the_next_run(self, hospital):
        write_banner_series(hospital.folder, count=1)
        write_picture(hospital.folder / "sc.dcm", drawn(), sop_class=SC, modality="OT", study="sc", series="sc")
        hospital.make()
        hospital.decide("sc", "confirm")
        hospital.decide("us", "confirm", boxes=(TOP,), is_made=False)
        approve(hospital)

        sealed = seal(hospital.home, hospital.out)
        assert (sealed.files, len(sealed.held_back)) == (1, 1)
        assert hospital.make().made == 1

        approve(hospital)
        assert seal(hospital.home, hospital.out).files == 2
        assert hospital.pixels("us")[0:40].max() == 0

    def test_a_document_leaves_only_when_somebody_let_it_go(self, hospital):
        write_document(hospital.folder / "letter.dcm", study="doc", series="doc")
        hospital.make()
        assert (hospital.verdict("doc"), hospital.files("doc")) == ("refused", [])
        with pytest.raises(RadCommonsError) as refusal:
            hospital.decide("doc", "release", reason="  ")
        assert refusal.value.code == "edge.reason-needed"

        act = hospital.decide("doc", "release", reason="I read it")
        assert len(hospital.files("doc")) == 1
        hospital.decide("doc", "undo", act=act)

        assert (hospital.verdict("doc"), hospital.files("doc")) == ("refused", [])


class TestRulesOfTheHouse:
    """Words and rectangles that a person adds for every picture."""

    def test_an_allowed_word_stays_in_every_picture_that_nobody_decided(self, hospital):
        for name in ("one", "two"):
            write_picture(
                hospital.folder / f"{name}.dcm", drawn(("STATION", 200, 180), (BANNER, 12, 6)), sop_class=DX,
                modality="DX", study=name, series=name,
            )  # fmt: skip
        hospital.make()
        assert hospital.pixels("one")[180:196, 200:270].max() == 0
        hospital.decide("two", "confirm")

        act = hospital.decide("one", "allow", word="Station")

        assert hospital.pixels("one")[180:196, 200:270].max() > 200
        assert hospital.pixels("one")[4:22, 10:200].max() == 0
        assert hospital.pixels("two")[180:196, 200:270].max() == 0
        hospital.decide("one", "undo", act=act)
        assert hospital.pixels("one")[180:196, 200:270].max() == 0

    @pytest.mark.parametrize("word", ["", "   ", "7", "Lindqvist 1956", "x" * 70, "L", "erect"])
    def test_no_number_and_nothing_that_stays_already_becomes_a_marker(self, hospital, word):
        write_banner_series(hospital.folder, count=1)
        hospital.make()

        with pytest.raises(RadCommonsError) as refusal:
            hospital.decide("us", "allow", word=word)

        assert refusal.value.code == "edge.no-marker"

    def test_a_rectangle_falls_upon_the_same_device_and_size_only(self, hospital):
        for name, values in {"same": {}, "other": {"ManufacturerModelName": "Sono 8"}, "mine": {}}.items():
            write_banner_series(hospital.folder, count=1, study=name, series=name, **values)
        hospital.make()

        hospital.decide("mine", "spread", box=Box(10, 200, 60, 30))

        covered = {name: int(hospital.pixels(name)[200:230, 10:70].max()) for name in ("mine", "same", "other")}
        assert (covered["mine"], covered["same"]) == (0, 0)
        assert covered["other"] > 0
        write_banner_series(hospital.folder, count=1, study="later", series="later")
        hospital.make()
        assert hospital.pixels("later")[200:230, 10:70].max() == 0

    def test_a_rectangle_needs_a_device_that_is_named(self, hospital):
        write_banner_series(hospital.folder, count=1, Manufacturer="", ManufacturerModelName="")
        hospital.make()

        with pytest.raises(RadCommonsError) as refusal:
            hospital.decide("us", "spread", box=TOP)

        assert refusal.value.code == "edge.no-device"


class TestLists:
    """Verdicts and decisions as files."""

    def test_what_is_listed_can_be_decided_and_taken_in(self, hospital, tmp_path):
        write_banner_series(hospital.folder, count=2)
        hospital.make()
        listed = hospital.listed()
        entries = [
            {"sop_instance_uid": listed.instances[0].sop_instance_uid, "decision": "confirm", "boxes": [TOP.to_json()]},
            {"sop_instance_uid": listed.instances[1].sop_instance_uid, "decision": "reject", "reason": "a letter"},
        ]
        path = tmp_path / "decisions.json"
        path.write_text(json.dumps({"schema": listed.schema, "instances": entries}), "utf-8")

        after = take_decisions(hospital.home, hospital.out, path=path, by="Dr Example")

        assert (after.decided, after.made_again, after.series_waiting) == (2, 2, 0)
        assert {each.verdict: (each.by, each.reason) for each in after.instances} == {
            "approved": ("Dr Example", ""),
            "rejected": ("Dr Example", "a letter"),
        }
        assert len(hospital.files("us")) == 1

    @pytest.mark.parametrize(
        "content",
        [
            "{",
            "[]",
            '{"schema": "radcommons.pixels/1", "instances": []}',
            '{"schema": "radcommons.pixels/2", "instances": [{"decision": "confirm"}]}',
            '{"schema": "radcommons.pixels/1", "instances": [{"decision": "perhaps"}]}',
            '{"schema": "radcommons.pixels/1", "instances": [{"decision": "confirm", "sop_instance_uid": "2.25.1"}]}',
            '{"schema": "radcommons.pixels/1", "instances": [{"decision": "confirm", "sop_instance_uid": "UID"}]}',
            '{"schema": "radcommons.pixels/1", "instances": [{"decision": "confirm", "sop_instance_uid": "UID", "boxes": [{"left": 1}]}]}',
        ],
    )
    def test_a_list_that_is_none_records_nothing(self, hospital, tmp_path, content):
        write_banner_series(hospital.folder, count=1)
        hospital.make()
        path = tmp_path / "decisions.json"
        path.write_text(content.replace("UID", hospital.listed().instances[0].sop_instance_uid), "utf-8")

        with pytest.raises(RadCommonsError) as refusal:
            take_decisions(hospital.home, hospital.out, path=path, by="Dr Example")

        assert refusal.value.code == "edge.invalid-decisions"
        assert hospital.verdict("us") == "redacted"

    def test_series_wait_one_after_the_other_and_excluded_ones_for_nobody(self, hospital):
        for name in ("one", "two", "three"):
            write_banner_series(hospital.folder, count=1, study=name, series=name)
        hospital.make()
        out = opened(hospital.home, hospital.out)

        with database(hospital.home) as connection:
            every = waiting_series(connection, out)
            last = every[-1].series_instance_uid
            assert [(each.pictures, each.waiting, each.unsure) for each in every] == [(1, 1, 0)] * 3
            assert next_waiting(every, after=last) == every[0].series_instance_uid
            fewer = waiting_series(connection, out, excluded=[last])
            assert [each.waiting for each in fewer] == [1, 1, 0]
            assert next_waiting(fewer, after=every[1].series_instance_uid) == every[0].series_instance_uid

    def test_whole_series_are_confirmed_by_name(self, hospital):
        for name in ("one", "two"):
            write_banner_series(hospital.folder, count=1, study=name, series=name)
        hospital.make()

        state = record_review(
            hospital.home, hospital.out, decision=Decision("Dr Example", approve_pixels=(hospital.series("one"),))
        )

        assert (state.pixel_text_waiting, hospital.verdict("one"), hospital.verdict("two")) == (
            1,
            "approved",
            "redacted",
        )
        assert review_state(hospital.home, hospital.out).pixel_text_waiting == 1

    def test_a_picture_in_an_archive_is_looked_at_too(self, hospital, tmp_path):
        (path,) = write_banner_series(tmp_path / "loose", count=1)
        with zipfile.ZipFile(hospital.folder / "export.zip", "w") as archive:
            archive.write(path, "a/b.dcm")

        hospital.make()
        hospital.decide("us", "confirm", boxes=(TOP,))

        assert hospital.pixels("us")[0:40].max() == 0


def test_a_look_is_read_as_it_was_written():
    look = Look(
        (Candidate(Box(1, 2, 3, 4, (0, 2)), "text", "Müller", 0.97, is_marker=False),),
        PixelText.REDACTED,
        (),
        (10, 20, 3),
        Device("Example", "Sono 7", 10, 20),
    )

    assert Look.from_text(look.to_text()) == look
    assert SiteRectangle.from_text(SiteRectangle(look.device, TOP).to_text()) == SiteRectangle(look.device, TOP)


def test_boxes_have_one_spelling_whatever_their_order():
    one, two = Box(1, 2, 3, 4), Box(1, 2, 3, 5, (1, 0))

    assert boxes_json((one, two)) == boxes_json((two, one))
    assert set(boxes_of(boxes_json((one, two)))) == {one, two}
    assert (boxes_json(None), boxes_of("")) == ("", None)
    assert (boxes_json(()), boxes_of("[]")) == ("[]", ())


def test_a_look_that_saw_nothing_and_vouches_for_nothing_lets_nobody_say_that_pixels_were_seen():
    look = Look((), PixelText.NEEDS_PERSON, (), (10, 20, 1), Device("", "", 10, 20))

    assert HouseRules().boxes(look) is None
    assert HouseRules(rectangles=(SiteRectangle(look.device, TOP),)).boxes(look) == (TOP,)
