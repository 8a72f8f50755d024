"""What a series holds is told from its classes, or from its modality where a list knows no more."""

from pathlib import Path

import pytest

from radcommons.server import portal
from radcommons.server.portal.viewer.kinds import Held, Kind, kind_of, kind_of_modality

STORAGE = "1.2.840.10008.5.1.4.1.1."


@pytest.mark.parametrize(
    ("sop_class", "is_image", "kind"),
    [
        ("2", True, Kind.IMAGES),
        ("77.1.6", True, Kind.SLIDE),
        ("66.4", True, Kind.SEGMENTATION),
        ("66.7", True, Kind.SEGMENTATION),
        ("481.3", False, Kind.CONTOURS),
        ("481.5", False, Kind.OTHER),
        ("9.1.1", False, Kind.WAVEFORM),
        ("88.11", False, Kind.REPORT),
        ("88.59", False, Kind.KEY_OBJECTS),
        ("104.1", False, Kind.DOCUMENT),
        ("11.1", False, Kind.PRESENTATION),
        ("77.1.5.1", True, Kind.IMAGES),
    ],
)
def test_each_class_has_its_view(sop_class: str, kind: Kind, *, is_image: bool) -> None:
    assert kind_of([Held(STORAGE + sop_class, is_image)]) is kind


def test_a_series_that_mixes_images_with_a_report_is_shown_as_images() -> None:
    assert kind_of([Held(f"{STORAGE}88.11", is_image=False), Held(f"{STORAGE}2", is_image=True)]) is Kind.IMAGES


def test_a_series_of_nothing_known_is_a_plain_object() -> None:
    assert kind_of([]) is Kind.OTHER
    assert kind_of([Held("1.2.3", is_image=False)]) is Kind.OTHER
    assert kind_of([Held("1.2.3", is_image=True)]) is Kind.IMAGES


@pytest.mark.parametrize(
    ("modality", "has_images", "kind"),
    [
        ("CT", True, Kind.IMAGES),
        ("CT", False, Kind.OTHER),
        ("SM", True, Kind.SLIDE),
        ("ECG", False, Kind.WAVEFORM),
        ("REG", False, Kind.OTHER),
        ("", True, Kind.IMAGES),
    ],
)
def test_a_modality_is_enough_for_a_list(modality: str, kind: Kind, *, has_images: bool) -> None:
    assert kind_of_modality(modality, has_images=has_images) is kind


def test_every_kind_has_a_word_and_a_symbol() -> None:

    symbols = (Path(portal.__path__[0]) / "static/portal/kinds.svg").read_text(encoding="utf-8")
    for kind in Kind:
        assert kind.word
        assert f'id="{kind.value}"' in symbols
