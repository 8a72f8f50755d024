"""LIDC's four readers: contours lie where the XML says, border and holes as LIDC means them."""

import re
import zipfile
from itertools import combinations

import numpy as np
import pydicom
import pytest

from radcommons.stats.consensus import staple
from radcommons.stats.overlap import dice
from radcommons.transfer.annotation.checking import check_reading, check_schema
from radcommons.transfer.annotation.geometry import Geometry, Outline
from radcommons.transfer.annotation.lidc import LIDC_SCHEMA, nodule_pixels, read_lidc
from radcommons.transfer.annotation.untyped import AnnotationFormatError

HEADER = "<ResponseHeader><SeriesInstanceUid>1.2.2</SeriesInstanceUid><StudyInstanceUID>1.2.1</StudyInstanceUID></ResponseHeader>"


def roi(points, *, uid="1.2.3", inclusion="TRUE"):
    edges = "".join(f"<edgeMap><xCoord>{x}</xCoord><yCoord>{y}</yCoord></edgeMap>" for x, y in points)
    return (
        f"<roi><imageZposition>-1.5</imageZposition><imageSOP_UID>{uid}</imageSOP_UID>"
        f"<inclusion>{inclusion}</inclusion>{edges}</roi>"
    )


def message(*sessions, header=HEADER, space='xmlns="http://www.nih.gov"'):
    inside = "".join(f"<readingSession>{session}</readingSession>" for session in sessions)
    return f"<?xml version='1.0'?><LidcReadMessage {space}>{header}{inside}</LidcReadMessage>".encode()


def nodule(*parts):
    return f"<unblindedReadNodule><noduleID>N</noduleID>{''.join(parts)}</unblindedReadNodule>"


SQUARE = [(x, 1) for x in range(1, 6)] + [(5, y) for y in range(2, 6)] + [(x, 5) for x in range(4, 0, -1)] + [
    (1, y) for y in range(4, 0, -1)
]  # fmt: skip


@pytest.fixture(scope="module")
def real(shared_data):
    raw = (shared_data / "ct" / "lidc-idri-0001" / "lidc_reads.xml").read_bytes()
    return raw, read_lidc(raw)


def test_the_real_file_is_four_readings_that_answer_their_schema(real):
    raw, reads = real
    text = raw.decode()

    assert check_schema(LIDC_SCHEMA) == []
    assert len(reads.readings) == text.count("<readingSession>") == 4
    assert reads.findings == ()
    assert [check_reading(LIDC_SCHEMA, reading) for reading in reads.readings] == [[]] * 4
    drawn = [item for reading in reads.readings for item in reading.items if item.shapes]
    assert len(drawn) == text.count("<unblindedReadNodule>") + text.count("<nonNodule>")
    assert sum(len(item.shapes) for item in drawn) == text.count("<roi>") + text.count("<nonNodule>")


def test_contours_lie_at_the_centres_of_the_pixels_that_the_xml_lists(real):
    """Half-pixel convention: index i of the XML is i + 0.5 in image coordinates, whose zero is the outer corner."""
    raw, reads = real
    expected = {}
    for part in re.findall(r"<roi>.*?</roi>", raw.decode(), re.DOTALL):
        uid = re.search(r"<imageSOP_UID>(.*?)<", part).group(1)
        indices = re.findall(r"<xCoord>(\d+)</xCoord>\s*<yCoord>(\d+)<", part)
        points = tuple((int(x) + 0.5, int(y) + 0.5) for x, y in indices)
        expected.setdefault(uid, []).append(points[:-1] if len(points) > 1 and points[0] == points[-1] else points)
    found = {}
    for reading in reads.readings:
        for item in reading.items:
            if item.label_id in {"nodule", "small_nodule"}:
                for outline in item.outlines:
                    found.setdefault(outline.frame.sop_instance_uid, []).append(outline.points)

    assert {uid: sorted(points) for uid, points in found.items()} == {
        uid: sorted(points) for uid, points in expected.items()
    }


def test_contours_lie_on_the_slice_that_is_named_and_around_dense_tissue(real, shared_data):
    reads = real[1]
    biggest = next(item for item in reads.readings[0].items if item.label_id == "nodule")
    by_uid = {outline.frame.sop_instance_uid: outline for outline in biggest.outlines}
    heights = re.findall(r"-?[\d.]+", biggest.foreign.split("z_mm")[1])
    with zipfile.ZipFile(shared_data / "ct" / "lidc-idri-0001" / "dicom.zip") as archive:
        inside, around, places = [], [], []
        for name in archive.namelist():
            with archive.open(name) as stream:
                header = pydicom.dcmread(stream, stop_before_pixels=True, specific_tags=["SOPInstanceUID"])
            if header.SOPInstanceUID not in by_uid:
                continue
            with archive.open(name) as stream:
                image = pydicom.dcmread(stream)
            values = image.pixel_array * float(image.RescaleSlope) + float(image.RescaleIntercept)
            pixels = nodule_pixels([by_uid[header.SOPInstanceUID]], *values.shape)
            inside.append(values[pixels].mean())
            ring = np.zeros_like(pixels)
            ring[1:-1, 1:-1] = pixels[:-2, 1:-1] | pixels[2:, 1:-1] | pixels[1:-1, :-2] | pixels[1:-1, 2:]
            around.append(values[ring & ~pixels].mean())
            places.append(float(image.ImagePositionPatient[2]))

    assert sorted(places) == sorted(map(float, heights))
    assert np.mean(inside) > -200
    assert np.mean(around) < np.mean(inside) - 150


def test_the_border_does_not_belong_to_the_nodule_and_holes_are_cut():
    hole = [(2, 2), (3, 2), (4, 2), (4, 3), (4, 4), (3, 4), (2, 4), (2, 3)]
    reads = read_lidc(message(nodule(roi(hole, inclusion="FALSE"), roi(SQUARE))))
    item = reads.readings[0].items[0]
    pixels = nodule_pixels(item.outlines, 8, 8)

    assert [outline.is_hole for outline in item.outlines] == [False, True]
    assert nodule_pixels([item.outlines[0]], 8, 8).sum() == 9
    assert np.argwhere(nodule_pixels([item.outlines[0]], 8, 8)).min() == 2
    assert pixels.sum() == 8
    assert not pixels[3, 3]


def test_small_nodules_and_non_nodules_are_points_and_grades_describe_their_nodule():
    grades = "<characteristics><subtlety>5</subtlety><malignancy>9</malignancy><texture>3</texture></characteristics>"
    other = (
        "<nonNodule><nonNoduleID>x</nonNoduleID><imageZposition>1</imageZposition><imageSOP_UID>1.2.4</imageSOP_UID>"
        "<locus><xCoord>7</xCoord><yCoord>9</yCoord></locus></nonNodule>"
    )
    reads = read_lidc(message(nodule(grades, roi(SQUARE)) + nodule(roi([(3, 4)])) + other, ""))
    first, second = reads.readings
    by_label = {item.label_id: item for item in first.items}

    assert by_label["small_nodule"].outlines[0].points == ((3.5, 4.5),)
    assert by_label["non_nodule"].outlines[0] == Outline(
        Geometry.POINT, ((7.5, 9.5),), by_label["non_nodule"].outlines[0].frame
    )
    assert (by_label["subtlety"].value, by_label["texture"].about) == ("5", "nodule-1")
    assert "malignancy" not in by_label
    assert [finding.code for finding in reads.findings] == ["annotation.lidc-grade"]
    assert second.is_nothing_found


@pytest.mark.parametrize(
    "session",
    [
        nodule(),
        nodule(roi([])),
        nodule(roi([(1, "x"), (2, 2), (3, 3)])),
        nodule(roi([(1, -1), (2, 2), (3, 3)])),
        nodule(roi([(99999999, 1), (2, 2), (3, 3)])),
        nodule(roi([(1, 1), (2, 2), (3, 3)], uid="x")),
        nodule(roi([(1, 1), (2, 1), (2, 2)]), roi([(1, 1), (2, 2)])),
        "<nonNodule><imageSOP_UID>1.2.3</imageSOP_UID></nonNodule>",
    ],
)
def test_what_cannot_be_read_in_a_session_is_reported(session):
    reads = read_lidc(message(session))

    assert reads.findings
    assert all(finding.where.startswith("readingSession[1]") for finding in reads.findings)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"<LidcReadMessage",
        b"<Other/>",
        message(header=""),
        message(header=HEADER.replace("1.2.1", "../x")),
        b'<!DOCTYPE a [<!ENTITY b "c">]><LidcReadMessage/>',
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><LidcReadMessage/>',
        b"<a>" * 1000,
        message(*[""] * 65),
    ],
)
def test_what_is_no_lidc_message_is_refused(raw):
    with pytest.raises(AnnotationFormatError):
        read_lidc(raw)


@pytest.mark.parametrize("space", ["", ' xmlns="https://www.nih.gov/"', ' xmlns="urn:lidc"'])
def test_a_file_without_the_namespace_or_with_another_one_is_read_too(space):
    assert len(read_lidc(message(nodule(roi(SQUARE)), space=space)).readings[0].items) == 1


def test_the_four_readers_agree_on_the_biggest_nodule_as_people_do(real):
    """Masks of one nodule by four radiologists; people reach about 0.7 on lesions, more on round solid nodules."""
    by_reader = []
    for reading in real[1].readings:
        nodule_item = next(item for item in reading.items if item.label_id == "nodule")
        frames = {}
        for outline in nodule_item.outlines:
            frames.setdefault(outline.frame.sop_instance_uid, []).append(outline)
        by_reader.append({uid: nodule_pixels(outlines, 512, 512) for uid, outlines in frames.items()})
    slices = sorted(set().union(*by_reader))
    empty = np.zeros((512, 512), dtype=bool)
    masks = [np.stack([found.get(uid, empty) for uid in slices]) for found in by_reader]
    overlaps = [dice(masks[one], masks[other]) for one, other in combinations(range(4), 2)]
    consensus = staple(masks)

    assert 0.7 < min(overlaps) <= max(overlaps) < 0.99
    assert all(dice(consensus.mask, mask) > 0.8 for mask in masks)
    assert (consensus.sensitivity > 0.7).all()
