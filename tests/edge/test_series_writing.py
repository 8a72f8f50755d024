"""Series that are let through by their headers are sampled; where writing is read, every instance is looked at."""

import sqlite3

import pydicom
import pytest
from tests.edge.test_pixels import Hospital
from tests.support.pictures_with_writing import BANNER, ct_slice, write_ct_series

from radcommons.deid.pixel_text import PixelText
from radcommons.edge.database import database


@pytest.fixture
def hospital(tmp_path):
    return Hospital(tmp_path)


def series(*texts, count=4, first=1):
    return [ct_slice(number, *texts) for number in range(first, first + count)]


def looks(hospital) -> list[sqlite3.Row]:
    with database(hospital.home) as connection:
        return connection.execute("SELECT * FROM series_look ORDER BY series_uid").fetchall()


def verdicts(hospital) -> set[str]:
    with database(hospital.home) as connection:
        return {row[0] for row in connection.execute("SELECT pixel_text FROM output")}


def test_a_banner_in_an_original_ct_is_black_in_every_slice_and_waits_for_a_person(hospital):
    write_ct_series(hospital.folder, series((BANNER, 12, 6)))

    result = hospital.make()

    files = sorted(hospital.out.rglob("*.dcm"))
    assert len(files) == result.instances == 4
    assert verdicts(hospital) == {PixelText.REDACTED}
    assert all(pydicom.dcmread(path).pixel_array[8:18, 14:180].max() == 0 for path in files)
    assert all(pydicom.dcmread(path).BurnedInAnnotation == "NO" for path in files)
    assert result.pixel_text_not_checked == 4
    assert [(row["has_writing"], row["counted"]) for row in looks(hospital)] == [(1, 4)]


def test_one_page_among_the_slices_makes_all_of_them_be_looked_at(hospital):
    slices = series(count=6)
    slices[4] = ct_slice(5, (BANNER, 12, 6), ("PATIENT DOSE REPORT", 12, 40))
    write_ct_series(hospital.folder, slices)

    hospital.make()

    assert verdicts(hospital) == {PixelText.REDACTED, PixelText.CLEAN}


def test_a_series_without_writing_stays_as_it_is_and_is_looked_at_once(hospital):
    write_ct_series(hospital.folder, series())

    hospital.make()
    before = [tuple(row) for row in looks(hospital)]
    again = hospital.make()

    assert verdicts(hospital) == {PixelText.NOT_APPLICABLE}
    assert [tuple(row) for row in looks(hospital)] == before
    assert (again.made, again.unchanged) == (0, 4)


def test_what_was_found_is_not_looked_for_again_and_slices_that_come_later_are_suspects(hospital):
    write_ct_series(hospital.folder, series((BANNER, 12, 6)))
    hospital.make()
    again = hospital.make()
    for path, number in zip(write_ct_series(hospital.folder / "late", series(count=6)), range(1, 7), strict=True):
        if number <= 4:
            path.unlink()
    late = hospital.make()

    assert (again.made, again.unchanged) == (0, 4)
    assert (late.made, late.unchanged) == (2, 4)
    assert verdicts(hospital) == {PixelText.REDACTED, PixelText.CLEAN}
