import pytest

from radcommons.server.archive.dicomweb.accept import (
    EXPLICIT_BIG_ENDIAN,
    EXPLICIT_LITTLE_ENDIAN,
    IMPLICIT_LITTLE_ENDIAN,
    OCTETS,
    FrameForm,
    InstanceForm,
    choose,
    choose_frame_form,
    choose_instance_form,
    parse_accept,
)
from radcommons.server.archive.errors import NotAcceptableError

JPEG_LS = "1.2.840.10008.1.2.4.80"
JPEG = "1.2.840.10008.1.2.4.50"
RAW = FrameForm(is_multipart=True, media_type=OCTETS, transfer_syntax=EXPLICIT_LITTLE_ENDIAN, is_decoded=False)
DECODED = FrameForm(is_multipart=True, media_type=OCTETS, transfer_syntax=EXPLICIT_LITTLE_ENDIAN, is_decoded=True)


def frames(header, stored, **options):
    return choose_frame_form(parse_accept(header), stored, **({"is_single": True} | options))


def test_alternatives_are_ordered_by_quality_and_refused_ones_left_out():
    ranges = parse_accept('image/png;q=0.5, image/jpeg, text/html;q=0, multipart/related; type="image/jls"; q=0.7')
    assert [item.media_type for item in ranges] == ["image/jpeg", "multipart/related", "image/png"]


def test_quoted_commas_and_semicolons_do_not_split():
    (only,) = parse_accept('multipart/related; type="a,b;c/d"; transfer-syntax=*')
    assert only.part_type == "a,b;c/d"
    assert only.transfer_syntax == "*"


@pytest.mark.parametrize("header", [None, "", "*/*"])
def test_without_a_wish_everything_is_acceptable(header):
    assert [wish.media_type for wish in parse_accept(header)] == ["*/*"]


@pytest.mark.parametrize("header", [",,;", "nonsense"])
def test_what_is_no_media_type_accepts_nothing(header):
    assert parse_accept(header) == ()


@pytest.mark.parametrize(
    "header",
    [
        'multipart/related; type="application/octet-stream"; transfer-syntax=*',
        "multipart/related; type=application/octet-stream; transfer-syntax=*",
        "multipart/related;type=application/octet-stream",
        'multipart/related; type="*/*"',
        "multipart/related",
        "*/*",
        None,
        f'multipart/related; type="application/octet-stream"; transfer-syntax={IMPLICIT_LITTLE_ENDIAN}',
        f'multipart/related; type="image/jpeg"; transfer-syntax={JPEG}, multipart/related; type="application/octet-stream"',
    ],
)
def test_uncompressed_frames_are_sent_as_they_lie_in_the_file(header):
    assert frames(header, EXPLICIT_LITTLE_ENDIAN) == RAW
    assert frames(header, IMPLICIT_LITTLE_ENDIAN) == RAW


@pytest.mark.parametrize(
    ("header", "media_type"),
    [
        ('multipart/related; type="*/*"', "image/jls"),
        ("*/*", "image/jls"),
        ('multipart/related; type="image/jls"', "image/jls"),
        (f"multipart/related; type=image/jls; transfer-syntax={JPEG_LS}", "image/jls"),
        ('multipart/related; type="image/*"; transfer-syntax=*', "image/jls"),
        ('multipart/related; type="image/"', "image/jls"),
        ("multipart/related; type=application/octet-stream; transfer-syntax=*", OCTETS),
        (f'multipart/related; type="application/octet-stream"; transfer-syntax={JPEG_LS}', OCTETS),
    ],
)
def test_compressed_frames_are_sent_as_stored_when_the_client_takes_them(header, media_type):
    assert frames(header, JPEG_LS) == FrameForm(True, media_type, JPEG_LS, is_decoded=False)


@pytest.mark.parametrize(
    "header",
    [
        'multipart/related; type="application/octet-stream"',
        f"multipart/related; type=application/octet-stream; transfer-syntax={EXPLICIT_LITTLE_ENDIAN}",
    ],
)
def test_compressed_frames_are_decoded_when_only_plain_samples_are_taken(header):
    assert frames(header, JPEG_LS) == DECODED


def test_encodings_without_a_media_type_are_octets_and_never_decoded_unasked():
    deflated_frames = "1.2.840.10008.1.2.8.1"
    expected = FrameForm(True, OCTETS, deflated_frames, is_decoded=False)
    assert frames("*/*", deflated_frames) == frames('multipart/related; type="*/*"', deflated_frames) == expected
    assert frames("multipart/related; type=application/octet-stream", deflated_frames) == DECODED


def test_big_endian_frames_are_turned_unless_the_stored_order_is_asked_for():
    assert frames('multipart/related; type="application/octet-stream"', EXPLICIT_BIG_ENDIAN) == DECODED
    stored = frames("multipart/related; type=application/octet-stream; transfer-syntax=*", EXPLICIT_BIG_ENDIAN)
    assert stored == FrameForm(True, OCTETS, EXPLICIT_BIG_ENDIAN, is_decoded=False)


def test_frames_that_cannot_be_cut_out_are_decoded():
    for header in ("*/*", "multipart/related; type=application/octet-stream; transfer-syntax=*"):
        assert frames(header, JPEG_LS, has_table=False) == DECODED
    again = frames('multipart/related; type="image/jls"', JPEG_LS, has_table=False)
    assert again == FrameForm(True, "image/jls", JPEG_LS, is_decoded=True)


@pytest.mark.parametrize(
    ("header", "media_type", "syntax"),
    [
        ('multipart/related; type="image/jls"', "image/jls", JPEG_LS),
        (f'multipart/related; type="image/jls"; transfer-syntax={JPEG_LS}', "image/jls", JPEG_LS),
        (f"multipart/related; type=application/octet-stream; transfer-syntax={JPEG_LS}", OCTETS, JPEG_LS),
        ("image/jp2", "image/jp2", "1.2.840.10008.1.2.4.90"),
        ("image/dicom-rle", "image/dicom-rle", "1.2.840.10008.1.2.5"),
    ],
)
def test_frames_are_encoded_anew_without_loss_when_asked(header, media_type, syntax):
    for stored in (EXPLICIT_LITTLE_ENDIAN, JPEG, EXPLICIT_BIG_ENDIAN):
        form = frames(header, stored)
        assert (form.media_type, form.transfer_syntax, form.is_decoded) == (media_type, syntax, True)


@pytest.mark.parametrize("wanted", ["1.2.840.10008.1.2.4.203", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.110"])
def test_what_cannot_be_written_or_decoded_is_refused(wanted):
    with pytest.raises(NotAcceptableError):
        frames(f"multipart/related; type=application/octet-stream; transfer-syntax={wanted}", JPEG_LS)
    with pytest.raises(NotAcceptableError):
        frames('multipart/related; type="image/jls"', "1.2.840.10008.1.2.4.102")
    header = parse_accept(f'multipart/related; type="application/dicom"; transfer-syntax={wanted}')
    with pytest.raises(NotAcceptableError):
        choose_instance_form(header, frozenset({JPEG_LS}), is_single=True)


def test_instances_are_transcoded_when_another_syntax_is_named_and_all_can_be_decoded():
    header = parse_accept(f'multipart/related; type="application/dicom"; transfer-syntax={EXPLICIT_LITTLE_ENDIAN}')
    made = InstanceForm(is_multipart=True, transfer_syntax=EXPLICIT_LITTLE_ENDIAN, is_transcoded=True)
    stored = frozenset({JPEG_LS, EXPLICIT_LITTLE_ENDIAN})
    assert choose_instance_form(header, stored, is_single=False) == made
    with pytest.raises(NotAcceptableError):
        choose_instance_form(header, stored | {"1.2.840.10008.1.2.4.102"}, is_single=False)


def test_one_frame_may_come_without_parts_and_several_may_not():
    assert frames("application/octet-stream", EXPLICIT_LITTLE_ENDIAN).is_multipart is False
    assert frames("image/jpeg", JPEG).is_multipart is False
    with pytest.raises(NotAcceptableError):
        frames("image/jpeg", JPEG, is_single=False)


@pytest.mark.parametrize("header", ["image/foo", 'multipart/related; type="image/jpeg"', "text/html", "image/png"])
def test_frames_in_other_encodings_are_refused(header):
    with pytest.raises(NotAcceptableError):
        frames(header, JPEG_LS)


@pytest.mark.parametrize(
    ("header", "is_multipart", "syntax"),
    [
        ('multipart/related; type="application/dicom"; transfer-syntax=*', True, "*"),
        ('multipart/related; type="application/dicom"', True, None),
        ("multipart/related; type=application/dicom", True, None),
        ("*/*", True, None),
        ("application/dicom", False, None),
        (f"application/dicom; transfer-syntax={JPEG_LS}", False, JPEG_LS),
    ],
)
def test_an_instance_is_sent_as_stored(header, is_multipart, syntax):
    form = choose_instance_form(parse_accept(header), frozenset({JPEG_LS}), is_single=True)
    assert form == InstanceForm(is_multipart, syntax)


@pytest.mark.parametrize(
    "header",
    [
        "application/dicom",
        "application/x-tar",
        'multipart/related; type="image/jpeg"',
    ],
)
def test_instances_in_other_forms_are_refused(header):
    with pytest.raises(NotAcceptableError):
        choose_instance_form(parse_accept(header), frozenset({JPEG_LS}), is_single=False)


def test_single_types_are_chosen_by_the_clients_preference_then_ours():
    offered = ["application/dicom+json", "application/json"]
    assert choose(parse_accept("application/json, application/dicom+json;q=0.9"), offered) == "application/json"
    assert choose(parse_accept("*/*"), offered) == "application/dicom+json"
    assert choose(parse_accept("application/*"), offered) == "application/dicom+json"
    with pytest.raises(NotAcceptableError):
        choose(parse_accept('multipart/related; type="application/dicom+xml"'), offered)
