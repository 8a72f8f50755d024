"""Drawings in millimetres: which images form a stack, volumes, borders, against values worked out by hand."""

import numpy as np
import pytest

from radcommons.server.annotation.rules import stacks
from radcommons.server.annotation.rules.stacks import measured, stack_of
from radcommons.stats.overlap import surface_dice
from radcommons.transfer.annotation.geometry import FrameReference
from radcommons.transfer.annotation.raster import runs_of_mask
from radcommons.transfer.annotation.record import Item, Target

AXIAL = [1, 0, 0, 0, 1, 0]


def image(z, *, spacing=(0.5, 0.8), directions=AXIAL):
    """The attributes of one slice."""
    return {
        "00200032": {"vr": "DS", "Value": [0, 0, z]},
        "00200037": {"vr": "DS", "Value": list(directions)},
        "00280030": {"vr": "DS", "Value": list(spacing)},
    }


def drawn(*masks):
    """An item with a mask on slices, by the number of the slice."""
    shapes = [runs_of_mask(mask, FrameReference(f"1.{place}", 1)) for place, mask in masks]
    return [Item("m", "mask", Target("1.2", "1.3"), True, tuple(shapes))]


def square(start, size=4):
    mask = np.zeros((12, 12), bool)
    mask[start : start + size, start : start + size] = True
    return mask


def test_parallel_even_images_are_a_stack_in_the_order_of_their_places():
    found = stack_of({f"1.{number}": image(10 - 2.5 * number) for number in range(4)})
    assert found.spacing_mm == (2.5, 0.5, 0.8)
    assert [found.slice_of[f"1.{number}"] for number in range(4)] == [3, 2, 1, 0]


@pytest.mark.parametrize(
    "images",
    [
        [image(0)],
        [image(0), image(1), image(3)],
        [image(0), image(0)],
        [image(0), image(1, spacing=(0.5, 0.9))],
        [image(0), image(1, directions=[0, 1, 0, 1, 0, 0])],
        [image(0), {}],
        [image(0, spacing=(0, 1)), image(1, spacing=(0, 1))],
    ],
    ids=["one", "gap", "same place", "spacing", "direction", "unknown", "zero"],
)
def test_what_has_no_known_distances_is_no_stack(images):
    assert stack_of({f"1.{number}": one for number, one in enumerate(images)}) is None


def test_volumes_and_borders_are_those_of_the_whole_stack_with_the_slices_between():
    stack = stack_of({f"1.{number}": image(2.0 * number) for number in range(5)})
    readers = [drawn((0, square(2)), (3, square(2))), drawn((0, square(2)), (3, square(4))), []]
    found = measured(readers, stack)
    assert found["volume_ml"] == [pytest.approx(32 * 0.5 * 0.8 * 2 / 1000, abs=5e-4)] * 2 + [0.0]
    whole = [np.zeros((4, 12, 12), bool) for _ in range(2)]
    whole[0][0], whole[0][3], whole[1][0], whole[1][3] = square(2), square(2), square(2), square(4)
    expected = surface_dice(*whole, spacing_mm=(2.0, 0.5, 0.8), tolerance_mm=2.0)
    assert found["surface_dice"] == {"0-1": pytest.approx(expected, abs=1e-6), "0-2": 0.0, "1-2": 0.0}


def test_what_lies_outside_the_stack_is_not_measured_and_what_is_too_large_not_compared(monkeypatch):
    stack = stack_of({f"1.{number}": image(number) for number in range(3)})
    assert measured([drawn((9, square(1))), []], stack) == {}
    monkeypatch.setattr(stacks, "MOST_VOXELS", 10)
    assert measured([drawn((0, square(1))), drawn((0, square(2)))], stack)["surface_dice"] == {"0-1": None}
