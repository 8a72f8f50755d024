"""Documents of the past that name labels without drawing them, or draw what no image holds, are taken in and compared."""

import json
import random
from dataclasses import replace

import pytest
from tests.support.readings import EVERY_KIND, full_reading
from tests.support.studies import OPERATOR
from tests.transfer.annotation.test_mdai import annotation, everything, export, label

from radcommons.dicom.errors import RadCommonsError
from radcommons.server.annotation.models import Outcome
from radcommons.server.annotation.queries.final import final_readings
from radcommons.server.annotation.rules.regions import compare_regions
from radcommons.server.annotation.services.agreeing import compute_agreement
from radcommons.server.annotation.services.documents import Format, ImportWish
from radcommons.server.annotation.services.importing import exported, import_reads
from radcommons.server.annotation.services.settling import settle_project
from radcommons.transfer.annotation.geometry import FrameMask, FrameReference
from radcommons.transfer.annotation.record import Item, Target

pytestmark = pytest.mark.django_db
JUNK = (
    None,
    True,
    -1,
    2**63,
    1e308,
    5e-324,
    "",
    "x",
    "\x00",
    "\U0001f600",
    [],
    {},
    [[]],
    [[1, "a"]],
    [[1e308, 0], [-1e308, 1], [0, 3]],
)


def taken_in(document, slug="past", kind=Format.MDAI):
    """Import, compare, compute agreement."""
    project, _ = import_reads(json.dumps(document).encode(), ImportWish(slug, "Past", kind), actor=OPERATOR)
    settle_project(project.pk)
    compute_agreement(project.pk)
    return project


@pytest.mark.parametrize("mode", ["polygon", "bbox", "location", "line"])
@pytest.mark.parametrize("readers", [("U_1", "U_2"), ("U_1", "U_1")])
def test_labels_that_were_named_and_not_drawn_are_compared_by_who_named_them(mode, readers):
    rows = [annotation(f"A_{number}", "L_r", image=True, createdById=name) for number, name in enumerate(readers)]
    rows += [annotation(f"A_g{number}", "L_g", createdById=f"U_{number}") for number in (1, 2)]
    document = export([label("L_r", mode, scope="INSTANCE"), label("L_g")], rows)
    project = taken_in(document)
    [outcome] = Outcome.objects.exclude(policy="majority")
    agree = len(set(readers)) == 2
    assert outcome.state == ("unanimous" if agree else "disputed")
    assert bool(outcome.reason) is not agree
    assert len(list(final_readings(project))) == agree
    assert json.loads(exported(project)) == document


def test_coordinates_outside_of_any_image_are_kept_as_text_and_given_back():
    far = {"vertices": [[0, 0], [2**52, 3], [4, 2**52]]}
    document = export([label("L_r", "polygon", scope="INSTANCE")], [annotation("A_1", "L_r", image=True, data=far)])
    project = taken_in(document)
    stored = project.documents.get()
    assert "annotation.mdai-data" in {finding["code"] for finding in stored.findings}
    assert json.loads(exported(project)) == document


def test_areas_that_no_memory_holds_need_a_person_and_are_not_laid_over_each_other():
    side = 2**16 - 1
    mask = FrameMask(FrameReference("1.2.3"), side, side, (0, side * side))
    item = Item("m", "mask", Target("1.2.1", "1.2.2"), value=True, shapes=(mask,))
    reading = full_reading()
    readings = [replace(reading, items=(item,))] * 2
    outcome = compare_regions(EVERY_KIND.label("mask"), {"policy": "masks", "dice": 0.7, "volume_ratio": 1.5}, readings)
    assert (outcome.state, outcome.reason) == ("disputed", "The drawings are too large to be compared.")


def test_whatever_a_document_holds_it_is_taken_in_or_refused():
    """Values and parts changed at random places: nothing but refusals with a code."""
    lot = random.Random(20261122)
    bases = (everything(), {"schema": EVERY_KIND.to_json(), "readings": [full_reading().to_json()]})
    outcomes = {True: 0, False: 0}
    for number in range(40):
        document = json.loads(json.dumps(bases[number % 2]))
        _spoil(document, lot)
        try:
            taken_in(document, f"past-{number}", (Format.MDAI, Format.READINGS)[number % 2])
            outcomes[True] += 1
        except RadCommonsError:
            outcomes[False] += 1
    assert min(outcomes.values()) > 0


def _spoil(document, lot):
    places = []
    waiting = [document]
    while waiting:
        node = waiting.pop()
        keys = node.keys() if isinstance(node, dict) else range(len(node))
        places += [(node, key) for key in keys]
        waiting += [node[key] for key in keys if isinstance(node[key], dict | list)]
    node, key = lot.choice(places)
    node[key] = lot.choice(JUNK)
