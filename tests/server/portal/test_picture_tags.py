"""Small pictures in lists: fixed in size, loaded late, and a sign with a word where there is none."""

import pytest
from django.template import Context, Template

from radcommons.server.portal.viewer.content import Reference
from radcommons.server.portal.viewer.looking import Link


def shown(source: str, **names: object) -> str:
    return Template("{% load pictures %}" + source).render(Context(names))


def test_a_series_of_images_is_a_late_picture_of_fixed_size() -> None:
    html = shown('{% series_picture "curation" "2.25.1" "2.25.2" "CT" 12 %}')
    assert 'src="/dicom-web/curation/studies/2.25.1/series/2.25.2/thumbnail"' in html
    assert 'loading="lazy"' in html
    assert 'width="256" height="256"' in html
    assert 'alt=""' in html


@pytest.mark.parametrize(
    ("modality", "images", "word"),
    [
        ("SR", 0, "Report"),
        ("DOC", 0, "Document"),
        ("ECG", 0, "Waveform"),
        ("RTSTRUCT", 0, "Contours"),
        ("CT", 0, "No picture"),
    ],
)
def test_what_has_no_picture_is_a_sign_with_a_word(modality: str, images: int, word: str) -> None:
    html = shown('{% series_picture "curation" "2.25.1" "2.25.2" modality images %}', modality=modality, images=images)
    assert "<img" not in html
    assert f"<span>{word}</span>" in html
    assert "kinds.svg#" in html


def test_a_study_of_reports_alone_has_a_sign_and_any_other_a_picture() -> None:
    assert "Report" in shown('{% study_picture "catalog" "2.25.1" held %}', held=["SR"])
    assert "/dicom-web/catalog/studies/2.25.1/thumbnail" in shown(
        '{% study_picture "catalog" "2.25.1" held %}', held=["SR", "CT"]
    )
    assert "thumbnail" in shown('{% study_picture "catalog" "2.25.1" %}')
    assert "Segmentation" in shown("{% study_sign held %}", held=["SEG"])


def test_series_of_several_images_have_a_sheet_and_are_played() -> None:
    source = '{% series_views "catalog" "2.25.1" "2.25.2" modality frames %}'
    assert "sheet/" in shown(source, modality="CT", frames=30)
    assert "?play=1" in shown(source, modality="CT", frames=30)
    for modality, frames in (("CT", 1), ("SM", 900), ("SR", 0)):
        html = shown(source, modality=modality, frames=frames)
        assert "sheet/" not in html
        assert "header/" in html


def test_links_lead_to_what_the_collection_holds_and_count_the_rest() -> None:
    links = {"2.25.7": Link("/view/catalog/1/2/?instance=2.25.7", "", "CT no. 7")}
    references = [Reference("2.25.7"), Reference("2.25.8"), Reference("2.25.9")]
    html = shown("{% reference_links links references %}", links=links, references=references)
    assert '<a href="/view/catalog/1/2/?instance=2.25.7">CT no. 7</a>' in html
    assert "2 objects outside this collection" in html
