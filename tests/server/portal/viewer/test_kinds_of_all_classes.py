"""Which view fits, for every storage class that the dictionary knows, and how a header reads that is odd."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import UID_dictionary

from radcommons.server.portal.viewer.headers import MAX_VALUE, rows_of
from radcommons.server.portal.viewer.kinds import Held, Kind, kind_of, kind_of_modality
from radcommons.server.portal.viewer.views import READ_AS_STACKS, ScopePathConverter, UidConverter, ohif_url

STORAGE = {name: uid for uid, (name, kind, *_) in UID_dictionary.items() if kind == "SOP Class" and "Storage" in name}


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (("Waveform Storage",), Kind.WAVEFORM),
        (("Presentation State Storage",), Kind.PRESENTATION),
        (("SR Storage",), Kind.REPORT),
        (("Encapsulated",), Kind.DOCUMENT),
        (("Segmentation Storage",), Kind.SEGMENTATION),
        (("Key Object Selection",), Kind.KEY_OBJECTS),
        (("RT Structure Set",), Kind.CONTOURS),
        (("Slide Microscopy Image",), Kind.SLIDE),
    ],
)
def test_classes_of_a_family_have_one_view_by_the_names_of_the_dictionary(words, kind):
    # A surface has no pixels to be laid over a picture.
    family = {name: uid for name, uid in STORAGE.items() if any(word in name for word in words)}
    found = {name: kind_of([Held(uid, is_image=False)]) for name, uid in family.items() if "Surface" not in name}
    assert found
    assert {name: each for name, each in found.items() if each is not kind} == {}


def test_every_image_class_is_read_as_a_stack_or_as_a_slide():
    images = {name: uid for name, uid in STORAGE.items() if "Image Storage" in name}
    kinds = {kind_of([Held(uid, is_image=True)]) for uid in images.values()}
    assert kinds == {Kind.IMAGES, Kind.SLIDE}
    assert READ_AS_STACKS & kinds == {Kind.IMAGES}


def test_the_order_of_the_objects_of_a_series_does_not_matter():
    held = [Held(STORAGE[name], is_image=is_image) for name, is_image in (
        ("CT Image Storage", True), ("RT Structure Set Storage", False), ("Basic Text SR Storage", False))]  # fmt: skip
    assert {kind_of(each) for each in permutations(held)} == {Kind.IMAGES}
    assert {kind_of(each) for each in permutations(held[1:])} == {Kind.CONTOURS}


@given(st.text(max_size=70), st.booleans())
def test_any_class_and_any_modality_has_a_view(text, is_image):
    assert kind_of([Held(text, is_image)]).word
    assert kind_of_modality(text, has_images=is_image).word


@pytest.mark.parametrize("uid", ["1.2", "2.25." + "9" * 58, "0.0"])
def test_a_uid_of_up_to_64_characters_is_an_address(uid):
    assert UidConverter().to_python(uid) == uid


def test_a_uid_that_is_longer_is_none():
    with pytest.raises(ValueError, match=r"2\.25"):
        UidConverter().to_python("2.25." + "9" * 60)


def test_the_address_of_ohif_keeps_what_is_named_inside_its_query():
    url = ohif_url(ScopePathConverter().to_url("releases/a/1.0.0"), "1.2&x=1", "1.3#")
    assert url == "/viewer/s/releases/a/1.0.0/viewer?StudyInstanceUIDs=1.2%26x%3D1&initialSeriesInstanceUID=1.3%23"


@pytest.mark.parametrize(
    ("element", "shown"),
    [
        ({"vr": "LO"}, ""),
        ({"vr": "LO", "Value": [None, "b"]}, "b"),
        ({"vr": "PN", "Value": [{"Ideographic": "山田"}]}, ""),
        ({"vr": "DS", "Value": [1.5, 0]}, "1.5 \\ 0"),
        ({"vr": "OB", "InlineBinary": "AAAA"}, "3 bytes"),
        ({"vr": "SQ", "Value": [{}]}, "1 item"),
        ({"vr": "SQ"}, "0 items"),
        ({}, ""),
        ({"vr": "LT", "Value": ["x" * MAX_VALUE]}, "x" * MAX_VALUE),
        ({"vr": "LT", "Value": ["x" * (MAX_VALUE + 1)]}, "x" * MAX_VALUE + "…"),
    ],
)
def test_a_value_is_shown_as_short_text(element, shown):
    assert rows_of({"00081030": element})[0].value == shown
