"""Reading profiles: what is wrong is refused with the place and what to do; nothing loosens without a reason."""

import pickle
from pathlib import Path

import pytest
from pydicom.datadict import tag_for_keyword

from radcommons.deid.pixels.boxes import Box
from radcommons.deid.profile import (
    ENGINE_VERSION,
    OLDEST_ENGINE,
    READY_PROFILES,
    Action,
    ProfileError,
    engine,
    engine_digest,
    is_engine_taken,
    load_profile,
)

HEAD = 'schema = "radcommons.profile/1"\nname = "own"\nversion = "1"\nedition = "2026d"\n'
MINIMAL = HEAD + "options = []\n"
SAFE_PRIVATE = HEAD + 'options = ["retain_safe_private"]\n'
ENTRY = '[[private.keep]]\ncreator = "ACME"\ntag = "(0019,xx0C)"\nvr = "DS"\nreason = "conformance statement"\n'
# What the ready profiles mean. When one of these changes, its profile gets a new version, and so does the number of the engine
# when the change is in the code: objects name both, and nobody may find two meanings under one name.
MEANINGS = {("basic", "1"), ("ricord", "3"), ("tcia", "1")}


@pytest.fixture
def own(tmp_path):
    """Load a profile from its text."""

    def load(text):
        path = tmp_path / "own.toml"
        path.write_text(text)
        load_profile.cache_clear()
        return load_profile(path)

    return load


@pytest.mark.parametrize(
    ("text", "line", "key", "advice"),
    [
        (MINIMAL.replace("2026d", "2011"), 4, "edition", "2026d"),
        (MINIMAL.replace("/1", "/0"), 1, "schema", "radcommons.profile/1"),
        (MINIMAL.replace("[]", '["retain_everything"]'), 5, "options", "retain_everything"),
        (MINIMAL.replace("[]", '"clean_descriptors"'), 5, "options", "list"),
        (
            MINIMAL.replace("[]", '["retain_longitudinal_full_dates", "Retain Longitudinal Modified Dates"]'),
            5,
            "options",
            "one of the two",
        ),
        (MINIMAL + "colour = 3\n", 6, "colour", "no such key"),
        (MINIMAL + "maximum_age_years = 120\n", 6, "maximum_age_years", "89"),
        (MINIMAL + "maximum_age_years = true\n", 6, "maximum_age_years", "whole number"),
        (MINIMAL + '[actions]\nNoSuchKeyword = "X"\n', 7, "actions.NoSuchKeyword", "keyword"),
        (MINIMAL + '[actions]\nPatientAge = "K"\n', 7, "actions.PatientAge", "[keep]"),
        (MINIMAL + "[actions]\nPatientAge = 3\n", 7, "actions.PatientAge", "an action is one of"),
        (MINIMAL + '[actions]\nStationName = "U"\n', 7, "actions.StationName", "only UIDs"),
        (MINIMAL + '[actions]\nPatientName = "X"\n', 7, "actions.PatientName", "written anew"),
        (MINIMAL + '[actions]\nStationName = { action = "X" }\n', None, "actions.StationName.reason", "missing"),
        (MINIMAL + '[actions]\n"(0019,1010)" = "X"\n', 7, "actions.(0019,1010)", "no attribute of the standard"),
        (MINIMAL + '[keep]\nStudyDescription = ""\n', 7, "keep.StudyDescription", "reason"),
        (MINIMAL + "[keep]\nStudyDescription = true\n", 7, "keep.StudyDescription", "text in quotes"),
        (MINIMAL + '[keep]\nPatientName = "because we like names"\n', 7, "keep.PatientName", "no reason"),
        (MINIMAL + '[keep]\nOperatorsName = "because we like names"\n', 7, "keep.OperatorsName", "no reason"),
        (MINIMAL + '[keep]\nPatientID = "because we like numbers"\n', 7, "keep.PatientID", "no reason"),
        (
            MINIMAL + '[actions]\nStationName = "D"\n[keep]\nStationName = "needed for harmonisation"\n',
            9,
            "keep.StationName",
            "[actions]",
        ),
        (
            HEAD + 'options = ["retain_device_identity"]\n[keep]\nStationName = "needed for harmonisation"\n',
            7,
            "keep.StationName",
            "already",
        ),
        (MINIMAL + '[classes.CTImage.actions]\nStationName = "X"\n', None, "classes.CTImage", "CTImageStorage"),
        (MINIMAL + '[classes.CTImageStorage]\noptions = ["x"]\n', 7, "classes.CTImageStorage.options", "no such key"),
        (MINIMAL + ENTRY, None, "private.keep", "retain_safe_private"),
        (SAFE_PRIVATE + ENTRY.replace("0019", "0018"), 8, "private.keep.tag", "odd"),
        (SAFE_PRIVATE + ENTRY.replace("DS", "PN"), 9, "private.keep.vr", "never safe"),
        (SAFE_PRIVATE + ENTRY.replace("ACME", " "), 7, "private.keep.creator", "exactly"),
        (SAFE_PRIVATE + ENTRY.replace("conformance statement", "safe"), 10, "private.keep.reason", "in words"),
        (SAFE_PRIVATE + ENTRY + 'vm = "many"\n', 11, "private.keep.vm", "1-n"),
        (SAFE_PRIVATE + '[private]\nwithout_creators = ["NOBODY"]\n', 7, "private.without_creators", "no creator"),
        (MINIMAL + '[pixels]\nrelease = "anybody"\n', 7, "pixels.release", "person"),
        (
            MINIMAL.replace("[]", '["Clean Recognizable Visual Features"]') + "[pixels]\nis_faces_held = false\n",
            7,
            "pixels.is_faces_held",
            "needs it",
        ),
        (MINIMAL + '[pixels]\nis_faces_held = "no"\n', 7, "pixels.is_faces_held", "true or false"),
        (MINIMAL + "[[pixels.rectangles]]\nboxes = [[0, 0, 10, 10]]\n", None, "pixels.rectangles", "condition"),
        (MINIMAL + "pixels = 3\n", 6, "pixels", "[pixels]"),
        (MINIMAL.replace('name = "own"\n', ""), None, "name", "missing"),
        (MINIMAL.replace('"own"', '"a\\\\b"'), 2, "name", "letters"),
    ],
)
def test_what_is_wrong_is_named_with_its_place_and_what_to_do(own, text, line, key, advice):
    with pytest.raises(ProfileError) as refusal:
        own(text)
    assert f'"{key}"' in str(refusal.value)
    assert advice in str(refusal.value)
    if line is not None:
        assert str(refusal.value).startswith(f"Line {line}, ")


def test_broken_toml_names_its_line(own):
    with pytest.raises(ProfileError, match="line 2"):
        own('schema = "radcommons.profile/1"\nname = own\n')


@pytest.mark.parametrize("name", ["nothing-of-this-name", "no/such/file.toml", ""])
def test_a_missing_profile_is_refused_with_those_there_are(name):
    with pytest.raises(ProfileError, match="basic, ricord, tcia"):
        load_profile(name)


def test_stricter_actions_are_taken_with_their_reasons(own):
    profile = own(
        MINIMAL + '[actions]\nManufacturer = { action = "Z", reason = "one maker, one hospital" }\nKVP = "X"\n'
    )
    assert profile.overrides[tag_for_keyword("Manufacturer")] == ("Z", "one maker, one hospital")
    assert profile.action_for(tag_for_keyword("Manufacturer")) is Action.EMPTY
    assert profile.action_for(tag_for_keyword("KVP")) is Action.REMOVE


def test_what_is_kept_with_a_reason_is_cleaned_where_it_could_name_somebody(own):
    profile = own(MINIMAL + '[keep]\nProtocolName = "choose series by it"\nPatientAge = "the study is about age"\n')
    assert profile.action_for(tag_for_keyword("ProtocolName")) is Action.CLEAN
    assert profile.action_for(tag_for_keyword("PatientAge")) is Action.KEEP


def test_pixel_rules_are_read(own):
    text = (
        '[pixels]\nrelease = "detector"\nmarkers = ["Bettaufnahme"]\nis_faces_held = false\n'
        '[[pixels.rectangles]]\nname = "station 3"\nmodality = "CR"\nstation_name = "CR3*"\nboxes = [[0, 0, 200, 40]]\n'
    )
    pixels = own(MINIMAL + text).pixels
    assert (pixels.release, pixels.markers, pixels.is_faces_held) == ("detector", ("Bettaufnahme",), False)
    assert pixels.rectangles[0].boxes == (Box(0, 0, 200, 40),)
    assert pixels.rectangles[0].conditions == {"modality": "CR", "station_name": "CR3*"}


def test_nothing_leaves_unseen_unless_a_profile_says_so(own):
    assert own(MINIMAL).pixels.release == "person"
    assert all(load_profile(name).pixels.release == "person" for name in READY_PROFILES)
    assert all(load_profile(name).pixels.is_faces_held for name in READY_PROFILES)


def test_a_profile_travels_to_other_processes(own):
    rectangle = '[[pixels.rectangles]]\nmodality = "CR"\nboxes = [[0, 0, 200, 40]]\n'
    profile = own(SAFE_PRIVATE + rectangle + ENTRY)
    assert pickle.loads(pickle.dumps(profile)) == profile  # noqa: S301  made a line before
    assert len(pickle.dumps(load_profile("tcia"))) < 20_000


def test_names_and_versions_are_unique_and_every_word_is_part_of_the_digest(own):
    ready = [load_profile(name) for name in READY_PROFILES]
    assert {(profile.name, profile.version) for profile in ready} == MEANINGS
    assert len({profile.digest for profile in ready}) == len(ready)
    digests = {
        own(text).digest
        for text in (
            MINIMAL,
            MINIMAL.replace('version = "1"', 'version = "2"'),
            MINIMAL + 'title = "t"\n',
            MINIMAL + '[actions]\nKVP = "X"\n',
            MINIMAL + '[pixels]\nmarkers = ["X"]\n',
        )
    }
    assert len(digests) == 5


def test_the_digest_is_of_the_content_in_every_version_of_the_engine(own, monkeypatch):
    before, mark = own(MINIMAL).digest, engine_digest()
    monkeypatch.setattr(engine, "ENGINE_VERSION", engine.ENGINE_VERSION + 1)
    engine_digest.cache_clear()
    assert own("# Only said.\n" + MINIMAL).digest == before
    newer = engine_digest()
    monkeypatch.setattr(engine, "NEWER_VRS", {**engine.NEWER_VRS, 0x00089999: "LO"})
    engine_digest.cache_clear()
    assert len({mark, newer, engine_digest()}) == 3
    monkeypatch.undo()
    engine_digest.cache_clear()
    assert engine_digest() == mark


def test_a_centre_takes_what_this_and_declared_earlier_engines_made():
    assert is_engine_taken(str(ENGINE_VERSION))
    assert is_engine_taken(str(OLDEST_ENGINE))
    assert not any(map(is_engine_taken, (str(OLDEST_ENGINE - 1), "", "six", "-7", "7.5")))


def test_the_profile_of_the_guide_can_be_used(own):
    guide = (Path(__file__).parents[3] / "docs" / "guides" / "choosing-a-profile.md").read_text("utf-8")
    profile = own(guide.partition("```toml\n")[2].partition("```")[0])
    assert (profile.name, profile.pixels.markers) == ("lung-screening", ("Bettaufnahme",))
    assert len(profile.private) == len(profile.classes) == len(profile.pixels.rectangles) == 1
